/* SPDX-License-Identifier: MIT */
/* Exported calls: jobs that several CPUs work on, and the engine under them. */
#include "machine.h"

#include "bandwidth.h"
#include <errno.h>
#include <string.h>

/* Less says nothing about memory. */
#define LEAST_MEASURED ((size_t)1 << 20)

int mmsim_padata_do_multithreaded(struct mmsim *m, struct mmsim_padata_mt_job *job)
{
	const char *wrong = mm_job_padata_refuse(job);
	MM_ON_CPU(m);

	if (wrong) {
		mm_base_log(&m->log, "mmsim_padata_do_multithreaded: %s", wrong);
		return -EINVAL;
	}
	mm_job_padata_do_multithreaded(&m->padata, job);
	return 0;
}

static int run_ktask(struct mmsim *m, const char *call, const struct mmsim_ktask_node *nodes,
		     size_t nr_nodes, struct mmsim_ktask_ctl *ctl)
{
	const char *wrong = mm_job_ktask_refuse(&m->ktask, nodes, nr_nodes, ctl);
	MM_ON_CPU(m);

	if (wrong) {
		mm_base_log(&m->log, "%s: %s", call, wrong);
		return -EINVAL;
	}
	return mm_job_ktask_run(&m->ktask, nodes, nr_nodes, ctl);
}

int mmsim_ktask_run(struct mmsim *m, void *start, size_t size, struct mmsim_ktask_ctl *ctl)
{
	const struct mmsim_ktask_node node = {
		.start = start,
		.task_size = size,
		.nid = MMSIM_NO_NODE,
	};

	return run_ktask(m, "mmsim_ktask_run", &node, 1, ctl);
}

int mmsim_ktask_run_numa(struct mmsim *m, const struct mmsim_ktask_node *nodes, size_t nr_nodes,
			 struct mmsim_ktask_ctl *ctl)
{
	return run_ktask(m, "mmsim_ktask_run_numa", nodes, nr_nodes, ctl);
}

void mmsim_ktask_cancel(struct mmsim_ktask_ctl *ctl)
{
	if (ctl)
		__atomic_store_n(&ctl->cancelled, 1, __ATOMIC_RELAXED);
}

int mmsim_job_stats(struct mmsim *m, struct mmsim_job_stats *out)
{
	if (!out)
		return -EINVAL;
	*out = (struct mmsim_job_stats){
		.jobs = __atomic_load_n(&m->crew.nr_calls, __ATOMIC_RELAXED),
		.called = __atomic_load_n(&m->crew.nr_called, __ATOMIC_RELAXED),
		.joined = __atomic_load_n(&m->crew.nr_joined, __ATOMIC_RELAXED),
		.lent = __atomic_load_n(&m->crew.nr_lent, __ATOMIC_RELAXED),
		.anywhere = __atomic_load_n(&m->ktask.nr_anywhere, __ATOMIC_RELAXED),
		.helpers = __atomic_load_n(&m->ktask.helpers, __ATOMIC_RELAXED),
		.max_helpers = m->ktask.max_helpers,
		.quota_threads = m->ktask.quota_threads,
		.power_saving = __atomic_load_n(&m->crew.off, __ATOMIC_RELAXED),
	};
	return 0;
}

void mmsim_job_power_save(struct mmsim *m, bool on)
{
	__atomic_store_n(&m->crew.off, on, __ATOMIC_RELAXED);
}

/* NULL: sound. */
static const char *refuse_measure(const struct mmsim *m, unsigned nid, size_t bytes,
				  const struct mmsim_job_rates *out)
{
	if (!out)
		return "out: NULL";
	if (nid >= m->topology.nr_nodes)
		return "nid: no node of the machine";
	if (!m->topology.nr_node_cpus[nid])
		return "nid: a node without CPUs";
	if (bytes < LEAST_MEASURED)
		return "bytes: less than 1 MiB";
	return NULL;
}

int mmsim_job_measure(struct mmsim *m, unsigned nid, size_t bytes, struct mmsim_job_rates *out)
{
	const char *wrong = refuse_measure(m, nid, bytes, out);
	struct mm_bandwidth_of of = {
		.kt = &m->ktask,
		.padata = &m->padata,
		.fault = &m->fault,
		.no_huge = m->memmap.area.no_huge,
		.nid = nid,
		.bytes = bytes,
	};
	struct mm_bandwidth found;
	int err = -EINVAL;
	MM_ON_CPU(m);

	if (!wrong) {
		err = mm_page_measure_bandwidth(&of, &found);
		wrong = err ? strerror(-err) : NULL;
	}
	if (wrong) {
		mm_base_log(&m->log, "mmsim_job_measure: %s", wrong);
		return err;
	}
	/* Virtual time has a profile's figures, which are exact, and were set when the machine was made. */
	if (!mm_exec_charges(m->exec))
		mm_job_set_rates(&m->ktask, nid, found.core_bytes_per_s, found.node_bytes_per_s);
	*out = (struct mmsim_job_rates){
		.core_bytes_per_s = found.core_bytes_per_s,
		.node_bytes_per_s = found.node_bytes_per_s,
		.cores = m->ktask.node[nid].cores,
		.threads = mmsim_job_threads(m, nid),
	};
	return 0;
}

unsigned mmsim_job_threads(struct mmsim *m, unsigned nid)
{
	if (nid >= m->topology.nr_nodes)
		return 0;
	return __atomic_load_n(&m->ktask.node[nid].bandwidth_threads, __ATOMIC_RELAXED);
}
