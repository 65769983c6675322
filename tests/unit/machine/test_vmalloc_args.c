/* SPDX-License-Identifier: MIT */
/* Memory behind kernel addresses: what is refused, and areas of what is not the space's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmalloc_rig.h"

static void bad_requests(void **state)
{
	static const struct {
		struct mmsim_vmalloc_request r;
		const char *what;
	} bad[] = {
		{ { .size = 0 }, "size is 0" },
		{ { .size = UINT64_MAX }, "total pages" },
		{ { .size = UINT64_MAX - 4095 }, "total pages" },
		{ { .size = UINT64_C(1) << 63 }, "total pages" },
		{ { .size = PAGES * UINT64_C(4096) + 1 }, "total pages" },
		{ { .size = 1, .align = 3 }, "align" },
		{ { .size = 1, .align = UINT64_MAX }, "align" },
		{ { .size = 1, .start = 8192, .end = 4096 }, "range" },
		{ { .size = 1, .start = 8192, .end = 8192 }, "range" },
		{ { .size = 1, .start = 8192 }, "range" },
		{ { .size = 1, .vm_flags = MMSIM_VM_IOREMAP }, "vm_flags" },
		{ { .size = 1, .vm_flags = 1u << 31 }, "vm_flags" },
		{ { .size = 1, .node = 1 }, "node" },
		{ { .size = 1, .node = -2 }, "node" },
		{ { .size = 1, .gfp = MMSIM___GFP_MOVABLE | MMSIM___GFP_RECLAIMABLE },
		  "movable and reclaimable" },
	};
	struct world w;

	(void)state;
	open_space(&w, NULL);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(mmsim_vmalloc_request(w.v, &bad[i].r), 0);
		assert_said(&w, "mmsim_vmalloc_request", bad[i].what);
	}
	assert_int_equal(mmsim_vmalloc_request(w.v, NULL), 0);
	assert_said(&w, "mmsim_vmalloc_request", "no request");
	assert_int_equal(mmsim_vmalloc(w.v, 0), 0);
	assert_said(&w, "mmsim_vmalloc(", "size is 0");
	assert_int_equal(mmsim_vzalloc(w.v, 0), 0);
	assert_said(&w, "mmsim_vzalloc(", "size is 0");
	assert_int_equal(mmsim_vmalloc_huge(w.v, UINT64_MAX, KERNEL), 0);
	assert_said(&w, "mmsim_vmalloc_huge(", "total pages");
	assert_int_equal(mmsim_vmalloc_gfp(w.v, 0, KERNEL), 0);
	assert_said(&w, "mmsim_vmalloc_gfp(", "size is 0");
	assert_int_equal(mmsim_vmalloc_node(w.v, 1, 5, KERNEL, 0), 0);
	assert_said(&w, "mmsim_vmalloc_node(", "align");
	/* Requests, but there is no room. */
	for (unsigned shift = 46; shift < 64; shift++)
		assert_int_equal(mmsim_vmalloc_node(w.v, 1, UINT64_C(1) << shift, KERNEL,
						    MMSIM_NUMA_NO_NODE),
				 0);
	assert_int_equal(info_of(&w).busy, 0);
	assert_int_equal(info_of(&w).pages, 0);
	close_space(&w);
}

static void null_is_no_space(void **state)
{
	struct mmsim_vm_area_info area;

	(void)state;
	assert_int_equal(mmsim_vmalloc_request(NULL, NULL), 0);
	assert_int_equal(mmsim_vmalloc(NULL, 1), 0);
	assert_int_equal(mmsim_vfree(NULL, 1), -EINVAL);
	assert_int_equal(mmsim_vfree_atomic(NULL, 1), -EINVAL);
	mmsim_vfree_flush(NULL);
	assert_int_equal(mmsim_vmap_pages(NULL, NULL, 1, 0), 0);
	assert_int_equal(mmsim_vunmap(NULL, 1), -EINVAL);
	assert_int_equal(mmsim_vm_map_ram(NULL, NULL, 1), 0);
	assert_int_equal(mmsim_vm_unmap_ram(NULL, 1, 1), -EINVAL);
	mmsim_vm_unmap_aliases(NULL);
	assert_int_equal(mmsim_ioremap(NULL, 0, 1), 0);
	assert_int_equal(mmsim_iounmap(NULL, 1), -EINVAL);
	assert_int_equal(mmsim_get_vm_area(NULL, 1, 0), 0);
	assert_int_equal(mmsim_free_vm_area(NULL, 1), -EINVAL);
	assert_int_equal(mmsim_find_vm_area(NULL, 1, &area), -EINVAL);
	assert_null(mmsim_vmalloc_to_page(NULL, 1));
	assert_int_equal(mmsim_vmalloc_touch(NULL, 1), UINT64_MAX);
	assert_int_equal(mmsim_vread(NULL, 1, &area, 1), 0);
	assert_int_equal(mmsim_vmallocinfo(NULL, NULL, 0), -EINVAL);
}

static void places_for_results(void **state)
{
	struct world w;

	(void)state;
	open_space(&w, NULL);
	assert_int_equal(mmsim_find_vm_area(w.v, 1, NULL), -EINVAL);
	assert_said(&w, "mmsim_find_vm_area", "no place");
	assert_int_equal(mmsim_vread(w.v, 1, NULL, 1), 0);
	assert_said(&w, "mmsim_vread", "no place");
	assert_int_equal(mmsim_vmallocinfo(w.v, NULL, 1), -EINVAL);
	assert_said(&w, "mmsim_vmallocinfo", "no place");
	assert_int_equal(mmsim_vmallocinfo(w.v, NULL, 0), 0);
	close_space(&w);
}

enum { VMALLOC, VMAP, PUT, IOREMAP, AREA, NR_KINDS };

static int undo(struct world *w, unsigned call, uint64_t addr)
{
	switch (call) {
	case VMALLOC:
		return mmsim_vfree(w->v, addr);
	case VMAP:
		return mmsim_vunmap(w->v, addr);
	case IOREMAP:
		return mmsim_iounmap(w->v, addr);
	default:
		return mmsim_free_vm_area(w->v, addr);
	}
}

/* Each area by each call that is not for it, by addresses that are not its first, and twice. */
static void wrong_calls(void **state)
{
	static const char *const said[NR_KINDS] = { "of mmsim_vmalloc()", "of mmsim_vmap_pages()",
						    "of mmsim_vmap_pages()", "of mmsim_ioremap()",
						    "of mmsim_get_vm_area()" };
	static const char *const call[NR_KINDS] = { "mmsim_vfree", "mmsim_vunmap", NULL,
						    "mmsim_iounmap", "mmsim_free_vm_area" };
	static const unsigned right[NR_KINDS] = { VMALLOC, VMAP, VMALLOC, IOREMAP, AREA };
	struct mmsim_page *page[2];
	uint64_t addr[NR_KINDS];
	struct world w;

	(void)state;
	open_space(&w, NULL);
	for (unsigned i = 0; i < 2; i++) {
		page[i] = mmsim_alloc_pages(w.m, KERNEL, 0);
		assert_non_null(page[i]);
	}
	addr[VMALLOC] = mmsim_vmalloc(w.v, 2 * RIG_PAGE);
	addr[VMAP] = mmsim_vmap_pages(w.v, page, 1, 0);
	addr[PUT] = mmsim_vmap_pages(w.v, page + 1, 1, MMSIM_VM_MAP_PUT_PAGES);
	addr[IOREMAP] = mmsim_ioremap(w.v, 0, 2 * RIG_PAGE);
	addr[AREA] = mmsim_get_vm_area(w.v, 1, MMSIM_VM_IOREMAP);
	for (unsigned kind = 0; kind < NR_KINDS; kind++)
		for (unsigned c = 0; c < NR_KINDS; c++) {
			assert_true(addr[kind] != 0);
			if (!call[c] || c == right[kind] || (c == VMAP && kind == PUT))
				continue;
			assert_int_equal(undo(&w, c, addr[kind]), -EINVAL);
			assert_said(&w, call[c], said[kind]);
			if (c == IOREMAP)
				continue;
			assert_int_equal(undo(&w, c, addr[kind] + 1), -EINVAL);
			assert_said(&w, call[c], "inside");
		}
	assert_int_equal(mmsim_vfree(w.v, addr[VMALLOC] + RIG_PAGE), -EINVAL);
	assert_said(&w, "mmsim_vfree", "inside");
	assert_int_equal(mmsim_vfree(w.v, UINT64_MAX), -EINVAL);
	assert_said(&w, "mmsim_vfree", "no area");
	assert_int_equal(info_of(&w).busy, NR_KINDS);
	mmsim_vmap_validate(w.v);
	for (unsigned kind = 0; kind < NR_KINDS; kind++) {
		assert_int_equal(undo(&w, right[kind], addr[kind]), 0);
		assert_int_equal(undo(&w, right[kind], addr[kind]), -EINVAL);
		assert_said(&w, call[right[kind]], "no area");
	}
	assert_int_equal(page[1]->refcount, 0);
	assert_int_equal(mmsim_free_pages(w.m, page[0], 0), 0);
	close_space(&w);
}

static void ioremap(void **state)
{
	static const struct {
		uint64_t phys, size, pages, align;
	} good[] = {
		{ 0, 1, 1, 1 },
		{ 0xfee00ff0, 0x20, 2, 2 },
		{ 0x1000, 0x3000, 3, 4 },
		{ 0x1fff, 2, 2, 2 },
		{ 0, 128 * 4096, 128, 128 },
		{ 0, 600 * 4096, 600, 128 },
		{ (UINT64_C(1) << 52) - 1, 1, 1, 1 },
	};
	struct mmsim_vm_area_info area;
	struct world w;

	(void)state;
	open_space(&w, NULL);
	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		uint64_t a = mmsim_ioremap(w.v, good[i].phys, good[i].size),
			 offset = good[i].phys % RIG_PAGE;

		assert_true(a != 0);
		area = area_of(&w, a);
		assert_int_equal(a, area.addr + offset);
		assert_int_equal(area.addr % (good[i].align * RIG_PAGE), 0);
		assert_int_equal(area.size, (good[i].pages + 1) * RIG_PAGE);
		assert_int_equal(area.phys, good[i].phys - offset);
		assert_int_equal(area.flags, MMSIM_VM_IOREMAP);
		for (unsigned p = 0; p < good[i].pages; p++)
			assert_int_equal(mmsim_vmalloc_touch(w.v, area.addr + p * RIG_PAGE),
					 good[i].phys / RIG_PAGE + p);
		assert_int_equal(mmsim_vmalloc_touch(w.v, area.addr + good[i].pages * RIG_PAGE),
				 UINT64_MAX);
		assert_null(mmsim_vmalloc_to_page(w.v, area.addr)); /* no memory */
		mmsim_vmap_validate(w.v);
		assert_int_equal(mmsim_iounmap(w.v, a), 0);
		assert_int_equal(mmsim_iounmap(w.v, a), -EINVAL);
		assert_said(&w, "mmsim_iounmap", "no area");
	}
	assert_int_equal(mmsim_ioremap(w.v, 0, 0), 0);
	assert_said(&w, "mmsim_ioremap", "size is 0");
	assert_int_equal(mmsim_ioremap(w.v, UINT64_C(1) << 52, 1), 0);
	assert_said(&w, "mmsim_ioremap", "2^52");
	assert_int_equal(mmsim_ioremap(w.v, 1, UINT64_MAX), 0);
	assert_said(&w, "mmsim_ioremap", "2^52");
	assert_int_equal(mmsim_ioremap(w.v, 0, UINT64_C(1) << 52), 0); /* 32 TiB of addresses */
	assert_int_equal(info_of(&w).pages, 0);
	close_space(&w);
}

static void vm_areas(void **state)
{
	struct mmsim_vm_area_info area;
	struct world w;
	uint64_t a;

	(void)state;
	open_space(&w, NULL);
	a = mmsim_get_vm_area(w.v, RIG_PAGE + 1, MMSIM_VM_SPARSE);
	area = area_of(&w, a);
	assert_int_equal(area.size, 3 * RIG_PAGE);
	assert_int_equal(area.flags, MMSIM_VM_SPARSE);
	assert_int_equal(area.nr_pages, 0);
	assert_null(mmsim_vmalloc_to_page(w.v, a));
	assert_int_equal(mmsim_free_vm_area(w.v, a), 0);
	a = mmsim_get_vm_area(w.v, 5 * RIG_PAGE, MMSIM_VM_IOREMAP | MMSIM_VM_NO_GUARD);
	assert_int_equal(a % (8 * RIG_PAGE), 0);
	assert_int_equal(area_of(&w, a).size, 5 * RIG_PAGE);
	assert_int_equal(mmsim_free_vm_area(w.v, a), 0);
	a = mmsim_get_vm_area(w.v, UINT64_C(1) << 44, 0); /* no memory is asked for */
	assert_true(a != 0);
	assert_int_equal(mmsim_free_vm_area(w.v, a), 0);
	assert_int_equal(mmsim_get_vm_area(w.v, 0, 0), 0);
	assert_said(&w, "mmsim_get_vm_area", "size is 0");
	assert_int_equal(mmsim_get_vm_area(w.v, UINT64_MAX, 0), 0);
	assert_said(&w, "mmsim_get_vm_area", "2^64");
	assert_int_equal(mmsim_get_vm_area(w.v, 1, MMSIM_VM_ALLOC), 0);
	assert_said(&w, "mmsim_get_vm_area", "vm_flags");
	assert_int_equal(mmsim_get_vm_area(w.v, UINT64_C(1) << 60, 0), 0);
	close_space(&w);
}

static void pages_of_others(void **state)
{
	enum { NR = 600 };
	static struct mmsim_page *page[NR], *again[2];
	struct mmsim_page none;
	struct world w;
	uint64_t a;

	(void)state;
	open_space(&w, NULL);
	for (unsigned i = 0; i < NR; i++) {
		page[i] = mmsim_alloc_pages(w.m, KERNEL, 0);
		assert_non_null(page[i]);
	}
	a = mmsim_vmap_pages(w.v, page, NR, 0);
	for (unsigned i = 0; i < NR; i++)
		assert_ptr_equal(mmsim_vmalloc_to_page(w.v, a + i * RIG_PAGE), page[i]);
	assert_int_equal(area_of(&w, a).flags, MMSIM_VM_MAP);
	assert_int_equal(area_of(&w, a).size, (NR + 1) * RIG_PAGE);
	assert_int_equal(info_of(&w).pages, 0);
	assert_int_equal(mmsim_vunmap(w.v, a), 0);
	assert_int_equal(page[0]->refcount, 1);
	/* The same one twice. */
	again[0] = again[1] = page[3];
	a = mmsim_vmap_pages(w.v, again, 2, 0);
	assert_ptr_equal(mmsim_vmalloc_to_page(w.v, a + RIG_PAGE), page[3]);
	assert_int_equal(mmsim_vunmap(w.v, a), 0);
	/* Theirs until they are unmapped, or for good. */
	a = mmsim_vmap_pages(w.v, page, NR, MMSIM_VM_MAP_PUT_PAGES);
	assert_int_equal(area_of(&w, a).nr_pages, NR);
	assert_int_equal(area_of(&w, a).flags, MMSIM_VM_MAP | MMSIM_VM_MAP_PUT_PAGES);
	mmsim_vmap_validate(w.v);
	assert_int_equal(mmsim_vunmap(w.v, a), 0);
	assert_int_equal(page[0]->refcount, 1);
	a = mmsim_vmap_pages(w.v, page, NR, MMSIM_VM_MAP_PUT_PAGES);
	assert_int_equal(mmsim_vfree(w.v, a), 0);
	assert_int_equal(info_of(&w).pages, 0);
	assert_int_equal(pages_taken(&w), 0);
	/* What vfree() could not free. */
	page[0] = mmsim_alloc_pages(w.m, KERNEL, 1);
	assert_int_equal(mmsim_vmap_pages(w.v, page, 1, MMSIM_VM_MAP_PUT_PAGES), 0);
	assert_said(&w, "mmsim_vmap_pages", "order 0");
	assert_int_equal(mmsim_free_pages(w.m, page[0], 1), 0);
	assert_int_equal(mmsim_vmap_pages(w.v, page, 1, MMSIM_VM_MAP_PUT_PAGES), 0);
	assert_said(&w, "mmsim_vmap_pages", "order 0");
	/* What is no page, or no array. */
	assert_int_equal(mmsim_vmap_pages(w.v, page, 0, 0), 0);
	assert_said(&w, "mmsim_vmap_pages", "no pages");
	assert_int_equal(mmsim_vmap_pages(w.v, NULL, 1, 0), 0);
	assert_said(&w, "mmsim_vmap_pages", "none");
	assert_int_equal(mmsim_vmap_pages(w.v, page, UINT64_MAX, 0), 0);
	assert_said(&w, "mmsim_vmap_pages", "total pages");
	assert_int_equal(mmsim_vmap_pages(w.v, page, 1, MMSIM_VM_ALLOC), 0);
	assert_said(&w, "mmsim_vmap_pages", "vm_flags");
	again[1] = NULL;
	assert_int_equal(mmsim_vmap_pages(w.v, again, 2, 0), 0);
	assert_said(&w, "mmsim_vmap_pages", "no struct page");
	again[1] = &none;
	assert_int_equal(mmsim_vm_map_ram(w.v, again, 2), 0);
	assert_said(&w, "mmsim_vm_map_ram", "no struct page");
	assert_int_equal(mmsim_vm_map_ram(w.v, again, 0), 0);
	assert_said(&w, "mmsim_vm_map_ram", "no pages");
	close_space(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(null_is_no_space),
		cmocka_unit_test(places_for_results),
		cmocka_unit_test(wrong_calls),
		cmocka_unit_test(ioremap),
		cmocka_unit_test(vm_areas),
		cmocka_unit_test(pages_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
