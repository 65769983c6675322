/* SPDX-License-Identifier: MIT */
/* lib/vmap/tables.h, counted: who needs a table, and how those go that nobody needs. T2, T3. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "child_dies.h"
#include "rng.h"
#include "tables_rig.h"

static const struct rig_shape counted = { .mode = MMSIM_SERIAL, .counted = true };

static struct mm_vmap_area area(uint64_t addr, uint64_t pages)
{
	return (struct mm_vmap_area){ .va_start = addr, .va_end = addr + pages * PAGE };
}

static uint64_t nr_tables(struct rig *r)
{
	mm_vmap_tables_barrier(&r->t);
	return mm_vmap_tables_validate(&r->t);
}

static void get(struct rig *r, struct mm_vmap_area *va)
{
	assert_int_equal(mm_vmap_tables_get(&r->t, va, MMSIM_GFP_KERNEL), 0);
	assert_true(va->flags & MM_VMAP_MAPPED);
}

static void map_area(struct rig *r, struct mm_vmap_area *va, unsigned order)
{
	get(r, va);
	assert_int_equal(map_at(r, va->va_start, mm_va_pages(va), order), 0);
}

static void unmap_area(struct rig *r, const struct mm_vmap_area *va)
{
	mm_vmap_unmap(&r->t, va->va_start, va->va_end);
}

static void put(struct rig *r, struct mm_vmap_area *va, struct mm_vmap_gone *gone)
{
	mm_vmap_tables_put(&r->t, va, gone);
	assert_false(va->flags & MM_VMAP_MAPPED);
}

static void flush_and_free(struct rig *r, struct mm_vmap_gone *gone)
{
	if (gone->end)
		mm_tlb_flush_kernel(&r->k, gone->start, gone->end, true);
	mm_vmap_tables_free(&r->t, gone);
	assert_null(gone->head);
	assert_int_equal(gone->end, 0);
}

/* All the way at once. */
static void put_and_free(struct rig *r, struct mm_vmap_area *va)
{
	struct mm_vmap_gone gone = { 0 };

	put(r, va, &gone);
	flush_and_free(r, &gone);
}

static void a_table_goes_with_its_last_area(void **state)
{
	struct rig *r = rig_open(&counted);
	struct mm_vmap_area a = area(HERE, 3), b = area(HERE + 100 * PAGE, 2);

	(void)state;
	map_area(r, &a, 0);
	map_area(r, &b, 0);
	assert_int_equal(nr_tables(r), 4);
	assert_int_equal(mm_vmap_tables_counts(&r->t), 2);
	unmap_area(r, &a);
	put_and_free(r, &a);
	assert_int_equal(nr_tables(r), 4);
	assert_int_equal(mm_vmap_walk(&r->t, HERE + 100 * PAGE), SMALL_MACHINE_BASE);
	/* Without entries, but waiting or in a pool: it still counts. */
	unmap_area(r, &b);
	assert_int_equal(nr_tables(r), 4);
	assert_int_equal(mm_vmap_tables_counts(&r->t), 1);
	put_and_free(r, &b);
	assert_int_equal(nr_tables(r), 3);
	assert_int_equal(r->t.nr_freed, 1);
	assert_int_equal(r->t.peak, 4);
	assert_int_equal(mm_vmap_walk(&r->t, HERE), NO_PFN);
	/* And is made again. */
	map_area(r, &a, 0);
	assert_mapped(r, HERE, 3);
	assert_int_equal(nr_tables(r), 4);
	unmap_area(r, &a);
	put_and_free(r, &a);
	rig_close(r);
}

static void a_flag_counts_once(void **state)
{
	struct rig *r = rig_open(&counted);
	struct mm_vmap_area a = area(HERE, 3), never = area(HERE + 8 * SLOT, 3);
	struct mm_vmap_gone gone = { 0 };

	(void)state;
	get(r, &a);
	get(r, &a); /* from a pool */
	assert_int_equal(mm_vmap_tables_counts(&r->t), 1);
	assert_int_equal(mm_vmap_tables_shares(&a), 1);
	assert_int_equal(mm_vmap_tables_shares(&never), 0);
	mm_vmap_tables_put(&r->t, &never, &gone);
	assert_int_equal(gone.end, 0);
	put(r, &a, &gone);
	assert_int_equal(gone.start, HERE);
	assert_int_equal(gone.end, HERE + SLOT);
	flush_and_free(r, &gone);
	assert_int_equal(nr_tables(r), 3);
	rig_close(r);
}

/* Without `counted` nothing is counted, and nothing goes. */
static void uncounted_tables_stay(void **state)
{
	const struct rig_shape plain = { .mode = MMSIM_SERIAL };
	struct rig *r = rig_open(&plain);
	struct mm_vmap_area a = area(HERE, 3);
	struct mm_vmap_gone gone = { 0 };

	(void)state;
	assert_int_equal(mm_vmap_tables_get(&r->t, &a, MMSIM_GFP_KERNEL), 0);
	assert_int_equal(a.flags, 0);
	assert_int_equal(map_at(r, HERE, 3, 0), 0);
	unmap_area(r, &a);
	mm_vmap_tables_put(&r->t, &a, &gone);
	mm_vmap_tables_free(&r->t, &gone);
	assert_int_equal(r->t.nr, 4);
	assert_int_equal(mm_vmap_tables_counts(&r->t), 0);
	rig_close(r);
}

/* An area's first and last 2 MiB, unless it has them whole. */
static void only_shared_stretches_count(void **state)
{
	const struct {
		uint64_t addr, pages;
		unsigned shares;
		uint64_t tables; /* of PTE, once it is mapped */
	} cases[] = {
		{ HERE, 1, 1, 1 },
		{ HERE + SLOT - PAGE, 1, 1, 1 },
		{ HERE, 512, 0, 1 },
		{ HERE, 511, 1, 1 },
		{ HERE + PAGE, 511, 1, 1 },
		{ HERE + PAGE, 512, 2, 2 },
		{ HERE + SLOT - PAGE, 2, 2, 2 },
		{ HERE, 513, 1, 2 },
		{ HERE, 1024, 0, 2 },
		{ HERE + 5 * PAGE, 2048, 2, 5 },
		{ HERE + 511 * SLOT - PAGE, 1024, 2, 3 }, /* under two PMD tables */
	};
	struct rig *r = rig_open(&counted);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mm_vmap_area a = area(cases[i].addr, cases[i].pages);
		uint64_t freed = r->t.nr_freed;

		map_area(r, &a, 0);
		assert_int_equal(mm_vmap_tables_shares(&a), cases[i].shares);
		assert_int_equal(mm_vmap_tables_counts(&r->t), cases[i].shares);
		assert_mapped(r, a.va_start, cases[i].pages);
		unmap_area(r, &a);
		put_and_free(r, &a);
		nr_tables(r);
		assert_int_equal(r->t.nr_freed - freed, cases[i].tables);
		assert_int_equal(mm_vmap_tables_counts(&r->t), 0);
	}
	assert_int_equal(nr_tables(r), 1 + 1 + 2);
	rig_close(r);
}

static void huge_entries_need_no_table(void **state)
{
	struct rig *r = rig_open(&counted);
	struct mm_vmap_area a = area(HERE, 2 * SLOT_PAGES + 1), b = area(HERE, 2 * SLOT_PAGES + 1);

	(void)state;
	map_area(r, &a, 9);
	/* That of the guard page. */
	assert_int_equal(nr_tables(r), 4);
	unmap_area(r, &a);
	put_and_free(r, &a);
	assert_int_equal(nr_tables(r), 3);
	/* No table of others is in the way of a huge entry. */
	map_area(r, &b, 0);
	assert_int_equal(nr_tables(r), 6);
	unmap_area(r, &b);
	put_and_free(r, &b);
	map_area(r, &a, 9);
	assert_int_equal(nr_tables(r), 4);
	unmap_area(r, &a);
	put_and_free(r, &a);
	rig_close(r);
}

/* An area that nothing was ever mapped in, larger than what upper tables cover. */
static void where_there_are_no_tables(void **state)
{
	struct rig *r = rig_open(&counted);
	struct mm_vmap_area a = area(HERE + 3 * SLOT, 3 * 512 * SLOT_PAGES);

	(void)state;
	get(r, &a);
	put_and_free(r, &a);
	assert_int_equal(r->t.nr_freed, 0);
	/* Or only behind the border of an upper table. */
	get(r, &a);
	assert_int_equal(map_at(r, HERE + 512 * SLOT, 1, 0), 0);
	unmap_area(r, &a);
	put_and_free(r, &a);
	nr_tables(r);
	assert_int_equal(r->t.nr_freed, 1);
	rig_close(r);
}

/* T3: the last count and a new one, in each order. */
static void an_unhooked_table_never_comes_back(void **state)
{
	struct rig *r = rig_open(&counted);
	struct mm_vmap_area a = area(HERE, 3), b = area(HERE + 9 * PAGE, 3);
	struct mm_vmap_gone gone = { 0 };
	struct mmsim_page *old;

	(void)state;
	map_area(r, &a, 0);
	unmap_area(r, &a);
	put(r, &a, &gone);
	old = gone.head;
	assert_non_null(old);
	map_area(r, &b, 0);
	assert_int_equal(nr_tables(r), 5);
	flush_and_free(r, &gone);
	assert_int_equal(nr_tables(r), 4);
	assert_mapped(r, b.va_start, 3);
	map_area(r, &a, 0);
	unmap_area(r, &a);
	put(r, &a, &gone);
	assert_null(gone.head);
	unmap_area(r, &b);
	put(r, &b, &gone);
	assert_non_null(gone.head);
	flush_and_free(r, &gone);
	assert_int_equal(nr_tables(r), 3);
	rig_close(r);
}

/* Several of them go together: one range, one list. */
static void what_is_gone_adds_up(void **state)
{
	struct rig *r = rig_open(&counted);
	struct mm_vmap_area a = area(HERE + 7 * SLOT, 3), b = area(HERE + SLOT, 3),
			    c = area(HERE + 3 * SLOT, 3);
	struct mm_vmap_gone one = { 0 }, two = { 0 }, none = { 0 };

	(void)state;
	get(r, &a);
	get(r, &b);
	get(r, &c);
	put(r, &c, &one);
	put(r, &b, &two);
	put(r, &a, &two);
	mm_vmap_gone_add(&none, &one);
	mm_vmap_gone_add(&none, &two);
	mm_vmap_gone_add(&none, &two);
	assert_int_equal(none.start, HERE + SLOT);
	assert_int_equal(none.end, HERE + 8 * SLOT);
	assert_true(!one.end && !one.head && !two.end && !two.head);
	assert_int_equal(r->t.nr_gone, 3);
	flush_and_free(r, &none);
	assert_int_equal(nr_tables(r), 3);
	assert_int_equal(r->t.nr_freed, 3);
	rig_close(r);
}

/* Readers may look at a table that was flushed: it is freed when they are over. Others queue up meanwhile. */
static void a_reader_holds_tables_back(void **state)
{
	struct rig *r = rig_open(&counted);
	struct mm_vmap_area a = area(HERE, 3), b = area(HERE + SLOT, 3),
			    c = area(HERE + 2 * SLOT, 3);
	uint64_t before;
	unsigned reader;

	(void)state;
	get(r, &a);
	get(r, &b);
	get(r, &c);
	before = rig_free_pages(r);
	reader = mm_rcu_read_lock(r->t.rcu);
	put_and_free(r, &a);
	put_and_free(r, &b);
	put_and_free(r, &c);
	assert_int_equal(rig_free_pages(r), before);
	assert_int_equal(mm_vmap_tables_validate(&r->t), 6);
	mm_rcu_read_unlock(r->t.rcu, reader);
	assert_int_equal(nr_tables(r), 3);
	assert_int_equal(rig_free_pages(r), before + 3);
	rig_close(r);
}

/* -ENOMEM: nothing is counted, and a second try finds what it needs. */
static void no_memory_to_count(void **state)
{
	const uint64_t addr = HERE + 512 * SLOT - PAGE;
	uint32_t nth = 1;

	(void)state;
	for (;; nth++) {
		struct rig *r = rig_open(&counted);
		struct mm_vmap_area a = area(addr, 2);
		int err;

		fail_metadata(r, nth, 1);
		err = mm_vmap_tables_get(&r->t, &a, MMSIM_GFP_KERNEL);
		fail_metadata(r, 0, 0);
		nr_tables(r);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(a.flags, 0);
			assert_int_equal(mm_vmap_tables_counts(&r->t), 0);
			get(r, &a);
		}
		assert_int_equal(mm_vmap_tables_counts(&r->t), 2);
		put_and_free(r, &a);
		assert_int_equal(nr_tables(r), 4);
		rig_close(r);
		if (!err)
			break;
	}
	/* Of PUD 1, of PMD 2, of PTE 2. */
	assert_int_equal(nth, 6);
}

static void no_page_to_count(void **state)
{
	struct rig *r = rig_open(&counted);
	struct mm_vmap_area a = area(HERE, 2);

	(void)state;
	hold_all_memory(r);
	assert_int_equal(mm_vmap_tables_get(&r->t, &a, MMSIM_GFP_KERNEL), -ENOMEM);
	give_some_memory_back(r, UINT64_MAX);
	get(r, &a);
	put_and_free(r, &a);
	rig_close(r);
}

/* What stops */

struct culprit {
	struct rig *r;
	struct mm_vmap_area *va;
	struct mm_vmap_gone gone;
};

static void put_it(void *arg)
{
	struct culprit *c = arg;

	mm_vmap_tables_put(&c->r->t, c->va, &c->gone);
}

static void free_it(void *arg)
{
	struct culprit *c = arg;

	mm_vmap_tables_free(&c->r->t, &c->gone);
}

static void a_table_with_entries_does_not_go(void **state)
{
	struct rig *r = rig_open(&counted);
	struct mm_vmap_area a = area(HERE, 3), whole = area(HERE + SLOT, SLOT_PAGES),
			    never = area(HERE + 8 * SLOT, 3);
	struct culprit c = { r, &a, { 0 } };

	(void)state;
	map_area(r, &a, 0);
	assert_true(child_dies(put_it, &c, "T3: a table that goes maps nothing"));
	c.va = &whole;
	map_area(r, &whole, 9);
	assert_true(child_dies(put_it, &c, "T3: what goes maps nothing"));
	c.va = &never;
	never.flags = MM_VMAP_MAPPED;
	assert_true(child_dies(put_it, &c, "T2: a table counts the areas that touch it"));
	rig_close(r);
}

/* T3 of tlb.h: a CPU still knows the way through it. */
static void a_table_goes_after_its_flush(void **state)
{
	struct rig *r = rig_open(&counted);
	struct mm_vmap_area a = area(HERE, 3);
	struct culprit c = { r, &a, { 0 } };

	(void)state;
	map_area(r, &a, 0);
	assert_int_equal(mm_vmap_access(&r->t, HERE), SMALL_MACHINE_BASE);
	unmap_area(r, &a);
	put(r, &a, &c.gone);
	assert_true(child_dies(free_it, &c, "T3: no TLB has a table that is freed"));
	mm_tlb_flush_kernel(&r->k, HERE, HERE + PAGE, false);
	assert_true(child_dies(free_it, &c, "T3: no TLB has a table that is freed"));
	flush_and_free(r, &c.gone);
	rig_close(r);
}

/* Tasks of all modes at a few stretches: each area is its task's, tables are shared. */

enum { TASKS = 4, STEPS = 60, STRETCHES = 3 };

struct worker {
	struct rig *r;
	unsigned i;
	uint64_t wrong; /* the first failure: an address */
	struct mm_task task;
};

/* The machine is small: all of it may be tables that wait for a grace period. */
static bool get_in_time(struct rig *r, struct mm_vmap_area *a)
{
	for (unsigned tries = 0; tries < 100; tries++) {
		if (!mm_vmap_tables_get(&r->t, a, MMSIM_GFP_KERNEL))
			return true;
		mm_vmap_tables_barrier(&r->t);
	}
	return false;
}

static bool step(struct worker *w, struct mm_rng *rng)
{
	/* Each has every fourth eighth of a stretch. */
	uint64_t addr = HERE + mm_rng_below(rng, STRETCHES) * SLOT +
			(w->i + 4 * mm_rng_below(rng, 2)) * (SLOT / 8);
	struct mm_vmap_area a = area(addr, 2);
	struct mmsim_page *pages[] = { rig_page(w->r, w->i), rig_page(w->r, w->i + 100) };
	struct mm_vmap_gone gone = { 0 };
	bool right;

	if (!get_in_time(w->r, &a) || mm_vmap_map(&w->r->t, addr, pages, 2, 0, MMSIM_GFP_KERNEL))
		return false;
	right = mm_vmap_access(&w->r->t, addr) == SMALL_MACHINE_BASE + w->i &&
		mm_vmap_walk(&w->r->t, addr + PAGE) == SMALL_MACHINE_BASE + w->i + 100;
	mm_vmap_access(&w->r->t, HERE + mm_rng_below(rng, STRETCHES * SLOT));
	mm_vmap_unmap(&w->r->t, addr, addr + 2 * PAGE);
	mm_vmap_tables_put(&w->r->t, &a, &gone);
	mm_tlb_flush_kernel(&w->r->k, addr, addr + 2 * PAGE, false);
	if (gone.end)
		mm_tlb_flush_kernel(&w->r->k, gone.start, gone.end, true);
	mm_vmap_tables_free(&w->r->t, &gone);
	return right;
}

static void work(void *arg)
{
	struct worker *w = arg;
	struct mm_rng rng = mm_rng_split(7, w->i);

	for (unsigned i = 0; i < STEPS && !w->wrong; i++)
		w->wrong = !step(w, &rng);
}

static void together_by(enum mmsim_mode mode)
{
	const struct rig_shape shape = { .mode = mode, .counted = true };
	struct rig *r = rig_open(&shape);
	struct worker w[TASKS];

	for (unsigned i = 0; i < TASKS; i++) {
		const struct mm_cpumask where = mm_cpumask_of(i % CPUS);

		w[i] = (struct worker){ .r = r, .i = i };
		assert_int_equal(mm_exec_spawn(r->m.env.exec, &w[i].task, &where, work, &w[i]), 0);
	}
	for (unsigned i = 0; i < TASKS; i++)
		mm_exec_join(r->m.env.exec, &w[i].task);
	for (unsigned i = 0; i < TASKS; i++)
		assert_int_equal(w[i].wrong, 0);
	assert_int_equal(nr_tables(r), 3);
	assert_true(r->t.nr_freed >= STRETCHES);
	rig_close(r);
}

static void many_at_the_same_tables(void **state)
{
	(void)state;
	together_by(MMSIM_NATIVE);
	together_by(MMSIM_SERIAL);
	together_by(MMSIM_VIRTUAL);
	together_by(MMSIM_EXPLORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_goes_with_its_last_area),
		cmocka_unit_test(a_flag_counts_once),
		cmocka_unit_test(uncounted_tables_stay),
		cmocka_unit_test(only_shared_stretches_count),
		cmocka_unit_test(huge_entries_need_no_table),
		cmocka_unit_test(where_there_are_no_tables),
		cmocka_unit_test(an_unhooked_table_never_comes_back),
		cmocka_unit_test(what_is_gone_adds_up),
		cmocka_unit_test(a_reader_holds_tables_back),
		cmocka_unit_test(no_memory_to_count),
		cmocka_unit_test(no_page_to_count),
		cmocka_unit_test(a_table_with_entries_does_not_go),
		cmocka_unit_test(a_table_goes_after_its_flush),
		cmocka_unit_test(many_at_the_same_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
