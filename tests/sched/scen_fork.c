/* SPDX-License-Identifier: MIT */
/* Address spaces: pages that are shared after a fork, and huge pages. */
#include "space.h"

/* A store that begins after the fork is not the child's; and a child's never the parent's. */
static void fork_store_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0) {
		expect(!mmsim_mm_fork(s->mm, &s->child), "it forks");
		set_done(s);
		return;
	}
	for (unsigned k = 0; k < 4; k++) {
		bool late = is_done(s);

		touch(s->mm, AT + (i - 1) * PAGE, true);
		if (late)
			__atomic_or_fetch(&s->after, 1u << (i - 1), __ATOMIC_RELAXED);
	}
}

static void fork_store(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_NEVER);
	map(&s, AT, 2, FIXED);
	touch(s.mm, AT, true);
	touch(s.mm, AT + PAGE, true);
	run(&s, CPUS, fork_store_task);
	for (unsigned i = 0; i < 2; i++)
		if (s.after & 1u << i)
			expect(page_at(s.mm, AT + i * PAGE) != page_at(s.child, AT + i * PAGE),
			       "a store after a fork is the storer's own");
	expect_mapped(s.mm, 2);
	expect_mapped(s.child, 2);
	close_space(&s);
}

/* Both store to what they share. */
static void cow_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 2) {
		touch(s->mm, AT, false);
		touch(s->child, AT + PAGE, true);
		touch(s->mm, AT + 2 * PAGE, true);
	} else {
		touch(i ? s->child : s->mm, AT, true);
		touch(i ? s->child : s->mm, AT, true);
	}
}

static void run_cow(struct mmsim *m, enum mmsim_thp thp, uint64_t pages)
{
	struct space s;

	open_space(&s, m, thp);
	map(&s, AT, pages, FIXED);
	expect(!mmsim_populate(s.mm, AT, pages * PAGE, true), "it is populated");
	expect(!mmsim_mm_fork(s.mm, &s.child), "it forks");
	run(&s, CPUS, cow_task);
	for (unsigned i = 0; i < 3; i++)
		expect(page_at(s.mm, AT + i * PAGE) != page_at(s.child, AT + i * PAGE),
		       "each has its own");
	expect(page_at(s.mm, AT + 3 * PAGE) == page_at(s.child, AT + 3 * PAGE),
	       "what nobody stored to is shared");
	expect_mapped(s.mm, pages);
	expect_mapped(s.child, pages);
	close_space(&s);
}

static void cow(struct mmsim *m)
{
	run_cow(m, MMSIM_THP_NEVER, 4);
}

static void cow_huge(struct mmsim *m)
{
	run_cow(m, MMSIM_THP_ALWAYS, 512);
}

/* One has the page to itself as soon as the other is gone, and not before. */
static void cow_exit_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0) {
		mmsim_mm_exit(s->mm);
	} else {
		touch(s->child, AT, i == 1);
		touch(s->child, AT + PAGE, i == 2);
	}
}

static void cow_exit(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_NEVER);
	map(&s, AT, 2, FIXED);
	touch(s.mm, AT, true);
	touch(s.mm, AT + PAGE, true);
	expect(!mmsim_mm_fork(s.mm, &s.child), "it forks");
	run(&s, CPUS, cow_exit_task);
	expect_mapped(s.mm, 0);
	expect_mapped(s.child, 2);
	close_space(&s);
}

/* A page of a huge one goes, while others touch that one and its neighbour. */
static void split_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0) {
		expect(!mmsim_munmap(s->mm, AT + 5 * PAGE, PAGE), "it is unmapped");
		set_done(s);
	} else {
		bool late = is_done(s);
		int err = try_touch(s->mm, AT + 5 * PAGE, true);

		expect(!late || err, "no access by a translation that was flushed");
		touch(s->mm, AT + 4 * PAGE, i == 1);
	}
}

static void huge_split(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_ALWAYS);
	map(&s, AT, 512, FIXED);
	touch(s.mm, AT, true);
	run(&s, CPUS, split_task);
	expect_mapped(s.mm, 511);
	close_space(&s);
}

/* All want the same 2 MiB, with one who gives a part of them back. */
static void huge_fault_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 2)
		expect(!mmsim_madvise(s->mm, AT + PAGE, PAGE, MMSIM_MADV_DONTNEED),
		       "it is given back");
	else
		touch(s->mm, AT + i * 7 * PAGE, true);
}

static void huge_fault(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_ALWAYS);
	map(&s, AT, 512, FIXED);
	run(&s, CPUS, huge_fault_task);
	expect_mapped(s.mm, 512 - !page_at(s.mm, AT + PAGE));
	close_space(&s);
}

/* A huge page goes as a whole, and comes again. */
static void huge_dontneed_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0)
		expect(!mmsim_madvise(s->mm, AT, MMSIM_PMD_SIZE, MMSIM_MADV_DONTNEED),
		       "it is given back");
	else
		for (unsigned k = 0; k < 2; k++)
			touch(s->mm, AT + (i + 7 * k) * PAGE, k);
}

static void huge_dontneed(struct mmsim *m)
{
	struct space s;

	open_space(&s, m, MMSIM_THP_ALWAYS);
	map(&s, AT, 512, FIXED);
	touch(s.mm, AT, true);
	run(&s, CPUS, huge_dontneed_task);
	expect_mapped(s.mm, page_at(s.mm, AT) ? 512 : 0);
	close_space(&s);
}

const struct scenario scenarios_fork[] = {
	MM("fork-store", "a fork, and two who store by their TLBs", fork_store),
	MM("cow", "parent and child store to one page", cow),
	MM("cow-huge", "the same of a huge page", cow_huge),
	MM("cow-exit", "the parent goes while the child stores", cow_exit),
	MM("huge-split", "a page of a huge one goes, its neighbours are touched", huge_split),
	MM("huge-fault", "first touches of one huge page, a part is given back", huge_fault),
	MM("huge-dontneed", "a huge page goes and comes again", huge_dontneed),
	{ 0 },
};
