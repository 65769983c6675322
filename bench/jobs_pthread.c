/* SPDX-License-Identifier: MIT */
/* The peer that everybody can write: threads made for the job and joined, equal shares in a row. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* affinity */
#endif
#include "jobs_impl.h"

#include "harness/util.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

struct share {
	const struct jobs_load *load;
	unsigned start, end;
	bool started;
	pthread_t thread;
};

/* One caller's. */
struct threads {
	pthread_attr_t *attr; /* [threads]: where the i-th is to run */
	struct share *share; /* [threads] */
};

static void *run_share(void *arg)
{
	struct share *share = arg;

	jobs_items(share->load, share->start, share->end);
	return NULL;
}

static void job(struct jobs_team *team, unsigned caller, const struct jobs_load *load)
{
	struct threads *t = team->priv[caller];

	for (unsigned i = team->threads; i-- > 0;) {
		struct share *share = &t->share[i];

		share->load = load;
		share->start = load->nr * i / team->threads;
		share->end = load->nr * (i + 1) / team->threads;
		share->started =
			i && !pthread_create(&share->thread, &t->attr[i], run_share, share);
		if (!share->started)
			run_share(share);
	}
	for (unsigned i = 1; i < team->threads; i++)
		if (t->share[i].started)
			pthread_join(t->share[i].thread, NULL);
}

static int open_threads(struct jobs_team *team, unsigned caller)
{
	struct threads *t = bench_calloc(1, sizeof(*t));

	t->attr = bench_calloc(team->threads, sizeof(*t->attr));
	t->share = bench_calloc(team->threads, sizeof(*t->share));
	for (unsigned i = 0; i < team->threads; i++) {
		int cpu = jobs_host_cpu(caller + i);
		cpu_set_t set;

		pthread_attr_init(&t->attr[i]);
		CPU_ZERO(&set);
		if (cpu < 0)
			continue;
		CPU_SET(cpu, &set);
		pthread_attr_setaffinity_np(&t->attr[i], sizeof(set), &set);
	}
	team->priv[caller] = t;
	return 0;
}

static void close_threads(struct jobs_team *team, unsigned caller)
{
	struct threads *t = team->priv[caller];

	for (unsigned i = 0; i < team->threads; i++)
		pthread_attr_destroy(&t->attr[i]);
	free(t->attr);
	free(t->share);
	free(t);
}

const struct jobs_impl jobs_pthread = {
	.name = "pthread",
	.open = open_threads,
	.job = job,
	.close = close_threads,
};
