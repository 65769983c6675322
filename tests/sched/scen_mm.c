/* SPDX-License-Identifier: MIT */
/* Address spaces: faults, unmapping, exit, the reaper, and CPUs whose TLBs are behind. */
#include "space.h"

/* An area goes, its neighbour below the same table is touched. */
static void fault_munmap_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0) {
		expect(!mmsim_munmap(s->mm, AT, 2 * PAGE), "it is unmapped");
		set_done(s);
	} else if (i == 1) {
		touch(s->mm, AT + 2 * PAGE, true);
		touch(s->mm, AT + 3 * PAGE, false);
	} else {
		bool late = is_done(s);
		int err = try_touch(s->mm, AT + PAGE, true);

		expect(!late || err, "nothing is touched where nothing is mapped");
	}
}

static void fault_munmap(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_NEVER);
	map(&s, AT, 2, FIXED);
	map(&s, AT + 2 * PAGE, 2, OTHER);
	touch(s.mm, AT, true);
	touch(s.mm, AT + PAGE, true);
	touch(s.mm, AT + 2 * PAGE, true);
	run(&s, CPUS, fault_munmap_task);
	expect_mapped(s.mm, 2);
	expect(nr_tables(s.mm) == 4, "the table of the neighbour stays");
	close_space(&s);
}

/* Nothing is there, not even a table, and all want the same. */
static void fault_fault_task(unsigned i, void *arg)
{
	struct space *s = arg;

	touch(s->mm, AT, i != 2);
	touch(s->mm, AT + i % 2 * PAGE, true);
}

static void fault_fault(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_NEVER);
	map(&s, AT, 2, FIXED);
	run(&s, CPUS, fault_fault_task);
	expect_mapped(s.mm, 2);
	expect(nr_tables(s.mm) == 4, "one table of each level");
	close_space(&s);
}

static void run_exit(struct mmsim *m, void (*fn)(unsigned i, void *arg))
{
	struct space s;

	open_space(&s, m, MMSIM_THP_NEVER);
	map(&s, AT, 8, FIXED);
	touch(s.mm, AT, true);
	touch(s.mm, AT + PAGE, true);
	run(&s, CPUS, fn);
	expect_mapped(s.mm, 0);
	expect(nr_tables(s.mm) == 1, "N3: only the top table is left");
	close_space(&s);
}

static void fault_exit(struct mmsim *m)
{
	run_exit(m, exit_task);
}

static void fault_exit_workers(struct mmsim *m)
{
	teardown(m, MMSIM_TEARDOWN_BATCH_WORKERS);
	run_exit(m, exit_task);
}

static void reaper_exit(struct mmsim *m)
{
	run_exit(m, reaper_task);
}

/* A reaper alone with those who touch: what they touch is there, though it may be another page. */
static void reaper_fault_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0)
		expect(!mmsim_oom_reap(s->mm, NULL), "nobody writes");
	else
		for (unsigned k = 0; k < 2; k++)
			touch(s->mm, AT + k * PAGE, true);
}

static void reaper_fault(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_NEVER);
	map(&s, AT, 2, FIXED);
	touch(s.mm, AT, true);
	run(&s, CPUS, reaper_fault_task);
	expect_mapped(s.mm, (uint64_t) !!page_at(s.mm, AT) + !!page_at(s.mm, AT + PAGE));
	close_space(&s);
}

/* Two CPUs have translations of what a third unmaps; what was there is somebody else's at once. */
static void stale_task(unsigned i, void *arg)
{
	struct space *s = arg;
	int err = 0;

	if (i == 0) {
		expect(!mmsim_munmap(s->mm, AT, PAGE), "it is unmapped");
		set_done(s);
		touch(s->mm, AT + 4 * PAGE, true);
		return;
	}
	for (unsigned k = 0; k < 3; k++) {
		bool late = is_done(s);

		if (k == 1 && i == 2)
			mmsim_mm_enter_lazy(s->m);
		err = try_touch(s->mm, AT, k & 1);
		expect(!late || err, "no access by a translation that was flushed");
	}
}

static void stale_tlb(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_NEVER);
	map(&s, AT, 1, FIXED);
	map(&s, AT + 4 * PAGE, 1, FIXED);
	touch(s.mm, AT, true);
	run(&s, CPUS, stale_task);
	expect_mapped(s.mm, 1);
	close_space(&s);
}

static void populate_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0)
		expect(!mmsim_populate(s->mm, AT, 4 * PAGE, true), "it is populated");
	else
		expect(!mmsim_madvise(s->mm, AT + i * PAGE, 2 * PAGE, MMSIM_MADV_DONTNEED),
		       "it is given back");
}

static void populate_dontneed(struct mmsim *m)
{
	struct space s;
	uint64_t there = 0;

	open_space(&s, m, MMSIM_THP_NEVER);
	map(&s, AT, 4, FIXED);
	touch(s.mm, AT + PAGE, true);
	run(&s, CPUS, populate_task);
	for (unsigned i = 0; i < 4; i++)
		there += !!page_at(s.mm, AT + i * PAGE);
	expect(page_at(s.mm, AT), "nobody gave the first one back");
	expect_mapped(s.mm, there);
	close_space(&s);
}

/* Two areas that share a table go at the same time: one of the two takes the table, and it goes once. */
static void two_munmaps_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 2)
		try_touch(s->mm, AT + PAGE, true);
	else
		expect(!mmsim_munmap(s->mm, AT + i * 2 * PAGE, 2 * PAGE), "it is unmapped");
}

static void two_munmaps(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_NEVER);
	map(&s, AT, 4, FIXED);
	touch(s.mm, AT, true);
	touch(s.mm, AT + 2 * PAGE, true);
	run(&s, CPUS, two_munmaps_task);
	expect_mapped(s.mm, 0);
	close_space(&s);
}

/* Unmapped and mapped anew at the same address, under the eyes of two who touch. */
static void remap_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0) {
		expect(!mmsim_mmap(s->mm, AT, 2 * PAGE, FIXED, NULL, 0, NULL), "it is mapped");
		touch(s->mm, AT + PAGE, true);
	} else {
		touch(s->mm, AT, true);
		touch(s->mm, AT, false);
	}
}

static void remap(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_NEVER);
	map(&s, AT, 2, FIXED);
	touch(s.mm, AT, true);
	run(&s, CPUS, remap_task);
	expect_mapped(s.mm, 1 + !!page_at(s.mm, AT));
	close_space(&s);
}

const struct scenario scenarios_mm[] = {
	MM("fault-munmap", "an area goes, its neighbour below the same table is touched",
	   fault_munmap),
	MM("fault-fault", "three first touches of one page", fault_fault),
	MM("fault-exit", "an exit, and two who touch", fault_exit),
	MM("fault-exit-works", "the same, pages freed by workers", fault_exit_workers),
	MM("reaper-exit", "an exit, the reaper, and one who touches", reaper_exit),
	MM("reaper-fault", "the reaper, and two who touch", reaper_fault),
	MM("stale-tlb", "an munmap, and two whose TLBs have the page", stale_tlb),
	MM("populate-dontneed", "one populates what two give back", populate_dontneed),
	MM("two-munmaps", "two areas that share a table go at once", two_munmaps),
	MM("remap", "mapped over, under the eyes of two who touch", remap),
	{ 0 },
};
