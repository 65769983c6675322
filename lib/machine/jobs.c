/* SPDX-License-Identifier: MIT */
/* The job engine of a machine. */
#include "machine.h"

#include <errno.h>
#include <mmsim/quota.h>

/* 0: no limit. Only native threads run on the host's time; what cannot be read does not limit. */
static unsigned host_threads(struct mmsim *m, const struct mmsim_config *cfg)
{
	struct mmsim_cpu_quota quota;
	char msg[MM_LOG_LINE];

	if (cfg->mode != MMSIM_NATIVE || cfg->job.flags & MMSIM_JOB_NO_QUOTA)
		return 0;
	if (mmsim_cpu_quota_from_host(&quota, NULL, msg, sizeof(msg))) {
		mm_base_log(&m->log, "mmsim_create: CPU quota: %s", msg);
		return 0;
	}
	return mmsim_cpu_quota_threads(&quota);
}

/* A profile says how fast its memory is; of any other machine it has to be measured. */
static void set_bandwidth(struct mmsim *m, const struct mmsim_config *cfg)
{
	if (cfg->mode != MMSIM_VIRTUAL)
		return;
	for (unsigned nid = 0; nid < m->topology.nr_nodes; nid++)
		mm_job_set_rates(&m->ktask, nid, cfg->figure[MMSIM_FIG_CORE_BW] * 1000000,
				 cfg->figure[MMSIM_FIG_DRAM_BW] * 1000000);
}

int mm_machine_jobs_init(struct mmsim *m, const struct mmsim_config *cfg)
{
	int err = mm_job_crew_init(&m->crew, m->exec, &m->topology);

	if (err)
		return err;
	err = mm_job_ktask_init(&m->ktask, &m->crew, &cfg->job, host_threads(m, cfg));
	if (err) {
		mm_job_crew_fini(&m->crew);
		return err;
	}
	m->crew.off = !!(cfg->job.flags & MMSIM_JOB_OFF);
	m->crew.flags = cfg->job.flags;
	mm_job_padata_init(&m->padata, &m->crew);
	set_bandwidth(m, cfg);
	return 0;
}

void mm_machine_jobs_fini(struct mmsim *m)
{
	mm_job_ktask_fini(&m->ktask);
	mm_job_crew_fini(&m->crew);
}
