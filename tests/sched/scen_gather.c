/* SPDX-License-Identifier: MIT */
/*
 * Gathers: what they free no TLB has any more, two of them on one address space, flushes that are merged,
 * chains with workers, and tables that somebody walks.
 *
 * Entries are those of one PTE table made by hand; CPUs use them as a processor would: by their TLB, else
 * by a walk. T3 of lib/tlb stops the program if a page is freed that one could still use.
 */
#include "scenario.h"

#include "batch_free.h"
#include "flush_group.h"
#include "gather_rig.h"
#include "machine.h"

#define HERE UINT64_C(0x7f0000000000)

enum { CPUS = 3, PAGES = 3 };

struct scene {
	struct mmsim *m;
	struct gather_rig r;
	struct mm_spinlock lock; /* of the entries */
	mm_entry entry[PAGES];
	uint64_t pfn[PAGES]; /* what they mapped at first */
	struct mm_flush_group group;
	uint32_t cleared; /* atomic: entries that somebody found and cleared */
};

static void open_scene(struct scene *s, struct mmsim *m)
{
	const struct gather_rig_config cfg = {
		.locks = &m->locks,
		.log = &m->log,
		.buddy = &m->buddy,
		.topology = &m->topology,
	};

	memset(s, 0, sizeof(*s));
	s->m = m;
	expect(!gather_rig_open(&s->r, &cfg), "there is memory");
	mm_sync_spin_init(&s->lock, &m->locks, MM_RANK_PTE);
	mm_mmap_flush_group_init(&s->group, &m->locks, &s->r.mmap.tlb, &s->r.mm.tlb);
}

static void map_pages(struct scene *s)
{
	for (unsigned i = 0; i < PAGES; i++) {
		struct mmsim_page *page = gather_rig_page(&s->r, 0, false);

		expect(page, "there is memory");
		s->pfn[i] = mm_page_to_pfn(s->m->buddy.map, page);
		s->entry[i] = mm_entry_make(s->pfn[i], MM_PTE_PRESENT | MM_PTE_WRITE);
	}
}

static void close_scene(struct scene *s)
{
	mm_mmap_flush_group_fini(&s->group);
	mm_sync_spin_fini(&s->lock);
	gather_rig_close(&s->r);
	expect(!s->r.mm.tlb_flush_pending, "every gather has ended");
	scenario_all_is_back(s->m);
}

static void run_scene(struct scene *s, void (*fn)(unsigned i, void *arg))
{
	expect(!mmsim_run(s->m, CPUS, fn, s), "tasks start");
	close_scene(s);
}

static uint64_t addr_of(unsigned i)
{
	return HERE + i * MMSIM_PAGE_SIZE;
}

/* A walk by the caller's CPU, whose TLB is locked: to it, that is one step. */
static void walk(struct scene *s, struct mm_tlb_cpu *c, unsigned i)
{
	mm_entry e = mm_entry_read(&s->entry[i]);
	const struct mm_tlb_entry found = {
		.start = addr_of(i),
		.end = addr_of(i + 1),
		.pfn = mm_entry_pfn(e),
		.write = true,
	};

	if (mm_entry_present(e))
		mm_tlb_fill(&s->r.mmap.tlb, c, &s->r.mm.tlb, &found);
}

static void use(struct scene *s, unsigned i)
{
	struct mm_tlb_cpu *c = mm_tlb_access_begin(&s->r.mmap.tlb, &s->r.mm.tlb);
	const struct mm_tlb_entry *e;

	if (!mm_tlb_lookup(c, &s->r.mm.tlb, addr_of(i)))
		walk(s, c, i);
	e = mm_tlb_lookup(c, &s->r.mm.tlb, addr_of(i));
	expect(!e || e->pfn == s->pfn[i], "a TLB has what was mapped");
	mm_tlb_access_end(c);
}

static void use_all(struct scene *s)
{
	for (unsigned i = 0; i < PAGES; i++) {
		use(s, i);
		mm_exec_resched(s->m->exec);
	}
}

/* Entries [first, end) that are still there into the gather. */
static void unhook(struct scene *s, struct mm_gather *g, unsigned first, unsigned end)
{
	mm_spin_lock(&s->lock);
	for (unsigned i = first; i < end; i++) {
		mm_entry e = mm_entry_clear(&s->entry[i]);

		if (!mm_entry_present(e))
			continue;
		__atomic_add_fetch(&s->cleared, 1, __ATOMIC_RELAXED);
		mm_gather_unhooked(g, addr_of(i), MMSIM_PAGE_SIZE, MM_LEVEL_PTE);
		mm_mmap_gather_pages(g, mm_pfn_to_page(s->m->buddy.map, mm_entry_pfn(e)), 1, false);
	}
	mm_spin_unlock(&s->lock);
}

/* Whoever has unmapped them: when the call is over, no CPU uses them. T3. */
static void expect_unused(struct scene *s, unsigned first, unsigned end)
{
	for (unsigned i = first; i < end; i++)
		mm_tlb_check_page(&s->r.mmap.tlb, s->pfn[i], 1);
}

static void unmap(struct scene *s, unsigned first, unsigned end)
{
	struct mm_gather g;

	mm_mmap_gather_begin(&g, &s->r.mm, false);
	unhook(s, &g, first, end);
	mm_exec_resched(s->m->exec);
	mm_mmap_gather_end(&g);
	expect_unused(s, first, end);
}

/* One gather and two that use. */
static void gather_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	if (i)
		use_all(s);
	else
		unmap(s, 0, PAGES);
}

static void gather(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m);
	map_pages(&s);
	run_scene(&s, gather_task);
}

/* Two that overlap, and one that uses. What both take out was used by both. */
static void two_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	if (i == 2) {
		use_all(s);
	} else {
		use(s, 1);
		unmap(s, i, i + 2);
	}
}

static void two_gathers(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m);
	map_pages(&s);
	run_scene(&s, two_task);
	expect(s.cleared == PAGES && s.r.mmap.info.freed == PAGES, "each page is freed once");
}

/* Each takes one page out, flushed together with the others, and uses those of the others meanwhile. */
static void group_task(unsigned i, void *arg)
{
	struct scene *s = arg;
	struct mm_gather g;

	use_all(s);
	mm_mmap_gather_begin(&g, &s->r.mm, false);
	g.group = &s->group;
	unhook(s, &g, i, i + 1);
	mm_mmap_gather_flush(&g);
	use(s, (i + 1) % PAGES);
	mm_mmap_gather_end(&g);
	expect_unused(s, i, i + 1);
}

static void flush_group(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct scene s;
	struct mmsim_tlb_info tlb;

	open_scene(&s, m);
	map_pages(&s);
	expect(!mmsim_run(m, CPUS, group_task, &s), "tasks start");
	mm_tlb_info(&s.r.mmap.tlb, &tlb);
	expect(tlb.flushes + s.r.mmap.info.merged == CPUS, "M1: a flush is one's own or another's");
	close_scene(&s);
}

/* As many as there are threads, twice: who leads the next is woken, whoever that is. */
static void rounds_task(unsigned i, void *arg)
{
	struct scene *s = arg;
	const struct mm_tlb_flush what = { addr_of(i), addr_of(i + 1), MMSIM_PAGE_SHIFT, false };

	for (unsigned k = 0; k < 2; k++) {
		uint64_t gen = mm_tlb_gen(&s->r.mm.tlb);

		mm_mmap_flush_group_flush(&s->group, &what);
		expect(mm_tlb_gen(&s->r.mm.tlb) > gen, "M1: after a flush that began later");
	}
}

static void flush_rounds(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m);
	run_scene(&s, rounds_task);
}

/* Chains with workers: one for two gathers. Somebody else has every page, too. */
enum { CHAINED = MM_GATHER_BUNDLE + 1, FLUSHES = 2 };

static void flush_shared(struct scene *s, struct mm_gather *g, struct mmsim_page **page)
{
	for (unsigned i = 0; i < CHAINED; i++) {
		page[i] = gather_rig_page(&s->r, 0, false);
		expect(page[i], "there is memory");
		mm_folio_get(page[i], 1);
		mm_gather_unhooked(g, HERE, MMSIM_PAGE_SIZE, MM_LEVEL_PTE);
		expect(!mm_mmap_gather_pages(g, page[i], 1, false), "there is room");
	}
	mm_mmap_gather_flush(g);
}

static void works_task(unsigned i, void *arg)
{
	struct scene *s = arg;
	struct mmsim_page *page[FLUSHES * CHAINED];
	struct mm_gather g;

	if (i == 2)
		return;
	mm_mmap_gather_begin(&g, &s->r.mm, false);
	for (unsigned k = 0; k < FLUSHES; k++)
		flush_shared(s, &g, page + k * CHAINED);
	mm_mmap_gather_end(&g);
	for (unsigned k = 0; k < FLUSHES * CHAINED; k++) {
		expect(__atomic_load_n(&page[k]->refcount, __ATOMIC_ACQUIRE) == 1,
		       "G5: all is given up when a gather has ended");
		mm_mmap_put_folio(&s->r.mmap.release, page[k], 1);
	}
}

static void gather_works(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m);
	s.r.mmap.how = (struct mmsim_teardown){
		.way = MMSIM_TEARDOWN_BATCH_WORKERS,
		.threshold = CHAINED,
		.max_batches = 1,
	};
	run_scene(&s, works_task);
	expect(s.r.mmap.info.handed == 2 * FLUSHES, "chains are handed over");
	expect(s.r.mmap.info.freed == (uint64_t)2 * FLUSHES * CHAINED, "each page is freed once");
}

/* A table goes while others walk. */

static void grow_tree(struct scene *s)
{
	struct mmsim_mm *mm = &s->r.mm;
	bool huge;

	mm_sync_spin_init(&mm->page_table_lock, &s->m->locks, MM_RANK_PAGE_TABLE);
	mm->levels = 4;
	mm->pgd = mm_mmap_table_alloc(&s->m->buddy, &s->m->locks, MM_LEVEL_PUD);
	expect(mm->pgd && mm_mmap_table_get(mm, HERE, MM_LEVEL_PTE, &huge), "there is memory");
}

/* What the walk left above. */
static void cut_tree(struct scene *s)
{
	struct mmsim_mm *mm = &s->r.mm;

	mm_mmap_table_free(mm_mmap_table_find(mm, HERE, MM_LEVEL_PMD));
	mm_mmap_table_free(mm->pgd);
	mm_sync_spin_fini(&mm->page_table_lock);
}

static void walk_task(struct scene *s)
{
	struct mm_rcu *rcu = &s->r.mmap.rcu;

	for (unsigned k = 0; k < 4; k++) {
		unsigned reader = mm_rcu_read_lock(rcu);
		struct mm_table *table = mm_mmap_table_find(&s->r.mm, HERE, MM_LEVEL_PTE);
		struct mmsim_page *page = table ? table->page : NULL;

		mm_exec_resched(s->m->exec);
		expect(!page || (__atomic_load_n(&page->refcount, __ATOMIC_RELAXED) == 1 &&
				 mm_frame_data(page) == table),
		       "Q3: who walks under RCU finds tables");
		mm_rcu_read_unlock(rcu, reader);
	}
}

/*
 * The next allocation fails: that of a batch. Others read this without an order that ThreadSanitizer would
 * see.
 */
static MM_NO_TSAN void fail_next(struct mmsim *m)
{
	m->fault.point[MMSIM_FAULT_METADATA] = (struct mm_fault_point){ .nth = 1, .count = 1 };
}

static void free_table(struct scene *s, bool single)
{
	struct mmsim_mm *mm = &s->r.mm;
	struct mm_table *above = mm_mmap_table_find(mm, HERE, MM_LEVEL_PMD);
	struct mm_table *table = mm_mmap_table_find(mm, HERE, MM_LEVEL_PTE);
	struct mm_gather g;

	mm_mmap_gather_begin(&g, mm, false);
	mm_spin_lock(&above->lock);
	mm_entry_set(mm_entry_at(above, HERE), 0);
	mm_spin_unlock(&above->lock);
	if (single)
		fail_next(s->m);
	mm_mmap_gather_table(&g, table, HERE);
	mm_mmap_gather_end(&g);
}

static void batch_task(unsigned i, void *arg)
{
	if (i)
		walk_task(arg);
	else
		free_table(arg, false);
}

static void single_task(unsigned i, void *arg)
{
	if (i)
		walk_task(arg);
	else
		free_table(arg, true);
}

static void run_tables(struct mmsim *m, void (*fn)(unsigned i, void *arg), unsigned single)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m);
	grow_tree(&s);
	expect(!mmsim_run(m, CPUS, fn, &s), "tasks start");
	expect(s.r.mmap.info.tables == 1 && s.r.mmap.info.single_tables == single,
	       "the table is freed in the way that is meant");
	cut_tree(&s);
	close_scene(&s);
}

static void table_batch(struct mmsim *m)
{
	run_tables(m, batch_task, 0);
}

static void table_single(struct mmsim *m)
{
	run_tables(m, single_task, 1);
}

#define SCENARIO(n, text, function)                                                \
	{                                                                          \
		.name = n, .what = text, .cpus = CPUS, .memory = SCENARIO_GROUPED, \
		.run = function, .invariant = scenario_books                       \
	}

const struct scenario scenarios_gather[] = {
	SCENARIO("gather", "pages taken out of a table that two others use", gather),
	SCENARIO("two-gathers", "the same by two, whose ranges overlap", two_gathers),
	SCENARIO("flush-group", "three gathers whose flushes are merged", flush_group),
	SCENARIO("flush-rounds", "three threads that flush again and again", flush_rounds),
	SCENARIO("gather-works", "two gathers, their chains freed by workers", gather_works),
	SCENARIO("table-batch", "a table freed by RCU, two who walk", table_batch),
	SCENARIO("table-single", "the same without memory for a batch", table_single),
	{ 0 },
};
