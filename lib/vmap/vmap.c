/* SPDX-License-Identifier: MIT */
/* Making a space, taking it down, and looking at all of it. */
#include "vmap.h"

#include "block.h"
#include "vmalloc.h"
#include <errno.h>

enum {
	DRAIN_PAGES_PER_BIT = 8192,
	TOUCHABLE_GIB = 64,
	LOCAL_LEAST_SHARE = 64,
	SHARES_OF_NODE = 8,
	RUN_PAGES = 64,
	RUNS_OF_NODE = 256, /* at least, for there to be any */
};

static bool is_whole(uint64_t bytes)
{
	return bytes % MMSIM_PAGE_SIZE == 0;
}

/* And whatever is in between; else two addresses could have the same entries. */
static bool is_canonical(const struct mmsim_vmap_params *p)
{
	unsigned levels = p->levels ? p->levels : 4;

	return mm_vmap_is_canonical(p->start, levels) && mm_vmap_is_canonical(p->end - 1, levels) &&
	       p->start >> 63 == (p->end - 1) >> 63;
}

static const char *refuse_range(const struct mmsim_vmap_params *p)
{
	if (p->flags & MMSIM_VMAP_TOUCHABLE)
		return p->start ? "start: chosen by the host with MMSIM_VMAP_TOUCHABLE"
		       : !is_whole(p->end) || p->end > UINT64_C(1) << 46
			       ? "end: not whole pages up to 64 TiB, with MMSIM_VMAP_TOUCHABLE"
			       : NULL;
	if (!is_whole(p->start) || !is_whole(p->end))
		return "start, end: not whole pages";
	if ((p->start || p->end) && p->start >= p->end)
		return "start, end: an empty range";
	if (p->end && !p->start)
		return "start: address 0 is not given out";
	return p->end && !is_canonical(p)
		       ? "start, end: not all canonical in one half, with that many levels"
		       : NULL;
}

static unsigned most_nodes(const struct mmsim_vmap_params *p)
{
	return p->design == MMSIM_VMAP_ONE_LOCK ? 1 : MMSIM_VMAP_MAX_NODES;
}

const char *mm_vmap_refuses(const struct mmsim_vmap_params *p)
{
	const uint32_t all =
		MMSIM_VMAP_FREE_TABLES | MMSIM_VMAP_HIGHPRI_DRAIN | MMSIM_VMAP_TOUCHABLE;

	if (p->design >= MMSIM_NR_VMAP_DESIGNS)
		return "design: unknown";
	if (p->busy >= MMSIM_NR_VMAP_BUSY)
		return "busy: unknown";
	if (p->backing >= MMSIM_NR_VMAP_BACKINGS)
		return "backing: unknown";
	if (p->decay >= MMSIM_NR_VMAP_DECAYS)
		return "decay: unknown";
	if (p->nodes > most_nodes(p))
		return p->design == MMSIM_VMAP_ONE_LOCK ? "nodes: not 1 with MMSIM_VMAP_ONE_LOCK"
							: "nodes: more than MMSIM_VMAP_MAX_NODES";
	if (p->levels && p->levels != 4 && p->levels != 5)
		return "levels: neither 4 nor 5";
	if (p->flags & ~all)
		return "flags: unknown ones";
	if (p->lazy_max > UINT64_C(1) << 42)
		return "lazy_max: more than 2^42 pages";
	return refuse_range(p);
}

static unsigned nodes_of(const struct mmsim_vmap_params *p, unsigned nr_cpus)
{
	if (p->design == MMSIM_VMAP_ONE_LOCK)
		return 1;
	if (p->nodes)
		return p->nodes;
	return mm_min(nr_cpus, p->design == MMSIM_VMAP_LOCAL ? MMSIM_VMAP_MAX_NODES
							     : MMSIM_VMAP_MAX_NODES_AUTO);
}

static void layout(struct mmsim_vmap_params *p, const struct mm_area *host)
{
	if (host->base) {
		p->start = (uintptr_t)host->base;
		p->end = p->start + host->bytes;
	} else if (!p->end) {
		p->start = p->levels == 5 ? MMSIM_VMALLOC_START_5 : MMSIM_VMALLOC_START_4;
		p->end = (p->levels == 5 ? MMSIM_VMALLOC_END_5 : MMSIM_VMALLOC_END_4) + 1;
	}
}

/* Where there are few addresses, none of them lies in the pool of a node that will not need it. */
static uint64_t run_pages_of(const struct mmsim_vmap *v)
{
	uint64_t of_node = (v->params.end - v->params.start) / MMSIM_PAGE_SIZE / v->nr_nodes;

	return v->local && of_node >= RUNS_OF_NODE * RUN_PAGES ? RUN_PAGES : 0;
}

/* Defaults in. */
static void settle(struct mmsim_vmap *v)
{
	struct mmsim_vmap_params *p = &v->params;
	bool costs = mm_exec_charges(v->exec);

	if (p->design == MMSIM_VMAP_AUTO)
		p->design = v->site.native ? MMSIM_VMAP_LOCAL : MMSIM_VMAP_NODES;
	v->local = p->design == MMSIM_VMAP_LOCAL;
	p->nodes = nodes_of(p, v->exec->nr_cpus);
	v->nr_nodes = p->nodes;
	if (!p->levels)
		p->levels = 4;
	if (p->busy == MMSIM_VMAP_BUSY_AUTO)
		p->busy = costs && !v->local ? MMSIM_VMAP_BUSY_TREE : MMSIM_VMAP_BUSY_INDEX;
	v->index = p->busy == MMSIM_VMAP_BUSY_INDEX;
	if (!p->lazy_max)
		p->lazy_max = mm_fls64(v->exec->nr_cpus) * (uint64_t)DRAIN_PAGES_PER_BIT;
	v->lazy_share = v->local ? mm_max(p->lazy_max / v->nr_nodes, LOCAL_LEAST_SHARE)
				 : p->lazy_max / v->nr_nodes / SHARES_OF_NODE + 1;
	layout(p, &v->host);
	v->run_pages = run_pages_of(v);
}

static int host_init(struct mmsim_vmap *v)
{
	uint64_t bytes = v->params.end ? v->params.end : (uint64_t)TOUCHABLE_GIB << 30;

	if (!(v->params.flags & MMSIM_VMAP_TOUCHABLE))
		return 0;
	if (mm_page_area_init(&v->host, bytes,
			      MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M | MMSIM_NO_HUGE_THP,
			      v->exec->fault))
		return -ENOMEM;
	if (!mm_page_area_map(&v->host, 0, v->host.bytes))
		return 0;
	mm_page_area_fini(&v->host);
	return -ENOMEM;
}

static int drain_init(struct mmsim_vmap *v)
{
	const struct mm_workqueue_config cfg = {
		.bound = true,
		.locks = v->site.locks,
		.topology = v->site.topology,
	};

	return mm_sync_workqueue_create(v->exec, &cfg, &v->drain_wq);
}

/* Parts in the order in which they are made; taken down from the last one that was made. */
enum part {
	HOST,
	AREAS,
	STRUCTS,
	FREE,
	BUSY,
	TLB,
	TABLES,
	NODES,
	DRAIN,
	BLOCKS,
	DEFERRED,
	NR_PARTS
};

static int make(struct mmsim_vmap *v, enum part part)
{
	const struct mm_vmap_site *s = &v->site;
	const struct mmsim_vmap_params *p = &v->params;

	switch (part) {
	case HOST:
		return host_init(v);
	case AREAS:
		settle(v);
		return mm_vmap_slab_init(&v->areas, v->exec, s->locks, sizeof(struct mm_vmap_area));
	case STRUCTS:
		return mm_vmap_slab_init(&v->structs, v->exec, s->locks,
					 sizeof(struct mm_vm_struct));
	case FREE:
		return mm_vmap_free_space_init(&v->free, v->exec, s->locks, &v->areas, p->start,
					       p->end);
	case BUSY:
		return mm_vmap_busy_init(&v->busy, v->exec, s->locks, v->nr_nodes, v->index,
					 p->start, p->end);
	case TLB:
		mm_tlb_kernel_init(s->tlb, &v->tlb_kernel);
		return 0;
	case TABLES:
		return mm_vmap_tables_init(&v->tables, s->buddy, s->locks, s->tlb, &v->tlb_kernel,
					   p->levels, p->flags & MMSIM_VMAP_FREE_TABLES);
	case NODES:
		return mm_vmap_nodes_init(v);
	case DRAIN:
		return drain_init(v);
	case BLOCKS:
		return mm_vmap_blocks_init(v);
	case DEFERRED:
		return mm_vmap_deferred_init(v);
	case NR_PARTS:
		break;
	}
	return 0;
}

static void unmake(struct mmsim_vmap *v, enum part part)
{
	switch (part) {
	case HOST:
		mm_page_area_fini(&v->host);
		break;
	case AREAS:
		mm_vmap_slab_fini(&v->areas);
		break;
	case STRUCTS:
		mm_vmap_slab_fini(&v->structs);
		break;
	case FREE:
		mm_vmap_free_space_fini(&v->free);
		break;
	case BUSY:
		mm_vmap_busy_fini(&v->busy);
		break;
	case TABLES:
		mm_vmap_tables_fini(&v->tables);
		break;
	case TLB:
		mm_tlb_kernel_fini(&v->tlb_kernel);
		break;
	case NODES:
		mm_vmap_nodes_fini(v);
		break;
	case DRAIN:
		mm_sync_workqueue_destroy(v->drain_wq);
		break;
	case BLOCKS:
		mm_vmap_blocks_fini(v);
		break;
	case DEFERRED:
		mm_vmap_deferred_fini(v);
		break;
	case NR_PARTS:
		break;
	}
}

static void unmake_down_from(struct mmsim_vmap *v, enum part part)
{
	while (part-- > HOST)
		unmake(v, part);
}

int mm_vmap_create(const struct mm_vmap_site *site, const struct mmsim_vmap_params *params,
		   struct mmsim_vmap **out)
{
	struct mmsim_vmap *v = mm_base_meta_alloc(site->exec->meta, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->exec = site->exec;
	v->log = site->log;
	v->site = *site;
	v->params = *params;
	for (enum part part = HOST; part < NR_PARTS; part++)
		if (make(v, part)) {
			unmake_down_from(v, part);
			mm_base_meta_free(site->exec->meta, v, sizeof(*v));
			return -ENOMEM;
		}
	mm_vmap_purge_init(v);
	__atomic_add_fetch(site->users, 1, __ATOMIC_RELEASE);
	*out = v;
	return 0;
}

static void see_start(struct mm_vmap_area *va, void *ctx)
{
	*(uint64_t *)ctx = va->va_start;
}

struct starts {
	uint64_t *at; /* [room], or NULL */
	size_t nr, room;
};

static void add_start(struct mm_vmap_area *va, void *ctx)
{
	struct starts *s = ctx;

	if (s->nr < s->room)
		s->at[s->nr++] = va->va_start;
}

/* As many as there is memory to note; an array may have gone with its owner. */
static void free_noted(struct mmsim_vmap *v)
{
	struct starts s = { .room = mm_vmap_busy_count(&v->busy) };
	uint64_t start;

	s.at = s.room ? mm_base_meta_calloc(v->exec->meta, s.room, sizeof(*s.at)) : NULL;
	if (!s.at)
		return;
	mm_vmap_busy_each(&v->busy, add_start, &s);
	for (size_t i = 0; i < s.nr; i++)
		if (mm_vmap_busy_find(&v->busy, s.at[i], see_start, &start))
			mm_vmap_free_any(v, s.at[i]);
	mm_base_meta_free(v->exec->meta, s.at, s.room * sizeof(*s.at));
}

/*
 * Whatever is left: the owner of each is gone. All are noted first, as each search for the lowest looks at
 * every node.
 */
static void free_areas(struct mmsim_vmap *v)
{
	uint64_t start = 0;

	free_noted(v);
	while (mm_vmap_busy_find_exceed(&v->busy, start, see_start, &start))
		mm_vmap_free_any(v, start);
}

void mm_vmap_destroy(struct mmsim_vmap *v)
{
	unmake(v, DEFERRED);
	unmake(v, BLOCKS);
	free_areas(v);
	mm_sync_flush_work(&v->drain);
	mm_vmap_purge(v, 0, 0, true);
	mm_sync_mutex_fini(&v->purge_lock);
	unmake_down_from(v, BLOCKS);
	__atomic_sub_fetch(v->site.users, 1, __ATOMIC_RELEASE);
	mm_base_meta_free(v->exec->meta, v, sizeof(*v));
}

static void node_info(const struct mm_vmap_node *n, struct mmsim_vmap_info *out)
{
	out->lazy += __atomic_load_n(&n->nr_lazy, __ATOMIC_RELAXED);
	out->lazy_pages += __atomic_load_n(&n->lazy_pages, __ATOMIC_RELAXED);
	for (unsigned i = 0; n->batch && i < MM_VMAP_NR_BATCHES; i++) {
		out->lazy += __atomic_load_n(&n->batch[i].areas, __ATOMIC_RELAXED);
		out->lazy_pages += __atomic_load_n(&n->batch[i].pages, __ATOMIC_RELAXED);
	}
	for (unsigned i = 0; i < MM_VMAP_NR_POOLS; i++) {
		uint64_t nr = __atomic_load_n(&n->pool[i].nr, __ATOMIC_RELAXED);

		out->pooled += nr;
		out->pooled_pages += nr * (i + 1);
	}
	out->pool_hits += __atomic_load_n(&n->hits, __ATOMIC_RELAXED);
	out->pool_misses += __atomic_load_n(&n->misses, __ATOMIC_RELAXED);
}

static uint64_t look(const uint64_t *figure)
{
	return __atomic_load_n(figure, __ATOMIC_RELAXED);
}

uint64_t mm_vmap_nr_pages(const struct mmsim_vmap *v)
{
	uint64_t nr = look(&v->pages.nr);

	for (unsigned i = 0; i < v->nr_nodes; i++)
		nr += look(&v->node[i].pages.nr);
	return nr;
}

void mm_vmap_info(struct mmsim_vmap *v, struct mmsim_vmap_info *out)
{
	*out = (struct mmsim_vmap_info){
		.nodes = v->nr_nodes,
		.busy = mm_vmap_busy_count(&v->busy),
		.lazy_pages = look(&v->lazy_nr),
		.free_blocks = look(&v->free.nr),
		.drains = look(&v->nr_drains),
		.helpers = look(&v->nr_helpers),
		.purged = look(&v->nr_purged),
		.decayed = look(&v->nr_decayed),
		.flushes = look(&v->nr_flushes),
		.lazy_peak = look(&v->lazy_peak),
		.tables = look(&v->tables.nr),
		.tables_peak = look(&v->tables.peak),
		.tables_freed = look(&v->tables.nr_freed),
		.blocks = mm_vmap_blocks_count(v),
		.pages = mm_vmap_nr_pages(v),
	};
	for (unsigned i = 0; i < v->nr_nodes; i++)
		node_info(&v->node[i], out);
}

static void add_size(struct mm_vmap_area *va, void *ctx)
{
	*(uint64_t *)ctx += mm_va_size(va);
}

static uint64_t list_bytes(struct mmsim_vmap *v, const mm_list *list, uint64_t pages)
{
	uint64_t bytes = 0;

	mm_list_for_each(e, list) {
		const struct mm_vmap_area *va = mm_va_of_list(e);

		mm_invariant("A1: an area is inside its space",
			     va->va_start < va->va_end && va->va_start >= v->params.start &&
				     va->va_end <= v->params.end);
		mm_invariant("N1: an area in a pool has the pool's size",
			     !pages || mm_va_pages(va) == pages);
		mm_invariant("N2: what is not in use has no entries",
			     mm_vmap_walk(&v->tables, va->va_start) == UINT64_MAX);
		bytes += mm_va_size(va);
	}
	return bytes;
}

static uint64_t node_bytes(struct mmsim_vmap *v, struct mm_vmap_node *n)
{
	uint64_t bytes = list_bytes(v, &n->lazy, 0);

	for (unsigned i = 0; i < MM_VMAP_NR_POOLS; i++) {
		uint64_t pooled = list_bytes(v, &n->pool[i].list, i + 1);

		mm_invariant("N1: a pool has as many areas as it says",
			     pooled == n->pool[i].nr * (i + 1) * MMSIM_PAGE_SIZE);
		bytes += pooled;
	}
	for (unsigned b = 0; n->batch && b < MM_VMAP_NR_BATCHES; b++) {
		uint64_t waiting = list_bytes(v, &n->batch[b].other, 0);

		for (unsigned i = 0; i < MM_VMAP_NR_POOLS; i++)
			waiting += list_bytes(v, &n->batch[b].size[i], i + 1);
		mm_invariant("N3: a batch has as many pages as it says",
			     waiting == n->batch[b].pages * MMSIM_PAGE_SIZE);
		bytes += waiting;
	}
	return bytes;
}

void mm_vmap_validate(struct mmsim_vmap *v)
{
	uint64_t bytes, lazy, waiting = 0;
	bool look_through; /* there was memory for it */

	mm_sync_flush_work(&v->drain);
	bytes = v->free.bytes;
	lazy = look(&v->lazy_nr) * MMSIM_PAGE_SIZE;
	mm_vmap_free_space_validate(&v->free);
	mm_vmap_busy_validate(&v->busy);
	mm_vmap_tables_validate(&v->tables);
	mm_vmap_blocks_validate(v);
	look_through = !mm_vmap_busy_each(&v->busy, add_size, &bytes);
	for (unsigned i = 0; i < v->nr_nodes; i++) {
		struct mm_vmap_node *n = &v->node[i];

		bytes += node_bytes(v, n);
		waiting += list_bytes(v, &n->lazy, 0);
		lazy += n->lazy_pages * MMSIM_PAGE_SIZE;
	}
	mm_invariant("V1: every address is in one place",
		     !look_through || bytes == v->params.end - v->params.start);
	mm_invariant("V3: lazy_nr counts what waits", lazy == waiting);
}
