/* SPDX-License-Identifier: MIT */
/* Which lines the caches of a virtual machine still hold. */
#include "cache.h"

#include "bits.h"
#include <errno.h>

#define LINE 64
#define CORE_TICKS 16 /* per cache; 10 bits of a line */
#define SHARED_TICKS 32 /* 11 bits */
#define CORE_MASK 0x3ffu
#define SHARED_MASK 0x7ffu

_Static_assert(MMSIM_MAX_CPUS < 1 << 11, "11 bits for a CPU");

static uint64_t tick_of(uint64_t bytes, unsigned ticks)
{
	return bytes ? mm_max(bytes / LINE / ticks, UINT64_C(1)) : 0;
}

static unsigned count_shared(const struct mm_exec *x)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < x->nr_cpus; i++)
		nr = mm_max(nr, x->cpu[i].where.llc + 1u);
	return nr;
}

int mm_exec_cache_init(struct mm_caches *c, struct mm_exec *x, uint64_t core_bytes,
		       uint64_t shared_bytes)
{
	c->x = x;
	c->core_tick = tick_of(core_bytes, CORE_TICKS);
	c->shared_tick = tick_of(shared_bytes, SHARED_TICKS);
	c->nr_shared = count_shared(x);
	c->core = mm_base_meta_calloc(x->meta, x->nr_cpus, sizeof(*c->core));
	c->shared = mm_base_meta_calloc(x->meta, c->nr_shared, sizeof(*c->shared));
	c->walks = mm_base_meta_calloc(x->meta, x->nr_cpus, sizeof(*c->walks));
	return c->core && c->shared && c->walks ? 0 : -ENOMEM;
}

void mm_exec_cache_fini(struct mm_caches *c)
{
	struct mm_meta *meta = c->x->meta;

	mm_base_meta_free(meta, c->core, c->x->nr_cpus * sizeof(*c->core));
	mm_base_meta_free(meta, c->shared, c->nr_shared * sizeof(*c->shared));
	mm_base_meta_free(meta, c->walks, c->x->nr_cpus * sizeof(*c->walks));
}

static uint64_t core_ticks(const struct mm_caches *c, unsigned cpu)
{
	return c->core_tick ? c->core[c->x->cpu[cpu].first] / c->core_tick : 0;
}

static uint64_t shared_ticks(const struct mm_caches *c, unsigned cpu)
{
	return c->shared_tick ? c->shared[c->x->cpu[cpu].where.llc] / c->shared_tick : 0;
}

mm_cached mm_exec_cache_use(const struct mm_caches *c, unsigned cpu)
{
	return (mm_cached)(cpu + 1) | (mm_cached)(core_ticks(c, cpu) & CORE_MASK) << 11 |
	       (mm_cached)(shared_ticks(c, cpu) & SHARED_MASK) << 21;
}

enum mm_cache_place mm_exec_cache_find(const struct mm_caches *c, mm_cached line)
{
	unsigned cpu;

	if (!line)
		return MM_IN_MEMORY;
	cpu = mm_cached_by(line);
	if (((core_ticks(c, cpu) - (line >> 11)) & CORE_MASK) < CORE_TICKS)
		return MM_IN_CORE;
	if (((shared_ticks(c, cpu) - (line >> 21)) & SHARED_MASK) < SHARED_TICKS)
		return MM_IN_SHARED;
	return MM_IN_MEMORY;
}

void mm_exec_cache_insert(struct mm_caches *c, unsigned cpu, uint64_t n)
{
	c->core[c->x->cpu[cpu].first] += n;
	c->shared[c->x->cpu[cpu].where.llc] += n;
}

bool mm_exec_cache_ahead(struct mm_caches *c, unsigned cpu, uint64_t line)
{
	struct mm_walks *w = &c->walks[cpu];

	if (!c->core_tick)
		return false;
	for (unsigned i = 0; i < MM_CACHE_WALKS; i++) {
		uint64_t step = w->last[i] < line ? line - w->last[i] : w->last[i] - line;

		if (step > 2)
			continue;
		w->last[i] = line;
		return true;
	}
	w->last[w->oldest] = line;
	w->oldest = (w->oldest + 1) % MM_CACHE_WALKS;
	return false;
}
