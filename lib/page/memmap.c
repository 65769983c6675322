/* SPDX-License-Identifier: MIT */
/* The struct page array: which of it exists. */
#include "memmap.h"

#include "bits.h"
#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct mmsim_page) == 64, "struct page fills one cache line");
_Static_assert(MMSIM_PAGES_PER_SECTION / MMSIM_PAGES_PER_SUBSECTION == 64, "bits of a word");
_Static_assert(MMSIM_PAGES_PER_SECTION * sizeof(struct mmsim_page) == MM_HUGE_2M,
	       "a section's struct pages are one huge page");

static void mark_valid(struct mm_memmap *map, const struct mm_span *ram)
{
	uint64_t first = ram->start / MMSIM_PAGES_PER_SUBSECTION;
	uint64_t last = (ram->end - 1) / MMSIM_PAGES_PER_SUBSECTION;

	for (uint64_t sub = first; sub <= last; sub++)
		map->valid[sub / 64] |= UINT64_C(1) << (sub % 64);
}

bool mm_page_memmap_next(const struct mm_memmap *map, uint64_t *from, uint64_t *to)
{
	uint64_t s = *from;

	while (s < map->nr_sections && !map->valid[s])
		s++;
	*from = s;
	while (s < map->nr_sections && map->valid[s])
		s++;
	*to = s;
	return *from < *to;
}

static int map_sections(struct mm_memmap *map)
{
	for (uint64_t from = 0, to; mm_page_memmap_next(map, &from, &to); from = to) {
		int err = mm_page_area_map(&map->area, from * MM_HUGE_2M, to * MM_HUGE_2M);

		if (err)
			return err;
	}
	return 0;
}

/* Struct pages live on the node they describe. */
static void bind_nodes(struct mm_memmap *map, const struct mm_shape *shape)
{
	for (unsigned i = 0; i < shape->nr_ram && shape->nr_nodes > 1; i++) {
		const struct mm_span *ram = &shape->ram[i];
		uint64_t from = ram->start / MMSIM_PAGES_PER_SECTION;
		uint64_t to = mm_div_round_up(ram->end, MMSIM_PAGES_PER_SECTION);

		mm_page_area_bind(&map->area, from * MM_HUGE_2M, to * MM_HUGE_2M, ram->node);
	}
}

int mm_page_memmap_init(struct mm_memmap *map, struct mm_meta *meta, const struct mm_shape *shape,
			uint32_t no_huge, struct mm_fault *fault)
{
	int err;

	*map = (struct mm_memmap){
		.nr_sections = mm_div_round_up(shape->max_pfn, MMSIM_PAGES_PER_SECTION),
	};
	map->valid = mm_base_meta_calloc(meta, map->nr_sections, sizeof(*map->valid));
	if (!map->valid)
		return -ENOMEM;
	for (unsigned i = 0; i < shape->nr_ram; i++)
		mark_valid(map, &shape->ram[i]);
	err = mm_page_area_init(&map->area, map->nr_sections * MM_HUGE_2M, no_huge, fault);
	if (!err)
		err = map_sections(map);
	if (err) {
		mm_page_memmap_fini(map, meta);
		return err;
	}
	bind_nodes(map, shape);
	map->base = (struct mmsim_page *)(void *)map->area.base;
	return 0;
}

void mm_page_memmap_fini(struct mm_memmap *map, struct mm_meta *meta)
{
	mm_page_area_fini(&map->area);
	mm_base_meta_free(meta, map->valid, map->nr_sections * sizeof(*map->valid));
	*map = (struct mm_memmap){ 0 };
}

struct clear {
	struct mm_memmap *map;
	struct mm_exec *exec;
};

/* Charged as stores past the cache: no CPU has the lines afterwards, as after power-on. */
static void clear_sections(unsigned long start, unsigned long end, void *arg)
{
	const struct clear *clear = arg;
	char *base = clear->map->area.base + start * MM_HUGE_2M;
	uint64_t bytes = (end - start) * MM_HUGE_2M;

	memset(base, 0, bytes);
	mm_exec_charge(clear->exec, MM_CHARGE_STREAM, base, bytes);
}

void mm_page_memmap_clear(struct mm_memmap *map, struct mm_padata *padata)
{
	struct clear clear = { .map = map, .exec = padata->crew->exec };

	for (uint64_t from = 0, to; mm_page_memmap_next(map, &from, &to); from = to) {
		struct mmsim_padata_mt_job job = {
			.thread_fn = clear_sections,
			.fn_arg = &clear,
			.start = from,
			.size = to - from,
		};

		mm_job_padata_do_multithreaded(padata, &job);
	}
}
