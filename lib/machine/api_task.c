/* SPDX-License-Identifier: MIT */
/* Exported calls: tasks on simulated CPUs, and jobs. */
#include "bits.h"
#include "machine.h"
#include <errno.h>
#include <mmsim/task.h>

enum verdict { UNDECIDED, RUN, DROP };

struct crew;

struct runner {
	struct mm_task task;
	struct crew *crew;
	unsigned index;
};

struct crew {
	struct mm_exec *exec;
	void (*fn)(unsigned i, void *arg);
	void *arg;
	uint32_t verdict; /* parkable: nobody runs before all could be started */
};

static void runner_main(void *arg)
{
	struct runner *r = arg;
	struct crew *crew = r->crew;
	uint32_t verdict;

	while ((verdict = __atomic_load_n(&crew->verdict, __ATOMIC_ACQUIRE)) == UNDECIDED)
		mm_exec_park(crew->exec, &crew->verdict, UNDECIDED, MM_NEVER);
	if (verdict == RUN)
		crew->fn(r->index, crew->arg);
}

static int run_crew(struct crew *crew, struct runner *runners, unsigned nr)
{
	unsigned started = 0;
	int err = 0;

	for (; started < nr; started++) {
		struct runner *r = &runners[started];
		struct mm_cpumask cpu = mm_cpumask_of(started % crew->exec->nr_cpus);

		r->crew = crew;
		r->index = started;
		err = mm_exec_spawn(crew->exec, &r->task, &cpu, runner_main, r);
		if (err)
			break;
	}
	mm_exec_point(crew->exec, MM_POINT_ATOMIC, &crew->verdict);
	__atomic_store_n(&crew->verdict, err ? DROP : RUN, __ATOMIC_RELEASE);
	mm_exec_unpark(crew->exec, &crew->verdict, UINT32_MAX);
	while (started-- > 0)
		mm_exec_join(crew->exec, &runners[started].task);
	return err;
}

static int run(struct mmsim *m, unsigned nr, void (*fn)(unsigned i, void *arg), void *arg,
	       const char *wrong)
{
	struct crew crew = { .exec = m->exec, .fn = fn, .arg = arg };
	struct runner *runners;
	int err;
	MM_ON_CPU(m);

	if (wrong) {
		mm_base_log(&m->log, "%s", wrong);
		return -EINVAL;
	}
	runners = mm_base_meta_calloc(&m->meta, nr, sizeof(*runners));
	if (!runners)
		return -ENOMEM;
	err = run_crew(&crew, runners, nr);
	mm_base_meta_free(&m->meta, runners, nr * sizeof(*runners));
	return err;
}

int mmsim_run(struct mmsim *m, unsigned nr, void (*fn)(unsigned i, void *arg), void *arg)
{
	return run(m, nr, fn, arg,
		   !fn                               ? "mmsim_run: fn: NULL"
		   : !nr || nr > m->topology.nr_cpus ? "mmsim_run: nr: not 1 to nr_cpus"
						     : NULL);
}

int mmsim_run_on(struct mmsim *m, unsigned nr, void (*fn)(unsigned i, void *arg), void *arg)
{
	return run(m, nr, fn, arg,
		   !fn                            ? "mmsim_run_on: fn: NULL"
		   : !nr || nr > MMSIM_MAX_RUN_ON ? "mmsim_run_on: nr: not 1 to MMSIM_MAX_RUN_ON"
						  : NULL);
}

struct mmsim_task {
	struct mm_task task;
	struct mmsim *m;
	void (*fn)(void *arg);
	void *arg;
};

static void started_main(void *arg)
{
	struct mmsim_task *t = arg;

	t->fn(t->arg);
}

static int spawn(struct mmsim_task *t, uint32_t cpu)
{
	struct mm_cpumask mask;

	if (cpu == MMSIM_ANY_CPU)
		return mm_exec_spawn(t->m->exec, &t->task, NULL, started_main, t);
	mask = mm_cpumask_of(cpu);
	return mm_exec_spawn(t->m->exec, &t->task, &mask, started_main, t);
}

int mmsim_task_start(struct mmsim *m, uint32_t cpu, void (*fn)(void *arg), void *arg,
		     struct mmsim_task **out)
{
	struct mmsim_task *t;
	int err;
	MM_ON_CPU(m);

	if (out)
		*out = NULL;
	if (!fn || !out || (cpu != MMSIM_ANY_CPU && cpu >= m->topology.nr_cpus)) {
		mm_base_log(&m->log, "mmsim_task_start: %s",
			    !fn    ? "fn: NULL"
			    : !out ? "no place for the result"
				   : "cpu: not 0 to nr_cpus - 1");
		return -EINVAL;
	}
	t = mm_base_meta_calloc(&m->meta, 1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->m = m;
	t->fn = fn;
	t->arg = arg;
	err = spawn(t, cpu);
	if (err)
		mm_base_meta_free(&m->meta, t, sizeof(*t));
	else
		*out = t;
	return err;
}

static void join(struct mmsim *m, struct mmsim_task *t)
{
	MM_ON_CPU(m);

	mm_exec_join(m->exec, &t->task);
	mm_base_meta_free(&m->meta, t, sizeof(*t));
}

void mmsim_task_join(struct mmsim_task *task)
{
	if (task)
		join(task->m, task);
}

void *mmsim_task_arg(const struct mmsim *m)
{
	const struct mm_task *cur = mm_task_current();

	if (!mm_on_cpu(m) || cur->fn != started_main)
		return NULL;
	return ((const struct mmsim_task *)cur->arg)->arg;
}

int mmsim_park(struct mmsim *m, uint32_t *word, uint32_t val, uint64_t timeout_ns)
{
	uint64_t deadline;
	MM_ON_CPU(m);

	if (!word) {
		mm_base_log(&m->log, "mmsim_park: word: NULL");
		return -EINVAL;
	}
	if (timeout_ns == UINT64_MAX ||
	    __builtin_add_overflow(mm_exec_now(m->exec), timeout_ns, &deadline))
		deadline = MM_NEVER;
	return mm_exec_park(m->exec, word, val, deadline);
}

void mmsim_unpark(struct mmsim *m, uint32_t *word, unsigned nr)
{
	MM_ON_CPU(m);

	mm_exec_unpark(m->exec, word, nr);
}

void mmsim_yield(struct mmsim *m)
{
	MM_ON_CPU(m);

	m->exec->ops->yield(m->exec);
}

void mmsim_cond_resched(struct mmsim *m)
{
	MM_ON_CPU(m);

	mm_exec_resched(m->exec);
}

void mmsim_ndelay(struct mmsim *m, uint64_t ns)
{
	MM_ON_CPU(m);

	if (!m->exec->wakes_relaxed)
		for (uint64_t end = mm_exec_now(m->exec) + ns; mm_exec_now(m->exec) < end;)
			;
	mm_exec_charge(m->exec, MM_CHARGE_WORK, NULL, mm_min(ns, UINT64_C(1) << 53));
	mm_exec_resched(m->exec);
}

int mmsim_set_nice(struct mmsim *m, int nice)
{
	MM_ON_CPU(m);

	if (nice < MM_NICE_HIGHEST || nice > MM_NICE_LOWEST) {
		mm_base_log(&m->log, "mmsim_set_nice: nice: %d is not in %d to %d", nice,
			    MM_NICE_HIGHEST, MM_NICE_LOWEST);
		return -EINVAL;
	}
	if (mm_task_is_attached(mm_task_current())) {
		mm_base_log(&m->log, "mmsim_set_nice: the caller is a thread of the program");
		return -EPERM;
	}
	mm_exec_set_nice(m->exec, mm_task_current(), nice);
	return 0;
}

unsigned mmsim_cpu(struct mmsim *m)
{
	MM_ON_CPU(m);

	return mm_exec_cpu(m->exec);
}

uint64_t mmsim_now(struct mmsim *m)
{
	MM_ON_CPU(m);

	return mm_exec_now(m->exec);
}
