/* SPDX-License-Identifier: MIT */
/* Page frames that the kernel keeps data in. */
#include "frame.h"

#include <string.h>

/* NULL: no memory for the bytes. */
static void *data_of(struct mm_buddy *b, const struct mmsim_page *page, bool zero)
{
	void *data;

	if (!b->pages->base)
		return mm_base_meta_alloc(b->exec->meta, MMSIM_PAGE_SIZE);
	data = b->pages->base + mm_page_to_pfn(b->map, page) * MMSIM_PAGE_SIZE;
	if (zero)
		memset(data, 0, MMSIM_PAGE_SIZE);
	return data;
}

struct mmsim_page *mm_buddy_frame_alloc(struct mm_buddy *b, mmsim_gfp_t gfp, bool zero)
{
	struct mmsim_page *page = mm_buddy_alloc_pages(b, MMSIM_NUMA_NO_NODE, gfp, 0);
	void *data;

	if (!page)
		return NULL;
	data = data_of(b, page, zero);
	if (!data) {
		mm_buddy_free_pages(b, page, 0);
		return NULL;
	}
	if (zero)
		mm_exec_charge(b->exec, MM_CHARGE_CLEAR, page, MMSIM_PAGE_SIZE);
	page->priv = (uintptr_t)data;
	mm_page_set_type(page, MMSIM_PGTY_TABLE);
	return page;
}

void mm_buddy_frame_free(struct mm_buddy *b, struct mmsim_page *page)
{
	if (!b->pages->base)
		mm_base_meta_free(b->exec->meta, mm_frame_data(page), MMSIM_PAGE_SIZE);
	page->priv = 0;
	mm_page_set_type(page, MMSIM_PGTY_NONE);
	mm_buddy_free_pages(b, page, 0);
}
