/* SPDX-License-Identifier: MIT */
/* lib/job/padata_mask.h: sets of CPUs as numbers and as text. */
#include "padata_mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct mmsim_cpumask mask_of(const unsigned *cpus, unsigned nr)
{
	struct mmsim_cpumask mask = { { 0 } };

	for (unsigned i = 0; i < nr; i++)
		mmsim_cpumask_set(&mask, cpus[i]);
	return mask;
}

static void bits_go_in_and_out(void **state)
{
	struct mmsim_cpumask mask = { { 0 } };

	(void)state;
	for (unsigned cpu = 0; cpu < MMSIM_MAX_CPUS; cpu++) {
		assert_false(mmsim_cpumask_test(&mask, cpu));
		mmsim_cpumask_set(&mask, cpu);
		assert_true(mmsim_cpumask_test(&mask, cpu));
		assert_int_equal(mm_job_mask_weight(&mask), 1);
		assert_int_equal(mm_job_mask_nth(&mask, 0), cpu);
		mmsim_cpumask_clear(&mask, cpu);
	}
	assert_int_equal(mm_job_mask_weight(&mask), 0);
}

static void the_nth_cpu(void **state)
{
	static const unsigned cpus[] = { 0, 3, 63, 64, 130, 500, 1022, 1023 };
	struct mmsim_cpumask mask = mask_of(cpus, 8);

	(void)state;
	assert_int_equal(mm_job_mask_weight(&mask), 8);
	for (unsigned n = 0; n < 8; n++)
		assert_int_equal(mm_job_mask_nth(&mask, n), cpus[n]);
}

static void all_and_and(void **state)
{
	static const unsigned cpus[] = { 2, 66, 70 };
	struct mmsim_cpumask all, both, mask = mask_of(cpus, 3);

	(void)state;
	for (unsigned nr = 0; nr <= MMSIM_MAX_CPUS; nr++) {
		all = mm_job_mask_all(nr);
		assert_int_equal(mm_job_mask_weight(&all), nr);
		assert_true(!nr || mm_job_mask_nth(&all, nr - 1) == nr - 1);
	}
	all = mm_job_mask_all(67);
	both = mm_job_mask_and(&all, &mask);
	assert_int_equal(mm_job_mask_weight(&both), 2);
	assert_int_equal(mm_job_mask_nth(&both, 1), 66);
}

static void assert_text(const struct mmsim_cpumask *mask, unsigned nr_cpus, const char *want)
{
	char text[400];

	assert_int_equal(mm_job_mask_print(mask, nr_cpus, text, sizeof(text)), strlen(want));
	assert_string_equal(text, want);
}

/* As %*pb prints them. */
static void texts(void **state)
{
	struct mmsim_cpumask mask = mm_job_mask_all(8);
	char small[4] = "xyz";

	(void)state;
	assert_text(&mask, 8, "ff\n");
	assert_text(&mask, 9, "0ff\n");
	assert_text(&mask, 13, "00ff\n");
	assert_text(&mask, 32, "000000ff\n");
	assert_text(&mask, 33, "0,000000ff\n");
	assert_text(&mask, 64, "00000000,000000ff\n");
	mask = mm_job_mask_all(34);
	assert_text(&mask, 34, "3,ffffffff\n");
	assert_text(&mask, 1, "3,ffffffff\n");
	mask = mm_job_mask_all(0);
	assert_text(&mask, 1, "0\n");
	mmsim_cpumask_set(&mask, 104);
	assert_text(&mask, 104, "100,00000000,00000000,00000000\n");
	mask = mm_job_mask_all(8);
	assert_int_equal(mm_job_mask_print(&mask, 8, small, 3), 3);
	assert_string_equal(small, "ff");
	assert_int_equal(mm_job_mask_print(&mask, 8, NULL, 0), 3);
	mask = mm_job_mask_all(MMSIM_MAX_CPUS);
	assert_int_equal(mm_job_mask_print(&mask, MMSIM_MAX_CPUS, NULL, 0), 32 * 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_go_in_and_out),
		cmocka_unit_test(the_nth_cpu),
		cmocka_unit_test(all_and_and),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
