/* SPDX-License-Identifier: MIT */
/* Printing what books.c and frag.c have read. */
#include "text.h"

#include "books.h"
#include "fields.h"
#include "frag.h"
#include "zoneinfo.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* pagetypeinfo: the kernel counts no list further than this, as it holds the zone's lock. */
#define LIST_CAP UINT64_C(100000)

struct text {
	char *buf;
	size_t len, used;
};

/* T1: goes on counting when the buffer is full. */
static void mm_printf(2, 3) append(struct text *t, const char *format, ...)
{
	size_t left = t->used < t->len ? t->len - t->used : 0;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(left ? t->buf + t->used : NULL, left, format, args);
	va_end(args);
	t->used += n > 0 ? (size_t)n : 0;
}

typedef void (*print_fn)(struct text *t, const struct mmsim_zone_info *info);

static void print_zone(struct text *t, struct mm_zone *zone, print_fn print)
{
	struct mmsim_zone_info info;

	mm_replay_zone_books(zone, &info);
	print(t, &info);
}

static size_t print_zones(struct mm_buddy *b, char *buf, size_t len, print_fn print)
{
	struct text t = { buf, len, 0 };

	mm_for_each_zone(zone, b)
		print_zone(&t, zone, print);
	return t.used;
}

static void print_name(struct text *t, const struct mmsim_zone_info *info)
{
	append(t, "Node %u, zone %8s ", info->node, mm_replay_zone_name(info->type));
}

static void print_buddy_line(struct text *t, const struct mmsim_zone_info *info)
{
	print_name(t, info);
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		uint64_t nr = 0;

		for (unsigned mt = 0; mt < MMSIM_NR_MIGRATETYPES; mt++)
			nr += info->nr_free[o][mt];
		append(t, "%6" PRIu64 " ", nr);
	}
	append(t, "\n");
}

size_t mm_replay_print_buddyinfo(struct mm_buddy *b, char *buf, size_t len)
{
	return print_zones(b, buf, len, print_buddy_line);
}

static void print_unusable_line(struct text *t, const struct mmsim_zone_info *info)
{
	struct mmsim_frag_info frag;

	mm_replay_frag_lists(info->nr_free, &frag);
	print_name(t, info);
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		append(t, "%u.%03u ", frag.order[o].unusable / 1000, frag.order[o].unusable % 1000);
	append(t, "\n");
}

size_t mm_replay_print_unusable_index(struct mm_buddy *b, char *buf, size_t len)
{
	return print_zones(b, buf, len, print_unusable_line);
}

/* The kernel's quirk: of -500 it makes " 0.-500". */
static void print_extfrag_line(struct text *t, const struct mmsim_zone_info *info)
{
	struct mmsim_frag_info frag;

	mm_replay_frag_lists(info->nr_free, &frag);
	print_name(t, info);
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		append(t, "%2d.%03d ", frag.order[o].fragmentation / 1000,
		       frag.order[o].fragmentation % 1000);
	append(t, "\n");
}

size_t mm_replay_print_extfrag_index(struct mm_buddy *b, char *buf, size_t len)
{
	return print_zones(b, buf, len, print_extfrag_line);
}

static void print_type_lines(struct text *t, const struct mmsim_zone_info *info)
{
	for (unsigned mt = 0; mt < MMSIM_NR_MIGRATETYPES; mt++) {
		append(t, "Node %4u, zone %8s, type %12s ", info->node,
		       mm_replay_zone_name(info->type), mm_replay_migratetype_name(mt));
		for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
			bool capped = info->nr_free[o][mt] >= LIST_CAP;

			append(t, "%s%6" PRIu64 " ", capped ? ">" : "",
			       capped ? LIST_CAP : info->nr_free[o][mt]);
		}
		append(t, "\n");
	}
}

static void print_pageblock_line(struct text *t, const struct mmsim_zone_info *info)
{
	print_name(t, info);
	for (unsigned mt = 0; mt < MMSIM_NR_MIGRATETYPES; mt++)
		append(t, "%12" PRIu64 " ", info->pageblocks[mt]);
	append(t, "\n");
}

static void print_type_head(struct text *t)
{
	append(t, "Page block order: %d\nPages per block:  %u\n\n%-43s ", MMSIM_PAGEBLOCK_ORDER,
	       MMSIM_PAGEBLOCK_NR_PAGES, "Free pages count per migrate type at order");
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		append(t, "%6u ", o);
	append(t, "\n");
}

static void print_pageblock_head(struct text *t)
{
	append(t, "\n%-23s", "Number of blocks type ");
	for (unsigned mt = 0; mt < MMSIM_NR_MIGRATETYPES; mt++)
		append(t, "%12s ", mm_replay_migratetype_name(mt));
	append(t, "\n");
}

static bool has_memory(const struct mm_buddy *b, unsigned node)
{
	for (unsigned type = 0; type < MMSIM_NR_ZONES; type++)
		if (mm_zone_populated(mm_buddy_zone(b, node, type)))
			return true;
	return false;
}

static void print_node(struct text *t, struct mm_buddy *b, unsigned node, print_fn print)
{
	for (unsigned type = 0; type < MMSIM_NR_ZONES; type++) {
		struct mm_zone *zone = mm_buddy_zone(b, node, type);

		if (mm_zone_populated(zone))
			print_zone(t, zone, print);
	}
}

/* All of it once per node, the heads too. */
size_t mm_replay_print_pagetypeinfo(struct mm_buddy *b, char *buf, size_t len)
{
	struct text t = { buf, len, 0 };

	for (unsigned node = 0; node < b->nr_nodes; node++) {
		if (!has_memory(b, node))
			continue;
		print_type_head(&t);
		print_node(&t, b, node, print_type_lines);
		print_pageblock_head(&t);
		print_node(&t, b, node, print_pageblock_line);
	}
	return t.used;
}

static void print_marks(struct text *t, const struct mmsim_zone_info *info)
{
	const struct {
		const char *name;
		uint64_t value;
	} lines[] = {
		{ "  pages free    ", info->free },    { "        boost   ", info->boost },
		{ "        min     ", info->min },     { "        low     ", info->low },
		{ "        high    ", info->high },    { "        promo   ", info->promo },
		{ "        spanned ", info->spanned }, { "        present ", info->present },
		{ "        managed ", info->managed }, { "        cma     ", info->cma },
	};

	for (size_t i = 0; i < mm_array_size(lines); i++)
		append(t, "\n%s %" PRIu64, lines[i].name, lines[i].value);
	append(t, "\n        protection: (");
	for (unsigned z = 0; z < MMSIM_NR_ZONES; z++)
		append(t, "%s%" PRIu64, z ? ", " : "", info->lowmem_reserve[z]);
	append(t, ")");
}

static void print_counters(struct text *t, const struct mmsim_zone_info *info)
{
	append(t, "\n      %-12s %" PRIu64, "nr_free_pages", info->free);
	append(t, "\n      %-12s %" PRIu64, "nr_free_pages_blocks",
	       mm_replay_frag_free_huge(info->nr_free) * MMSIM_PAGEBLOCK_NR_PAGES);
	append(t, "\n      %-12s %" PRIu64, "nr_free_cma", info->free_cma);
}

static void print_pageset(struct text *t, const struct mm_zone *zone, unsigned cpu)
{
	struct mmsim_pcp_info pcp;

	mm_replay_pcp_books(zone, cpu, &pcp);
	append(t,
	       "\n    cpu: %u"
	       "\n              count:    %u"
	       "\n              high:     %u"
	       "\n              batch:    %u"
	       "\n              high_min: %u"
	       "\n              high_max: %u"
	       "\n  vm stats threshold: 0",
	       cpu, pcp.count, pcp.high, pcp.batch, pcp.high_min, pcp.high_max);
}

static void print_zoneinfo(struct text *t, struct mm_zone *zone)
{
	struct mmsim_zone_info info;

	mm_replay_zone_books(zone, &info);
	append(t, "Node %u, zone %8s", info.node, mm_replay_zone_name(info.type));
	print_marks(t, &info);
	if (mm_zone_populated(zone)) {
		print_counters(t, &info);
		append(t, "\n  pagesets");
		for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++)
			print_pageset(t, zone, cpu);
		append(t,
		       "\n  start_pfn:           %" PRIu64 "\n  reserved_highatomic: %" PRIu64
		       "\n  free_highatomic:     %" PRIu64,
		       info.start_pfn, info.nr_reserved_highatomic, info.free_highatomic);
	}
	append(t, "\n");
}

size_t mm_replay_print_zoneinfo(struct mm_buddy *b, char *buf, size_t len)
{
	struct text t = { buf, len, 0 };

	for (unsigned i = 0; i < b->nr_nodes * MMSIM_NR_ZONES; i++)
		print_zoneinfo(&t, &b->zones[i]);
	return t.used;
}
