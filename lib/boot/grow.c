/* SPDX-License-Identifier: MIT */
/*
 * Growth on demand: an allocation came before deferred init had got that far.
 *
 * Two ways in which kernels went wrong here: saying "grown" without having grown, so that the caller
 * tries for ever (a first zone without free memory did that), and counting on the caller to stop.
 */
#include "bits.h"
#include "boot.h"

/* Whole sections from `first` on until `need` pages came of it. Returns where it stopped. */
static uint64_t grow_sections(struct mm_boot *boot, struct mm_boot_node *node, uint64_t first,
			      uint64_t need, uint64_t *pages)
{
	uint64_t end = node->last->span.end;

	while (first < end && *pages < need) {
		uint64_t stop =
			mm_round_down(first, MMSIM_PAGES_PER_SECTION) + MMSIM_PAGES_PER_SECTION;

		*pages += mm_boot_init_chunk(boot, node, first, mm_min(stop, end));
		first = stop;
	}
	return first < end ? first : MM_NOT_DEFERRED;
}

bool mm_boot_grow_zone(void *ctx, struct mm_zone *zone, unsigned order)
{
	struct mm_boot *boot = ctx;
	struct mm_boot_node *node = &boot->nodes[zone->node];
	uint64_t need = mm_round_up(UINT64_C(1) << order, MMSIM_PAGES_PER_SECTION);
	uint64_t seen = __atomic_load_n(&node->first_deferred, __ATOMIC_RELAXED), pages = 0;
	bool others;

	if (zone != node->last || seen == MM_NOT_DEFERRED)
		return false;
	mm_spin_lock(&node->resize_lock);
	others = node->first_deferred != seen;
	if (!others) {
		uint64_t next = grow_sections(boot, node, seen, need, &pages);

		__atomic_store_n(&node->first_deferred, next, __ATOMIC_RELAXED);
		__atomic_add_fetch(&boot->early_pages, pages, __ATOMIC_RELAXED);
	}
	mm_spin_unlock(&node->resize_lock);
	return others || pages;
}
