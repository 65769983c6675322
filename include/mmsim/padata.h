/* SPDX-License-Identifier: MIT */
/*
 * Multithreaded jobs: split a range into chunks and let several CPUs work on it.
 *
 * Models padata_do_multithreaded() of kernel/padata.c, with its fields and its arithmetic.
 * Differences: bad arguments are refused; a helper that has not started when the range is used up
 * is taken back instead of waited for.
 */
#ifndef MMSIM_PADATA_H
#define MMSIM_PADATA_H

#include <mmsim/api.h>
#include <stdbool.h>

MMSIM_BEGIN_DECLS

/**
 * struct mmsim_padata_mt_job - one multithreaded job.
 * @thread_fn:   called once per chunk with its half-open range [start, end) and fn_arg, from several
 *               CPUs at once. May wait.
 * @fn_arg:      handed to thread_fn.
 * @start:       first unit of the range. Consumed: after the call it is the end of the range.
 * @size:        units in the range; start + size must not overflow. Consumed: 0 after the call.
 * @align:       chunks end on multiples of it, but for the end of the range; 0 means 1.
 * @min_chunk:   least number of units worth giving to a thread; 0 means 1.
 * @max_threads: most threads to use, the caller's among them; 0 means as many as there are CPUs.
 * @numa_aware:  spread helpers over the nodes that have CPUs, instead of taking those of the caller's
 *               node first.
 */
struct mmsim_padata_mt_job {
	void (*thread_fn)(unsigned long start, unsigned long end, void *arg);
	void *fn_arg;
	unsigned long start;
	unsigned long size;
	unsigned long align;
	unsigned long min_chunk;
	int max_threads;
	bool numa_aware;
};

/**
 * mmsim_padata_do_multithreaded - run a job to its end.
 *
 * Equivalent to the serial loop
 *
 *	for each chunk [a, b) of [start, start + size), in ascending order
 *		thread_fn(a, b, fn_arg);
 *
 * except that chunks run at the same time on up to max_threads CPUs. Every unit is in exactly one
 * chunk. When the call returns all of them have been processed.
 *
 * With w = min(max(size / max(min_chunk, align), 1), max_threads) threads wanted, w == 1 is one call
 * for the whole range. Otherwise the threads obtained are t = 1 + helpers that the machine's pool
 * (one per CPU) could give, at most w, and the chunk is max(size / (4 t), min_chunk, 1) rounded up
 * to align; chunks end on absolute multiples of the chunk, so the first may be short.
 *
 * Allocates nothing, but for a helper's thread the first time that helper is ever needed. Returns 0, or
 * -EINVAL with a message when thread_fn is NULL, start + size overflows, max_threads is negative, or max(size, min_chunk) + align - 1 overflows; then the job is
 * untouched. Context: any; waits. A job may be started from within a chunk of another.
 * Cost: one atomic operation per chunk, and O(CPUs) to find helpers. Since 0.1.
 */
MMSIM_API int mmsim_padata_do_multithreaded(struct mmsim *m, struct mmsim_padata_mt_job *job);

MMSIM_END_DECLS

#endif
