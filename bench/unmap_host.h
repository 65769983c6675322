/* SPDX-License-Identifier: MIT */
/*
 * The host kernel's own munmap(): of this program's memory, touched before, by threads of it that unmap a
 * part each, or by processes that unmap all they have.
 *
 * Threads and processes are bound to a CPU each; one thread touches what threads unmap, as a process's
 * memory is touched by one task of the machine. Huge pages are asked for with madvise(), or refused.
 */
#ifndef BENCH_UNMAP_HOST_H
#define BENCH_UNMAP_HOST_H

#include <stdbool.h>
#include <stdint.h>

struct unmap_host {
	uint64_t bytes; /* these three: set before; of all together, a multiple of 2 MiB * nr */
	unsigned nr; /* threads or processes */
	bool thp;
	uint64_t ns; /* the first to begin to the last to end */
	uint64_t touch_ns; /* of all */
	uint64_t huge_bytes; /* got in huge pages; of processes: of the first, times nr */
};

/* Return 0 or a negative errno: memory, threads or processes could not be had. */
int unmap_host_threads(struct unmap_host *h);
int unmap_host_processes(struct unmap_host *h);

#endif
