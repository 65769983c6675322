/* SPDX-License-Identifier: MIT */
/* Clearing huge pages. */
#include "clear.h"

#include "bits.h"
#include <string.h>

/* Pages between two schedule points, and the fewest worth a thread: 2 MiB, 256 KiB. */
enum { PIECE = 512, MIN_CHUNK = 64 };

#ifdef __SSE2__
#include <emmintrin.h>

static void clear_streaming(char *bytes, size_t nr)
{
	const __m128i zero = _mm_setzero_si128();

	for (size_t i = 0; i < nr; i += 4 * sizeof(zero)) {
		__m128i *to = (__m128i *)(void *)(bytes + i);

		_mm_stream_si128(to, zero);
		_mm_stream_si128(to + 1, zero);
		_mm_stream_si128(to + 2, zero);
		_mm_stream_si128(to + 3, zero);
	}
	_mm_sfence();
}

#else

static void clear_streaming(char *bytes, size_t nr)
{
	memset(bytes, 0, nr);
}

#endif

static void clear_bytes(const struct mm_hugetlb *hg, uint64_t pfn, uint64_t nr, bool streaming)
{
	char *bytes = hg->buddy->pages->base + pfn * MMSIM_PAGE_SIZE;

	if (!hg->buddy->pages->base)
		return;
	if (streaming)
		clear_streaming(bytes, nr * MMSIM_PAGE_SIZE);
	else
		memset(bytes, 0, nr * MMSIM_PAGE_SIZE);
}

void mm_hugetlb_clear(const struct mm_hugetlb *hg, uint64_t pfn, uint64_t nr, bool streaming)
{
	for (uint64_t end = pfn + nr; pfn < end; pfn += PIECE) {
		uint64_t part = mm_min(end - pfn, (uint64_t)PIECE);

		clear_bytes(hg, pfn, part, streaming);
		mm_exec_charge(hg->exec, MM_CHARGE_CLEAR, mm_pfn_to_page(hg->buddy->map, pfn),
			       part * MMSIM_PAGE_SIZE);
		mm_exec_resched(hg->exec);
	}
}

struct clearing {
	const struct mm_hugetlb *hg;
	bool streaming;
};

/* Positions are page frame numbers. */
static int clear_chunk(void *start, void *end, void *arg)
{
	const struct clearing *c = arg;

	mm_hugetlb_clear(c->hg, (uintptr_t)start, (uintptr_t)end - (uintptr_t)start, c->streaming);
	return 0;
}

int mm_hugetlb_clear_parallel(struct mm_hugetlb *hg, uint64_t pfn, uint64_t nr, uint32_t threads,
			      bool streaming)
{
	struct clearing c = { .hg = hg, .streaming = streaming };
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = clear_chunk,
		.fn_arg = &c,
		.min_chunk = MIN_CHUNK,
		.max_threads = threads,
	};
	const struct mmsim_ktask_node node = {
		.start = (void *)(uintptr_t)pfn,
		.task_size = nr,
		.nid = (int)mmsim_page_node(mm_pfn_to_page(hg->buddy->map, pfn)),
	};

	return mm_job_ktask_run(hg->ktask, &node, 1, &ctl);
}
