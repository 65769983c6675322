/* SPDX-License-Identifier: MIT */
/*
 * What padata asks of a set of CPUs. Counterpart: cpumask_weight(), cpumask_nth(), cpumask_and(), %*pb.
 * Cost: O(words of a mask).
 */
#ifndef MM_JOB_PADATA_MASK_H
#define MM_JOB_PADATA_MASK_H

#include <mmsim/cpumask.h>

/* CPUs 0 to nr - 1. */
struct mmsim_cpumask mm_job_mask_all(unsigned nr);

struct mmsim_cpumask mm_job_mask_and(const struct mmsim_cpumask *a, const struct mmsim_cpumask *b);

unsigned mm_job_mask_weight(const struct mmsim_cpumask *mask);

/* The n-th CPU, counted from 0; n is below the weight. */
unsigned mm_job_mask_nth(const struct mmsim_cpumask *mask, unsigned n);

/*
 * As the kernel's bitmaps, with a newline: groups of 32 bits in hex, the highest first, commas between
 * them. As wide as nr_cpus bits, or as the highest bit wants. Writes and returns as snprintf() does.
 */
size_t mm_job_mask_print(const struct mmsim_cpumask *mask, unsigned nr_cpus, char *buf, size_t len);

#endif
