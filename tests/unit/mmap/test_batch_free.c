/* SPDX-License-Identifier: MIT */
/* Batches are freed in slices, or by workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gather_machine.h"

/* The most pages that were freed between two places where others may run. */
static struct {
	const uint64_t *freed;
	uint64_t last, most;
} step;

static void note_step(struct mm_exec *x, enum mm_point kind, const void *obj)
{
	(void)x;
	(void)obj;
	if (kind != MM_POINT_PREEMPT)
		return;
	step.most = mm_max(step.most, *step.freed - step.last);
	step.last = *step.freed;
}

static uint64_t longest_step(struct rig *r)
{
	struct mm_exec *x = r->g.mmap.exec;
	const struct mm_exec_ops *were = x->ops;
	struct mm_exec_ops ops = *were;
	struct mm_gather g;

	step.freed = &r->g.mmap.info.freed;
	step.last = step.most = 0;
	begin(r, &g);
	for (unsigned i = 0; i < (BUNDLE + BATCH) / 2; i++)
		assert_false(add_folio(r, &g));
	add_many(r, &g, 7);
	ops.point = note_step;
	x->ops = &ops;
	mm_mmap_gather_end(&g);
	x->ops = were;
	assert_int_equal(step.last, (BUNDLE + BATCH) / 2 * FOLIO + 7);
	return step.most;
}

/* A batch at a time; where pages are filled, a number of pages. F2. */
static void frees_in_slices(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);

	(void)state;
	assert_int_equal(longest_step(r), BATCH / 2 * FOLIO);
	rig_close(r);
	r = rig_poisoned();
	assert_int_equal(longest_step(r), MM_FREE_SLICE);
	rig_close(r);
}

enum { THRESHOLD = 600 };

static unsigned nr_works(const struct mm_gather *g)
{
	unsigned nr = 0;

	mm_list_for_each(e, &g->works)
		nr++;
	return nr;
}

static void workers_by(enum mmsim_mode mode)
{
	struct rig *r = rig_open(mode);
	struct mmsim_page *chain[2];
	struct mm_gather g;

	hand_over(r, THRESHOLD, 4);
	begin(r, &g);
	/* Below the threshold nothing is handed over. */
	add_many(r, &g, THRESHOLD - 1);
	mm_mmap_gather_flush(&g);
	assert_int_equal(nr_works(&g), 0);
	assert_int_equal(look(r).freed, THRESHOLD - 1);
	add_many(r, &g, THRESHOLD);
	chain[0] = g.local.next;
	mm_mmap_gather_flush(&g);
	assert_null(g.local.next);
	assert_int_equal(g.batch_count, 0);
	assert_int_equal(fill(r, &g, add), BUNDLE + 4 * BATCH - 1);
	chain[1] = g.local.next;
	mm_mmap_gather_flush(&g);
	assert_int_equal(nr_works(&g), 2);
	/* In the order in which they were. */
	assert_ptr_equal(mm_list_first(&g.works, struct mm_free_work, link)->chain, chain[0]);
	assert_ptr_equal(mm_list_last(&g.works, struct mm_free_work, link)->chain, chain[1]);
	add_many(r, &g, 5);
	mm_mmap_gather_end(&g);
	struct mmsim_teardown_info did = look(r);

	assert_int_equal(did.freed, THRESHOLD + BUNDLE + 4 * BATCH - 1 + 5);
	assert_int_equal(did.handed, 2);
	assert_int_equal(did.handed_pages, THRESHOLD - BUNDLE + 4 * BATCH - 1);
	assert_int_equal(did.not_handed, 0);
	assert_int_equal(did.forced, 1);
	rig_close(r);
}

static void hands_chains_to_workers(void **state)
{
	(void)state;
	in_all_modes(workers_by);
}

/* The first batch stays with the caller, its folios are no part of what is handed over. */
static void counts_what_it_hands_over(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mm_gather g;

	(void)state;
	hand_over(r, 2 * BUNDLE, 4);
	begin(r, &g);
	for (unsigned i = 0; i < BUNDLE; i++)
		assert_false(add_folio(r, &g));
	mm_mmap_gather_flush(&g);
	/* A chain there must be. */
	hand_over(r, 1, 4);
	mm_mmap_gather_end(&g);
	begin(r, &g);
	add_many(r, &g, 3);
	mm_mmap_gather_end(&g);
	struct mmsim_teardown_info did = look(r);

	assert_int_equal(did.handed, 1);
	assert_int_equal(did.handed_pages, BUNDLE / 2 * FOLIO);
	assert_int_equal(did.freed, BUNDLE * FOLIO + 3);
	assert_int_equal(did.not_handed, 0);
	rig_close(r);
}

/* With the numbers of the series a full gather is handed over. */
static void full_is_enough_by_default(void **state)
{
	struct rig *r = rig_new(MMSIM_NATIVE, 300 * 1024, true);
	struct mm_gather g;
	unsigned nr;

	(void)state;
	hand_over(r, 0, 0);
	begin(r, &g);
	nr = fill(r, &g, add);
	assert_int_equal(nr, BUNDLE + MM_PARALLEL_BATCHES * BATCH - 1);
	assert_true(nr >= MM_PARALLEL_THRESHOLD);
	mm_mmap_gather_end(&g);
	struct mmsim_teardown_info did = look(r);

	assert_int_equal(did.handed_pages, nr - BUNDLE);
	assert_int_equal(did.max_batches, MM_PARALLEL_BATCHES);
	assert_int_equal(did.freed, nr);
	rig_close(r);
}

/* No memory for the work, or no thread: the caller frees it, before the flush returns or before the end. */
static void frees_itself_what_nobody_takes(void **state)
{
	struct rig *r = rig_open(MMSIM_NATIVE);
	struct mm_gather g;

	(void)state;
	hand_over(r, THRESHOLD, 4);
	begin(r, &g);
	add_many(r, &g, THRESHOLD);
	fail_metadata(r, 1, 1);
	mm_mmap_gather_flush(&g);
	fail_metadata(r, 0, 0);
	struct mmsim_teardown_info did = look(r);

	assert_int_equal(did.not_handed, 1);
	assert_int_equal(did.handed, 0);
	assert_int_equal(did.freed, THRESHOLD);
	r->m.env.fault.point[MMSIM_FAULT_SPAWN] =
		(struct mm_fault_point){ .nth = 1, .count = UINT32_MAX };
	add_many(r, &g, THRESHOLD);
	mm_mmap_gather_flush(&g);
	mm_mmap_gather_end(&g);
	r->m.env.fault.point[MMSIM_FAULT_SPAWN] = (struct mm_fault_point){ 0 };
	did = look(r);
	assert_int_equal(did.handed, 1);
	assert_int_equal(did.freed, THRESHOLD);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frees_in_slices),
		cmocka_unit_test(hands_chains_to_workers),
		cmocka_unit_test(counts_what_it_hands_over),
		cmocka_unit_test(full_is_enough_by_default),
		cmocka_unit_test(frees_itself_what_nobody_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
