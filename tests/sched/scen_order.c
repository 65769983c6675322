/* SPDX-License-Identifier: MIT */
/*
 * Ordered jobs: serial() once each, in the order of submission, on the right CPU; while they are done in
 * any order, cpumasks change and shells go.
 */
#include "scenario.h"

#include "completion.h"
#include "machine.h"
#include "padata_serial.h"
#include <errno.h>

enum { CPUS = 3, JOBS = 3, MANY_JOBS = 6, SHELLS = 2, SUBMITTERS = 2 };

struct job {
	struct mmsim_padata_priv priv;
	struct scene *scene;
	unsigned shell, submitter, index, cb_cpu;
	unsigned
		home; /* the CPU of who submits: parallel() may run there when work items are short */
	bool keep; /* parallel() leaves do_serial() to task 2 */
	uint32_t parallels, serials; /* atomic */
};

struct scene {
	struct mmsim *m;
	struct mmsim_padata_instance *pinst;
	struct mmsim_padata_shell *ps[SHELLS];
	struct job job[SUBMITTERS][MANY_JOBS];
	uint32_t kept[MANY_JOBS]; /* atomic: submitter 0's are there for do_serial() */
	unsigned jobs; /* of each submitter */
	unsigned
		in_turn; /* parallel() of job k runs on CPU 1 + k % in_turn, or at home; 0: anywhere */
	uint32_t newest[SHELLS][SUBMITTERS][CPUS]; /* atomic: index + 1 */
	struct mm_completion over; /* a job's serial() is through */
	uint32_t freed; /* atomic: the scene must not be used any more */
};

static struct job *job_of(struct mmsim_padata_priv *priv)
{
	return mm_container_of(priv, struct job, priv);
}

static void parallel(struct mmsim_padata_priv *priv)
{
	struct job *job = job_of(priv);
	bool keep = job->keep;
	unsigned cpu = mmsim_cpu(job->scene->m), in_turn = job->scene->in_turn;

	expect(!in_turn || cpu == job->home || cpu == 1 + job->index % in_turn,
	       "parallel() runs on the CPU of its cpumask");
	mmsim_cond_resched(job->scene->m);
	__atomic_add_fetch(&job->parallels, 1, __ATOMIC_RELEASE);
	if (keep)
		__atomic_store_n(&job->scene->kept[job->index], 1, __ATOMIC_RELEASE);
	else
		expect(!mmsim_padata_do_serial(priv), "the job is in its parallel phase");
}

static void serial(struct mmsim_padata_priv *priv)
{
	struct job *job = job_of(priv);
	struct scene *s = job->scene;
	unsigned cpu = mmsim_cpu(s->m);
	uint32_t *newest = &s->newest[job->shell][job->submitter][cpu];

	expect(!__atomic_load_n(&s->freed, __ATOMIC_RELAXED), "O4: no callback after the end");
	expect(cpu == job->cb_cpu, "serial() runs on its callback CPU");
	expect(__atomic_load_n(&job->parallels, __ATOMIC_ACQUIRE) == 1, "parallel() runs before");
	expect(__atomic_exchange_n(newest, job->index + 1, __ATOMIC_RELAXED) <= job->index,
	       "O3: serial() in the order of submission");
	mmsim_cond_resched(s->m);
	expect(__atomic_add_fetch(&job->serials, 1, __ATOMIC_RELAXED) == 1,
	       "O1: serial() runs once");
	mm_complete(&s->over);
}

static void job_init(struct scene *s, unsigned submitter, unsigned index, unsigned shell, bool keep)
{
	s->job[submitter][index] = (struct job){
		.priv = { .parallel = parallel, .serial = serial },
		.scene = s,
		.shell = shell,
		.submitter = submitter,
		.index = index,
		.cb_cpu = index == 1,
		.home = mmsim_cpu(s->m),
		.keep = keep,
	};
}

static int try_submit(struct scene *s, unsigned submitter, unsigned index, unsigned shell)
{
	struct job *job = &s->job[submitter][index];

	return mmsim_padata_do_parallel(s->ps[shell], &job->priv, &job->cb_cpu);
}

static void submit(struct scene *s, unsigned submitter, unsigned index, unsigned shell, bool keep)
{
	int err;

	job_init(s, submitter, index, shell, keep);
	while ((err = try_submit(s, submitter, index, shell)) == -EBUSY)
		mmsim_yield(s->m);
	expect(!err, "the job is accepted");
}

static void open_scene(struct scene *s, struct mmsim *m)
{
	*s = (struct scene){ .m = m, .jobs = JOBS };
	mm_completion_init(&s->over, m->exec);
	s->pinst = mmsim_padata_alloc(m, "scene");
	expect(s->pinst, "an instance is made");
	for (unsigned i = 0; i < SHELLS; i++) {
		s->ps[i] = mmsim_padata_alloc_shell(s->pinst);
		expect(s->ps[i], "a shell is made");
	}
	expect(!mmsim_padata_start(s->pinst), "the instance starts");
}

static void free_shells(struct scene *s)
{
	for (unsigned i = 0; i < SHELLS; i++)
		mmsim_padata_free_shell(s->ps[i]);
}

static void close_scene(struct scene *s, unsigned submitters)
{
	expect(!mmsim_padata_flush(s->pinst), "a flush waits");
	for (unsigned i = 0; i < submitters; i++)
		for (unsigned k = 0; k < s->jobs; k++)
			expect(s->job[i][k].serials == 1, "O1: every job's serial() has run");
	expect(!mm_job_padata_validate(s->pinst), "no job is left on a list");
	free_shells(s);
	expect(!mmsim_padata_free(s->pinst), "the instance goes");
	__atomic_store_n(&s->freed, 1, __ATOMIC_RELAXED);
}

static void run_scene(struct mmsim *m, unsigned tasks, void (*fn)(unsigned i, void *arg),
		      unsigned submitters)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m);
	expect(!mmsim_run(m, tasks, fn, &s), "tasks start");
	close_scene(&s, submitters);
}

/* Two submit to one shell; parallel() ends as it comes. */
static void order_task(unsigned i, void *arg)
{
	for (unsigned k = 0; k < JOBS; k++)
		submit(arg, i, k, 0, false);
}

static void order(struct mmsim *m)
{
	run_scene(m, SUBMITTERS, order_task, SUBMITTERS);
}

/* Task 1 finishes what task 0 keeps, the last first. */
static void finish_kept(struct scene *s)
{
	for (unsigned k = JOBS; k-- > 0;) {
		struct job *job = &s->job[0][k];

		while (!__atomic_load_n(&s->kept[k], __ATOMIC_ACQUIRE))
			mmsim_yield(s->m);
		expect(!mmsim_padata_do_serial(&job->priv), "the job is in its parallel phase");
	}
}

static void backwards_task(unsigned i, void *arg)
{
	if (i == 1)
		finish_kept(arg);
	else
		for (unsigned k = 0; k < JOBS; k++)
			submit(arg, 0, k, 0, true);
}

static void order_backwards(struct mmsim *m)
{
	run_scene(m, 2, backwards_task, 1);
}

/* One shell, and masks that change twice below it. */
static void mask_task(unsigned i, void *arg)
{
	static const struct mmsim_cpumask masks[] = { { { 6 } }, { { 3 } } };
	struct scene *s = arg;

	if (i < SUBMITTERS)
		order_task(i, arg);
	else
		for (unsigned k = 0; k < 2; k++)
			expect(!mmsim_padata_set_cpumask(s->pinst,
							 k ? MMSIM_PADATA_CPU_PARALLEL
							   : MMSIM_PADATA_CPU_SERIAL,
							 &masks[k]),
			       "a mask is set");
}

static void order_masks(struct mmsim *m)
{
	run_scene(m, CPUS, mask_task, SUBMITTERS);
}

/* More jobs than work items: an item goes from CPU to CPU, of a mask that leaves out the submitter's. */
static void many_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	for (unsigned k = 0; k < s->jobs; k++)
		submit(s, i, k, 0, false);
}

static void order_on_mask(struct mmsim *m)
{
	static const struct mmsim_cpumask two = { { 1 << 1 | 1 << 2 } };
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m);
	expect(!mmsim_padata_set_cpumask(s.pinst, MMSIM_PADATA_CPU_PARALLEL, &two),
	       "a mask is set");
	s.jobs = MANY_JOBS;
	s.in_turn = 2;
	expect(!mmsim_run(m, 1, many_task, &s), "tasks start");
	close_scene(&s, 1);
}

/* After a stop nothing is accepted any more, not even what was about to be. */
static void stop_task(unsigned i, void *arg)
{
	struct scene *s = arg;
	uint32_t accepted;

	for (unsigned k = 0; i && k < JOBS; k++) {
		job_init(s, 0, k, 0, false);
		try_submit(s, 0, k, 0);
	}
	if (i)
		return;
	mmsim_padata_stop(s->pinst);
	accepted = __atomic_load_n(&s->pinst->jobs_in, __ATOMIC_RELAXED);
	for (unsigned k = 0; k < JOBS; k++)
		mmsim_cond_resched(s->m);
	expect(accepted == __atomic_load_n(&s->pinst->jobs_in, __ATOMIC_RELAXED),
	       "no job is accepted after a stop");
}

static void order_stop(struct mmsim *m)
{
	run_scene(m, 2, stop_task, 0);
}

static void free_when_over(struct scene *s)
{
	for (unsigned k = 0; k < JOBS; k++)
		mm_sync_wait_for_completion(&s->over, MM_NEVER);
	expect(!mmsim_padata_free(s->pinst), "O4: nobody holds what is over");
	__atomic_store_n(&s->freed, 1, __ATOMIC_RELAXED);
}

/* The shells go with jobs on their way; all goes after the last callback, without a flush. */
static void order_free(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m);
	for (unsigned k = 0; k < JOBS; k++)
		submit(&s, 0, k, k % SHELLS, false);
	free_shells(&s);
	free_when_over(&s);
}

/* The same while who finished the last job has yet to return from that. */
static void late_task(unsigned i, void *arg)
{
	if (i)
		finish_kept(arg);
	else
		free_when_over(arg);
}

static void order_free_late(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m);
	for (unsigned k = 0; k < JOBS; k++)
		submit(&s, 0, k, k % SHELLS, true);
	free_shells(&s);
	expect(!mmsim_run(m, 2, late_task, &s), "tasks start");
}

/* A mask changes while the shell that has jobs goes. */
static void free_task(unsigned i, void *arg)
{
	static const struct mmsim_cpumask mask = { { 5 } };
	struct scene *s = arg;

	if (i == 0) {
		mmsim_padata_free_shell(s->ps[0]);
		s->ps[0] = NULL;
	} else if (i == 1) {
		expect(!mmsim_padata_set_cpumask(s->pinst, MMSIM_PADATA_CPU_SERIAL, &mask),
		       "a mask is set");
	} else {
		finish_kept(s);
	}
}

static void order_free_mask(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m);
	for (unsigned k = 0; k < JOBS; k++)
		submit(&s, 0, k, 0, true);
	expect(!mmsim_run(m, CPUS, free_task, &s), "tasks start");
	close_scene(&s, 1);
}

#define SCENARIO(n, text, function)                                    \
	{                                                              \
		.name = n, .what = text, .cpus = CPUS, .run = function \
	}

const struct scenario scenarios_order[] = {
	SCENARIO("order", "two tasks submit ordered jobs to one shell", order),
	SCENARIO("order-backwards", "the last job is done first", order_backwards),
	SCENARIO("order-masks", "cpumasks change while jobs are submitted", order_masks),
	SCENARIO("order-on-mask", "parallel() runs where its cpumask wants it", order_on_mask),
	SCENARIO("order-stop", "an instance is stopped while jobs are submitted", order_stop),
	SCENARIO("order-free", "shells and instance go as soon as they may", order_free),
	SCENARIO("order-free-late", "the same while a do_serial() has yet to return",
		 order_free_late),
	SCENARIO("order-free-mask", "a shell goes, its mask changes, its jobs end",
		 order_free_mask),
	{ 0 },
};
