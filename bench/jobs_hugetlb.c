/* SPDX-License-Identifier: MIT */
/*
 * Huge pages: clients of ktask and of padata, by what their series measured.
 *
 * Virtual: the published amounts, of which a cell does 1/scale and multiplies its time. Every huge page costs
 * what it costs there, and the least chunk is scaled, too; what is not in proportion is waking the helpers,
 * some 0.1 ms of each job. Pools are filled from the nodes in turn, as nr_hugepages is; a caller on one node
 * finds most of his pages on others. Natively: a part of --set mib= with memory behind it.
 */
#include "harness/host.h"
#include "harness/stats.h"
#include "harness/stream.h"
#include "harness/util.h"
#include "jobs_cases.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GIB(n) ((uint64_t)(n) << 30)
#define MIB(n) ((uint64_t)(n) << 20)
#define HUGE_2M MIB(2)
#define NATIVE_ROUNDS 3 /* besides the first, in which memory is touched */

/* What KTASK_MEM_CHUNK is in pages of 2 MiB. */
#define MEM_CHUNK_2M 64

/* 1800 pages of 1 GiB on a machine of 2 TB, says the series; other amounts are taken to be in proportion. */
#define BOOT_SHARE(bytes) ((bytes) / 256 * 225)

struct trial {
	struct bench_session *session;
	unsigned case_index, threads;
	struct mmsim *m;
	uint64_t bytes; /* that a round works on */
	double scale; /* of its time */
	double unit_bytes; /* a page of the case */
	struct mmsim_page *block; /* clearing: what is cleared … */
	unsigned order; /* … and in blocks of which order */
	uint32_t flags;
	struct mmsim_hugetlb_file *file;
};

static void back_pages(struct mmsim_config *cfg, void *arg)
{
	(void)arg;
	if (cfg->mode == MMSIM_NATIVE)
		cfg->flags |= MMSIM_BACK_PAGES;
}

static unsigned nr_nodes(const struct trial *t)
{
	return t->session->machine.cfg.nr_nodes;
}

static unsigned rounds_of(const struct trial *t)
{
	return jobs_virtual(t->session) ? 1 : NATIVE_ROUNDS;
}

static int refuse(const struct trial *t, const char *what, int err)
{
	return bench_fail(t->session, err == -ENOMEM ? BENCH_CANNOT : BENCH_FAILED, "%s: %s", what,
			  strerror(-err));
}

/* ideal, serial: natively, the same bytes by memset() with as many threads, and with one; NaN: not known. */
static void record(struct trial *t, double ns, double ideal_ns, double serial_ns)
{
	double value[J_NR];

	jobs_no_values(value);
	value[J_NS] = ns * t->scale;
	value[J_OVER_IDEAL] = ns / ideal_ns;
	value[J_SPEEDUP] = serial_ns / ns;
	value[J_NS_PER_UNIT] = ns / ((double)t->bytes / t->unit_bytes);
	value[J_GB_PER_S] = (double)t->bytes / ns;
	jobs_record(t->session, t->case_index, "mmsim", t->threads, value);
}

/* The same memory, without a machine's help; NaN in virtual time. */
static double memset_ns(struct trial *t, char *bytes, unsigned threads)
{
	struct stream_part *part;
	uint64_t share = t->bytes / threads, ns;

	if (jobs_virtual(t->session) || !bytes)
		return NAN;
	part = bench_calloc(threads, sizeof(*part));
	for (unsigned i = 0; i < threads; i++)
		part[i] = (struct stream_part){ .start = bytes + i * share,
						.bytes = share,
						.cpu = host_cpu(i) };
	ns = stream_fill(part, threads, STREAM_MEMSET);
	free(part);
	return ns ? (double)ns : NAN;
}

/* round() makes one round and says what it took; watched, repeated natively. */
static int measure(struct trial *t, int (*round)(struct trial *t, double *ns), char *bytes)
{
	double took[NATIVE_ROUNDS], ideal[NATIVE_ROUNDS], serial[NATIVE_ROUNDS], ns;
	unsigned nr = rounds_of(t);
	int rc = jobs_virtual(t->session) ? 0 : round(t, &ns);

	if (rc)
		return rc;
	watch_start(t->session, t->m);
	for (unsigned i = 0; i < nr && !rc; i++) {
		rc = round(t, &took[i]);
		ideal[i] = memset_ns(t, bytes, t->threads);
		serial[i] = t->threads > 1 ? memset_ns(t, bytes, 1) : ideal[i];
	}
	if (rc)
		return rc;
	ns = stats_of(took, nr).median;
	watch_stop(t->session, t->case_index, t->threads, ns * t->threads);
	record(t, ns, stats_of(ideal, nr).median, stats_of(serial, nr).median);
	return BENCH_OK;
}

/* Clearing */

static int clear_block(struct trial *t, double *ns)
{
	uint64_t nr = t->bytes >> MMSIM_PAGE_SHIFT, step = UINT64_C(1) << t->order;
	uint64_t began = mmsim_now(t->m);
	int err = 0;

	for (uint64_t i = 0; i < nr && !err; i += step)
		err = mmsim_clear_huge_page(t->m, t->block + i, t->order, t->threads, t->flags);
	*ns = (double)(mmsim_now(t->m) - began);
	return err ? refuse(t, "clearing", err) : BENCH_OK;
}

/* All pages of the pool, one task each. */
static int clear_pool(struct trial *t, double *ns)
{
	uint64_t nr = t->bytes / GIB(1), began = mmsim_now(t->m);
	int err = 0;

	for (uint64_t i = 0; i < nr && !err; i++) {
		struct mmsim_page *page =
			mmsim_hugetlb_alloc(t->m, MMSIM_NUMA_NO_NODE, MMSIM_HUGE_1G_ORDER);

		err = page ? mmsim_clear_huge_page(t->m, page, MMSIM_HUGE_1G_ORDER, t->threads,
						   t->flags)
			   : -ENOMEM;
	}
	*ns = (double)(mmsim_now(t->m) - began);
	return err ? refuse(t, "clearing", err) : BENCH_OK;
}

/* A page on each node at least: the caller is beside some of them and not beside others. */
static int clear_virtual(struct trial *t)
{
	uint64_t pages = 100 / jobs_scale(t->session);
	int rc, err;

	pages = pages > nr_nodes(t) ? pages : nr_nodes(t);
	t->bytes = pages * GIB(1);
	t->scale = (double)GIB(100) / (double)t->bytes;
	rc = jobs_machine(t->session, t->bytes + GIB(2) * nr_nodes(t), NULL, NULL, &t->m);
	if (rc)
		return rc;
	err = mmsim_hugetlb_set_nr(t->m, MMSIM_HUGE_1G_ORDER, pages);
	return err ? refuse(t, "a pool of 1G pages", err) : measure(t, clear_pool, NULL);
}

/* Aligned, as one block of pages. */
static int find_block(struct trial *t)
{
	uint64_t nr = t->bytes >> MMSIM_PAGE_SHIFT, max = mmsim_max_pfn(t->m);

	for (uint64_t pfn = nr; pfn + nr <= max; pfn += nr) {
		t->block = mmsim_pfn_to_page(t->m, pfn);
		if (t->block && !mmsim_alloc_contig_range(t->m, pfn, pfn + nr))
			return BENCH_OK;
	}
	return refuse(t, "memory to clear", -ENOMEM);
}

/* The largest power of two in a quarter of --set mib=. */
static int clear_native(struct trial *t)
{
	uint64_t wanted = MIB(t->session->setting[JOBS_SET_MIB]) / 4;
	int rc;

	for (t->bytes = HUGE_2M; t->bytes * 2 <= wanted && t->bytes < GIB(1);)
		t->bytes *= 2;
	if (!t->order)
		t->order = (unsigned)__builtin_ctzll(t->bytes >> MMSIM_PAGE_SHIFT);
	rc = jobs_machine(t->session, 3 * t->bytes * nr_nodes(t), back_pages, NULL, &t->m);
	if (!rc)
		rc = find_block(t);
	return rc ? rc : measure(t, clear_block, mmsim_page_address(t->m, t->block));
}

/* Files */

static int fallocate_file(struct trial *t, double *ns)
{
	uint64_t nr = t->bytes / HUGE_2M, chunk = MEM_CHUNK_2M / jobs_scale(t->session), began;
	int err;

	if (!jobs_virtual(t->session))
		chunk = 1;
	began = mmsim_now(t->m);
	err = mmsim_hugetlb_fallocate(t->file, 0, nr, t->threads, chunk ? chunk : 1);
	*ns = (double)(mmsim_now(t->m) - began);
	if (!err)
		err = mmsim_hugetlb_punch_hole(t->file, 0, nr);
	return err ? refuse(t, "fallocate", err) : BENCH_OK;
}

static int fallocate_cell(struct trial *t, uint64_t gib)
{
	uint64_t mib = t->session->setting[JOBS_SET_MIB];
	int rc, err;

	t->bytes = jobs_virtual(t->session) ? GIB(gib) / jobs_scale(t->session)
					    : MIB(mib) / 4 * gib / 400;
	t->bytes -= t->bytes % HUGE_2M;
	t->scale = jobs_virtual(t->session) ? (double)GIB(gib) / (double)t->bytes : 1;
	rc = jobs_machine(t->session, t->bytes + t->bytes / 8 + MIB(64) * nr_nodes(t), back_pages,
			  NULL, &t->m);
	if (rc)
		return rc;
	err = mmsim_hugetlb_set_nr(t->m, MMSIM_HUGE_2M_ORDER, t->bytes / HUGE_2M);
	if (!err)
		err = mmsim_hugetlb_file_create(t->m, MMSIM_HUGE_2M_ORDER, t->bytes / HUGE_2M,
						&t->file);
	return err ? refuse(t, "a file of 2M pages", err) : measure(t, fallocate_file, NULL);
}

/* Boot */

static int fill_pool(struct trial *t, unsigned order, unsigned threads, double *ns)
{
	uint64_t nr = t->bytes >> MMSIM_PAGE_SHIFT >> order, began = mmsim_now(t->m);
	int err = mmsim_hugetlb_boot(t->m, order, nr, threads);

	*ns = (double)(mmsim_now(t->m) - began);
	if (!err)
		err = mmsim_hugetlb_set_nr(t->m, order, 0);
	return err ? refuse(t, "filling the pool", err) : BENCH_OK;
}

static int fill_2m(struct trial *t, double *ns)
{
	return fill_pool(t, MMSIM_HUGE_2M_ORDER, 2 * t->threads, ns);
}

static int fill_1g(struct trial *t, double *ns)
{
	return fill_pool(t, MMSIM_HUGE_1G_ORDER, t->threads, ns);
}

/*
 * Of each node's memory, /scale, as much as there; a page at least. Natively 1 GiB of each. What is left over
 * is for marks of the page allocator, and for ranges that are not aligned.
 */
static int boot_cell(struct trial *t, uint64_t page_bytes,
		     int (*round)(struct trial *t, double *ns))
{
	uint64_t all = BOOT_SHARE(machine_memory(&t->session->machine.cfg));
	uint64_t of_node =
		jobs_virtual(t->session) ? all / jobs_scale(t->session) / nr_nodes(t) : GIB(1);
	int rc;

	of_node = of_node < page_bytes ? page_bytes : of_node - of_node % page_bytes;
	t->bytes = of_node * nr_nodes(t);
	if (jobs_virtual(t->session))
		t->scale = (double)all / (double)t->bytes;
	rc = jobs_machine(t->session,
			  t->bytes + (of_node / 8 + MIB(32) + 2 * page_bytes) * nr_nodes(t), NULL,
			  NULL, &t->m);
	return rc ? rc : measure(t, round, NULL);
}

/* Cases */

static int clear_gigantic(struct trial *t)
{
	t->unit_bytes = (double)GIB(1);
	return jobs_virtual(t->session) ? clear_virtual(t) : clear_native(t);
}

static int clear_streaming(struct trial *t)
{
	t->flags = MMSIM_CLEAR_STREAMING;
	return clear_gigantic(t);
}

static int clear_2m(struct trial *t)
{
	t->order = MMSIM_HUGE_2M_ORDER;
	t->unit_bytes = (double)HUGE_2M;
	return clear_native(t);
}

static int fallocate_200(struct trial *t)
{
	t->unit_bytes = (double)HUGE_2M;
	return fallocate_cell(t, 200);
}

static int fallocate_400(struct trial *t)
{
	t->unit_bytes = (double)HUGE_2M;
	return fallocate_cell(t, 400);
}

static int boot_2m(struct trial *t)
{
	t->unit_bytes = (double)HUGE_2M;
	return boot_cell(t, HUGE_2M, fill_2m);
}

static int boot_1g(struct trial *t)
{
	t->unit_bytes = (double)GIB(1);
	return boot_cell(t, GIB(1), fill_1g);
}

static int (*const cell_of[])(struct trial *t) = {
	clear_gigantic, clear_streaming, clear_2m, fallocate_200, fallocate_400, boot_2m, boot_1g,
};

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct trial t = {
		.session = session,
		.case_index = case_index,
		.threads = threads,
		.scale = 1,
	};
	int rc = cell_of[jobs_which(case_index)](&t);

	mmsim_destroy(t.m);
	return rc;
}

const struct jobs_client jobs_hugetlb_clients[] = {
	{ { "clear-gigantic", "clear pages of 1 GiB; natively a block of mib/4", true, 0 }, cell },
	{ { "clear-gigantic-streaming", "the same, stores past the cache", true, 0 }, cell },
	{ { "clear-2m", "clear pages of 2 MiB, a task each", true, 0 }, cell },
	{ { "fallocate-200g", "fallocate a hugetlbfs file of 2 MiB pages; natively mib/8", true,
	    0 },
	  cell },
	{ { "fallocate-400g", "the same twice as large", true, 0 }, cell },
	{ { "hugetlb-boot-2m",
	    "fill a pool of 2 MiB pages at boot; --threads counts nodes, each has two", true, 0 },
	  cell },
	{ { "hugetlb-boot-1g", "fill a pool of 1 GiB pages at boot", true, 0 }, cell },
};

const unsigned jobs_hugetlb_nr_clients = ARRAY_LEN(jobs_hugetlb_clients);

_Static_assert(ARRAY_LEN(cell_of) == ARRAY_LEN(jobs_hugetlb_clients), "a cell per case");
