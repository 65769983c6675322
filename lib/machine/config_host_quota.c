/* SPDX-License-Identifier: MIT */
/*
 * The CPU time that this process may use, from its control groups and its affinity.
 *
 * The limits are read from the root of the hierarchy down to the process's group, each level opened from
 * the one above: no path of a copied tree is ever put together, so none can lead out of it.
 */
#include "config_host_quota.h"

#include "config_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** A walk down the groups. host.root is the directory where it is. */
struct walk {
	struct mm_machine_host host;
	struct mm_machine_cpu_group group;
	struct mm_machine_cpu_set allowed;
	struct mm_machine_cpu_set online;
	struct mmsim_cpu_quota least;
	const char *mount; /* NULL: host.root is still the tree */
	size_t depth; /* bytes of group.path that host.root is below the mount */
};

static int read_limit_v2(struct walk *w, struct mmsim_cpu_quota *q)
{
	struct mm_machine_text text;
	int err = mm_machine_read_file(&w->host, &text, "cpu.max");

	return err ? err : mm_machine_parse_cpu_max(text, q, w->host.note);
}

static int read_us(struct walk *w, const char *name, uint64_t *ns)
{
	struct mm_machine_text text;
	int err = mm_machine_read_file(&w->host, &text, "%s", name);

	if (err)
		return err;
	if (mm_machine_parse_cfs_us(text, ns))
		return mm_machine_refuse_file(&w->host, -EINVAL, "not a time in us");
	return 0;
}

static int read_limit_v1(struct walk *w, struct mmsim_cpu_quota *q)
{
	int err = read_us(w, "cpu.cfs_quota_us", &q->quota_ns);

	if (err || !q->quota_ns)
		return err;
	err = read_us(w, "cpu.cfs_period_us", &q->period_ns);
	if (!err && !q->period_ns)
		return mm_machine_refuse_file(&w->host, -EINVAL, "not a time in us");
	/* A quota is worth nothing without its period. */
	return err == -ENOENT ? -EINVAL : err;
}

/* Does a allow less than b? Both have a limit. */
static bool is_less(const struct mmsim_cpu_quota *a, const struct mmsim_cpu_quota *b)
{
	return (unsigned __int128)a->quota_ns * b->period_ns <
	       (unsigned __int128)b->quota_ns * a->period_ns;
}

static int take_limit(struct walk *w)
{
	struct mmsim_cpu_quota q = { .nr_allowed = w->least.nr_allowed };
	int err = w->group.v1 ? read_limit_v1(w, &q) : read_limit_v2(w, &q);

	/* The root of version 2 has no such file, nor has a group without the controller. */
	if (err)
		return err == -ENOENT ? 0 : err;
	if (q.quota_ns && (!w->least.quota_ns || is_less(&q, &w->least)))
		w->least = q;
	return 0;
}

/* Unlike mm_machine_open_dir() it takes names of any length. */
static int open_dir(int at, const char *name, int flags)
{
	int fd;

	do
		fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_DIRECTORY | flags);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

static int enter(struct walk *w, const char *name, int flags)
{
	int fd = open_dir(w->host.root, name, flags);

	if (fd < 0)
		return mm_machine_refuse(w->host.note, fd, "cannot be opened (errno %d)", -fd);
	close(w->host.root);
	w->host.root = fd;
	return 0;
}

static int enter_mount(struct walk *w)
{
	static const char *const v1[] = { "sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct" };
	int err;

	w->mount = w->group.v1 ? v1[0] : "sys/fs/cgroup";
	err = enter(w, w->mount, 0);
	if (err != -ENOENT || !w->group.v1)
		return err;
	w->mount = v1[1];
	return enter(w, w->mount, 0);
}

static bool next_name(struct walk *w, char name[NAME_MAX + 1])
{
	const char *at = w->group.path + w->depth;
	size_t slashes = strspn(at, "/");
	size_t len = strcspn(at + slashes, "/");

	w->depth += slashes + len;
	memcpy(name, at + slashes, len);
	name[len] = '\0';
	return len != 0;
}

static int walk_down(struct walk *w)
{
	char name[NAME_MAX + 1];
	int err = 0;

	while (!err && next_name(w, name)) {
		/* cgroupfs has no links below its root; a copied tree may have some that lead elsewhere. */
		err = enter(w, name, O_NOFOLLOW);
		if (!err)
			err = take_limit(w);
	}
	return err;
}

static int walk_groups(struct walk *w)
{
	struct mmsim_cpu_quota at_mount;
	int err = enter_mount(w);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = take_limit(w);
	at_mount = w->least;
	if (!err)
		err = walk_down(w);
	if (err != -ENOENT)
		return err;
	/* What was found on the way is some other group's that has the same name. */
	w->least = at_mount;
	mm_machine_guess(&w->host, "%s: group %s is not there: its root taken instead", w->mount,
			 w->group.path);
	return 0;
}

static int read_group(struct walk *w)
{
	struct mm_machine_text text;
	int err = mm_machine_read_file(&w->host, &text, "proc/self/cgroup");

	if (err)
		return err == -ENOENT ? 0 : err;
	return mm_machine_parse_cpu_group(text, &w->group, w->host.note);
}

/* The mask may have CPUs that are offline, or that the machine never had. */
static int count_allowed(struct walk *w)
{
	struct mm_machine_text text;
	int err = mm_machine_read_file(&w->host, &text, "sys/devices/system/cpu/online");

	if (err && err != -ENOENT)
		return err;
	if (err)
		w->online = w->allowed;
	else if (mm_machine_parse_cpu_list(text, &w->online))
		return mm_machine_refuse_file(&w->host, -EINVAL, "not a list of CPUs");
	w->least.nr_allowed = mm_machine_count_cpus(&w->allowed, &w->online);
	if (!w->least.nr_allowed)
		return mm_machine_refuse_file(&w->host, -EINVAL, "none of the CPUs allowed");
	return 0;
}

static int read_allowed(struct walk *w)
{
	struct mm_machine_text text;
	int err = mm_machine_read_file(&w->host, &text, "proc/self/status");

	if (err)
		return err == -ENOENT ? 0 : err;
	err = mm_machine_parse_cpus_allowed(text, &w->allowed, w->host.note);
	return err > 0 ? count_allowed(w) : err;
}

static int read_limits(struct walk *w)
{
	int err = read_allowed(w);

	if (!err)
		err = read_group(w);
	return err || !w->group.known ? err : walk_groups(w);
}

/* The files are named by their path from the root, wherever the walk was. */
static int refuse_walk(const struct walk *w, struct mm_machine_note note, int err)
{
	if (!w->mount)
		return mm_machine_refuse(note, err, "%s", w->host.note.text);
	return mm_machine_refuse(note, err, "%s%.*s: %s", w->mount, (int)w->depth, w->group.path,
				 w->host.note.text);
}

static int read_host(struct walk *w, const char *root, struct mm_machine_note note)
{
	char why[256];
	int err;

	w->host.note = (struct mm_machine_note){ why, sizeof(why) };
	w->host.root = open_dir(AT_FDCWD, root, 0);
	if (w->host.root < 0)
		return mm_machine_refuse(note, w->host.root, "%s: cannot be opened (errno %d)",
					 root, -w->host.root);
	err = read_limits(w);
	close(w->host.root);
	return err ? refuse_walk(w, note, err) : mm_machine_refuse(note, 0, "%s", w->host.guesses);
}

int mmsim_cpu_quota_from_host(struct mmsim_cpu_quota *q, const char *root, char *msg, size_t len)
{
	const struct mm_machine_note note = { msg, len };
	struct walk *w;
	int err;

	if (!q)
		return mm_machine_refuse(note, -EINVAL, "q: NULL");
	w = calloc(1, sizeof(*w));
	if (!w)
		return mm_machine_refuse(note, -ENOMEM, "no memory to read the host");
	err = read_host(w, root ? root : "/", note);
	if (!err)
		*q = w->least;
	free(w->host.buffer);
	free(w);
	return err;
}

unsigned mmsim_cpu_quota_threads(const struct mmsim_cpu_quota *q)
{
	uint64_t threads;

	if (!q)
		return 0;
	if (!q->quota_ns || !q->period_ns)
		return q->nr_allowed;
	threads = (q->quota_ns - 1) / q->period_ns + 1;
	if (q->nr_allowed && threads > q->nr_allowed)
		return q->nr_allowed;
	return threads > UINT_MAX ? UINT_MAX : (unsigned)threads;
}
