/* SPDX-License-Identifier: MIT */
/* Priorities as shares of a CPU. */
#include "nice.h"

#define FRACTION 20 /* bits behind the point on the way: nothing is lost by rounding */

uint32_t mm_exec_nice_weight(int nice)
{
	uint64_t weight = (uint64_t)MM_NICE_0_WEIGHT << FRACTION;

	for (; nice > 0; nice--)
		weight = weight * 4 / 5;
	for (; nice < 0; nice++)
		weight = weight * 5 / 4;
	return (uint32_t)((weight + (UINT64_C(1) << FRACTION) / 2) >> FRACTION);
}
