/* SPDX-License-Identifier: MIT */
/*
 * How long CPUs were at work, all together: what a share of the time of those that worked is a share of.
 *
 * Of a virtual machine it is what its marks say: from when a task runs on a CPU until it stops. Natively it
 * is the CPU time of this program. Waiting for a spin lock is work, sleeping is none.
 *
 * Locking: none; a virtual machine makes its marks on one thread.
 */
#ifndef BENCH_UNMAP_BUSY_H
#define BENCH_UNMAP_BUSY_H

#include <mmsim/mmsim.h>

struct bench_session;

struct unmap_busy {
	struct bench_session *session;
	struct mmsim *m; /* NULL: natively */
	uint64_t ns; /* of what has stopped */
	uint64_t since
		[MMSIM_MAX_CPUS]; /* 1 more than when a task began to run there; 0: nobody does */
};

/* From now on. After watch_start(), whose timeline goes on getting the marks. */
void unmap_busy_start(struct unmap_busy *busy, struct bench_session *session, struct mmsim *m);

/* So far; by a task of the machine. */
uint64_t unmap_busy_ns(const struct unmap_busy *busy);

void unmap_busy_stop(struct unmap_busy *busy);

#endif
