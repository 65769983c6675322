/* SPDX-License-Identifier: MIT */
/*
 * Failures on demand: the k-th operation of a kind fails, and the n - 1 after it.
 *
 * Counterpart: lib/fault-inject.c. A sweep runs a scenario with nth = 1, 2, … until nothing fired.
 *
 * Locking: none; counters are atomic. Exactly n operations fail also when threads race for them.
 */
#ifndef MM_BASE_FAULT_H
#define MM_BASE_FAULT_H

#include "compiler.h"
#include <mmsim/config.h>
#include <stdbool.h>
#include <stdint.h>

struct mm_fault_point {
	uint32_t nth; /* constant after init, but for tests, which exchange it */
	uint32_t count; /* constant after init */
	uint32_t seen; /* atomic */
	uint32_t fired; /* atomic */
};

struct mm_fault {
	struct mm_fault_point point[MMSIM_NR_FAULT_KINDS];
};

void mm_base_fault_init(struct mm_fault *fault, const struct mmsim_fault *want);

bool mm_base_fault_count(struct mm_fault_point *point);

/* Must the operation that is about to happen fail? Counts it, if failures of the kind are wanted. */
static inline bool mm_base_fault_hit(struct mm_fault *fault, enum mmsim_fault_kind kind)
{
	struct mm_fault_point *point = &fault->point[kind];

	return mm_unlikely(__atomic_load_n(&point->nth, __ATOMIC_RELAXED) != 0) &&
	       mm_base_fault_count(point);
}

/* How many have failed so far. */
uint32_t mm_base_fault_fired(const struct mm_fault *fault, enum mmsim_fault_kind kind);

#endif
