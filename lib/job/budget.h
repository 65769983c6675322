/* SPDX-License-Identifier: MIT */
/*
 * A budget of CPU time: quota in every period.
 *
 * Counterpart: cfs_bandwidth (cpu.max), and the remote charging of the padata RFC of 2022. Difference: no
 * timer refills it; time already bought is one number that runs ahead of the clock, by at most a period
 * before nobody may begin anything (the generic cell rate algorithm): so it holds in every stretch of
 * time, not from tick to tick.
 *
 *  U1: paid_until - now is at most one period when a chunk begins; so in any time t, chunks begin that use
 *      at most quota * (t / period + 1), and one chunk per thread more.
 *
 * Locking: none; one atomic word. Cost: O(1).
 */
#ifndef MM_JOB_BUDGET_H
#define MM_JOB_BUDGET_H

#include "exec.h"
#include <mmsim/jobs.h>

/* The most threads that it can keep busy. */
unsigned long mm_job_budget_threads(const struct mmsim_cpu_budget *b);

/* ns of CPU time were used, up to now. */
void mm_job_budget_charge(struct mmsim_cpu_budget *b, uint64_t now, uint64_t ns);

/* When the next chunk may begin; not later than now: at once. */
uint64_t mm_job_budget_next(const struct mmsim_cpu_budget *b);

#endif
