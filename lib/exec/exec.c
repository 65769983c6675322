/* SPDX-License-Identifier: MIT */
/* The part of the seam that all back ends share. */
#include "backend.h"
#include "native.h"
#include "explore.h"
#include "serial.h"
#include "virtual.h"

#include <errno.h>
#include <limits.h>

#define JOIN_SPINS 48

__thread struct mm_task *mm_exec_current_task;

__attribute__((noinline)) MM_NO_TSAN void mm_exec_set_current(struct mm_task *task)
{
	mm_exec_current_task = task;
}

/* Making and unmaking an exec */

int mm_exec_init(struct mm_exec *x, const struct mm_exec_config *cfg, const struct mm_exec_ops *ops)
{
	x->ops = ops;
	x->nr_cpus = cfg->nr_cpus;
	x->seed = cfg->seed;
	x->meta = cfg->meta;
	x->fault = cfg->fault;
	x->log = cfg->log;
	x->cpu = mm_base_meta_calloc(x->meta, x->nr_cpus, sizeof(*x->cpu));
	if (!x->cpu)
		return -ENOMEM;
	for (unsigned i = 0; i < x->nr_cpus; i++) {
		x->cpu[i].where =
			cfg->cpu ? cfg->cpu[i] : (struct mmsim_cpu){ .core = (uint16_t)i };
		x->cpu[i].first = i;
		for (unsigned k = 0; k < i && x->cpu[i].first == i; k++)
			if (x->cpu[k].where.core == x->cpu[i].where.core)
				x->cpu[i].first = k;
	}
	return 0;
}

void mm_exec_fini(struct mm_exec *x)
{
	mm_base_meta_free(x->meta, x->cpu, x->nr_cpus * sizeof(*x->cpu));
}

int mm_exec_create(const struct mm_exec_config *cfg, struct mm_exec **out)
{
	mm_assert(cfg->nr_cpus >= 1 && cfg->nr_cpus <= MMSIM_MAX_CPUS);
	switch (cfg->mode) {
	case MMSIM_NATIVE:
		return mm_exec_native_create(cfg, out);
	case MMSIM_SERIAL:
		return mm_exec_serial_create(cfg, out);
	case MMSIM_VIRTUAL:
		return mm_exec_virtual_create(cfg, out);
	case MMSIM_EXPLORE:
		return mm_exec_explore_create(cfg, out);
	}
	return -ENOSYS;
}

void mm_exec_destroy(struct mm_exec *x)
{
	struct mm_task *cur = mm_task_current();

	mm_invariant("E3: the destroyer is no task of it", !cur || cur->exec != x);
	mm_invariant("E3: every spawned task was joined",
		     !__atomic_load_n(&x->nr_unjoined, __ATOMIC_ACQUIRE));
	x->ops->destroy(x);
}

/* Becoming a task */

/*
 * The number first: it selects the random numbers. It begins again after 2^31 - 1, which a program
 * that calls from outside reaches in minutes: never 0, and the top bit stays free, for lock words.
 */
void mm_exec_number(struct mm_exec *x, struct mm_task *task)
{
	do
		task->id = __atomic_add_fetch(&x->next_id, 1, __ATOMIC_RELAXED) & INT32_MAX;
	while (!task->id);
	task->rng = mm_rng_split(x->seed, task->id);
}

bool mm_exec_attach_slow(struct mm_exec *x, struct mm_task *guest)
{
	*guest = (struct mm_task){ .exec = x, .outer = mm_task_current() };
	x->ops->attach(x, guest);
	mm_exec_set_current(guest);
	return true;
}

void mm_exec_detach(struct mm_exec *x, struct mm_task *guest)
{
	struct mm_task *outer = guest->outer;

	mm_invariant("E1: who detaches is the running task",
		     mm_task_current() == guest && guest->exec == x);
	mm_assert(!guest->nr_held);
	x->ops->detach(x, guest);
	mm_exec_set_current(outer);
}

/* Spawned tasks */

/*
 * How little a CPU suits a new task: its own tasks first, then those of the other CPUs of its core. The
 * caller's own CPU comes last among equals, and counts for its core, because nr_tasks does not count
 * the caller if it is an attached thread.
 */
static uint64_t cpu_load(const struct mm_exec *x, unsigned cpu, unsigned own)
{
	const struct mm_exec_cpu *c = &x->cpu[cpu];
	uint64_t tasks = __atomic_load_n(&c->nr_tasks, __ATOMIC_RELAXED);
	uint64_t core = __atomic_load_n(&x->cpu[c->first].core_tasks, __ATOMIC_RELAXED);

	return tasks << 32 | (core + (c->first == x->cpu[own].first)) << 1 | (cpu == own);
}

/* Loads are a hint: two spawners may choose the same CPU. */
static unsigned choose_cpu(const struct mm_exec *x, const struct mm_cpumask *allowed)
{
	unsigned own = mm_exec_cpu(x), best = x->nr_cpus;
	uint64_t least = UINT64_MAX;

	for (unsigned cpu = 0; cpu < x->nr_cpus && least; cpu++) {
		uint64_t load;

		if (allowed && !mm_cpumask_test(allowed, cpu))
			continue;
		load = cpu_load(x, cpu, own);
		if (load < least) {
			best = cpu;
			least = load;
		}
	}
	return best;
}

static void count_task(struct mm_exec *x, unsigned cpu, uint32_t by)
{
	__atomic_add_fetch(&x->cpu[cpu].nr_tasks, by, __ATOMIC_RELAXED);
	__atomic_add_fetch(&x->cpu[x->cpu[cpu].first].core_tasks, by, __ATOMIC_RELAXED);
}

/* A task whose fn, arg and kind are set; it is loaded unless it is resident. */
static int start(struct mm_exec *x, struct mm_task *task, unsigned cpu)
{
	bool loaded = task->loaded;
	int ret;

	mm_invariant("E4: a task is on a CPU of the exec", cpu < x->nr_cpus);
	task->exec = x;
	task->cpu = cpu;
	mm_exec_number(x, task);
	/* Before it runs: it may end, and be joined by another, before spawn returns. */
	count_task(x, cpu, loaded);
	__atomic_add_fetch(&x->nr_unjoined, 1, __ATOMIC_RELAXED);
	ret = x->ops->spawn(x, task);
	if (ret) {
		__atomic_sub_fetch(&x->nr_unjoined, 1, __ATOMIC_RELAXED);
		count_task(x, cpu, -(uint32_t)loaded);
		return ret;
	}
	mm_exec_point(x, MM_POINT_PREEMPT, NULL);
	return 0;
}

static int spawn(struct mm_exec *x, struct mm_task *task, const struct mm_cpumask *allowed,
		 void (*fn)(void *arg), void *arg, unsigned made)
{
	/* First: it starts after what making it costs, and loads are those of that time. */
	mm_exec_charge(x, MM_CHARGE_SPAWN, NULL, made);
	*task = (struct mm_task){ .fn = fn, .arg = arg, .loaded = true, .rested = !made };
	return start(x, task, choose_cpu(x, allowed));
}

int mm_exec_spawn(struct mm_exec *x, struct mm_task *task, const struct mm_cpumask *allowed,
		  void (*fn)(void *arg), void *arg)
{
	return spawn(x, task, allowed, fn, arg, 1);
}

int mm_exec_spawn_warm(struct mm_exec *x, struct mm_task *task, const struct mm_cpumask *allowed,
		       void (*fn)(void *arg), void *arg)
{
	return spawn(x, task, allowed, fn, arg, 0);
}

int mm_exec_spawn_resident(struct mm_exec *x, struct mm_task *task, unsigned cpu,
			   void (*fn)(void *arg), void *arg)
{
	mm_exec_charge(x, MM_CHARGE_SPAWN, NULL, 0);
	*task = (struct mm_task){ .fn = fn, .arg = arg, .resident = true };
	return start(x, task, cpu);
}

void mm_exec_load(struct mm_exec *x, bool busy)
{
	struct mm_task *task = mm_task_current();

	mm_assert(task && task->exec == x);
	mm_invariant("E6: loads and unloads of a resident task take turns",
		     task->resident && task->loaded != busy);
	task->loaded = busy;
	count_task(x, task->cpu, busy ? 1 : UINT32_MAX);
}

void mm_exec_set_nice(struct mm_exec *x, struct mm_task *task, int nice)
{
	mm_assert(task->exec == x);
	mm_invariant("E7: a nice value is that of the kernel",
		     nice >= MM_NICE_HIGHEST && nice <= MM_NICE_LOWEST);
	mm_exec_point(x, MM_POINT_ATOMIC, &task->nice);
	__atomic_store_n(&task->nice, nice, __ATOMIC_RELAXED);
	if (x->ops->set_nice && !__atomic_load_n(&task->done, __ATOMIC_ACQUIRE))
		x->ops->set_nice(x, task, nice);
}

void mm_exec_finish(struct mm_exec *x, struct mm_task *task)
{
	uint32_t *done = &task->done;

	mm_assert(!task->nr_held);
	mm_invariant("E6: a resident task has unloaded its CPU when it ends",
		     task->loaded != task->resident);
	if (task->loaded)
		count_task(x, task->cpu, UINT32_MAX);
	mm_exec_point(x, MM_POINT_ATOMIC, done);
	__atomic_store_n(done, 1, __ATOMIC_RELEASE);
	/* E2: from here on `done` is a number to look sleepers up by, not a place to read. */
	x->ops->unpark(x, done, UINT_MAX);
}

void mm_exec_join(struct mm_exec *x, struct mm_task *task)
{
	uint32_t left;

	struct mm_task *me = mm_task_current();

	mm_assert(task->exec == x && task != me);
	me->waits_for = "the end of a task";
	for (unsigned spin = 0; !__atomic_load_n(&task->done, __ATOMIC_ACQUIRE); spin++) {
		/* A short task ends before a sleep would have begun. */
		if (!x->wakes_relaxed && spin < JOIN_SPINS)
			x->ops->relax(x, &task->done, 0, spin);
		else if (x->ops->park(x, &task->done, 0, MM_NEVER) == -ECHILD)
			break; /* it stayed behind */
	}
	me->waits_for = NULL;
	left = __atomic_fetch_sub(&x->nr_unjoined, 1, __ATOMIC_RELEASE);
	mm_invariant("E3: a task is joined once", left > 0);
}

void mm_exec_sleep_until(struct mm_exec *x, uint64_t t)
{
	uint32_t word = 0; /* nobody knows it, so only time ends the wait */

	while (x->ops->now(x) < t)
		x->ops->park(x, &word, 0, t);
}

/* The timeline */

void mm_exec_mark_slow(struct mm_exec *x, enum mmsim_mark_kind kind, const char *name,
		       uint64_t value)
{
	const struct mm_task *task = mm_task_current();
	const struct mmsim_mark mark = {
		.ns = x->ops->now(x),
		.cpu = task->cpu,
		.task = task->id,
		.kind = (uint32_t)kind,
		.name = name,
		.value = value,
	};

	x->mark(x->mark_ctx, &mark);
}
