/* SPDX-License-Identifier: MIT */
/* padata ordered jobs: a job's way in, its parallel() and its serial(). */
#include "padata_serial.h"

#include "bits.h"
#include "padata_mask.h"
#include <errno.h>

/* Work items. */

/*
 * One for the job, or NULL. Which one is put aside longest: most likely its work has long ended, so that
 * the wait for that is none. O5.
 */
static struct mm_padata_pw *get_work(struct mmsim_padata_instance *pinst,
				     struct mmsim_padata_priv *priv)
{
	struct mm_padata_pw *pw = NULL;

	mm_spin_lock(&pinst->works_lock);
	if (!mm_list_empty(&pinst->free_works)) {
		pw = mm_list_first(&pinst->free_works, struct mm_padata_pw, link);
		pw->priv = priv;
		mm_list_move_tail(&pw->link, &pinst->busy_works);
	}
	mm_spin_unlock(&pinst->works_lock);
	if (pw)
		mm_sync_flush_work(&pw->work);
	return pw;
}

static void set_runner(struct mm_padata_pw *pw)
{
	mm_spin_lock(&pw->pinst->works_lock);
	pw->runner = mm_task_current()->id;
	mm_spin_unlock(&pw->pinst->works_lock);
}

static void put_work(struct mm_padata_pw *pw)
{
	struct mmsim_padata_instance *pinst = pw->pinst;

	mm_spin_lock(&pinst->works_lock);
	pw->runner = 0;
	pw->priv = NULL;
	mm_list_move_tail(&pw->link, &pinst->free_works);
	mm_spin_unlock(&pinst->works_lock);
}

static void run_parallel(struct mmsim_padata_priv *priv)
{
	mm_padata_move(priv, MM_PADATA_QUEUED, MM_PADATA_PARALLEL);
	priv->parallel(priv);
}

void mm_job_padata_parallel_work(struct mm_work *work)
{
	struct mm_padata_pw *pw = mm_container_of(work, struct mm_padata_pw, work);

	set_runner(pw);
	run_parallel(pw->priv);
	put_work(pw);
}

/* Known as a callback of the instance all the same. */
static void run_here(struct mmsim_padata_instance *pinst, struct mmsim_padata_priv *priv)
{
	struct mm_padata_pw here = {
		.pinst = pinst,
		.priv = priv,
		.runner = mm_task_current()->id,
	};

	mm_spin_lock(&pinst->works_lock);
	mm_list_add_tail(&here.link, &pinst->busy_works);
	mm_spin_unlock(&pinst->works_lock);
	run_parallel(priv);
	mm_spin_lock(&pinst->works_lock);
	mm_list_del(&here.link);
	mm_spin_unlock(&pinst->works_lock);
}

static bool runs_parallel(struct mmsim_padata_instance *pinst, uint32_t task)
{
	bool found = false;

	mm_spin_lock(&pinst->works_lock);
	mm_list_for_each(pos, &pinst->busy_works)
		found |= mm_list_entry(pos, struct mm_padata_pw, link)->runner == task;
	mm_spin_unlock(&pinst->works_lock);
	return found;
}

bool mm_job_padata_in_callback(struct mmsim_padata_instance *pinst)
{
	uint32_t me = mm_task_current()->id;

	for (unsigned cpu = 0; cpu < pinst->exec->nr_cpus; cpu++)
		if (__atomic_load_n(&pinst->squeue[cpu].runner, __ATOMIC_RELAXED) == me)
			return true;
	return runs_parallel(pinst, me);
}

/* The way in. */

static const char *refuse_job(const struct mmsim_padata_priv *priv)
{
	uint32_t state = __atomic_load_n(&priv->state, __ATOMIC_RELAXED);

	if (!priv->parallel)
		return "parallel: NULL";
	if (!priv->serial)
		return "serial: NULL";
	if (state >= MM_PADATA_QUEUED && state < MM_PADATA_OVER)
		return "priv: the job is on its way already";
	return NULL;
}

/* Under the shell's lock, as long as which its pd and the flags stay those of one change of masks. */
static int refuse_now(const struct mmsim_padata_shell *ps, const char **why)
{
	uint32_t flags = __atomic_load_n(&ps->pinst->flags, __ATOMIC_ACQUIRE);

	if (!(flags & MM_PADATA_INIT))
		*why = "the instance is not started";
	else if (flags & MM_PADATA_INVALID)
		*why = "a cpumask of the instance has no online CPU";
	else
		return flags & MM_PADATA_RESET ? -EBUSY : 0;
	return -EINVAL;
}

static void choose_cb_cpu(const struct mm_parallel_data *pd, unsigned *cb_cpu)
{
	if (*cb_cpu >= MMSIM_MAX_CPUS || !mmsim_cpumask_test(&pd->cbcpu, *cb_cpu))
		*cb_cpu = mm_job_mask_nth(&pd->cbcpu, *cb_cpu % pd->cb_weight);
}

/* From here on the job is the library's. */
static void number(struct mm_parallel_data *pd, struct mmsim_padata_priv *priv, unsigned cb_cpu)
{
	struct mmsim_padata_instance *pinst = pd->ps->pinst;

	mm_padata_pd_get(pd);
	mm_exec_point(pinst->exec, MM_POINT_ATOMIC, &pinst->jobs_in);
	mm_exec_charge(pinst->exec, MM_CHARGE_ATOMIC, &pinst->line, 1);
	__atomic_add_fetch(&pinst->jobs_in, 1, __ATOMIC_RELAXED);
	priv->pd = pd;
	priv->cb_cpu = cb_cpu;
	priv->seq_nr = pd->submitted++;
	__atomic_store_n(&priv->state, MM_PADATA_QUEUED, __ATOMIC_RELEASE);
}

/* A submitted job, which may be over, and all that held it gone, once its parallel() runs. */
static void start(struct mmsim_padata_priv *priv)
{
	struct mm_parallel_data *pd = priv->pd;
	struct mmsim_padata_instance *pinst = pd->ps->pinst;
	unsigned cpu = mm_job_mask_nth(&pd->pcpu, (unsigned)(priv->seq_nr % pd->weight));
	struct mm_padata_pw *pw = get_work(pinst, priv);

	if (pw)
		mm_sync_queue_work_on(pinst->parallel_wq, cpu, &pw->work);
	else
		run_here(pinst, priv);
}

int mm_job_padata_do_parallel(struct mmsim_padata_shell *ps, struct mmsim_padata_priv *priv,
			      unsigned *cb_cpu, const char **why)
{
	int err;

	*why = refuse_job(priv);
	if (*why)
		return -EINVAL;
	mm_spin_lock(&ps->lock);
	err = refuse_now(ps, why);
	if (!err) {
		choose_cb_cpu(ps->pd, cb_cpu);
		number(ps->pd, priv, *cb_cpu);
	}
	mm_spin_unlock(&ps->lock);
	if (!err)
		start(priv);
	return err;
}

/* The way out. */

int mm_job_padata_do_serial(struct mmsim_padata_priv *priv)
{
	struct mm_parallel_data *pd = priv->pd;
	uint32_t state = MM_PADATA_PARALLEL;

	if (!__atomic_compare_exchange_n(&priv->state, &state, MM_PADATA_REORDER, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return -EINVAL;
	/* The job may be over before the lists have been looked at. */
	mm_padata_pd_get(pd);
	mm_job_padata_enqueue(pd, priv);
	mm_job_padata_reorder(pd);
	mm_job_padata_pd_put(pd);
	return 0;
}

/* O4: before serial(), so that whoever learns from it that the job is over can free the instance. */
static void let_go(struct mmsim_padata_instance *pinst, struct mm_parallel_data *pd)
{
	mm_job_padata_pd_put(pd);
	mm_exec_point(pinst->exec, MM_POINT_ATOMIC, &pinst->jobs_out);
	mm_exec_charge(pinst->exec, MM_CHARGE_ATOMIC, &pinst->line, 1);
	__atomic_add_fetch(&pinst->jobs_out, 1, __ATOMIC_RELEASE);
}

static void finish(struct mmsim_padata_instance *pinst, struct mmsim_padata_priv *priv)
{
	struct mm_parallel_data *pd = priv->pd;

	mm_padata_move(priv, MM_PADATA_SERIAL, MM_PADATA_OVER);
	let_go(pinst, pd);
	priv->serial(priv);
}

static void take_all(struct mm_padata_serial_queue *squeue, mm_list *jobs)
{
	mm_list_init(jobs);
	mm_spin_lock(&squeue->lock);
	mm_list_splice_tail(&squeue->list, jobs);
	mm_spin_unlock(&squeue->lock);
}

void mm_job_padata_serial_work(struct mm_work *work)
{
	struct mm_padata_serial_queue *squeue =
		mm_container_of(work, struct mm_padata_serial_queue, work);
	struct mmsim_padata_instance *pinst = squeue->pinst;
	mm_list jobs;

	take_all(squeue, &jobs);
	__atomic_store_n(&squeue->runner, mm_task_current()->id, __ATOMIC_RELAXED);
	while (!mm_list_empty(&jobs)) {
		mm_list *first = jobs.next;

		mm_list_del(first);
		finish(pinst, mm_list_entry(first, struct mmsim_padata_priv, list));
		mm_exec_resched(pinst->exec);
	}
	__atomic_store_n(&squeue->runner, 0, __ATOMIC_RELAXED);
}

/* Also those that no thread was to be had for: a flush runs them. */
static void flush_works(struct mmsim_padata_instance *pinst)
{
	for (unsigned i = 0; i < pinst->exec->nr_cpus; i++)
		mm_sync_flush_work(&pinst->works[i].work);
	for (unsigned cpu = 0; cpu < pinst->exec->nr_cpus; cpu++)
		mm_sync_flush_work(&pinst->squeue[cpu].work);
}

int mm_job_padata_flush(struct mmsim_padata_instance *pinst)
{
	struct mm_exec *x = pinst->exec;

	if (mm_job_padata_in_callback(pinst))
		return -EDEADLK;
	for (;;) {
		uint32_t in = __atomic_load_n(&pinst->jobs_in, __ATOMIC_ACQUIRE);
		bool idle = mm_padata_is_idle(pinst);

		/* Also when idle: the last callbacks may not have returned, and may submit jobs. */
		flush_works(pinst);
		if (idle && __atomic_load_n(&pinst->jobs_in, __ATOMIC_ACQUIRE) == in)
			return 0;
		if (!mm_padata_is_idle(pinst))
			mm_exec_sleep_until(x, mm_exec_now(x) + MM_PADATA_POLL_NS);
	}
}
