/* SPDX-License-Identifier: MIT */
/* Exported calls: pageblocks and blocks as a whole, and what runs beside the allocator. */
#include "isolate.h"
#include "machine.h"
#include <errno.h>
#include <inttypes.h>
#include <mmsim/alloc.h>

int mmsim_split_page(struct mmsim *m, struct mmsim_page *page, unsigned order)
{
	MM_ON_CPU(m);

	return mm_buddy_split_page(&m->buddy, page, order);
}

/* The zone of a page whose allocator knows pageblocks; NULL with a message. */
static struct mm_zone *pageblock_zone(struct mmsim *m, const char *call, uint64_t pfn)
{
	struct mm_zone *zone = NULL;
	const char *wrong = NULL;

	if (!mm_pfn_valid(&m->memmap, pfn))
		wrong = "no memory there";
	else if (!mm_buddy_is_open(&m->buddy))
		wrong = "the machine is not booted";
	else
		zone = mm_buddy_page_zone(&m->buddy, mm_pfn_to_page(&m->memmap, pfn));
	if (zone && zone->alt)
		wrong = "this allocator has no pageblocks";
	if (!wrong)
		return zone;
	mm_base_log(&m->log, "%s(pfn %#" PRIx64 "): %s", call, pfn, wrong);
	return NULL;
}

int mmsim_isolate_pageblock(struct mmsim *m, uint64_t pfn)
{
	struct mm_zone *zone;
	MM_ON_CPU(m);

	zone = pageblock_zone(m, "isolate_pageblock", pfn);
	return zone ? mm_buddy_isolate_pageblock(zone, pfn) : -EINVAL;
}

int mmsim_unisolate_pageblock(struct mmsim *m, uint64_t pfn)
{
	struct mm_zone *zone;
	MM_ON_CPU(m);

	zone = pageblock_zone(m, "unisolate_pageblock", pfn);
	return zone ? mm_buddy_unisolate_pageblock(zone, pfn) : -EINVAL;
}

int mmsim_init_cma_pageblock(struct mmsim *m, uint64_t pfn)
{
	struct mm_zone *zone;
	MM_ON_CPU(m);

	zone = pageblock_zone(m, "init_cma_pageblock", pfn);
	return zone ? mm_buddy_init_cma_pageblock(zone, pfn) : -EINVAL;
}

int mmsim_alloc_contig_range(struct mmsim *m, uint64_t start, uint64_t end)
{
	MM_ON_CPU(m);

	if (!pageblock_zone(m, "alloc_contig_range", start))
		return -EINVAL;
	return mm_buddy_alloc_contig_range(&m->buddy, start, end);
}

bool mmsim_vmstat_update(struct mmsim *m)
{
	bool more = false;
	MM_ON_CPU(m);

	mm_for_each_zone(zone, &m->buddy)
		if (!zone->alt)
			more |= mm_buddy_pcp_decay(zone, mm_exec_cpu(m->exec));
	return more;
}

void mmsim_kswapd_set(struct mmsim *m, mmsim_kswapd_fn fn, void *ctx)
{
	m->buddy.kswapd = fn;
	m->buddy.kswapd_ctx = ctx;
}
