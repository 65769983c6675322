/* SPDX-License-Identifier: MIT */
/*
 * A padata instance on its own, jobs that say where and when they ran, and a naive record of the order:
 * for each shell, submitter and callback CPU the newest job whose serial() ran. Functions may be unused.
 */
#ifndef TESTS_ORDER_RIG_H
#define TESTS_ORDER_RIG_H

#include "padata_serial.h"

#include "exec_env.h"
#include "first_failure.h"
#include <errno.h>
#include <string.h>

#define ORDER_CPUS 8
#define ORDER_SHELLS 3
#define ORDER_SUBMITTERS 4

struct order_rig {
	struct env *e;
	struct mmsim_padata_instance *pinst;
	struct mmsim_padata_shell *ps[ORDER_SHELLS];
	struct first_failure failure;
	uint32_t serials; /* atomic: all that ran */
	uint32_t newest[ORDER_SHELLS][ORDER_SUBMITTERS][ORDER_CPUS]; /* atomic: index + 1 */
};

struct order_job {
	struct mmsim_padata_priv priv;
	struct order_rig *rig;
	unsigned shell, submitter, index; /* the index-th that this one submitted to that shell */
	unsigned cb_cpu; /* as do_parallel() left it */
	unsigned cpu; /* where parallel() ran */
	unsigned task; /* of parallel() */
	unsigned yields; /* before parallel() is done */
	uint32_t keep; /* atomic: parallel() leaves do_serial() to others */
	uint32_t wait; /* atomic: parallel() waits as long as it is 1 */
	uint32_t parallels, serials; /* atomic: how often they ran */
	int err; /* of do_serial() in parallel() */
	void (*in_parallel)(struct order_job *job);
	void (*in_serial)(struct order_job *job);
};

static __attribute__((unused)) struct order_job *order_job_of(struct mmsim_padata_priv *priv)
{
	return mm_container_of(priv, struct order_job, priv);
}

static __attribute__((unused)) void order_parallel(struct mmsim_padata_priv *priv)
{
	struct order_job *job = order_job_of(priv);
	struct mm_exec *x = job->rig->e->x;

	job->cpu = mm_exec_cpu(x);
	job->task = mm_task_current()->id;
	if (job->in_parallel)
		job->in_parallel(job);
	for (unsigned k = 0; k < job->yields; k++)
		env_yield(x);
	__atomic_add_fetch(&job->parallels, 1, __ATOMIC_RELEASE);
	env_wait_for(x, &job->wait, 0);
	if (!__atomic_load_n(&job->keep, __ATOMIC_ACQUIRE))
		mm_job_padata_do_serial(priv);
}

static __attribute__((unused)) void order_note(struct order_job *job, unsigned cpu)
{
	struct order_rig *rig = job->rig;
	uint32_t *newest = &rig->newest[job->shell][job->submitter][cpu];
	uint32_t before = __atomic_exchange_n(newest, job->index + 1, __ATOMIC_RELAXED);

	expect_in_task(&rig->failure, before <= job->index, before);
	expect_in_task(&rig->failure, cpu == job->priv.cb_cpu, cpu);
	expect_in_task(&rig->failure, __atomic_load_n(&job->parallels, __ATOMIC_ACQUIRE) == 1,
		       job->parallels);
	expect_in_task(&rig->failure, __atomic_add_fetch(&job->serials, 1, __ATOMIC_RELAXED) == 1,
		       job->index);
	__atomic_add_fetch(&rig->serials, 1, __ATOMIC_RELEASE);
}

static __attribute__((unused)) void order_serial(struct mmsim_padata_priv *priv)
{
	struct order_job *job = order_job_of(priv);

	order_note(job, mm_exec_cpu(job->rig->e->x));
	if (job->in_serial)
		job->in_serial(job);
}

/* Without threads whoever flushes runs it, on his own CPU. */
static __attribute__((unused)) void order_serial_anywhere(struct mmsim_padata_priv *priv)
{
	struct order_job *job = order_job_of(priv);

	order_note(job, job->priv.cb_cpu);
}

static __attribute__((unused)) struct mmsim_padata_instance *order_alloc(struct env *e)
{
	const struct mm_padata_config cfg = {
		.exec = e->x,
		.log = &e->log,
		.locks = &e->locks,
		.topology = &e->topology,
		.name = "test",
	};
	struct mmsim_padata_instance *pinst;

	return mm_job_padata_alloc(&cfg, &pinst) ? NULL : pinst;
}

static __attribute__((unused)) void order_open_shape(struct order_rig *rig,
						     const struct env_shape *shape)
{
	*rig = (struct order_rig){ .e = env_open(shape) };
	rig->pinst = order_alloc(rig->e);
	assert_non_null(rig->pinst);
	for (unsigned i = 0; i < ORDER_SHELLS; i++) {
		rig->ps[i] = mm_job_padata_alloc_shell(rig->pinst);
		assert_non_null(rig->ps[i]);
	}
	assert_int_equal(mm_job_padata_start(rig->pinst), 0);
}

static __attribute__((unused)) void order_open(struct order_rig *rig, enum mmsim_mode mode,
					       unsigned cpus)
{
	order_open_shape(rig, &(struct env_shape){ .mode = mode, .nr_cpus = cpus });
}

/* All jobs are over. Shells freed by the test are NULL. */
static __attribute__((unused)) void order_close(struct order_rig *rig)
{
	assert_int_equal(mm_job_padata_flush(rig->pinst), 0);
	assert_int_equal(mm_job_padata_validate(rig->pinst), 0);
	for (unsigned i = 0; i < ORDER_SHELLS; i++)
		if (rig->ps[i])
			mm_job_padata_free_shell(rig->ps[i]);
	assert_int_equal(mm_job_padata_free(rig->pinst), 0);
	env_close(rig->e);
	assert_no_failure(&rig->failure, 0);
}

static __attribute__((unused)) void order_job_init(struct order_job *job, struct order_rig *rig,
						   unsigned shell, unsigned index)
{
	memset(&job->priv, 0xff, sizeof(job->priv)); /* needs no initialisation */
	*job = (struct order_job){
		.priv = job->priv,
		.rig = rig,
		.shell = shell,
		.index = index,
	};
	job->priv.parallel = order_parallel;
	job->priv.serial = order_serial;
}

/* *why: of a refusal. */
static __attribute__((unused)) int order_submit_why(struct order_job *job, unsigned cb_cpu,
						    const char **why)
{
	job->cb_cpu = cb_cpu;
	return mm_job_padata_do_parallel(job->rig->ps[job->shell], &job->priv, &job->cb_cpu, why);
}

static __attribute__((unused)) int order_submit(struct order_job *job, unsigned cb_cpu)
{
	const char *why;

	return order_submit_why(job, cb_cpu, &why);
}

/* n jobs for one shell, numbered from `first` on; parallel() leaves them alone. CPUs in turn. */
static __attribute__((unused)) void order_submit_kept(struct order_job *jobs, struct order_rig *rig,
						      unsigned shell, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		order_job_init(&jobs[i], rig, shell, first + i);
		jobs[i].keep = 1;
		assert_int_equal(order_submit(&jobs[i], (first + i) % rig->e->x->nr_cpus), 0);
	}
	for (unsigned i = 0; i < n; i++)
		env_wait_for(rig->e->x, &jobs[i].parallels, 1);
}

static __attribute__((unused)) void order_set(struct order_rig *rig, enum mmsim_padata_cpumask type,
					      uint64_t bits)
{
	const struct mmsim_cpumask mask = { { bits } };

	assert_int_equal(mm_job_padata_set_cpumask(rig->pinst, type, &mask), 0);
}

/* Time enough for whatever was to happen. */
static __attribute__((unused)) void order_let_run(struct order_rig *rig)
{
	for (unsigned i = 0; i < 200; i++)
		env_yield(rig->e->x);
}

static __attribute__((unused)) void order_finish(struct order_job *job)
{
	assert_int_equal(mm_job_padata_do_serial(&job->priv), 0);
}

static __attribute__((unused)) void order_flush(struct order_rig *rig)
{
	assert_int_equal(mm_job_padata_flush(rig->pinst), 0);
}

/* The job and the CPU asked for stay as they are; the reason has this in it. */
static __attribute__((unused)) void order_assert_refused(struct order_job *job, const char *text)
{
	struct order_job kept;
	const char *why;

	job->cb_cpu = 77;
	kept = *job;
	assert_int_equal(order_submit_why(job, 77, &why), -EINVAL);
	assert_non_null(strstr(why, text));
	assert_memory_equal(job, &kept, sizeof(kept));
}

static __attribute__((unused)) void order_assert_mask(struct order_rig *rig,
						      enum mmsim_padata_cpumask type, bool usable,
						      const char *want)
{
	char text[64];

	assert_int_equal(mm_job_padata_print_cpumask(rig->pinst, type, usable, text, sizeof(text)),
			 strlen(want));
	assert_string_equal(text, want);
}

#endif
