/* SPDX-License-Identifier: MIT */
/* Taking blocks: one, many, from which zone. */
#include "alt.h"
#include "bits.h"
#include "buddy.h"
#include "gfp.h"
#include "highatomic.h"
#include "poison.h"
#include "watermark.h"
#include <errno.h>
#include <string.h>

struct request {
	mmsim_gfp_t gfp;
	unsigned order;
	unsigned nid;
	unsigned alloc_flags;
	enum mmsim_migratetype mt;
	enum mmsim_zone_type highest;
	const struct mm_zone *preferred; /* the first zone that may serve it */
};

/* What is wrong with the arguments; NULL: nothing, and the request is filled. */
static const char *make_request(const struct mm_buddy *b, struct request *req, int nid,
				mmsim_gfp_t gfp, unsigned order)
{
	if (mm_unlikely(!mm_buddy_is_open(b)))
		return "the machine is not booted";
	if (mm_unlikely(order > MMSIM_MAX_PAGE_ORDER))
		return "order above MMSIM_MAX_PAGE_ORDER";
	if (mm_unlikely((gfp & MM_GFP_MOBILITY) == MM_GFP_MOBILITY))
		return "gfp both movable and reclaimable";
	if (nid == MMSIM_NUMA_NO_NODE)
		nid = b->topology->node_of[mm_exec_cpu(b->exec)];
	if (mm_unlikely(nid < 0 || (unsigned)nid >= b->nr_nodes))
		return "no such node";
	*req = (struct request){
		.gfp = gfp,
		.order = order,
		.nid = (unsigned)nid,
		.alloc_flags = MM_ALLOC_WMARK_LOW | mm_gfp_kswapd(gfp) | mm_gfp_cma(gfp),
		.mt = __atomic_load_n(&b->grouping_disabled, __ATOMIC_RELAXED)
			      ? MMSIM_MIGRATE_UNMOVABLE
			      : mm_gfp_migratetype(gfp),
		.highest = mm_buddy_gfp_zone(gfp),
	};
	req->preferred = b->zonelists[nid].preferred[req->highest];
	return NULL;
}

/*
 * Where there is other memory to go to, a first attempt does not mix types within a pageblock.
 * Counterpart: alloc_flags_nofragment().
 */
static unsigned nofragment(const struct mm_buddy *b, const struct request *req)
{
	const struct mm_zone *zone = req->preferred;

	if (b->policy.flags & MMSIM_POLICY_DEFRAG_MODE)
		return MM_ALLOC_NOFRAGMENT;
	if (!zone || zone->type != MMSIM_ZONE_NORMAL)
		return 0;
	if (b->nr_nodes > 1 && !mm_zone_populated(mm_buddy_zone(b, zone->node, MMSIM_ZONE_DMA32)))
		return 0;
	return MM_ALLOC_NOFRAGMENT;
}

/* From the zone itself, its lists locked. */
static struct mmsim_page *rmqueue_buddy(struct mm_zone *zone, const struct request *req)
{
	enum mm_rmqueue_mode mode = MM_RMQUEUE_NORMAL;
	struct mmsim_page *page = NULL;

	mm_spin_lock(&zone->lock);
	if (req->alloc_flags & MM_ALLOC_HIGHATOMIC)
		page = mm_buddy_rmqueue_smallest(zone, req->order, MMSIM_MIGRATE_HIGHATOMIC);
	if (!page)
		page = mm_buddy_rmqueue(zone, req->order, req->mt, req->alloc_flags, &mode);
	/* To fail now is worse than that a high-order request fails later. */
	if (!page && req->alloc_flags & (MM_ALLOC_OOM | MM_ALLOC_NON_BLOCK))
		page = mm_buddy_rmqueue_smallest(zone, req->order, MMSIM_MIGRATE_HIGHATOMIC);
	mm_spin_unlock(&zone->lock);
	return page;
}

static void set_node_flag(struct mm_buddy *b, unsigned node, uint32_t flag, bool on)
{
	mm_for_each_zone(zone, b) {
		if (zone->node != node)
			continue;
		if (on)
			mm_zone_set_flag(zone, flag);
		else
			mm_zone_clear_flag(zone, flag);
	}
}

/* Counterpart: wakeup_kswapd(). There is none: an event, and whoever asked to be told. */
static void wakeup_kswapd(struct mm_buddy *b, struct mm_zone *zone, mmsim_gfp_t gfp, unsigned order)
{
	mm_event(b->obs, .id = MMSIM_EV_MM_VMSCAN_WAKEUP_KSWAPD, .order = order, .gfp = gfp,
		 .arg = zone->node);
	__atomic_add_fetch(&zone->stat.kswapd_wakes, 1, __ATOMIC_RELAXED);
	if (!b->kswapd)
		return;
	/* Meanwhile frees should reach the zone and not stay on lists. */
	set_node_flag(b, zone->node, MM_ZONE_RECLAIM_ACTIVE, true);
	b->kswapd(b->kswapd_ctx, zone->node, order);
	set_node_flag(b, zone->node, MM_ZONE_RECLAIM_ACTIVE, false);
}

static struct mmsim_page *rmqueue(struct mm_buddy *b, struct mm_zone *zone,
				  const struct request *req)
{
	struct mmsim_page *page = NULL;

	if (mm_unlikely(zone->alt != NULL))
		page = mm_buddy_alt_rmqueue(zone, req->order, req->mt);
	else if (mm_pcp_order(req->order))
		page = mm_pcp_alloc(zone, req->order, req->mt, req->alloc_flags);
	if (!page && !zone->alt)
		page = rmqueue_buddy(zone, req);
	if (req->alloc_flags & MM_ALLOC_KSWAPD &&
	    mm_unlikely(mm_zone_flag(zone, MM_ZONE_BOOSTED_WATERMARK))) {
		mm_zone_clear_flag(zone, MM_ZONE_BOOSTED_WATERMARK);
		wakeup_kswapd(b, zone, 0, 0);
	}
	return page;
}

static bool watermark_holds(struct mm_zone *zone, const struct request *req, uint64_t mark)
{
	return mm_buddy_watermark_fast(zone, req->order, mark, req->highest, req->alloc_flags);
}

/* May the zone serve this? Also finds out whether it has become short of pages. */
static bool zone_has_room(struct mm_zone *zone, const struct request *req)
{
	unsigned mark = req->alloc_flags & MM_ALLOC_WMARK_MASK;

	if (!mm_zone_flag(zone, MM_ZONE_BELOW_HIGH)) {
		if (watermark_holds(zone, req, mm_zone_wmark(zone, MM_WMARK_HIGH)))
			return true;
		mm_zone_set_flag(zone, MM_ZONE_BELOW_HIGH);
	}
	return watermark_holds(zone, req, mm_zone_wmark(zone, (enum mm_wmark)mark)) ||
	       req->alloc_flags & MM_ALLOC_NO_WATERMARKS;
}

/* Deferred memory comes when the zone runs short. */
static struct mmsim_page *try_zone(struct mm_buddy *b, struct mm_zone *zone,
				   const struct request *req)
{
	for (;;) {
		struct mmsim_page *page = NULL;

		if (mm_likely(zone_has_room(zone, req)))
			page = rmqueue(b, zone, req);
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

/*
 * One pass over the zonelist. *again: pageblocks should rather be mixed than another node be taken, unless
 * that is to be avoided at any price.
 */
static struct mmsim_page *walk_zonelist(struct mm_buddy *b, const struct request *req, bool *again)
{
	const struct mm_zonelist *list = &b->zonelists[req->nid];

	*again = req->alloc_flags & MM_ALLOC_NOFRAGMENT &&
		 !(b->policy.flags & MMSIM_POLICY_DEFRAG_MODE);
	for (unsigned i = 0; i < list->nr; i++) {
		struct mm_zone *zone = list->zone[i];
		struct mmsim_page *page;

		if (!zone_allowed(zone, req))
			continue;
		if (*again && req->preferred && zone->node != req->preferred->node)
			return NULL;
		page = try_zone(b, zone, req);
		if (mm_unlikely(!page))
			continue;
		if (mm_unlikely(req->alloc_flags & MM_ALLOC_HIGHATOMIC) && !zone->alt)
			mm_buddy_reserve_highatomic(zone, page, req->order);
		return page;
	}
	return NULL;
}

/* Counterpart: get_page_from_freelist(). */
static struct mmsim_page *get_page_from_freelist(struct mm_buddy *b, struct request *req)
{
	bool again;
	struct mmsim_page *page = walk_zonelist(b, req, &again);

	if (page || !again)
		return page;
	req->alloc_flags &= ~(unsigned)MM_ALLOC_NOFRAGMENT;
	return walk_zonelist(b, req, &again);
}

static void wake_all_kswapds(struct mm_buddy *b, const struct request *req)
{
	const struct mm_zonelist *list = &b->zonelists[req->nid];
	unsigned last = UINT32_MAX;

	for (unsigned i = 0; i < list->nr; i++)
		if (zone_allowed(list->zone[i], req) && list->zone[i]->node != last) {
			last = list->zone[i]->node;
			wakeup_kswapd(b, list->zone[i], req->gfp, req->order);
		}
}

/* A pageblock of the HighAtomic reserve of a zone that the request may have; the last one by force. */
static bool unreserve(struct mm_buddy *b, const struct request *req, bool force)
{
	const struct mm_zonelist *list = &b->zonelists[req->nid];

	for (unsigned i = 0; i < list->nr; i++) {
		struct mm_zone *zone = list->zone[i];

		if (zone_allowed(zone, req) && !zone->alt &&
		    mm_buddy_unreserve_highatomic(zone, req->mt, force))
			return true;
	}
	return false;
}

/* What lies about where this request cannot reach it. */
static struct mmsim_page *alloc_gathered(struct mm_buddy *b, struct request *req)
{
	struct mmsim_page *page;

	req->alloc_flags &= ~(unsigned)MM_ALLOC_NOFRAGMENT;
	unreserve(b, req, false);
	mm_buddy_drain_all(b);
	page = get_page_from_freelist(b, req);
	while (!page && unreserve(b, req, true))
		page = get_page_from_freelist(b, req);
	return page;
}

/*
 * Counterpart: __alloc_pages_slowpath(), without what it is mostly about: nothing is reclaimed, moved or
 * killed here. Who could wait gets what lies on other CPUs' lists before it fails.
 */
static struct mmsim_page *alloc_slowpath(struct mm_buddy *b, struct request *req)
{
	struct mmsim_page *page;

	if (req->alloc_flags & MM_ALLOC_KSWAPD)
		wake_all_kswapds(b, req);
	req->alloc_flags = mm_buddy_slow_alloc_flags(req->gfp, req->order);
	if (b->policy.flags & MMSIM_POLICY_DEFRAG_MODE)
		req->alloc_flags |= MM_ALLOC_NOFRAGMENT;
	page = get_page_from_freelist(b, req);
	/* First every zone down to its mark, then without. */
	if (!page && mm_gfp_no_watermarks(req->gfp)) {
		req->alloc_flags |= MM_ALLOC_NO_WATERMARKS;
		page = get_page_from_freelist(b, req);
	}
	if (!page && req->gfp & MMSIM___GFP_DIRECT_RECLAIM)
		page = alloc_gathered(b, req);
	return page;
}

static void clear_pages(const struct mm_buddy *b, uint64_t pfn, unsigned order)
{
	char *bytes = b->pages->base + pfn * MMSIM_PAGE_SIZE;

	memset(bytes, 0, MMSIM_PAGE_SIZE << order);
	mm_exec_charge(b->exec, MM_CHARGE_STREAM, bytes, MMSIM_PAGE_SIZE << order);
}

static void prep_page(const struct mm_buddy *b, struct mmsim_page *page, const struct request *req)
{
	mm_buddy_unpoison_pages(b, page, req->order);
	mm_prep_new_page(page, req->order, mm_gfp_movable(req->gfp));
	if (req->gfp & MMSIM___GFP_ZERO && b->pages->base)
		clear_pages(b, mm_page_to_pfn(b->map, page), req->order);
}

static inline void trace_alloc(const struct mm_buddy *b, const struct mmsim_page *page,
			       unsigned order, mmsim_gfp_t gfp)
{
	mm_event(b->obs, .id = MMSIM_EV_MM_PAGE_ALLOC,
		 .pfn = page ? mm_page_to_pfn(b->map, page) : 0, .order = order,
		 .migratetype = (int32_t)mm_gfp_migratetype(gfp), .gfp = gfp);
}

static struct mmsim_page *alloc_frozen(struct mm_buddy *b, struct request *req)
{
	struct mmsim_page *page;

	req->alloc_flags |= nofragment(b, req);
	page = get_page_from_freelist(b, req);
	if (mm_unlikely(!page))
		page = alloc_slowpath(b, req);
	return page;
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
	page = alloc_frozen(b, &req);
	if (mm_likely(page != NULL))
		prep_page(b, page, &req);
	trace_alloc(b, page, order, gfp);
	return page;
}

/*
 * Is a look at one counter enough to know that the zone serves this? A block of the largest order will
 * do for any other.
 */
static inline bool has_plenty(const struct mm_zone *zone, enum mmsim_zone_type highest,
			      unsigned order)
{
	uint64_t plenty = mm_zone_count(&zone->plenty[highest]) + (UINT64_C(1) << order) - 1;

	return mm_zone_count(&zone->free_pages) > plenty &&
	       !mm_zone_flag(zone, MM_ZONE_BOOSTED_WATERMARK) &&
	       (!order ||
		mm_zone_count(&zone->area[MMSIM_MAX_PAGE_ORDER].nr[MMSIM_MIGRATE_MOVABLE]));
}

/* Both bits: the request may go to the highest zone of all. */
#define MM_GFP_ZONE_MOVABLE (MMSIM___GFP_HIGHMEM | MMSIM___GFP_MOVABLE)

/* The same to know that it does not, and that nobody need be told. */
static bool is_short(const struct mm_buddy *b, struct mm_zone *zone, enum mmsim_zone_type highest,
		     unsigned order)
{
	uint64_t low =
		mm_zone_wmark(zone, MM_WMARK_LOW) + mm_zone_count(&zone->lowmem_reserve[highest]);

	return mm_zone_flag(zone, MM_ZONE_BELOW_HIGH) && mm_zone_count(&zone->free_pages) <= low &&
	       !(b->grow && b->grow(b->grow_ctx, zone, order));
}

/* What comes after a preferred zone that has not plenty. NULL: look closely. */
static __attribute__((noinline)) struct mm_zone *next_plain_zone(const struct mm_buddy *b,
								 const struct mm_zonelist *list,
								 enum mmsim_zone_type highest,
								 unsigned order)
{
	const struct mm_zone *preferred = list->preferred[highest];

	for (unsigned i = 0; i < list->nr; i++) {
		struct mm_zone *zone = list->zone[i];

		if (zone->type > highest)
			continue;
		if (zone->node != preferred->node)
			return NULL;
		if (has_plenty(zone, highest, order))
			return zone;
		if (!is_short(b, zone, highest, order))
			return NULL;
	}
	return NULL;
}

static inline enum mmsim_zone_type plain_highest(mmsim_gfp_t gfp)
{
	return (gfp & MM_GFP_ZONE_MOVABLE) == MM_GFP_ZONE_MOVABLE ? MMSIM_ZONE_MOVABLE
								  : MMSIM_ZONE_NORMAL;
}

static inline const struct mm_zonelist *own_zonelist(const struct mm_buddy *b,
						     const struct mm_task *me)
{
	return &b->zonelists[b->topology->node_of[me->cpu]];
}

/* The preferred zone has not plenty, or its list's lock is not biased to this thread yet. */
static __attribute__((noinline)) struct mmsim_page *alloc_unbiased(struct mm_buddy *b,
								   mmsim_gfp_t gfp, unsigned order)
{
	const struct mm_task *me = mm_task_current();
	enum mmsim_migratetype mt = mm_gfp_migratetype(gfp);
	const struct mm_zonelist *list = own_zonelist(b, me);
	struct mmsim_page *page = NULL;
	struct mm_zone *zone = NULL;

	if (list->preferred[plain_highest(gfp)])
		zone = next_plain_zone(b, list, plain_highest(gfp), order);
	if (zone)
		page = mm_pcp_alloc_quick(zone, me, order, mt);
	if (zone && !page)
		page = mm_pcp_alloc_order_bare(zone, me, order, mt);
	if (!page)
		return alloc_slow(b, MMSIM_NUMA_NO_NODE, gfp, order);
	mm_prep_new_page(page, order, mm_gfp_movable(gfp));
	return page;
}

/* What nearly all requests are: from this node, off this CPU's list. */
static inline __attribute__((always_inline)) struct mmsim_page *
alloc_plain(struct mm_buddy *b, mmsim_gfp_t gfp, unsigned order)
{
	const struct mm_task *me = mm_task_current();
	enum mmsim_zone_type highest = plain_highest(gfp);
	struct mm_zone *zone = own_zonelist(b, me)->preferred[highest];
	struct mmsim_page *page;

	if (mm_unlikely(!zone || !has_plenty(zone, highest, order)))
		return alloc_unbiased(b, gfp, order);
	page = mm_pcp_alloc_quick(zone, me, order, mm_gfp_migratetype(gfp));
	if (mm_unlikely(!page))
		return alloc_unbiased(b, gfp, order);
	mm_prep_new_page(page, order, mm_gfp_movable(gfp));
	return page;
}

static __attribute__((noinline)) struct mmsim_page *
alloc_plain_order(struct mm_buddy *b, mmsim_gfp_t gfp, unsigned order)
{
	return alloc_plain(b, gfp, order);
}

struct mmsim_page *mm_buddy_alloc_pages(struct mm_buddy *b, int nid, mmsim_gfp_t gfp,
					unsigned order)
{
	const mmsim_gfp_t special = MMSIM___GFP_ZERO | MMSIM___GFP_THISNODE |
				    MMSIM___GFP_RECLAIMABLE | MMSIM___GFP_DMA | MMSIM___GFP_DMA32;

	if (mm_unlikely(nid != MMSIM_NUMA_NO_NODE || !mm_buddy_is_bare(b) || gfp & special ||
			!mm_pcp_order(order) ||
			__atomic_load_n(&b->grouping_disabled, __ATOMIC_RELAXED)))
		return alloc_slow(b, nid, gfp, order);
	/* Order 0 for itself: the rest folds to nothing there. */
	return mm_likely(!order) ? alloc_plain(b, gfp, 0) : alloc_plain_order(b, gfp, order);
}

/* The first zone of the caller's node that can spare as many; NULL: none. */
static struct mm_zone *bulk_zone(const struct mm_buddy *b, const struct request *req, size_t nr)
{
	const struct mm_zonelist *list = &b->zonelists[req->nid];

	for (unsigned i = 0; i < list->nr; i++) {
		struct mm_zone *zone = list->zone[i];

		if (!zone_allowed(zone, req))
			continue;
		if (req->preferred && zone->node != req->preferred->node)
			return NULL;
		if (mm_buddy_watermark_fast(zone, 0, mm_zone_wmark(zone, MM_WMARK_LOW) + nr,
					    req->highest, req->alloc_flags))
			return zone;
	}
	return NULL;
}

static size_t bulk_from_zone(struct mm_zone *zone, const struct request *req, size_t nr,
			     struct mmsim_page **pages)
{
	size_t got = 0;

	if (!zone->alt)
		return mm_buddy_pcp_alloc_bulk(zone, req->mt, req->alloc_flags, nr, pages);
	while (got < nr && (pages[got] = mm_buddy_alt_rmqueue(zone, 0, req->mt)))
		got++;
	return got;
}

size_t mm_buddy_alloc_pages_bulk(struct mm_buddy *b, mmsim_gfp_t gfp, size_t nr,
				 struct mmsim_page **pages)
{
	struct request req;
	const char *wrong = make_request(b, &req, MMSIM_NUMA_NO_NODE, gfp, 0);
	struct mm_zone *zone;
	size_t got = 0;

	if (nr && !pages)
		wrong = "no room for the pages";

	if (mm_unlikely(wrong != NULL)) {
		mm_base_log(b->log, "alloc_pages_bulk(gfp %#x, nr %zu): %s", gfp, nr, wrong);
		return 0;
	}
	if (!nr)
		return 0;
	if (nr > 1 && (zone = bulk_zone(b, &req, nr)))
		got = bulk_from_zone(zone, &req, nr, pages);
	for (size_t i = 0; i < got; i++)
		prep_page(b, pages[i], &req);
	/* At least one is always tried for; only that way leaves an event, as in the kernel. */
	if (!got && (pages[0] = mm_buddy_alloc_pages(b, (int)req.nid, gfp, 0)))
		got = 1;
	return got;
}
