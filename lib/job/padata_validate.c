/* SPDX-License-Identifier: MIT */
/* padata ordered jobs: are the invariants kept? */
#include "padata_serial.h"

static const struct mmsim_padata_priv *priv_of(const mm_list *link)
{
	return mm_list_entry(link, struct mmsim_padata_priv, list);
}

/* Under the shell's lock. What is passed on meanwhile was there when `processed` was read, or later. */
static unsigned validate_list(const struct mm_parallel_data *pd, unsigned k, mm_list *list,
			      uint64_t processed)
{
	uint64_t least = processed;
	unsigned nr = 0;

	mm_list_for_each(pos, list) {
		const struct mmsim_padata_priv *priv = priv_of(pos);

		mm_invariant("O1: a job on a reorder list is there",
			     __atomic_load_n(&priv->state, __ATOMIC_RELAXED) == MM_PADATA_REORDER &&
				     priv->pd == pd);
		mm_invariant("O2: the numbers on a reorder list",
			     priv->seq_nr >= least && priv->seq_nr < pd->submitted &&
				     priv->seq_nr % pd->weight == k);
		least = priv->seq_nr + 1;
		nr++;
	}
	return nr;
}

static unsigned validate_pd(struct mm_parallel_data *pd, bool last)
{
	uint64_t processed = __atomic_load_n(&pd->processed, __ATOMIC_ACQUIRE);
	unsigned nr = 0;

	mm_invariant("O2: no job is passed on that was not submitted", processed <= pd->submitted);
	mm_invariant("O3: every pd but the last has one after it", last == !pd->after);
	for (unsigned k = 0; k < pd->weight; k++) {
		struct mm_padata_list *reorder = &pd->reorder[k];

		mm_spin_lock(&reorder->lock);
		nr += validate_list(pd, k, &reorder->list, processed);
		mm_spin_unlock(&reorder->lock);
	}
	mm_invariant("O2: no job is there twice", nr <= pd->submitted - processed);
	return nr;
}

static unsigned validate_shell(struct mmsim_padata_shell *ps)
{
	unsigned nr = 0;

	mm_spin_lock(&ps->lock);
	mm_list_for_each(pos, &ps->pds) {
		struct mm_parallel_data *pd = mm_list_entry(pos, struct mm_parallel_data, link);

		nr += validate_pd(pd, pd == ps->pd);
	}
	mm_spin_unlock(&ps->lock);
	return nr;
}

static unsigned validate_squeue(struct mmsim_padata_instance *pinst, unsigned cpu)
{
	struct mm_padata_serial_queue *squeue = &pinst->squeue[cpu];
	unsigned nr = 0;

	mm_spin_lock(&squeue->lock);
	mm_list_for_each(pos, &squeue->list) {
		const struct mmsim_padata_priv *priv = priv_of(pos);

		mm_invariant("O1: a job on a serial list is there",
			     __atomic_load_n(&priv->state, __ATOMIC_RELAXED) == MM_PADATA_SERIAL &&
				     priv->cb_cpu == cpu);
		nr++;
	}
	mm_spin_unlock(&squeue->lock);
	return nr;
}

static void validate_works(struct mmsim_padata_instance *pinst)
{
	unsigned nr = 0;

	mm_spin_lock(&pinst->works_lock);
	mm_list_for_each(pos, &pinst->free_works) {
		mm_invariant("O5: a free work item has no job",
			     !mm_list_entry(pos, struct mm_padata_pw, link)->priv);
		nr++;
	}
	mm_list_for_each(pos, &pinst->busy_works) {
		mm_invariant("O5: a busy work item has a job",
			     mm_list_entry(pos, struct mm_padata_pw, link)->priv);
		nr++;
	}
	mm_invariant("O5: no work item is lost", nr >= pinst->exec->nr_cpus);
	mm_spin_unlock(&pinst->works_lock);
}

unsigned mm_job_padata_validate(struct mmsim_padata_instance *pinst)
{
	unsigned nr = 0;

	mm_sync_mutex_lock(&pinst->lock);
	mm_list_for_each(pos, &pinst->shells)
		nr += validate_shell(mm_list_entry(pos, struct mmsim_padata_shell, link));
	for (unsigned cpu = 0; cpu < pinst->exec->nr_cpus; cpu++)
		nr += validate_squeue(pinst, cpu);
	validate_works(pinst);
	mm_sync_mutex_unlock(&pinst->lock);
	return nr;
}
