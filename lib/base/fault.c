/* SPDX-License-Identifier: MIT */
/* Failures on demand. */
#include "fault.h"

#include "bits.h"

void mm_base_fault_init(struct mm_fault *fault, const struct mmsim_fault *want)
{
	for (int k = 0; k < MMSIM_NR_FAULT_KINDS; k++)
		fault->point[k] = (struct mm_fault_point){
			.nth = want[k].nth,
			.count = mm_max(want[k].count, 1u),
		};
}

bool mm_base_fault_count(struct mm_fault_point *point)
{
	uint32_t n = __atomic_add_fetch(&point->seen, 1, __ATOMIC_RELAXED);

	if (n < point->nth || n - point->nth >= point->count)
		return false;
	__atomic_add_fetch(&point->fired, 1, __ATOMIC_RELAXED);
	return true;
}

uint32_t mm_base_fault_fired(const struct mm_fault *fault, enum mmsim_fault_kind kind)
{
	return __atomic_load_n(&fault->point[kind].fired, __ATOMIC_RELAXED);
}
