/* SPDX-License-Identifier: MIT */
/*
 * A zone whose free lists a test fills by hand, and what is on them. Blocks are named by their
 * distance in pages from SMALL_MACHINE_BASE. Include cmocka.h first.
 */
#ifndef TEST_ZONE_LISTS_H
#define TEST_ZONE_LISTS_H

#include "small_machine.h"

/* Struct pages initialised as free ones, no lists. */
static inline void bare_machine_boot(struct small_machine *m)
{
	const struct mm_shape *s = &m->env.shape;

	small_machine_open_empty(m);
	for (unsigned i = 0; i < s->nr_ram; i++)
		small_machine_init_around(m, &s->ram[i]);
	for (unsigned i = 0; i < s->nr_ram; i++) {
		small_machine_init_pages(m, s->ram[i].node, s->ram[i].start, s->ram[i].end, false);
		for (uint64_t pfn = s->ram[i].start; pfn < s->ram[i].end; pfn++)
			small_machine_page(m, pfn)->refcount = 0;
	}
}

/* One zone of nr_pages pages, one CPU. */
static inline void bare_machine_open(struct small_machine *m, uint64_t nr_pages)
{
	memset(m, 0, sizeof(*m));
	page_env_config(&m->env, 1, 1);
	page_env_ram(&m->env, 0, SMALL_MACHINE_BASE, SMALL_MACHINE_BASE + nr_pages);
	bare_machine_boot(m);
}

/* Free a block into its own zone with its pageblock's type. */
static inline void free_block(struct small_machine *m, uint64_t at, unsigned order, enum mm_fpi fpi)
{
	struct mmsim_page *page = small_machine_page(m, SMALL_MACHINE_BASE + at);
	struct mm_zone *zone = mm_buddy_page_zone(&m->buddy, page);

	mm_spin_lock(&zone->lock);
	mm_buddy_free_one_page(zone, page, order,
			       mm_zone_migratetype(zone, SMALL_MACHINE_BASE + at), fpi);
	mm_spin_unlock(&zone->lock);
}

#define NOTHING UINT64_MAX

/* Take a block; where it is, or NOTHING. */
static inline uint64_t take_block(struct small_machine *m, unsigned order,
				  enum mmsim_migratetype mt)
{
	struct mm_zone *zone = small_machine_normal(m);
	enum mm_rmqueue_mode mode = MM_RMQUEUE_NORMAL;
	struct mmsim_page *page;

	mm_spin_lock(&zone->lock);
	page = mm_buddy_rmqueue(zone, order, mt, 0, &mode);
	mm_spin_unlock(&zone->lock);
	return page ? small_machine_pfn(m, page) - SMALL_MACHINE_BASE : NOTHING;
}

static inline void set_type(struct small_machine *m, uint64_t at, enum mmsim_migratetype mt)
{
	mm_zone_set_migratetype(small_machine_normal(m), SMALL_MACHINE_BASE + at, mt);
}

static inline enum mmsim_migratetype type_at(struct small_machine *m, uint64_t at)
{
	return mm_zone_migratetype(small_machine_normal(m), SMALL_MACHINE_BASE + at);
}

static inline void assert_list_is(struct small_machine *m, struct mm_zone *zone, unsigned order,
				  enum mmsim_migratetype mt, size_t nr, const uint64_t *want,
				  int line)
{
	size_t i = 0;

	mm_list_for_each(pos, &zone->area[order].list[mt]) {
		struct mmsim_page *page = mm_list_entry(pos, struct mmsim_page, lru);
		uint64_t at = small_machine_pfn(m, page) - SMALL_MACHINE_BASE;

		if (i == nr || at != want[i])
			fail_msg("line %d: order %u type %d: block %#lx at place %zu", line, order,
				 mt, at, i);
		i++;
	}
	if (i != nr || zone->area[order].nr[mt] != nr)
		fail_msg("line %d: order %u type %d: %zu blocks, nr says %lu, wanted %zu", line,
			 order, mt, i, zone->area[order].nr[mt], nr);
}

/* assert_list(m, order, type, block, block, …): from head to tail */
#define assert_list(m, order, mt, ...)                                                       \
	assert_list_is(m, small_machine_normal(m), order, mt,                                \
		       sizeof((uint64_t[]){ __VA_ARGS__ }) / 8, (uint64_t[]){ __VA_ARGS__ }, \
		       __LINE__)
#define assert_empty(m, order, mt) \
	assert_list_is(m, small_machine_normal(m), order, mt, 0, NULL, __LINE__)

#define U MMSIM_MIGRATE_UNMOVABLE
#define M MMSIM_MIGRATE_MOVABLE
#define R MMSIM_MIGRATE_RECLAIMABLE

#endif
