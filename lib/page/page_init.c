/* SPDX-License-Identifier: MIT */
/* Writing struct pages for the first time. */
#include "page_init.h"

#include "bits.h"

#ifdef __SSE2__
#include <emmintrin.h>

/* The same 64 bytes nr times. The fence makes them visible before whatever is stored next. */
static void stream(struct mmsim_page *page, const struct mmsim_page *like, uint64_t nr)
{
	const __m128i *from = (const __m128i *)(const void *)like;
	__m128i a = _mm_loadu_si128(from), b = _mm_loadu_si128(from + 1);
	__m128i c = _mm_loadu_si128(from + 2), d = _mm_loadu_si128(from + 3);

	for (struct mmsim_page *end = page + nr; page < end; page++) {
		__m128i *to = (__m128i *)(void *)page;

		_mm_stream_si128(to, a);
		_mm_stream_si128(to + 1, b);
		_mm_stream_si128(to + 2, c);
		_mm_stream_si128(to + 3, d);
	}
	_mm_sfence();
}

#else

static void stream(struct mmsim_page *page, const struct mmsim_page *like, uint64_t nr)
{
	for (struct mmsim_page *end = page + nr; page < end; page++)
		*page = *like;
}

#endif

static struct mmsim_page page_like(const struct mm_page_init *init, uint64_t section)
{
	return (struct mmsim_page){
		.flags = init->flags | (uint64_t)init->zone << MMSIM_ZONE_SHIFT |
			 (uint64_t)init->node << MMSIM_NODE_SHIFT | section << MMSIM_SECTION_SHIFT,
		.lru.next = (struct mmsim_list_head *)init->pgmap,
		.mapcount = -1,
		.refcount = init->refcount,
		/* Of no block: a stray free of a page being initialised finds the wrong order. */
		.order = MM_NO_ORDER,
	};
}

/* Within one section, where all pages are alike. */
static void init_alike(const struct mm_page_init *init, uint64_t pfn, uint64_t nr)
{
	struct mmsim_page like = page_like(init, pfn / MMSIM_PAGES_PER_SECTION);
	struct mmsim_page *page = mm_pfn_to_page(init->map, pfn);

	if (init->streaming) {
		stream(page, &like, nr);
		mm_exec_charge(init->exec, MM_CHARGE_STREAM, page, nr * sizeof(*page));
		return;
	}
	for (uint64_t i = 0; i < nr; i++)
		page[i] = like;
	mm_exec_charge(init->exec, MM_CHARGE_PAGE_INIT, page, nr);
}

void mm_page_init(const struct mm_page_init *init, uint64_t pfn, uint64_t nr)
{
	uint64_t end = pfn + nr;

	while (pfn < end) {
		uint64_t stop =
			mm_round_down(pfn, MMSIM_PAGES_PER_SECTION) + MMSIM_PAGES_PER_SECTION;
		uint64_t part = mm_min(stop, end) - pfn;

		init_alike(init, pfn, part);
		pfn += part;
	}
}
