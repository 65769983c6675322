/* SPDX-License-Identifier: MIT */
/*
 * Many pages at once, from one zone; the events of all calls; and making an allocator without enough
 * metadata.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "three_nodes.h"

static void bulk(void **state)
{
	struct mmsim_page *page[40];
	const struct mm_zone *zone = mm_buddy_zone(&m.buddy, 0, MMSIM_ZONE_NORMAL);

	(void)state;
	assert_int_equal(mm_buddy_alloc_pages_bulk(&m.buddy, 0, 0, NULL), 0);
	assert_string_equal(m.said, "");
	assert_int_equal(mm_buddy_alloc_pages_bulk(&m.buddy, 0, 40, page), 40);
	for (unsigned i = 0; i < 40; i++) {
		assert_ptr_equal(mm_buddy_page_zone(&m.buddy, page[i]), zone);
		assert_int_equal(page[i]->refcount, 1);
		assert_int_equal(page[i]->order, 0);
		for (unsigned j = 0; j < i; j++)
			assert_ptr_not_equal(page[i], page[j]);
	}
	mm_buddy_validate(&m.buddy);
	for (unsigned i = 0; i < 40; i++)
		give(page[i], 0);
	assert_int_equal(mm_buddy_alloc_pages_bulk(&m.buddy, MMSIM___GFP_DMA, 3, page), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(mmsim_page_zone_type(page[i]), MMSIM_ZONE_DMA);
		give(page[i], 0);
	}
}

static struct mmsim_page *many[65536];

/*
 * All of one zone, the first that keeps its low mark and what is kept from this kind of request; none:
 * one page the long way.
 */
static void bulk_serves_one_zone(void **state)
{
	const struct mm_zone *normal = mm_buddy_zone(&m.buddy, 0, MMSIM_ZONE_NORMAL);
	const struct mm_zone *dma32 = mm_buddy_zone(&m.buddy, 0, MMSIM_ZONE_DMA32);
	const uint64_t keep =
		dma32->watermark[MM_WMARK_LOW] + dma32->lowmem_reserve[MMSIM_ZONE_NORMAL];
	/* One more must remain than the mark. */
	size_t most = normal->free_pages - normal->watermark[MM_WMARK_LOW] - 1, nr, more;

	(void)state;
	assert_int_equal(mm_buddy_alloc_pages_bulk(&m.buddy, 0, 65536, many), 1);
	give(many[0], 0);
	mm_buddy_pcp_drain_all(mm_buddy_zone(&m.buddy, 0, MMSIM_ZONE_NORMAL));
	nr = mm_buddy_alloc_pages_bulk(&m.buddy, 0, most, many);
	assert_int_equal(nr, most);
	for (size_t i = 0; i < nr; i++)
		assert_ptr_equal(mm_buddy_page_zone(&m.buddy, many[i]), normal);
	/* That one is at its mark now. */
	more = dma32->free_pages - keep;
	assert_int_equal(mm_buddy_alloc_pages_bulk(&m.buddy, 0, more, many + nr), 1);
	give(many[nr], 0);
	mm_for_each_zone(zone, &m.buddy)
		mm_buddy_pcp_drain_all(zone);
	assert_int_equal(mm_buddy_alloc_pages_bulk(&m.buddy, 0, more - 1, many + nr), more - 1);
	for (size_t i = nr; i < nr + more - 1; i++)
		assert_ptr_equal(mm_buddy_page_zone(&m.buddy, many[i]), dma32);
	for (size_t i = 0; i < nr + more - 1; i++)
		give(many[i], 0);
}

struct visit {
	struct mm_task task;
	size_t got;
	unsigned node;
	struct mmsim_page *page[20];
};

static void take_many(void *arg)
{
	struct visit *v = arg;

	v->got = mm_buddy_alloc_pages_bulk(&m.buddy, 0, 20, v->page);
	v->node = v->got ? mmsim_page_node(v->page[0]) : UINT32_MAX;
	for (size_t i = 0; i < v->got; i++)
		mm_buddy_free_pages(&m.buddy, v->page[i], 0);
}

static void visit(struct visit *v, unsigned cpu)
{
	struct mm_cpumask mask = mm_cpumask_of(cpu);

	assert_int_equal(mm_exec_spawn(m.env.exec, &v->task, &mask, take_many, v), 0);
	mm_exec_join(m.env.exec, &v->task);
}

/* The caller's, or the nearest if that has no memory; when it is short, never many from afar. */
static void bulk_stays_on_one_node(void **state)
{
	struct mm_zone *zone = mm_buddy_zone(&m.buddy, 1, MMSIM_ZONE_NORMAL);
	struct visit v;
	unsigned nr = 0;

	(void)state;
	for (unsigned cpu = 0; cpu < 3; cpu++) {
		visit(&v, cpu);
		assert_int_equal(v.got, 20);
		assert_int_equal(v.node, cpu == 1 ? 1 : 0);
	}
	mm_buddy_pcp_drain_all(zone);
	while (zone->free_pages > zone->watermark[MM_WMARK_LOW] + 20)
		many[nr++] = take(1, MMSIM___GFP_THISNODE, 0);
	visit(&v, 1);
	assert_int_equal(v.got, 1);
	visit(&v, 0);
	assert_int_equal(v.got, 20);
	while (nr)
		give(many[--nr], 0);
}

static void events_tell_what_happened(void **state)
{
	struct mmsim_page *page, *list[2];

	(void)state;
	m.obs.sink = listen;
	mm_buddy_set_open(&m.buddy, true);
	page = take(0, MOVABLE, 3);
	give(page, 3);
	assert_null(take(2, MMSIM___GFP_THISNODE, 2));
	assert_int_equal(nr_seen, 4);
	assert_int_equal(seen[0].id, MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED);
	assert_int_equal(seen[0].arg, 1); /* an order that per-CPU lists have */
	assert_int_equal(seen[1].id, MMSIM_EV_MM_PAGE_ALLOC);
	assert_int_equal(seen[1].pfn, small_machine_pfn(&m, page));
	assert_int_equal(seen[1].order, 3);
	assert_int_equal(seen[1].migratetype, MMSIM_MIGRATE_MOVABLE);
	assert_int_equal(seen[1].gfp, MOVABLE);
	assert_int_equal(seen[1].cpu, 0);
	assert_int_equal(seen[2].id, MMSIM_EV_MM_PAGE_FREE);
	assert_int_equal(seen[2].pfn, small_machine_pfn(&m, page));
	assert_int_equal(seen[2].order, 3);
	assert_int_equal(seen[3].id, MMSIM_EV_MM_PAGE_ALLOC);
	assert_int_equal(seen[3].pfn, 0); /* failed */
	nr_seen = 0;
	give(take(MMSIM_NUMA_NO_NODE, 0, 0), 0);
	assert_int_equal(seen[nr_seen - 2].id, MMSIM_EV_MM_PAGE_ALLOC);
	assert_int_equal(seen[nr_seen - 1].id, MMSIM_EV_MM_PAGE_FREE);
	nr_seen = 0;
	assert_int_equal(mm_buddy_alloc_pages_bulk(&m.buddy, 0, 2, list), 2);
	for (unsigned i = 0; i < nr_seen; i++)
		assert_int_not_equal(seen[i].id, MMSIM_EV_MM_PAGE_ALLOC); /* as in the kernel */
	give(list[0], 0);
	give(list[1], 0);
}

/* Each metadata allocation fails once: -ENOMEM, and nothing is left (M1 at the end). */
static void out_of_memory(void **state)
{
	struct mm_buddy_config bc = { 0 };
	struct mm_buddy b;
	uint32_t k = 0;
	bool fired;

	(void)state;
	bc.exec = m.env.exec;
	bc.locks = &m.env.locks;
	bc.log = &m.env.log;
	bc.shape = &m.env.shape;
	bc.map = &m.env.map;
	bc.pages = &m.pages;
	bc.obs = &m.obs;
	bc.topology = &m.env.topology;
	bc.policy = &m.env.cfg.policy;
	do {
		int err;

		m.env.fault.point[MMSIM_FAULT_METADATA] =
			(struct mm_fault_point){ .nth = ++k, .count = 1 };
		err = mm_buddy_init(&b, &bc);
		fired = mm_base_fault_fired(&m.env.fault, MMSIM_FAULT_METADATA);
		assert_int_equal(err, fired ? -ENOMEM : 0);
		if (!err)
			mm_buddy_fini(&b);
	} while (fired);
	assert_true(k > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		all_ways(bulk),
		all_ways(bulk_serves_one_zone),
		all_ways(bulk_stays_on_one_node),
		all_ways(events_tell_what_happened),
		all_ways(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
