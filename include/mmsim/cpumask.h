/* SPDX-License-Identifier: MIT */
/*
 * A set of simulated CPUs.
 *
 * A plain value: zero it, set bits, hand it over. A bit beyond the CPUs of a machine stands for a CPU that
 * is never online there. Models struct cpumask of include/linux/cpumask.h.
 */
#ifndef MMSIM_CPUMASK_H
#define MMSIM_CPUMASK_H

#include <mmsim/api.h>
#include <mmsim/config.h>
#include <stdbool.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/** struct mmsim_cpumask - bit @cpu % 64 of word @cpu / 64 is CPU @cpu. */
struct mmsim_cpumask {
	uint64_t bits[MMSIM_MAX_CPUS / 64];
};

/* In each of these @cpu is below MMSIM_MAX_CPUS. */

static inline void mmsim_cpumask_set(struct mmsim_cpumask *mask, unsigned cpu)
{
	mask->bits[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

static inline void mmsim_cpumask_clear(struct mmsim_cpumask *mask, unsigned cpu)
{
	mask->bits[cpu / 64] &= ~(UINT64_C(1) << (cpu % 64));
}

static inline bool mmsim_cpumask_test(const struct mmsim_cpumask *mask, unsigned cpu)
{
	return (mask->bits[cpu / 64] >> (cpu % 64)) & 1;
}

MMSIM_END_DECLS

#endif
