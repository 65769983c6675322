/* SPDX-License-Identifier: MIT */
/* Deferred struct page initialisation against the memory bandwidth of the same array. */
#ifndef BENCH_PAGEINIT_H
#define BENCH_PAGEINIT_H

#include "harness/bench.h"

extern const struct bench pageinit_bench;

#endif
