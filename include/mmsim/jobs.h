/* SPDX-License-Identifier: MIT */
/*
 * The job engine as a whole: its helpers, how many of them, for whom, and whose CPU time they use.
 *
 * A machine has one helper per CPU, shared by the multithreaded jobs of mmsim/padata.h and the
 * tasks of mmsim/ktask.h. A job puts a call to helpers; one that gets to it while it still stands
 * joins. A job waits only for helpers that have joined.
 */
#ifndef MMSIM_JOBS_H
#define MMSIM_JOBS_H

#include <mmsim/api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/** Of mmsim_config.job: 0 in each field is the default. */
struct mmsim_job_policy {
	uint32_t max_helpers; /* of all ktasks together; 0: 4/5 of the CPUs */
	uint32_t max_node_helpers; /* of these on one node; 0: 4/5 of the node's CPUs */
	uint32_t flags; /* MMSIM_JOB_OFF … */
	uint32_t pad;
};

enum {
	MMSIM_JOB_OFF = 1 << 0, /* no helpers until mmsim_job_power_save(m, false) */
	MMSIM_JOB_NO_QUOTA = 1 << 1, /* natively: do not look at the host's CPU quota */
	MMSIM_JOB_NORMAL_PRIORITY =
		1 << 2, /* helpers of ktasks run at nice 0, not at the lowest priority */
	MMSIM_JOB_NO_LEND = 1 << 3, /* a waiting caller does not lend its priority */
};

/** What the engine is doing; figures of different moments. */
struct mmsim_job_stats {
	uint64_t jobs; /* calls for help so far; a job of one thread makes none */
	uint64_t called; /* helpers called */
	uint64_t joined; /* of these, those that came in time */
	uint64_t lent; /* times that a waiting caller lent its priority */
	uint64_t anywhere; /* ktask helpers for which their node had no room */
	uint32_t helpers; /* ktask helpers now */
	uint32_t max_helpers; /* the limits in force */
	uint32_t quota_threads; /* most threads by the host's quota; 0: no limit */
	uint32_t power_saving;
};

/**
 * mmsim_job_stats - what the helpers have done.
 *
 * Returns 0, or -EINVAL for a NULL out. Context: any. Cost: O(1). Since 0.1.
 */
MMSIM_API int mmsim_job_stats(struct mmsim *m, struct mmsim_job_stats *out);

/**
 * mmsim_job_power_save - helpers off, or on again.
 *
 * Off, jobs that begin run in their caller's thread; those under way keep the helpers they have. Context:
 * any; does not wait. Cost: O(1). Since 0.1.
 */
MMSIM_API void mmsim_job_power_save(struct mmsim *m, bool on);

/** How fast memory is, for choosing a number of threads. */
struct mmsim_job_rates {
	uint64_t core_bytes_per_s; /* one core alone */
	uint64_t node_bytes_per_s; /* all cores of the node together */
	uint32_t cores; /* physical cores of the node */
	uint32_t threads; /* that suffice: min(cores, ceil(node / core)), at least 1 */
};

/**
 * mmsim_job_measure - measure how fast the memory of a node can be filled.
 * @nid: the node; the caller should be on it.
 * @bytes: memory to use, from 1 MiB on; more than the last-level cache to mean anything.
 * @out: receives the rates.
 *
 * Maps and touches `bytes`, fills them with streaming stores, as a ktask with one thread and as one with
 * a thread per physical core of the node, takes the best of three each, unmaps them. So threads beyond the
 * limits of ktasks, or the host's CPU quota, are not measured either. What was found is kept for
 * MMSIM_KTASK_BY_BANDWIDTH. In virtual mode nothing is stored and `bytes` does not matter: the rates are
 * those at which 4 GiB would be filled, within 1 % what core_bw and dram_bw say if nobody else is at work,
 * and MMSIM_KTASK_BY_BANDWIDTH goes by these figures before and after.
 *
 * Returns 0; with a message -EINVAL for a nid that is no node with CPUs, too few bytes or a NULL out;
 * -ENOMEM, also when touching `bytes` would take more than the host has available; -ENOSYS in serial and
 * explore mode, where there is no speed. On failure *out and what was kept are unchanged. Context: any;
 * waits. Cost: 7 passes over `bytes`. Since 0.1. After R. Elliott's rule, threads = bandwidth / per-core
 * rate, physical cores only.
 */
MMSIM_API int mmsim_job_measure(struct mmsim *m, unsigned nid, size_t bytes,
				struct mmsim_job_rates *out);

/**
 * mmsim_job_threads - how many threads the memory of a node can feed.
 * @nid: the node.
 *
 * From the latest mmsim_job_measure() of the node; before one, in virtual mode from the profile's figures,
 * otherwise the node's physical cores. At least 1. 0 for a nid that is no node. Context: any. Cost: O(1).
 * Since 0.1.
 */
MMSIM_API unsigned mmsim_job_threads(struct mmsim *m, unsigned nid);

#define MMSIM_MAX_BUDGET_PERIOD_NS UINT64_C(1000000000)
#define MMSIM_MAX_BUDGET_RATIO 1000

/**
 * struct mmsim_cpu_budget - CPU time for a group of jobs: quota_ns in every period_ns, as cpu.max.
 * @quota_ns:  1 or more.
 * @period_ns: 1 to MMSIM_MAX_BUDGET_PERIOD_NS, at most MMSIM_MAX_BUDGET_RATIO times the quota: as much as
 *             cpu.max takes.
 *
 * Tasks that name it never use more threads than ceil(quota / period), and charge it for every chunk, also
 * those of helpers: the machine time that passes inside thread_fn. When it is used up, helpers leave for the rest
 * of the task and the caller is put off before its next chunk: so one task alone uses the quota's whole CPUs, or
 * all of it for as long as it lasts, rather than every fraction. The
 * period is not one of fixed beginnings: in any time t, chunks begin that use at most quota * (t / period + 1),
 * and one chunk per thread more. Natively the kernel puts off a process with a quota of its own
 * anyway: this one comes on top.
 *
 * Fill in the first two, zero the rest. Shared by any number of tasks at once; must outlive them.
 * Models cpu.max, and the remote charging of the padata RFC of 2022.
 */
struct mmsim_cpu_budget {
	uint64_t quota_ns;
	uint64_t period_ns;
	/* The library's; atomic. */
	uint64_t used_ns; /* charged so far */
	uint64_t paid_until_ns; /* machine time until which the quota has been used */
	uint64_t throttled; /* times that a thread was put off or sent away */
};

MMSIM_END_DECLS

#endif
