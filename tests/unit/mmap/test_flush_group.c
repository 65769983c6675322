/* SPDX-License-Identifier: MIT */
/* Flushes of several threads, merged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gather_machine.h"

enum { ROUNDS = 200 };

struct group_of {
	struct rig *r;
	struct mm_flush_group group;
	uint32_t led; /* atomic */
};

static void flush_rounds(void *arg)
{
	struct group_of *s = arg;
	const struct mm_tlb_flush what = { HERE, HERE + PAGE, MMSIM_PAGE_SHIFT, false };

	for (unsigned i = 0; i < ROUNDS; i++)
		if (mm_mmap_flush_group_flush(&s->group, &what))
			__atomic_add_fetch(&s->led, 1, __ATOMIC_RELAXED);
}

static void run_group(struct group_of *s, void (*fn)(void *arg))
{
	struct rig *r = s->r;
	struct mm_task task[CPUS - 1];

	mm_mmap_flush_group_init(&s->group, &r->m.env.locks, &r->g.mmap.tlb, &r->g.mm.tlb);
	for (unsigned i = 0; i < CPUS - 1; i++)
		assert_int_equal(mm_exec_spawn(r->g.mmap.exec, &task[i], NULL, fn, s), 0);
	for (unsigned i = 0; i < CPUS - 1; i++)
		mm_exec_join(r->g.mmap.exec, &task[i]);
	mm_mmap_flush_group_fini(&s->group);
}

static void group_by(enum mmsim_mode mode)
{
	struct rig *r = rig_open(mode);
	struct group_of s = { .r = r };

	run_group(&s, flush_rounds);
	/* Whoever led has flushed once, nobody else at all. */
	assert_int_equal(tlb_info(r).flushes, s.led);
	assert_true(s.led && s.led <= (CPUS - 1) * ROUNDS);
	assert_int_equal(s.group.ended, s.led);
	rig_close(r);
}

static void groups_flush_for_each_other(void **state)
{
	(void)state;
	in_all_modes(group_by);
}

static const struct mm_tlb_flush near_page = { HERE + NEAR * PAGE, HERE + (NEAR + 1) * PAGE,
					       MMSIM_PAGE_SHIFT, false };
static const struct mm_tlb_flush far_page = { HERE + FAR * PAGE, HERE + (FAR + 1) * PAGE,
					      MMSIM_PAGE_SHIFT, false };
static const struct mm_tlb_flush huge_page = { HERE, HERE + MMSIM_PMD_SIZE, 21, false };
static const struct mm_tlb_flush near_table = { HERE + NEAR * PAGE, HERE + (NEAR + 1) * PAGE,
						MMSIM_PAGE_SHIFT, true };

/* As if `first` had been asked for by another, whose turn to lead it is not. */
static void flush_both(struct rig *r, const struct mm_tlb_flush *first,
		       const struct mm_tlb_flush *second)
{
	struct mm_flush_group group;

	mm_mmap_flush_group_init(&group, &r->m.env.locks, &r->g.mmap.tlb, &r->g.mm.tlb);
	group.is_pending = true;
	group.pending = *first;
	assert_true(mm_mmap_flush_group_flush(&group, second));
	mm_mmap_flush_group_fini(&group);
}

/* One flush for two: of all that both are for, in the finer stride, of tables if one is. */
static void merges_ranges(void **state)
{
	const struct mm_tlb_flush *pair[][2] = {
		{ &near_page, &far_page },   { &far_page, &near_page },
		{ &huge_page, &near_page },  { &near_page, &huge_page },
		{ &near_page, &near_table }, { &near_table, &near_page },
		{ &huge_page, &near_table },
	};
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mmsim_page *page = gather_rig_page(&r->g, 0, false);
	const struct mm_tlb_cpu *cpu = mm_tlb_cpu(&r->g.mmap.tlb, 0);

	(void)state;
	for (size_t i = 0; i < mm_array_size(pair); i++) {
		bool both = pair[i][0] == &far_page || pair[i][1] == &far_page;
		bool tables = pair[i][0]->freed_tables || pair[i][1]->freed_tables;

		use_pages(r, page);
		flush_both(r, pair[i][0], pair[i][1]);
		assert_false(in_tlb(r, NEAR) || (both && in_tlb(r, FAR)));
		mm_tlb_enter_lazy(&r->g.mmap.tlb);
		flush_both(r, pair[i][0], pair[i][1]);
		assert_int_equal(cpu->loaded == NULL, tables);
	}
	mm_tlb_flush(&r->g.mmap.tlb, &r->g.mm.tlb, &far_page);
	assert_int_equal(tlb_info(r).flushes, 2 * mm_array_size(pair) + 1);
	mm_mmap_put_folio(&r->g.mmap.release, page, 1);
	rig_close(r);
}

/* What rode with another's is counted as flushed and as merged. */
static void flush_with_group(void *arg)
{
	struct group_of *s = arg;
	struct mm_gather g;

	for (unsigned i = 0; i < ROUNDS; i++) {
		begin(s->r, &g);
		g.group = &s->group;
		unhook(&g, NEAR);
		mm_mmap_gather_end(&g);
	}
}

static void counts_merged(void **state)
{
	struct rig *r = rig_open(MMSIM_NATIVE);
	struct group_of s = { .r = r };
	struct mmsim_teardown_info did;

	(void)state;
	run_group(&s, flush_with_group);
	did = look(r);
	assert_int_equal(did.flushes, (CPUS - 1) * ROUNDS);
	assert_int_equal(did.flushes - did.merged, tlb_info(r).flushes);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_flush_for_each_other),
		cmocka_unit_test(merges_ranges),
		cmocka_unit_test(counts_merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
