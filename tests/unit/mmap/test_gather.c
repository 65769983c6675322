/* SPDX-License-Identifier: MIT */
/* mmu_gather: how much it holds, and what it flushes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "child_dies.h"
#include "gather_machine.h"

/* Batches: G2 */

static void first_slots(enum mmsim_mode mode)
{
	struct rig *r = rig_open(mode);
	struct mm_gather g;

	begin(r, &g);
	assert_int_equal(r->g.mm.tlb_flush_pending, 1);
	add_many(r, &g, BUNDLE - 2);
	assert_int_equal(g.batch_count, 0);
	/* There is no room for a page and its count: a batch is seen to, and yet the last slot is used. */
	add_many(r, &g, 2);
	assert_int_equal(g.batch_count, 1);
	assert_ptr_equal(g.active, &g.local);
	assert_int_equal(g.local.nr, BUNDLE);
	add_many(r, &g, 1);
	assert_ptr_not_equal(g.active, &g.local);
	assert_int_equal(g.active->nr, 1);
	assert_int_equal(look(r).freed, 0);
	mm_mmap_gather_end(&g);
	struct mmsim_teardown_info did = look(r);

	assert_int_equal(did.freed, BUNDLE + 1);
	assert_int_equal(did.gathers, 1);
	assert_int_equal(did.flushes, 1);
	assert_int_equal(did.max_batches, 1);
	assert_int_equal(did.forced + did.handed + did.tables, 0);
	rig_close(r);
}

static void has_slots_of_its_own(void **state)
{
	(void)state;
	in_all_modes(first_slots);
}

/* A batch is used to its last slot. */
static void has_batches_of_510(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mm_gather g;

	(void)state;
	begin(r, &g);
	add_many(r, &g, BUNDLE + BATCH - 2);
	assert_int_equal(g.batch_count, 1);
	add_many(r, &g, 2);
	assert_int_equal(g.batch_count, 2);
	assert_int_equal(g.active->nr, BATCH);
	add_many(r, &g, 1);
	assert_int_equal(g.active->nr, 1);
	/* Batches that were freed are used again. */
	mm_mmap_gather_flush(&g);
	assert_int_equal(look(r).freed, BUNDLE + BATCH + 1);
	assert_int_equal(g.batch_count, 2);
	add_many(r, &g, BUNDLE + BATCH + 1);
	assert_int_equal(g.batch_count, 2);
	mm_mmap_gather_end(&g);
	assert_int_equal(look(r).freed, BUNDLE + BATCH + 1);
	rig_close(r);
}

static void is_full_with_19_batches(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	const unsigned slots = BUNDLE + MM_GATHER_BATCH_COUNT * BATCH;
	struct mm_gather g;

	(void)state;
	assert_int_equal(slots, 9698);
	begin(r, &g);
	/* One slot stays empty: what comes next might be a page and its count. */
	assert_int_equal(fill(r, &g, add), slots - 1);
	assert_int_equal(g.batch_count, MM_GATHER_BATCH_COUNT);
	mm_mmap_gather_flush(&g);
	struct mmsim_teardown_info did = look(r);

	assert_int_equal(did.forced, 1);
	assert_int_equal(did.max_batches, MM_GATHER_BATCH_COUNT);
	assert_int_equal(did.freed, slots - 1);
	/* Full again, after as many; and that is the end, too. */
	assert_int_equal(fill(r, &g, add), slots - 1);
	mm_mmap_gather_end(&g);
	assert_int_equal(look(r).freed, slots - 1);
	rig_close(r);
}

static void takes_folios_with_counts(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 2 * MEMORY, false);
	const unsigned slots = BUNDLE + MM_GATHER_BATCH_COUNT * BATCH;
	struct mm_gather g;

	(void)state;
	begin(r, &g);
	assert_int_equal(fill(r, &g, add_folio), slots / 2);
	assert_int_equal(g.nr_gathered, slots / 2 * FOLIO);
	mm_mmap_gather_end(&g);
	assert_int_equal(look(r).freed, slots / 2 * FOLIO);
	rig_close(r);
}

/* One slot is left, and a folio needs two: it goes to the next batch as a whole. */
static void keeps_a_count_with_its_page(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mm_gather g;

	(void)state;
	begin(r, &g);
	add_many(r, &g, BUNDLE - 1);
	assert_false(add_folio(r, &g));
	assert_int_equal(g.local.nr, BUNDLE - 1);
	assert_int_equal(g.active->nr, 2);
	assert_true(mm_batch_pages(g.active)[0] & MM_ENCODED_NR_NEXT);
	assert_int_equal(mm_encoded_nr(mm_batch_pages(g.active), 0), FOLIO);
	add_many(r, &g, BATCH - 3);
	assert_int_equal(g.active->nr, BATCH - 1);
	assert_int_equal(g.batch_count, 2);
	assert_false(add_folio(r, &g));
	assert_int_equal(g.active->nr, 2);
	mm_mmap_gather_end(&g);
	assert_int_equal(look(r).freed, BUNDLE - 1 + BATCH - 3 + 2 * FOLIO);
	rig_close(r);
}

/* No page, or no memory for its bytes: what fits has to be flushed, and nothing is lost. */
static void no_batch(struct rig *r, bool short_of_pages)
{
	struct mmsim_page *page[2 * BUNDLE];
	struct mm_gather g;

	for (unsigned i = 0; i < 2 * BUNDLE; i++)
		page[i] = gather_rig_page(&r->g, 0, false);
	look(r);
	if (short_of_pages)
		hold_all_memory(r);
	else
		fail_metadata(r, 1, UINT32_MAX);
	begin(r, &g);
	for (unsigned i = 0; i < BUNDLE - 1; i++) {
		mm_gather_unhooked(&g, HERE, PAGE, MM_LEVEL_PTE);
		assert_int_equal(mm_mmap_gather_pages(&g, page[i], 1, false), i == BUNDLE - 2);
	}
	assert_int_equal(g.batch_count, 0);
	fail_metadata(r, 0, 0);
	give_memory_back(r);
	mm_mmap_gather_flush(&g);
	for (unsigned i = BUNDLE - 1; i < 2 * BUNDLE; i++)
		assert_false(mm_mmap_gather_pages(&g, page[i], 1, false));
	mm_mmap_gather_end(&g);
	struct mmsim_teardown_info did = look(r);

	assert_int_equal(did.forced, 1);
	assert_int_equal(did.freed, 2 * BUNDLE);
}

static void is_full_without_memory(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);

	(void)state;
	no_batch(r, true);
	no_batch(r, false);
	rig_close(r);
}

struct stray {
	struct rig *r;
	struct mm_gather g;
};

static void add_to_full(void *arg)
{
	struct stray *s = arg;

	fill(s->r, &s->g, add);
	add_folio(s->r, &s->g);
}

static void nothing_is_added_when_full(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct stray s = { .r = r };

	(void)state;
	begin(r, &s.g);
	assert_true(child_dies(add_to_full, &s, "G2: nothing is added to a full gather"));
	mm_mmap_gather_end(&s.g);
	rig_close(r);
}

/* Delayed rmaps: G4 */

static bool add_dirty(struct rig *r, struct mm_gather *g)
{
	struct mmsim_page *page = gather_rig_page(&r->g, 0, true);

	assert_non_null(page);
	mm_gather_unhooked(g, HERE, PAGE, MM_LEVEL_PTE);
	return mm_mmap_gather_pages(g, page, 1, true);
}

static bool is_delayed(const struct mm_gather_batch *batch)
{
	for (unsigned i = 0; i < batch->nr; i++)
		if (mm_batch_pages(batch)[i] & MM_ENCODED_DELAY_RMAP)
			return true;
	return false;
}

static void flush_dirty(struct mm_gather *g)
{
	mm_mmap_gather_flush_tlb(g);
	mm_mmap_gather_flush_rmaps(g);
	assert_false(g->delayed_rmap || is_delayed(&g->local) || is_delayed(g->active));
	mm_mmap_gather_flush(g);
}

/* From the first slots one batch is added, from a batch none: all are found where they are looked for. */
static void delays_rmaps_over_one_batch(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mm_gather g;

	(void)state;
	begin(r, &g);
	add_many(r, &g, 3);
	assert_int_equal(fill(r, &g, add_dirty), BUNDLE - 3 + BATCH - 1);
	assert_int_equal(g.batch_count, 1);
	assert_true(is_delayed(&g.local));
	flush_dirty(&g);
	struct mmsim_teardown_info did = look(r);

	assert_int_equal(did.forced, 1);
	assert_int_equal(did.flushes, 1);
	assert_int_equal(did.freed, BUNDLE + BATCH - 1);
	add_many(r, &g, BUNDLE + 5);
	assert_int_equal(fill(r, &g, add_dirty), BATCH - 5 - 1);
	flush_dirty(&g);
	/* The batch behind was there already when the first of them came: it does not help. */
	add_many(r, &g, BUNDLE + BATCH - 1);
	assert_int_equal(g.batch_count, 2);
	assert_true(add_dirty(r, &g));
	flush_dirty(&g);
	mm_mmap_gather_end(&g);
	rig_close(r);
}

/* Some of a folio's pages, by its tails, and others not delayed between them. */
static void removes_delayed_rmaps_only(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mmsim_page *mapped = gather_rig_page(&r->g, 0, true);
	struct mmsim_page *folio = gather_rig_page(&r->g, FOLIO_ORDER, true);
	struct mm_gather g;

	(void)state;
	mm_folio_get(mapped, 1); /* somebody else's, who maps it, too */
	mm_folio_get(folio, FOLIO);
	mm_folio_add_rmap(folio, FOLIO - 1);
	begin(r, &g);
	mm_gather_unhooked(&g, HERE, PAGE, MM_LEVEL_PTE);
	assert_false(mm_mmap_gather_pages(&g, mapped, 1, false));
	assert_false(mm_mmap_gather_pages(&g, folio, FOLIO, true));
	mm_mmap_gather_flush_tlb(&g);
	assert_int_equal(folio->mapcount, FOLIO - 1);
	mm_mmap_gather_flush_rmaps(&g);
	assert_int_equal(folio->mapcount, -1);
	assert_int_equal(mapped->mapcount, 0);
	mm_mmap_gather_end(&g);
	assert_int_equal(mapped->refcount, 1);
	assert_int_equal(folio->refcount, 1);
	mm_folio_remove_rmap(r->g.mmap.exec, mapped, 1);
	mm_mmap_put_folio(&r->g.mmap.release, mapped, 1);
	mm_mmap_put_folio(&r->g.mmap.release, folio, 1);
	assert_int_equal(look(r).freed, 1 + FOLIO);
	rig_close(r);
}

/* Ranges and levels: G3 */

static void flushes_what_was_unhooked(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mmsim_page *page = gather_rig_page(&r->g, 0, false);
	struct mm_gather g;

	(void)state;
	use_pages(r, page);
	begin(r, &g);
	/* Nothing yet. */
	mm_mmap_gather_flush_tlb(&g);
	assert_int_equal(tlb_info(r).flushes, 0);
	unhook(&g, NEAR - 1);
	unhook(&g, NEAR + 1);
	mm_mmap_gather_flush_tlb(&g);
	assert_true(!in_tlb(r, NEAR) && in_tlb(r, FAR));
	assert_int_equal(tlb_info(r).full, 0);
	/* Not a second time; and the range begins afresh. */
	mm_mmap_gather_flush_tlb(&g);
	assert_int_equal(tlb_info(r).flushes, 1);
	use_pages(r, page);
	unhook(&g, FAR);
	mm_mmap_gather_end_vma(&g);
	assert_true(in_tlb(r, NEAR) && !in_tlb(r, FAR));
	/* Whatever the range is. */
	g.need_flush_all = true;
	use_pages(r, page);
	unhook(&g, FAR);
	mm_mmap_gather_end(&g);
	assert_true(!in_tlb(r, NEAR) && !in_tlb(r, FAR));
	assert_int_equal(tlb_info(r).full, 1);
	assert_int_equal(look(r).flushes, 3);
	mm_mmap_put_folio(&r->g.mmap.release, page, 1);
	rig_close(r);
}

/* The end of an area is nothing to who takes down all; what it flushes is everything. */
static void takes_all_at_once(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mmsim_page *page = gather_rig_page(&r->g, 0, false);
	struct mm_gather g;

	(void)state;
	use_pages(r, page);
	mm_mmap_gather_begin(&g, &r->g.mm, true);
	unhook(&g, NEAR);
	mm_mmap_gather_end_vma(&g);
	assert_true(in_tlb(r, NEAR));
	mm_mmap_gather_end(&g);
	assert_true(!in_tlb(r, NEAR) && !in_tlb(r, FAR));
	assert_int_equal(tlb_info(r).full, 1);
	assert_int_equal(look(r).flushes, 1);
	mm_mmap_put_folio(&r->g.mmap.release, page, 1);
	rig_close(r);
}

/* Huge entries are so many of 2 MiB, unless there was a small one, too. */
static void strides_are_of_the_lowest_level(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mm_gather g;

	(void)state;
	gather_rig_use(&r->g, HERE, MMSIM_PMD_SIZE, r->m.env.map.base + SMALL_MACHINE_BASE, false);
	begin(r, &g);
	for (unsigned i = 0; i < MM_TLB_CEILING; i++)
		mm_gather_unhooked(&g, HERE + i * MMSIM_PMD_SIZE, MMSIM_PMD_SIZE, MM_LEVEL_PMD);
	mm_mmap_gather_flush_tlb(&g);
	assert_int_equal(tlb_info(r).full, 0);
	assert_false(gather_rig_in_tlb(&r->g, HERE));
	mm_gather_unhooked(&g, HERE, MMSIM_PMD_SIZE, MM_LEVEL_PMD);
	unhook(&g, 0);
	mm_mmap_gather_flush_tlb(&g);
	assert_int_equal(tlb_info(r).full, 1);
	mm_mmap_gather_end(&g);
	rig_close(r);
}

/* Nested gathers */

static void nested_ends_flush_all(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mmsim_page *page = gather_rig_page(&r->g, 0, false);
	struct mm_gather first, second, part;
	struct mm_flush_group group;

	(void)state;
	mm_mmap_flush_group_init(&group, &r->m.env.locks, &r->g.mmap.tlb, &r->g.mm.tlb);
	use_pages(r, page);
	begin(r, &first);
	/* A part leaves it to the whole. */
	begin(r, &part);
	part.group = &group;
	mm_mmap_gather_end(&part);
	assert_int_equal(tlb_info(r).flushes, 0);
	begin(r, &second);
	unhook(&first, NEAR);
	/* What it found empty may be what the first has unhooked. */
	mm_mmap_gather_end(&second);
	assert_true(!in_tlb(r, NEAR) && !in_tlb(r, FAR));
	assert_int_equal(tlb_info(r).full, 1);
	/* Alone again: its own range, nothing more. */
	use_pages(r, page);
	mm_mmap_gather_end(&first);
	assert_true(!in_tlb(r, NEAR) && in_tlb(r, FAR));
	begin(r, &first);
	mm_mmap_gather_end(&first);
	assert_int_equal(tlb_info(r).flushes, 2);
	assert_int_equal(look(r).gathers, 4);
	begin(r, &first);
	unhook(&first, FAR);
	mm_mmap_gather_end(&first);
	mm_mmap_put_folio(&r->g.mmap.release, page, 1);
	mm_mmap_flush_group_fini(&group);
	rig_close(r);
}

/* What was said meanwhile is for the next gather. */
static void goes_on_as_it_began(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mm_gather g;

	(void)state;
	begin(r, &g);
	assert_false(g.runs);
	hand_over(r, 1, 1);
	add_many(r, &g, BUNDLE + BATCH + 1);
	mm_mmap_gather_end(&g);
	assert_int_equal(look(r).handed, 0);
	r->g.mmap.how.way = MMSIM_TEARDOWN_RANGE_PARALLEL;
	begin(r, &g);
	assert_true(g.runs);
	assert_int_equal(g.how.max_batches, MM_GATHER_BATCH_COUNT);
	/* A threshold is nothing to other ways. */
	add_many(r, &g, BUNDLE + BATCH + 1);
	mm_mmap_gather_end(&g);
	assert_int_equal(look(r).handed, 0);
	r->g.mmap.how.free = MMSIM_TEARDOWN_FREE_PCP;
	begin(r, &g);
	assert_false(g.runs);
	mm_mmap_gather_end(&g);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_slots_of_its_own),
		cmocka_unit_test(has_batches_of_510),
		cmocka_unit_test(is_full_with_19_batches),
		cmocka_unit_test(takes_folios_with_counts),
		cmocka_unit_test(keeps_a_count_with_its_page),
		cmocka_unit_test(is_full_without_memory),
		cmocka_unit_test(nothing_is_added_when_full),
		cmocka_unit_test(delays_rmaps_over_one_batch),
		cmocka_unit_test(removes_delayed_rmaps_only),
		cmocka_unit_test(flushes_what_was_unhooked),
		cmocka_unit_test(takes_all_at_once),
		cmocka_unit_test(strides_are_of_the_lowest_level),
		cmocka_unit_test(nested_ends_flush_all),
		cmocka_unit_test(goes_on_as_it_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
