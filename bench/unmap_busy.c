/* SPDX-License-Identifier: MIT */
/* How long CPUs were at work. */
#include "unmap_busy.h"

#include "harness/bench.h"

#include <string.h>
#include <time.h>

static void on_mark(void *ctx, const struct mmsim_mark *mark)
{
	struct unmap_busy *busy = ctx;
	uint64_t *since = &busy->since[mark->cpu];

	if (busy->session->watch.trace)
		timeline_mark(&busy->session->watch.timeline, mark);
	if (mark->kind == MMSIM_MARK_RUN) {
		*since = mark->ns + 1;
	} else if (mark->kind == MMSIM_MARK_STOP && *since) {
		busy->ns += mark->ns + 1 - *since;
		*since = 0;
	}
}

void unmap_busy_start(struct unmap_busy *busy, struct bench_session *session, struct mmsim *m)
{
	memset(busy, 0, sizeof(*busy));
	busy->session = session;
	if (session->machine.cfg.mode != MMSIM_VIRTUAL)
		return;
	busy->m = m;
	mmsim_timeline_set(m, on_mark, busy);
}

static uint64_t cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* Clocks of CPUs are not level: one may have begun later than it is here. */
uint64_t unmap_busy_ns(const struct unmap_busy *busy)
{
	uint64_t ns = busy->ns, now;

	if (!busy->m)
		return cpu_time();
	now = mmsim_now(busy->m);
	for (unsigned i = 0; i < MMSIM_MAX_CPUS; i++)
		if (busy->since[i] && busy->since[i] <= now)
			ns += now + 1 - busy->since[i];
	return ns;
}

/* A timeline that is being written is not ours to stop. */
void unmap_busy_stop(struct unmap_busy *busy)
{
	if (!busy->m)
		return;
	if (busy->session->watch.trace)
		mmsim_timeline_set(busy->m, timeline_mark, &busy->session->watch.timeline);
	else
		mmsim_timeline_set(busy->m, NULL, NULL);
}
