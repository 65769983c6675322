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
		struct mm_cpumask cpu = mm_cpumask_of(started);

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

int mmsim_run(struct mmsim *m, unsigned nr, void (*fn)(unsigned i, void *arg), void *arg)
{
	struct crew crew = { .exec = m->exec, .fn = fn, .arg = arg };
	struct runner *runners;
	int err;
	MM_ON_CPU(m);

	if (!fn || !nr || nr > m->topology.nr_cpus) {
		mm_base_log(&m->log, "mmsim_run: %s", fn ? "nr: not 1 to nr_cpus" : "fn: NULL");
		return -EINVAL;
	}
	runners = mm_base_meta_calloc(&m->meta, nr, sizeof(*runners));
	if (!runners)
		return -ENOMEM;
	err = run_crew(&crew, runners, nr);
	mm_base_meta_free(&m->meta, runners, nr * sizeof(*runners));
	return err;
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
