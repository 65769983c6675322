/* SPDX-License-Identifier: MIT */
/*
 * Spaces of kernel addresses with a failure at every place where there can be one: each metadata allocation,
 * each worker that cannot be started, memory that ends at ever more pages. What fails says so and leaves
 * nothing behind; what takes down never fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"
#include "mm_rig.h"
#include "vmap.h"

enum {
	PAGES = 4096,
	CPUS = 2,
	MOST = 4000,
	RAM_PAGES = 3,
	LARGE = 600, /* pages: their array is an area itself */
};

#define PAGE RIG_PAGE
#define HUGE_SIZE (UINT64_C(1) << 21)

/* One way to be. */
struct kind {
	enum mmsim_mode mode;
	struct mmsim_vmap_params params;
};

static void for_all_kinds(void (*fn)(const struct kind *k))
{
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++)
		for (uint32_t design = MMSIM_VMAP_NODES; design < MMSIM_NR_VMAP_DESIGNS; design++)
			for (uint32_t busy = MMSIM_VMAP_BUSY_TREE; busy < MMSIM_NR_VMAP_BUSY;
			     busy++) {
				const struct kind k = {
					.mode = (enum mmsim_mode)mode,
					.params = {
						.design = design,
						.busy = busy,
						.backing = busy % MMSIM_NR_VMAP_BACKINGS,
						.flags = design == busy ? 0 : MMSIM_VMAP_FREE_TABLES,
						.lazy_max = 16,
					},
				};

				if (mode == MMSIM_SERIAL ||
				    (design + busy) % 2 == (uint32_t)mode % 2)
					fn(&k);
			}
}

static unsigned failures; /* calls that had no memory */

static bool had_memory(bool had)
{
	failures += !had;
	return had;
}

/* 0 or -ENOMEM. */
static bool worked(int err)
{
	assert_true(!err || err == -ENOMEM);
	return had_memory(!err);
}

static struct mmsim_vmap_info info_of(struct mmsim_vmap *v)
{
	struct mmsim_vmap_info info;

	assert_int_equal(mmsim_vmap_info(v, &info), 0);
	return info;
}

/* Change what shall fail, while others may ask. nth[] becomes what it was. */
static void exchange_armed(struct mmsim_vmap *v, uint32_t nth[MMSIM_NR_FAULT_KINDS])
{
	for (unsigned i = 0; i < MMSIM_NR_FAULT_KINDS; i++)
		nth[i] = __atomic_exchange_n(&v->exec->fault->point[i].nth, nth[i],
					     __ATOMIC_RELAXED);
}

/* As many areas in use, with as many pages of vmalloc(); blocks, which stay for a while, apart. */
static void look_at(struct mmsim_vmap *v, uint64_t busy, uint64_t pages)
{
	struct mmsim_vmap_info info = info_of(v);
	uint32_t nth[MMSIM_NR_FAULT_KINDS] = { 0 };

	/* Looking at everything wants memory, and is not what shall fail. */
	exchange_armed(v, nth);
	mmsim_vmap_validate(v);
	exchange_armed(v, nth);
	assert_int_equal(info.busy - info.blocks, busy);
	assert_int_equal(info.pages, pages);
}

/* Addresses alone: from the free tree, out of its middle, from a pool. */
static void addresses(struct mmsim_vmap *v)
{
	uint64_t addr[4], nr = 0;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t align = i % 2 ? 16 * PAGE : PAGE;

		nr += worked(mmsim_alloc_vmap_area(v, (1 + i) * PAGE, align, 0, 0, MMSIM_GFP_KERNEL,
						   &addr[nr]));
		look_at(v, nr, 0);
	}
	while (nr--)
		assert_int_equal(mmsim_free_vmap_area(v, addr[nr]), 0);
	mmsim_vmap_purge(v, 0);
	if (worked(mmsim_alloc_vmap_area(v, PAGE, PAGE, 0, 0, MMSIM_GFP_KERNEL, &addr[0])))
		assert_int_equal(mmsim_free_vmap_area(v, addr[0]), 0);
	look_at(v, 0, 0);
}

/* An area of vmalloc(): all of it is there, or nothing. */
static void with_pages(struct mmsim_vmap *v, uint64_t addr, uint64_t pages, bool deferred)
{
	uint64_t array = info_of(v).pages - pages; /* of its own area */

	if (!had_memory(addr != 0)) {
		look_at(v, 0, 0);
		return;
	}
	for (uint64_t i = 0; i < pages; i++)
		assert_non_null(mmsim_vmalloc_to_page(v, addr + i * PAGE));
	assert_null(mmsim_vmalloc_to_page(v, addr + pages * PAGE));
	look_at(v, 1 + (array != 0), pages + array);
	if (!deferred || !worked(mmsim_vfree_atomic(v, addr)))
		assert_int_equal(mmsim_vfree(v, addr), 0);
	mmsim_vfree_flush(v);
	look_at(v, 0, 0);
}

static void memory(struct mmsim_vmap *v)
{
	with_pages(v, mmsim_vmalloc(v, PAGE), 1, false);
	with_pages(v, mmsim_vzalloc(v, 5 * PAGE), 5, true);
	with_pages(v, mmsim_vmalloc(v, LARGE * PAGE), LARGE, false);
	with_pages(v, mmsim_vmalloc_huge(v, HUGE_SIZE, MMSIM_GFP_KERNEL), HUGE_SIZE / PAGE, false);
	with_pages(v, mmsim_vmalloc_gfp(v, 3 * PAGE, MMSIM_GFP_ATOMIC), 3, true);
}

/* Pages of the caller's: what fails has not taken them. */
static void pages_of_ours(struct mmsim *m, struct mmsim_vmap *v)
{
	struct mmsim_page *page[RAM_PAGES], *many[65];
	uint64_t addr;
	unsigned nr = 0;

	while (nr < RAM_PAGES &&
	       had_memory((page[nr] = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0)) != NULL))
		nr++;
	for (unsigned i = 0; nr && i < 65; i++)
		many[i] = page[i % nr];
	if (nr && had_memory((addr = mmsim_vmap_pages(v, page, nr, 0)) != 0))
		assert_int_equal(mmsim_vunmap(v, addr), 0);
	look_at(v, 0, 0);
	if (nr && had_memory((addr = mmsim_vm_map_ram(v, many, 2)) != 0))
		assert_int_equal(mmsim_vm_unmap_ram(v, addr, 2), 0);
	if (nr && had_memory((addr = mmsim_vm_map_ram(v, many, 65)) != 0))
		assert_int_equal(mmsim_vm_unmap_ram(v, addr, 65), 0);
	look_at(v, 0, 0);
	if (nr == RAM_PAGES &&
	    had_memory((addr = mmsim_vmap_pages(v, page, nr, MMSIM_VM_MAP_PUT_PAGES)) != 0)) {
		assert_int_equal(mmsim_vfree(v, addr), 0);
		nr = 0;
	}
	look_at(v, 0, 0);
	while (nr--)
		assert_int_equal(mmsim_free_pages(m, page[nr], 0), 0);
}

/* Without pages, and those who only look. */
static void others(struct mmsim_vmap *v)
{
	uint64_t io = mmsim_ioremap(v, 0xfee00040, 8),
		 area = mmsim_get_vm_area(v, 3 * PAGE, MMSIM_VM_SPARSE);
	struct mmsim_vm_area_info at;
	char text[512], bytes[64];

	had_memory(io);
	look_at(v, (uint64_t)had_memory(area != 0) + (io != 0), 0);
	if (area) {
		assert_int_equal(mmsim_find_vm_area(v, area + PAGE, &at), 0);
		assert_int_equal(mmsim_vread(v, area, bytes, sizeof(bytes)), sizeof(bytes));
		assert_int_equal(mmsim_free_vm_area(v, area), 0);
	}
	mmsim_vmallocinfo(v, text, sizeof(text));
	if (io)
		assert_int_equal(mmsim_iounmap(v, io), 0);
	look_at(v, 0, 0);
}

static void live(struct mmsim *m, const struct kind *k)
{
	struct mmsim_vmap *v = (struct mmsim_vmap *)m;

	if (!worked(mmsim_vmap_create(m, &k->params, &v))) {
		assert_null(v);
		return;
	}
	addresses(v);
	memory(v);
	pages_of_ours(m, v);
	others(v);
	mmsim_vm_unmap_aliases(v);
	mmsim_vmap_shrink_scan(v);
	/* What waits becomes free, however little there is. */
	mmsim_vmap_purge(v, 1);
	look_at(v, 0, 0);
	assert_int_equal(info_of(v).lazy, 0);
	assert_int_equal(info_of(v).pooled, 0);
	had_memory(mmsim_vmalloc(v, 2 * PAGE)); /* left to destruction */
	mmsim_vmap_destroy(v);
}

static const char *const mode_name[] = { "native", "serial", "virtual", "explore" };

static void say(const struct kind *k, const char *what, unsigned once, unsigned ever)
{
	print_message("  %s, design %u, busy %u, %s: %u and %u\n", mode_name[k->mode],
		      k->params.design, k->params.busy, what, once, ever);
}

static void arm(struct mmsim *m, enum mmsim_fault_kind kind, uint32_t nth, uint32_t count)
{
	m->fault.point[kind] = (struct mm_fault_point){ .nth = nth, .count = count };
}

/* The kth operation of a kind, alone, or with all after it, for every k. Returns how many there are. */
static unsigned sweep_life(const struct kind *k, enum mmsim_fault_kind kind, uint32_t count)
{
	struct mmsim *m = rig_open(k->mode, CPUS, PAGES, NULL);
	uint64_t all, objects;
	uint32_t nth = 0;
	bool fired;

	failures = 0;
	live(m, k);
	assert_int_equal(failures, 0);
	all = rig_free_pages(m);
	objects = m->meta.live;
	do {
		nth++;
		assert_true(nth < MOST);
		arm(m, kind, nth, count);
		live(m, k);
		fired = mm_base_fault_fired(&m->fault, kind) != 0;
		arm(m, kind, 0, 0);
		assert_int_equal(rig_free_pages(m), all);
		/* Native workers stay to be used again: how many there are is luck. */
		if (k->mode != MMSIM_NATIVE && kind != MMSIM_FAULT_SPAWN)
			assert_int_equal(m->meta.live, objects);
	} while (fired);
	assert_int_equal(mmsim_validate(m), all);
	rig_close(m);
	return nth - 1;
}

static void sweep_metadata(const struct kind *k)
{
	unsigned once = sweep_life(k, MMSIM_FAULT_METADATA, 1);
	unsigned ever = sweep_life(k, MMSIM_FAULT_METADATA, UINT32_MAX);

	say(k, "allocations", once, ever);
	assert_true(once > 10 && ever > 10);
}

static void metadata(void **state)
{
	(void)state;
	for_all_kinds(sweep_metadata);
}

/* Without workers nothing but helpers is missing. */
static void sweep_spawn(const struct kind *k)
{
	say(k, "workers", sweep_life(k, MMSIM_FAULT_SPAWN, 1),
	    sweep_life(k, MMSIM_FAULT_SPAWN, UINT32_MAX));
}

static void spawning(void **state)
{
	(void)state;
	for_all_kinds(sweep_spawn);
}

/* Memory that is short: held by the test, given back a page at a time, then faster. */
static void short_of_memory(const struct kind *k)
{
	struct mmsim *m = rig_open(k->mode, CPUS, PAGES, NULL);
	struct mmsim_page *held[PAGES];
	uint64_t all, nr = 0, left;
	unsigned failed;

	live(m, k);
	mmsim_drain_all_pages(m);
	while ((held[nr] = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0)))
		nr++;
	all = rig_free_pages(m) + nr;
	do {
		failures = 0;
		live(m, k);
		failed = failures;
		assert_int_equal(rig_free_pages(m), all - nr);
		left = 1 + (all - nr) / 8;
		while (nr && left--)
			assert_int_equal(mmsim_free_pages(m, held[--nr], 0), 0);
	} while (failed && nr);
	while (nr)
		assert_int_equal(mmsim_free_pages(m, held[--nr], 0), 0);
	failures = 0;
	live(m, k);
	assert_int_equal(failures, 0);
	rig_close(m);
}

static void short_once(const struct kind *k)
{
	if (k->mode == MMSIM_SERIAL)
		short_of_memory(k);
}

static void shortages(void **state)
{
	(void)state;
	for_all_kinds(short_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata),
		cmocka_unit_test(spawning),
		cmocka_unit_test(shortages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
