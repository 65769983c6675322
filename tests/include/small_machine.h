/* SPDX-License-Identifier: MIT */
/*
 * A machine as far as the page allocator reaches, booted by hand: struct pages are initialised in one
 * loop and freed in the largest aligned pieces.
 *
 * Use: page_env_config(&m.env, …), page_env_ram(&m.env, …), small_machine_open(&m). Include cmocka.h
 * first.
 */
#ifndef TEST_SMALL_MACHINE_H
#define TEST_SMALL_MACHINE_H

#include "buddy.h"
#include "page_env.h"
#include "page_init.h"
#include "watermark.h"

struct small_machine {
	struct page_env env;
	struct mm_obs obs;
	struct mm_area pages; /* base NULL unless the test maps it */
	struct mm_buddy buddy;
	char said[4 * MM_LOG_LINE]; /* lines of the log since small_machine_hush() */
};

/* A log sink: only for tests where one thread speaks at a time. */
static inline void small_machine_log(void *ctx, const char *line)
{
	struct small_machine *m = ctx;
	size_t len = strlen(m->said);

	snprintf(m->said + len, sizeof(m->said) - len, "%s\n", line);
}

static inline void small_machine_hush(struct small_machine *m)
{
	m->said[0] = '\0';
}

/* Zones made, struct pages zero, nothing handed over. */
static inline void small_machine_open_empty(struct small_machine *m)
{
	struct mm_buddy_config bc = {
		.locks = &m->env.locks,
		.log = &m->env.log,
		.shape = &m->env.shape,
		.map = &m->env.map,
		.pages = &m->pages,
		.obs = &m->obs,
		.topology = &m->env.topology,
		.policy = &m->env.cfg.policy,
	};

	page_env_open(&m->env);
	bc.exec = m->env.exec;
	assert_int_equal(mm_buddy_init(&m->buddy, &bc), 0);
}

static inline enum mmsim_zone_type small_machine_zone_of(const struct small_machine *m,
							 unsigned node, uint64_t pfn)
{
	unsigned type = 0;

	while (type < MMSIM_NR_ZONES - 1 && (pfn < m->env.shape.zone[node][type].start ||
					     pfn >= m->env.shape.zone[node][type].end))
		type++;
	return (enum mmsim_zone_type)type;
}

/* Page by page: which zone a page is in must not depend on the code under test. */
static inline void small_machine_init_pages(struct small_machine *m, unsigned node, uint64_t start,
					    uint64_t end, bool reserved)
{
	for (uint64_t pfn = start; pfn < end; pfn++) {
		struct mm_page_init init = {
			.exec = m->env.exec,
			.map = &m->env.map,
			.node = node,
			.zone = small_machine_zone_of(m, node, pfn),
			.flags = (uint64_t)reserved << MMSIM_PG_RESERVED,
			.refcount = 1,
		};

		mm_page_init(&init, pfn, 1);
	}
}

/* The subsections around a range: what is not RAM in them is reserved. */
static inline void small_machine_init_around(struct small_machine *m, const struct mm_span *ram)
{
	small_machine_init_pages(m, ram->node, mm_round_down(ram->start, 512), ram->start, true);
	small_machine_init_pages(m, ram->node, ram->end, mm_round_up(ram->end, 512), true);
}

static inline void small_machine_free_span(struct small_machine *m, uint64_t pfn, uint64_t end)
{
	while (pfn < end) {
		unsigned order = MMSIM_MAX_PAGE_ORDER;

		while (pfn & ((UINT64_C(1) << order) - 1) || pfn + (UINT64_C(1) << order) > end)
			order--;
		mm_buddy_free_pages_core(&m->buddy, pfn, order, false);
		pfn += UINT64_C(1) << order;
	}
}

static inline void small_machine_boot(struct small_machine *m)
{
	const struct mm_shape *s = &m->env.shape;
	struct mm_span free;

	for (unsigned i = 0; i < s->nr_ram; i++)
		small_machine_init_around(m, &s->ram[i]);
	for (unsigned i = 0; i < s->nr_ram; i++)
		small_machine_init_pages(m, s->ram[i].node, s->ram[i].start, s->ram[i].end, false);
	for (unsigned i = 0; i < s->nr_reserved; i++)
		small_machine_init_pages(m, s->reserved[i].node, s->reserved[i].start,
					 s->reserved[i].end, true);
	for (unsigned node = 0; node < s->nr_nodes; node++)
		for (uint64_t at = 0; mm_page_shape_next_free(s, node, at, s->max_pfn, &free);
		     at = free.end)
			small_machine_free_span(m, free.start, free.end);
	mm_buddy_setup_zones(&m->buddy);
	mm_buddy_set_open(&m->buddy, true);
}

static inline void small_machine_open(struct small_machine *m)
{
	m->env.cfg.log = small_machine_log;
	m->env.cfg.log_ctx = m;
	small_machine_hush(m);
	small_machine_open_empty(m);
	small_machine_boot(m);
}

static inline void small_machine_close(struct small_machine *m)
{
	mm_buddy_fini(&m->buddy);
	if (m->pages.base)
		mm_page_area_fini(&m->pages);
	page_env_close(&m->env);
}

/* One node, one zone Normal of whole sections' worth of pages, from 4 GiB on. */
#define SMALL_MACHINE_BASE MM_PFN_DMA32_END

static inline void small_machine_open_simple(struct small_machine *m, unsigned nr_cpus,
					     uint64_t nr_pages)
{
	memset(m, 0, sizeof(*m));
	page_env_config(&m->env, nr_cpus, 1);
	page_env_ram(&m->env, 0, SMALL_MACHINE_BASE, SMALL_MACHINE_BASE + nr_pages);
	small_machine_open(m);
}

static inline struct mm_zone *small_machine_normal(struct small_machine *m)
{
	return mm_buddy_zone(&m->buddy, 0, MMSIM_ZONE_NORMAL);
}

static inline struct mmsim_page *small_machine_page(struct small_machine *m, uint64_t pfn)
{
	return mm_pfn_to_page(&m->env.map, pfn);
}

static inline uint64_t small_machine_pfn(struct small_machine *m, const struct mmsim_page *page)
{
	return mm_page_to_pfn(&m->env.map, page);
}

#endif
