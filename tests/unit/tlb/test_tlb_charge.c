/* SPDX-License-Identifier: MIT */
/* lib/tlb/tlb.h in virtual time: what a shootdown costs its sender, with the figures of exec_modes.h. */
#include "tlb_rig.h"

enum { IPI_FIRST = 800, IPI_NEXT = 70, LOCAL = 100, MANY = 40 };

/* The context loaded by `others` CPUs besides the sender's. */
static uint64_t cost_of(unsigned others, bool lazy, bool checked, struct mm_tlb_flush what)
{
	struct rig *r = rig_open(MMSIM_VIRTUAL, MANY + 1, checked);
	uint64_t ns;

	for (unsigned cpu = 1; cpu <= others; cpu++) {
		enter(r, cpu, 0);
		if (lazy)
			go_lazy(r, cpu);
	}
	enter(r, 0, 0);
	ns = flush(r, 0, 0, what);
	rig_close(r);
	return ns;
}

static void interrupts_are_sent_all_at_once(void **state)
{
	uint64_t alone = cost_of(0, false, false, pages(5, 1));

	(void)state;
	for (unsigned k = 1; k <= MANY; k *= 3)
		for (int checked = 0; checked < 2; checked++)
			assert_int_equal(cost_of(k, false, checked, pages(5, 1)) - alone,
					 IPI_FIRST + (k - 1) * IPI_NEXT);
}

static void the_lazy_cost_nothing(void **state)
{
	uint64_t alone = cost_of(0, false, false, pages(5, 1));

	(void)state;
	assert_int_equal(cost_of(MANY, true, false, pages(5, 1)), alone);
	assert_int_equal(cost_of(2, true, false, with_tables(pages(5, 1))),
			 alone + IPI_FIRST + IPI_NEXT);
}

static void locally_page_by_page_or_all(void **state)
{
	uint64_t one = cost_of(0, false, false, pages(5, 1));

	(void)state;
	assert_true(one >= LOCAL && one < 2 * LOCAL);
	assert_int_equal(cost_of(0, false, false, pages(5, MM_TLB_CEILING)) - one,
			 (MM_TLB_CEILING - 1) * LOCAL);
	assert_int_equal(cost_of(0, false, false, pages(5, MM_TLB_CEILING + 1)), one);
	assert_int_equal(cost_of(0, false, false, all_of_it()), one);
}

static void who_has_it_not_pays_no_local_flush(void **state)
{
	struct rig *r = rig_open(MMSIM_VIRTUAL, 2, false);

	(void)state;
	assert_true(flush(r, 0, 0, all_of_it()) < LOCAL);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupts_are_sent_all_at_once),
		cmocka_unit_test(the_lazy_cost_nothing),
		cmocka_unit_test(locally_page_by_page_or_all),
		cmocka_unit_test(who_has_it_not_pays_no_local_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
