/* SPDX-License-Identifier: MIT */
/* padata ordered jobs: shells, and what is changed under their jobs: flags and masks. */
#include "padata_serial.h"

#include "padata_mask.h"
#include <errno.h>

/* Under pinst->lock. */

static void set_flags(struct mmsim_padata_instance *pinst, uint32_t flags)
{
	mm_exec_point(pinst->exec, MM_POINT_ATOMIC, &pinst->flags);
	__atomic_store_n(&pinst->flags, flags, __ATOMIC_RELEASE);
}

/* Who has read the flags before is through. Counterpart: synchronize_rcu(). */
static void pass_every_shell(struct mmsim_padata_instance *pinst)
{
	mm_list_for_each(pos, &pinst->shells) {
		struct mmsim_padata_shell *ps = mm_list_entry(pos, struct mmsim_padata_shell, link);

		mm_spin_lock(&ps->lock);
		mm_spin_unlock(&ps->lock);
	}
}

static struct mmsim_cpumask usable(const struct mmsim_padata_instance *pinst,
				   const struct mmsim_cpumask *user)
{
	struct mmsim_cpumask online = mm_job_mask_all(pinst->exec->nr_cpus);

	return mm_job_mask_and(user, &online);
}

/* Starting and stopping. */

int mm_job_padata_start(struct mmsim_padata_instance *pinst)
{
	int err = 0;

	mm_sync_mutex_lock(&pinst->lock);
	if (pinst->flags & MM_PADATA_INVALID)
		err = -EINVAL;
	else
		set_flags(pinst, pinst->flags | MM_PADATA_INIT);
	mm_sync_mutex_unlock(&pinst->lock);
	return err;
}

void mm_job_padata_stop(struct mmsim_padata_instance *pinst)
{
	mm_sync_mutex_lock(&pinst->lock);
	set_flags(pinst, pinst->flags & ~(uint32_t)MM_PADATA_INIT);
	pass_every_shell(pinst);
	mm_sync_mutex_unlock(&pinst->lock);
}

/* Changing masks. */

/* O6. 0, or -ENOMEM: then no shell has one. */
static int alloc_pds(struct mmsim_padata_instance *pinst, const struct mmsim_cpumask *parallel,
		     const struct mmsim_cpumask *serial)
{
	mm_list_for_each(pos, &pinst->shells) {
		struct mmsim_padata_shell *ps = mm_list_entry(pos, struct mmsim_padata_shell, link);

		ps->next = mm_job_padata_pd_alloc(ps, parallel, serial);
		if (ps->next)
			continue;
		for (pos = pos->prev; pos != &pinst->shells; pos = pos->prev)
			mm_job_padata_pd_put(
				mm_list_entry(pos, struct mmsim_padata_shell, link)->next);
		return -ENOMEM;
	}
	return 0;
}

/* O3: what is numbered under the new pd waits until the old one has passed on all. */
static void replace_pd(struct mmsim_padata_shell *ps)
{
	struct mm_parallel_data *old;

	__atomic_store_n(&ps->next->held, 1, __ATOMIC_RELAXED);
	mm_padata_pd_get(ps->next); /* for the old one */
	mm_spin_lock(&ps->lock);
	old = ps->pd;
	ps->pd = ps->next;
	__atomic_store_n(&old->after, ps->next, __ATOMIC_RELEASE);
	mm_spin_unlock(&ps->lock);
	ps->next = NULL;
	mm_job_padata_reorder(old); /* it may have passed on all already */
	mm_job_padata_pd_put(old);
}

static int replace(struct mmsim_padata_instance *pinst, const struct mmsim_cpumask *user_parallel,
		   const struct mmsim_cpumask *user_serial)
{
	struct mmsim_cpumask parallel = usable(pinst, user_parallel);
	struct mmsim_cpumask serial = usable(pinst, user_serial);
	uint32_t flags = pinst->flags;

	set_flags(pinst, flags | MM_PADATA_RESET);
	if (alloc_pds(pinst, &parallel, &serial)) {
		set_flags(pinst, flags);
		return -ENOMEM;
	}
	mm_list_for_each(pos, &pinst->shells)
		replace_pd(mm_list_entry(pos, struct mmsim_padata_shell, link));
	pinst->user_parallel = *user_parallel;
	pinst->user_serial = *user_serial;
	flags &= ~(uint32_t)MM_PADATA_INVALID;
	if (!mm_job_mask_weight(&parallel) || !mm_job_mask_weight(&serial))
		flags |= MM_PADATA_INVALID;
	set_flags(pinst, flags);
	return 0;
}

int mm_job_padata_set_cpumask(struct mmsim_padata_instance *pinst, enum mmsim_padata_cpumask type,
			      const struct mmsim_cpumask *mask)
{
	int err;

	mm_sync_mutex_lock(&pinst->lock);
	if (type == MMSIM_PADATA_CPU_PARALLEL)
		err = replace(pinst, mask, &pinst->user_serial);
	else
		err = replace(pinst, &pinst->user_parallel, mask);
	mm_sync_mutex_unlock(&pinst->lock);
	return err;
}

size_t mm_job_padata_print_cpumask(struct mmsim_padata_instance *pinst,
				   enum mmsim_padata_cpumask type, bool only_usable, char *buf,
				   size_t len)
{
	struct mmsim_cpumask mask;

	mm_sync_mutex_lock(&pinst->lock);
	mask = type == MMSIM_PADATA_CPU_PARALLEL ? pinst->user_parallel : pinst->user_serial;
	mm_sync_mutex_unlock(&pinst->lock);
	if (only_usable)
		mask = usable(pinst, &mask);
	return mm_job_mask_print(&mask, pinst->exec->nr_cpus, buf, len);
}

/* Shells. */

static int shell_init(struct mmsim_padata_shell *ps)
{
	struct mmsim_padata_instance *pinst = ps->pinst;
	struct mmsim_cpumask parallel = usable(pinst, &pinst->user_parallel);
	struct mmsim_cpumask serial = usable(pinst, &pinst->user_serial);

	mm_list_init(&ps->pds);
	mm_sync_spin_init(&ps->lock, pinst->locks, MM_RANK_PADATA_SHELL);
	ps->pd = mm_job_padata_pd_alloc(ps, &parallel, &serial);
	if (!ps->pd) {
		mm_sync_spin_fini(&ps->lock);
		return -ENOMEM;
	}
	mm_list_add_tail(&ps->link, &pinst->shells);
	__atomic_add_fetch(&pinst->nr_shells, 1, __ATOMIC_RELAXED);
	return 0;
}

struct mmsim_padata_shell *mm_job_padata_alloc_shell(struct mmsim_padata_instance *pinst)
{
	struct mm_meta *meta = pinst->exec->meta;
	struct mmsim_padata_shell *ps = mm_base_meta_alloc(meta, sizeof(*ps));
	int err;

	if (!ps)
		return NULL;
	ps->pinst = pinst;
	mm_sync_mutex_lock(&pinst->lock);
	err = shell_init(ps);
	mm_sync_mutex_unlock(&pinst->lock);
	if (!err)
		return ps;
	mm_base_meta_free(meta, ps, sizeof(*ps));
	return NULL;
}

void mm_job_padata_free_shell(struct mmsim_padata_shell *ps)
{
	struct mmsim_padata_instance *pinst = ps->pinst;
	struct mm_parallel_data *pd;

	mm_sync_mutex_lock(&pinst->lock);
	mm_list_del(&ps->link);
	mm_sync_mutex_unlock(&pinst->lock);
	mm_spin_lock(&ps->lock);
	pd = ps->pd;
	ps->pd = NULL;
	mm_spin_unlock(&ps->lock);
	mm_job_padata_pd_put(pd);
}
