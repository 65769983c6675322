/* SPDX-License-Identifier: MIT */
/* Pages and CPUs of the machine. */
#include "world.h"

#include <linux/cpumask.h>
#include <linux/mm.h>

unsigned int num_online_cpus(void)
{
	return mm_linux_world.nr_cpus;
}

unsigned int smp_processor_id(void)
{
	return mmsim_cpu(mm_linux_world.m);
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	return (struct page *)mmsim_alloc_pages(mm_linux_world.m, gfp, order);
}

struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	return (struct page *)mmsim_alloc_pages_node(mm_linux_world.m, nid, gfp, order);
}

void __free_pages(struct page *page, unsigned int order)
{
	if (page)
		mmsim_free_pages(mm_linux_world.m, (struct mmsim_page *)page, order);
}

/* Runs of entries without a page are filled one after the other. */
unsigned long alloc_pages_bulk(gfp_t gfp, unsigned long nr_pages, struct page **page_array)
{
	unsigned long at = 0;

	while (at < nr_pages) {
		unsigned long end = at;

		while (end < nr_pages && !page_array[end])
			end++;
		if (end > at) {
			at += mmsim_alloc_pages_bulk(mm_linux_world.m, gfp, end - at,
						     (struct mmsim_page **)page_array + at);
			if (at < end)
				break;
		}
		while (at < nr_pages && page_array[at])
			at++;
	}
	return at;
}

unsigned long page_to_pfn(const struct page *page)
{
	return mmsim_page_to_pfn(mm_linux_world.m, (const struct mmsim_page *)page);
}

struct page *pfn_to_page(unsigned long pfn)
{
	return (struct page *)mmsim_pfn_to_page(mm_linux_world.m, pfn);
}

unsigned long totalram_pages(void)
{
	struct mmsim_zone_info info;
	unsigned long pages = 0;

	for (unsigned int node = 0; node < mmsim_nr_nodes(mm_linux_world.m); node++)
		for (int type = 0; type < MMSIM_NR_ZONES; type++)
			if (!mmsim_zone_info(mm_linux_world.m, node, (enum mmsim_zone_type)type,
					     &info))
				pages += info.managed;
	return pages;
}

int get_order(unsigned long size)
{
	return fls_long((size - 1) >> PAGE_SHIFT);
}
