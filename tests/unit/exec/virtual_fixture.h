/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine whose figures a test sets, tasks that work for so many ns, and a journal of who did
 * what at which time. Functions may be unused.
 */
#ifndef VIRTUAL_FIXTURE_H
#define VIRTUAL_FIXTURE_H

#include "exec_fixture.h"

#define NS MMSIM_FIGURE_ONE
#define US (1000 * NS)
#define MOST_NOTES 4096

static uint64_t figure[MMSIM_NR_FIGURES];
static struct env e;

struct note {
	uint64_t ns;
	unsigned cpu;
	char what;
};

static struct note notes[MOST_NOTES];
static unsigned nr_notes;

/* Free of charge, but for work (1 ns each) and what a test then sets. */
helper void cheap_figures(void)
{
	static const enum mmsim_figure free_of_charge[] = {
		MMSIM_FIG_WAKE,          MMSIM_FIG_WAKE_DEEP, MMSIM_FIG_WAKER,  MMSIM_FIG_SWITCH,
		MMSIM_FIG_WORKER_CREATE, MMSIM_FIG_TIMER,     MMSIM_FIG_ATOMIC, MMSIM_FIG_LINE_OWN,
	};

	memcpy(figure, test_figures, sizeof(figure));
	for (size_t i = 0; i < sizeof(free_of_charge) / sizeof(free_of_charge[0]); i++)
		figure[free_of_charge[i]] = 0;
	figure[MMSIM_FIG_ZAP] = 1 * NS;
}

helper void virtual_create(unsigned nr_cpus, const struct mmsim_cpu *cpus)
{
	static const struct mmsim_fault none[MMSIM_NR_FAULT_KINDS];
	struct mm_exec_config cfg = {
		.mode = MMSIM_VIRTUAL,
		.nr_cpus = nr_cpus,
		.seed = 42,
		.cpu = cpus,
		.figure = figure,
		.meta = &e.meta,
		.fault = &e.fault,
		.log = &e.log,
	};

	nr_notes = 0;
	mm_base_fault_init(&e.fault, none);
	mm_base_log_init(&e.log, log_to_stderr, NULL);
	assert_int_equal(mm_base_meta_init(&e.meta, &e.fault), 0);
	assert_int_equal(mm_exec_create(&cfg, &e.x), 0);
}

helper void virtual_open(unsigned nr_cpus)
{
	virtual_create(nr_cpus, NULL);
	assert_true(mm_exec_attach(e.x, &e.guest));
}

helper uint64_t now(void)
{
	return mm_exec_now(e.x);
}

helper void work(uint64_t ns)
{
	mm_exec_charge(e.x, MM_CHARGE_ZAP, NULL, ns);
}

helper void point(void)
{
	mm_exec_point(e.x, MM_POINT_ATOMIC, NULL);
}

helper void yield(void)
{
	e.x->ops->yield(e.x);
}

helper void jot(char what)
{
	if (nr_notes < MOST_NOTES)
		notes[nr_notes++] = (struct note){ now(), mm_exec_cpu(e.x), what };
}

/* The i-th note was this one? */
helper void assert_note(unsigned i, char what, uint64_t ns)
{
	assert_true(i < nr_notes);
	if (notes[i].what != what || notes[i].ns != ns)
		fail_msg("note %u: %c at %lu ns, wanted %c at %lu", i, notes[i].what,
			 (unsigned long)notes[i].ns, what, (unsigned long)ns);
}

/* A task with a name. */
struct actor {
	struct mm_task task;
	char name;
	uint64_t n, step;
};

helper void start_on(struct actor *a, char name, unsigned cpu, void (*fn)(void *arg))
{
	struct mm_cpumask on = mm_cpumask_of(cpu);

	a->name = name;
	assert_int_equal(mm_exec_spawn(e.x, &a->task, &on, fn, a), 0);
}

helper void join(struct actor *a)
{
	mm_exec_join(e.x, &a->task);
}

#endif
