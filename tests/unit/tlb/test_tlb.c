/* SPDX-License-Identifier: MIT */
/* lib/tlb/tlb.h: generations, masks, lazy CPUs, ids, and what is counted. */
#include "tlb_rig.h"

#include <errno.h>

static void contexts_have_numbers(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, false);

	for (unsigned i = 0; i < RIG_CONTEXTS; i++) {
		assert_int_equal(r->ctx[i].id, i + 1);
		assert_int_equal(mm_tlb_gen(&r->ctx[i]), 1);
	}
	rig_close(r);
}

/* T1 */
static void whoever_has_it_loaded_is_in_the_mask(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, false);

	enter(r, 1, 0);
	enter(r, 1, 0);
	enter(r, 2, 0);
	assert_false(in_mask(r, 0, 0));
	assert_true(in_mask(r, 1, 0) && in_mask(r, 2, 0));
	assert_ptr_equal(mm_tlb_cpu(&r->t, 1)->loaded, &r->ctx[0]);
	enter(r, 1, 1);
	assert_true(in_mask(r, 1, 1) && in_mask(r, 2, 0));
	assert_false(in_mask(r, 1, 0));
	assert_int_equal(info_of(r).switches, 3);
	assert_int_equal(info_of(r).late, 0);
	rig_close(r);
}

/* T2 */
static void a_flush_reaches_the_mask(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, false);

	enter(r, 0, 0);
	enter(r, 1, 0);
	enter(r, 2, 1);
	flush(r, 0, 0, pages(5, 1));
	assert_int_equal(mm_tlb_gen(&r->ctx[0]), 2);
	assert_int_equal(mm_tlb_gen(&r->ctx[1]), 1);
	assert_int_equal(gen_on(r, 0, 0), 2);
	assert_int_equal(gen_on(r, 1, 0), 2);
	assert_int_equal(info_of(r).ipis, 1);
	/* By one who has not even loaded it. */
	flush(r, 3, 0, pages(5, 1));
	assert_int_equal(gen_on(r, 0, 0), 3);
	assert_int_equal(gen_on(r, 1, 0), 3);
	assert_int_equal(gen_on(r, 3, 0), 0);
	assert_int_equal(info_of(r).ipis, 3);
	assert_int_equal(info_of(r).flushes, 2);
	assert_int_equal(info_of(r).full, 0);
	rig_close(r);
}

static void more_cpus_than_a_word_has_bits(void **state)
{
	struct rig *r = rig_open(mode_of(state), 130, false);

	enter(r, 0, 0);
	enter(r, 63, 0);
	enter(r, 64, 0);
	enter(r, 129, 0);
	flush(r, 129, 0, all_of_it());
	assert_int_equal(info_of(r).ipis, 3);
	assert_int_equal(gen_on(r, 63, 0), 2);
	assert_int_equal(gen_on(r, 64, 0), 2);
	assert_int_equal(gen_on(r, 129, 0), 2);
	rig_close(r);
}

static void the_lazy_are_spared(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, false);

	enter(r, 0, 0);
	enter(r, 1, 0);
	go_lazy(r, 1);
	go_lazy(r, 2); /* has nothing loaded */
	flush(r, 0, 0, pages(5, 1));
	assert_false(mm_tlb_cpu(&r->t, 2)->lazy);
	assert_int_equal(info_of(r).lazy_skipped, 1);
	assert_int_equal(info_of(r).ipis, 0);
	assert_int_equal(gen_on(r, 1, 0), 1);
	assert_true(in_mask(r, 1, 0));
	/* And make up for it. */
	enter(r, 1, 0);
	assert_int_equal(gen_on(r, 1, 0), 2);
	assert_int_equal(info_of(r).late, 1);
	assert_int_equal(info_of(r).switches, 2);
	flush(r, 0, 0, pages(5, 1));
	assert_int_equal(info_of(r).ipis, 1);
	go_lazy(r, 1);
	enter(r, 1, 0);
	assert_int_equal(info_of(r).late, 1);
	rig_close(r);
}

static void the_lazy_leave_if_tables_go(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, false);

	enter(r, 0, 0);
	enter(r, 1, 0);
	go_lazy(r, 1);
	flush(r, 0, 0, with_tables(pages(5, 1)));
	assert_int_equal(info_of(r).lazy_skipped, 0);
	assert_int_equal(info_of(r).ipis, 1);
	assert_false(in_mask(r, 1, 0));
	assert_null(mm_tlb_cpu(&r->t, 1)->loaded);
	assert_false(mm_tlb_cpu(&r->t, 1)->lazy);
	assert_int_equal(gen_on(r, 1, 0), 1);
	flush(r, 0, 0, with_tables(pages(5, 1)));
	assert_int_equal(info_of(r).ipis, 1);
	enter(r, 1, 0);
	assert_int_equal(gen_on(r, 1, 0), 3);
	assert_int_equal(info_of(r).late, 1);
	rig_close(r);
}

static void a_lazy_sender_is_like_any_other(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, false);

	enter(r, 0, 0);
	go_lazy(r, 0);
	flush(r, 0, 0, pages(5, 1));
	assert_int_equal(gen_on(r, 0, 0), 1);
	assert_true(in_mask(r, 0, 0));
	assert_int_equal(info_of(r).lazy_skipped, 0);
	flush(r, 0, 0, with_tables(pages(5, 1)));
	assert_false(in_mask(r, 0, 0));
	assert_int_equal(info_of(r).ipis, 0);
	rig_close(r);
}

static void who_was_away_flushes_late(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, false);

	enter(r, 1, 0);
	enter(r, 1, 1);
	enter(r, 1, 0);
	assert_int_equal(info_of(r).late, 0);
	enter(r, 1, 1);
	flush(r, 0, 0, pages(5, 1));
	flush(r, 0, 0, all_of_it());
	assert_int_equal(info_of(r).ipis, 0);
	assert_int_equal(gen_on(r, 1, 0), 1);
	enter(r, 1, 0);
	assert_int_equal(info_of(r).late, 1);
	assert_int_equal(gen_on(r, 1, 0), 3);
	assert_int_equal(gen_on(r, 1, 1), 1);
	rig_close(r);
}

static void ids_are_used_again_round_robin(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, false);

	for (unsigned i = 0; i <= MM_TLB_NR_ASIDS; i++)
		enter(r, 1, i);
	assert_int_equal(gen_on(r, 1, 0), 0);
	for (unsigned i = 1; i <= MM_TLB_NR_ASIDS; i++)
		assert_int_equal(gen_on(r, 1, i), 1);
	/* Back in a new one, without anything to make up for: the next in turn is lost. */
	flush(r, 0, 0, pages(5, 1));
	enter(r, 1, 0);
	assert_int_equal(gen_on(r, 1, 0), 2);
	assert_int_equal(gen_on(r, 1, 1), 0);
	assert_int_equal(gen_on(r, 1, 2), 1);
	assert_int_equal(info_of(r).late, 0);
	assert_int_equal(info_of(r).switches, MM_TLB_NR_ASIDS + 2);
	rig_close(r);
}

static void many_pages_are_everything(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, false);
	const struct mm_tlb_flush huge = { 0, (uint64_t)MM_TLB_CEILING * HUGE_PAGE, 21, false };
	const struct mm_tlb_flush more = { 0, (MM_TLB_CEILING + UINT64_C(1)) * HUGE_PAGE, 21,
					   false };

	flush(r, 0, 0, pages(5, MM_TLB_CEILING));
	flush(r, 0, 0, huge);
	assert_int_equal(info_of(r).full, 0);
	flush(r, 0, 0, pages(5, MM_TLB_CEILING + 1));
	flush(r, 0, 0, more);
	flush(r, 0, 0, all_of_it());
	assert_int_equal(info_of(r).full, 3);
	assert_int_equal(info_of(r).flushes, 5);
	rig_close(r);
}

/*
 * Told of the second of two flushes first, a CPU makes up for both, and for nothing when told of the first.
 */
static void one_flush_makes_up_for_several(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);

	fill(r, 1, 0, 0, PAGE, 100);
	mm_tlb_cpu(&r->t, 1)->asids[0].gen = 0;
	flush(r, 0, 0, pages(5, 1));
	assert_int_equal(gen_on(r, 1, 0), 2);
	assert_int_equal(nr_entries(r), 0);
	fill(r, 1, 0, 0, PAGE, 100);
	mm_tlb_cpu(&r->t, 1)->asids[0].gen = 3;
	flush(r, 0, 0, pages(0, 1));
	assert_int_equal(gen_on(r, 1, 0), 3);
	assert_int_equal(nr_entries(r), 1);
	rig_close(r);
}

static void a_context_goes(void **state)
{
	for (int checked = 0; checked < 2; checked++) {
		struct rig *r = rig_open(mode_of(state), RIG_CPUS, checked);

		enter(r, 0, 0);
		enter(r, 1, 0);
		go_lazy(r, 1);
		enter(r, 2, 0);
		enter(r, 2, 1);
		mm_tlb_context_fini(&r->t, &r->ctx[0]);
		assert_null(mm_tlb_cpu(&r->t, 0)->loaded);
		assert_null(mm_tlb_cpu(&r->t, 1)->loaded);
		assert_false(mm_tlb_cpu(&r->t, 1)->lazy);
		assert_ptr_equal(mm_tlb_cpu(&r->t, 2)->loaded, &r->ctx[1]);
		assert_int_equal(gen_on(r, 2, 0), !checked);
		assert_int_equal(r->ctx[0].mask[0], 0);
		/* Another at the same address is another. */
		mm_tlb_context_init(&r->t, &r->ctx[0]);
		enter(r, 2, 0);
		enter(r, 1, 0);
		assert_true(in_mask(r, 1, 0) && in_mask(r, 2, 0));
		assert_int_equal(info_of(r).late, 0);
		rig_close(r);
	}
}

static void without_memory_there_are_none(void **state)
{
	const struct env_shape shape = { .mode = mode_of(state), .nr_cpus = RIG_CPUS };
	struct env *e = env_open(&shape);
	uint64_t live = e->meta.live;
	struct mm_tlb t;
	unsigned k = 0;
	int err = -ENOMEM;

	while (err) {
		env_fail(e, MMSIM_FAULT_METADATA, ++k, 1);
		err = mm_tlb_init(&t, e->x, &e->locks, true);
		assert_true(!err || err == -ENOMEM);
		if (err)
			assert_int_equal(e->meta.live, live);
	}
	assert_int_equal(k, 3 + RIG_CPUS);
	mm_tlb_fini(&t);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(contexts_have_numbers),
		in_all_modes(whoever_has_it_loaded_is_in_the_mask),
		in_all_modes(a_flush_reaches_the_mask),
		in_all_modes(more_cpus_than_a_word_has_bits),
		in_all_modes(the_lazy_are_spared),
		in_all_modes(the_lazy_leave_if_tables_go),
		in_all_modes(a_lazy_sender_is_like_any_other),
		in_all_modes(who_was_away_flushes_late),
		in_all_modes(ids_are_used_again_round_robin),
		in_all_modes(many_pages_are_everything),
		in_all_modes(one_flush_makes_up_for_several),
		in_all_modes(a_context_goes),
		in_mode(without_memory_there_are_none, MMSIM_SERIAL, "serial"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
