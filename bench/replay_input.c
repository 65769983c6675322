/* SPDX-License-Identifier: MIT */
/* What is replayed, from files, this host, or a simulated machine. */
#include "replay_input.h"

#include "harness/util.h"
#include "replay_self.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int replay_fail(const struct bench_session *session, const char *name, int rc,
		const struct mmsim_replay_error *err)
{
	/* The host's own files are not for everybody; a recording is the user's affair. */
	bool host = !strcmp(name, "host") && (rc == -EACCES || rc == -EPERM);
	int code = rc == -ENOTSUP || host ? BENCH_CANNOT : BENCH_FAILED;

	return bench_fail(session, code, "%s: %s", name, err->text[0] ? err->text : strerror(-rc));
}

/* DIR/STEM.zst or, if that is not there, DIR/STEM. Whether it is, its reader says. */
static void find_file(const char *dir, const char *stem, char *path, size_t len)
{
	snprintf(path, len, "%s/%s.zst", dir, stem);
	if (access(path, F_OK))
		snprintf(path, len, "%s/%s", dir, stem);
	if (access(path, F_OK))
		snprintf(path, len, "%s/%s.zst", dir, stem);
}

/* A recording without an end can still be followed. */
static int load_after(const struct bench_session *session, const struct replay_source *source,
		      struct replay_input *in)
{
	struct mmsim_replay_error err = { "" };
	int rc = mmsim_snapshot_load(source->dir, "after", &in->after, &err);

	if (rc == 0)
		return BENCH_OK;
	in->after = NULL;
	if (rc != -ENOENT)
		return replay_fail(session, source->name, rc, &err);
	snprintf(in->note, sizeof(in->note), "%s: the end is not known (%.160s)", source->name,
		 err.text);
	return BENCH_OK;
}

static void note_missing(const struct replay_source *source, struct replay_input *in)
{
	if (in->note[0])
		return;
	if (!(in->before->flags & MMSIM_SNAP_LIST_ORDER))
		bench_append(in->note, sizeof(in->note),
			     "%s: free blocks are known by address, not in the order of lists",
			     source->name);
	if (!(in->before->flags & MMSIM_SNAP_PAGEBLOCKS))
		bench_append(in->note, sizeof(in->note),
			     "%s types of pageblocks are not known: all count as Movable",
			     in->note[0] ? ";" : source->name);
}

static int load_snapshots(const struct bench_session *session, const struct replay_source *source,
			  struct replay_input *in)
{
	struct mmsim_replay_error err = { "" };
	uint64_t start = bench_now();
	int rc;

	if (source->kind == REPLAY_HOST)
		rc = mmsim_snapshot_host(&in->before, &err);
	else
		rc = mmsim_snapshot_load(source->dir, "before", &in->before, &err);
	if (rc) {
		in->before = NULL;
		return replay_fail(session, source->name, rc, &err);
	}
	rc = source->kind == REPLAY_RECORDING ? load_after(session, source, in) : BENCH_OK;
	in->load_ns = bench_now() - start;
	note_missing(source, in);
	return rc;
}

static int load_trace(const struct bench_session *session, const struct replay_source *source,
		      struct replay_input *in)
{
	struct mmsim_replay_error err = { "" };
	uint64_t start = bench_now();
	char path[PATH_MAX];
	int rc;

	if (source->trace)
		snprintf(path, sizeof(path), "%s", source->trace);
	else
		find_file(source->dir, "events.txt", path, sizeof(path));
	rc = mmsim_trace_load(path, in->before, &in->trace, &err);
	in->parse_ns = bench_now() - start;
	if (rc == 0 && in->trace->nr)
		return BENCH_OK;
	if (rc == 0)
		return bench_fail(session, BENCH_FAILED, "%s: %s: no kmem event in it",
				  source->name, path);
	in->trace = NULL;
	return replay_fail(session, source->name, rc, &err);
}

static int load_hints(const struct bench_session *session, const struct replay_source *source,
		      struct replay_input *in)
{
	struct mmsim_replay_error err = { "" };
	char path[PATH_MAX];
	int rc;

	find_file(source->dir, "resolved", path, sizeof(path));
	rc = mmsim_hints_load(path, in->before, &in->hints, &err);
	if (rc == 0)
		return BENCH_OK;
	in->hints = NULL;
	return replay_fail(session, source->name, rc, &err);
}

/* A trace with another clock is replayed whole. */
static void find_window(struct replay_input *in)
{
	const struct mmsim_trace *t = in->trace;
	uint64_t from = in->before ? in->before->read_end_ns : 0;
	uint64_t to = in->after ? in->after->read_begin_ns : 0;

	if (!from && !to)
		return;
	if (!to)
		to = UINT64_MAX;
	if (t->events[0].ns > to || t->events[t->nr - 1].ns < from)
		return;
	in->from_ns = from;
	in->to_ns = to;
}

/* As big as the last page that it names; from there on nothing is known of the machine. */
static int config_of_trace(const struct bench_session *session, const struct replay_source *source,
			   struct replay_input *in)
{
	uint64_t end = MMSIM_MAX_ORDER_NR_PAGES;
	int rc;

	for (size_t i = 0; i < in->trace->nr; i++) {
		const struct mmsim_trace_event *e = &in->trace->events[i];

		if (e->pfn + (UINT64_C(1) << e->order) > end)
			end = e->pfn + (UINT64_C(1) << e->order);
	}
	mmsim_config_defaults(in->cfg);
	in->cfg->mode = MMSIM_SERIAL;
	in->cfg->nr_cpus = in->trace->nr_cpus;
	for (uint32_t i = 0; i < in->cfg->nr_cpus && i < MMSIM_MAX_CPUS; i++)
		in->cfg->cpu[i].core = (uint16_t)i;
	end = (end + MMSIM_MAX_ORDER_NR_PAGES - 1) / MMSIM_MAX_ORDER_NR_PAGES *
	      MMSIM_MAX_ORDER_NR_PAGES;
	rc = mmsim_config_set_memory(in->cfg, end << MMSIM_PAGE_SHIFT);
	if (rc || in->trace->nr_cpus > MMSIM_MAX_CPUS)
		return bench_fail(session, BENCH_FAILED, "%s: no machine has %u CPUs and %llu MiB",
				  source->name, in->trace->nr_cpus, (unsigned long long)(end >> 8));
	return BENCH_OK;
}

static int find_config(const struct bench_session *session, const struct replay_source *source,
		       struct replay_input *in)
{
	struct mmsim_replay_error err = { "" };
	int rc;

	in->cfg = bench_calloc(1, sizeof(*in->cfg));
	if (!in->before)
		return config_of_trace(session, source, in);
	rc = mmsim_snapshot_config(in->before, in->cfg, &err);
	return rc ? replay_fail(session, source->name, rc, &err) : BENCH_OK;
}

bool replay_input_has(const struct replay_input *in, const struct mmsim_trace_event *e)
{
	return (!in->from_ns && !in->to_ns) || (e->ns >= in->from_ns && e->ns <= in->to_ns);
}

static void count_listable(struct replay_input *in)
{
	for (size_t i = 0; i < in->trace->nr; i++) {
		const struct mmsim_trace_event *e = &in->trace->events[i];

		in->listable += e->kind == MMSIM_TRACE_ALLOC && replay_input_has(in, e) &&
				(e->order <= MMSIM_PAGE_ALLOC_COSTLY_ORDER ||
				 e->order == MMSIM_PAGEBLOCK_ORDER);
	}
}

static int load_files(const struct bench_session *session, const struct replay_source *source,
		      struct replay_input *in)
{
	int rc = BENCH_OK;

	if (source->kind != REPLAY_TRACE)
		rc = load_snapshots(session, source, in);
	if (rc == BENCH_OK && (source->trace || source->kind == REPLAY_RECORDING))
		rc = load_trace(session, source, in);
	if (rc == BENCH_OK && source->hints)
		rc = load_hints(session, source, in);
	return rc;
}

int replay_input_load(const struct bench_session *session, const struct replay_source *source,
		      struct replay_input *in)
{
	int rc;

	memset(in, 0, sizeof(*in));
	if (source->kind == REPLAY_SELF)
		rc = replay_self_record(session, source, in);
	else
		rc = load_files(session, source, in);
	if (rc == BENCH_OK)
		rc = find_config(session, source, in);
	if (rc || !in->trace)
		return rc;
	find_window(in);
	count_listable(in);
	return BENCH_OK;
}

void replay_input_free(struct replay_input *in)
{
	mmsim_snapshot_free(in->before);
	mmsim_snapshot_free(in->after);
	mmsim_hints_free(in->hints);
	if (!in->trace_is_own) {
		mmsim_trace_free(in->trace);
	} else if (in->trace) {
		free(in->trace->events);
		free(in->trace);
	}
	free(in->cfg);
	memset(in, 0, sizeof(*in));
}
