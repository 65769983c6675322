/* SPDX-License-Identifier: MIT */
/* lib/tlb/tlb_cache.h: what is found, and what is dropped. */
#include "tlb_rig.h"

#include "rng.h"

enum { GIGABYTE = 512 * HUGE_PAGE };

static void what_was_filled_is_found(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);

	fill(r, 1, 0, 7 * PAGE, PAGE, 100);
	fill(r, 1, 0, 4 * HUGE_PAGE, HUGE_PAGE, 1024);
	fill_table(r, 1, 0, 8 * HUGE_PAGE, HUGE_PAGE, 300);
	assert_int_equal(lookup(r, 1, 0, 7 * PAGE), 100);
	assert_int_equal(lookup(r, 1, 0, 8 * PAGE - 1), 100);
	assert_int_equal(lookup(r, 1, 0, 8 * PAGE), 0);
	for (unsigned i = 0; i < 512; i += 73)
		assert_int_equal(lookup(r, 1, 0, 4 * HUGE_PAGE + i * PAGE), 1024 + i);
	assert_int_equal(lookup(r, 1, 0, 5 * HUGE_PAGE), 0);
	assert_int_equal(lookup(r, 1, 0, 8 * HUGE_PAGE), 0);
	/* Neither another CPU's nor another address space's. */
	assert_int_equal(lookup(r, 0, 0, 7 * PAGE), 0);
	assert_int_equal(lookup(r, 1, 1, 7 * PAGE), 0);
	assert_int_equal(lookup(r, 1, 0, 7 * PAGE), 100);
	/* A newer one takes its place. */
	fill(r, 1, 0, 7 * PAGE, PAGE, 101);
	assert_int_equal(lookup(r, 1, 0, 7 * PAGE), 101);
	assert_int_equal(nr_entries(r), 3);
	assert_int_equal(nr_held(r), 3);
	rig_close(r);
}

/* Nor do they where a small or huge one would be. */
static void tables_translate_nothing(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);
	struct mm_tlb_cpu *c = mm_tlb_access_begin(&r->t, &r->ctx[0]);

	for (unsigned k = 1; k <= MM_TLB_ENTRIES; k++)
		mm_tlb_fill(&r->t, c, &r->ctx[0],
			    &(struct mm_tlb_entry){
				    .end = k * (uint64_t)HUGE_PAGE, .pfn = k, .table = true });
	for (unsigned page = 0; page < 512; page++)
		assert_null(mm_tlb_lookup(c, &r->ctx[0], page * (uint64_t)PAGE));
	mm_tlb_access_end(c);
	rig_close(r);
}

static void the_dirty_bit_is_kept(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);
	const struct mm_tlb_entry entry = {
		.start = PAGE, .end = 2 * PAGE, .pfn = 9, .write = true
	};
	struct mm_tlb_entry *e;
	struct mm_tlb_cpu *c = mm_tlb_access_begin(&r->t, &r->ctx[0]);

	mm_tlb_fill(&r->t, c, &r->ctx[0], &entry);
	e = mm_tlb_lookup(c, &r->ctx[0], PAGE);
	assert_true(e && e->write && !e->dirty);
	e->dirty = true;
	mm_tlb_access_end(c);
	c = mm_tlb_access_begin(&r->t, &r->ctx[0]);
	assert_true(mm_tlb_lookup(c, &r->ctx[0], PAGE)->dirty);
	mm_tlb_access_end(c);
	rig_close(r);
}

static void a_flush_drops_its_range(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);

	for (unsigned i = 4; i < 9; i++) {
		fill(r, 1, 0, i * PAGE, PAGE, 100 + i);
		fill(r, 2, 0, i * PAGE, PAGE, 100 + i);
	}
	fill(r, 1, 0, 2 * HUGE_PAGE, HUGE_PAGE, 1024);
	flush(r, 2, 0, pages(5, 2));
	for (unsigned i = 4; i < 9; i++) {
		assert_int_equal(!!lookup(r, 1, 0, i * PAGE), i != 5 && i != 6);
		assert_int_equal(!!lookup(r, 2, 0, i * PAGE), i != 5 && i != 6);
	}
	/* One page in the middle is enough for a huge entry. */
	flush(r, 2, 0, pages(2 * 512 + 77, 1));
	assert_int_equal(lookup(r, 1, 0, 2 * HUGE_PAGE), 0);
	flush(r, 2, 0, all_of_it());
	assert_int_equal(nr_entries(r), 0);
	assert_int_equal(nr_held(r), 0);
	rig_close(r);
}

/* As INVLPG at each 2 MiB does: who means small entries must say so. */
static void a_stride_misses_what_is_between(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);
	const struct mm_tlb_flush huge = { 2 * HUGE_PAGE, 4 * (uint64_t)HUGE_PAGE, 21, false };

	fill(r, 1, 0, 2 * HUGE_PAGE, PAGE, 100);
	fill(r, 1, 0, 2 * HUGE_PAGE + PAGE, PAGE, 101);
	fill(r, 1, 0, 3 * HUGE_PAGE, HUGE_PAGE, 1024);
	fill_table(r, 1, 0, 0, GIGABYTE, 300);
	fill_table(r, 1, 0, GIGABYTE, GIGABYTE, 301);
	flush(r, 2, 0, huge);
	assert_int_equal(lookup(r, 1, 0, 2 * HUGE_PAGE), 0);
	assert_int_equal(lookup(r, 1, 0, 2 * HUGE_PAGE + PAGE), 101);
	assert_int_equal(lookup(r, 1, 0, 3 * HUGE_PAGE), 0);
	assert_int_equal(nr_entries(r), 2);
	rig_close(r);
}

static void a_fault_forgets_the_way_there(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);
	unsigned cpu = mm_exec_cpu(r->e->x);
	struct mm_tlb_cpu *c;

	fill(r, cpu, 0, 5 * PAGE, PAGE, 100);
	fill(r, cpu, 0, 6 * PAGE, PAGE, 101);
	fill_table(r, cpu, 0, 0, HUGE_PAGE, 300);
	c = mm_tlb_access_begin(&r->t, &r->ctx[0]);
	mm_tlb_forget(&r->t, c, &r->ctx[0], 5 * PAGE + 12);
	assert_null(mm_tlb_lookup(c, &r->ctx[0], 5 * PAGE));
	assert_non_null(mm_tlb_lookup(c, &r->ctx[0], 6 * PAGE));
	mm_tlb_access_end(c);
	assert_int_equal(nr_entries(r), 1);
	assert_int_equal(nr_held(r), 1);
	rig_close(r);
}

static unsigned nr_entries_of(const struct rig *r, unsigned cpu, unsigned i)
{
	unsigned nr = 0;

	for (unsigned k = 0; k < MM_TLB_ENTRIES; k++)
		nr += mm_tlb_cpu(&r->t, cpu)->cache->entry[k].context == r->ctx[i].id;
	return nr;
}

/* E3 */
static void an_id_used_again_is_emptied(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);

	for (unsigned i = 0; i <= MM_TLB_NR_ASIDS; i++)
		fill(r, 1, i, 5 * PAGE, PAGE, 100 + i);
	assert_int_equal(nr_entries_of(r, 1, 0), 0);
	for (unsigned i = 1; i <= MM_TLB_NR_ASIDS; i++)
		assert_int_equal(nr_entries_of(r, 1, i), 1);
	assert_int_equal(lookup(r, 1, 1, 5 * PAGE), 101);
	assert_int_equal(lookup(r, 1, 0, 5 * PAGE), 0);
	mm_tlb_context_fini(&r->t, &r->ctx[2]);
	assert_int_equal(nr_entries_of(r, 1, 2), 0);
	assert_int_equal(nr_entries(r), nr_held(r));
	rig_close(r);
}

/* More than there are places. E2 */
static void eviction_keeps_the_books(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);
	struct mm_rng rng = mm_rng_split(1, 1);

	for (unsigned step = 0; step < 3000; step++) {
		unsigned i = (unsigned)mm_rng_below(&rng, 3);
		uint64_t page = mm_rng_below(&rng, 2000), pfn = 1 + mm_rng_below(&rng, 4000);
		struct mm_tlb_cpu *c = mm_tlb_access_begin(&r->t, &r->ctx[i]);
		struct mm_tlb_entry e = { .start = page * PAGE,
					  .end = (page + 1) * PAGE,
					  .pfn = pfn };

		e.table = !mm_rng_below(&rng, 8);
		if (!mm_rng_below(&rng, 4))
			e = (struct mm_tlb_entry){ .start = page * HUGE_PAGE,
						   .end = (page + 1) * HUGE_PAGE,
						   .pfn = pfn & ~511ul };
		mm_tlb_fill(&r->t, c, &r->ctx[i], &e);
		if (!e.table)
			assert_int_equal(mm_tlb_lookup(c, &r->ctx[i], e.end - 1)->pfn, e.pfn);
		mm_tlb_access_end(c);
		assert_int_equal(nr_entries(r), nr_held(r));
	}
	assert_true(nr_entries(r) > MM_TLB_ENTRIES / 2);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(what_was_filled_is_found),
		in_all_modes(tables_translate_nothing),
		in_all_modes(the_dirty_bit_is_kept),
		in_all_modes(a_flush_drops_its_range),
		in_all_modes(a_stride_misses_what_is_between),
		in_all_modes(a_fault_forgets_the_way_there),
		in_all_modes(an_id_used_again_is_emptied),
		in_all_modes(eviction_keeps_the_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
