/* SPDX-License-Identifier: MIT */
/*
 * The kernel's addresses: entries in TLBs while others flush, page tables that go while others walk.
 *
 * What is mapped are frames of no memory: which one a CPU finds says how old what it found is.
 */
#include "scenario.h"

#include "machine.h"
#include "tables.h"

enum { CPUS = 3, ROUNDS = 3, PAGE = MMSIM_PAGE_SIZE, LEVELS = 4 };

#define HERE MMSIM_VMALLOC_START_4
#define SLOT (UINT64_C(1) << 21)
#define FRAMES (UINT64_C(1) << 30) /* from this pfn on */
#define NO_PFN UINT64_MAX

struct space {
	struct mmsim *m;
	struct mm_tlb tlb;
	struct mm_tlb_kernel k;
	struct mm_vmap_tables t;
	uint64_t oldest[CPUS]; /* atomic: of what a page maps; older ones were flushed */
};

static void open_space(struct space *s, struct mmsim *m, bool counted)
{
	*s = (struct space){ .m = m };
	expect(!mm_tlb_init(&s->tlb, m->exec, &m->locks, true), "there are TLBs");
	mm_tlb_kernel_init(&s->tlb, &s->k);
	expect(!mm_vmap_tables_init(&s->t, &m->buddy, &m->locks, &s->tlb, &s->k, LEVELS, counted),
	       "there are tables");
}

static void close_space(struct space *s)
{
	mm_vmap_tables_barrier(&s->t);
	mm_vmap_tables_validate(&s->t);
	expect(!mm_vmap_tables_counts(&s->t), "T2: nobody counts in the end");
	mm_vmap_tables_fini(&s->t);
	mm_tlb_kernel_fini(&s->k);
	mm_tlb_fini(&s->tlb);
	scenario_all_is_back(s->m);
}

static void run_tasks(struct mmsim *m, bool counted, void (*fn)(unsigned i, void *arg),
		      uint64_t tables)
{
	MM_ON_CPU(m);
	static struct space s;

	open_space(&s, m, counted);
	expect(!mmsim_run(m, CPUS, fn, &s), "tasks start");
	mm_vmap_tables_barrier(&s.t);
	expect(s.t.nr == tables, "T4: tables that are needed are there, and no other");
	close_space(&s);
}

static void map(struct space *s, uint64_t addr, uint64_t frame)
{
	expect(!mm_vmap_map_phys(&s->t, addr, PAGE, (FRAMES + frame) * PAGE, false,
				 MMSIM_GFP_KERNEL),
	       "there is memory for tables");
}

static void flush(struct space *s, uint64_t start, uint64_t end, bool tables)
{
	mm_tlb_flush_kernel(&s->k, start, end, tables);
}

/* Flushes */

static uint64_t page_at(unsigned page)
{
	return HERE + page * (uint64_t)PAGE;
}

/* An access by anybody: not older than the last flush that was over when it began. */
static void touch(struct space *s, unsigned page)
{
	uint64_t oldest, pfn;

	mm_exec_point(s->m->exec, MM_POINT_ATOMIC, &s->oldest[page]);
	oldest = __atomic_load_n(&s->oldest[page], __ATOMIC_ACQUIRE);
	pfn = mm_vmap_access(&s->t, page_at(page));
	expect(pfn == NO_PFN || pfn >= FRAMES + oldest, "K1: nothing is used after its flush");
}

/* The owner of a page: a frame after the other, each flushed before the next comes. */
static void remap(struct space *s, unsigned page)
{
	for (uint64_t frame = 0; frame < ROUNDS; frame++) {
		map(s, page_at(page), frame);
		expect(mm_vmap_access(&s->t, page_at(page)) == FRAMES + frame,
		       "an owner reaches what he mapped");
		mm_vmap_unmap(&s->t, page_at(page), page_at(page + 1));
		flush(s, page_at(page), page_at(page + 1), false);
		__atomic_store_n(&s->oldest[page], frame + 1, __ATOMIC_RELEASE);
	}
}

static void flush_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (!i)
		remap(s, 0);
	for (unsigned n = 0; i && n < ROUNDS + 1; n++)
		touch(s, 0);
}

static void ktlb_flush(struct mmsim *m)
{
	run_tasks(m, false, flush_task, LEVELS);
}

/* Two owners, whose flushes meet, and accesses to both. */
static void two_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i < 2)
		remap(s, i);
	for (unsigned n = 0; i == 2 && n < 2 * ROUNDS; n++)
		touch(s, n % 2);
}

static void ktlb_two(struct mmsim *m)
{
	run_tasks(m, false, two_task, LEVELS);
}

/* Tables that go */

/* An area for a while; what becomes free is freed by the book. */
static void use_area(struct space *s, uint64_t page, uint64_t pages, uint64_t frame)
{
	struct mm_vmap_area va = { .va_start = HERE + page * PAGE,
				   .va_end = HERE + (page + pages) * PAGE };
	struct mm_vmap_gone gone = { 0 };

	expect(!mm_vmap_tables_get(&s->t, &va, MMSIM_GFP_KERNEL), "there is memory for tables");
	for (uint64_t i = 0; i < pages; i++)
		map(s, va.va_start + i * PAGE, frame);
	mm_exec_resched(s->m->exec);
	for (uint64_t i = 0; i < pages; i++) {
		expect(mm_vmap_walk(&s->t, va.va_start + i * PAGE) == FRAMES + frame,
		       "T2: the table of who counts is there");
		expect(mm_vmap_access(&s->t, va.va_start + i * PAGE) == FRAMES + frame,
		       "an owner reaches what he mapped");
	}
	mm_vmap_unmap(&s->t, va.va_start, va.va_end);
	flush(s, va.va_start, va.va_end, false);
	mm_vmap_tables_put(&s->t, &va, &gone);
	if (gone.end)
		flush(s, gone.start, gone.end, true);
	mm_vmap_tables_free(&s->t, &gone);
}

/* Whoever walks there finds something or nothing, and never what is no table. */
static void look(struct space *s, uint64_t page)
{
	uint64_t pfn = mm_vmap_walk(&s->t, HERE + page * PAGE);

	expect(pfn == NO_PFN || pfn - FRAMES < CPUS, "a walk finds what was mapped");
	mm_vmap_access(&s->t, HERE + page * PAGE);
}

static void walk_task(unsigned i, void *arg)
{
	struct space *s = arg;

	for (unsigned n = 0; n < 2 && !i; n++)
		use_area(s, 0, 1, 0);
	for (unsigned n = 0; n < 4 && i; n++)
		look(s, n % 2);
}

static void ktable_walk(struct mmsim *m)
{
	run_tasks(m, true, walk_task, LEVELS - 1);
}

/* The last who leaves a table, and the next who comes. */
static void last_task(unsigned i, void *arg)
{
	for (unsigned n = 0; n < 2; n++)
		use_area(arg, i, 1, i);
}

static void ktable_last(struct mmsim *m)
{
	run_tasks(m, true, last_task, LEVELS - 1);
}

/* Areas over the border of two tables, of which each is somebody else's, too. */
static void border_task(unsigned i, void *arg)
{
	static const struct {
		uint64_t page, pages;
	} area[CPUS] = { { SLOT / PAGE - 1, 2 }, { SLOT / PAGE - 2, 1 }, { SLOT / PAGE + 1, 1 } };

	for (unsigned n = 0; n < 2; n++)
		use_area(arg, area[i].page, area[i].pages, i);
}

static void ktable_border(struct mmsim *m)
{
	run_tasks(m, true, border_task, LEVELS - 1);
}

/* Without counts they stay: all make the same ones at first. */
static void make_task(unsigned i, void *arg)
{
	struct space *s = arg;

	map(s, HERE + i * SLOT, i);
	map(s, HERE + 8 * SLOT + i * (uint64_t)PAGE, i);
	expect(mm_vmap_walk(&s->t, HERE + i * SLOT) == FRAMES + i &&
		       mm_vmap_walk(&s->t, HERE + 8 * SLOT + i * (uint64_t)PAGE) == FRAMES + i,
	       "what was mapped stays");
}

static void ktable_make(struct mmsim *m)
{
	run_tasks(m, false, make_task, LEVELS - 1 + CPUS + 1);
}

#define KERNEL(n, text, function)                                      \
	{                                                              \
		.name = n, .what = text, .cpus = CPUS, .run = function \
	}

const struct scenario scenarios_tlb_kernel[] = {
	KERNEL("ktlb-flush", "a kernel address is flushed and mapped anew while CPUs use it",
	       ktlb_flush),
	KERNEL("ktlb-two", "two flushes of kernel addresses, and who uses both", ktlb_two),
	KERNEL("ktable-make", "several make the same kernel page tables", ktable_make),
	KERNEL("ktable-walk", "a kernel page table is freed while others walk", ktable_walk),
	KERNEL("ktable-last", "the last leaves a kernel page table, the next comes", ktable_last),
	KERNEL("ktable-border", "areas that share two kernel page tables come and go",
	       ktable_border),
	{ 0 },
};
