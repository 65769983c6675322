/* SPDX-License-Identifier: MIT */
/* The benchmark of the modes on one thread. */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include "harness/bench.h"

extern const struct bench engine_bench;

#endif
