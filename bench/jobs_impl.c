/* SPDX-License-Identifier: MIT */
/* The engines: the library's own three, the table of all, and their places. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* affinity */
#endif
#include "jobs_impl.h"

#include "harness/util.h"

#include <mmsim/mmsim.h>
#include <pthread.h>
#include <sched.h>

/* The library's */

static int on_chunk(void *start, void *end, void *arg)
{
	jobs_items(arg, (uintptr_t)start, (uintptr_t)end);
	return 0;
}

static void run_ktask(struct jobs_team *team, const struct jobs_load *load, uint32_t flags)
{
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = on_chunk,
		.fn_arg = (void *)load,
		.min_chunk = 1,
		.max_threads = team->threads,
		.flags = flags,
	};

	mmsim_ktask_run(team->m, NULL, load->nr, &ctl);
}

static void guided_job(struct jobs_team *team, unsigned caller, const struct jobs_load *load)
{
	(void)caller;
	run_ktask(team, load, MMSIM_KTASK_GUIDED);
}

static void ktask_job(struct jobs_team *team, unsigned caller, const struct jobs_load *load)
{
	(void)caller;
	run_ktask(team, load, 0);
}

static void on_padata_chunk(unsigned long start, unsigned long end, void *arg)
{
	jobs_items(arg, start, end);
}

static void padata_job(struct jobs_team *team, unsigned caller, const struct jobs_load *load)
{
	struct mmsim_padata_mt_job job = {
		.thread_fn = on_padata_chunk,
		.fn_arg = (void *)load,
		.size = load->nr,
		.align = 1,
		.min_chunk = 1,
		.max_threads = (int)team->threads,
	};

	(void)caller;
	mmsim_padata_do_multithreaded(team->m, &job);
}

static const struct jobs_impl guided = { .name = "mmsim", .ours = true, .job = guided_job };
static const struct jobs_impl ktask = {
	.name = "mmsim:ktask",
	.ours = true,
	.twin = true,
	.job = ktask_job,
};
static const struct jobs_impl padata = {
	.name = "mmsim:padata",
	.ours = true,
	.twin = true,
	.job = padata_job,
};

const struct jobs_impl *const jobs_impls[] = {
	&guided,
	&ktask,
	&padata,
#if JOBS_OPENMP
	&jobs_openmp_static,
	&jobs_openmp_dynamic,
#endif
#if JOBS_PTHREADPOOL
	&jobs_pthreadpool,
#endif
#if JOBS_ONETBB
	&jobs_onetbb,
#endif
	&jobs_pthread,
	NULL,
};

/* Places */

#define RENDEZVOUS_NS UINT64_C(100000000)

static cpu_set_t all_cpus;
static unsigned nr_host;
static int host_cpu[CPU_SETSIZE];

void jobs_impl_learn_cpus(void)
{
	nr_host = 0;
	if (sched_getaffinity(0, sizeof(all_cpus), &all_cpus))
		return; /* more CPUs than a set holds: nobody is bound */
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all_cpus))
			host_cpu[nr_host++] = cpu;
}

int jobs_host_cpu(unsigned cpu)
{
	return nr_host ? host_cpu[cpu % nr_host] : -1;
}

static void bind_to(unsigned cpu)
{
	cpu_set_t set;

	if (!nr_host)
		return;
	CPU_ZERO(&set);
	CPU_SET(jobs_host_cpu(cpu), &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

struct rendezvous {
	pthread_t caller;
	unsigned cpu; /* the caller's */
	unsigned threads;
	unsigned arrived; /* atomic */
	unsigned bound; /* atomic: threads that are not the caller's */
	uint64_t until;
};

/* One item of a job that has as many as threads: none goes on before all have one. */
static void meet(void *arg)
{
	struct rendezvous *r = arg;

	__atomic_add_fetch(&r->arrived, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&r->arrived, __ATOMIC_RELAXED) < r->threads &&
	       bench_now() < r->until)
		sched_yield();
	if (pthread_equal(pthread_self(), r->caller))
		bind_to(r->cpu);
	else
		bind_to(r->cpu + __atomic_add_fetch(&r->bound, 1, __ATOMIC_RELAXED));
}

static bool bind_all(struct jobs_team *team, unsigned caller)
{
	struct rendezvous r = {
		.caller = pthread_self(),
		.cpu = caller,
		.threads = team->threads,
		.until = bench_now() + RENDEZVOUS_NS,
	};
	struct jobs_load load = { .nr = team->threads, .visit = meet, .arg = &r };

	team->impl->job(team, caller, &load);
	return r.bound + 1 == team->threads;
}

int jobs_impl_open(struct jobs_team *team, unsigned caller, bool bind)
{
	int rc = 0;

	if (!team->impl->open)
		return 0;
	if (nr_host)
		pthread_setaffinity_np(pthread_self(), sizeof(all_cpus), &all_cpus);
	rc = team->impl->open(team, caller);
	if (!rc && bind && team->threads <= JOBS_MAX_ITEMS)
		rc = !bind_all(team, caller);
	bind_to(caller);
	return rc;
}
