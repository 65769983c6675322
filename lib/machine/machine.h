/* SPDX-License-Identifier: MIT */
/*
 * struct mmsim: every part of a machine, in the order in which they are made.
 *
 * Locking: boot_mutex (MM_RANK_BOOT) around booting and resetting; the parts have their own.
 */
#ifndef MM_MACHINE_H
#define MM_MACHINE_H

#include "boot.h"
#include "hugetlb.h"
#include "ktask.h"
#include "mmap.h"
#include "mutex.h"
#include <mmsim/machine.h>

struct mmsim {
	struct mm_log log;
	struct mm_fault fault;
	struct mm_meta meta;
	struct mm_exec *exec;
	struct mm_lockset locks;
	struct mm_obs obs;
	struct mm_topology topology;
	struct mm_crew crew;
	struct mm_ktask ktask;
	struct mm_padata padata;
	struct mm_shape shape;
	struct mm_memmap memmap;
	struct mm_area pages;
	struct mm_buddy buddy;
	struct mm_boot boot;
	struct mm_hugetlb hugetlb;
	struct mm_mmap mmap;
	struct mm_mutex boot_mutex;
	bool booted; /* under boot_mutex: nothing is deferred any more */
};

/* jobs.c */
int mm_machine_jobs_init(struct mmsim *m, const struct mmsim_config *cfg);
void mm_machine_jobs_fini(struct mmsim *m);

/*
 * The calling thread on a simulated CPU for the rest of the block, if it was not on one.
 * Every exported call that does more than read constants begins with it.
 */
#define MM_ON_CPU(m)                                                            \
	struct mm_guest mm_guest_here __attribute__((cleanup(mm_guest_leave))); \
	mm_guest_enter(&mm_guest_here, (m)->exec)

/* Is the caller on one already? For calls that are too hot for the above. */
static inline bool mm_on_cpu(const struct mmsim *m)
{
	const struct mm_task *cur = mm_task_current();

	return mm_likely(cur && cur->exec == m->exec);
}

struct mm_guest {
	bool attached;
	struct mm_task task;
};

static inline void mm_guest_enter(struct mm_guest *g, struct mm_exec *x)
{
	g->attached = mm_exec_attach(x, &g->task);
}

static inline void mm_guest_leave(struct mm_guest *g)
{
	if (mm_unlikely(g->attached))
		mm_exec_detach(g->task.exec, &g->task);
}

#endif
