/* SPDX-License-Identifier: MIT */
/* Address spaces: taken down by several threads, while others are at them. */
#include "space.h"

/*
 * Range-parallel: cells of 2 MiB. The first holds parts of two areas; the last one's table is also that of an
 * area that stays.
 */
enum { PARTS = 3 };

#define GOES (PARTS * MMSIM_PMD_SIZE - 8 * PAGE)
#define STAYS (AT + GOES)

static void map_parts(struct space *s)
{
	map(s, AT, GOES / PAGE, FIXED);
	map(s, AT + MMSIM_PMD_SIZE - 20 * PAGE, 10, OTHER);
	map(s, STAYS, 4, OTHER);
	for (unsigned i = 0; i < PARTS; i++)
		touch(s->mm, AT + i * MMSIM_PMD_SIZE + i * PAGE, true);
	touch(s->mm, AT + MMSIM_PMD_SIZE - 15 * PAGE, true);
	touch(s->mm, AT + MMSIM_PMD_SIZE - 5 * PAGE, true);
}

static void range_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0) {
		expect(!mmsim_munmap(s->mm, AT, GOES), "it is unmapped");
		set_done(s);
	} else if (i == 1) {
		touch(s->mm, STAYS, true);
		touch(s->mm, STAYS + PAGE, true);
	} else {
		bool late = is_done(s);
		int err = try_touch(s->mm, AT + MMSIM_PMD_SIZE + PAGE, false);

		expect(!late || err, "no access by a translation that was flushed");
	}
}

static void range_fault(struct mmsim *m)
{
	struct space s;

	teardown(m, MMSIM_TEARDOWN_RANGE_PARALLEL);
	open_space(&s, m, MMSIM_THP_NEVER);
	map_parts(&s);
	run(&s, CPUS, range_task);
	expect_mapped(s.mm, 2);
	expect(nr_tables(s.mm) == 4, "tables of what was unmapped are gone");
	close_space(&s);
}

/* Two at once, with one part each that the other begins at; a third touches behind both. */
static void range_two_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 2) {
		try_touch(s->mm, AT + MMSIM_PMD_SIZE + PAGE, true);
		touch(s->mm, STAYS, true);
	} else {
		expect(!mmsim_munmap(s->mm, AT + i * (MMSIM_PMD_SIZE + 200 * PAGE),
				     MMSIM_PMD_SIZE + 200 * PAGE),
		       "it is unmapped");
	}
}

static void range_two(struct mmsim *m)
{
	struct space s;

	teardown(m, MMSIM_TEARDOWN_RANGE_PARALLEL);
	open_space(&s, m, MMSIM_THP_NEVER);
	map_parts(&s);
	run(&s, CPUS, range_two_task);
	expect_mapped(s.mm, 1);
	close_space(&s);
}

static void range_exit(struct mmsim *m)
{
	struct space s;

	teardown(m, MMSIM_TEARDOWN_RANGE_PARALLEL);
	open_space(&s, m, MMSIM_THP_NEVER);
	map_parts(&s);
	run(&s, CPUS, exit_task);
	expect_mapped(s.mm, 0);
	expect(nr_tables(s.mm) == 1, "N3: only the top table is left");
	close_space(&s);
}

/* An exit by parts, of huge pages and a table, that the reaper unmaps, too. */
static void range_reaper(struct mmsim *m)
{
	struct space s;

	teardown(m, MMSIM_TEARDOWN_RANGE_PARALLEL);
	open_space(&s, m, MMSIM_THP_ALWAYS);
	map(&s, AT, PARTS * 512 - 1, FIXED);
	for (unsigned i = 0; i < PARTS; i++)
		touch(s.mm, AT + i * MMSIM_PMD_SIZE, true);
	run(&s, CPUS, reaper_task);
	expect_mapped(s.mm, 0);
	expect(nr_tables(s.mm) == 1, "N3: only the top table is left");
	close_space(&s);
}

const struct scenario scenarios_range[] = {
	MM("range-fault", "range-parallel munmap, and faults elsewhere", range_fault),
	MM("range-two", "two of them, and one who touches", range_two),
	MM("range-exit", "range-parallel exit, and two who touch", range_exit),
	MM("range-reaper", "the same of huge pages, and the reaper", range_reaper),
	{ 0 },
};
