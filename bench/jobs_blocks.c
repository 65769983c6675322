/* SPDX-License-Identifier: MIT */
/* Times of a job. */
#include "jobs_blocks.h"

#include "harness/stats.h"

#include <math.h>

#define MOST_ROUNDS 100000

void jobs_blocks_add(struct jobs_blocks *blocks, uint64_t ns, uint64_t n)
{
	if (blocks->nr < JOBS_MAX_BLOCKS)
		blocks->ns[blocks->nr++] = (double)ns / (double)n;
}

double jobs_blocks_median(const struct jobs_blocks *blocks)
{
	return stats_of(blocks->ns, blocks->nr).median;
}

double jobs_blocks_worst(const struct jobs_blocks *blocks)
{
	struct stats stats = stats_of(blocks->ns, blocks->nr);

	return stats.n < 2 ? NAN : stats.max / stats.median;
}

uint64_t jobs_blocks_rounds(uint64_t block_ns, uint64_t job_ns)
{
	uint64_t rounds = job_ns ? block_ns / job_ns : MOST_ROUNDS;

	if (rounds > MOST_ROUNDS)
		return MOST_ROUNDS;
	return rounds ? rounds : 1;
}
