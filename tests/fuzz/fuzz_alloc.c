/* SPDX-License-Identifier: MIT */
/*
 * Operation streams against the page allocator: each byte pair is an operation on a small machine of
 * the serial mode. Whatever the stream, refused calls change nothing and the books balance.
 *
 * Byte 1: bits 0-2 the operation, bits 3-6 an order (also too large ones), bit 7 one gfp bit.
 * Byte 2: which of the blocks held, which pfn, which gfp.
 */
#include <mmsim/mmsim.h>

#include <stdlib.h>
#include <string.h>

enum { MAX_HELD = 256 };

struct world {
	struct mmsim *m;
	struct mmsim_page *held[MAX_HELD];
	unsigned order[MAX_HELD];
	unsigned nr_held;
};

static struct mmsim *make_machine(void)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));
	struct mmsim *m = NULL;

	if (!cfg)
		abort();
	mmsim_config_defaults(cfg);
	cfg->mode = MMSIM_SERIAL;
	cfg->flags = MMSIM_NO_PREFAULT;
	if (mmsim_config_set_memory(cfg, UINT64_C(24) << 20) || mmsim_create(cfg, &m))
		abort();
	free(cfg);
	return m;
}

static mmsim_gfp_t pick_gfp(uint8_t a, uint8_t b)
{
	static const mmsim_gfp_t gfp[] = {
		MMSIM_GFP_KERNEL,
		MMSIM_GFP_HIGHUSER_MOVABLE,
		MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE,
		MMSIM_GFP_KERNEL | MMSIM___GFP_DMA,
	};

	return gfp[b % 4] | (a & 0x80 ? MMSIM___GFP_THISNODE : 0);
}

static void take(struct world *w, uint8_t a, uint8_t b)
{
	unsigned order = a >> 3 & 15;
	struct mmsim_page *page;

	if (w->nr_held == MAX_HELD)
		return;
	page = mmsim_alloc_pages(w->m, pick_gfp(a, b), order);
	if (!page)
		return;
	if (mmsim_page_to_pfn(w->m, page) % (UINT64_C(1) << order))
		abort();
	w->held[w->nr_held] = page;
	w->order[w->nr_held++] = order;
}

static void give(struct world *w, unsigned i, unsigned order)
{
	int err = mmsim_free_pages(w->m, w->held[i], order);

	if ((err == 0) != (order == w->order[i]))
		abort();
	if (err)
		return;
	w->nr_held--;
	w->held[i] = w->held[w->nr_held];
	w->order[i] = w->order[w->nr_held];
}

static void bulk(struct world *w, uint8_t b)
{
	size_t want = (size_t)b % 64, room = MAX_HELD - w->nr_held;
	size_t got = mmsim_alloc_pages_bulk(w->m, MMSIM_GFP_HIGHUSER_MOVABLE,
					    want < room ? want : room, &w->held[w->nr_held]);

	while (got-- > 0)
		w->order[w->nr_held++] = 0;
}

/* A pfn out of nowhere: allowed to succeed only if a block held begins there. */
static void give_any(struct world *w, uint8_t a, uint8_t b)
{
	uint64_t pfn = (uint64_t)b << 5 | (a >> 3 & 15);

	for (unsigned i = 0; i < w->nr_held; i++)
		if (mmsim_page_to_pfn(w->m, w->held[i]) == pfn) {
			give(w, i, a >> 3 & 15);
			return;
		}
	if (mmsim_free_pfn(w->m, pfn, a >> 3 & 15) == 0)
		abort();
}

static void step(struct world *w, uint8_t a, uint8_t b)
{
	switch (a & 7) {
	case 0:
	case 1:
		take(w, a, b);
		break;
	case 2:
	case 3:
		if (w->nr_held)
			give(w, b % w->nr_held, w->order[b % w->nr_held]);
		break;
	case 4:
		if (w->nr_held)
			give(w, b % w->nr_held, a >> 3 & 15);
		break;
	case 5:
		bulk(w, b);
		break;
	case 6:
		mmsim_drain_all_pages(w->m);
		break;
	default:
		give_any(w, a, b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .m = make_machine() };
	uint64_t before = mmsim_validate(w.m);

	for (size_t i = 0; i + 1 < size && i < 4096; i += 2)
		step(&w, data[i], data[i + 1]);
	mmsim_validate(w.m);
	while (w.nr_held)
		give(&w, 0, w.order[0]);
	mmsim_drain_all_pages(w.m);
	if (mmsim_validate(w.m) != before)
		abort();
	mmsim_destroy(w.m);
	return 0;
}
