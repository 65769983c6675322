/* SPDX-License-Identifier: MIT */
/* The files of cases. One line here and its name in bench/meson.build add one. */
#ifndef BENCH_JOBS_CASES_H
#define BENCH_JOBS_CASES_H

#include "jobs.h"

/* In the order of the tables. */
#define JOBS_GROUPS(GROUP)                 \
	GROUP(dispatch, JOBS_BOTH_MODES)   \
	GROUP(balance, JOBS_BOTH_MODES)    \
	GROUP(undo, JOBS_BOTH_MODES)       \
	GROUP(idle, JOBS_NATIVE_ONLY)      \
	GROUP(device, JOBS_BOTH_MODES)     \
	GROUP(hugetlb, JOBS_BOTH_MODES)    \
	GROUP(priority, JOBS_VIRTUAL_ONLY) \
	GROUP(vfio, JOBS_BOTH_MODES)

#define JOBS_DECLARE(x, modes)                                \
	extern const struct jobs_client jobs_##x##_clients[]; \
	extern const unsigned jobs_##x##_nr_clients;
JOBS_GROUPS(JOBS_DECLARE)
#undef JOBS_DECLARE

#endif
