/* SPDX-License-Identifier: MIT */
/*
 * padata ordered jobs: parallel() anywhere, serial() in the order of submission.
 *
 *     do_parallel()         do_serial()               reorder              serial work of a CPU
 *   number, work item  ->  reorder list k  ->  in order of numbers  ->  that CPU's list  ->  serial()
 *
 * An instance has cpumasks, work items and queues. A shell is one order. Its parallel_data (pd) is
 * a snapshot of the usable masks with the jobs that were numbered under it; a change of a mask gives every
 * shell a new one.
 *
 * Counterpart: the serialized half of kernel/padata.c. Differences:
 *  - numbers are taken under the shell's lock, which also stands in for RCU: who changes something takes the
 *    lock of every shell once;
 *  - the parallel work of the job whose number is k modulo the weight is bound to the k-th CPU of the mask:
 *    there is no unbound queue here that a mask restricts;
 *  - a new pd passes nothing on before the old one has passed on all, so that a shell's order
 *    survives a change of masks;
 *  - who reorders is found by a counter, and looks again himself, where the kernel queues a work;
 *  - the lists for serial() are the instance's, one per CPU. The kernel has them per shell, but a
 *    max_active of 1 lets them take turns all the same;
 *  - work items are the instance's, not the kernel's.
 *
 *  O1: a job is in one state, moved on only from the one before: queued, parallel, reorder list, serial
 *      list. The library does not touch it once serial() has begun.
 *  O2: reorder list k is sorted by number and has only numbers that are k modulo the weight, from
 *      `processed` on and below `submitted`.
 *  O3: jobs leave a pd in the order of their numbers, and a shell pd after pd; so each serial list has
 *      those of one shell in the order of submission.
 *  O4: a job holds its pd until serial() begins, a pd its shell, a shell its instance. A pd goes when all
 *      its jobs have been passed on; with the last one goes a freed shell.
 *  O5: a work item is free, or belongs to one job whose parallel() has not returned; it is given to a job
 *      only when its work is idle, so that it runs on the CPU chosen.
 *  O6: a change of a mask is done for all shells or for none: a pd for each is there before one is used.
 *
 * A work for which there is no thread stays where it is (see workqueue.h, W4) until something is queued
 * behind it or somebody flushes the instance.
 *
 * Locking: pinst->lock, a mutex (MM_RANK_PADATA_INSTANCE), around shells, masks and flags; ps->lock (_SHELL)
 * around ps->pd and numbers; one lock per reorder list (_REORDER) and per serial list (_SERIAL);
 * works_lock (_WORKS) around work items. None is held across a callback. Cost: O(1) a
 * job and about ten acquisitions, those of the workqueues included.
 */
#ifndef MM_JOB_PADATA_SERIAL_H
#define MM_JOB_PADATA_SERIAL_H

#include "mutex.h"
#include "workqueue.h"
#include <mmsim/padata_serial.h>

/* Between two looks at what nobody is woken for. */
enum { MM_PADATA_POLL_NS = 20000 };

/* Instance flags. */
enum {
	MM_PADATA_INIT = 1, /* started */
	MM_PADATA_RESET = 2, /* pds are being replaced */
	MM_PADATA_INVALID = 4, /* a mask has no online CPU */
};

/* O1. Numbers that memory which nobody initialised hardly has. */
enum {
	MM_PADATA_QUEUED = 0x70644a11, /* numbered, parallel() has not begun */
	MM_PADATA_PARALLEL,
	MM_PADATA_REORDER,
	MM_PADATA_SERIAL,
	MM_PADATA_OVER,
};

struct mm_padata_pw {
	struct mm_work work;
	struct mmsim_padata_instance *pinst;
	struct mmsim_padata_priv *priv;
	uint32_t runner; /* under works_lock: the task in parallel(), or 0 */
	mm_list link; /* under works_lock: pinst->free_works or busy_works */
};

/* Jobs whose serial() shall run on one CPU. */
struct mm_padata_serial_queue {
	struct mm_spinlock lock;
	mm_list list; /* under lock */
	struct mm_work work;
	struct mmsim_padata_instance *pinst; /* constant after init */
	uint32_t runner; /* atomic: the task in serial(), or 0 */
} mm_cacheline_aligned;

struct mmsim_padata_instance {
	struct mm_exec *exec; /* constant after init, as are the next three */
	struct mm_log *log;
	struct mm_lockset *locks;
	char name[MMSIM_PADATA_NAME_MAX + 1];
	struct mm_workqueue *parallel_wq;
	struct mm_workqueue *serial_wq;
	struct mm_padata_pw *works; /* [nr_cpus] */
	struct mm_padata_serial_queue *squeue; /* [nr_cpus] */

	struct mm_mutex lock;
	struct mmsim_cpumask user_parallel, user_serial; /* under lock */
	mm_list shells; /* under lock */
	uint32_t flags; /* atomic; written under lock */

	struct mm_spinlock works_lock mm_cacheline_aligned;
	mm_list free_works, busy_works; /* under works_lock */

	uint32_t jobs_in mm_cacheline_aligned; /* atomic: submitted */
	uint32_t jobs_out; /* atomic: of these, those whose serial() has begun */
	uint32_t nr_shells; /* atomic: also those that were freed but have jobs */
	struct mm_atomic_line line; /* of these */
};

struct mm_padata_list {
	struct mm_spinlock lock;
	mm_list list; /* under lock: O2 */
} mm_cacheline_aligned;

struct mm_parallel_data {
	struct mmsim_padata_shell *ps;
	mm_list link; /* under ps->lock: ps->pds */
	struct mmsim_cpumask pcpu, cbcpu; /* constant after init: usable masks, and their weights */
	unsigned weight, cb_weight;
	uint64_t submitted; /* under ps->lock: the kernel's seq_nr + 1 */
	uint32_t refcnt
		mm_cacheline_aligned; /* atomic: O4; and one as ps->pd, and by the pd before */
	uint32_t kicks; /* atomic: wishes to look at the lists since nobody did */
	uint32_t held; /* atomic: the pd before has not passed on all */
	struct mm_atomic_line line; /* of these */
	struct mm_parallel_data
		*after; /* atomic: set once, under ps->lock; then none is submitted */
	uint64_t processed; /* atomic; written by who reorders: jobs passed on */
	bool released; /* by who reorders: `after` is no longer held */
	struct mm_padata_list reorder[]; /* [weight] */
};

struct mmsim_padata_shell {
	struct mmsim_padata_instance *pinst;
	mm_list link; /* under pinst->lock: pinst->shells */
	struct mm_parallel_data *next; /* under pinst->lock: while masks are replaced */
	struct mm_spinlock lock;
	struct mm_parallel_data *pd; /* under lock; NULL once freed */
	mm_list pds; /* under lock: all there are, the newest last */
	uint32_t nr_pds; /* atomic: 0: the shell goes */
};

struct mm_padata_config {
	struct mm_exec *exec;
	struct mm_log *log;
	struct mm_lockset *locks;
	const struct mm_topology *topology;
	const char *name;
};

/* The calls of mmsim/padata_serial.h. In padata_instance.c; 0 or -ENOMEM. */
int mm_job_padata_alloc(const struct mm_padata_config *cfg, struct mmsim_padata_instance **out);
int mm_job_padata_free(struct mmsim_padata_instance *pinst);

/* In padata_shell.c. */
int mm_job_padata_start(struct mmsim_padata_instance *pinst);
void mm_job_padata_stop(struct mmsim_padata_instance *pinst);
struct mmsim_padata_shell *mm_job_padata_alloc_shell(struct mmsim_padata_instance *pinst);
void mm_job_padata_free_shell(struct mmsim_padata_shell *ps);
/* A known type. 0 or -ENOMEM. */
int mm_job_padata_set_cpumask(struct mmsim_padata_instance *pinst, enum mmsim_padata_cpumask type,
			      const struct mmsim_cpumask *mask);
size_t mm_job_padata_print_cpumask(struct mmsim_padata_instance *pinst,
				   enum mmsim_padata_cpumask type, bool usable, char *buf,
				   size_t len);

/* In padata_serial.c. On -EINVAL *why is what is wrong, on -EBUSY NULL. */
int mm_job_padata_do_parallel(struct mmsim_padata_shell *ps, struct mmsim_padata_priv *priv,
			      unsigned *cb_cpu, const char **why);
int mm_job_padata_do_serial(struct mmsim_padata_priv *priv);
int mm_job_padata_flush(struct mmsim_padata_instance *pinst);
void mm_job_padata_parallel_work(struct mm_work *work);
void mm_job_padata_serial_work(struct mm_work *work);

/* Is the caller in a callback of the instance? */
bool mm_job_padata_in_callback(struct mmsim_padata_instance *pinst);

/* In padata_reorder.c. */

/* With one reference, the caller's; NULL: out of memory. The shell is held if it is. */
struct mm_parallel_data *mm_job_padata_pd_alloc(struct mmsim_padata_shell *ps,
						const struct mmsim_cpumask *pcpu,
						const struct mmsim_cpumask *cbcpu);
/* Let a reference go. The last takes the pd and perhaps the shell with it: both may be gone. */
void mm_job_padata_pd_put(struct mm_parallel_data *pd);

/* The job, of a pd that the caller holds, waits for its turn. */
void mm_job_padata_enqueue(struct mm_parallel_data *pd, struct mmsim_padata_priv *priv);

/* Pass on what has its turn. The caller holds the pd. */
void mm_job_padata_reorder(struct mm_parallel_data *pd);

/*
 * Check all invariants of the instance, at any time; freed shells are not looked at. Stops the program if
 * one is broken. Returns how many jobs are on lists.
 */
unsigned mm_job_padata_validate(struct mmsim_padata_instance *pinst);

/* Is the job between the beginning of its parallel() and do_serial()? For any memory of that size. */
static inline bool mm_padata_is_parallel(const struct mmsim_padata_priv *priv)
{
	return __atomic_load_n(&priv->state, __ATOMIC_ACQUIRE) == MM_PADATA_PARALLEL;
}

/* O1, by who has the job. A call on it that is refused may read meanwhile. */
static inline void mm_padata_move(struct mmsim_padata_priv *priv, uint32_t from, uint32_t to)
{
	mm_invariant("O1: a job is in one place",
		     __atomic_load_n(&priv->state, __ATOMIC_RELAXED) == from);
	__atomic_store_n(&priv->state, to, __ATOMIC_RELEASE);
}

/* Of a job in its parallel phase. */
static inline struct mmsim_padata_instance *
mm_padata_instance_of(const struct mmsim_padata_priv *priv)
{
	return ((struct mm_parallel_data *)priv->pd)->ps->pinst;
}

/* Has the serial() of every job begun? */
static inline bool mm_padata_is_idle(const struct mmsim_padata_instance *pinst)
{
	uint32_t out = __atomic_load_n(&pinst->jobs_out, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&pinst->jobs_in, __ATOMIC_ACQUIRE) == out;
}

static inline void mm_padata_pd_get(struct mm_parallel_data *pd)
{
	__atomic_add_fetch(&pd->refcnt, 1, __ATOMIC_RELAXED);
}

#endif
