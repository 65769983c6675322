/* SPDX-License-Identifier: MIT */
/* padata ordered jobs: from the reorder lists to the lists for serial(), in order. */
#include "padata_serial.h"

#include "bits.h"
#include "padata_mask.h"

static size_t pd_bytes(unsigned weight)
{
	return sizeof(struct mm_parallel_data) + weight * sizeof(struct mm_padata_list);
}

static void hold_shell(struct mmsim_padata_shell *ps, struct mm_parallel_data *pd)
{
	mm_spin_lock(&ps->lock);
	mm_list_add_tail(&pd->link, &ps->pds);
	mm_spin_unlock(&ps->lock);
	__atomic_add_fetch(&ps->nr_pds, 1, __ATOMIC_RELAXED);
}

struct mm_parallel_data *mm_job_padata_pd_alloc(struct mmsim_padata_shell *ps,
						const struct mmsim_cpumask *pcpu,
						const struct mmsim_cpumask *cbcpu)
{
	struct mmsim_padata_instance *pinst = ps->pinst;
	unsigned weight = mm_job_mask_weight(pcpu);
	struct mm_parallel_data *pd = mm_base_meta_alloc(pinst->exec->meta, pd_bytes(weight));

	if (!pd)
		return NULL;
	pd->ps = ps;
	pd->pcpu = *pcpu;
	pd->cbcpu = *cbcpu;
	pd->weight = weight;
	pd->cb_weight = mm_job_mask_weight(cbcpu);
	pd->refcnt = 1;
	for (unsigned k = 0; k < weight; k++) {
		mm_sync_spin_init(&pd->reorder[k].lock, pinst->locks, MM_RANK_PADATA_REORDER);
		mm_list_init(&pd->reorder[k].list);
	}
	hold_shell(ps, pd);
	return pd;
}

static void hide(struct mmsim_padata_shell *ps, struct mm_parallel_data *pd)
{
	mm_spin_lock(&ps->lock);
	mm_list_del(&pd->link);
	mm_spin_unlock(&ps->lock);
}

static void free_shell(struct mmsim_padata_shell *ps)
{
	struct mmsim_padata_instance *pinst = ps->pinst;

	mm_sync_spin_fini(&ps->lock);
	mm_base_meta_free(pinst->exec->meta, ps, sizeof(*ps));
	mm_exec_point(pinst->exec, MM_POINT_ATOMIC, &pinst->nr_shells);
	__atomic_sub_fetch(&pinst->nr_shells, 1, __ATOMIC_RELEASE);
}

/* Whoever sees the shell go sees nothing of this pd any more. */
static void free_pd(struct mm_parallel_data *pd)
{
	struct mmsim_padata_shell *ps = pd->ps;

	hide(ps, pd);
	mm_invariant("O4: a pd goes when all its jobs have been passed on",
		     pd->processed == pd->submitted && (!pd->after || pd->released));
	for (unsigned k = 0; k < pd->weight; k++) {
		mm_invariant("O4: no job is left behind", mm_list_empty(&pd->reorder[k].list));
		mm_sync_spin_fini(&pd->reorder[k].lock);
	}
	mm_base_meta_free(ps->pinst->exec->meta, pd, pd_bytes(pd->weight));
	if (!__atomic_sub_fetch(&ps->nr_pds, 1, __ATOMIC_ACQ_REL))
		free_shell(ps);
}

void mm_job_padata_pd_put(struct mm_parallel_data *pd)
{
	struct mm_exec *x = pd->ps->pinst->exec;

	mm_exec_point(x, MM_POINT_ATOMIC, &pd->refcnt);
	mm_exec_charge(x, MM_CHARGE_ATOMIC, &pd->line, 1);
	if (!__atomic_sub_fetch(&pd->refcnt, 1, __ATOMIC_ACQ_REL))
		free_pd(pd);
}

static struct mmsim_padata_priv *priv_of(mm_list *link)
{
	return mm_list_entry(link, struct mmsim_padata_priv, list);
}

void mm_job_padata_enqueue(struct mm_parallel_data *pd, struct mmsim_padata_priv *priv)
{
	struct mm_padata_list *reorder = &pd->reorder[priv->seq_nr % pd->weight];
	mm_list *pos;

	mm_spin_lock(&reorder->lock);
	/* From the end: most come in order. */
	for (pos = reorder->list.prev; pos != &reorder->list; pos = pos->prev)
		if (priv_of(pos)->seq_nr < priv->seq_nr)
			break;
	mm_list_add(&priv->list, pos);
	mm_spin_unlock(&reorder->lock);
}

/* O3. The job whose turn it is, or NULL: it has not come yet. */
static struct mmsim_padata_priv *take_next(struct mm_parallel_data *pd)
{
	struct mm_padata_list *reorder = &pd->reorder[pd->processed % pd->weight];
	struct mmsim_padata_priv *priv = NULL;

	mm_spin_lock(&reorder->lock);
	if (!mm_list_empty(&reorder->list)) {
		priv = mm_list_first(&reorder->list, struct mmsim_padata_priv, list);
		mm_invariant("O2: the numbers on a reorder list", priv->seq_nr >= pd->processed);
		if (priv->seq_nr == pd->processed)
			mm_list_del(&priv->list);
		else
			priv = NULL;
	}
	if (priv)
		__atomic_store_n(&pd->processed, pd->processed + 1, __ATOMIC_RELEASE);
	mm_spin_unlock(&reorder->lock);
	return priv;
}

static void pass_on(struct mmsim_padata_instance *pinst, struct mmsim_padata_priv *priv)
{
	unsigned cpu = priv->cb_cpu;
	struct mm_padata_serial_queue *squeue = &pinst->squeue[cpu];

	mm_spin_lock(&squeue->lock);
	mm_padata_move(priv, MM_PADATA_REORDER, MM_PADATA_SERIAL);
	mm_list_add_tail(&priv->list, &squeue->list);
	mm_spin_unlock(&squeue->lock);
	/* If it is pending already it has yet to take its list. */
	mm_sync_queue_work_on(pinst->serial_wq, cpu, &squeue->work);
}

/* All is passed on and nothing more will come: the next pd, for the caller to go on with, else NULL. */
static struct mm_parallel_data *release_next(struct mm_parallel_data *pd)
{
	struct mm_parallel_data *after = __atomic_load_n(&pd->after, __ATOMIC_ACQUIRE);

	if (!after || pd->released || pd->processed != pd->submitted)
		return NULL;
	pd->released = true;
	__atomic_store_n(&after->held, 0, __ATOMIC_RELEASE);
	return after;
}

/* By the one who reorders. */
static struct mm_parallel_data *look(struct mm_parallel_data *pd)
{
	struct mmsim_padata_instance *pinst = pd->ps->pinst;
	struct mmsim_padata_priv *priv;

	if (__atomic_load_n(&pd->held, __ATOMIC_ACQUIRE))
		return NULL;
	while (pd->weight && (priv = take_next(pd))) {
		pass_on(pinst, priv);
		mm_exec_resched(pinst->exec);
	}
	return release_next(pd);
}

/*
 * Who makes the counter leave 0 reorders until he has brought it back there: until nobody wished anything
 * since he began to look. Returns the pd that is to be reordered next, which `pd` held; or NULL.
 */
static struct mm_parallel_data *reorder_one(struct mm_parallel_data *pd)
{
	struct mm_exec *x = pd->ps->pinst->exec;
	struct mm_parallel_data *next = NULL, *released;
	uint32_t seen = 1;

	mm_exec_point(x, MM_POINT_ATOMIC, &pd->kicks);
	mm_exec_charge(x, MM_CHARGE_ATOMIC, &pd->line, 1);
	if (__atomic_fetch_add(&pd->kicks, 1, __ATOMIC_ACQ_REL))
		return NULL;
	do {
		released = look(pd);
		if (released)
			next = released;
		mm_exec_point(x, MM_POINT_ATOMIC, &pd->kicks);
		/* A failure leaves in `seen` what there is to be looked for now. */
	} while (!__atomic_compare_exchange_n(&pd->kicks, &seen, 0, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	return next;
}

void mm_job_padata_reorder(struct mm_parallel_data *pd)
{
	struct mm_parallel_data *next = reorder_one(pd);

	while (next) {
		pd = next;
		next = reorder_one(pd);
		mm_job_padata_pd_put(pd);
	}
}
