/* SPDX-License-Identifier: MIT */
/*
 * The benchmark of taking address spaces down.
 *
 * A simulated process maps and touches 5/8 of the machine's memory, 320 of 512 GiB on the machine that was
 * published, and is unmapped: by one thread, with workers that free, by several threads on parts of the
 * range. Only the call that takes down is timed. Beside it the host's kernel unmaps as much of this
 * program's own memory.
 *
 * A profile's hundreds of GiB are, in virtual time, a machine of 1/scale of the memory (--set scale=), and
 * the times it took are multiplied by as much: struct pages are real memory. What batch workers gather before
 * they are handed a chain is scaled, too. So there are as many chains as on the whole machine, and as many
 * workers at once: with chains as long as there and fewer of them there were never more than some eight,
 * whatever max_active says, and the locks they fight for would hardly be.
 */
#ifndef BENCH_UNMAP_H
#define BENCH_UNMAP_H

#include "harness/bench.h"

/* Who takes down. */
enum unmap_way {
	UNMAP_HOST, /* the host's kernel: threads, each a part of one process */
	UNMAP_HOST_PROCESSES, /* the same: processes, each all of its own */
	UNMAP_SERIAL,
	UNMAP_BATCH_WORKERS,
	UNMAP_RANGE_PARALLEL,
	UNMAP_PROCESSES, /* several at once, each serially */
};

/* What is taken down, and how. */
enum {
	UNMAP_THP = 1 << 0, /* huge pages; else of 4 KiB */
	UNMAP_EXIT = 1 << 1, /* the end of the process; else munmap() */
	UNMAP_ONE_ZONE =
		1 << 2, /* all of it from one zone of one node, which may mean less of it */
	UNMAP_FILE_MIX =
		1 << 3, /* half of it shared pages of a file, every fourth of these dirty */
	UNMAP_SHUFFLED =
		1 << 4, /* touched in random order: neighbours are not neighbouring frames */
	UNMAP_SLICED = 1 << 5, /* per-CPU lists are drained as by MMSIM_PCP_FREE_SLICED */
};

extern const struct bench unmap_bench;

#endif
