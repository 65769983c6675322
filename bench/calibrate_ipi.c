/* SPDX-License-Identifier: MIT */
/* Interrupting other CPUs; page table entries and their translations. */
#include "calibrate_probe.h"

#include "harness/util.h"

#include <linux/membarrier.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BARRIERS 4 /* per run */
#define BARRIER_RUNS 101
#define PROTECTS 300
#define ZAPPED_BYTES (UINT64_C(4) << 20)
#define ZAPS 5

static int membarrier(int cmd)
{
	return (int)syscall(SYS_membarrier, cmd, 0, 0);
}

/* What a CPU at work counts up, on lines of its own. */
struct spinner {
	_Alignas(128) atomic_uint turns;
};

struct barrier {
	unsigned nr;
	atomic_bool stop;
	struct spinner *spinner; /* [nr]: the first stays 0 */
	double ns;
};

/* Until each has been seen at work: one that waits for its CPU would not be interrupted at all. */
static void await_spinners(const struct barrier *b)
{
	for (unsigned i = 1; i < b->nr; i++) {
		unsigned turns = atomic_load(&b->spinner[i].turns);

		while (atomic_load(&b->spinner[i].turns) == turns)
			;
	}
}

/* In short runs, as anybody may lose their CPU again. */
static double time_barriers(const struct barrier *b)
{
	double ns[BARRIER_RUNS];

	for (unsigned run = 0; run < BARRIER_RUNS; run++) {
		uint64_t start;

		await_spinners(b);
		start = bench_now();
		for (unsigned i = 0; i < BARRIERS; i++)
			membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
		ns[run] = (double)(bench_now() - start) / BARRIERS;
	}
	return calibrate_median(ns, BARRIER_RUNS);
}

/* The first interrupts the others, which only have to be there. */
static void interrupt(unsigned i, void *arg)
{
	struct barrier *b = arg;

	if (i == 0) {
		b->ns = time_barriers(b);
		atomic_store(&b->stop, true);
	}
	while (!atomic_load_explicit(&b->stop, memory_order_relaxed))
		atomic_fetch_add_explicit(&b->spinner[i].turns, 1, memory_order_relaxed);
}

/* With so many CPUs of the process at work, this one included; below 0: that many cannot be had. */
static double barrier_ns(const struct calibrate_host *host, unsigned nr)
{
	struct barrier b = { .nr = nr, .ns = -1 };

	b.spinner = aligned_alloc(_Alignof(struct spinner), nr * sizeof(*b.spinner));
	if (!b.spinner)
		return -1;
	memset(b.spinner, 0, nr * sizeof(*b.spinner));
	if (!calibrate_team(nr, host->cpu, interrupt, &b))
		b.ns = -1;
	free(b.spinner);
	return b.ns;
}

static void *ipi_start(struct calibrate *c)
{
	if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)) {
		calibrate_lack(&c->raw, SERIES_IPI_FIRST, "membarrier(2) is refused");
		calibrate_lack(&c->raw, SERIES_IPI_NEXT, "membarrier(2) is refused");
		return NULL;
	}
	return &c->host; /* anything but NULL */
}

static void ipi_round(struct calibrate *c, void *state)
{
	const struct calibrate_host *host = &c->host;
	double none, one, all;

	calibrate_lack(&c->raw, SERIES_IPI_FIRST, "one CPU");
	calibrate_lack(&c->raw, SERIES_IPI_NEXT, "fewer than three CPUs");
	if (!state || host->nr < 2)
		return;
	none = barrier_ns(host, 1);
	one = barrier_ns(host, 2);
	if (none < 0 || one < none)
		return;
	calibrate_add(&c->raw, SERIES_IPI_FIRST, one - none);
	all = host->nr > 2 ? barrier_ns(host, host->nr) : -1;
	if (all >= one)
		calibrate_add(&c->raw, SERIES_IPI_NEXT, (all - one) / (host->nr - 2));
}

const struct calibrate_probe calibrate_ipi_probe = {
	.name = "interrupts",
	.start = ipi_start,
	.round = ipi_round,
};

/* Translations */

/* Taking the right to write away from one page; median of many calls. */
static double protect_ns(char *page, bool touched)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	double ns[PROTECTS];

	for (unsigned i = 0; i < PROTECTS; i++) {
		uint64_t start;

		mprotect(page, size, PROT_READ | PROT_WRITE);
		if (touched)
			*(volatile char *)page = 1;
		start = bench_now();
		if (mprotect(page, size, PROT_READ))
			return -1;
		ns[i] = (double)(bench_now() - start);
	}
	return calibrate_median(ns, PROTECTS);
}

/* The same on a page that is not there has nothing to flush. */
static void measure_flush(struct calibrate *c)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 5 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double with, without;

	if (map == MAP_FAILED)
		return;
	without = protect_ns(map + size, false);
	with = protect_ns(map + 3 * size, true);
	munmap(map, 5 * size);
	if (without >= 0 && with >= without)
		calibrate_add(&c->raw, SERIES_TLB, with - without);
}

/* Pages of a file in memory: they stay when their entries go. */
static double zap_ns(char *map, size_t pages)
{
	double ns[ZAPS];

	for (unsigned i = 0; i < ZAPS; i++) {
		uint64_t start;

		for (size_t p = 0; p < pages; p++)
			*(volatile char *)(map + p * (ZAPPED_BYTES / pages)) = 1;
		start = bench_now();
		if (madvise(map, ZAPPED_BYTES, MADV_DONTNEED))
			return -1;
		ns[i] = (double)(bench_now() - start) / (double)pages;
	}
	return calibrate_median(ns, ZAPS);
}

static void measure_zap(struct calibrate *c)
{
	int fd = memfd_create("calibrate", MFD_CLOEXEC);
	char *map = MAP_FAILED;
	double ns = -1;

	if (fd >= 0 && ftruncate(fd, (off_t)ZAPPED_BYTES) == 0)
		map = mmap(NULL, ZAPPED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED) {
		ns = zap_ns(map, ZAPPED_BYTES / (size_t)sysconf(_SC_PAGESIZE));
		munmap(map, ZAPPED_BYTES);
	}
	if (fd >= 0)
		close(fd);
	if (ns >= 0)
		calibrate_add(&c->raw, SERIES_ZAP, ns);
	calibrate_lack(&c->raw, SERIES_ZAP, "no file in memory to be had");
}

static void map_round(struct calibrate *c, void *state)
{
	(void)state;
	measure_flush(c);
	measure_zap(c);
}

const struct calibrate_probe calibrate_map_probe = {
	.name = "page table entries",
	.round = map_round,
};
