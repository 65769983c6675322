/* SPDX-License-Identifier: MIT */
/*
 * Multithreaded jobs and ktasks: every unit once, and nobody at work when the call has returned. When a chunk
 * of a ktask fails or it is cancelled, all that was finished is undone.
 */
#include "scenario.h"

#include "machine.h"
#include <errno.h>

enum { CPUS = 3, UNITS = 10 };

struct job {
	struct mmsim *m;
	unsigned nested; /* jobs to be started from within each chunk */
	uint32_t done[UNITS]; /* atomic */
	uint32_t inside; /* atomic: chunks being worked on */
	uint32_t over; /* atomic: the call has returned */
};

static void run_job(struct job *job);

static void chunk(unsigned long start, unsigned long end, void *arg)
{
	struct job *job = arg;

	__atomic_add_fetch(&job->inside, 1, __ATOMIC_RELAXED);
	if (job->nested) {
		struct job inner = { .m = job->m };

		run_job(&inner);
	} else {
		mm_exec_resched(job->m->exec);
	}
	for (unsigned long i = start; i < end; i++)
		__atomic_add_fetch(&job->done[i], 1, __ATOMIC_RELAXED);
	expect(!__atomic_load_n(&job->over, __ATOMIC_RELAXED), "P1: no chunk after the job");
	__atomic_sub_fetch(&job->inside, 1, __ATOMIC_RELAXED);
}

static void run_job(struct job *job)
{
	struct mmsim_padata_mt_job mt = {
		.thread_fn = chunk,
		.fn_arg = job,
		.size = UNITS,
		.min_chunk = 2,
	};

	expect(!mmsim_padata_do_multithreaded(job->m, &mt), "the job is sound");
	expect(!__atomic_load_n(&job->inside, __ATOMIC_RELAXED), "P1: all chunks are over");
	__atomic_store_n(&job->over, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < UNITS; i++)
		expect(__atomic_load_n(&job->done[i], __ATOMIC_RELAXED) == 1,
		       "P1: every unit exactly once");
}

static void one_job(struct mmsim *m)
{
	struct job job = { .m = m };

	run_job(&job);
}

static void job_task(unsigned i, void *arg)
{
	struct job job = { .m = arg };

	(void)i;
	run_job(&job);
}

static void two_jobs(struct mmsim *m)
{
	expect(!mmsim_run(m, 2, job_task, m), "tasks start");
}

/* One after the other: the helpers of the first are the second's. */
static void again_task(unsigned i, void *arg)
{
	job_task(i, arg);
	job_task(i, arg);
}

static void jobs_again(struct mmsim *m)
{
	expect(!mmsim_run(m, 2, again_task, m), "tasks start");
}

static void nested_job(struct mmsim *m)
{
	struct job job = { .m = m, .nested = 1 };

	run_job(&job);
}

/* ktasks, on an engine of their own: three CPUs on two nodes, which the scenarios' machines have not */

enum { STRETCHES = 2, STRETCH = 4 };

struct engine {
	struct mmsim *m;
	struct mm_topology topology;
	uint16_t node_of[CPUS];
	struct mm_cpumask cpus[2];
	unsigned nr_node_cpus[2];
	struct mm_crew crew;
	struct mm_ktask kt;
};

struct ktask {
	struct engine *e;
	struct mmsim_ktask_node node[STRETCHES];
	struct mmsim_ktask_ctl ctl;
	unsigned size[STRETCHES];
	unsigned nested; /* a ktask within each chunk */
	uint32_t fail_at; /* the call that fails; 0: none */
	uint32_t calls, inside, over; /* atomic */
	uint32_t done[STRETCHES][STRETCH]; /* atomic: marks */
	unsigned caller; /* the task's id */
	uint32_t caller_at_it; /* atomic: it is inside a chunk */
	uint32_t raised; /* atomic: helpers seen above the lowest priority, that have not ended */
};

static void engine_init(struct engine *e, struct mmsim *m, unsigned max_helpers)
{
	const struct mmsim_job_policy policy = {
		.max_helpers = max_helpers,
		.max_node_helpers = max_helpers,
	};

	*e = (struct engine){ .m = m };
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		unsigned nid = cpu ? 1 : 0;

		e->node_of[cpu] = (uint16_t)nid;
		e->nr_node_cpus[nid]++;
		mm_cpumask_set(&e->cpus[nid], cpu);
	}
	e->topology = (struct mm_topology){ CPUS, 2, e->node_of, e->cpus, e->nr_node_cpus };
	expect(!mm_job_crew_init(&e->crew, m->exec, &e->topology), "there is memory");
	expect(!mm_job_ktask_init(&e->kt, &e->crew, &policy, 0), "there is memory");
}

static void engine_fini(struct engine *e)
{
	expect(!e->kt.helpers && !e->kt.node[0].helpers && !e->kt.node[1].helpers,
	       "T3: nobody is counted any more");
	mm_job_ktask_fini(&e->kt);
	mm_job_crew_fini(&e->crew);
}

/* A position is 16 * stretch + unit. */
static void mark_units(struct ktask *t, void *start, void *end, uint32_t from)
{
	for (uintptr_t at = (uintptr_t)start; at < (uintptr_t)end; at++)
		expect(__atomic_exchange_n(&t->done[at / 16][at % 16], !from, __ATOMIC_RELAXED) ==
			       from,
		       "T1, T2: every unit is worked on once, and undone once");
}

static int own_nice(void)
{
	return __atomic_load_n(&mm_task_current()->nice, __ATOMIC_RELAXED);
}

static void check_limits(const struct mm_ktask *kt)
{
	expect(__atomic_load_n(&kt->helpers, __ATOMIC_RELAXED) <= kt->max_helpers,
	       "T3: no more helpers than allowed");
	for (unsigned nid = 0; nid < 2; nid++)
		expect(__atomic_load_n(&kt->node[nid].helpers, __ATOMIC_RELAXED) <=
			       kt->node[nid].max_helpers,
		       "T3: no more helpers of a node than allowed");
}

/* C4: what a caller lends he lends when he waits, and to one. */
static void check_nice(struct ktask *t, uint32_t *counted)
{
	if (mm_task_current()->id == t->caller || own_nice() == MM_NICE_LOWEST)
		return;
	expect(!__atomic_load_n(&t->caller_at_it, __ATOMIC_RELAXED),
	       "C4: nothing is lent by who works himself");
	if (!*counted)
		expect(!__atomic_fetch_add(&t->raised, 1, __ATOMIC_RELAXED),
		       "C4: the priority is lent to one");
	*counted = 1;
}

static int run_ktask(struct ktask *t);

static void inside_chunk(struct ktask *t)
{
	uint32_t counted = 0;

	check_limits(&t->e->kt);
	check_nice(t, &counted);
	if (t->nested) {
		struct ktask inner = { .e = t->e, .size = { 2, 1 } };

		expect(!run_ktask(&inner), "the inner ktask is sound");
	} else {
		mm_exec_resched(t->e->m->exec);
	}
	check_nice(t, &counted);
	mm_exec_resched(t->e->m->exec);
	__atomic_sub_fetch(&t->raised, counted, __ATOMIC_RELAXED);
}

static int ktask_chunk(void *start, void *end, void *arg)
{
	struct ktask *t = arg;
	bool caller = mm_task_current()->id == t->caller;
	uint32_t call = __atomic_add_fetch(&t->calls, 1, __ATOMIC_RELAXED);

	__atomic_add_fetch(&t->inside, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&t->caller_at_it, caller, __ATOMIC_RELAXED);
	if (call != t->fail_at)
		mark_units(t, start, end, 0);
	inside_chunk(t);
	expect(!__atomic_load_n(&t->over, __ATOMIC_RELAXED), "C3: no chunk after the ktask");
	__atomic_sub_fetch(&t->caller_at_it, caller, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&t->inside, 1, __ATOMIC_RELAXED);
	return call == t->fail_at ? (int)call : 0;
}

static int ktask_undo(void *start, void *end, void *arg)
{
	struct ktask *t = arg;

	expect(!__atomic_load_n(&t->inside, __ATOMIC_RELAXED), "undo comes after all chunks");
	mark_units(t, start, end, 1);
	return 0;
}

static void check_units(struct ktask *t, int err)
{
	for (unsigned s = 0; s < STRETCHES; s++)
		for (unsigned i = 0; i < t->size[s]; i++)
			expect(__atomic_load_n(&t->done[s][i], __ATOMIC_RELAXED) == !err,
			       "T1, T2: all units or none");
}

static int run_ktask(struct ktask *t)
{
	int err;

	t->caller = mm_task_current()->id;
	t->ctl.thread_fn = ktask_chunk;
	t->ctl.undo_fn = ktask_undo;
	t->ctl.fn_arg = t;
	t->ctl.min_chunk = 1;
	t->ctl.max_threads = CPUS;
	for (unsigned s = 0; s < STRETCHES; s++)
		t->node[s] = (struct mmsim_ktask_node){ (void *)(uintptr_t)(16 * s), t->size[s],
							(int)s };
	err = mm_job_ktask_run(&t->e->kt, t->node, STRETCHES, &t->ctl);
	expect(!__atomic_load_n(&t->inside, __ATOMIC_RELAXED), "C3: all chunks are over");
	__atomic_store_n(&t->over, 1, __ATOMIC_RELAXED);
	check_units(t, err);
	return err;
}

static void one_ktask(struct mmsim *m)
{
	struct engine e;
	struct ktask t = { .e = &e, .size = { 3, 3 } };
	MM_ON_CPU(m);

	engine_init(&e, m, CPUS);
	expect(!run_ktask(&t), "the ktask is sound");
	engine_fini(&e);
}

/* Helpers of the first stretch move to the second, which has two CPUs of its own. */
static void ktask_move(struct mmsim *m)
{
	struct engine e;
	MM_ON_CPU(m);

	engine_init(&e, m, 2);
	for (unsigned i = 0; i < 2; i++) {
		struct ktask t = { .e = &e, .size = { i ? STRETCH : 1, i ? 1 : STRETCH } };

		expect(!run_ktask(&t), "the ktask is sound");
	}
	engine_fini(&e);
}

static void ktask_fails(struct mmsim *m)
{
	struct engine e;
	MM_ON_CPU(m);

	engine_init(&e, m, CPUS);
	for (uint32_t k = 2; k <= 5; k += 3) {
		struct ktask t = { .e = &e, .size = { 3, 3 }, .fail_at = k };

		expect(run_ktask(&t) == (int)k, "the error of the chunk that failed");
		expect(t.ctl.first_failed || !t.node[0].start, "whose start is told");
	}
	engine_fini(&e);
}

static void cancel_task(void *arg)
{
	struct ktask *t = arg;

	mm_exec_resched(t->e->m->exec);
	mmsim_ktask_cancel(&t->ctl);
}

static void ktask_cancelled(struct mmsim *m)
{
	struct engine e;
	struct ktask t = { .e = &e, .size = { 3, 3 } };
	struct mm_task task;
	int err;
	MM_ON_CPU(m);

	engine_init(&e, m, CPUS);
	expect(!mm_exec_spawn(m->exec, &task, NULL, cancel_task, &t), "a task starts");
	err = run_ktask(&t);
	expect(!err || err == -ECANCELED, "cancelled, or all had been handed out");
	mm_exec_join(m->exec, &task);
	engine_fini(&e);
}

static void ktask_task(unsigned i, void *arg)
{
	struct ktask t = { .e = arg, .size = { i ? 1 : 3, 2 } };

	expect(!run_ktask(&t), "the ktask is sound");
	expect(!t.ctl.undo_failed && t.ctl.done == t.size[0] + t.size[1], "all was done");
}

/* Two at once, with fewer helpers allowed than they would have. */
static void two_ktasks(struct mmsim *m)
{
	struct engine e;
	MM_ON_CPU(m);

	engine_init(&e, m, 1);
	expect(!mmsim_run(m, 2, ktask_task, &e), "tasks start");
	engine_fini(&e);
}

static void ktasks_task(unsigned i, void *arg)
{
	ktask_task(i, arg);
	ktask_task(1, arg);
}

/* As many as there are: helpers go from one caller to the other, and what was lent stays behind. */
static void ktasks_share(struct mmsim *m)
{
	struct engine e;
	MM_ON_CPU(m);

	engine_init(&e, m, CPUS);
	expect(!mmsim_run(m, 2, ktasks_task, &e), "tasks start");
	engine_fini(&e);
}

static void nested_ktask(struct mmsim *m)
{
	struct engine e;
	struct ktask t = { .e = &e, .size = { 2, 2 }, .nested = 1 };
	MM_ON_CPU(m);

	engine_init(&e, m, CPUS);
	expect(!run_ktask(&t), "the ktask is sound");
	engine_fini(&e);
}

#define SCENARIO(n, text, function)                                    \
	{                                                              \
		.name = n, .what = text, .cpus = CPUS, .run = function \
	}

const struct scenario scenarios_jobs[] = {
	SCENARIO("job", "one job on three CPUs", one_job),
	SCENARIO("two-jobs", "two jobs at once share the pool", two_jobs),
	SCENARIO("jobs-again", "two tasks with two jobs each", jobs_again),
	SCENARIO("ktask", "one ktask on two nodes", one_ktask),
	SCENARIO("ktask-move", "helpers of one node move to the other", ktask_move),
	SCENARIO("ktask-fails", "a chunk of a ktask fails: the others are undone", ktask_fails),
	SCENARIO("ktask-cancel", "a ktask is cancelled from outside", ktask_cancelled),
	SCENARIO("two-ktasks", "two ktasks at once, allowed one helper", two_ktasks),
	SCENARIO("ktasks-share", "two ktasks at once share the helpers", ktasks_share),
	SCENARIO("nested-ktask", "a ktask in every chunk of a ktask", nested_ktask),
	SCENARIO("nested-job", "a job in every chunk of a job: the pool is short", nested_job),
	{ 0 },
};
