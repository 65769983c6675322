/* SPDX-License-Identifier: MIT */
/* lib/obs/event.h: names, and what reaches the listener. */
#include "event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "exec_modes.h"

static void names(void **state)
{
	static const char *const want[MMSIM_NR_EVENTS] = {
		"mm_page_alloc",           "mm_page_free",          "mm_page_alloc_zone_locked",
		"mm_page_pcpu_drain",      "mm_page_alloc_extfrag", "mm_page_free_batched",
		"mm_vmscan_wakeup_kswapd",
	};

	(void)state;
	for (uint32_t id = 0; id < MMSIM_NR_EVENTS; id++)
		assert_string_equal(mm_obs_event_name(id), want[id]);
	assert_null(mm_obs_event_name(MMSIM_NR_EVENTS));
	assert_null(mm_obs_event_name(UINT32_MAX));
}

struct heard {
	unsigned nr;
	struct mmsim_event last;
};

static void hear(void *ctx, const struct mmsim_event *event)
{
	struct heard *h = ctx;

	h->nr++;
	h->last = *event;
}

static const struct mmsim_event sample = {
	.id = MMSIM_EV_MM_PAGE_FREE,
	.cpu = 999, /* not the caller's business */
	.pfn = UINT64_C(1) << 40,
	.order = 9,
	.migratetype = -1,
	.gfp = 0xcc0,
	.arg = 4,
	.fallback_migratetype = MMSIM_MIGRATE_RECLAIMABLE,
	.change_ownership = 1,
};

static void tell(void *arg)
{
	const struct mm_obs *obs = arg;

	mm_event(obs, .id = sample.id, .cpu = sample.cpu, .pfn = sample.pfn, .order = sample.order,
		 .migratetype = sample.migratetype, .gfp = sample.gfp, .arg = sample.arg,
		 .fallback_migratetype = sample.fallback_migratetype,
		 .change_ownership = sample.change_ownership);
}

static void tell_on_cpu_1(struct mm_obs *obs, enum mmsim_mode mode)
{
	static const struct mmsim_fault none[MMSIM_NR_FAULT_KINDS];
	struct mm_cpumask on = mm_cpumask_of(1);
	struct mm_task guest, task;
	struct mm_fault fault;
	struct mm_meta meta;
	struct mm_log log;
	struct mmsim_explore explore;
	struct mm_exec *x;
	struct mm_exec_config cfg = {
		.mode = mode, .nr_cpus = 2, .meta = &meta, .fault = &fault, .log = &log
	};

	test_mode_needs(&cfg, &explore);
	mm_base_fault_init(&fault, none);
	mm_base_log_init(&log, NULL, NULL);
	assert_int_equal(mm_base_meta_init(&meta, &fault), 0);
	assert_int_equal(mm_exec_create(&cfg, &x), 0);
	mm_exec_attach(x, &guest);
	assert_int_equal(mm_exec_spawn(x, &task, &on, tell, obs), 0);
	mm_exec_join(x, &task);
	mm_exec_detach(x, &guest);
	mm_exec_destroy(x);
	mm_base_meta_fini(&meta);
}

static void listener_gets_it_with_the_cpu(void **state)
{
	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct heard h = { 0 };
		struct mm_obs obs = { .sink = hear, .ctx = &h };

		tell_on_cpu_1(&obs, (enum mmsim_mode)mode);
		assert_int_equal(h.nr, 1);
		assert_int_equal(h.last.id, sample.id);
		assert_int_equal(h.last.cpu, 1);
		assert_int_equal(h.last.pfn, sample.pfn);
		assert_int_equal(h.last.order, sample.order);
		assert_int_equal(h.last.migratetype, sample.migratetype);
		assert_int_equal(h.last.gfp, sample.gfp);
		assert_int_equal(h.last.arg, sample.arg);
		assert_int_equal(h.last.fallback_migratetype, sample.fallback_migratetype);
		assert_int_equal(h.last.change_ownership, sample.change_ownership);
	}
}

/* Off: nothing is computed, nor is it asked which task this is (there is none here). */
static void nobody_listens(void **state)
{
	struct heard h = { 0 };
	struct mm_obs obs = { .sink = NULL, .ctx = &h };
	uint64_t computed = 0;

	(void)state;
	assert_null(mm_task_current());
	mm_event(&obs, .pfn = ++computed);
	assert_int_equal(h.nr, 0);
	assert_int_equal(computed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(listener_gets_it_with_the_cpu),
		cmocka_unit_test(nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
