/* SPDX-License-Identifier: MIT */
/*
 * The engines that jobs are given to: the library's, and peers.
 *
 * A caller is a task of the machine on CPU `caller`, for every engine: natively a pthread bound to one host
 * CPU. Threads that a peer brings along are bound, too, one to a CPU, beginning behind their caller's: so
 * no engine has better or worse places than another.
 */
#ifndef BENCH_JOBS_IMPL_H
#define BENCH_JOBS_IMPL_H

#include "jobs_load.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct jobs_impl;

/* An engine made ready for a cell. */
struct jobs_team {
	const struct jobs_impl *impl;
	struct mmsim *m;
	unsigned threads; /* at work on one job, the caller's among them */
	void *priv[2]; /* the engine's, by caller */
};

struct jobs_impl {
	const char *name;
	bool ours; /* has virtual time */
	bool twin; /* the engine above with other chunks: nothing new where chunks do not matter */
	/*
	 * By each caller, one after the other, while it is bound to no CPU, so that threads made here are not.
	 * Returns 0 or a negative errno. NULL: nothing to do.
	 */
	int (*open)(struct jobs_team *team, unsigned caller);
	/* Do all items and return. By callers at the same time. */
	void (*job)(struct jobs_team *team, unsigned caller, const struct jobs_load *load);
	/* By each caller that opened, the last first. NULL: nothing to do. */
	void (*close)(struct jobs_team *team, unsigned caller);
};

/* Those that were built in, ending with NULL. */
extern const struct jobs_impl *const jobs_impls[];

/* Each in a file of its own, if the build found it. */
extern const struct jobs_impl jobs_openmp_static, jobs_openmp_dynamic, jobs_pthreadpool,
	jobs_onetbb, jobs_pthread;

/* The host CPU of a machine's CPU; -1: not known. */
int jobs_host_cpu(unsigned cpu);

/* Learn the host's CPUs, from a thread that is bound to none. */
void jobs_impl_learn_cpus(void);

/*
 * By a caller: be bound to no CPU, open, and bind all threads, also those of the engine. Returns 0, a negative
 * errno, or 1 if a thread of the engine did not come to be bound.
 */
int jobs_impl_open(struct jobs_team *team, unsigned caller, bool native);

#ifdef __cplusplus
}
#endif

#endif
