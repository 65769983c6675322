/* SPDX-License-Identifier: MIT */
/*
 * One measured trial: a machine, a space, workers that meet at a gate, do their work, and are done.
 *
 * Worker i is on CPU i modulo the CPUs, and there may be more workers than CPUs. Locks are timed in virtual
 * time, where that is free; natively it costs two clock reads for each, so times and shares are to be had
 * of two trials.
 */
#ifndef BENCH_VMAP_TRIAL_H
#define BENCH_VMAP_TRIAL_H

#include "vmap_impl.h"
#include "vmap_tests.h"
#include "vmap_work.h"

struct bench_session;

/* Kinds of locks that are told apart. */
enum vmap_lock {
	VMAP_LOCK_FREE, /* free_vmap_area_lock */
	VMAP_LOCK_BUSY,
	VMAP_LOCK_LAZY,
	VMAP_LOCK_POOL,
	VMAP_LOCK_TABLES,
	VMAP_LOCK_ZONE,
	VMAP_LOCK_OTHER, /* of spin locks */
	VMAP_LOCK_PURGE, /* a mutex: who waits sleeps */
	VMAP_NR_LOCKS
};

struct vmap_trial {
	struct bench_session *session;
	enum vmap_impl impl;
	enum vmap_work work;
	unsigned threads;
	uint64_t memory; /* of the machine */
	struct mmsim_vmap_params params;
	struct vmap_suite suite; /* but for m and v; loops and seed of all work */
	uint64_t live; /* of random */
	bool timed_locks; /* natively */

	/* Results. */
	uint64_t ns; /* the first to begin to the last to end */
	uint64_t worker_ns; /* of all workers together */
	uint64_t pairs; /* of all workers */
	uint64_t pairs_ns; /* of all workers, in their loops */
	double whole_ns; /* of the slowest, all of the kernel's loops; NaN: no suite */
	unsigned failed; /* tests that must not */
	struct mmsim_vmap_info info;
	/* Waited, of the time of all CPUs; NaN: locks were not timed. */
	double share[VMAP_NR_LOCKS];
	char *text; /* what the workers log; to be freed; NULL: was not wanted, or no suite */
};

/* Returns BENCH_OK or an exit code, after a line on stderr. */
int vmap_trial_run(struct vmap_trial *t, unsigned case_index);

#endif
