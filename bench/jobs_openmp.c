/* SPDX-License-Identifier: MIT */
/* The peer that compilers bring along: a parallel loop of OpenMP. Each caller has threads of its own. */
#include "jobs_impl.h"

#include <omp.h>

static int open_team(struct jobs_team *team, unsigned caller)
{
	(void)team;
	(void)caller;
	omp_set_dynamic(0); /* as many threads as asked for */
	return 0;
}

static void static_job(struct jobs_team *team, unsigned caller, const struct jobs_load *load)
{
	(void)caller;
#pragma omp parallel for schedule(static) num_threads(team->threads)
	for (unsigned i = 0; i < load->nr; i++)
		jobs_item(load, i);
}

static void dynamic_job(struct jobs_team *team, unsigned caller, const struct jobs_load *load)
{
	(void)caller;
#pragma omp parallel for schedule(dynamic) num_threads(team->threads)
	for (unsigned i = 0; i < load->nr; i++)
		jobs_item(load, i);
}

/*
 * Its threads go, or sleep: they would watch for more for many ms, beside whoever is measured next. Not a hard
 * pause, which in LLVM's library takes away the other caller's, too.
 */
static void close_team(struct jobs_team *team, unsigned caller)
{
	(void)team;
	(void)caller;
	omp_pause_resource_all(omp_pause_soft);
}

const struct jobs_impl jobs_openmp_static = {
	.name = "openmp:static",
	.open = open_team,
	.job = static_job,
	.close = close_team,
};

const struct jobs_impl jobs_openmp_dynamic = {
	.name = "openmp:dynamic",
	.twin = true,
	.open = open_team,
	.job = dynamic_job,
	.close = close_team,
};
