/* SPDX-License-Identifier: MIT */
/*
 * Times of a job, one per block of a cell, and what is made of them. Pure functions.
 *
 * A block is a stretch of jobs one after the other, its time the mean of a job: one stall is seen in it
 * however short the jobs are. A cell's time is the median of its blocks, which a stall does not reach; the
 * worst block tells of it.
 */
#ifndef BENCH_JOBS_BLOCKS_H
#define BENCH_JOBS_BLOCKS_H

#include <stdint.h>

#define JOBS_MAX_BLOCKS 64u

struct jobs_blocks {
	unsigned nr;
	double ns[JOBS_MAX_BLOCKS];
};

/* `ns` for n jobs. What there is no room for is dropped. */
void jobs_blocks_add(struct jobs_blocks *blocks, uint64_t ns, uint64_t n);

/* NaN without any. */
double jobs_blocks_median(const struct jobs_blocks *blocks);

/* The worst / the median; NaN below two blocks. */
double jobs_blocks_worst(const struct jobs_blocks *blocks);

/* How many jobs of so many ns make a block, 1 at least. */
uint64_t jobs_blocks_rounds(uint64_t block_ns, uint64_t job_ns);

#endif
