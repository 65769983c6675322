/* SPDX-License-Identifier: MIT */
/*
 * lib/replay/engine.h, against recordings that were spoilt at random: events lost, exchanged, doubled, moved to
 * other CPUs and pages. Whatever the damage, the books balance, F1 and F2 hold.
 */
#include "replay_rig.h"

enum { PAGES = 8192, ROUNDS = 40 };

/* One event of the recording, and what may have happened to it. */
static void spoil_one(struct mm_rng *rng, size_t i)
{
	struct mmsim_trace_event *e = &rig.events[i];

	switch (mm_rng_below(rng, 8)) {
	case 0:
	case 1:
		memmove(e, e + 1, (--rig.nr - i) * sizeof(*e));
		break;
	case 2:
		if (i) {
			struct mmsim_trace_event last = e[-1];

			e[-1] = *e;
			*e = last;
		}
		break;
	case 3:
		*e = rig.events[mm_rng_below(rng, rig.nr)];
		break;
	case 4:
		e->cpu ^= 1;
		break;
	case 5:
		e->migratetype = (uint8_t)mm_rng_below(rng, MMSIM_NR_MIGRATETYPES);
		break;
	case 6:
		e->kind = (uint8_t)mm_rng_below(rng, MMSIM_NR_TRACE_KINDS);
		break;
	default:
		e->order = (uint8_t)mm_rng_below(rng, 1 + mm_rng_below(rng, MMSIM_NR_PAGE_ORDERS));
		e->pfn = (uint32_t)(BASE + mm_rng_below(rng, PAGES));
		e->pfn &= ~((1u << e->order) - 1);
	}
}

static void spoil(struct mm_rng *rng)
{
	for (uint64_t n = 1 + rig.nr / (4ull << mm_rng_below(rng, 8)); n; n--)
		spoil_one(rng, (size_t)mm_rng_below(rng, rig.nr));
	/* What changed its kind may have kept a pfn that only a failed allocation has. */
	for (size_t i = 0; i < rig.nr; i++) {
		struct mmsim_trace_event *e = &rig.events[i];

		e->ns = i * 5000;
		if (!e->pfn && e->kind != MMSIM_TRACE_ALLOC)
			e->pfn = BASE;
		if (e->pfn & ((1u << e->order) - 1))
			e->order = 0;
	}
}

/* F1: pages that only one event names, as what that says. */
static void assert_handed_out(void)
{
	uint8_t *named = calloc(PAGES, 1);

	assert_non_null(named);
	for (size_t i = 0; i < rig.nr; i++)
		for (uint64_t k = 0; rig.events[i].pfn && k < 1u << rig.events[i].order; k++) {
			uint8_t *by = &named[rig.events[i].pfn - BASE + k];

			*by = (uint8_t)mm_min(*by + 1, 2);
		}
	for (size_t i = 0; i < rig.nr; i++) {
		const struct mmsim_trace_event *e = &rig.events[i];
		const struct mmsim_page *page = rig_page(e->pfn);
		bool only = e->kind == MMSIM_TRACE_ALLOC && e->pfn;

		for (uint64_t k = 0; only && k < 1u << e->order; k++)
			only = named[e->pfn - BASE + k] == 1;
		if (!only)
			continue;

		if (page->refcount != 1 || page->order != e->order)
			fail_msg("event %zu: pfn %#x of order %u: refcount %d, order %u", i, e->pfn,
				 e->order, page->refcount, page->order);
	}
	free(named);
}

static void assert_consistent(bool followed)
{
	const struct mmsim_replay_report *r = &rig.report;
	uint64_t inexact = 0;

	for (unsigned kind = 0; kind <= MMSIM_MISMATCH_FAILED; kind++)
		inexact += r->mismatch[kind];
	if (followed)
		assert_int_equal(r->exact + inexact, r->allocs);
	assert_true(r->refilled_exact <= r->refilled && r->drained_exact <= r->drained);
	assert_true(r->extfrags_exact <= r->extfrags && r->longest_run <= r->exact);
}

static void one(unsigned seed)
{
	const struct mmsim_alloc_policy policy = {
		.fallback = seed % MMSIM_NR_FALLBACKS,
		.pcp_free = seed % MMSIM_NR_PCP_FREES,
	};
	const struct mmsim_replay_options o = { .free_running = seed % 5 == 4 };
	struct mm_rng rng = mm_rng_split(seed, 1);

	rig_kernel(&policy, PAGES);
	rig.rng = mm_rng_split(seed, 0);
	if (seed % 3)
		rig_fill(PAGES / 8);
	rig_churn(20, PAGES / 16);
	rig_record();
	rig_churn(80, PAGES / 16);
	rig_stop();
	spoil(&rng);
	assert_int_equal(rig_replay(&o), 0);
	assert_consistent(!o.free_running);
	if (!o.free_running)
		assert_handed_out();
	rig_close();
}

static void spoilt(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < ROUNDS; seed++)
		one(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoilt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
