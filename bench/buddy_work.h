/* SPDX-License-Identifier: MIT */
/*
 * The workloads of the allocator benchmark, on one thread per CPU at the same time.
 *
 * Each has a part that is measured and a part before and after that is not; threads meet at a gate
 * between them.
 */
#ifndef BENCH_BUDDY_WORK_H
#define BENCH_BUDDY_WORK_H

#include "harness/gate.h"

#include <mmsim/mmsim.h>
#include <stdbool.h>

enum buddy_work {
	WORK_REPEAT, /* take a block and give it back, again and again */
	WORK_BULK, /* take many blocks, one by one */
	WORK_LIFO, /* give them back, newest first */
	WORK_FIFO, /* oldest first */
	WORK_RANDOM, /* in random order */
	WORK_CHURN, /* with many blocks held: give back a random one, take another */
	NR_WORKS
};

enum buddy_impl {
	IMPL_MMSIM,
	IMPL_BITMAP, /* the same calls of a machine with another allocator */
	IMPL_JEMALLOC, /* objects of the same size, never touched */
	IMPL_MIMALLOC, /* the same; keeps its lists inside free objects, so it touches them */
	NR_IMPLS
};

/* What one thread did. On cache lines of its own. */
struct buddy_thread {
	_Alignas(128) uint64_t ns;
	size_t ops;
	int bad; /* a free was refused */
	size_t held; /* blocks now in its part of buddy_job.blocks */
};

struct buddy_job {
	struct mmsim *m;
	enum buddy_work work;
	enum buddy_impl impl;
	unsigned order;
	unsigned threads;
	uint64_t seed;
	size_t blocks_per_thread; /* held at most */
	size_t pairs; /* of repeat and churn, per thread */
	void **blocks; /* threads x blocks_per_thread, touched */
	bool virtual_time; /* times are the machine's */
	/* Virtual time only: called where what is measured begins, and where it ends; may be NULL. */
	void (*on_measured)(void *arg, bool begins);
	void *arg;
	struct gate gate, end_gate;
	struct buddy_thread thread[MMSIM_MAX_CPUS];
};

/* Run it. Returns 0 or what mmsim_run() returned. */
int buddy_job_run(struct buddy_job *job);

/*
 * Find mimalloc, without its malloc() taking the place of this process's. 0: the host has none, or it
 * cannot be loaded.
 */
int buddy_load_mimalloc(void);

/* Is malloc() of this process jemalloc's? Under a sanitizer it is not. */
int buddy_malloc_is_jemalloc(void);

#endif
