/* SPDX-License-Identifier: MIT */
/* Tables that are gathered: batches of 509, flushed, freed after a grace period. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gather_machine.h"
#include <errno.h>

static struct mm_table *new_table(struct rig *r, unsigned level)
{
	struct mm_table *table = mm_mmap_table_alloc(&r->m.buddy, &r->m.env.locks, level);

	assert_non_null(table);
	return table;
}

static void add_tables(struct rig *r, struct mm_gather *g, unsigned nr)
{
	while (nr--)
		mm_mmap_gather_table(g, new_table(r, MM_LEVEL_PTE), HERE);
}

static uint64_t free_pages(struct rig *r)
{
	mm_buddy_drain_all(&r->m.buddy);
	return small_machine_normal(&r->m)->free_pages;
}

static void tables_by(enum mmsim_mode mode)
{
	struct rig *r = rig_open(mode);
	uint64_t all = free_pages(r), before;
	struct mm_gather g;
	unsigned reader;

	begin(r, &g);
	add_tables(r, &g, MM_TABLE_BATCH_MAX - 1);
	assert_int_equal(g.nr_tables, MM_TABLE_BATCH_MAX - 1);
	assert_int_equal(tlb_info(r).flushes, 0);
	reader = mm_rcu_read_lock(&r->g.mmap.rcu);
	before = free_pages(r);
	add_tables(r, &g, 1);
	/* One flush for all, and nothing is freed as long as somebody may be looking. */
	assert_null(g.tables);
	assert_int_equal(tlb_info(r).flushes, 1);
	assert_int_equal(free_pages(r), before - 1);
	mm_rcu_read_unlock(&r->g.mmap.rcu, reader);
	add_tables(r, &g, 3);
	mm_mmap_gather_end(&g);
	mm_sync_rcu_barrier(&r->g.mmap.rcu);
	assert_int_equal(free_pages(r), all);
	struct mmsim_teardown_info did = look(r);

	assert_int_equal(did.tables, MM_TABLE_BATCH_MAX + 3);
	assert_int_equal(did.single_tables, 0);
	assert_int_equal(did.flushes, 2);
	rig_close(r);
}

static void gathers_509_tables(void **state)
{
	(void)state;
	in_all_modes(tables_by);
}

/* A table that covered an address is flushed from where TLBs remember tables. */
static void flushes_tables(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mm_gather g;

	(void)state;
	for (unsigned level = MM_LEVEL_PTE; level < MM_LEVEL_PGD; level++) {
		struct mm_table *table = new_table(r, level);
		uint64_t covered = mm_level_size(level + 1);

		gather_rig_use(&r->g, mm_round_down(HERE, covered), covered, table->page, true);
		begin(r, &g);
		mm_mmap_gather_table(&g, table, HERE + 5 * PAGE);
		assert_true(g.freed_tables);
		assert_true(g.cleared[level + 1]);
		assert_true(g.start <= HERE + 5 * PAGE && g.end > HERE + 5 * PAGE);
		/* T3 looks. */
		mm_mmap_gather_end(&g);
	}
	assert_int_equal(look(r).tables, MM_LEVEL_PGD);
	rig_close(r);
}

/* What was in the page of a batch before is not taken for tables. */
static void begins_batches_afresh(void **state)
{
	struct rig *r = rig_poisoned();
	struct mm_gather g;

	(void)state;
	begin(r, &g);
	add_tables(r, &g, 3);
	add_many(r, &g, BUNDLE + 1);
	mm_mmap_gather_end(&g);
	mm_sync_rcu_barrier(&r->g.mmap.rcu);
	assert_int_equal(look(r).tables, 3);
	rig_close(r);
}

/* One by one, each after a flush and a grace period, if there is no page for a batch. */
static void frees_single_tables(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mm_table *table[2];
	struct mm_gather g;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		table[i] = new_table(r, MM_LEVEL_PTE);
	gather_rig_use(&r->g, HERE, MMSIM_PMD_SIZE, table[0]->page, true);
	begin(r, &g);
	hold_all_memory(r);
	mm_mmap_gather_table(&g, table[0], HERE);
	assert_int_equal(tlb_info(r).flushes, 1);
	assert_null(g.tables);
	give_memory_back(r);
	mm_mmap_gather_table(&g, table[1], HERE);
	assert_non_null(g.tables);
	mm_mmap_gather_end(&g);
	struct mmsim_teardown_info did = look(r);

	assert_int_equal(did.tables, 2);
	assert_int_equal(did.single_tables, 1);
	rig_close(r);
}

/* By its pfn anybody could ask for it. */
static void keeps_its_frame(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mm_table *table = new_table(r, MM_LEVEL_PTE);
	struct mm_gather g;

	(void)state;
	assert_int_equal(mm_buddy_free_pages(&r->m.buddy, table->page, 0), -EINVAL);
	begin(r, &g);
	mm_mmap_gather_table(&g, table, HERE);
	mm_mmap_gather_end(&g);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gathers_509_tables),    cmocka_unit_test(flushes_tables),
		cmocka_unit_test(begins_batches_afresh), cmocka_unit_test(frees_single_tables),
		cmocka_unit_test(keeps_its_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
