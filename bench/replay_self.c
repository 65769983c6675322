/* SPDX-License-Identifier: MIT */
/* A recording that a simulated machine makes of itself. */
#include "replay_self.h"

#include "harness/util.h"

#include <errno.h>
#include <mmsim/mmsim.h>
#include <stdlib.h>
#include <string.h>

#define NR_CPUS 2
#define NS_PER_EVENT 1000

/* Blocks that are in use at most, per MiB of memory, and how long it fills and empties again. */
#define POOL_PER_MIB 24
#define WAVE 30000

/* Of how many of its operations a task lets the other one run. */
#define TURN 200

struct block {
	uint64_t pfn;
	unsigned order;
};

struct self {
	struct mmsim *m;
	struct mmsim_trace *trace;
	size_t room; /* for events */
	uint64_t operations; /* of each CPU */
	uint64_t random[NR_CPUS];
	struct block *pool; /* of both: who takes a block need not give it back */
	size_t held, most;
};

static const struct {
	uint32_t id; /* enum mmsim_event_id */
	enum mmsim_trace_kind kind;
} kinds[] = {
	{ MMSIM_EV_MM_PAGE_ALLOC, MMSIM_TRACE_ALLOC },
	{ MMSIM_EV_MM_PAGE_FREE, MMSIM_TRACE_FREE },
	{ MMSIM_EV_MM_PAGE_FREE_BATCHED, MMSIM_TRACE_FREE_BATCHED },
	{ MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED, MMSIM_TRACE_ZONE_LOCKED },
	{ MMSIM_EV_MM_PAGE_PCPU_DRAIN, MMSIM_TRACE_DRAIN },
	{ MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG, MMSIM_TRACE_EXTFRAG },
};

static void add(struct self *s, const struct mmsim_event *e, enum mmsim_trace_kind kind)
{
	struct mmsim_trace *t = s->trace;
	bool extfrag = kind == MMSIM_TRACE_EXTFRAG;

	if (t->nr == s->room) {
		s->room = s->room ? 2 * s->room : 4096;
		t->events = bench_realloc(t->events, s->room, sizeof(*t->events));
	}
	t->events[t->nr] = (struct mmsim_trace_event){
		.ns = (t->nr + 1) * NS_PER_EVENT,
		.pfn = (uint32_t)e->pfn,
		.line = (uint32_t)t->nr + 1,
		.gfp = e->gfp,
		.cpu = (uint16_t)e->cpu,
		.kind = (uint8_t)kind,
		.order = (uint8_t)e->order,
		.migratetype = (uint8_t)e->migratetype,
		.fallback_order = extfrag ? (uint8_t)e->arg : 0,
		.fallback_migratetype = extfrag ? (uint8_t)e->fallback_migratetype : 0,
		.flag = extfrag ? e->change_ownership != 0 : e->arg != 0,
	};
	if (kind == MMSIM_TRACE_FREE_BATCHED && t->nr)
		t->events[t->nr - 1].flag = 1;
	t->nr++;
}

static void on_event(void *ctx, const struct mmsim_event *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].id == e->id)
			add(ctx, e, kinds[i].kind);
}

static uint64_t below(struct self *s, unsigned cpu, uint64_t n)
{
	uint64_t *x = &s->random[cpu];

	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return (*x * UINT64_C(0x2545f4914f6cdd1d) >> 32) * n >> 32;
}

/* What is in movable pages could be moved, which a claim of their pageblock asks about. */
static void mark_movable(struct self *s, const struct block *block, bool on)
{
	struct mmsim_page *page = mmsim_pfn_to_page(s->m, block->pfn);
	const uint64_t lru = UINT64_C(1) << MMSIM_PG_LRU;

	for (uint64_t i = 0; i < UINT64_C(1) << block->order; i++)
		page[i].flags = on ? page[i].flags | lru : page[i].flags & ~lru;
}

/*
 * Mostly single pages. Nobody may wait: who may gets all per-CPU lists emptied for him when memory is
 * short, and no event tells for whom.
 */
static void take(struct self *s, unsigned cpu)
{
	static const mmsim_gfp_t gfps[] = {
		MMSIM_GFP_HIGHUSER_MOVABLE, MMSIM_GFP_HIGHUSER_MOVABLE,
		MMSIM_GFP_HIGHUSER_MOVABLE, MMSIM_GFP_KERNEL,
		MMSIM_GFP_KERNEL,           MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE,
	};
	static const unsigned orders[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					   0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5 };
	mmsim_gfp_t gfp = gfps[below(s, cpu, ARRAY_LEN(gfps))];
	unsigned order = orders[below(s, cpu, ARRAY_LEN(orders))];
	struct block *block = &s->pool[s->held];
	struct mmsim_page *page;

	if (order > MMSIM_PAGE_ALLOC_COSTLY_ORDER + 1 && below(s, cpu, 8) == 0) {
		gfp = MMSIM_GFP_TRANSHUGE_LIGHT;
		order = MMSIM_PAGEBLOCK_ORDER;
	}
	page = mmsim_alloc_pages(s->m, gfp & ~MMSIM___GFP_DIRECT_RECLAIM, order);
	if (!page)
		return;
	*block = (struct block){ mmsim_page_to_pfn(s->m, page), order };
	mark_movable(s, block, gfp & MMSIM___GFP_MOVABLE);
	s->held++;
}

static void give(struct self *s, unsigned cpu)
{
	struct block *block = &s->pool[below(s, cpu, s->held)];

	mark_movable(s, block, false);
	mmsim_free_pfn(s->m, block->pfn, block->order);
	*block = s->pool[--s->held];
}

/* Three of four take while memory fills, one of four while it empties. */
static void work(unsigned cpu, void *arg)
{
	struct self *s = arg;

	for (uint64_t i = 0; i < s->operations; i++) {
		uint64_t takes = i / WAVE % 2 ? 1 : 3;

		if (s->held < s->most && (s->held == 0 || below(s, cpu, 4) < takes))
			take(s, cpu);
		else
			give(s, cpu);
		if (below(s, cpu, TURN) == 0)
			mmsim_yield(s->m);
	}
}

/* A snapshot of a machine has no page flags: what it does not know must not matter. */
static void forget_movable(struct mmsim *m)
{
	for (uint64_t pfn = 0; pfn < mmsim_max_pfn(m); pfn++) {
		struct mmsim_page *page = mmsim_pfn_to_page(m, pfn);

		if (!page)
			continue;
		page->flags &= ~(UINT64_C(1) << MMSIM_PG_LRU);
		page->movable = 0;
	}
}

static int age(const struct bench_session *session, const struct replay_source *source,
	       struct self *s)
{
	const struct mmsim_ageing params = {
		.fill = 600, .unusable = 600, .tolerance = 100, .seed = session->opt->seed
	};
	struct mmsim_aged *aged;
	int rc = mmsim_age(s->m, &params, &aged, NULL);

	if (rc)
		return bench_fail(session, BENCH_FAILED, "%s: ageing: %s", source->name,
				  strerror(-rc));
	mmsim_aged_free(aged);
	forget_movable(s->m);
	return BENCH_OK;
}

/* The machine has the settings that one has whose settings are not known. */
static void forget_settings(struct mmsim_snap_sysctl *sysctl)
{
	memset(sysctl, 0xff, sizeof(*sysctl));
}

static int record(const struct bench_session *session, const struct replay_source *source,
		  struct self *s, struct replay_input *in)
{
	int rc = mmsim_snapshot_take(s->m, &in->before);

	if (rc == 0) {
		forget_settings(&in->before->sysctl);
		mmsim_trace_set(s->m, on_event, s);
		rc = mmsim_run(s->m, NR_CPUS, work, s);
		mmsim_trace_set(s->m, NULL, NULL);
	}
	if (rc == 0)
		rc = mmsim_snapshot_take(s->m, &in->after);
	if (rc)
		return bench_fail(session, BENCH_FAILED, "%s: recording: %s", source->name,
				  strerror(-rc));
	in->trace->nr_cpus = NR_CPUS;
	in->trace->lines = in->trace->nr;
	return BENCH_OK;
}

/* The shape is the same on every host, and so is the recording. */
static int make(const struct bench_session *session, const struct replay_source *source,
		struct self *s)
{
	struct mmsim_config *cfg = bench_calloc(1, sizeof(*cfg));
	int rc;

	mmsim_config_defaults(cfg);
	cfg->mode = MMSIM_SERIAL;
	cfg->nr_cpus = NR_CPUS;
	cfg->seed = session->opt->seed;
	cfg->policy = source->policy;
	cfg->log = session->machine.cfg.log;
	cfg->log_ctx = session->machine.cfg.log_ctx;
	rc = mmsim_config_set_memory(cfg, machine_memory(&session->machine.cfg));
	if (rc == 0)
		rc = mmsim_create(cfg, &s->m);
	free(cfg);
	if (rc)
		return bench_fail(session, rc == -ENOMEM ? BENCH_CANNOT : BENCH_FAILED,
				  "%s: creating the machine: %s", source->name, strerror(-rc));
	return BENCH_OK;
}

int replay_self_record(const struct bench_session *session, const struct replay_source *source,
		       struct replay_input *in)
{
	struct self s = { .operations = source->operations };
	int rc;

	in->trace = bench_calloc(1, sizeof(*in->trace));
	in->trace_is_own = true;
	s.trace = in->trace;
	s.most = (machine_memory(&session->machine.cfg) >> 20) * POOL_PER_MIB;
	s.pool = bench_calloc(s.most, sizeof(*s.pool));
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		s.random[cpu] =
			(session->opt->seed ^ UINT64_C(0x9e3779b97f4a7c15)) * (2 * cpu + 3) | 1;
	rc = make(session, source, &s);
	if (rc == BENCH_OK)
		rc = age(session, source, &s);
	if (rc == BENCH_OK)
		rc = record(session, source, &s, in);
	mmsim_destroy(s.m);
	free(s.pool);
	return rc;
}
