/* SPDX-License-Identifier: MIT */
/* Reading kernel addresses: contents, holes, guards, blocks, and what reads as zeros. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmap_rig.h"

enum { BUF_PAGES = 40, BUF = BUF_PAGES * MMSIM_PAGE_SIZE };

static unsigned char buf[BUF];

struct rig {
	struct mmsim *m;
	struct mmsim_vmap *v;
	struct mmsim_page *page[8]; /* page k has k + 1 in every byte */
};

static void open_rig(struct rig *r, uint32_t machine_flags, const struct mmsim_vmap_params *params)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 1, 1, 2);

	sim_ram(cfg, 0, SIM_NORMAL, 4096);
	cfg->flags |= machine_flags;
	assert_int_equal(mmsim_create(cfg, &r->m), 0);
	free(cfg);
	assert_int_equal(mmsim_vmap_create(r->m, params, &r->v), 0);
	for (unsigned k = 0; k < 8; k++) {
		assert_non_null(r->page[k] = mmsim_alloc_pages(r->m, MMSIM_GFP_KERNEL, 0));
		if (machine_flags & MMSIM_BACK_PAGES)
			memset(mmsim_page_address(r->m, r->page[k]), (int)k + 1, RIG_PAGE);
	}
}

static void close_rig(struct rig *r)
{
	mmsim_vmap_validate(r->v);
	mmsim_vmap_destroy(r->v);
	for (unsigned k = 0; k < 8; k++)
		assert_int_equal(mmsim_free_pages(r->m, r->page[k], 0), 0);
	rig_close(r->m);
}

/* The buffer is dirty before, and nothing behind `count` is touched. */
static void reads(struct rig *r, uint64_t addr, size_t count, size_t want)
{
	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(mmsim_vread(r->v, addr, buf, count), want);
	if (count < sizeof(buf))
		assert_int_equal(buf[count], 0xee);
}

static void bytes_are(size_t from, size_t to, unsigned char byte)
{
	for (size_t i = from; i < to; i++)
		if (buf[i] != byte)
			fail_msg("byte %zu is %u, not %u", i, buf[i], byte);
}

static void contents_are_read(void **state)
{
	struct rig r;
	uint64_t addr;

	(void)state;
	open_rig(&r, MMSIM_BACK_PAGES, NULL);
	for (unsigned i = 0; i < 16; i++)
		((char *)mmsim_page_address(r.m, r.page[7]))[i] = (char)(i + 100);
	assert_true(addr = mmsim_vmap_pages(r.v, r.page, 3, 0));
	reads(&r, addr, 3 * RIG_PAGE, 3 * RIG_PAGE);
	for (unsigned k = 0; k < 3; k++)
		bytes_are(k * RIG_PAGE, (k + 1) * RIG_PAGE, (unsigned char)(k + 1));
	reads(&r, addr + RIG_PAGE - 10, 30, 30);
	bytes_are(0, 10, 1);
	bytes_are(10, 30, 2);
	reads(&r, addr + 2 * RIG_PAGE + 7, 1, 1);
	bytes_are(0, 1, 3);
	reads(&r, addr, 0, 0);
	assert_true(addr = mmsim_vmap_pages(r.v, r.page + 7, 1, 0));
	reads(&r, addr + 5, 3, 3);
	bytes_are(1, 2, 106);
	close_rig(&r);
}

/* A guard page is a hole, so is what nobody has; what lies behind the last area is not counted. */
static void holes_are_zeros(void **state)
{
	struct rig r;
	uint64_t a, b, gone;

	(void)state;
	open_rig(&r, MMSIM_BACK_PAGES, NULL);
	assert_true(a = mmsim_vmap_pages(r.v, r.page, 1, 0));
	assert_true(gone = mmsim_vmap_pages(r.v, r.page, 2, 0));
	assert_true(b = mmsim_vmap_pages(r.v, r.page + 3, 1, 0));
	assert_int_equal(b - a, 5 * RIG_PAGE);
	assert_int_equal(mmsim_vunmap(r.v, gone), 0);
	reads(&r, a, 20 * RIG_PAGE, 6 * RIG_PAGE);
	bytes_are(0, RIG_PAGE, 1);
	bytes_are(RIG_PAGE, 5 * RIG_PAGE, 0);
	bytes_are(5 * RIG_PAGE, 6 * RIG_PAGE, 4);
	bytes_are(6 * RIG_PAGE, 20 * RIG_PAGE, 0);
	reads(&r, gone, 2 * RIG_PAGE, 0);
	bytes_are(0, 2 * RIG_PAGE, 0);
	reads(&r, a + RIG_PAGE, RIG_PAGE, 0); /* the guard */
	reads(&r, a + 3 * RIG_PAGE, 2 * RIG_PAGE + 1, 2 * RIG_PAGE + 1);
	bytes_are(2 * RIG_PAGE, 2 * RIG_PAGE + 1, 4);
	reads(&r, 0, BUF, 0);
	reads(&r, UINT64_MAX - 100, BUF, 0);
	bytes_are(0, BUF, 0);
	close_rig(&r);
}

static void some_areas_are_zeros(void **state)
{
	const uint64_t phys = SIM_NORMAL * MMSIM_PAGE_SIZE;
	struct rig r;
	uint64_t io, sparse, bare, empty;

	(void)state;
	open_rig(&r, MMSIM_BACK_PAGES, NULL);
	assert_true(io = mmsim_ioremap(r.v, phys, RIG_PAGE));
	reads(&r, io, 2 * RIG_PAGE, RIG_PAGE);
	bytes_are(0, 2 * RIG_PAGE, 0);
	assert_true(sparse = mmsim_get_vm_area(r.v, 2 * RIG_PAGE, MMSIM_VM_SPARSE));
	reads(&r, sparse, 4 * RIG_PAGE, 2 * RIG_PAGE);
	bytes_are(0, 4 * RIG_PAGE, 0);
	assert_true(empty = mmsim_get_vm_area(r.v, RIG_PAGE, MMSIM_VM_NO_GUARD));
	reads(&r, empty, 2 * RIG_PAGE, RIG_PAGE);
	assert_int_equal(mmsim_alloc_vmap_area(r.v, RIG_PAGE, 1, 0, 0, MMSIM_GFP_KERNEL, &bare), 0);
	reads(&r, bare, RIG_PAGE, 0);
	close_rig(&r);
}

/* Of a block what is mapped; also across its end, and of an area of vm_map_ram() all. */
static void holes_of_blocks_are_zeros(void **state)
{
	struct mmsim_page *many[65];
	uint64_t one, three, two, big;
	struct rig r;

	(void)state;
	open_rig(&r, MMSIM_BACK_PAGES, NULL);
	for (unsigned i = 0; i < 65; i++)
		many[i] = r.page[i % 8];
	assert_true(one = mmsim_vm_map_ram(r.v, r.page, 1));
	assert_true(three = mmsim_vm_map_ram(r.v, r.page + 1, 3));
	assert_true(two = mmsim_vm_map_ram(r.v, r.page + 5, 2));
	assert_int_equal(two - one, 5 * RIG_PAGE);
	reads(&r, one, 8 * RIG_PAGE, 8 * RIG_PAGE);
	bytes_are(0, RIG_PAGE, 1);
	bytes_are(RIG_PAGE, 2 * RIG_PAGE, 2);
	bytes_are(3 * RIG_PAGE, 4 * RIG_PAGE, 4);
	bytes_are(4 * RIG_PAGE, 5 * RIG_PAGE, 0); /* the fourth of three */
	bytes_are(5 * RIG_PAGE, 6 * RIG_PAGE, 6);
	bytes_are(7 * RIG_PAGE, 8 * RIG_PAGE, 0);
	assert_int_equal(mmsim_vm_unmap_ram(r.v, three, 3), 0);
	reads(&r, one + 100, 6 * RIG_PAGE, 6 * RIG_PAGE);
	bytes_are(0, RIG_PAGE - 100, 1);
	bytes_are(RIG_PAGE - 100, 5 * RIG_PAGE - 100, 0);
	bytes_are(5 * RIG_PAGE - 100, 6 * RIG_PAGE - 100, 6);
	bytes_are(6 * RIG_PAGE - 100, 6 * RIG_PAGE, 7);
	assert_true(big = mmsim_vm_map_ram(r.v, many, 65));
	reads(&r, big + 63 * RIG_PAGE, 4 * RIG_PAGE, 2 * RIG_PAGE);
	bytes_are(0, RIG_PAGE, 8);
	bytes_are(RIG_PAGE, 2 * RIG_PAGE, 1);
	bytes_are(2 * RIG_PAGE, 4 * RIG_PAGE, 0);
	close_rig(&r);
}

/* Areas of several nodes, found by a read that begins before all of them. */
static void all_nodes_are_looked_through(void **state)
{
	static const uint32_t busy[] = { MMSIM_VMAP_BUSY_TREE, MMSIM_VMAP_BUSY_INDEX };

	(void)state;
	for (unsigned b = 0; b < 2; b++) {
		const struct mmsim_vmap_params params = { .nodes = 2, .busy = busy[b] };
		struct rig r;
		uint64_t addr[9];

		open_rig(&r, MMSIM_BACK_PAGES, &params);
		for (unsigned i = 0; i < 9;
		     i++) /* 2 pages each and a guard: 27 pages, zones of 16 */
			assert_true(addr[i] = mmsim_vmap_pages(r.v, r.page + i % 7, 2, 0));
		reads(&r, addr[0] - RIG_PAGE, 28 * RIG_PAGE, 27 * RIG_PAGE);
		for (unsigned i = 0; i < 9; i++) {
			size_t at = (size_t)(addr[i] - addr[0] + RIG_PAGE);

			bytes_are(at, at + RIG_PAGE, (unsigned char)(i % 7 + 1));
			bytes_are(at + RIG_PAGE, at + 2 * RIG_PAGE, (unsigned char)(i % 7 + 2));
			bytes_are(at + 2 * RIG_PAGE, at + 3 * RIG_PAGE, 0);
		}
		close_rig(&r);
	}
}

static void without_backing_it_is_zeros(void **state)
{
	struct rig r;
	uint64_t addr;

	(void)state;
	open_rig(&r, 0, NULL);
	assert_true(addr = mmsim_vmap_pages(r.v, r.page, 3, 0));
	reads(&r, addr, 4 * RIG_PAGE, 3 * RIG_PAGE);
	bytes_are(0, 4 * RIG_PAGE, 0);
	close_rig(&r);
}

/* The host's bytes, where an area is mapped. */
static void touchable_spaces_have_bytes_of_their_own(void **state)
{
	const struct mmsim_vmap_params params = { .flags = MMSIM_VMAP_TOUCHABLE, .end = 64 << 20 };
	struct rig r;
	uint64_t addr;

	(void)state;
	open_rig(&r, MMSIM_BACK_PAGES, &params);
	assert_true(addr = mmsim_vmalloc(r.v, 2 * RIG_PAGE));
	memset((void *)(uintptr_t)addr, 0x5a, 2 * RIG_PAGE);
	reads(&r, addr + 5, 3 * RIG_PAGE, 2 * RIG_PAGE - 5);
	bytes_are(0, 2 * RIG_PAGE - 5, 0x5a);
	bytes_are(2 * RIG_PAGE - 5, 3 * RIG_PAGE, 0);
	assert_int_equal(mmsim_vfree(r.v, addr), 0);
	reads(&r, addr, 2 * RIG_PAGE, 0);
	bytes_are(0, 2 * RIG_PAGE, 0);
	close_rig(&r);
}

/* With counted tables what has no entries has no tables of its own. */
static void free_tables_are_not_walked(void **state)
{
	const struct mmsim_vmap_params params = { .flags = MMSIM_VMAP_FREE_TABLES };
	struct rig r;
	uint64_t addr, empty;

	(void)state;
	open_rig(&r, MMSIM_BACK_PAGES, &params);
	assert_true(addr = mmsim_vmap_pages(r.v, r.page, 2, 0));
	assert_true(empty = mmsim_get_vm_area(r.v, RIG_PAGE, 0));
	reads(&r, addr, 4 * RIG_PAGE, 4 * RIG_PAGE);
	bytes_are(RIG_PAGE, 2 * RIG_PAGE, 2);
	bytes_are(2 * RIG_PAGE, 4 * RIG_PAGE, 0);
	assert_int_equal(empty - addr, 3 * RIG_PAGE);
	assert_true(addr = mmsim_vm_map_ram(r.v, r.page, 4));
	reads(&r, addr + 3 * RIG_PAGE, 1, 1);
	bytes_are(0, 1, 4);
	close_rig(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contents_are_read),
		cmocka_unit_test(holes_are_zeros),
		cmocka_unit_test(some_areas_are_zeros),
		cmocka_unit_test(holes_of_blocks_are_zeros),
		cmocka_unit_test(all_nodes_are_looked_through),
		cmocka_unit_test(without_backing_it_is_zeros),
		cmocka_unit_test(touchable_spaces_have_bytes_of_their_own),
		cmocka_unit_test(free_tables_are_not_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
