/* SPDX-License-Identifier: MIT */
/* Huge pages from the page allocator's pages and back. */
#include "gigantic.h"

#include "bits.h"
#include "isolate.h"
#include "pool.h"

/* Struct pages stored between two schedule points: 256 KiB of them. */
#define PREP_PIECE 4096

/* A guess without locks that spares isolating what is in use: the first page of each pageblock. */
static bool looks_free(const struct mm_buddy *b, const struct mm_zone *zone, uint64_t pfn,
		       uint64_t nr)
{
	for (uint64_t at = pfn; at < pfn + nr; at += MMSIM_PAGEBLOCK_NR_PAGES) {
		const struct mmsim_page *page = mm_pfn_to_page(b->map, at);

		if (!mm_pfn_valid(b->map, at) || mm_buddy_page_zone(b, page) != zone ||
		    __atomic_load_n(&page->refcount, __ATOMIC_RELAXED))
			return false;
	}
	return true;
}

static bool alloc_from(struct mm_buddy *b, const struct mm_zone *zone, unsigned order,
		       uint64_t *pfn)
{
	uint64_t nr = UINT64_C(1) << order, at = mm_round_up(zone->span.start, nr);

	for (; at + nr <= zone->span.end; at += nr)
		if (looks_free(b, zone, at, nr) && !mm_buddy_alloc_contig_range(b, at, at + nr)) {
			*pfn = at;
			return true;
		}
	return false;
}

bool mm_hugetlb_alloc_gigantic(struct mm_buddy *b, unsigned nid, unsigned order, uint64_t *pfn)
{
	for (unsigned type = MMSIM_NR_ZONES; type-- > 0;) {
		const struct mm_zone *zone = mm_buddy_zone(b, nid, type);

		if (mm_zone_populated(zone) && !zone->alt && alloc_from(b, zone, order, pfn))
			return true;
	}
	return false;
}

static void set_tails(struct mm_hugetlb *hg, struct mmsim_page *page, uint64_t nr, uint64_t priv)
{
	for (uint64_t i = 0; i < nr; i++)
		__atomic_store_n(&page[i].priv, priv, __ATOMIC_RELAXED);
	mm_exec_charge(hg->exec, MM_CHARGE_PAGE_INIT, page, nr);
}

/* G6. In the struct pages that are stored to anyway: costs nothing more. */
static void set_refcounts(const struct mm_hstate *h, struct mmsim_page *page, uint64_t nr,
			  int32_t refcount)
{
	unsigned block = h->order <= MMSIM_MAX_PAGE_ORDER ? h->order : 0;

	for (uint64_t i = 0; i < nr; i += UINT64_C(1) << block)
		__atomic_store_n(&page[i].refcount, refcount, __ATOMIC_RELEASE);
}

void mm_hugetlb_prep(struct mm_hugetlb *hg, const struct mm_hstate *h, uint32_t frame)
{
	struct mmsim_page *page = mm_hstate_page(hg, h, frame);
	uint64_t nr = mm_hstate_nr_pages(h);

	for (uint64_t i = 0; i < nr; i += PREP_PIECE) {
		uint64_t piece = mm_min(nr - i, (uint64_t)PREP_PIECE);

		set_tails(hg, page + i, piece, (uint64_t)frame << h->order << 1 | 1);
		set_refcounts(h, page + i, piece, 2);
		mm_exec_resched(hg->exec);
	}
	__atomic_store_n(&page->priv, 0, __ATOMIC_RELAXED);
}

void mm_hugetlb_dissolve(struct mm_hugetlb *hg, const struct mm_hstate *h, uint32_t frame)
{
	struct mmsim_page *page = mm_hstate_page(hg, h, frame);
	uint64_t nr = mm_hstate_nr_pages(h), pfn = (uint64_t)frame << h->order;

	if (h->order <= MMSIM_MAX_PAGE_ORDER) {
		set_tails(hg, page, nr, 0);
		set_refcounts(h, page, 1, 1);
		mm_buddy_free_pfn(hg->buddy, pfn, h->order);
		return;
	}
	for (uint64_t i = 0; i < nr; i++) {
		__atomic_store_n(&page[i].priv, 0, __ATOMIC_RELAXED);
		set_refcounts(h, page + i, 1, 1);
		mm_buddy_free_pfn(hg->buddy, pfn + i, 0);
		if (i % PREP_PIECE == 0)
			mm_exec_resched(hg->exec);
	}
}

/* priv may be another owner's who wrote what he liked: believed only of a page that a pool has. */
static bool is_tail_of(const struct mm_hstate *h, uint64_t pfn, uint64_t head)
{
	return head >> h->order < h->nr_frames &&
	       head == mm_round_down(pfn, mm_hstate_nr_pages(h)) &&
	       mm_frame_link(h, (uint32_t)(head >> h->order)) != MM_FRAME_NONE;
}

struct mmsim_page *mm_hugetlb_compound_head(const struct mm_hugetlb *hg, struct mmsim_page *page)
{
	const struct mm_memmap *map = hg->buddy->map;
	uint64_t priv = __atomic_load_n(&page->priv, __ATOMIC_RELAXED);

	for (unsigned i = 0; priv & 1 && i < MM_NR_HSTATES; i++) {
		const struct mm_hstate *h = __atomic_load_n(&hg->hstate[i], __ATOMIC_ACQUIRE);

		if (h && is_tail_of(h, mm_page_to_pfn(map, page), priv >> 1))
			return mm_pfn_to_page(map, priv >> 1);
	}
	return page;
}
