/* SPDX-License-Identifier: MIT */
/* Memory: latency of lines that are in no cache, bandwidth of stores through and past the cache. */
#include "calibrate_probe.h"

#include "harness/gate.h"
#include "harness/host.h"
#include "harness/stream.h"
#include "harness/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LINE 64
#define PAGE 4096
#define LEAST_BYTES (UINT64_C(16) << 20)
#define USUAL_BYTES (UINT64_C(128) << 20)
#define MOST_BYTES (UINT64_C(2) << 30)
#define CHUNKS 5
#define TRIES 3
#define CHASED 16384 /* lines per chunk, each once */

struct memory {
	char *base;
	size_t bytes; /* a power of two */
	uint64_t at; /* line where the chase goes on */
};

/* More than the caches hold, no more than a quarter of what is free. */
static size_t choose_size(const struct calibrate_host *host)
{
	uint64_t available = host_mem_available();
	uint64_t bytes = USUAL_BYTES;

	while (bytes < 2 * host->llc_bytes && bytes < MOST_BYTES)
		bytes *= 2;
	while (available && bytes > available / 4)
		bytes /= 2;
	return bytes < LEAST_BYTES ? 0 : (size_t)bytes;
}

static void lack_memory(struct calibrate *c)
{
	for (unsigned i = SERIES_DRAM_LOCAL; i <= SERIES_LINK; i++)
		calibrate_lack(&c->raw, i, "too little free memory");
}

static void *memory_start(struct calibrate *c)
{
	struct memory *m = bench_calloc(1, sizeof(*m));

	m->bytes = choose_size(&c->host);
	m->base = m->bytes ? mmap(NULL, m->bytes, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
			   : MAP_FAILED;
	if (m->base == MAP_FAILED) {
		lack_memory(c);
		free(m);
		return NULL;
	}
	madvise(m->base, m->bytes, MADV_HUGEPAGE); /* so that a miss is no TLB miss */
	memset(m->base, 1, m->bytes); /* by the first CPU: on its node */
	return m;
}

static void memory_finish(void *state)
{
	struct memory *m = state;

	if (m)
		munmap(m->base, m->bytes);
	free(m);
}

/* Latency */

/* A full period over all lines (Hull and Dobell), in an order that no prefetcher follows. */
static uint64_t next_line(const struct memory *m, uint64_t line)
{
	return (line * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407)) &
	       (m->bytes / LINE - 1);
}

/* Out of every cache, so that the size of those does not matter. */
static void flush(const char *line)
{
#ifdef __SSE2__
	_mm_clflush(line);
#else
	(void)line;
#endif
}

static void fence(void)
{
#ifdef __SSE2__
	_mm_mfence();
#endif
}

static void lay_path(struct memory *m, uint64_t line, size_t n)
{
	uint64_t at = line;

	for (size_t i = 0; i < n; i++, at = next_line(m, at))
		*(uint64_t *)(void *)(m->base + at * LINE) = next_line(m, at);
	at = line;
	for (size_t i = 0; i < n; i++, at = next_line(m, at))
		flush(m->base + at * LINE);
	fence();
}

static uint64_t chase(const struct memory *m, uint64_t line, size_t n)
{
	while (n--)
		line = *(const uint64_t *)(const void *)(m->base + line * LINE);
	return line;
}

struct latency {
	struct memory *m;
	double ns[CHUNKS];
};

static void measure_latency(unsigned i, void *arg)
{
	struct latency *l = arg;
	struct memory *m = l->m;

	(void)i;
	for (unsigned k = 0; k < CHUNKS; k++) {
		uint64_t start;

		lay_path(m, m->at, CHASED);
		start = calibrate_cpu_time();
		m->at = chase(m, m->at, CHASED);
		l->ns[k] = (double)(calibrate_cpu_time() - start) / CHASED;
	}
}

static void latency_from(struct calibrate *c, struct memory *m, int cpu, unsigned series)
{
	struct latency l = { .m = m };

	if (calibrate_team(1, &cpu, measure_latency, &l))
		calibrate_add(&c->raw, series, calibrate_median(l.ns, CHUNKS));
}

/* Bandwidth */

typedef void (*store_fn)(char *base, size_t bytes, uint64_t value);

struct fill {
	struct memory *m;
	store_fn store;
	struct gate gate;
	unsigned nr;
	uint64_t *start, *end; /* ns, per thread */
};

/* As page init stores: whole lines, and nothing that a compiler could make a memset() of. */
static void store_lines(char *base, size_t bytes, uint64_t value)
{
	uint64_t *word = (uint64_t *)(void *)base;

	for (size_t i = 0; i < bytes / sizeof(*word); i += LINE / sizeof(*word)) {
		word[i] = value + i;
		for (size_t k = 1; k < LINE / sizeof(*word); k++)
			word[i + k] = value;
	}
	bench_keep(base);
}

/* As a kernel clears pages: each by a call of its own. */
static void clear_pages(char *base, size_t bytes, uint64_t value)
{
	(void)value;
	for (size_t i = 0; i + PAGE <= bytes; i += PAGE) {
		memset(base + i, 0, PAGE);
		bench_keep(base + i);
	}
}

/* The first pass fills the cache with lines that the second has to write back. */
static void fill_part(unsigned i, void *arg)
{
	struct fill *f = arg;
	size_t share = f->m->bytes / f->nr / LINE * LINE;
	char *base = f->m->base + i * share;

	f->store(base, share, 1);
	gate_wait(&f->gate);
	f->start[i] = bench_now();
	f->store(base, share, 2);
	f->end[i] = bench_now();
}

static uint64_t span_of(const struct fill *f)
{
	uint64_t first = f->start[0], last = f->end[0];

	for (unsigned i = 1; i < f->nr; i++) {
		first = f->start[i] < first ? f->start[i] : first;
		last = f->end[i] > last ? f->end[i] : last;
	}
	return last - first;
}

/* Returns ns of the second pass, 0 when not all threads could be had. So do those below. */
static uint64_t fill_by(struct memory *m, unsigned nr, const int *cpu, store_fn store)
{
	struct fill f = { .m = m, .store = store, .nr = nr };
	uint64_t ns = 0;

	gate_init(&f.gate, nr);
	f.start = bench_calloc(nr, sizeof(*f.start));
	f.end = bench_calloc(nr, sizeof(*f.end));
	if (calibrate_team(nr, cpu, fill_part, &f))
		ns = span_of(&f);
	free(f.start);
	free(f.end);
	return ns;
}

static uint64_t ordinary(struct memory *m, unsigned nr, const int *cpu)
{
	return fill_by(m, nr, cpu, store_lines);
}

static uint64_t clear(struct memory *m, unsigned nr, const int *cpu)
{
	return fill_by(m, nr, cpu, clear_pages);
}

/* Again two passes: the first drives out what ordinary stores left in the cache. */
static uint64_t stream(struct memory *m, unsigned nr, const int *cpu)
{
	struct stream_part *part = bench_calloc(nr, sizeof(*part));
	size_t share = m->bytes / nr / LINE * LINE;
	uint64_t ns;

	for (unsigned i = 0; i < nr; i++)
		part[i] = (struct stream_part){ m->base + i * share, share, cpu[i] };
	ns = stream_fill(part, nr, STREAM_NONTEMPORAL);
	if (ns)
		ns = stream_fill(part, nr, STREAM_NONTEMPORAL);
	free(part);
	return ns;
}

/* Bytes over time; again if the threads did not have their CPUs, and in the end not at all. */
static void bandwidth(struct calibrate *c, struct memory *m,
		      uint64_t (*fill)(struct memory *m, unsigned nr, const int *cpu), unsigned nr,
		      const int *cpu, unsigned series)
{
	size_t bytes = m->bytes / nr / LINE * LINE * nr;

	for (unsigned try = 0; try < TRIES; try++) {
		uint64_t start = bench_now(), cpu_start = calibrate_process_time();
		uint64_t ns = fill(m, nr, cpu);
		uint64_t cpu_ns = calibrate_process_time() - cpu_start;

		if (ns && calibrate_undisturbed(cpu_ns, bench_now() - start, nr)) {
			calibrate_add(&c->raw, series, (double)bytes / (double)ns);
			return;
		}
	}
	calibrate_lack(&c->raw, series, "others kept the CPUs busy");
}

/* As often as it takes until the lines that do not stay in the core's cache are in the shared one. */
static void measure_hit(unsigned i, void *arg)
{
	struct latency *l = arg;
	struct memory *m = l->m;
	size_t lines = m->bytes / LINE;

	(void)i;
	for (size_t k = 0; k < lines; k++)
		*(uint64_t *)(void *)(m->base + k * LINE) = next_line(m, k);
	m->at = chase(m, 0, 2 * lines);
	for (unsigned k = 0; k < CHUNKS; k++) {
		uint64_t start = calibrate_cpu_time();

		m->at = chase(m, m->at, lines);
		l->ns[k] = (double)(calibrate_cpu_time() - start) / (double)lines;
	}
}

/* Four times what the core holds, and less than half of what the shared cache does. */
static void shared_cache(struct calibrate *c, const struct memory *whole, int cpu)
{
	const struct calibrate_host *host = &c->host;
	struct memory m = { .base = whole->base, .bytes = LEAST_BYTES };
	struct latency l = { .m = &m };

	while (m.bytes > 4 * host->core_bytes)
		m.bytes /= 2;
	while (m.bytes < 4 * host->core_bytes)
		m.bytes *= 2;
	if (!host->core_bytes || m.bytes > host->llc_bytes / 2 || m.bytes > whole->bytes) {
		calibrate_lack(&c->raw, SERIES_LLC_HIT, "sysfs names no two sizes of cache");
		return;
	}
	if (calibrate_team(1, &cpu, measure_hit, &l))
		calibrate_add(&c->raw, SERIES_LLC_HIT, calibrate_median(l.ns, CHUNKS));
}

static void cache_sizes(struct calibrate *c)
{
	const struct calibrate_host *host = &c->host;

	if (!host->core_bytes) {
		calibrate_lack(&c->raw, SERIES_CORE_CACHE, "sysfs names no two sizes of cache");
		calibrate_lack(&c->raw, SERIES_LLC_SIZE, "sysfs names no two sizes of cache");
		return;
	}
	calibrate_add(&c->raw, SERIES_CORE_CACHE, (double)host->core_bytes / 1024);
	calibrate_add(&c->raw, SERIES_LLC_SIZE, (double)host->llc_bytes / (1024 * 1024));
}

/* From the CPUs of another node. */
static void remote(struct calibrate *c, struct memory *m)
{
	const struct calibrate_host *host = &c->host;
	int cpu[MMSIM_MAX_CPUS];
	unsigned nr = 0, node = 0;

	for (unsigned i = 0; i < host->nr; i++) {
		if (nr == 0 && host->where[i].node != host->where[0].node)
			node = host->where[i].node;
		if (host->where[i].node != host->where[0].node && host->where[i].node == node)
			cpu[nr++] = host->cpu[i];
	}
	if (nr) {
		latency_from(c, m, cpu[0], SERIES_DRAM_REMOTE);
		bandwidth(c, m, stream, nr, cpu, SERIES_LINK);
	}
	calibrate_lack(&c->raw, SERIES_DRAM_REMOTE, "one node");
	calibrate_lack(&c->raw, SERIES_LINK, "one node");
}

static void memory_round(struct calibrate *c, void *state)
{
	int cpu[MMSIM_MAX_CPUS];
	unsigned nr = calibrate_node_cpus(&c->host, false, cpu);

	if (!state)
		return;
	cache_sizes(c);
	shared_cache(c, state, cpu[0]);
	latency_from(c, state, cpu[0], SERIES_DRAM_LOCAL);
	c->raw.cpus = nr;
	bandwidth(c, state, ordinary, 1, cpu, SERIES_ORDINARY_ONE);
	bandwidth(c, state, ordinary, nr, cpu, SERIES_ORDINARY_ALL);
	bandwidth(c, state, clear, 1, cpu, SERIES_CLEAR);
	bandwidth(c, state, stream, nr, cpu, SERIES_STREAM_ALL);
	bandwidth(c, state, stream, 1, cpu, SERIES_STREAM_ONE);
	remote(c, state);
}

const struct calibrate_probe calibrate_memory_probe = {
	.name = "memory",
	.start = memory_start,
	.round = memory_round,
	.finish = memory_finish,
};
