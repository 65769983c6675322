/* SPDX-License-Identifier: MIT */
/* Page frames in bitmaps: several tasks at once, in every mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "bitmap_rig.h"
#include "rng.h"

static struct bitmap_rig rig;
static struct bitmap_rig *r = &rig;

/* Several tasks at once */

enum { NR_TASKS = 4, HELD = 24, RACE_TREES = 2 };

struct racer {
	struct mm_task task;
	unsigned nr_steps, number;
	uint64_t at[HELD];
	unsigned order[HELD], nr;
	const char *wrong;
};

static uint8_t owner[RACE_TREES * MM_TREE_PAGES];

/* Every frame has no owner, and gets one; or the other way round. */
static void own(struct racer *me, uint64_t at, unsigned order, uint8_t was, uint8_t is)
{
	for (uint64_t i = at; i < at + (UINT64_C(1) << order); i++)
		if (__atomic_exchange_n(&owner[i], is, __ATOMIC_RELAXED) != was)
			me->wrong = "a frame has two owners";
}

static void race_get(struct racer *me, unsigned order, enum mmsim_migratetype mt)
{
	uint64_t at = rig_get(r, order, mt);

	if (at == NOTHING)
		return;
	own(me, at, order, 0, (uint8_t)me->number);
	me->at[me->nr] = at;
	me->order[me->nr++] = order;
}

static void race_put(struct racer *me, unsigned i)
{
	own(me, me->at[i], me->order[i], (uint8_t)me->number, 0);
	rig_free(r, me->at[i], me->order[i]);
	me->nr--;
	me->at[i] = me->at[me->nr];
	me->order[i] = me->order[me->nr];
}

static void race(void *arg)
{
	struct racer *me = arg;
	struct mm_rng rng = mm_rng_split(3, me->number);

	for (unsigned i = 0; i < me->nr_steps; i++) {
		unsigned order = (unsigned)mm_rng_below(&rng, MMSIM_NR_PAGE_ORDERS);

		order = (unsigned)mm_rng_below(&rng, order + 1);
		if (me->nr < HELD && mm_rng_below(&rng, 2))
			race_get(me, order, mm_rng_below(&rng, 2) ? M : U);
		else if (me->nr)
			race_put(me, (unsigned)mm_rng_below(&rng, me->nr));
		if (mm_rng_below(&rng, 200) == 0)
			r->ops->drain(&r->zone, (unsigned)mm_rng_below(&rng, 2));
	}
	while (me->nr)
		race_put(me, 0);
}

static void run_race(enum mmsim_mode mode, unsigned nr_steps)
{
	static struct racer racer[NR_TASKS];

	memset(racer, 0, sizeof(racer));
	memset(owner, 0, sizeof(owner));
	rig_open_trees(r, mode, 2, RACE_TREES); /* two tasks to a CPU */
	for (unsigned i = 0; i < NR_TASKS; i++) {
		racer[i].number = i + 1;
		racer[i].nr_steps = nr_steps;
		assert_int_equal(mm_exec_spawn(r->env.exec, &racer[i].task, NULL, race, &racer[i]),
				 0);
	}
	for (unsigned i = 0; i < NR_TASKS; i++)
		mm_exec_join(r->env.exec, &racer[i].task);
	for (unsigned i = 0; i < NR_TASKS; i++)
		if (racer[i].wrong)
			fail_msg("task %u: %s", i, racer[i].wrong);
	assert_int_equal(rig_validate(r), RACE_TREES * MM_TREE_PAGES);
	rig_drain_all(r);
	assert_int_equal(r->zone.free_pages, RACE_TREES * MM_TREE_PAGES);
	rig_close(r);
}

static void tasks_race_natively(void **state)
{
	(void)state;
	run_race(MMSIM_NATIVE, 100000);
}

static void tasks_race_serially(void **state)
{
	(void)state;
	run_race(MMSIM_SERIAL, 20000);
}

static void tasks_race_in_virtual_time(void **state)
{
	(void)state;
	run_race(MMSIM_VIRTUAL, 20000);
}

static void tasks_race_explored(void **state)
{
	(void)state;
	run_race(MMSIM_EXPLORE, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_race_natively),
		cmocka_unit_test(tasks_race_serially),
		cmocka_unit_test(tasks_race_in_virtual_time),
		cmocka_unit_test(tasks_race_explored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
