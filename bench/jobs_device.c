/* SPDX-License-Identifier: MIT */
/*
 * Struct pages for the memory of a device: initialised with several threads, beside threads that do
 * nothing but fill as many bytes.
 *
 * A cell makes a pagemap with `mib` MiB of struct pages and initialises it once per block, as when a
 * device is bound again. Natively, after each, as many threads fill the same struct pages, with
 * memset() and past the cache: rows of their own, and the faster of them is the ideal.
 */
#include "harness/host.h"
#include "harness/stream.h"
#include "harness/util.h"
#include "jobs_blocks.h"
#include "jobs_cases.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_PER_SECTION ((uint64_t)MMSIM_PAGES_PER_SECTION * sizeof(struct mmsim_page))

static const uint32_t flags_of[] = { 0, MMSIM_MEMMAP_STREAMING, MMSIM_MEMMAP_ONE_BY_ONE };

struct trial {
	struct bench_session *session;
	unsigned case_index, threads;
	uint32_t flags;
	struct mmsim *m;
	struct mmsim_dev_pagemap *pgmap;
	struct mmsim_dev_pagemap_info info;
	struct jobs_blocks init, alone; /* with the threads, and with one */
	struct jobs_blocks fill[2]; /* enum stream_how */
};

static int init_once(struct trial *t, unsigned threads, struct jobs_blocks *blocks)
{
	int rc = mmsim_memmap_init_zone_device(t->m, t->pgmap, threads, t->flags);

	mmsim_dev_pagemap_info(t->pgmap, &t->info);
	jobs_blocks_add(blocks, t->info.init_ns, 1);
	return rc;
}

/* Equal shares of whole struct pages; the last takes what is left. */
static void fill_once(struct trial *t, enum stream_how how)
{
	struct mmsim_page *page = mmsim_dev_pagemap_page(t->pgmap, t->info.start_pfn);
	struct stream_part *part = bench_calloc(t->threads, sizeof(*part));
	uint64_t share = t->info.nr_pages / t->threads, ns;

	for (unsigned i = 0; i < t->threads; i++) {
		uint64_t nr = i + 1 < t->threads ? share : t->info.nr_pages - i * share;

		part[i] = (struct stream_part){ .start = (char *)(page + i * share),
						.bytes = nr * sizeof(*page),
						.cpu = host_cpu(i) };
	}
	ns = stream_fill(part, t->threads, how);
	if (ns)
		jobs_blocks_add(&t->fill[how], ns, 1);
	free(part);
}

static int run_blocks(struct trial *t)
{
	/* Each block is long enough for fewer of them to do. */
	uint64_t blocks =
		jobs_virtual(t->session) ? 1 : (t->session->setting[JOBS_SET_BLOCKS] + 2) / 3;
	int rc = 0;

	watch_start(t->session, t->m);
	for (uint64_t i = 0; i < blocks && !rc; i++) {
		rc = init_once(t, t->threads, &t->init);
		if (!rc && t->threads > 1)
			rc = init_once(t, 1, &t->alone);
		if (jobs_virtual(t->session))
			continue;
		fill_once(t, STREAM_MEMSET);
		fill_once(t, STREAM_NONTEMPORAL);
	}
	watch_stop(t->session, t->case_index, t->threads, jobs_blocks_median(&t->init));
	return rc;
}

static void record(struct trial *t, const char *impl, const struct jobs_blocks *blocks,
		   double ideal_ns, double alone_ns)
{
	double value[J_NR], ns = jobs_blocks_median(blocks);

	jobs_no_values(value);
	value[J_NS] = ns;
	value[J_OVER_IDEAL] = ns / ideal_ns;
	value[J_WORST] = jobs_blocks_worst(blocks);
	value[J_NS_PER_UNIT] = ns / (double)t->info.nr_pages;
	value[J_GB_PER_S] = (double)t->info.nr_pages * sizeof(struct mmsim_page) / ns;
	value[J_SPEEDUP] = alone_ns / ns;
	jobs_record(t->session, t->case_index, impl, t->threads, value);
}

static void record_all(struct trial *t)
{
	double memset_ns = jobs_blocks_median(&t->fill[STREAM_MEMSET]);
	double stream_ns = jobs_blocks_median(&t->fill[STREAM_NONTEMPORAL]);
	double ideal_ns = fmin(memset_ns, stream_ns);

	record(t, "mmsim", &t->init, ideal_ns, jobs_blocks_median(&t->alone));
	if (isnan(ideal_ns))
		return;
	record(t, "memset", &t->fill[STREAM_MEMSET], ideal_ns, NAN);
	record(t, "stream", &t->fill[STREAM_NONTEMPORAL], ideal_ns, NAN);
}

static int bind(struct trial *t)
{
	uint64_t sections = (t->session->setting[JOBS_SET_MIB] << 20) / BYTES_PER_SECTION;

	if (!sections)
		sections = 1;
	return mmsim_memremap_pages(t->m, 0, sections * MMSIM_PAGES_PER_SECTION, 0, 0, &t->pgmap);
}

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct trial t = {
		.session = session,
		.case_index = case_index,
		.threads = threads,
		.flags = flags_of[jobs_which(case_index)],
	};
	int rc = jobs_machine(session, 0, NULL, NULL, &t.m), err;

	if (rc)
		return rc;
	err = bind(&t);
	if (!err)
		err = run_blocks(&t);
	if (!err)
		record_all(&t);
	mmsim_memunmap_pages(t.m, t.pgmap);
	mmsim_destroy(t.m);
	if (err)
		return bench_fail(session, err == -ENOMEM ? BENCH_CANNOT : BENCH_FAILED,
				  "struct pages of a device: %s", strerror(-err));
	return BENCH_OK;
}

const struct jobs_client jobs_device_clients[] = {
	{ { "device-memmap", "struct pages for device memory, from a template", true, 0 }, cell },
	{ { "device-memmap-streaming", "the same, stores past the cache", false, 0 }, cell },
	{ { "device-memmap-one-by-one", "each made up anew, as mainline does", false, 0 }, cell },
};

const unsigned jobs_device_nr_clients = ARRAY_LEN(jobs_device_clients);
