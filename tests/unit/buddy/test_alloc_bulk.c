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

/* What the first zone that has any has, and not a page from the next one. */
static void bulk_serves_one_zone(void **state)
{
	static struct mmsim_page *page[65536];
	size_t nr = mm_buddy_alloc_pages_bulk(&m.buddy, 0, 65536, page);

	(void)state;
	assert_int_equal(nr, 4096 - 10);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(mmsim_page_zone_type(page[i]), MMSIM_ZONE_NORMAL);
	/* That one is empty now. */
	assert_int_equal(mm_buddy_alloc_pages_bulk(&m.buddy, 0, 5, page + nr), 5);
	assert_int_equal(mmsim_page_zone_type(page[nr]), MMSIM_ZONE_DMA32);
	for (size_t i = 0; i < nr + 5; i++)
		give(page[i], 0);
}

struct visit {
	struct mm_task task;
	size_t got;
};

static void take_many(void *arg)
{
	struct mmsim_page *page[20];

	((struct visit *)arg)->got = mm_buddy_alloc_pages_bulk(&m.buddy, 0, 20, page);
}

/* A CPU whose node has no memory: one page the long way, never many from afar. */
static void bulk_stays_on_its_node(void **state)
{
	struct visit v;

	(void)state;
	for (unsigned cpu = 0; cpu < 3; cpu++) {
		struct mm_cpumask mask = mm_cpumask_of(cpu);

		assert_int_equal(mm_exec_spawn(m.env.exec, &v.task, &mask, take_many, &v), 0);
		mm_exec_join(m.env.exec, &v.task);
		assert_int_equal(v.got, cpu == 2 ? 1 : 20);
	}
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
		all_ways(bulk_stays_on_its_node),
		all_ways(events_tell_what_happened),
		all_ways(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
