/* SPDX-License-Identifier: MIT */
/*
 * Replaying recordings that no kernel made: the bytes are events, within and beyond what the machine
 * has. A recording is refused, or followed to its end: then the books balance, and a block that was last
 * seen handed out is handed out.
 *
 * Byte 1: options. Byte 2: how many of the 8-byte records that follow are hints. Then records:
 * 0 kind, alignment and flag, 1 CPU, 2 order and migratetype, 3-4 pfn, 5 time, 6-7 what else the kind has.
 */
#include <mmsim/mmsim.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD = 8, MAX_RECORDS = 512, NR_CPUS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static struct mmsim *make_machine(uint8_t options)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));
	struct mmsim *m = NULL;

	require(cfg != NULL);
	mmsim_config_defaults(cfg);
	cfg->mode = MMSIM_SERIAL;
	cfg->flags = MMSIM_NO_PREFAULT;
	cfg->policy.fallback = (options >> 1 & 3u) % MMSIM_NR_FALLBACKS;
	cfg->policy.pcp_free = options >> 3 & 1;
	require(mmsim_config_set_memory(cfg, UINT64_C(64) << 20) == 0);
	require(mmsim_create(cfg, &m) == 0);
	free(cfg);
	return m;
}

/* Mostly from a few pages, so that they meet again; sometimes from anywhere, or none of the machine. */
static uint32_t pick_pfn(const uint8_t *at, unsigned order, bool unaligned)
{
	uint32_t word = at[0] | (uint32_t)at[1] << 8;
	uint32_t pfn = word & 0x8000 ? word & 0x7fff : (word & 0x4000 ? 0 : 4096) + (word & 0xff);

	return unaligned ? pfn : pfn & ~((1u << order) - 1);
}

static void read_event(struct mmsim_trace_event *e, const uint8_t *at, uint64_t ns, uint32_t line)
{
	const unsigned order = at[2] & 15;

	*e = (struct mmsim_trace_event){
		.ns = ns,
		.pfn = pick_pfn(at + 3, order, at[0] & 64),
		.line = line,
		.cpu = at[1] == 255 ? 300 : at[1] % NR_CPUS,
		.kind = (at[0] & 63) % (MMSIM_NR_TRACE_KINDS + 1),
		.flag = at[0] >> 7,
		.order = (uint8_t)order,
		.migratetype = at[2] >> 4,
		.gfp = at[6] | (uint32_t)at[7] << 8,
		.fallback_order = at[6],
		.fallback_migratetype = at[7],
	};
}

static void read_hint(struct mmsim_hint *h, const uint8_t *at)
{
	*h = (struct mmsim_hint){
		.kind = at[0] % 4,
		.cpu = at[1],
		.line1 = at[5],
		.line2 = (uint64_t)at[6] + at[7],
		.pfn = at[2] == 255 ? UINT64_MAX : pick_pfn(at + 3, 0, false),
		.order = at[2] & 15,
	};
}

static bool overlap(const struct mmsim_trace_event *a, const struct mmsim_trace_event *b)
{
	return a->pfn < b->pfn + (1u << b->order) && b->pfn < a->pfn + (1u << a->order);
}

static bool is_removal(const struct mmsim_trace_event *e)
{
	return e->kind == MMSIM_TRACE_ZONE_LOCKED || e->kind == MMSIM_TRACE_EXTFRAG;
}

/* Is k a removal whose stretch goes on, on its CPU, when event i comes? Then it is settled after i. */
static bool unsettled(const struct mmsim_trace *trace, size_t k, size_t i)
{
	const struct mmsim_trace_event *e = trace->events;

	if (!is_removal(&e[k]) || e[k].cpu == e[i].cpu)
		return false;
	for (size_t at = k + 1; at < i; at++)
		if (e[at].cpu == e[k].cpu && !is_removal(&e[at]))
			return false;
	return true;
}

/* F1 */
static void check_handed_out(const struct mmsim *m, const struct mmsim_trace *trace)
{
	for (size_t i = 0; i < trace->nr; i++) {
		const struct mmsim_trace_event *e = &trace->events[i];
		const struct mmsim_page *page;
		bool last = e->kind == MMSIM_TRACE_ALLOC && e->pfn;

		for (size_t k = 0; last && k < trace->nr; k++)
			last = k == i || !overlap(e, &trace->events[k]) ||
			       (k < i && !unsettled(trace, k, i));
		if (!last)
			continue;
		page = mmsim_pfn_to_page(m, e->pfn);
		require(page->refcount == 1 && page->order == e->order);
	}
}

static void count_call(void *ctx, unsigned kind, const struct mmsim_trace_event *e, uint64_t own)
{
	uint64_t *calls = ctx;

	(void)e;
	(void)own;
	calls[kind]++;
}

/* F2 */
static void check_report(const struct mmsim_replay_report *r, const uint64_t *calls, bool following)
{
	uint64_t inexact = 0;

	require(!memcmp(r->mismatch, calls, sizeof(r->mismatch)));
	for (unsigned kind = 0; kind <= MMSIM_MISMATCH_FAILED; kind++)
		inexact += calls[kind];
	require(r->exact <= r->allocs && (!following || r->exact + inexact == r->allocs));
	require(r->refilled_exact <= r->refilled && r->drained_exact <= r->drained);
	require(r->extfrags_exact <= r->extfrags && r->longest_run <= r->exact);
}

static void replay(struct mmsim *m, uint8_t options, const struct mmsim_trace *trace,
		   const struct mmsim_hints *hints)
{
	uint64_t calls[MMSIM_NR_MISMATCHES] = { 0 };
	const struct mmsim_replay_options o = {
		.free_running = options & 1,
		.hints = hints->nr ? hints : NULL,
		.mismatch = count_call,
		.ctx = calls,
	};
	struct mmsim_replay_error err = { "" };
	struct mmsim_replay_report report;

	if (mmsim_replay(m, trace, &o, &report, &err)) {
		require(err.text[0] != '\0');
		mmsim_validate(m);
		return;
	}
	mmsim_validate(m);
	check_report(&report, calls, !o.free_running);
	if (!o.free_running)
		check_handed_out(m, trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mmsim_trace_event *events = calloc(MAX_RECORDS, sizeof(*events));
	struct mmsim_hint *hint = calloc(256, sizeof(*hint));
	struct mmsim_trace trace = { .nr_cpus = NR_CPUS, .events = events };
	struct mmsim_hints hints = { .hints = hint };
	uint64_t ns = 0;
	struct mmsim *m;

	require(events && hint);
	for (size_t i = 2; i + RECORD <= size && trace.nr < MAX_RECORDS; i += RECORD) {
		if (hints.nr < data[1]) {
			read_hint(&hint[hints.nr++], data + i);
			continue;
		}
		/* Up to 30 ms later, or earlier. */
		ns += data[i + 5] < 250 ? data[i + 5] * UINT64_C(120000) : UINT64_MAX;
		read_event(&events[trace.nr], data + i, ns, (uint32_t)trace.nr + 1);
		trace.nr++;
	}
	m = make_machine(size ? data[0] : 0);
	replay(m, size ? data[0] : 0, &trace, &hints);
	mmsim_destroy(m);
	free(events);
	free(hint);
	return 0;
}
