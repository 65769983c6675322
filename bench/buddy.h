/* SPDX-License-Identifier: MIT */
/* Page allocation and freeing, one block at a time, beside a general-purpose allocator. */
#ifndef BENCH_BUDDY_H
#define BENCH_BUDDY_H

#include "harness/bench.h"

extern const struct bench buddy_bench;

#endif
