/* SPDX-License-Identifier: MIT */
/*
 * The texts that limit CPU time: proc/self/cgroup, cpu.max, cpu.cfs_quota_us and its period, and lists of
 * CPUs.
 */
#include "config_host_quota.h"

#include "config_host.h"

#include <errno.h>
#include <string.h>

#define NS_PER_US 1000U

/* Is the word one of a list such as "cpu,cpuacct"? */
static bool list_has(struct mm_machine_text list, const char *word)
{
	while (list.at != list.end) {
		size_t left = (size_t)(list.end - list.at);
		const char *comma = memchr(list.at, ',', left);
		struct mm_machine_text item = { list.at, comma ? comma : list.end };

		if (mm_machine_text_is(&item, word))
			return true;
		list.at = comma ? comma + 1 : list.end;
	}
	return false;
}

/* "4:cpu,cpuacct:/path" or, in version 2, "0::/path". */
static bool split_group_line(struct mm_machine_text *line, struct mm_machine_text *controllers)
{
	uint64_t hierarchy;
	const char *colon;

	if (mm_machine_take_number(line, 10, &hierarchy) || !mm_machine_take_char(line, ':'))
		return false;
	colon = memchr(line->at, ':', (size_t)(line->end - line->at));
	if (!colon)
		return false;
	*controllers = (struct mm_machine_text){ line->at, colon };
	line->at = colon + 1;
	return true;
}

/* What is wrong with the path of a group, or NULL. */
static const char *path_fault(struct mm_machine_text path)
{
	size_t len = (size_t)(path.end - path.at);

	if (!len || *path.at != '/')
		return "a path that does not begin with /";
	if (memchr(path.at, '\0', len))
		return "a NUL in a path";
	if (len >= PATH_MAX)
		return "a path that is too long";
	for (const char *name = path.at; name < path.end; name++) {
		const char *slash = memchr(name, '/', (size_t)(path.end - name));
		struct mm_machine_text rest = { name, slash ? slash : path.end };

		if (rest.end - rest.at > NAME_MAX)
			return "a name that is too long";
		/* "/.." is also what the kernel shows of a group outside the cgroup namespace. */
		if (mm_machine_text_is(&rest, "..") || mm_machine_text_is(&rest, "."))
			return "a path through . or ..";
		name = rest.end;
	}
	return NULL;
}

static int refuse_line(struct mm_machine_note note, unsigned int line, const char *why)
{
	return mm_machine_refuse(note, -EINVAL, "proc/self/cgroup: line %u: %s", line, why);
}

int mm_machine_parse_cpu_group(struct mm_machine_text text, struct mm_machine_cpu_group *group,
			       struct mm_machine_note note)
{
	struct mm_machine_text controllers;
	struct mm_machine_text line;

	group->known = group->v1 = false;
	/* A controller is in one hierarchy only: version 2 has cpu unless a line of version 1 names it. */
	for (unsigned int nr = 1; !group->v1 && mm_machine_take_line(&text, &line); nr++) {
		const char *fault;

		if (line.end == text.end)
			return refuse_line(note, nr, "not ended by a newline");
		if (!split_group_line(&line, &controllers))
			return refuse_line(note, nr, "not \"number:controllers:path\"");
		group->v1 = list_has(controllers, "cpu");
		if (!group->v1 && controllers.at != controllers.end)
			continue;
		fault = path_fault(line);
		if (fault)
			return refuse_line(note, nr, fault);
		group->known = true;
		memcpy(group->path, line.at, (size_t)(line.end - line.at));
		group->path[line.end - line.at] = '\0';
	}
	return 0;
}

/* Takes a time in us, which is never 0. */
static bool take_us(struct mm_machine_text *text, uint64_t *ns)
{
	uint64_t us;

	if (mm_machine_take_number(text, 10, &us) || !us || us > UINT64_MAX / NS_PER_US)
		return false;
	*ns = us * NS_PER_US;
	return true;
}

int mm_machine_parse_cpu_max(struct mm_machine_text text, struct mmsim_cpu_quota *q,
			     struct mm_machine_note note)
{
	q->quota_ns = 0;
	if ((mm_machine_take_string(&text, "max") || take_us(&text, &q->quota_ns)) &&
	    mm_machine_take_char(&text, ' ') && take_us(&text, &q->period_ns) &&
	    mm_machine_text_ends(&text))
		return 0;
	return mm_machine_refuse(note, -EINVAL,
				 "cpu.max: not \"max\" or a quota, and a period, in us");
}

int mm_machine_parse_cfs_us(struct mm_machine_text text, uint64_t *ns)
{
	*ns = 0;
	if ((mm_machine_take_string(&text, "-1") || take_us(&text, ns)) &&
	    mm_machine_text_ends(&text))
		return 0;
	return -EINVAL;
}

int mm_machine_parse_cpu_list(struct mm_machine_text text, struct mm_machine_cpu_set *set)
{
	uint64_t next = 0;
	uint64_t first;
	uint64_t last;
	int err;

	memset(set, 0, sizeof(*set));
	while ((err = mm_machine_take_ids(&text, &first, &last)) > 0) {
		if (first < next || last >= MM_MACHINE_MAX_CPU_ID)
			return -EINVAL;
		next = last + 1;
		for (; first <= last; first++)
			set->word[first / 64] |= UINT64_C(1) << first % 64;
	}
	return err || !next || !mm_machine_text_ends(&text) ? -EINVAL : 0;
}

int mm_machine_parse_cpus_allowed(struct mm_machine_text text, struct mm_machine_cpu_set *set,
				  struct mm_machine_note note)
{
	struct mm_machine_text line;

	while (mm_machine_take_line(&text, &line)) {
		if (!mm_machine_take_string(&line, "Cpus_allowed_list:\t"))
			continue;
		if (!mm_machine_parse_cpu_list(line, set))
			return 1;
		return mm_machine_refuse(note, -EINVAL,
					 "proc/self/status: Cpus_allowed_list: not a list of CPUs");
	}
	return 0;
}

uint32_t mm_machine_count_cpus(const struct mm_machine_cpu_set *a,
			       const struct mm_machine_cpu_set *b)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < MM_MACHINE_MAX_CPU_ID / 64; i++)
		nr += (uint32_t)__builtin_popcountll(a->word[i] & b->word[i]);
	return nr;
}
