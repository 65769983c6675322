/* SPDX-License-Identifier: MIT */
#include "free_pairs.h"
#include "array.h"
#include "compiler.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* A page that was freed at least once; in the chain of its bucket. */
struct freed_page {
	uint32_t pfn;
	uint32_t last; /* index + 1 of its FREE, if no event of the page came since; else 0 */
	uint32_t next; /* index + 1 in the chain; 0: the end */
};

/*
 * Buckets are low bits of the pfn: neighbours in memory are neighbours in time, too. A bucket cannot
 * hold more than 2^32 / buckets pages, which bounds what a malicious trace can cost.
 */
struct freed_pages {
	uint32_t *bucket; /* index + 1 of the first page */
	uint32_t mask;
	struct freed_page *page;
	size_t nr;
};

static int make_buckets(struct freed_pages *freed, const struct mmsim_trace *trace)
{
	size_t frees = 0, size = 1;

	for (size_t i = 0; i < trace->nr; i++)
		frees += trace->events[i].kind == MMSIM_TRACE_FREE;
	while (size < frees)
		size *= 2;
	freed->bucket = calloc(size, sizeof(*freed->bucket));
	freed->mask = (uint32_t)(size - 1);
	return freed->bucket ? 0 : -ENOMEM;
}

static struct freed_page *find_page(struct freed_pages *freed, uint32_t pfn)
{
	if (!freed->page)
		return NULL;
	for (uint32_t at = freed->bucket[pfn & freed->mask]; at; at = freed->page[at - 1].next)
		if (freed->page[at - 1].pfn == pfn)
			return &freed->page[at - 1];
	return NULL;
}

static struct freed_page *add_page(struct freed_pages *freed, uint32_t pfn)
{
	uint32_t *bucket = &freed->bucket[pfn & freed->mask];
	struct freed_page *page = mm_replay_array_grow(freed->page, freed->nr, sizeof(*page));

	if (!page)
		return NULL;
	freed->page = page;
	page += freed->nr++;
	page->pfn = pfn;
	page->next = *bucket;
	*bucket = (uint32_t)freed->nr;
	return page;
}

static void end_pair(struct mmsim_trace *trace, struct freed_page *page,
		     const struct mmsim_trace_event *batched)
{
	struct mmsim_trace_event *free_event =
		page && page->last ? &trace->events[page->last - 1] : NULL;

	if (free_event && free_event->cpu == batched->cpu)
		free_event->flag = 1;
	else
		trace->unpaired_batched++;
}

static int pair_events(struct mmsim_trace *trace, struct freed_pages *freed)
{
	for (size_t i = 0; i < trace->nr; i++) {
		const struct mmsim_trace_event *ev = &trace->events[i];
		struct freed_page *page = find_page(freed, ev->pfn);
		bool is_free = ev->kind == MMSIM_TRACE_FREE;

		if (ev->kind == MMSIM_TRACE_FREE_BATCHED)
			end_pair(trace, page, ev);
		if (is_free && !page)
			page = add_page(freed, ev->pfn);
		if (page)
			page->last = is_free ? (uint32_t)i + 1 : 0;
		else if (is_free)
			return -ENOMEM;
	}
	return 0;
}

int mm_replay_pair_frees(struct mmsim_trace *trace)
{
	struct freed_pages freed = { 0 };
	int err = make_buckets(&freed, trace);

	if (!err)
		err = pair_events(trace, &freed);
	free(freed.page);
	free(freed.bucket);
	return err;
}
