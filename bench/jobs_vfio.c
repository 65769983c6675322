/* SPDX-License-Identifier: MIT */
/*
 * Pinning a guest's memory for a device: a client of ktask, by what its patches made of it.
 *
 * Virtual: the guest of 320 GiB whose start ktask v4 measured. On 1/scale of it every block of 2 MiB is
 * pinned as there, and the least chunk is scaled, too: so the chunks are as many, and in proportion. What
 * is not in proportion is waking the helpers, some 0.1 ms in all, which is scaled up with the rest.
 * Natively: a quarter of --set mib=, with memory behind it, cleared as it comes.
 */
#include "jobs.h"

#include "harness/stats.h"
#include "harness/util.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* The published guest, and natively how many times it is started. */
#define GUEST_BYTES (UINT64_C(320) << 30)
#define STARTS 3

static const uint32_t policy[] = {
	0,
	MMSIM_VFIO_ATOMIC,
	MMSIM_VFIO_ATOMIC | MMSIM_VFIO_BATCHED,
	MMSIM_VFIO_CACHED,
};

struct guest {
	uint64_t pages;
	uint32_t flags, threads;
	struct mmsim_vfio_params params;
};

static void back_pages(struct mmsim_config *cfg, void *arg)
{
	(void)arg;
	if (cfg->mode == MMSIM_NATIVE)
		cfg->flags |= MMSIM_BACK_PAGES | MMSIM_PREFAULT_PAGES;
}

static struct guest make_guest(const struct bench_session *session, uint32_t flags,
			       unsigned threads)
{
	uint64_t scale = jobs_scale(session);
	uint64_t bytes = jobs_virtual(session) ? GUEST_BYTES / scale
					       : (session->setting[JOBS_SET_MIB] << 20) / 4;
	struct guest g = { .pages = bytes >> MMSIM_PAGE_SHIFT, .flags = flags, .threads = threads };

	g.params = (struct mmsim_vfio_params){
		.nr_pages = g.pages,
		.limit = g.pages,
		.min_chunk = MMSIM_VFIO_MIN_CHUNK / scale,
	};
	return g;
}

/* All of it on the caller's node, and some for what no request gets. */
static uint64_t memory_for(const struct bench_session *session, const struct guest *g)
{
	uint64_t bytes = g->pages << MMSIM_PAGE_SHIFT;

	return (bytes + bytes / 16 + (UINT64_C(64) << 20)) * session->machine.cfg.nr_nodes;
}

/* From a guest without frames to one that is pinned; ns. Negative errno: it cannot be. */
static int start_guest(struct mmsim *m, const struct guest *g, double *ns)
{
	struct mmsim_vfio *v;
	uint64_t began;
	int err = mmsim_vfio_create(m, &g->params, &v);

	if (err)
		return err;
	began = mmsim_now(m);
	err = mmsim_vfio_pin(v, 0, g->pages, g->flags, g->threads);
	*ns = (double)(mmsim_now(m) - began);
	mmsim_vfio_destroy(v);
	return err;
}

static int measure(struct bench_session *session, struct mmsim *m, const struct guest *g,
		   double *ns)
{
	unsigned starts = jobs_virtual(session) ? 1 : STARTS;
	double took[STARTS];

	for (unsigned i = 0; i < starts; i++) {
		int err = start_guest(m, g, &took[i]);

		if (err)
			return bench_fail(session, BENCH_FAILED, "pinning %llu MiB: %s",
					  (unsigned long long)(g->pages >> 8), strerror(-err));
	}
	*ns = stats_of(took, starts).median;
	return BENCH_OK;
}

static int cell(struct bench_session *session, uint32_t flags, unsigned case_index,
		unsigned threads)
{
	struct guest g = make_guest(session, flags, threads);
	double value[J_NR], ns = 0;
	struct mmsim *m;
	int rc = jobs_machine(session, memory_for(session, &g), back_pages, NULL, &m);

	if (rc)
		return rc;
	watch_start(session, m);
	rc = measure(session, m, &g, &ns);
	watch_stop(session, case_index, threads, ns * threads);
	if (rc == BENCH_OK) {
		jobs_no_values(value);
		value[J_NS] = ns * (double)jobs_scale(session);
		value[J_NS_PER_UNIT] = ns / (double)g.pages;
		value[J_GB_PER_S] = (double)(g.pages << MMSIM_PAGE_SHIFT) / ns;
		jobs_record(session, case_index, "mmsim", threads, value);
	}
	mmsim_destroy(m);
	return rc;
}

static int locked(struct bench_session *session, unsigned case_index, unsigned threads)
{
	return cell(session, policy[0], case_index, threads);
}

static int atomic(struct bench_session *session, unsigned case_index, unsigned threads)
{
	return cell(session, policy[1], case_index, threads);
}

static int batched(struct bench_session *session, unsigned case_index, unsigned threads)
{
	return cell(session, policy[2], case_index, threads);
}

static int cached(struct bench_session *session, unsigned case_index, unsigned threads)
{
	return cell(session, policy[3], case_index, threads);
}

const struct jobs_client jobs_vfio_clients[] = {
	{ { "vfio-pin-locked", "pin a guest, accounting under mmap_sem: ktask v4 patch 6", true,
	    0 },
	  locked },
	{ { "vfio-pin-atomic", "locked_vm atomic: patch 8", true, 0 }, atomic },
	{ { "vfio-pin-batched", "and mmap_sem held longer: patch 9", true, 0 }, batched },
	{ { "vfio-pin-cached", "as patch 6, accounting 128 MiB ahead", true, 0 }, cached },
};

const unsigned jobs_vfio_nr_clients = ARRAY_LEN(jobs_vfio_clients);
