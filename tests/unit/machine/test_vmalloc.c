/* SPDX-License-Identifier: MIT */
/* Memory behind kernel addresses by the exported calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmalloc_rig.h"

enum { MANY = 1 << 17 };

static void an_area(void **state)
{
	struct mmsim_vm_area_info area;
	struct mmsim_page *page[3];
	struct world w;
	uint64_t a, b;

	(void)state;
	open_space(&w, NULL);
	a = mmsim_vmalloc(w.v, 2 * RIG_PAGE + 1);
	b = mmsim_vmalloc(w.v, 1);
	assert_true(a && b);
	for (unsigned i = 0; i < 3; i++) {
		page[i] = mmsim_vmalloc_to_page(w.v, a + i * RIG_PAGE + 7);
		assert_non_null(page[i]);
		assert_int_equal(page[i]->refcount, 1);
		assert_int_equal(mmsim_vmalloc_touch(w.v, a + i * RIG_PAGE),
				 mmsim_page_to_pfn(w.m, page[i]));
	}
	assert_true(page[0] != page[1] && page[1] != page[2] && page[0] != page[2]);
	/* The guard page. */
	assert_null(mmsim_vmalloc_to_page(w.v, a + 3 * RIG_PAGE));
	assert_int_equal(mmsim_vmalloc_touch(w.v, a + 3 * RIG_PAGE), UINT64_MAX);
	assert_true(b >= a + 4 * RIG_PAGE || b + 2 * RIG_PAGE <= a);
	area = area_of(&w, a + 2 * RIG_PAGE);
	assert_int_equal(area.addr, a);
	assert_int_equal(area.size, 4 * RIG_PAGE);
	assert_int_equal(area.requested, 2 * RIG_PAGE + 1);
	assert_int_equal(area.flags, MMSIM_VM_ALLOC);
	assert_int_equal(area.nr_pages, 3);
	assert_int_equal(area.page_order, 0);
	assert_int_equal(info_of(&w).pages, 4);
	assert_int_equal(pages_taken(&w), 4);
	mmsim_vmap_validate(w.v);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	assert_null(mmsim_vmalloc_to_page(w.v, a));
	assert_int_equal(mmsim_find_vm_area(w.v, a, &area), -ENOENT);
	assert_int_equal(page[0]->refcount, 0);
	assert_int_equal(info_of(&w).pages, 1);
	assert_int_equal(pages_taken(&w), 1);
	assert_int_equal(mmsim_vfree(w.v, b), 0);
	assert_int_equal(mmsim_vfree(w.v, 0), 0);
	assert_int_equal(info_of(&w).pages, 0);
	close_space(&w);
}

static void no_guard(void **state)
{
	const struct mmsim_vmap_params one = { .nodes = 1 };
	const struct mmsim_vmalloc_request bare = { .size = RIG_PAGE,
						    .gfp = KERNEL,
						    .node = MMSIM_NUMA_NO_NODE,
						    .vm_flags = MMSIM_VM_NO_GUARD };
	struct world w;
	uint64_t a, b, c;

	(void)state;
	open_space(&w, &one);
	a = mmsim_vmalloc_request(w.v, &bare);
	b = mmsim_vmalloc_request(w.v, &bare);
	c = mmsim_vmalloc(w.v, RIG_PAGE);
	assert_int_equal(b, a + RIG_PAGE);
	assert_int_equal(c, b + RIG_PAGE);
	assert_int_equal(mmsim_vmalloc(w.v, RIG_PAGE), c + 2 * RIG_PAGE);
	assert_int_equal(area_of(&w, a).size, RIG_PAGE);
	assert_int_equal(area_of(&w, a).flags, MMSIM_VM_ALLOC | MMSIM_VM_NO_GUARD);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	assert_non_null(mmsim_vmalloc_to_page(w.v, b));
	close_space(&w); /* with three areas still in use */
}

static void huge(void **state)
{
	struct mmsim_page *first;
	struct world w;
	uint64_t a;

	(void)state;
	open_space(&w, NULL);
	a = mmsim_vmalloc_huge(w.v, PMD_BYTES + 5, KERNEL);
	assert_int_equal(a % PMD_BYTES, 0);
	assert_int_equal(area_of(&w, a).page_order, 9);
	assert_int_equal(area_of(&w, a).size, 2 * PMD_BYTES + RIG_PAGE);
	assert_int_equal(area_of(&w, a).requested, PMD_BYTES + 5);
	assert_int_equal(area_of(&w, a).nr_pages, 2 * PMD_PAGES);
	first = mmsim_vmalloc_to_page(w.v, a);
	assert_int_equal(mmsim_page_to_pfn(w.m, first) % PMD_PAGES, 0);
	assert_ptr_equal(mmsim_vmalloc_to_page(w.v, a + 77 * RIG_PAGE), first + 77);
	assert_int_equal(first[77].refcount, 1); /* split: each is freed on its own */
	assert_int_equal(info_of(&w).tables, 4); /* of PTE only that of the array of pages */
	mmsim_vmap_validate(w.v);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	assert_int_equal(pages_taken(&w), 0);
	/* Too small for it, or nobody asked. */
	a = mmsim_vmalloc_huge(w.v, PMD_BYTES - RIG_PAGE, KERNEL);
	assert_int_equal(area_of(&w, a).page_order, 0);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	a = mmsim_vmalloc(w.v, PMD_BYTES);
	assert_int_equal(area_of(&w, a).page_order, 0);
	close_space(&w);
}

/* Take every page, and give all back but the first of each 2 MiB: nothing of order 9 is there. */
static struct mmsim_page **splinter(struct world *w)
{
	static struct mmsim_page *kept[PAGES];
	unsigned nr = 0;

	while ((kept[nr] = mmsim_alloc_pages(w->m, KERNEL | MMSIM___GFP_MEMALLOC, 0)))
		nr++;
	for (unsigned i = 0; i < nr; i++)
		if (mmsim_page_to_pfn(w->m, kept[i]) % PMD_PAGES) {
			assert_int_equal(mmsim_free_pages(w->m, kept[i], 0), 0);
			kept[i] = NULL;
		}
	mmsim_drain_all_pages(w->m);
	return kept;
}

static void unsplinter(struct world *w, struct mmsim_page **kept)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (kept[i])
			assert_int_equal(mmsim_free_pages(w->m, kept[i], 0), 0);
}

static void huge_falls_back(void **state)
{
	struct mmsim_page **kept;
	struct world w;
	uint64_t a;

	(void)state;
	open_space(&w, NULL);
	kept = splinter(&w);
	a = mmsim_vmalloc_huge(w.v, PMD_BYTES + RIG_PAGE, KERNEL);
	assert_true(a != 0);
	assert_int_equal(area_of(&w, a).page_order, 0);
	assert_int_equal(area_of(&w, a).size, PMD_BYTES + 2 * RIG_PAGE);
	mmsim_vmap_validate(w.v);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	unsplinter(&w, kept);
	close_space(&w);
}

/* An array of more than 512 pointers is an area with pages of its own, which nobody else may free. */
static void nested_arrays(void **state)
{
	const struct mmsim_vmap_params one = { .nodes = 1 };
	struct world w;
	uint64_t a, array;

	(void)state;
	open_space(&w, &one);
	a = mmsim_vmalloc(w.v, 512 * RIG_PAGE);
	assert_int_equal(info_of(&w).busy, 1);
	assert_int_equal(info_of(&w).pages, 512);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	mmsim_vmap_purge(w.v, 1);
	a = mmsim_vmalloc(w.v, 1025 * RIG_PAGE);
	assert_true(a != 0);
	array = a + 1026 * RIG_PAGE;
	assert_int_equal(info_of(&w).busy, 2);
	assert_int_equal(info_of(&w).pages, 1025 + 3);
	assert_int_equal(pages_taken(&w), 1025 + 3);
	assert_int_equal(area_of(&w, array).nr_pages, 3);
	assert_int_equal(area_of(&w, array).flags, MMSIM_VM_ALLOC);
	assert_int_equal(mmsim_vfree(w.v, array), -EINVAL);
	assert_said(&w, "mmsim_vfree", "page array");
	mmsim_vmap_validate(w.v);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	assert_int_equal(info_of(&w).busy, 0);
	assert_int_equal(pages_taken(&w), 0);
	/* Left in use, with the array at lower addresses than what it is of. */
	mmsim_vmap_purge(w.v, 1);
	a = mmsim_vmalloc(w.v, RIG_PAGE);
	array = a + 2 * RIG_PAGE;
	assert_true(mmsim_vmalloc_node(w.v, 1025 * RIG_PAGE, 1 << 24, KERNEL, 0) > array);
	assert_int_equal(area_of(&w, array).nr_pages, 3);
	close_space(&w);
}

/* What was asked of the page allocator. */
static struct {
	uint64_t order[MMSIM_NR_PAGE_ORDERS], failed[MMSIM_NR_PAGE_ORDERS],
		zeroed[MMSIM_NR_PAGE_ORDERS], waiting[MMSIM_NR_PAGE_ORDERS];
} asked;

static void note(void *ctx, const struct mmsim_event *e)
{
	(void)ctx;
	if (e->id != MMSIM_EV_MM_PAGE_ALLOC)
		return;
	asked.order[e->order]++;
	asked.failed[e->order] += !e->pfn;
	asked.zeroed[e->order] += (e->gfp & MMSIM___GFP_ZERO) != 0;
	asked.waiting[e->order] += (e->gfp & MMSIM___GFP_DIRECT_RECLAIM) != 0;
}

/* Of areas in a place whose tables are there already. */
static void ask(struct world *w, uint64_t pages, mmsim_gfp_t gfp)
{
	uint64_t a = mmsim_vmalloc_gfp(w->v, pages * RIG_PAGE, gfp);

	assert_int_equal(mmsim_vfree(w->v, a), 0);
	mmsim_vmap_purge(w->v, 1);
	memset(&asked, 0, sizeof(asked));
	mmsim_trace_set(w->m, note, NULL);
	a = mmsim_vmalloc_gfp(w->v, pages * RIG_PAGE, gfp);
	mmsim_trace_set(w->m, NULL, NULL);
	assert_true(a != 0);
	assert_int_equal(mmsim_vfree(w->v, a), 0);
	mmsim_vmap_purge(w->v, 1);
}

static void large_backing(void **state)
{
	struct mmsim_page **kept;
	struct world w;

	(void)state;
	open_space(&w, NULL);
	ask(&w, 100, KERNEL); /* 64 + 32 + 4 */
	for (unsigned order = 0; order < MMSIM_NR_PAGE_ORDERS; order++) {
		assert_int_equal(asked.order[order], order == 6 || order == 5 || order == 2);
		assert_int_equal(asked.waiting[order], 0);
	}
	ask(&w, 2 * 1024 + 1, KERNEL); /* and five pages of array */
	assert_int_equal(asked.order[10], 2);
	assert_int_equal(asked.order[2], 1);
	assert_int_equal(asked.order[0], 2);
	assert_int_equal(asked.waiting[0], 2);
	assert_int_equal(asked.zeroed[2], 1);
	assert_int_equal(asked.zeroed[0], 1);
	assert_int_equal(asked.zeroed[10], 0);
	ask(&w, 1, MMSIM_GFP_ATOMIC);
	assert_int_equal(asked.order[0], 1);
	assert_int_equal(asked.waiting[0], 0);
	/*
	 * What failed is not tried again; the first page of each 2 MiB is taken, so order 8 is the largest.
	 */
	kept = splinter(&w);
	ask(&w, 1024, KERNEL);
	assert_int_equal(asked.order[10], 1);
	assert_int_equal(asked.failed[10], 1);
	assert_int_equal(asked.failed[9], 1);
	assert_int_equal(asked.order[8], 4);
	unsplinter(&w, kept);
	close_space(&w);
}

static void bulk_backing(void **state)
{
	const struct mmsim_vmap_params bulk = { .backing = MMSIM_VMAP_BACKING_BULK };
	struct world w;

	(void)state;
	open_space(&w, &bulk);
	ask(&w, 250, KERNEL); /* 100 + 100 + 50, which leave no event */
	for (unsigned order = 0; order < MMSIM_NR_PAGE_ORDERS; order++)
		assert_int_equal(asked.order[order], 0);
	ask(&w, 201, KERNEL); /* 100 + 100 + one, in the usual way */
	assert_int_equal(asked.order[0], 1);
	close_space(&w);
}

/* Nodes 0 to 2 of a section each, all CPUs on the first. */
static void nodes(void **state)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 3, 1, 2);
	struct mmsim *m;
	struct world w;

	(void)state;
	for (unsigned node = 0; node < 3; node++)
		sim_ram(cfg, node, SIM_NORMAL + node * SIM_SECTION, SIM_SECTION);
	sim_log_into(cfg, &w.log);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	for (unsigned backing = 0; backing < MMSIM_NR_VMAP_BACKINGS; backing++) {
		open_with(&w, m, &(struct mmsim_vmap_params){ .backing = backing });
		for (int node = MMSIM_NUMA_NO_NODE; node < 3; node++) {
			uint64_t a =
				mmsim_vmalloc_node(w.v, 107 * RIG_PAGE, 4 * RIG_PAGE, KERNEL, node);

			assert_true(a != 0);
			assert_int_equal(a % (4 * RIG_PAGE), 0);
			for (unsigned i = 0; i < 107; i++)
				assert_int_equal(mmsim_page_node(mmsim_vmalloc_to_page(
							 w.v, a + i * RIG_PAGE)),
						 node < 0 ? 0 : node);
			assert_int_equal(mmsim_vfree(w.v, a), 0);
		}
		assert_int_equal(mmsim_vmalloc_node(w.v, 1, 1, KERNEL, 3), 0);
		assert_said(&w, "mmsim_vmalloc_node", "node");
		mmsim_vmap_validate(w.v);
		mmsim_vmap_destroy(w.v);
	}
	rig_close(m);
}

/* Memory runs out in the middle of an area: all of it comes back. */
static void no_memory(void **state)
{
	static uint64_t got[PAGES];
	uint64_t before;
	unsigned nr = 0;
	struct world w;

	(void)state;
	open_space(&w, NULL);
	while ((got[nr] = mmsim_vmalloc(w.v, 37 * RIG_PAGE)))
		nr++;
	assert_true(nr > 200);
	before = info_of(&w).pages;
	assert_int_equal(before, 37 * nr);
	assert_int_equal(pages_taken(&w), before);
	assert_int_equal(mmsim_vmalloc_huge(w.v, 4 * PMD_BYTES, KERNEL), 0);
	assert_int_equal(mmsim_vmalloc_gfp(w.v, 1000 * RIG_PAGE, MMSIM_GFP_NOWAIT), 0);
	assert_int_equal(info_of(&w).pages, before);
	assert_int_equal(pages_taken(&w), before);
	mmsim_vmap_validate(w.v);
	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(mmsim_vfree(w.v, got[i]), 0);
	assert_int_equal(pages_taken(&w), 0);
	close_space(&w);
}

/* Who may not wait gets areas as others do, from memory that is there, and purges nothing to find room. */
static void atomic_requests(void **state)
{
	const struct mmsim_vmalloc_request r = { .size = RIG_PAGE,
						 .start = MMSIM_VMALLOC_START_4,
						 .end = MMSIM_VMALLOC_START_4 + 2 * RIG_PAGE,
						 .gfp = MMSIM_GFP_ATOMIC,
						 .node = MMSIM_NUMA_NO_NODE };
	struct mmsim_vmalloc_request waits = r;
	struct world w;
	uint64_t a;

	(void)state;
	waits.gfp = KERNEL;
	open_space(&w, NULL);
	a = mmsim_vmalloc_gfp(w.v, 700 * RIG_PAGE, MMSIM_GFP_ATOMIC);
	assert_int_equal(area_of(&w, a).nr_pages, 700);
	mmsim_vmap_validate(w.v);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	mmsim_vmap_purge(w.v, 1);
	a = mmsim_vmalloc_request(w.v, &r);
	assert_int_equal(a, r.start);
	assert_int_equal(mmsim_vmalloc_request(w.v, &r), 0);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	assert_int_equal(mmsim_vmalloc_request(w.v, &r), 0);
	assert_int_equal(mmsim_vmalloc_request(w.v, &waits), r.start);
	close_space(&w);
}

static void deferred(void **state)
{
	struct world w;
	uint64_t a, b;

	(void)state;
	open_space(&w, NULL);
	a = mmsim_vmalloc(w.v, 3 * RIG_PAGE);
	b = mmsim_vmalloc(w.v, RIG_PAGE);
	assert_int_equal(mmsim_vfree_atomic(w.v, a), 0);
	assert_int_equal(mmsim_vfree_atomic(w.v, b), 0);
	assert_int_equal(mmsim_vfree_atomic(w.v, 0), 0);
	mmsim_vfree_flush(w.v);
	assert_int_equal(info_of(&w).busy, 0);
	assert_int_equal(info_of(&w).pages, 0);
	assert_int_equal(pages_taken(&w), 0);
	/* Found out later, and only said. */
	w.log.lines = 0;
	assert_int_equal(mmsim_vfree_atomic(w.v, a), 0);
	mmsim_vfree_flush(w.v);
	assert_said(&w, "mmsim_vfree_atomic", "no area");
	/* Not done when the space goes. */
	a = mmsim_vmalloc(w.v, 3 * RIG_PAGE);
	assert_int_equal(mmsim_vfree_atomic(w.v, a), 0);
	close_space(&w);
}

/* What had special rights is flushed before its pages are anybody else's. */
static void reset_perms(void **state)
{
	const struct mmsim_vmalloc_request r = { .size = RIG_PAGE,
						 .gfp = KERNEL,
						 .node = MMSIM_NUMA_NO_NODE,
						 .vm_flags = MMSIM_VM_FLUSH_RESET_PERMS };
	struct world w;
	uint64_t a;

	(void)state;
	open_space(&w, NULL);
	a = mmsim_vmalloc(w.v, RIG_PAGE);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	assert_int_equal(info_of(&w).flushes, 0);
	a = mmsim_vmalloc_request(w.v, &r);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	assert_int_equal(info_of(&w).flushes, 1);
	assert_int_equal(info_of(&w).lazy, 0);
	/* One that is left when the space goes. */
	assert_int_not_equal(mmsim_vmalloc_request(w.v, &r), 0);
	close_space(&w);
}

static struct mmsim *open_backed(enum mmsim_mode mode)
{
	struct mmsim_config *cfg = sim_config_new(mode, 1, 1, 2);
	struct mmsim *m;

	sim_ram(cfg, 0, SIM_NORMAL, PAGES);
	cfg->flags |= MMSIM_BACK_PAGES;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void zeroed(void **state)
{
	enum { NR = 40 };
	struct world w;
	uint64_t a;

	(void)state;
	open_with(&w, open_backed(MMSIM_SERIAL), NULL);
	for (unsigned round = 0; round < 2; round++) {
		a = round ? mmsim_vzalloc(w.v, NR * RIG_PAGE) : mmsim_vmalloc(w.v, NR * RIG_PAGE);
		assert_true(a != 0);
		for (unsigned i = 0; i < NR; i++) {
			char *bytes = mmsim_page_address(
				w.m, mmsim_vmalloc_to_page(w.v, a + i * RIG_PAGE));

			for (unsigned at = 0; round && at < RIG_PAGE; at++)
				assert_int_equal(bytes[at], 0);
			memset(bytes, 0x5a, RIG_PAGE);
		}
		assert_int_equal(mmsim_vfree(w.v, a), 0);
	}
	close_space(&w);
}

/* Addresses that are pointers. */
static void touchable(void **state)
{
	const struct mmsim_vmap_params p = { .flags = MMSIM_VMAP_TOUCHABLE, .nodes = 1 };
	struct world w;
	uint64_t a, again;

	(void)state;
	open_with(&w, rig_open(MMSIM_NATIVE, 2, PAGES, &w.log), &p);
	a = mmsim_vmalloc(w.v, 3 * RIG_PAGE);
	assert_true(a != 0);
	memset((void *)(uintptr_t)a, 0x5a, 3 * RIG_PAGE);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	mmsim_vmap_purge(w.v, 1);
	again = mmsim_vzalloc(w.v, 2 * RIG_PAGE);
	assert_int_equal(again, a);
	for (unsigned i = 0; i < 2 * RIG_PAGE; i++)
		assert_int_equal(((char *)(uintptr_t)a)[i], 0);
	close_space(&w);
}

/* Each allocation of the library's own memory fails once, and all after it: nothing is left behind. */
static void no_metadata(void **state)
{
	(void)state;
	for (unsigned count = 1; count < 3; count++)
		for (unsigned nth = 1;; nth++) {
			struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 1, 1, 2);
			struct mmsim_page *page[2] = { NULL };
			struct mmsim_vmap *v = NULL;
			struct mmsim *m;
			uint64_t a[5];
			bool all = true;

			sim_ram(cfg, 0, SIM_NORMAL, PAGES);
			cfg->fault[MMSIM_FAULT_METADATA] =
				(struct mmsim_fault){ .nth = nth,
						      .count = count == 1 ? 1 : UINT32_MAX };
			if (mmsim_create(cfg, &m)) {
				free(cfg);
				continue;
			}
			free(cfg);
			for (unsigned i = 0; i < 2; i++) {
				page[i] = mmsim_alloc_pages(m, KERNEL, 0);
				assert_non_null(page[i]);
			}
			if (mmsim_vmap_create(m, &(struct mmsim_vmap_params){ .nodes = 1 }, &v)) {
				all = false;
				assert_null(v);
			} else {
				a[0] = mmsim_vmalloc(v, 1);
				a[1] = mmsim_vmalloc(v, 1100 * RIG_PAGE);
				a[2] = mmsim_vmap_pages(v, page, 2, MMSIM_VM_MAP_PUT_PAGES);
				a[3] = mmsim_ioremap(v, 1, 1);
				a[4] = mmsim_vmalloc_huge(v, PMD_BYTES, KERNEL);
				for (unsigned i = 0; i < 5; i++)
					all &= a[i] != 0;
				assert_int_equal(mmsim_vfree(v, a[0]), 0);
				assert_int_equal(mmsim_vfree(v, a[1]), 0);
				if (a[2])
					assert_int_equal(mmsim_vunmap(v, a[2]), 0);
				if (a[4] && mmsim_vfree_atomic(v, a[4]))
					all = false;
				mmsim_vmap_destroy(v);
			}
			for (unsigned i = 0; i < 2; i++)
				assert_int_equal(mmsim_free_pages(m, page[i], 0), 0);
			rig_close(m);
			if (all)
				break;
			assert_true(nth < 1000);
		}
}

/* As many areas as a machine of 8 GiB without memory behind its pages has room for at once. */
static void very_many(void **state)
{
	static uint64_t addr[MANY];
	struct world w;

	(void)state;
	open_with(&w, rig_open(MMSIM_NATIVE, 2, UINT64_C(2) << 20, &w.log), NULL);
	for (unsigned i = 0; i < MANY; i++) {
		addr[i] = mmsim_vmalloc(w.v, 1);
		assert_true(addr[i] != 0);
	}
	assert_int_equal(info_of(&w).pages, MANY);
	assert_int_equal(mmsim_vfree(w.v, addr[MANY / 2] + RIG_PAGE), -EINVAL);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 128)
			assert_int_equal(mmsim_vfree(w.v, addr[i]), 0);
	assert_int_equal(info_of(&w).pages, MANY / 128);
	close_space(&w); /* with what is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_area),       cmocka_unit_test(no_guard),
		cmocka_unit_test(huge),          cmocka_unit_test(huge_falls_back),
		cmocka_unit_test(nested_arrays), cmocka_unit_test(large_backing),
		cmocka_unit_test(bulk_backing),  cmocka_unit_test(nodes),
		cmocka_unit_test(no_memory),     cmocka_unit_test(atomic_requests),
		cmocka_unit_test(deferred),      cmocka_unit_test(reset_perms),
		cmocka_unit_test(zeroed),        cmocka_unit_test(touchable),
		cmocka_unit_test(no_metadata),   cmocka_unit_test(very_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
