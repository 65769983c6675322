/* SPDX-License-Identifier: MIT */
/*
 * The timeline of an explored run as a Perfetto trace.
 *
 * One step is drawn as one microsecond. The back end does not say who runs, but only one task does: it is
 * taken to run from its first mark to the next mark of another.
 */
#include "explore_trace.h"

#include "harness/timeline.h"
#include "harness/util.h"

#include <errno.h>
#include <string.h>

static void put(struct timeline *t, const struct mmsim_mark *mark, enum mmsim_mark_kind kind,
		const struct mmsim_mark *at)
{
	struct mmsim_mark copy = *mark;

	if (kind == MMSIM_MARK_RUN || kind == MMSIM_MARK_STOP) {
		copy.name = NULL;
		copy.value = 0;
	}
	copy.kind = (uint32_t)kind;
	copy.ns = at->ns * 1000;
	timeline_mark(t, &copy);
}

static void put_all(struct timeline *t, const struct mmsim_mark *mark, size_t nr)
{
	const struct mmsim_mark *last = NULL;

	for (size_t i = 0; i < nr; i++) {
		if (last && last->task != mark[i].task)
			put(t, last, MMSIM_MARK_STOP, &mark[i]);
		if (!last || last->task != mark[i].task)
			put(t, &mark[i], MMSIM_MARK_RUN, &mark[i]);
		put(t, &mark[i], (enum mmsim_mark_kind)mark[i].kind, &mark[i]);
		last = &mark[i];
	}
	if (last)
		put(t, last, MMSIM_MARK_STOP, last);
}

int explore_trace_write(const char *path, const struct explore_search *search,
			const struct explore_shared *shared, const char *end, char *msg, size_t len)
{
	static struct mmsim_config cfg;
	size_t nr = shared->nr_marks;
	FILE *out = fopen(path, "w");
	struct timeline t;
	bool bad;

	if (!out) {
		snprintf(msg, len, "%s: %s", path, strerror(errno));
		return -1;
	}
	nr = nr < EXPLORE_MAX_MARKS ? nr : EXPLORE_MAX_MARKS;
	scenario_config(search->scenario, &cfg);
	timeline_begin(&t, out, &cfg);
	put_all(&t, shared->mark, nr);
	timeline_instant(&t, shared->how.steps * 1000, end);
	timeline_end(&t);
	bad = ferror(out);
	if (fclose(out) || bad) {
		snprintf(msg, len, "%s: cannot be written", path);
		return -1;
	}
	return 0;
}
