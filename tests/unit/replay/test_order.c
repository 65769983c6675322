/* SPDX-License-Identifier: MIT */
/* lib/replay/order.h: Q1 and Q2, against a search through all of a random trace; and nothing at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "order.h"
#include "rng.h"

enum { NR = 300, NR_PAGES = 40, NR_CPUS = 3 };

static struct mmsim_trace_event events[NR];

static uint32_t search(uint32_t from, int64_t cpu, int64_t pfn)
{
	for (uint32_t i = from; i < NR; i++)
		if ((cpu < 0 || events[i].cpu == cpu) && (pfn < 0 || events[i].pfn == pfn))
			return i;
	return MM_NO_EVENT;
}

static void links(void **state)
{
	struct mm_rng rng = mm_rng_split(3, 0);
	struct mm_order o;

	(void)state;
	for (unsigned i = 0; i < NR; i++)
		events[i] = (struct mmsim_trace_event){
			.pfn = (uint32_t)mm_rng_below(&rng, NR_PAGES),
			.cpu = (uint16_t)mm_rng_below(&rng, NR_CPUS),
		};
	assert_int_equal(mm_replay_order_init(&o, events, NR, NR_PAGES, NR_CPUS), 0);
	for (uint32_t i = 0; i < NR; i++) {
		uint32_t next = search(i + 1, events[i].cpu, -1);

		assert_int_equal(o.next_on_cpu[i], next);
		assert_int_equal(o.next_of_page[i], search(i + 1, -1, events[i].pfn));
		if (next == MM_NO_EVENT)
			assert_null(mm_order_next_on_cpu(&o, i));
		else
			assert_ptr_equal(mm_order_next_on_cpu(&o, i), &events[next]);
	}
	for (uint32_t i = 0; i <= NR; i++) {
		for (unsigned pfn = 0; pfn < NR_PAGES; pfn++) {
			uint32_t next = search(i, -1, pfn);

			assert_ptr_equal(mm_order_upcoming(&o, pfn),
					 next == MM_NO_EVENT ? NULL : &events[next]);
		}
		if (i < NR)
			mm_order_pass(&o, i);
	}
	mm_replay_order_fini(&o);
	assert_null(o.next_on_cpu);
}

static void empty(void **state)
{
	struct mm_order o;

	(void)state;
	assert_int_equal(mm_replay_order_init(&o, NULL, 0, 1, 1), 0);
	assert_null(mm_order_upcoming(&o, 0));
	mm_replay_order_fini(&o);
	mm_replay_order_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links),
		cmocka_unit_test(empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
