/* SPDX-License-Identifier: MIT */
/*
 * lib/replay/engine.h, where nothing is wrong: a recording of a machine like this one, replayed under every
 * policy, is followed page for page; and what mm_replay_run() refuses.
 */
#include "replay_rig.h"

#include <errno.h>

enum { SMALL = 16384, LARGE = 65536 };

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void assert_all_exact(void)
{
	const struct mmsim_replay_report *r = &rig.report;

	assert_int_equal(rig_mismatches(), 0);
	assert_true(r->allocs > 0);
	assert_int_equal(r->exact, r->allocs);
	assert_int_equal(r->longest_run, r->allocs);
	assert_int_equal(r->refilled_exact, r->refilled);
	assert_int_equal(r->drained_exact, r->drained);
	assert_int_equal(r->extfrags_exact, r->extfrags);
	assert_int_equal(r->late + r->unseen_allocs + r->direct_frees + r->books_corrected, 0);
	assert_int_equal(r->unseen_refills + r->rotated + r->retyped + r->unprompted_drains, 0);
	rig_same_lists();
	rig_same_books();
}

static uint64_t count_events(uint8_t kind)
{
	uint64_t n = 0;

	for (size_t i = 0; i < rig.nr; i++)
		n += rig.events[i].kind == kind;
	return n;
}

static void follow(struct mmsim_alloc_policy policy, uint64_t pages, uint64_t keep_free)
{
	rig_kernel(&policy, pages);
	/* Who waits has the lists of all CPUs drained, of which a recording does not show the reason. */
	rig.without = MMSIM___GFP_DIRECT_RECLAIM;
	if (keep_free < pages / 8)
		rig_fill(keep_free);
	rig_churn(200, keep_free);
	rig_record();
	rig_churn(600, keep_free);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_all_exact();
	assert_int_equal(rig.report.events, rig.nr);
	assert_int_equal(rig.report.allocs, count_events(MMSIM_TRACE_ALLOC));
	assert_int_equal(rig.report.frees, count_events(MMSIM_TRACE_FREE));
	assert_int_equal(rig.report.drained, count_events(MMSIM_TRACE_DRAIN));
	assert_true(rig.report.refilled > 0 && rig.report.drained > 0);
}

static void every_policy(void **state)
{
	(void)state;
	for (uint32_t fallback = 0; fallback < MMSIM_NR_FALLBACKS; fallback++)
		for (uint32_t pcp_free = 0; pcp_free < MMSIM_NR_PCP_FREES; pcp_free++) {
			follow((struct mmsim_alloc_policy){ .fallback = fallback,
							    .pcp_free = pcp_free },
			       LARGE, LARGE / 4);
			rig_close();
			follow((struct mmsim_alloc_policy){ .fallback = fallback,
							    .pcp_free = pcp_free,
							    .pcp_high = MMSIM_PCP_HIGH_FIXED },
			       SMALL, SMALL / 4);
			rig_close();
		}
	follow((struct mmsim_alloc_policy){ .pcp_batch_scale_max = 1 }, SMALL, SMALL / 4);
}

/* Where types mix: claims and steals, as recorded. */
static void fallbacks(void **state)
{
	(void)state;
	for (uint32_t fallback = 0; fallback < MMSIM_NR_FALLBACKS; fallback++) {
		if (fallback)
			rig_close();
		follow((struct mmsim_alloc_policy){ .fallback = fallback }, SMALL, SMALL / 12);
		assert_true(rig.report.extfrags > 100);
	}
}

/* A part of it: from where the lists are as they were then. */
static void only_until(void **state)
{
	const struct mmsim_alloc_policy policy = { 0 };
	struct mmsim_replay_options o = { .from_ns = 1 };
	struct mmsim_snapshot *middle;

	(void)state;
	rig_kernel(&policy, SMALL);
	rig_record();
	rig_churn(100, SMALL / 4);
	o.to_ns = rig.ns;
	assert_int_equal(mm_replay_snapshot_take(&rig.m.buddy, &middle), 0);
	rig_churn(100, SMALL / 4);
	rig_stop();
	mm_replay_snapshot_free(rig.after);
	rig.after = middle;
	assert_int_equal(rig_replay(&o), 0);
	assert_true(rig.report.events < rig.nr);
	assert_all_exact();
}

static void listen(void *ctx, const struct mmsim_event *event)
{
	(void)event;
	++*(uint64_t *)ctx;
}

/* Whoever listened before still does. */
static void other_listener(void **state)
{
	const struct mmsim_alloc_policy policy = { 0 };
	const struct mmsim_trace trace = { .nr = 1, .events = rig.events };
	const struct mmsim_replay_options none = { 0 };
	uint64_t heard = 0;

	(void)state;
	rig_kernel(&policy, SMALL);
	rig_record();
	rig_hold(0, GFP_M, 6);
	rig_stop();
	rig_machine();
	rig.m.obs = (struct mm_obs){ .sink = listen, .ctx = &heard };
	rig.events[0] = rig.events[rig.nr - 1];
	assert_int_equal(
		mm_replay_run(&rig.m.buddy, &rig.m.obs, &trace, &none, &rig.report, &rig.err), 0);
	assert_int_equal(heard, 2);
	assert_ptr_equal(rig.m.obs.sink, listen);
	assert_ptr_equal(rig.m.obs.ctx, &heard);
	assert_null(rig_zone()->drain_later);
}

static void refuse(struct mmsim_trace_event event, const char *text)
{
	const struct mmsim_trace trace = { .nr = 2, .events = rig.events };
	const struct mmsim_replay_options none = { 0 };
	int ret;

	event.line = 7;
	rig.events[1] = event;
	ret = mm_replay_run(&rig.m.buddy, &rig.m.obs, &trace, &none, &rig.report, &rig.err);
	assert_int_equal(ret, -EINVAL);
	assert_string_equal(rig.err.text, text);
	/* Not even what was before it. */
	assert_int_equal(rig_zone()->free_pages, SMALL);
}

static void beyond_the_machine(void **state)
{
	const struct mmsim_alloc_policy policy = { 0 };

	(void)state;
	rig_kernel(&policy, SMALL);
	rig.events[0] = (struct mmsim_trace_event){ .pfn = BASE };
	refuse((struct mmsim_trace_event){ .pfn = BASE, .cpu = RIG_CPUS },
	       "trace:7: pfn 0x100000 of order 0 on cpu 2 is not of this machine: no such CPU");
	refuse((struct mmsim_trace_event){ .pfn = BASE, .kind = MMSIM_NR_TRACE_KINDS },
	       "trace:7: pfn 0x100000 of order 0 on cpu 0 is not of this machine: "
	       "no such event or migratetype");
	refuse((struct mmsim_trace_event){ .pfn = BASE, .migratetype = MMSIM_NR_MIGRATETYPES },
	       "trace:7: pfn 0x100000 of order 0 on cpu 0 is not of this machine: "
	       "no such event or migratetype");
	refuse((struct mmsim_trace_event){ .pfn = BASE, .order = MMSIM_MAX_PAGE_ORDER + 1 },
	       "trace:7: pfn 0x100000 of order 11 on cpu 0 is not of this machine: no such block");
	refuse((struct mmsim_trace_event){ .pfn = BASE + 2, .order = 2 },
	       "trace:7: pfn 0x100002 of order 2 on cpu 0 is not of this machine: no such block");
	refuse((struct mmsim_trace_event){ .pfn = BASE + SMALL },
	       "trace:7: pfn 0x104000 of order 0 on cpu 0 is not of this machine: no memory there");
	refuse((struct mmsim_trace_event){ .pfn = BASE - 1 },
	       "trace:7: pfn 0xfffff of order 0 on cpu 0 is not of this machine: no memory there");
	refuse((struct mmsim_trace_event){ .pfn = UINT32_MAX },
	       "trace:7: pfn 0xffffffff of order 0 on cpu 0 is not of this machine: no memory "
	       "there");
	for (uint8_t kind = MMSIM_TRACE_FREE; kind < MMSIM_NR_TRACE_KINDS; kind++)
		refuse((struct mmsim_trace_event){ .kind = kind },
		       "trace:7: pfn 0x0 of order 0 on cpu 0 is not of this machine: "
		       "no memory there");
}

static void not_booted(void **state)
{
	const struct mmsim_alloc_policy policy = { 0 };
	const struct mmsim_trace trace = { .nr = 0 };
	const struct mmsim_replay_options none = { 0 };

	(void)state;
	rig_kernel(&policy, SMALL);
	mm_buddy_set_open(&rig.m.buddy, false);
	assert_int_equal(
		mm_replay_run(&rig.m.buddy, &rig.m.obs, &trace, &none, &rig.report, &rig.err),
		-EINVAL);
	assert_string_equal(rig.err.text, "trace: the machine is not booted");
	assert_false(mm_buddy_is_open(&rig.m.buddy));
	mm_buddy_set_open(&rig.m.buddy, true);
	assert_int_equal(
		mm_replay_run(&rig.m.buddy, &rig.m.obs, &trace, &none, &rig.report, &rig.err), 0);
}

static void names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MMSIM_NR_MISMATCHES; i++) {
		assert_non_null(mm_replay_mismatch_name(i));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(mm_replay_mismatch_name(i),
						mm_replay_mismatch_name(k));
	}
	assert_null(mm_replay_mismatch_name(MMSIM_NR_MISMATCHES));
	assert_null(mm_replay_mismatch_name(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_policy, teardown),
		cmocka_unit_test_teardown(fallbacks, teardown),
		cmocka_unit_test_teardown(only_until, teardown),
		cmocka_unit_test_teardown(other_listener, teardown),
		cmocka_unit_test_teardown(beyond_the_machine, teardown),
		cmocka_unit_test_teardown(not_booted, teardown),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
