/* SPDX-License-Identifier: MIT */
/* What this library's own page init and page allocator take natively, on one thread. */
#include "calibrate_probe.h"

#include "harness/host.h"
#include "harness/util.h"

#include <math.h>
#include <mmsim/mmsim.h>
#include <stdlib.h>

#define BOOT_BYTES (UINT64_C(16) << 30) /* of simulated memory: 256 MiB of struct pages */
#define QUICK_BYTES (UINT64_C(4) << 30)
#define LEAST_BYTES (UINT64_C(1) << 30)
#define SHARE 4 /* of the host's free memory, struct pages take at most one part in this */
#define CHUNKS 7
#define TRIES 3
#define PAIRS 20000 /* per chunk */

struct pages {
	struct mmsim *m;
	double pair_ns;
};

static uint64_t choose_size(const struct calibrate *c)
{
	uint64_t bytes = c->opt.quick ? QUICK_BYTES : BOOT_BYTES;
	uint64_t available = host_mem_available();

	while (available && bytes / MMSIM_PAGE_SIZE * sizeof(struct mmsim_page) > available / SHARE)
		bytes /= 2;
	return bytes;
}

static void *pages_start(struct calibrate *c)
{
	struct pages *p = bench_calloc(1, sizeof(*p));
	uint64_t bytes = choose_size(c);
	struct mmsim_config *cfg = bench_calloc(1, sizeof(*cfg));
	int rc = -1;

	mmsim_config_defaults(cfg);
	cfg->boot = MMSIM_BOOT_COLD;
	if (bytes >= LEAST_BYTES && mmsim_config_set_memory(cfg, bytes) == 0)
		rc = mmsim_create(cfg, &p->m);
	free(cfg);
	if (rc) {
		calibrate_lack(&c->raw, SERIES_PAGE_INIT, "too little free memory");
		calibrate_lack(&c->raw, SERIES_PAGE_PAIR, "too little free memory");
		p->m = NULL;
	}
	return p;
}

static void pages_finish(void *state)
{
	struct pages *p = state;

	mmsim_destroy(p->m);
	free(p);
}

static double time_pairs(struct mmsim *m)
{
	uint64_t start = bench_now();

	for (unsigned i = 0; i < PAIRS; i++) {
		struct mmsim_page *page = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE, 0);

		if (!page || mmsim_free_pages(m, page, 0))
			return NAN;
	}
	return (double)(bench_now() - start) / PAIRS;
}

/* Of a task: a thread from outside would pay for becoming one with each call. */
static void run_pairs(unsigned i, void *arg)
{
	struct pages *p = arg;
	double ns[CHUNKS + 1];

	(void)i;
	for (unsigned k = 0; k <= CHUNKS; k++)
		ns[k] = time_pairs(p->m);
	p->pair_ns = calibrate_median(&ns[1], CHUNKS); /* the first warmed the list */
}

/* ns per page of deferred init; not finite: it was disturbed, did not boot, or deferred nothing. */
static double time_boot(struct mmsim *m)
{
	struct mmsim_boot_report report;
	uint64_t start, cpu_start, cpu_ns;

	mmsim_reset(m);
	if (mmsim_set_init(m, MMSIM_STORES_ORDINARY, 1, true))
		return NAN;
	start = bench_now();
	cpu_start = calibrate_process_time();
	if (mmsim_boot(m))
		return NAN;
	cpu_ns = calibrate_process_time() - cpu_start;
	if (!calibrate_undisturbed(cpu_ns, bench_now() - start, 1))
		return NAN;
	mmsim_boot_report(m, &report);
	return (double)report.deferred_ns / (double)report.deferred_pages;
}

static void pages_round(struct calibrate *c, void *state)
{
	struct pages *p = state;
	double ns = NAN;

	if (!p->m)
		return;
	for (unsigned try = 0; try < TRIES && !isfinite(ns); try++)
		ns = time_boot(p->m);
	calibrate_add(&c->raw, SERIES_PAGE_INIT, ns);
	calibrate_lack(&c->raw, SERIES_PAGE_INIT, "others kept the CPUs busy");
	if (mmsim_run(p->m, 1, run_pairs, p) == 0)
		calibrate_add(&c->raw, SERIES_PAGE_PAIR, p->pair_ns);
}

const struct calibrate_probe calibrate_pages_probe = {
	.name = "struct pages",
	.roams = true, /* the machine binds its own threads */
	.start = pages_start,
	.round = pages_round,
	.finish = pages_finish,
};
