/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU lists: the pages on them, and the books that /proc/zoneinfo does not show in full.
 *
 * Lines of books name a zone without its node. Where several nodes have such a zone, the lines that
 * a CPU has for it are of these nodes in turn.
 */
#include "array.h"
#include "bits.h"
#include "fields.h"
#include "snapshot_parse.h"

#include <errno.h>

#define LLU(x) ((unsigned long long)(x))

struct pcp_parser {
	struct mm_replay_loading *loading;
	uint64_t *listed; /* by pcp: pages that were listed */
	bool *seen; /* by pcp: its books were there */
};

/* "name=number" */
struct book {
	const char *name;
	size_t offset;
	size_t size;
};

#define BOOK(field)                                                    \
	{                                                              \
#field "=", offsetof(struct mmsim_snap_pcp, field),    \
			sizeof(((struct mmsim_snap_pcp *)NULL)->field) \
	}

static const struct book books[] = {
	BOOK(count),    BOOK(high),       BOOK(batch),        BOOK(high_min),
	BOOK(high_max), BOOK(free_count), BOOK(alloc_factor), BOOK(flags),
};

static int take_book(struct mm_reader *r, struct mmsim_snap_pcp *pcp, struct mm_replay_text word)
{
	struct mm_replay_text rest = word;

	for (size_t i = 0; i < mm_array_size(books); i++) {
		char *to = (char *)pcp + books[i].offset;
		uint64_t value;
		int err;

		if (!mm_replay_take_string(&rest, books[i].name))
			continue;
		err = mm_replay_field(r, &rest, books[i].name,
				      books[i].size == 2 ? UINT16_MAX : UINT32_MAX, &value);
		if (err)
			return err;
		if (books[i].size == 2)
			*(uint16_t *)(void *)to = (uint16_t)value;
		else
			*(uint32_t *)(void *)to = (uint32_t)value;
		return 0;
	}
	return 0; /* one that newer kernels may have */
}

/* The first of that type and CPU whose books have not been seen. */
static struct mmsim_snap_pcp *find_unseen(struct pcp_parser *p, int type, uint64_t cpu)
{
	const struct mmsim_snapshot *snap = p->loading->snap;

	for (uint32_t z = 0; z < snap->nr_zones; z++) {
		struct mmsim_snap_pcp *pcp = mm_replay_find_pcp(snap, z, cpu);

		if (snap->zones[z].type == (uint32_t)type && pcp && !p->seen[pcp - snap->pcps])
			return pcp;
	}
	return NULL;
}

/* "# pcp Normal cpu=0 count=9960 …"; other comments say nothing. */
static int books_line(struct mm_reader *r, void *ctx, struct mm_replay_text line)
{
	struct pcp_parser *p = ctx;
	struct mmsim_snap_pcp *pcp;
	struct mm_replay_text word;
	uint64_t cpu = 0;
	int type = 0, err;

	if (!mm_replay_take_string(&line, "# pcp "))
		return 0;
	err = mm_replay_field_zone(r, &line, &type);
	if (err)
		return err;
	mm_replay_take_blanks(&line);
	if (!mm_replay_take_string(&line, "cpu="))
		return mm_replay_reader_fail(r, -EINVAL, "cpu= is missing");
	err = mm_replay_field(r, &line, "cpu", p->loading->snap->nr_cpus - 1, &cpu);
	if (err)
		return err;
	pcp = find_unseen(p, type, cpu);
	if (!pcp)
		return mm_replay_reader_fail(
			r, -EINVAL, "zone %s and CPU %llu come twice, or are not in zoneinfo",
			mm_replay_zone_name((uint32_t)type), LLU(cpu));
	p->seen[pcp - p->loading->snap->pcps] = true;
	while (!err && mm_replay_take_word(&line, &word))
		err = take_book(r, pcp, word);
	return err;
}

static int add_page(struct mm_reader *r, struct pcp_parser *p, struct mmsim_snap_pcp_page page)
{
	struct mmsim_snapshot *snap = p->loading->snap;
	struct mmsim_snap_pcp *pcp = mm_replay_find_pcp(snap, page.zone, page.cpu);
	struct mmsim_snap_pcp_page *pages;

	if (!pcp)
		return mm_replay_reader_fail(r, -EINVAL, "zoneinfo has no list of CPU %u here",
					     page.cpu);
	p->listed[pcp - snap->pcps] += UINT64_C(1) << page.order;
	pages = mm_replay_array_grow(snap->pcp_pages, snap->nr_pcp_pages, sizeof(*pages));
	if (!pages)
		return mm_replay_no_memory(r);
	snap->pcp_pages = pages;
	pages[snap->nr_pcp_pages++] = page;
	return 0;
}

static int check_list(struct mm_reader *r, unsigned int order, uint8_t migratetype)
{
	if (order > MMSIM_PAGE_ALLOC_COSTLY_ORDER && order != MMSIM_PAGEBLOCK_ORDER)
		return mm_replay_reader_fail(r, -EINVAL, "per-CPU lists have no order %u", order);
	if (migratetype >= MMSIM_MIGRATE_PCPTYPES)
		return mm_replay_reader_fail(r, -EINVAL, "per-CPU lists have no such migratetype");
	return 0;
}

static int page_line(struct mm_reader *r, void *ctx, struct mm_replay_text line)
{
	struct pcp_parser *p = ctx;
	struct mmsim_snap_pcp_page page = { 0 };
	unsigned int order = 0;
	uint64_t cpu = 0;
	int type = 0, err = mm_replay_field_zone(r, &line, &type);

	if (!err)
		err = mm_replay_field(r, &line, "cpu", p->loading->snap->nr_cpus - 1, &cpu);
	if (!err)
		err = mm_replay_field_order(r, &line, &order);
	if (!err)
		err = mm_replay_field_migratetype(r, &line, &page.migratetype);
	if (!err)
		err = check_list(r, order, page.migratetype);
	if (!err)
		err = mm_replay_field(r, &line, "pfn", UINT64_MAX, &page.pfn);
	if (!err)
		err = mm_replay_take_block(r, p->loading, type, page.pfn, order, &page.zone);
	page.cpu = (uint32_t)cpu;
	page.order = (uint8_t)order;
	return err ? err : add_page(r, p, page);
}

/* From here on the books agree with the lists. */
static int settle_counts(struct mm_reader *r, struct pcp_parser *p)
{
	const struct mmsim_snapshot *snap = p->loading->snap;

	for (size_t i = 0; i < snap->nr_pcps; i++) {
		struct mmsim_snap_pcp *pcp = &snap->pcps[i];
		uint64_t listed = p->listed[i];
		uint64_t off = mm_max(listed, pcp->count) - mm_min(listed, pcp->count);

		if (off > MM_REPLAY_SLACK || listed > UINT32_MAX)
			return mm_replay_reader_fail(
				r, -EINVAL,
				"zone %s, CPU %u: %llu pages are listed, the count is %u",
				mm_replay_zone_name(snap->zones[pcp->zone].type), pcp->cpu,
				LLU(listed), pcp->count);
		pcp->count = (uint32_t)listed;
	}
	return 0;
}

int mm_replay_parse_pcp(struct mm_reader *r, struct mm_replay_loading *loading)
{
	size_t nr = loading->snap->nr_pcps;
	struct pcp_parser p = { .loading = loading };
	int err;

	p.listed = calloc(nr + 1, sizeof(*p.listed));
	p.seen = calloc(nr + 1, sizeof(*p.seen));
	if (p.listed && p.seen) {
		err = mm_replay_each_line(r, page_line, books_line, &p);
		if (!err)
			err = settle_counts(r, &p);
	} else {
		err = mm_replay_no_memory(r);
	}
	free(p.listed);
	free(p.seen);
	return err;
}
