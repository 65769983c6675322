/* SPDX-License-Identifier: MIT */
/* lib/vmap/tables.h: entries in and out, tables made on the way, checks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "child_dies.h"
#include "rng.h"
#include "tables_rig.h"

static const struct rig_shape serial = { .mode = MMSIM_SERIAL },
			      five = { .mode = MMSIM_SERIAL, .levels = 5 },
			      unchecked = { .mode = MMSIM_SERIAL, .unchecked = true };

/* Around borders of tables of each level, and the top's last entry. */
static void map_and_unmap(const struct rig_shape *shape)
{
	const struct {
		uint64_t addr, nr;
		unsigned tables; /* made, above those that were there */
	} cases[] = {
		{ HERE + 5 * PAGE, 1, 3 },
		{ HERE + SLOT - PAGE, 2, 1 },
		{ HERE + 4 * SLOT - 3 * PAGE, 1100, 4 },
		{ HERE + 512 * SLOT - 2 * PAGE, 4, 3 },
		{ HERE + 512 * 512 * SLOT - PAGE, 2, 5 },
	};
	struct rig *r = rig_open(shape);
	uint64_t tables = 1;

	tables += shape->levels == 5;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tables += cases[i].tables;
		assert_int_equal(map_at(r, cases[i].addr, cases[i].nr, 0), 0);
		assert_mapped(r, cases[i].addr, cases[i].nr);
		assert_int_equal(mm_vmap_tables_validate(&r->t), tables);
		unmap_at(r, cases[i].addr, cases[i].nr);
		assert_unmapped(r, cases[i].addr, cases[i].nr);
	}
	assert_int_equal(r->t.peak, tables);
	assert_int_equal(r->t.nr_freed, 0);
	rig_close(r);
}

static void maps_over_borders(void **state)
{
	(void)state;
	map_and_unmap(&serial);
	map_and_unmap(&five);
	map_and_unmap(&unchecked);
	map_and_unmap(&(struct rig_shape){ .mode = MMSIM_NATIVE });
	map_and_unmap(&(struct rig_shape){ .mode = MMSIM_VIRTUAL });
	map_and_unmap(&(struct rig_shape){ .mode = MMSIM_EXPLORE });
}

static void neighbours_keep_theirs(void **state)
{
	struct rig *r = rig_open(&serial);

	(void)state;
	assert_int_equal(map_at(r, HERE, 10, 0), 0);
	assert_int_equal(map_at(r, HERE + 10 * PAGE, 600, 0), 0);
	unmap_at(r, HERE, 10);
	assert_unmapped(r, HERE, 10);
	assert_int_equal(mm_vmap_walk(&r->t, HERE + 10 * PAGE), SMALL_MACHINE_BASE);
	/* With holes, and over more than there is. */
	unmap_at(r, HERE, 512 * 512 * 3);
	assert_unmapped(r, HERE, 700);
	rig_close(r);
}

static mm_entry *entry_of(struct rig *r, uint64_t addr, unsigned level)
{
	unsigned found = level;
	mm_entry *at = mm_vmap_tables_find(&r->t, addr, &found);

	assert_int_equal(found, level);
	return at;
}

struct table {
	struct rig *r;
	uint64_t pfn;
};

static void check_table(void *arg)
{
	const struct table *table = arg;

	mm_tlb_check_table(&table->r->tlb, table->pfn);
}

/* The last addresses there are, where the end of what a table covers is 0. */
static void maps_the_last_addresses(void **state)
{
	struct rig *r = rig_open(&serial);
	struct table table = { .r = r };
	const uint64_t addr = -SLOT;

	(void)state;
	assert_int_equal(map_at(r, addr, SLOT_PAGES - 1, 0), 0);
	assert_int_equal(mm_vmap_access(&r->t, -2 * PAGE), SMALL_MACHINE_BASE + SLOT_PAGES - 2);
	assert_int_equal(mm_vmap_access(&r->t, -PAGE), NO_PFN);
	unmap_at(r, addr, SLOT_PAGES - 1);
	assert_int_equal(mm_vmap_walk(&r->t, addr), NO_PFN);
	table.pfn = mm_entry_pfn(*entry_of(r, addr, MM_LEVEL_PMD));
	assert_true(child_dies(check_table, &table, "T3: no TLB has a table that is freed"));
	mm_tlb_flush_kernel(&r->k, addr, -PAGE, true);
	assert_true(child_lives(check_table, &table));
	rig_close(r);
}

/* Entries of a table at level PMD. */
static bool is_huge(struct rig *r, uint64_t addr)
{
	unsigned level = MM_LEVEL_PTE;
	const mm_entry *at = mm_vmap_tables_find(&r->t, addr, &level);

	return level == MM_LEVEL_PMD && *at & MM_PTE_HUGE;
}

static void huge_entries(void **state)
{
	struct rig *r = rig_open(&serial);

	(void)state;
	assert_int_equal(map_at(r, HERE + SLOT, 2 * SLOT_PAGES + 7, 9), 0);
	assert_true(is_huge(r, HERE + SLOT) && is_huge(r, HERE + 2 * SLOT) &&
		    !is_huge(r, HERE + 3 * SLOT));
	assert_mapped(r, HERE + SLOT, 2 * SLOT_PAGES + 7);
	/* Top, P4D's, PUD's, and the PTE table of the rest. */
	assert_int_equal(mm_vmap_tables_validate(&r->t), 4);
	assert_int_equal(mm_vmap_access(&r->t, HERE + SLOT + 77 * PAGE), SMALL_MACHINE_BASE + 77);
	unmap_at(r, HERE + SLOT, 2 * SLOT_PAGES + 7);
	assert_unmapped(r, HERE + SLOT, 2 * SLOT_PAGES + 7);
	rig_close(r);
}

/* A table stays: then small entries are put. */
static void a_table_is_in_the_way(void **state)
{
	struct rig *r = rig_open(&serial);

	(void)state;
	assert_int_equal(map_at(r, HERE + PAGE, 1, 0), 0);
	unmap_at(r, HERE + PAGE, 1);
	assert_int_equal(map_at(r, HERE, 2 * SLOT_PAGES, 9), 0);
	assert_false(is_huge(r, HERE));
	assert_true(is_huge(r, HERE + SLOT));
	assert_mapped(r, HERE, 2 * SLOT_PAGES);
	unmap_at(r, HERE, 2 * SLOT_PAGES);
	rig_close(r);
}

/* order 0: small entries, however well all fits. */
static void small_if_asked_for(void **state)
{
	struct rig *r = rig_open(&serial);

	(void)state;
	assert_int_equal(map_at(r, HERE, SLOT_PAGES, 0), 0);
	assert_false(is_huge(r, HERE));
	rig_close(r);
}

static void physical_addresses(void **state)
{
	const uint64_t phys = UINT64_C(0xfd0000000); /* of no memory */
	struct rig *r = rig_open(&serial);

	(void)state;
	assert_int_equal(mm_vmap_map_phys(&r->t, HERE + SLOT - PAGE, 2 * SLOT, phys - PAGE, true,
					  MMSIM_GFP_KERNEL),
			 0);
	for (uint64_t i = 0; i < 2 * SLOT_PAGES; i++)
		assert_int_equal(mm_vmap_walk(&r->t, HERE + SLOT - PAGE + i * PAGE),
				 phys / PAGE - 1 + i);
	assert_true(is_huge(r, HERE + SLOT));
	assert_false(is_huge(r, HERE + 2 * SLOT));
	mm_vmap_unmap(&r->t, HERE + SLOT - PAGE, HERE + 3 * SLOT - PAGE);
	/* Where ends do not fit each other nothing is huge. */
	assert_int_equal(mm_vmap_map_phys(&r->t, HERE + 8 * SLOT, 2 * SLOT, phys + PAGE, true,
					  MMSIM_GFP_KERNEL),
			 0);
	assert_false(is_huge(r, HERE + 8 * SLOT));
	assert_int_equal(mm_vmap_walk(&r->t, HERE + 9 * SLOT), phys / PAGE + 1 + SLOT_PAGES);
	assert_int_equal(
		mm_vmap_map_phys(&r->t, HERE + 16 * SLOT, SLOT, phys, false, MMSIM_GFP_KERNEL), 0);
	assert_false(is_huge(r, HERE + 16 * SLOT));
	rig_close(r);
}

/* T4: as many PTE tables as 2 MiB stretches were ever mapped; a second time there are none to make. */
static void tables_grow_with_distinct_stretches(void **state)
{
	struct rig *r = rig_open(&serial);
	bool used[64] = { false };
	uint64_t slots = 0, first;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		struct mm_rng rng = mm_rng_split(1, 1);

		for (unsigned i = 0; i < 200; i++) {
			uint64_t page = mm_rng_below(&rng, 64 * SLOT_PAGES),
				 slot = page / SLOT_PAGES;

			slots += !used[slot];
			used[slot] = true;
			assert_int_equal(map_at(r, HERE + page * PAGE, 1, 0), 0);
			unmap_at(r, HERE + page * PAGE, 1);
		}
		if (!round)
			first = r->t.nr;
	}
	assert_true(slots > 32);
	assert_int_equal(first, 3 + slots);
	assert_int_equal(r->t.nr, first);
	rig_close(r);
}

/* -ENOMEM */

static void init_at_each_allocation(bool counted)
{
	const struct rig_shape shape = { .mode = MMSIM_SERIAL, .counted = counted };
	struct rig *r = rig_open_bare(&shape);
	uint64_t live = r->m.env.meta.live, all = rig_free_pages(r);
	uint32_t nth = 1;

	for (;; nth++) {
		int err;

		fail_metadata(r, nth, 1);
		err = rig_init_tables(r, &shape);
		fail_metadata(r, 0, 0);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(r->m.env.meta.live, live);
		assert_int_equal(rig_free_pages(r), all);
	}
	assert_true(nth > (counted ? 3 : 1));
	mm_vmap_tables_fini(&r->t);
	hold_all_memory(r);
	assert_int_equal(rig_init_tables(r, &shape), -ENOMEM);
	give_some_memory_back(r, UINT64_MAX);
	rig_close_bare(r);
}

static void no_memory_for_a_space(void **state)
{
	(void)state;
	init_at_each_allocation(false);
	init_at_each_allocation(true);
}

/* 2 tables of PMD, 3 of PTE; nothing is lost, and what was mapped can be unmapped. */
static void no_memory_for_a_table(void **state)
{
	const uint64_t addr = HERE + 511 * SLOT - 2 * PAGE, nr = 3 * SLOT_PAGES;
	struct rig *r;
	uint32_t nth = 1;

	(void)state;
	for (;; nth++) {
		int err;

		r = rig_open(&serial);
		fail_metadata(r, nth, 1);
		err = map_at(r, addr, nr, 0);
		fail_metadata(r, 0, 0);
		mm_vmap_tables_validate(&r->t);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		unmap_at(r, addr, nr);
		assert_unmapped(r, addr, nr);
		assert_int_equal(map_at(r, addr, nr, 9), 0);
		rig_close(r);
	}
	assert_int_equal(nth, 1 + 1 + 2 + 4);
	rig_close(r);
}

/* Who may use what is kept for emergencies may so for tables; nothing else is asked of them. */
static void a_machine_out_of_pages(void **state)
{
	const mmsim_gfp_t atomic = MMSIM_GFP_ATOMIC | MMSIM___GFP_MEMALLOC | MMSIM___GFP_MOVABLE;
	const uint64_t phys = SMALL_MACHINE_BASE * PAGE;
	struct rig *r = rig_open(&serial);

	(void)state;
	hold_all_memory(r);
	for (unsigned pages = 0; pages < 3; pages++) {
		assert_int_equal(map_at(r, HERE, 1, 0), -ENOMEM);
		assert_int_equal(mm_vmap_map_phys(&r->t, HERE, PAGE, phys, false, atomic), -ENOMEM);
		give_some_memory_back(r, 1);
	}
	assert_int_equal(map_at(r, HERE, 1, 0), -ENOMEM);
	assert_int_equal(mm_vmap_map_phys(&r->t, HERE, PAGE, phys, false, atomic), 0);
	assert_mapped(r, HERE, 1);
	assert_int_equal(mm_vmap_table_page(&r->t, *entry_of(r, HERE, MM_LEVEL_PMD))->movable, 0);
	assert_int_equal(mm_vmap_tables_validate(&r->t), 4);
	give_some_memory_back(r, UINT64_MAX);
	rig_close(r);
}

/* Accesses */

/* A translation outlives its entry until the flush. */
static void an_access_goes_through_the_tlb(void **state)
{
	struct rig *r = rig_open(&serial);

	(void)state;
	assert_int_equal(map_at(r, HERE, 3, 0), 0);
	assert_int_equal(mm_vmap_access(&r->t, HERE + PAGE + 5), SMALL_MACHINE_BASE + 1);
	unmap_at(r, HERE, 3);
	assert_int_equal(mm_vmap_access(&r->t, HERE + PAGE), SMALL_MACHINE_BASE + 1);
	assert_int_equal(mm_vmap_access(&r->t, HERE), NO_PFN);
	assert_int_equal(mm_vmap_walk(&r->t, HERE + PAGE), NO_PFN);
	mm_tlb_flush_kernel(&r->k, HERE, HERE + 3 * PAGE, false);
	assert_int_equal(mm_vmap_access(&r->t, HERE + PAGE), NO_PFN);
	rig_close(r);
}

static void unchecked_it_walks(void **state)
{
	struct rig *r = rig_open(&unchecked);

	(void)state;
	assert_int_equal(map_at(r, HERE, 3, 0), 0);
	assert_int_equal(mm_vmap_access(&r->t, HERE + PAGE), SMALL_MACHINE_BASE + 1);
	unmap_at(r, HERE, 3);
	assert_int_equal(mm_vmap_access(&r->t, HERE + PAGE), NO_PFN);
	rig_close(r);
}

/* What stops */

static void map_one(void *arg)
{
	map_at(arg, HERE, 1, 0);
}

static void map_one_huge(void *arg)
{
	map_at(arg, HERE, SLOT_PAGES, 9);
}

static void unmap_one(void *arg)
{
	unmap_at(arg, HERE, 1);
}

static void validate(void *arg)
{
	mm_vmap_tables_validate(&((struct rig *)arg)->t);
}

static void what_is_mapped_is_not_mapped_again(void **state)
{
	struct rig *r = rig_open(&serial);
	const char *broken = "T5: what is mapped has no entry yet";

	(void)state;
	assert_int_equal(map_at(r, HERE, 1, 0), 0);
	assert_true(child_dies(map_one, r, broken));
	assert_true(child_dies(map_one_huge, r, broken));
	rig_close(r);
	r = rig_open(&serial);
	assert_int_equal(map_at(r, HERE, SLOT_PAGES, 9), 0);
	assert_true(child_dies(map_one, r, broken));
	assert_true(child_dies(map_one_huge, r, broken));
	assert_true(child_dies(unmap_one, r, "T5: a huge entry is cleared as a whole"));
	rig_close(r);
}

/* V2, K2 */
static void what_a_tlb_has_is_not_mapped(void **state)
{
	struct rig *r = rig_open(&serial);

	(void)state;
	assert_int_equal(map_at(r, HERE, 1, 0), 0);
	mm_vmap_access(&r->t, HERE);
	unmap_at(r, HERE, 1);
	assert_true(child_dies(map_one, r, "V2: addresses are given out anew after a flush"));
	mm_tlb_flush_kernel(&r->k, HERE, HERE + PAGE, false);
	assert_true(child_lives(map_one, r));
	rig_close(r);
}

static bool is_found(struct rig *r, mm_entry *at, mm_entry bad, const char *broken)
{
	mm_entry good = *at;
	bool found;

	*at = bad;
	found = child_dies(validate, r, broken);
	*at = good;
	return found;
}

static void validate_finds_what_is_broken(void **state)
{
	const char *table = "T1: an entry above PTE leads to a table";
	const char *huge = "T1: a huge entry is one of PMD, of 512 frames";
	struct rig *r = rig_open(&serial);
	mm_entry *pmd, *pud;

	(void)state;
	assert_int_equal(map_at(r, HERE, 1, 0), 0);
	assert_int_equal(map_at(r, HERE + SLOT, SLOT_PAGES, 9), 0);
	pmd = entry_of(r, HERE, MM_LEVEL_PMD);
	pud = entry_of(r, HERE, MM_LEVEL_PUD);
	assert_true(is_found(r, pmd, mm_entry_make(SMALL_MACHINE_BASE + 17, MM_PTE_KERNEL), table));
	assert_true(is_found(r, pmd, mm_entry_make(1, MM_PTE_KERNEL), table));
	rig_page(r, 17)->priv = (uintptr_t)r; /* somebody else's */
	assert_true(is_found(r, pmd, mm_entry_make(SMALL_MACHINE_BASE + 17, MM_PTE_KERNEL), table));
	rig_page(r, 17)->priv = 0;
	assert_true(is_found(r, pmd, MM_PTE_WRITE, "T1: an entry is present or 0"));
	assert_true(is_found(r, pmd + 1, pmd[1] + PAGE, huge));
	assert_true(is_found(r, pud, *pud | MM_PTE_HUGE, huge));
	/* One too few, one twice. */
	assert_true(is_found(r, pmd, 0, "T4: nr counts tables"));
	assert_true(is_found(r, pmd + 2, *pmd, "T4: nr counts tables"));
	mm_vmap_table_page(&r->t, *pmd)->index = 1;
	assert_true(child_dies(validate, r,
			       "T2: only a PTE table counts, and only if tables are counted"));
	mm_vmap_table_page(&r->t, *pmd)->index = 0;
	assert_true(child_lives(validate, r));
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_over_borders),
		cmocka_unit_test(maps_the_last_addresses),
		cmocka_unit_test(neighbours_keep_theirs),
		cmocka_unit_test(huge_entries),
		cmocka_unit_test(a_table_is_in_the_way),
		cmocka_unit_test(small_if_asked_for),
		cmocka_unit_test(physical_addresses),
		cmocka_unit_test(tables_grow_with_distinct_stretches),
		cmocka_unit_test(no_memory_for_a_space),
		cmocka_unit_test(no_memory_for_a_table),
		cmocka_unit_test(a_machine_out_of_pages),
		cmocka_unit_test(an_access_goes_through_the_tlb),
		cmocka_unit_test(unchecked_it_walks),
		cmocka_unit_test(what_is_mapped_is_not_mapped_again),
		cmocka_unit_test(what_a_tlb_has_is_not_mapped),
		cmocka_unit_test(validate_finds_what_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
