/* SPDX-License-Identifier: MIT */
/* Snapshots and replay by the exported calls: what is refused and why, and a machine's way through all of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"

static struct mmsim_replay_error err;

static struct mmsim *create(enum mmsim_mode mode, uint32_t boot, uint64_t pages)
{
	static struct mmsim_explore explore;
	struct mmsim_config *cfg = sim_config_new(mode, 1, 1, 2);
	struct mmsim *m;

	sim_ram(cfg, 0, 256, 3840);
	sim_ram(cfg, 0, SIM_NORMAL, pages);
	cfg->boot = boot;
	explore = (struct mmsim_explore){ .max_steps = UINT64_C(100000000) };
	cfg->explore = &explore;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	err.text[0] = '\0';
	return m;
}

static struct mmsim_snapshot *take(struct mmsim *m)
{
	struct mmsim_snapshot *snap;

	assert_int_equal(mmsim_snapshot_take(m, &snap), 0);
	return snap;
}

/* Snapshot, config, machine, restore, snapshot: nothing is lost. */
static void there_and_back(void **state)
{
	static struct mmsim_config cfg;
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, SIM_SECTION), *again;
	struct mmsim_snapshot_diff diff;
	struct mmsim_snapshot *snap, *own;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		assert_non_null(mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, i % 7));
	snap = take(m);
	assert_int_equal(mmsim_snapshot_config(snap, &cfg, &err), 0);
	assert_int_equal(cfg.mode, MMSIM_SERIAL);
	assert_int_equal(cfg.boot, MMSIM_BOOT_COLD);
	assert_int_equal(mmsim_create(&cfg, &again), 0);
	assert_int_equal(mmsim_snapshot_restore(again, snap, &err), 0);
	assert_int_equal(mmsim_validate(again), mmsim_validate(m));
	own = take(again);
	assert_int_equal(mmsim_snapshot_compare(own, snap, &diff), 0);
	assert_int_equal(diff.in_order, diff.blocks);
	assert_int_equal(diff.lists_equal, diff.lists);
	assert_int_equal(diff.pcp_in_order, diff.pcp_blocks);
	assert_int_equal(diff.pageblocks_different, 0);
	assert_int_equal(own->nr_zones, 2);
	assert_memory_equal(own->zones, snap->zones, 2 * sizeof(*own->zones));
	mmsim_snapshot_free(own);
	mmsim_snapshot_free(snap);
	mmsim_destroy(again);
	mmsim_destroy(m);
}

static void restore_refused(void **state)
{
	struct mmsim *small = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, SIM_SECTION / 2);
	struct mmsim *large = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, SIM_SECTION);
	struct mmsim *cold = create(MMSIM_SERIAL, MMSIM_BOOT_COLD, SIM_SECTION / 2);
	struct mmsim_snapshot *snap = take(large);

	(void)state;
	assert_int_equal(mmsim_snapshot_restore(large, snap, &err), -EBUSY);
	assert_string_equal(err.text, "snapshot: the machine is booted already");
	assert_int_equal(mmsim_snapshot_restore(cold, snap, &err), -EINVAL);
	assert_string_equal(err.text, "snapshot: the machine has other zones or fewer CPUs");
	mmsim_validate(cold);
	mmsim_snapshot_free(snap);
	mmsim_destroy(cold);
	mmsim_destroy(large);
	mmsim_destroy(small);
}

static void config_refused(void **state)
{
	static struct mmsim_config cfg;
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, SIM_SECTION / 2);
	struct mmsim_snapshot *snap = take(m), bad[4] = { *snap, *snap, *snap, *snap };
	struct mmsim_snap_zone zone = snap->zones[0];

	(void)state;
	bad[0].nr_cpus = MMSIM_MAX_CPUS + 1;
	bad[1].nr_nodes = MMSIM_MAX_NODES + 1;
	bad[2].zones = bad[3].zones = &zone;
	for (unsigned i = 0; i < 4; i++) {
		zone.node = i == 2 ? UINT32_MAX : 0;
		zone.type = i == 3 ? MMSIM_NR_ZONES : MMSIM_ZONE_NORMAL;
		err.text[0] = '\0';
		assert_int_equal(mmsim_snapshot_config(&bad[i], &cfg, &err), -EINVAL);
		assert_string_equal(err.text,
				    "snapshot: too many CPUs, nodes or zones for a machine");
	}
	mmsim_snapshot_free(snap);
	mmsim_destroy(m);
}

static void missing_files(void **state)
{
	struct mmsim_snapshot *snap;
	struct mmsim_trace *trace;
	struct mmsim_hints *hints;

	(void)state;
	assert_int_equal(mmsim_snapshot_load("/nonexistent", "before", &snap, &err), -ENOENT);
	assert_true(err.text[0] != '\0');
	err.text[0] = '\0';
	assert_int_equal(mmsim_trace_load("/nonexistent", NULL, &trace, &err), -ENOENT);
	assert_true(err.text[0] != '\0');
	err.text[0] = '\0';
	assert_int_equal(mmsim_hints_load("/nonexistent", NULL, &hints, &err), -ENOENT);
	assert_true(err.text[0] != '\0');
	mmsim_snapshot_free(NULL);
	mmsim_trace_free(NULL);
	mmsim_hints_free(NULL);
}

static void other_modes(void **state)
{
	const struct mmsim_trace trace = { .nr = 0 };
	struct mmsim_replay_report report;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, MMSIM_BOOT_FULL, SIM_SECTION / 2);
		int want = mode == MMSIM_SERIAL ? 0 : -EINVAL;

		assert_int_equal(mmsim_replay(m, &trace, NULL, &report, &err), want);
		if (want)
			assert_string_equal(err.text,
					    "trace: only a machine in serial mode replays");
		mmsim_destroy(m);
	}
}

static void cold_machine(void **state)
{
	struct mmsim_trace_event event = { .pfn = SIM_NORMAL };
	const struct mmsim_trace trace = { .nr = 1, .events = &event };
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_COLD, SIM_SECTION / 2);
	struct mmsim_replay_report report;

	(void)state;
	assert_int_equal(mmsim_replay(m, &trace, NULL, &report, &err), -EINVAL);
	assert_string_equal(err.text, "trace: the machine is not booted");
	mmsim_destroy(m);
}

/* Bits of a trace that the machine has no page frame or CPU for. */
static void unfit_trace(void **state)
{
	struct mmsim_trace_event event = { .line = 3, .pfn = SIM_NORMAL };
	const struct mmsim_trace trace = { .nr = 1, .events = &event };
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, SIM_SECTION / 2);
	struct mmsim_replay_report report;
	uint64_t nr_free = mmsim_validate(m);

	(void)state;
	event.cpu = 2;
	assert_int_equal(mmsim_replay(m, &trace, NULL, &report, &err), -EINVAL);
	assert_string_equal(err.text, "trace:3: pfn 0x100000 of order 0 on cpu 2 is not of this "
				      "machine: no such CPU");
	event.cpu = 0;
	event.pfn = SIM_NORMAL + SIM_SECTION;
	assert_int_equal(mmsim_replay(m, &trace, NULL, &report, &err), -EINVAL);
	assert_string_equal(err.text, "trace:3: pfn 0x108000 of order 0 on cpu 0 is not of this "
				      "machine: no memory there");
	assert_int_equal(mmsim_validate(m), nr_free);
	event.pfn = SIM_NORMAL;
	assert_int_equal(mmsim_replay(m, &trace, NULL, &report, &err), 0);
	assert_int_equal(report.allocs, 1);
	mmsim_validate(m);
	mmsim_destroy(m);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(mmsim_mismatch_name(MMSIM_MISMATCH_SKIPPED), "skipped");
	assert_string_equal(mmsim_mismatch_name(MMSIM_MISMATCH_DRAIN_EXTRA), "drain_extra");
	assert_null(mmsim_mismatch_name(MMSIM_NR_MISMATCHES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back), cmocka_unit_test(restore_refused),
		cmocka_unit_test(config_refused), cmocka_unit_test(missing_files),
		cmocka_unit_test(other_modes),    cmocka_unit_test(cold_machine),
		cmocka_unit_test(unfit_trace),    cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
