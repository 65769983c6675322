/* SPDX-License-Identifier: MIT */
/* Touching memory with all CPUs: all of a stretch, nothing else, and the time goes to the books. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "page_env.h"
#include "prefault.h"

#define MIB(n) ((uint64_t)(n) << 20)

static struct page_env env;

static bool all_resident(const struct mm_area *area, uint64_t from, uint64_t to, bool want)
{
	unsigned char in[512];

	for (; from < to; from += MM_HUGE_2M) {
		if (mincore(area->base + from, MM_HUGE_2M, in))
			return false;
		for (unsigned i = 0; i < 512; i++)
			if ((in[i] & 1) != want)
				return false;
	}
	return true;
}

static void touch_the_middle(enum mmsim_mode mode, unsigned nr_cpus)
{
	struct mm_padata padata;
	struct mm_crew crew;
	struct mm_area area;

	page_env_config(&env, nr_cpus, 1);
	env.cfg.mode = mode;
	page_env_open_base(&env);
	assert_int_equal(mm_job_crew_init(&crew, env.exec, &env.topology), 0);
	mm_job_padata_init(&padata, &crew);
	/* Base pages only: a huge page would be resident as a whole. */
	assert_int_equal(mm_page_area_init(&area, MIB(32),
					   MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M | MMSIM_NO_HUGE_THP,
					   &env.fault),
			 0);
	assert_int_equal(mm_page_area_map(&area, 0, MIB(32)), 0);
	memset(area.base + MIB(6), 0x5a, 100);
	mm_page_prefault(&area, &padata, MIB(4), MIB(22));
	assert_true(all_resident(&area, 0, MIB(4), false));
	assert_true(all_resident(&area, MIB(4), MIB(22), true));
	assert_true(all_resident(&area, MIB(22), MIB(32), false));
	assert_int_equal(area.base[MIB(6) + 99], 0x5a);
	assert_true(area.got.touch_ns > 0);
	mm_page_prefault(&area, &padata, MIB(8), MIB(8));
	assert_true(all_resident(&area, MIB(22), MIB(32), false));
	mm_page_area_fini(&area);
	mm_job_crew_fini(&crew);
	page_env_close_base(&env);
}

static void serial(void **state)
{
	(void)state;
	touch_the_middle(MMSIM_SERIAL, 3);
}

/* No time in virtual mode: the host's own memory costs the machine nothing. */
static void virtual_and_explore(void **state)
{
	(void)state;
	touch_the_middle(MMSIM_VIRTUAL, 3);
	touch_the_middle(MMSIM_EXPLORE, 3);
}

static void native(void **state)
{
	(void)state;
	touch_the_middle(MMSIM_NATIVE, 1);
	touch_the_middle(MMSIM_NATIVE, 4);
}

/* Time adds up: the books are of all stretches. In serial mode the clock is a counter. */
static void time_adds_up(void **state)
{
	struct mm_padata padata;
	struct mm_crew crew;
	struct mm_area area;
	uint64_t once;

	(void)state;
	page_env_config(&env, 1, 1);
	page_env_open_base(&env);
	assert_int_equal(mm_job_crew_init(&crew, env.exec, &env.topology), 0);
	mm_job_padata_init(&padata, &crew);
	assert_int_equal(mm_page_area_init(&area, MIB(4), 0, &env.fault), 0);
	assert_int_equal(mm_page_area_map(&area, 0, MIB(4)), 0);
	mm_page_prefault(&area, &padata, 0, MIB(2));
	once = area.got.touch_ns;
	mm_page_prefault(&area, &padata, MIB(2), MIB(4));
	assert_true(area.got.touch_ns > once);
	mm_page_area_fini(&area);
	mm_job_crew_fini(&crew);
	page_env_close_base(&env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serial),
		cmocka_unit_test(native),
		cmocka_unit_test(virtual_and_explore),
		cmocka_unit_test(time_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
