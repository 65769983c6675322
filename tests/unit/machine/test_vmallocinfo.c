/* SPDX-License-Identifier: MIT */
/* /proc/vmallocinfo, character by character. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmap_rig.h"

enum { TEXT_MAX = 65536 };

static char text[TEXT_MAX];

static const struct mmsim_vmap_params one_node = { .nodes = 1 };

static void is(struct vrig *r, const char *want)
{
	int64_t len = mmsim_vmallocinfo(r->v, text, sizeof(text));

	assert_int_equal(len, strlen(text));
	assert_string_equal(text, want);
}

static void an_empty_space_has_no_lines(void **state)
{
	struct vrig r;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, &one_node);
	strcpy(text, "x");
	is(&r, "");
	assert_int_equal(mmsim_vmallocinfo(r.v, NULL, 0), 0);
	assert_int_equal(mmsim_vmallocinfo(r.v, NULL, 1), -EINVAL);
	assert_int_equal(mmsim_vmallocinfo(NULL, text, 1), -EINVAL);
	vrig_close(&r);
}

/* All kinds of areas, one after the other; what has no struct and no flag has no line. */
static void every_kind_has_its_words(void **state)
{
	const struct mmsim_vmalloc_request named = { .size = 3 * RIG_PAGE,
						     .gfp = MMSIM_GFP_KERNEL,
						     .node = MMSIM_NUMA_NO_NODE,
						     .caller = "load_module+0x1f/0x200" };
	struct mmsim_page *many[65];
	struct vrig r;
	uint64_t bare;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, &one_node);
	for (unsigned i = 0; i < 65; i++)
		many[i] = r.page[i % VRIG_PAGES];
	assert_true(mmsim_vmalloc_request(r.v, &named));
	assert_true(mmsim_vmap_pages(r.v, r.page, 2, 0));
	assert_true(mmsim_get_vm_area(r.v, 5000, MMSIM_VM_SPARSE));
	assert_true(mmsim_get_vm_area(r.v, RIG_PAGE, MMSIM_VM_NO_GUARD));
	assert_int_equal(mmsim_alloc_vmap_area(r.v, RIG_PAGE, 1, 0, 0, MMSIM_GFP_KERNEL, &bare), 0);
	assert_true(mmsim_vm_map_ram(r.v, many, 65));
	assert_true(mmsim_ioremap(r.v, 0xfed00010, 0x100));
	is(&r, "0xffffc90000000000-0xffffc90000004000   16384 load_module+0x1f/0x200 pages=3 "
	       "vmalloc N0=3\n"
	       "0xffffc90000004000-0xffffc90000007000   12288 vmap\n"
	       "0xffffc90000007000-0xffffc9000000a000   12288 sparse\n"
	       "0xffffc9000000a000-0xffffc9000000b000    4096\n"
	       "0xffffc9000000c000-0xffffc9000004d000  266240 vm_map_ram\n"
	       "0xffffc9000004d000-0xffffc9000004f000    8192 phys=0x00000000fed00000 ioremap\n");
	vrig_close(&r);
}

static void a_block_is_one_line(void **state)
{
	struct vrig r;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, &one_node);
	assert_true(mmsim_vm_map_ram(r.v, r.page, 1));
	assert_true(mmsim_vm_map_ram(r.v, r.page, 2));
	is(&r, "0xffffc90000000000-0xffffc90000400000 4194304 vm_map_ram\n");
	vrig_close(&r);
}

/* The page array of more than 512 pages is an area of its own. */
static void a_nested_array_is_told(void **state)
{
	struct vrig r;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, &one_node);
	assert_true(mmsim_vmalloc(r.v, 513 * RIG_PAGE));
	is(&r, "0xffffc90000000000-0xffffc90000202000 2105344 pages=513 vmalloc vpages N0=513\n"
	       "0xffffc90000202000-0xffffc90000205000   12288 pages=2 vmalloc N0=2\n");
	vrig_close(&r);
}

/* The array is the library's: pages of a caller's own count for nobody until they are handed over. */
static void pages_handed_over_are_counted(void **state)
{
	struct mmsim_page *own[2];
	struct vrig r;
	uint64_t addr;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, &one_node);
	for (unsigned i = 0; i < 2; i++)
		assert_non_null(own[i] = mmsim_alloc_pages(r.m, MMSIM_GFP_KERNEL, 0));
	addr = mmsim_vmap_pages(r.v, own, 2, MMSIM_VM_MAP_PUT_PAGES);
	assert_true(addr);
	is(&r, "0xffffc90000000000-0xffffc90000003000   12288 pages=2 vmap N0=2\n");
	assert_int_equal(mmsim_vfree(r.v, addr), 0);
	is(&r, "0xffffc90000000000-0xffffc90000003000   12288 unpurged vm_area\n");
	vrig_close(&r);
}

/* In order of addresses in trees, of freeing in an index; and gone after a drain. */
static void what_waits_comes_last(void **state)
{
	struct mmsim_vmap_params params = one_node;
	uint64_t addr[4];
	struct vrig r;

	(void)state;
	params.busy = MMSIM_VMAP_BUSY_TREE;
	vrig_open(&r, MMSIM_SERIAL, 1, &params);
	for (unsigned i = 0; i < 4; i++)
		assert_true(addr[i] = mmsim_vmalloc(r.v, RIG_PAGE));
	assert_int_equal(mmsim_vfree(r.v, addr[2]), 0);
	assert_int_equal(mmsim_vfree(r.v, addr[0]), 0);
	assert_int_equal(mmsim_vfree(r.v, addr[1]), 0);
	is(&r, "0xffffc90000006000-0xffffc90000008000    8192 pages=1 vmalloc N0=1\n"
	       "0xffffc90000000000-0xffffc90000002000    8192 unpurged vm_area\n"
	       "0xffffc90000002000-0xffffc90000004000    8192 unpurged vm_area\n"
	       "0xffffc90000004000-0xffffc90000006000    8192 unpurged vm_area\n");
	mmsim_vmap_purge(r.v, 0);
	is(&r, "0xffffc90000006000-0xffffc90000008000    8192 pages=1 vmalloc N0=1\n");
	vrig_close(&r);
}

/* Two nodes, zones of 16 pages: 0-15 and 32-47 are of one, 16-31 of the other. */
static void areas_are_grouped_by_node(void **state)
{
	static const uint32_t busy[] = { MMSIM_VMAP_BUSY_TREE, MMSIM_VMAP_BUSY_INDEX };

	(void)state;
	for (unsigned b = 0; b < 2; b++) {
		const struct mmsim_vmap_params params = { .nodes = 2, .busy = busy[b] };
		struct vrig r;

		vrig_open(&r, MMSIM_SERIAL, 2, &params);
		for (unsigned i = 0; i < 5; i++)
			assert_true(mmsim_get_vm_area(r.v, 8 * RIG_PAGE, MMSIM_VM_NO_GUARD));
		is(&r, "0xffffc90000000000-0xffffc90000008000   32768\n"
		       "0xffffc90000008000-0xffffc90000010000   32768\n"
		       "0xffffc90000020000-0xffffc90000028000   32768\n"
		       "0xffffc90000010000-0xffffc90000018000   32768\n"
		       "0xffffc90000018000-0xffffc90000020000   32768\n");
		vrig_close(&r);
	}
}

/* Pages of both nodes behind one area. */
static void nodes_are_counted(void **state)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 2, 2, 1);
	struct mmsim_page *pages[3];
	struct mmsim_vmap *v;
	struct mmsim *m;

	(void)state;
	sim_ram(cfg, 0, SIM_NORMAL, 4096);
	sim_ram(cfg, 1, SIM_NORMAL + SIM_SECTION, 4096);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	assert_int_equal(mmsim_vmap_create(m, &one_node, &v), 0);
	for (unsigned i = 0; i < 3; i++) {
		pages[i] = mmsim_alloc_pages_node(m, i != 1,
						  MMSIM_GFP_KERNEL | MMSIM___GFP_THISNODE, 0);
		assert_non_null(pages[i]);
	}
	assert_true(mmsim_vmap_pages(v, pages, 3, MMSIM_VM_MAP_PUT_PAGES));
	mmsim_vmallocinfo(v, text, sizeof(text));
	assert_string_equal(
		text, "0xffffc90000000000-0xffffc90000004000   16384 pages=3 vmap N0=1 N1=2\n");
	mmsim_vmap_destroy(v);
	mmsim_destroy(m);
}

static void printing_is_as_snprintf(void **state)
{
	char part[512];
	struct vrig r;
	size_t len;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, &one_node);
	for (unsigned i = 1; i < 4; i++)
		assert_true(mmsim_vmalloc(r.v, i * RIG_PAGE));
	len = (size_t)mmsim_vmallocinfo(r.v, text, sizeof(text));
	assert_int_equal(mmsim_vmallocinfo(r.v, NULL, 0), len);
	for (size_t size = 1; size < len + 3; size++) {
		size_t fits = size - 1 < len ? size - 1 : len;

		memset(part, 'x', sizeof(part));
		assert_int_equal(mmsim_vmallocinfo(r.v, part, size), len);
		assert_int_equal(strlen(part), fits);
		assert_memory_equal(part, text, fits);
		assert_int_equal(part[size], 'x');
	}
	vrig_close(&r);
}

/* The same areas, however they wait and are found. */
static void every_design_prints_what_there_is(void **state)
{
	(void)state;
	for (uint32_t design = 0; design < MMSIM_NR_VMAP_DESIGNS; design++) {
		const struct mmsim_vmap_params params = { .design = design };
		struct vrig r;
		uint64_t addr;
		unsigned lines = 0;

		vrig_open(&r, MMSIM_SERIAL, 4, &params);
		for (unsigned i = 1; i <= 300; i++) {
			assert_true(addr = mmsim_vmalloc(r.v, i % 40 * RIG_PAGE + 1));
			if (i % 3 == 0)
				assert_int_equal(mmsim_vfree(r.v, addr), 0);
		}
		mmsim_vmallocinfo(r.v, text, sizeof(text));
		for (const char *at = text; (at = strstr(at, " vmalloc ")); at++)
			lines++;
		assert_int_equal(lines, 200);
		lines = 0;
		for (const char *at = text; (at = strstr(at, " unpurged vm_area\n")); at++)
			lines++;
		assert_int_equal(lines, vrig_info(&r).lazy);
		assert_int_equal(lines, 100);
		vrig_close(&r);
	}
}

static void an_area_is_found_from_inside(void **state)
{
	struct mmsim_vm_area_info info;
	struct vrig r;
	uint64_t addr, bare;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 4, NULL);
	assert_true(addr = mmsim_vmalloc(r.v, 40 * RIG_PAGE + 1));
	assert_int_equal(mmsim_find_vm_area(r.v, addr + 39 * RIG_PAGE + 5, &info), 0);
	assert_int_equal(info.addr, addr);
	assert_int_equal(info.size, 42 * RIG_PAGE);
	assert_int_equal(info.requested, 40 * RIG_PAGE + 1);
	assert_int_equal(info.flags, MMSIM_VM_ALLOC);
	assert_int_equal(info.nr_pages, 41);
	assert_int_equal(info.page_order, 0);
	assert_int_equal(mmsim_find_vm_area(r.v, addr + 42 * RIG_PAGE, &info), -ENOENT);
	assert_int_equal(mmsim_find_vm_area(r.v, addr - 1, &info), -ENOENT);
	assert_int_equal(mmsim_find_vm_area(r.v, 0, &info), -ENOENT);
	assert_int_equal(mmsim_find_vm_area(r.v, UINT64_MAX, &info), -ENOENT);
	assert_int_equal(mmsim_alloc_vmap_area(r.v, RIG_PAGE, 1, 0, 0, MMSIM_GFP_KERNEL, &bare), 0);
	assert_int_equal(mmsim_find_vm_area(r.v, bare, &info), -ENOENT);
	assert_true(addr = mmsim_ioremap(r.v, 0xfed00010, 0x100));
	assert_int_equal(mmsim_find_vm_area(r.v, addr, &info), 0);
	assert_int_equal(info.phys, 0xfed00000);
	assert_int_equal(info.addr, addr & ~(RIG_PAGE - 1));
	vrig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_space_has_no_lines),
		cmocka_unit_test(every_kind_has_its_words),
		cmocka_unit_test(a_block_is_one_line),
		cmocka_unit_test(a_nested_array_is_told),
		cmocka_unit_test(pages_handed_over_are_counted),
		cmocka_unit_test(what_waits_comes_last),
		cmocka_unit_test(areas_are_grouped_by_node),
		cmocka_unit_test(nodes_are_counted),
		cmocka_unit_test(printing_is_as_snprintf),
		cmocka_unit_test(every_design_prints_what_there_is),
		cmocka_unit_test(an_area_is_found_from_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
