/* SPDX-License-Identifier: MIT */
/* A set of simulated CPUs. Counterpart: include/linux/cpumask.h. */
#ifndef MM_EXEC_CPUMASK_H
#define MM_EXEC_CPUMASK_H

#include <mmsim/config.h>
#include <stdbool.h>
#include <stdint.h>

struct mm_cpumask {
	uint64_t bits[MMSIM_MAX_CPUS / 64];
};

static inline void mm_cpumask_set(struct mm_cpumask *mask, unsigned cpu)
{
	mask->bits[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

static inline bool mm_cpumask_test(const struct mm_cpumask *mask, unsigned cpu)
{
	return (mask->bits[cpu / 64] >> (cpu % 64)) & 1;
}

static inline struct mm_cpumask mm_cpumask_of(unsigned cpu)
{
	struct mm_cpumask mask = { { 0 } };

	mm_cpumask_set(&mask, cpu);
	return mask;
}

#endif
