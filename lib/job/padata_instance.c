/* SPDX-License-Identifier: MIT */
/* padata ordered jobs: making and unmaking an instance. */
#include "padata_serial.h"

#include "padata_mask.h"
#include <errno.h>
#include <string.h>

/* One callback at a time on a CPU of the serial queue. */
static int make_queues(struct mmsim_padata_instance *pinst, const struct mm_padata_config *cfg)
{
	struct mm_workqueue_config wc = {
		.bound = true,
		.locks = cfg->locks,
		.topology = cfg->topology,
	};
	int err = mm_sync_workqueue_create(cfg->exec, &wc, &pinst->parallel_wq);

	if (err)
		return err;
	wc.max_active = 1;
	err = mm_sync_workqueue_create(cfg->exec, &wc, &pinst->serial_wq);
	if (err)
		mm_sync_workqueue_destroy(pinst->parallel_wq);
	return err;
}

static void free_memory(struct mmsim_padata_instance *pinst)
{
	struct mm_meta *meta = pinst->exec->meta;
	unsigned nr = pinst->exec->nr_cpus;

	mm_base_meta_free(meta, pinst->works, nr * sizeof(*pinst->works));
	mm_base_meta_free(meta, pinst->squeue, nr * sizeof(*pinst->squeue));
	mm_base_meta_free(meta, pinst, sizeof(*pinst));
}

static void init_works(struct mmsim_padata_instance *pinst)
{
	mm_list_init(&pinst->free_works);
	mm_list_init(&pinst->busy_works);
	for (unsigned i = 0; i < pinst->exec->nr_cpus; i++) {
		struct mm_padata_pw *pw = &pinst->works[i];

		pw->pinst = pinst;
		mm_work_init(&pw->work, mm_job_padata_parallel_work);
		mm_list_add_tail(&pw->link, &pinst->free_works);
	}
}

static void init_squeues(struct mmsim_padata_instance *pinst)
{
	for (unsigned cpu = 0; cpu < pinst->exec->nr_cpus; cpu++) {
		struct mm_padata_serial_queue *squeue = &pinst->squeue[cpu];

		squeue->pinst = pinst;
		mm_list_init(&squeue->list);
		mm_work_init(&squeue->work, mm_job_padata_serial_work);
		mm_sync_spin_init(&squeue->lock, pinst->locks, MM_RANK_PADATA_SERIAL);
	}
}

int mm_job_padata_alloc(const struct mm_padata_config *cfg, struct mmsim_padata_instance **out)
{
	struct mm_exec *x = cfg->exec;
	struct mmsim_padata_instance *pinst = mm_base_meta_alloc(x->meta, sizeof(*pinst));

	*out = NULL;
	if (!pinst)
		return -ENOMEM;
	pinst->exec = x;
	pinst->log = cfg->log;
	pinst->locks = cfg->locks;
	strncpy(pinst->name, cfg->name, MMSIM_PADATA_NAME_MAX);
	pinst->user_parallel = pinst->user_serial = mm_job_mask_all(x->nr_cpus);
	pinst->works = mm_base_meta_calloc(x->meta, x->nr_cpus, sizeof(*pinst->works));
	pinst->squeue = mm_base_meta_calloc(x->meta, x->nr_cpus, sizeof(*pinst->squeue));
	if (!pinst->works || !pinst->squeue || make_queues(pinst, cfg)) {
		free_memory(pinst);
		return -ENOMEM;
	}
	mm_list_init(&pinst->shells);
	mm_sync_mutex_init(&pinst->lock, cfg->locks, MM_RANK_PADATA_INSTANCE);
	mm_sync_spin_init(&pinst->works_lock, cfg->locks, MM_RANK_PADATA_WORKS);
	init_works(pinst);
	init_squeues(pinst);
	*out = pinst;
	return 0;
}

static bool in_use(struct mmsim_padata_instance *pinst)
{
	bool has_shells;

	mm_sync_mutex_lock(&pinst->lock);
	has_shells = !mm_list_empty(&pinst->shells);
	mm_sync_mutex_unlock(&pinst->lock);
	return has_shells || !mm_padata_is_idle(pinst);
}

/* Who passed on a last job may still hold its freed shell: not for long, all that was waited for is over. */
static void wait_for_shells(struct mmsim_padata_instance *pinst)
{
	struct mm_exec *x = pinst->exec;

	while (__atomic_load_n(&pinst->nr_shells, __ATOMIC_ACQUIRE))
		mm_exec_sleep_until(x, mm_exec_now(x) + MM_PADATA_POLL_NS);
}

int mm_job_padata_free(struct mmsim_padata_instance *pinst)
{
	if (mm_job_padata_in_callback(pinst))
		return -EDEADLK;
	if (in_use(pinst))
		return -EBUSY;
	wait_for_shells(pinst);
	mm_sync_workqueue_destroy(pinst->parallel_wq);
	mm_sync_workqueue_destroy(pinst->serial_wq);
	mm_invariant("O4: no shell is left", !__atomic_load_n(&pinst->nr_shells, __ATOMIC_ACQUIRE));
	mm_invariant("O5: all work items are back", mm_list_empty(&pinst->busy_works));
	for (unsigned cpu = 0; cpu < pinst->exec->nr_cpus; cpu++) {
		mm_invariant("O1: no job is left", mm_list_empty(&pinst->squeue[cpu].list));
		mm_sync_spin_fini(&pinst->squeue[cpu].lock);
	}
	mm_sync_spin_fini(&pinst->works_lock);
	mm_sync_mutex_fini(&pinst->lock);
	free_memory(pinst);
	return 0;
}
