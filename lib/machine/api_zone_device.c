/* SPDX-License-Identifier: MIT */
/* Exported calls: the memory of devices as pages. */
#include "machine.h"

#include "zone_device.h"
#include <errno.h>
#include <string.h>

int mmsim_memremap_pages(struct mmsim *m, unsigned nid, uint64_t nr_pages, unsigned max_threads,
			 uint32_t flags, struct mmsim_dev_pagemap **pgmap)
{
	const char *wrong;
	int err;
	MM_ON_CPU(m);

	wrong = mm_boot_refuse_device(&m->boot, nid, nr_pages, flags, &err);
	if (!pgmap) {
		wrong = "pgmap: NULL";
		err = -EINVAL;
	} else {
		*pgmap = NULL;
	}
	if (!wrong) {
		err = mm_boot_add_device(&m->boot, nid, nr_pages, flags, pgmap);
		wrong = err ? strerror(-err) : NULL;
	}
	if (wrong) {
		mm_base_log(&m->log, "mmsim_memremap_pages: %s", wrong);
		return err;
	}
	mm_boot_init_device(&m->boot, &m->ktask, *pgmap, max_threads, flags);
	return 0;
}

int mmsim_memmap_init_zone_device(struct mmsim *m, struct mmsim_dev_pagemap *pgmap,
				  unsigned max_threads, uint32_t flags)
{
	const char *wrong;
	int err;
	MM_ON_CPU(m);

	wrong = mm_boot_refuse_device(&m->boot, pgmap->nid, pgmap->end - pgmap->start, flags, &err);
	if (wrong) {
		mm_base_log(&m->log, "mmsim_memmap_init_zone_device: %s", wrong);
		return err;
	}
	mm_boot_init_device(&m->boot, &m->ktask, pgmap, max_threads, flags);
	return 0;
}

void mmsim_memunmap_pages(struct mmsim *m, struct mmsim_dev_pagemap *pgmap)
{
	MM_ON_CPU(m);

	if (pgmap)
		mm_boot_remove_device(&m->boot, pgmap);
}

void mmsim_dev_pagemap_info(const struct mmsim_dev_pagemap *pgmap,
			    struct mmsim_dev_pagemap_info *out)
{
	*out = (struct mmsim_dev_pagemap_info){
		.start_pfn = pgmap->start,
		.nr_pages = pgmap->end - pgmap->start,
		.init_ns = pgmap->init_ns,
		.max_threads = pgmap->max_threads,
		.nid = pgmap->nid,
		.backing = pgmap->map.area.got,
	};
}

struct mmsim_page *mmsim_dev_pagemap_page(const struct mmsim_dev_pagemap *pgmap, uint64_t pfn)
{
	if (pfn < pgmap->start || pfn >= pgmap->end)
		return NULL;
	return mm_pfn_to_page(&pgmap->map, pfn);
}

uint64_t mmsim_dev_pagemap_pfn(const struct mmsim_dev_pagemap *pgmap, const struct mmsim_page *page)
{
	return mm_page_to_pfn(&pgmap->map, page);
}
