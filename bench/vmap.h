/* SPDX-License-Identifier: MIT */
/*
 * The benchmark of the kernel's virtual addresses: pairs of allocation and free, and the kernel's own test
 * module, by several designs of the space.
 *
 * A cell is a case, so many workers, and one trial for each design that --set impls names, each on a
 * machine of its own. Workers may be more than the machine's CPUs, as the kernel's threads are.
 */
#ifndef BENCH_VMAP_H
#define BENCH_VMAP_H

#include "harness/bench.h"

extern const struct bench vmap_bench;

#endif
