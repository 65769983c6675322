/* SPDX-License-Identifier: MIT */
/*
 * Which lines of a region the caches of a virtual machine still hold.
 *
 * A core has a cache of its own, cores share last-level caches. Each counts the lines that came into it;
 * a line remembers the counts at its last use, and is there as long as fewer lines than the cache has
 * have come in since: what a fully associative cache with least-recently-used replacement would hold,
 * but that a line used again and again counts once. Counts are kept in ticks of 1/16 and 1/32 of the cache
 * and wrap after 64 times its size, so one line in 64 that is long gone is taken for there.
 *
 * Misses that walk along memory are fetched ahead: four walks per CPU are followed, upwards or downwards,
 * with steps of one or two lines.
 *
 * A size of 0 stands for caches that hold everything; then nothing is fetched ahead.
 *
 * Locking: none: one OS thread.
 */
#ifndef MM_EXEC_CACHE_H
#define MM_EXEC_CACHE_H

#include "exec.h"

#define MM_CACHE_WALKS 4

/* A line's last use, 4 bytes: CPU + 1 (0: in memory), ticks of the core's cache, of the shared one. */
typedef uint32_t mm_cached;

enum mm_cache_place {
	MM_IN_MEMORY,
	MM_IN_SHARED, /* in the last-level cache of who used it last */
	MM_IN_CORE, /* in the cache of the core that used it last */
};

struct mm_walks {
	uint64_t last[MM_CACHE_WALKS]; /* line of each walk */
	unsigned oldest;
};

struct mm_caches {
	struct mm_exec *x;
	uint64_t core_tick, shared_tick; /* lines per tick; 0: holds everything */
	uint64_t *core; /* [nr_cpus]: lines that came in, by the core's first CPU */
	uint64_t *shared; /* [nr_shared] */
	unsigned nr_shared;
	struct mm_walks *walks; /* [nr_cpus] */
};

/* Sizes in bytes. 0 or -ENOMEM; then mm_exec_cache_fini() is due all the same. */
int mm_exec_cache_init(struct mm_caches *c, struct mm_exec *x, uint64_t core_bytes,
		       uint64_t shared_bytes);
void mm_exec_cache_fini(struct mm_caches *c);

/* Who used it last; only of a line that is not 0. */
static inline unsigned mm_cached_by(mm_cached line)
{
	return (line & 0x7ff) - 1;
}

enum mm_cache_place mm_exec_cache_find(const struct mm_caches *c, mm_cached line);

/* n lines come into the CPU's caches. */
void mm_exec_cache_insert(struct mm_caches *c, unsigned cpu, uint64_t n);

/* What a line is that the CPU uses now. */
mm_cached mm_exec_cache_use(const struct mm_caches *c, unsigned cpu);

/* The CPU misses this line: was it fetched ahead? Lines are numbered along memory. */
bool mm_exec_cache_ahead(struct mm_caches *c, unsigned cpu, uint64_t line);

#endif
