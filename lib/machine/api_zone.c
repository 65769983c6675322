/* SPDX-License-Identifier: MIT */
/* Exported calls: the books of zones. */
#include "machine.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

const char *mmsim_zone_name(enum mmsim_zone_type type)
{
	static const char *const names[MMSIM_NR_ZONES] = {
		[MMSIM_ZONE_DMA] = "DMA",
		[MMSIM_ZONE_DMA32] = "DMA32",
		[MMSIM_ZONE_NORMAL] = "Normal",
		[MMSIM_ZONE_MOVABLE] = "Movable",
	};

	return type < MMSIM_NR_ZONES ? names[type] : NULL;
}

static void copy_zone(struct mm_zone *zone, struct mmsim_zone_info *info)
{
	*info = (struct mmsim_zone_info){
		.node = zone->node,
		.type = zone->type,
		.start_pfn = zone->span.start,
		.spanned = zone->span.end - zone->span.start,
		.present = zone->span.present,
		.pcp = mm_buddy_pcp_count(zone),
	};
	mm_spin_lock(&zone->lock);
	info->managed = zone->managed;
	info->free = zone->free_pages;
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (int t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
			info->nr_free[o][t] = zone->area[o].nr[t];
	mm_spin_unlock(&zone->lock);
}

int mmsim_zone_info(struct mmsim *m, unsigned node, enum mmsim_zone_type type,
		    struct mmsim_zone_info *info)
{
	MM_ON_CPU(m);
	struct mm_zone *zone;

	if (node >= m->buddy.nr_nodes || type >= MMSIM_NR_ZONES) {
		mm_base_log(&m->log, "mmsim_zone_info(node %u, type %u): no such node or type",
			    node, type);
		return -EINVAL;
	}
	zone = mm_buddy_zone(&m->buddy, node, type);
	if (!mm_zone_populated(zone))
		return -ENOENT;
	copy_zone(zone, info);
	return 0;
}

struct text {
	char *buf;
	size_t len, used;
};

/* Goes on counting when the buffer is full, as snprintf() does. */
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

size_t mmsim_print_buddyinfo(struct mmsim *m, char *buf, size_t len)
{
	struct text t = { buf, len, 0 };
	struct mmsim_zone_info info;
	MM_ON_CPU(m);

	mm_for_each_zone(zone, &m->buddy) {
		copy_zone(zone, &info);
		append(&t, "Node %u, zone %8s ", zone->node, mmsim_zone_name(zone->type));
		for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
			uint64_t nr = 0;

			for (int mt = 0; mt < MMSIM_NR_MIGRATETYPES; mt++)
				nr += info.nr_free[o][mt];
			append(&t, "%6" PRIu64 " ", nr);
		}
		append(&t, "\n");
	}
	return t.used;
}

uint64_t mmsim_validate(struct mmsim *m)
{
	MM_ON_CPU(m);

	return mm_buddy_validate(&m->buddy);
}
