/* SPDX-License-Identifier: MIT */
/* The calls: allocate, allocate many, free. */
#include "bits.h"
#include "buddy.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MOBILITY (MMSIM___GFP_MOVABLE | MMSIM___GFP_RECLAIMABLE)
#define MOBILITY_SHIFT 3

struct request {
	mmsim_gfp_t gfp;
	unsigned order;
	unsigned nid;
	enum mmsim_migratetype mt;
	enum mmsim_zone_type highest;
};

/* Counterpart: gfp_zone(), GFP_ZONE_TABLE. */
static enum mmsim_zone_type highest_zone(mmsim_gfp_t gfp)
{
	enum {
		DMA = MMSIM___GFP_DMA,
		HIGHMEM = MMSIM___GFP_HIGHMEM,
		DMA32 = MMSIM___GFP_DMA32,
		MOVABLE = MMSIM___GFP_MOVABLE,
		NORMAL = MMSIM_ZONE_NORMAL,
	};
	/* The lower zone wins where several bits are set. */
	static const uint8_t table[16] = {
		[0] = NORMAL,
		[HIGHMEM] = NORMAL,
		[MOVABLE] = NORMAL,
		[MOVABLE | HIGHMEM] = MMSIM_ZONE_MOVABLE,
		[DMA32] = MMSIM_ZONE_DMA32,
		[DMA32 | HIGHMEM] = MMSIM_ZONE_DMA32,
		[DMA32 | MOVABLE] = MMSIM_ZONE_DMA32,
		[DMA32 | MOVABLE | HIGHMEM] = MMSIM_ZONE_DMA32,
		/* All with DMA are 0, MMSIM_ZONE_DMA. */
	};

	return (enum mmsim_zone_type)table[gfp & (DMA | HIGHMEM | DMA32 | MOVABLE)];
}

static enum mmsim_migratetype gfp_migratetype(mmsim_gfp_t gfp)
{
	return (enum mmsim_migratetype)((gfp & MOBILITY) >> MOBILITY_SHIFT);
}

/* What is wrong with the arguments; NULL: nothing, and the request is filled. */
static const char *make_request(const struct mm_buddy *b, struct request *req, int nid,
				mmsim_gfp_t gfp, unsigned order)
{
	if (mm_unlikely(!mm_buddy_is_open(b)))
		return "the machine is not booted";
	if (mm_unlikely(order > MMSIM_MAX_PAGE_ORDER))
		return "order above MMSIM_MAX_PAGE_ORDER";
	if (mm_unlikely((gfp & MOBILITY) == MOBILITY))
		return "gfp both movable and reclaimable";
	if (nid == MMSIM_NUMA_NO_NODE)
		nid = b->topology->node_of[mm_exec_cpu(b->exec)];
	if (mm_unlikely(nid < 0 || (unsigned)nid >= b->nr_nodes))
		return "no such node";
	*req = (struct request){
		.gfp = gfp,
		.order = order,
		.nid = (unsigned)nid,
		.mt = gfp_migratetype(gfp),
		.highest = highest_zone(gfp),
	};
	return NULL;
}

static struct mmsim_page *rmqueue_buddy(struct mm_zone *zone, const struct request *req)
{
	struct mmsim_page *page;

	mm_spin_lock(&zone->lock);
	page = mm_buddy_rmqueue(zone, req->order, req->mt);
	mm_spin_unlock(&zone->lock);
	return page;
}

static struct mmsim_page *rmqueue(struct mm_zone *zone, const struct request *req)
{
	if (req->order == 0) {
		struct mmsim_page *page = mm_pcp_alloc(zone, req->mt);

		if (mm_likely(page != NULL))
			return page;
	}
	return rmqueue_buddy(zone, req);
}

static struct mmsim_page *try_zone(struct mm_buddy *b, struct mm_zone *zone,
				   const struct request *req)
{
	for (;;) {
		struct mmsim_page *page = rmqueue(zone, req);

		if (mm_likely(page != NULL))
			return page;
		if (!b->grow || !b->grow(b->grow_ctx, zone, req->order))
			return NULL;
	}
}

static bool zone_allowed(const struct mm_zone *zone, const struct request *req)
{
	return zone->type <= req->highest &&
	       (!(req->gfp & MMSIM___GFP_THISNODE) || zone->node == req->nid);
}

/* Counterpart: get_page_from_freelist(). */
static struct mmsim_page *get_page_from_freelist(struct mm_buddy *b, const struct request *req)
{
	const struct mm_zonelist *list = &b->zonelists[req->nid];

	for (unsigned i = 0; i < list->nr; i++) {
		struct mmsim_page *page;

		if (!zone_allowed(list->zone[i], req))
			continue;
		page = try_zone(b, list->zone[i], req);
		if (mm_likely(page != NULL))
			return page;
	}
	return NULL;
}

static void clear_pages(const struct mm_buddy *b, uint64_t pfn, unsigned order)
{
	char *bytes = b->pages->base + pfn * MMSIM_PAGE_SIZE;

	memset(bytes, 0, MMSIM_PAGE_SIZE << order);
	mm_exec_charge(b->exec, MM_CHARGE_STREAM, bytes, MMSIM_PAGE_SIZE << order);
}

/* Counterpart: prep_new_page(). Z1. */
static inline void prep_new_page(struct mmsim_page *page, unsigned order)
{
	page->priv = 0;
	page->index = 0;
	page->mapping = NULL;
	__atomic_store_n(&page->order, (uint8_t)order, __ATOMIC_RELAXED);
	__atomic_store_n(&page->refcount, 1, __ATOMIC_RELEASE);
}

static void prep_page(const struct mm_buddy *b, struct mmsim_page *page, const struct request *req)
{
	prep_new_page(page, req->order);
	if (req->gfp & MMSIM___GFP_ZERO && b->pages->base)
		clear_pages(b, mm_page_to_pfn(b->map, page), req->order);
}

static inline void trace_alloc(const struct mm_buddy *b, const struct mmsim_page *page,
			       unsigned order, mmsim_gfp_t gfp)
{
	mm_event(b->obs, .id = MMSIM_EV_MM_PAGE_ALLOC,
		 .pfn = page ? mm_page_to_pfn(b->map, page) : 0, .order = order,
		 .migratetype = (int32_t)gfp_migratetype(gfp), .gfp = gfp);
}

static __attribute__((noinline)) struct mmsim_page *alloc_slow(struct mm_buddy *b, int nid,
							       mmsim_gfp_t gfp, unsigned order)
{
	struct mmsim_page *page;
	struct request req;
	const char *wrong = make_request(b, &req, nid, gfp, order);

	if (mm_unlikely(wrong != NULL)) {
		mm_base_log(b->log, "alloc_pages(node %d, gfp %#x, order %u): %s", nid, gfp, order,
			    wrong);
		return NULL;
	}
	mm_exec_charge(b->exec, MM_CHARGE_PAGE_OP, NULL, 1);
	page = get_page_from_freelist(b, &req);
	if (mm_likely(page != NULL))
		prep_page(b, page, &req);
	trace_alloc(b, page, order, gfp);
	return page;
}

struct mmsim_page *mm_buddy_alloc_pages(struct mm_buddy *b, int nid, mmsim_gfp_t gfp,
					unsigned order)
{
	const mmsim_gfp_t special =
		MMSIM___GFP_ZERO | MMSIM___GFP_THISNODE | MMSIM___GFP_RECLAIMABLE;
	const struct mm_task *me = mm_task_current();
	struct mmsim_page *page;
	struct mm_zone *zone;

	/* What nearly all requests are: one page, from this node, off this CPU's list. */
	if (mm_unlikely(order || nid != MMSIM_NUMA_NO_NODE || !mm_buddy_is_bare(b) ||
			gfp & special))
		return alloc_slow(b, nid, gfp, order);
	zone = b->zonelists[b->topology->node_of[me->cpu]].preferred[highest_zone(gfp)];
	if (mm_unlikely(!zone))
		return alloc_slow(b, nid, gfp, order);
	page = mm_pcp_alloc_bare(zone, me, gfp_migratetype(gfp));
	if (mm_unlikely(!page))
		return alloc_slow(b, nid, gfp, order);
	prep_new_page(page, 0);
	return page;
}

/* From the first zone of the caller's node that has any. Never from a remote node. */
static size_t bulk_from_node(const struct mm_buddy *b, const struct request *req, size_t nr,
			     struct mmsim_page **pages)
{
	const struct mm_zonelist *list = &b->zonelists[req->nid];
	size_t got = 0;

	for (unsigned i = 0; !got && i < list->nr && list->zone[i]->node == req->nid; i++)
		if (zone_allowed(list->zone[i], req))
			got = mm_buddy_pcp_alloc_bulk(list->zone[i], req->mt, nr, pages);
	return got;
}

size_t mm_buddy_alloc_pages_bulk(struct mm_buddy *b, mmsim_gfp_t gfp, size_t nr,
				 struct mmsim_page **pages)
{
	struct request req;
	const char *wrong = make_request(b, &req, MMSIM_NUMA_NO_NODE, gfp, 0);
	size_t got = 0;

	if (nr && !pages)
		wrong = "no room for the pages";

	if (mm_unlikely(wrong != NULL)) {
		mm_base_log(b->log, "alloc_pages_bulk(gfp %#x, nr %zu): %s", gfp, nr, wrong);
		return 0;
	}
	if (!nr)
		return 0;
	if (nr > 1)
		got = bulk_from_node(b, &req, nr, pages);
	for (size_t i = 0; i < got; i++)
		prep_page(b, pages[i], &req);
	/* At least one is always tried for; only that way leaves an event, as in the kernel. */
	if (!got && (pages[0] = mm_buddy_alloc_pages(b, (int)req.nid, gfp, 0)))
		got = 1;
	return got;
}

static __attribute__((noinline, cold)) int refuse(struct mm_buddy *b, uint64_t pfn, unsigned order,
						  const char *wrong)
{
	char state[160];

	mm_buddy_describe(b, pfn, state, sizeof(state));
	mm_base_log(b->log, "free_pages(pfn %#" PRIx64 ", order %u): %s: %s", pfn, order, wrong,
		    state);
	return -EINVAL;
}

/* Take the block from its owner: Z2. NULL, or what is wrong. */
static inline const char *claim_block(struct mmsim_page *page, unsigned order)
{
	int32_t one = 1;

	if (mm_unlikely(page->flags >> MMSIM_PG_RESERVED & 1))
		return "reserved";
	if (mm_unlikely(__atomic_load_n(&page->refcount, __ATOMIC_ACQUIRE) != 1))
		return "not an allocated block";
	if (mm_unlikely(__atomic_load_n(&page->order, __ATOMIC_RELAXED) != order))
		return "wrong order";
	if (mm_unlikely(!__atomic_compare_exchange_n(&page->refcount, &one, 0, false,
						     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)))
		return "freed at the same time";
	return NULL;
}

static void free_to_zone(struct mm_zone *zone, struct mmsim_page *page, uint64_t pfn,
			 unsigned order)
{
	/* A block over several pageblocks goes back piece by piece, each with its own type. */
	unsigned piece = mm_min(order, (unsigned)MMSIM_PAGEBLOCK_ORDER);
	uint64_t nr = UINT64_C(1) << piece;

	mm_spin_lock(&zone->lock);
	for (uint64_t i = 0; i < UINT64_C(1) << order; i += nr)
		mm_buddy_free_one_page(zone, page + i, piece, mm_zone_migratetype(zone, pfn + i),
				       MM_FPI_NONE);
	mm_spin_unlock(&zone->lock);
}

/* A block that nobody owns any more, to where it belongs. */
static __attribute__((noinline)) int free_claimed(struct mm_buddy *b, struct mmsim_page *page,
						  uint64_t pfn, unsigned order)
{
	struct mm_zone *zone = mm_buddy_page_zone(b, page);

	mm_exec_charge(b->exec, MM_CHARGE_RMW, &page->refcount, 1);
	mm_exec_charge(b->exec, MM_CHARGE_PAGE_OP, NULL, 1);
	mm_event(b->obs, .id = MMSIM_EV_MM_PAGE_FREE, .pfn = pfn, .order = order);
	if (order || !mm_pcp_free(zone, page, mm_zone_migratetype(zone, pfn)))
		free_to_zone(zone, page, pfn, order);
	return 0;
}

int mm_buddy_free_pfn(struct mm_buddy *b, uint64_t pfn, unsigned order)
{
	struct mmsim_page *page;
	struct mm_zone *zone;
	const char *wrong;
	bool bare;

	if (mm_unlikely(order > MMSIM_MAX_PAGE_ORDER))
		return refuse(b, pfn, order, "no such order");
	if (mm_unlikely(!mm_buddy_is_open(b)))
		return refuse(b, pfn, order, "the machine is not booted");
	if (mm_unlikely(!mm_pfn_valid(b->map, pfn)))
		return refuse(b, pfn, order, "no memory there");
	page = mm_pfn_to_page(b->map, pfn);
	bare = mm_buddy_is_bare(b);
	if (mm_unlikely(!bare))
		mm_exec_point(b->exec, MM_POINT_ATOMIC, page);
	wrong = claim_block(page, order);
	if (mm_unlikely(wrong != NULL))
		return refuse(b, pfn, order, wrong);
	zone = mm_buddy_page_zone(b, page);
	if (mm_likely(!order && bare) &&
	    mm_likely(mm_pcp_free_bare(zone, mm_task_current(), page,
				       mm_zone_migratetype(zone, pfn))))
		return 0;
	return free_claimed(b, page, pfn, order);
}

static __attribute__((noinline, cold)) int
refuse_pointer(struct mm_buddy *b, const struct mmsim_page *page, unsigned order)
{
	mm_base_log(b->log, "free_pages(page %p, order %u): no struct page of this machine",
		    (const void *)page, order);
	return -EINVAL;
}

int mm_buddy_free_pages(struct mm_buddy *b, struct mmsim_page *page, unsigned order)
{
	uintptr_t at = (uintptr_t)page - (uintptr_t)b->map->base;

	if (mm_unlikely(at % sizeof(*page) ||
			at / sizeof(*page) >= b->map->nr_sections * MMSIM_PAGES_PER_SECTION))
		return refuse_pointer(b, page, order);
	return mm_buddy_free_pfn(b, at / sizeof(*page), order);
}
