/* SPDX-License-Identifier: MIT */
/* Struct pages for the memory of a device. */
#include "zone_device.h"

#include "bits.h"
#include "host_memory.h"
#include "prefault.h"
#include <errno.h>

#define ALL_FLAGS \
	(uint32_t)(MMSIM_MEMMAP_STREAMING | MMSIM_MEMMAP_ONE_BY_ONE | MMSIM_MEMMAP_NO_PREFAULT)

/* Z1 */
static uint64_t first_pfn(const struct mm_boot *boot)
{
	return mm_round_up(boot->shape->max_pfn, MMSIM_PAGES_PER_SECTION);
}

const char *mm_boot_refuse_device(const struct mm_boot *boot, unsigned nid, uint64_t nr_pages,
				  uint32_t flags, int *err)
{
	*err = -EINVAL;
	if (nid >= boot->nr_nodes)
		return "nid: no node of the machine";
	if (!nr_pages)
		return "nr_pages: 0";
	if (nr_pages % MMSIM_PAGES_PER_SECTION)
		return "nr_pages: not whole sections of 32768";
	if (flags & ~ALL_FLAGS)
		return "flags: unknown";
	if (flags & MMSIM_MEMMAP_STREAMING && flags & MMSIM_MEMMAP_ONE_BY_ONE)
		return "flags: streaming stores are from a template";
	*err = -ERANGE;
	if (nr_pages > MMSIM_MAX_PHYS / MMSIM_PAGE_SIZE - first_pfn(boot))
		return "nr_pages: they would lie above MMSIM_MAX_PHYS";
	return NULL;
}

/* Mapping */

static int map_area(struct mm_boot *boot, struct mmsim_dev_pagemap *pgmap, bool touch)
{
	const struct mm_area *machine = &boot->map->area;
	struct mm_area *area = &pgmap->map.area;
	uint64_t bytes = (pgmap->end - pgmap->start) * sizeof(struct mmsim_page);
	int err = mm_page_area_init(area, bytes, machine->no_huge, machine->fault);

	if (err)
		return err;
	err = mm_page_area_map(area, 0, bytes);
	if (!err)
		/* Huge pages are taken already. */
		err = mm_page_host_check(boot->log, "struct pages of a device",
					 area->got.bytes_thp + area->got.bytes_base);
	if (err) {
		mm_page_area_fini(area);
		return err;
	}
	if (boot->nr_nodes > 1)
		mm_page_area_bind(area, 0, bytes, pgmap->nid);
	if (touch)
		mm_page_prefault(area, boot->padata, 0, bytes);
	return 0;
}

int mm_boot_add_device(struct mm_boot *boot, unsigned nid, uint64_t nr_pages, uint32_t flags,
		       struct mmsim_dev_pagemap **out)
{
	struct mmsim_dev_pagemap *pgmap = mm_base_meta_alloc(boot->exec->meta, sizeof(*pgmap));
	int err;

	if (!pgmap)
		return -ENOMEM;
	pgmap->nid = nid;
	pgmap->start = first_pfn(boot);
	pgmap->end = pgmap->start + nr_pages;
	err = map_area(boot, pgmap, !(flags & MMSIM_MEMMAP_NO_PREFAULT));
	if (err) {
		mm_base_meta_free(boot->exec->meta, pgmap, sizeof(*pgmap));
		return err;
	}
	/* V1, of which there is nothing below start: a number until it is indexed. */
	pgmap->map.base = (struct mmsim_page *)((uintptr_t)pgmap->map.area.base -
						pgmap->start * sizeof(struct mmsim_page));
	*out = pgmap;
	return 0;
}

void mm_boot_remove_device(struct mm_boot *boot, struct mmsim_dev_pagemap *pgmap)
{
	mm_page_area_fini(&pgmap->map.area);
	mm_base_meta_free(boot->exec->meta, pgmap, sizeof(*pgmap));
}

/* Initialising */

struct job {
	struct mm_page_init init;
	uint64_t step; /* pages for each of which a template is made up */
};

static void init_section(const struct job *job, uint64_t section)
{
	uint64_t pfn = section * MMSIM_PAGES_PER_SECTION, end = pfn + MMSIM_PAGES_PER_SECTION;

	for (; pfn < end; pfn += job->step)
		mm_page_init(&job->init, pfn, job->step);
	mm_exec_resched(job->init.exec);
}

/* Positions are numbers of sections. */
static int init_sections(void *start, void *end, void *arg)
{
	for (uintptr_t section = (uintptr_t)start; section < (uintptr_t)end; section++)
		init_section(arg, section);
	return 0;
}

/* What 0 stands for: a ktask would take its own default. */
static unsigned threads_of(const struct mm_boot *boot, unsigned nid, unsigned max_threads)
{
	unsigned on_node = boot->topology->nr_node_cpus[nid];

	if (max_threads)
		return max_threads;
	return on_node ? on_node : boot->topology->nr_cpus;
}

void mm_boot_init_device(struct mm_boot *boot, struct mm_ktask *kt, struct mmsim_dev_pagemap *pgmap,
			 unsigned max_threads, uint32_t flags)
{
	struct job job = {
		.init = {
			.exec = boot->exec,
			.map = &pgmap->map,
			.node = pgmap->nid,
			.zone = MMSIM_ZONE_DEVICE,
			.flags = UINT64_C(1) << MMSIM_PG_RESERVED,
			.refcount = 1,
			.pgmap = pgmap,
			.streaming = flags & MMSIM_MEMMAP_STREAMING,
		},
		.step = flags & MMSIM_MEMMAP_ONE_BY_ONE ? 1 : MMSIM_PAGES_PER_SECTION,
	};
	struct mmsim_ktask_node node = {
		.start = (void *)(uintptr_t)(pgmap->start / MMSIM_PAGES_PER_SECTION),
		.task_size = (pgmap->end - pgmap->start) / MMSIM_PAGES_PER_SECTION,
		.nid = (int)pgmap->nid,
	};
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = init_sections,
		.fn_arg = &job,
		.min_chunk = 1,
		.max_threads = threads_of(boot, pgmap->nid, max_threads),
	};
	uint64_t began = mm_exec_now(boot->exec);

	mm_invariant("Z2: every struct page of a device is initialised",
		     !mm_job_ktask_run(kt, &node, 1, &ctl));
	pgmap->max_threads = ctl.max_threads;
	pgmap->init_ns = mm_exec_now(boot->exec) - began;
}
