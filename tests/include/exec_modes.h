/* SPDX-License-Identifier: MIT */
/*
 * What the modes need that not every mode needs: figures for virtual time, a policy for exploration.
 *
 * The figures are nobody's machine: numbers that are easy to add up. The floors below the topmost cannot
 * ask mmsim_figure_info().
 */
#ifndef TESTS_EXEC_MODES_H
#define TESTS_EXEC_MODES_H

#include "exec.h"

#define TEST_NS MMSIM_FIGURE_ONE

/* Also what a 0 would be refused for: bandwidths, and ratios that something is divided by. */
static const uint64_t test_figures[MMSIM_NR_FIGURES] = {
	[MMSIM_FIG_LINE_SMT] = 7 * TEST_NS,
	[MMSIM_FIG_LINE_LLC] = 20 * TEST_NS,
	[MMSIM_FIG_LINE_NODE] = 50 * TEST_NS,
	[MMSIM_FIG_LINE_REMOTE] = 130 * TEST_NS,
	[MMSIM_FIG_LINE_OWN] = 1 * TEST_NS,
	[MMSIM_FIG_ATOMIC] = 8 * TEST_NS,
	[MMSIM_FIG_DRAM_LOCAL] = 90 * TEST_NS,
	[MMSIM_FIG_DRAM_REMOTE] = 140 * TEST_NS,
	[MMSIM_FIG_DRAM_BW] = 80000,
	[MMSIM_FIG_CORE_BW] = 16000,
	[MMSIM_FIG_CLEAR_BW] = 8000,
	[MMSIM_FIG_LINK_BW] = 32000,
	[MMSIM_FIG_WRITE_ALLOCATE] = 2000,
	[MMSIM_FIG_LOADED_KNEE] = 600,
	[MMSIM_FIG_LOADED_LATENCY] = 1600,
	[MMSIM_FIG_SMT_FACTOR] = 500,
	[MMSIM_FIG_TURBO_ALL] = 1000,
	[MMSIM_FIG_PAGE_INIT] = 16 * TEST_NS,
	[MMSIM_FIG_PAGE_OP] = 5 * TEST_NS,
	[MMSIM_FIG_PAGE_FREE] = 100 * TEST_NS,
	[MMSIM_FIG_ZAP] = 50 * TEST_NS,
	[MMSIM_FIG_TREE_LEVEL] = 3 * TEST_NS,
	[MMSIM_FIG_LIST_MOVE] = 2 * TEST_NS,
	[MMSIM_FIG_PAGE_PIN] = 200 * TEST_NS,
	[MMSIM_FIG_WAKE] = 5000 * TEST_NS,
	[MMSIM_FIG_WAKE_DEEP] = 135000 * TEST_NS,
	[MMSIM_FIG_DEEP_AFTER] = 600000 * TEST_NS,
	[MMSIM_FIG_WAKER] = 1000 * TEST_NS,
	[MMSIM_FIG_WORKER_CREATE] = 10000 * TEST_NS,
	[MMSIM_FIG_SWITCH] = 1200 * TEST_NS,
	[MMSIM_FIG_SLICE] = 3000000 * TEST_NS,
	[MMSIM_FIG_TIMER] = 50000 * TEST_NS,
	[MMSIM_FIG_IPI_FIRST] = 800 * TEST_NS,
	[MMSIM_FIG_IPI_NEXT] = 70 * TEST_NS,
	[MMSIM_FIG_TLB_FLUSH] = 100 * TEST_NS,
	[MMSIM_FIG_LOCK_KIND] = MMSIM_LOCK_QUEUED * MMSIM_FIGURE_ONE,
};

/* Random, from the exec's seed; `explore` outlives the exec. */
static inline void test_mode_needs(struct mm_exec_config *cfg, struct mmsim_explore *explore)
{
	*explore = (struct mmsim_explore){ .policy = MMSIM_POLICY_RANDOM };
	cfg->figure = test_figures;
	cfg->explore = explore;
}

#endif
