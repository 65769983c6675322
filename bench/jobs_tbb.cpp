/* SPDX-License-Identifier: MIT */
/* The peer oneTBB: parallel_for with its own partitioner. Its threads stay, and sleep soon. */
#include "jobs_impl.h"

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>

static int open_tbb(struct jobs_team *team, unsigned caller)
{
	if (!caller)
		team->priv[0] = new tbb::global_control(
			tbb::global_control::max_allowed_parallelism, team->threads);
	return 0;
}

static void job(struct jobs_team *, unsigned, const struct jobs_load *load)
{
	tbb::parallel_for(tbb::blocked_range<size_t>(0, load->nr),
			  [load](const tbb::blocked_range<size_t> &r) {
				  jobs_items(load, r.begin(), r.end());
			  });
}

static void close_tbb(struct jobs_team *team, unsigned caller)
{
	if (!caller)
		delete static_cast<tbb::global_control *>(team->priv[0]);
}

const struct jobs_impl jobs_onetbb = { "onetbb", false, false, open_tbb, job, close_tbb };
