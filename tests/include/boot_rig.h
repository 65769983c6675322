/* SPDX-License-Identifier: MIT */
/*
 * The floors up to boot, put together from a few pieces of memory, without the machine on top.
 *
 * Struct pages of free RAM start poisoned, since boot must write every field of them. How often each
 * was written is counted where page init tells its cost. What the buddy lists must hold is worked out
 * from the pieces by a naive model that knows nothing of the library.
 */
#ifndef BOOT_RIG_H
#define BOOT_RIG_H

#include "boot.h"
#include "check.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_env.h"

#define SECTION ((uint64_t)MMSIM_PAGES_PER_SECTION)
#define NORMAL ((uint64_t)MM_PFN_DMA32_END) /* the lowest pfn of zone Normal */
#define RIG_RESERVED (UINT64_C(1) << MMSIM_PG_RESERVED)

enum poison {
	POISON_BYTES, /* a pattern that is nothing */
	POISON_FREE, /* as if a free page of order 0 */
	POISON_ALLOCATED, /* as if somebody's */
	POISON_NR
};

struct rig {
	struct page_env env;
	struct mm_exec_ops ops; /* the back end's, with a charge that counts … */
	void (*charge)(struct mm_exec *x, enum mm_charge what, const void *obj,
		       uint64_t n); /* … and calls this, the back end's, if it has one */
	struct mm_obs obs;
	struct mm_crew crew;
	struct mm_padata padata;
	struct mm_area pages;
	struct mm_buddy buddy;
	struct mm_boot boot;
	uint8_t *written; /* atomic: per pfn, how often its struct page was initialised */
	unsigned lines; /* atomic: logged */
};

struct zone_books {
	uint64_t present, managed, nr_free[MMSIM_NR_PAGE_ORDERS];
};

static struct rig *rig_counting; /* the charge callback has no context of its own */

static inline void rig_charge(struct mm_exec *x, enum mm_charge what, const void *obj, uint64_t n)
{
	struct rig *r = rig_counting;
	uint64_t pfn, nr = what == MM_CHARGE_STREAM ? n / sizeof(struct mmsim_page) : n;

	if (r->charge)
		r->charge(x, what, obj, n);
	if (what != MM_CHARGE_STREAM && what != MM_CHARGE_PAGE_INIT)
		return;
	pfn = mm_page_to_pfn(&r->env.map, obj);
	for (uint64_t i = 0; i < nr && r->written; i++)
		__atomic_add_fetch(&r->written[pfn + i], 1, __ATOMIC_RELAXED);
}

static inline void rig_log(void *ctx, const char *line)
{
	struct rig *r = ctx;

	(void)line;
	__atomic_add_fetch(&r->lines, 1, __ATOMIC_RELAXED);
}

static inline void rig_ram(struct rig *r, uint32_t node, uint64_t pfn, uint64_t nr)
{
	page_env_ram(&r->env, node, pfn, pfn + nr);
}

static inline void rig_reserve(struct rig *r, uint32_t node, uint64_t pfn, uint64_t nr)
{
	page_env_reserve(&r->env, node, pfn, pfn + nr);
}

/* Without memory yet; two CPUs for each of `with_cpus` nodes, round and round. */
static inline struct rig *rig_new(enum mmsim_mode mode, unsigned nr_nodes, unsigned with_cpus)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	page_env_config(&r->env, with_cpus * 2, nr_nodes);
	r->env.cfg.mode = mode;
	r->env.cfg.log = rig_log;
	r->env.cfg.log_ctx = r;
	for (unsigned i = 0; i < r->env.cfg.nr_cpus; i++)
		r->env.cfg.cpu[i] = (struct mmsim_cpu){ .node = (uint16_t)(i / 2 % nr_nodes),
							.core = (uint16_t)i };
	return r;
}

static inline bool rig_in(const struct mm_span *span, unsigned nr, uint64_t pfn,
			  const struct mm_span **at)
{
	for (unsigned i = 0; i < nr; i++)
		if (pfn >= span[i].start && pfn < span[i].end) {
			if (at)
				*at = &span[i];
			return true;
		}
	return false;
}

static inline bool rig_is_ram(const struct rig *r, uint64_t pfn, unsigned *node)
{
	const struct mm_span *at;

	if (!rig_in(r->env.shape.ram, r->env.shape.nr_ram, pfn, &at))
		return false;
	*node = at->node;
	return true;
}

static inline bool rig_is_reserved(const struct rig *r, uint64_t pfn)
{
	return rig_in(r->env.shape.reserved, r->env.shape.nr_reserved, pfn, NULL);
}

static inline bool rig_is_free(const struct rig *r, uint64_t pfn, unsigned *node)
{
	return rig_is_ram(r, pfn, node) && !rig_is_reserved(r, pfn);
}

static inline enum mmsim_zone_type rig_zone_of(const struct rig *r, unsigned node, uint64_t pfn)
{
	for (unsigned z = 0; z < MMSIM_NR_ZONES; z++)
		if (pfn >= r->env.shape.zone[node][z].start && pfn < r->env.shape.zone[node][z].end)
			return (enum mmsim_zone_type)z;
	return MMSIM_NR_ZONES;
}

static inline uint64_t rig_flags(const struct rig *r, unsigned node, uint64_t pfn)
{
	return (uint64_t)rig_zone_of(r, node, pfn) << MMSIM_ZONE_SHIFT |
	       (uint64_t)node << MMSIM_NODE_SHIFT | (pfn / SECTION) << MMSIM_SECTION_SHIFT;
}

static inline struct mmsim_page rig_poison(const struct rig *r, unsigned node, uint64_t pfn,
					   enum poison how)
{
	struct mmsim_page page;

	memset(&page, 0xa5, sizeof(page));
	if (how == POISON_BYTES)
		return page;
	page.flags = rig_flags(r, node, pfn);
	page.priv = 0;
	page.order = 0;
	page.page_type = how == POISON_FREE ? MMSIM_PGTY_BUDDY : MMSIM_PGTY_NONE;
	page.refcount = how == POISON_ALLOCATED;
	return page;
}

/* Every struct page a caller of mmsim_reset() may overwrite. */
static inline void rig_poison_all(struct rig *r, enum poison how)
{
	for (unsigned i = 0; i < r->env.shape.nr_ram; i++)
		for (uint64_t pfn = r->env.shape.ram[i].start; pfn < r->env.shape.ram[i].end; pfn++)
			if (!rig_is_reserved(r, pfn))
				*mm_pfn_to_page(&r->env.map, pfn) =
					rig_poison(r, r->env.shape.ram[i].node, pfn, how);
	memset(r->written, 0, r->env.map.nr_sections * SECTION);
}

static inline void rig_open(struct rig *r)
{
	struct mm_buddy_config buddy = {
		.exec = r->env.exec,
		.log = &r->env.log,
		.locks = &r->env.locks,
		.shape = &r->env.shape,
		.map = &r->env.map,
		.pages = &r->pages,
		.obs = &r->obs,
		.topology = &r->env.topology,
		.policy = &r->env.cfg.policy,
	};
	struct mm_boot_config boot = {
		.log = &r->env.log,
		.locks = &r->env.locks,
		.shape = &r->env.shape,
		.map = &r->env.map,
		.buddy = &r->buddy,
		.padata = &r->padata,
		.topology = &r->env.topology,
	};

	page_env_open(&r->env);
	r->ops = *r->env.exec->ops;
	r->charge = r->ops.charge;
	r->ops.charge = rig_charge;
	r->env.exec->ops = &r->ops;
	buddy.exec = boot.exec = r->env.exec;
	assert_int_equal(mm_job_crew_init(&r->crew, r->env.exec, &r->env.topology), 0);
	mm_job_padata_init(&r->padata, &r->crew);
	assert_int_equal(mm_buddy_init(&r->buddy, &buddy), 0);
	assert_int_equal(mm_boot_init(&r->boot, &boot), 0);
	r->written = calloc(r->env.map.nr_sections * SECTION, 1); /* holes at the end, too */
	assert_non_null(r->written);
	rig_counting = r;
	rig_poison_all(r, POISON_BYTES);
}

/* Ends with M1: all metadata was freed. */
static inline void rig_close(struct rig *r)
{
	mm_boot_fini(&r->boot);
	mm_buddy_fini(&r->buddy);
	mm_job_crew_fini(&r->crew);
	page_env_close(&r->env);
	rig_counting = NULL;
	free(r->written);
	free(r);
}

/* As the reset button does it. */
static inline void rig_reset(struct rig *r, enum poison how)
{
	mm_buddy_clear(&r->buddy);
	mm_boot_clear(&r->boot);
	rig_poison_all(r, how);
}

/* Initialised, not reserved, untouched by anybody: free, in a block or its first page. */
static inline bool rig_page_is_clean(const struct rig *r, unsigned node, uint64_t pfn)
{
	const struct mmsim_page *page = mm_pfn_to_page(&r->env.map, pfn);
	bool head = page->page_type == MMSIM_PGTY_BUDDY;
	static const uint8_t zero[sizeof(page->reserved)];

	return page->flags == rig_flags(r, node, pfn) && !page->refcount && !page->mapping &&
	       !page->index && page->order == MM_NO_ORDER && (head || !page->priv) &&
	       (head || page->page_type == MMSIM_PGTY_NONE) && !page->movable &&
	       !memcmp(page->reserved, zero, sizeof(zero));
}

static inline bool rig_page_is_poisoned(const struct rig *r, uint64_t pfn)
{
	struct mmsim_page poison;

	memset(&poison, 0xa5, sizeof(poison));
	return !memcmp(mm_pfn_to_page(&r->env.map, pfn), &poison, sizeof(poison));
}

/* The blocks of order and below that [pfn, pfn + 2^order) of a zone makes when all of it is free. */
static inline uint64_t model_block(const struct rig *r, const struct mm_zone *zone, uint64_t pfn,
				   unsigned order, uint64_t *nr_free)
{
	uint64_t half = order ? UINT64_C(1) << (order - 1) : 0, got;
	uint64_t low_free[MMSIM_NR_PAGE_ORDERS] = { 0 };
	unsigned node;

	if (!order) {
		bool is_free = rig_is_free(r, pfn, &node) && node == zone->node &&
			       rig_zone_of(r, node, pfn) == zone->type;

		nr_free[0] += is_free;
		return is_free;
	}
	got = model_block(r, zone, pfn, order - 1, low_free);
	got += model_block(r, zone, pfn + half, order - 1, low_free);
	if (got == half * 2) {
		nr_free[order]++;
		return got;
	}
	for (unsigned o = 0; o < order; o++)
		nr_free[o] += low_free[o];
	return got;
}

/* What a fully booted zone must hold; present is not worked out. */
static inline struct zone_books rig_model(const struct rig *r, const struct mm_zone *zone)
{
	struct zone_books books = { .present = zone->span.present };
	uint64_t step = MMSIM_MAX_ORDER_NR_PAGES, pfn = zone->span.start / step * step;

	for (; pfn < zone->span.end; pfn += step)
		books.managed += model_block(r, zone, pfn, MMSIM_MAX_PAGE_ORDER, books.nr_free);
	return books;
}

static inline struct zone_books rig_books(const struct mm_zone *zone)
{
	struct zone_books books = { .present = zone->span.present, .managed = zone->managed };

	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
			books.nr_free[o] += zone->area[o].nr[t];
	return books;
}

static inline void rig_assert_written_once(const struct rig *r, const struct mm_span *ram)
{
	for (uint64_t pfn = ram->start; pfn < ram->end; pfn++) {
		if (rig_is_reserved(r, pfn))
			continue;
		if (r->written[pfn] != 1 || !rig_page_is_clean(r, ram->node, pfn))
			fail_msg("pfn %#lx: written %u times, clean: %d", (unsigned long)pfn,
				 r->written[pfn], rig_page_is_clean(r, ram->node, pfn));
	}
}

/* Everything is free and on no per-CPU list: the lists are as the model says. */
static inline void rig_assert_books(struct rig *r)
{
	mm_for_each_zone(zone, &r->buddy) {
		struct zone_books want = rig_model(r, zone), got = rig_books(zone);

		for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
			assert_int_equal(got.nr_free[o], want.nr_free[o]);
		assert_int_equal(got.managed, want.managed);
		assert_int_equal(zone->free_pages, want.managed);
	}
	mm_buddy_validate(&r->buddy);
}

/* Fully booted and never used: besides, every page was written once. */
static inline void rig_assert_booted(struct rig *r)
{
	for (unsigned i = 0; i < r->env.shape.nr_ram; i++)
		rig_assert_written_once(r, &r->env.shape.ram[i]);
	rig_assert_books(r);
}

#endif
