/* SPDX-License-Identifier: MIT */
/* The peer pthreadpool: one pool, whose callers take turns. */
#include "jobs_impl.h"

#include <errno.h>
#include <pthreadpool.h>

static int open_pool(struct jobs_team *team, unsigned caller)
{
	team->priv[caller] = caller ? team->priv[0] : pthreadpool_create(team->threads);
	return team->priv[caller] ? 0 : -EAGAIN;
}

static void run_item(void *arg, size_t i)
{
	jobs_item(arg, i);
}

static void job(struct jobs_team *team, unsigned caller, const struct jobs_load *load)
{
	pthreadpool_parallelize_1d(team->priv[caller], run_item, (void *)load, load->nr, 0);
}

static void close_pool(struct jobs_team *team, unsigned caller)
{
	if (!caller)
		pthreadpool_destroy(team->priv[0]);
}

const struct jobs_impl jobs_pthreadpool = {
	.name = "pthreadpool",
	.open = open_pool,
	.job = job,
	.close = close_pool,
};
