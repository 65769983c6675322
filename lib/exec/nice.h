/* SPDX-License-Identifier: MIT */
/*
 * Priorities as shares of a CPU: the weight of a nice value.
 *
 * Two tasks that are one level apart and want the same CPU share it 5 : 4, whatever their levels are. So a
 * weight is 1024 at 0, and each level's is 5/4 of that of the next lower one. Counterpart:
 * sched_prio_to_weight[]. Difference: those are rounded by hand, these computed; they differ by 1.8 % at most.
 *
 * Locking: none. Cost: up to 20 multiplications.
 */
#ifndef MM_EXEC_NICE_H
#define MM_EXEC_NICE_H

#include <stdint.h>

#define MM_NICE_0_WEIGHT 1024 /* NICE_0_LOAD */

/* 88818 at -20, 1024 at 0, 15 at 19. E7. */
uint32_t mm_exec_nice_weight(int nice);

#endif
