/* SPDX-License-Identifier: MIT */
/*
 * vm_map_ram(): blocks are given out upwards, are freed when all of them is dirty, and refuse what is
 * wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "block.h"
#include "machine.h"
#include "vmap_rig.h"

enum { BLOCK = 1024 }; /* pages of a block, up to 2048 CPUs */

static uint64_t map(struct vrig *r, unsigned nr)
{
	uint64_t addr = mmsim_vm_map_ram(r->v, r->page, nr);

	assert_true(addr);
	for (unsigned i = 0; i < nr; i++)
		assert_ptr_equal(mmsim_vmalloc_to_page(r->v, addr + i * RIG_PAGE), r->page[i]);
	return addr;
}

static void unmap(struct vrig *r, uint64_t addr, unsigned nr)
{
	assert_int_equal(mmsim_vm_unmap_ram(r->v, addr, nr), 0);
	for (unsigned i = 0; i < nr; i++)
		assert_null(mmsim_vmalloc_to_page(r->v, addr + i * RIG_PAGE));
}

static void churn(struct vrig *r, unsigned nr, unsigned times)
{
	while (times--)
		unmap(r, map(r, nr), nr);
}

static void a_block_is_as_large_as_the_kernels(void **state)
{
	(void)state;
	assert_int_equal(mm_vmap_block_pages(1), 1024);
	assert_int_equal(mm_vmap_block_pages(2048), 1024);
	assert_int_equal(mm_vmap_block_pages(2049), 512);
	assert_int_equal(mm_vmap_block_pages(16384), 128);
	assert_int_equal(mm_vmap_block_pages(1000000), 128);
}

/* 3 pages take 4, and what came back is not given out again. */
static void a_block_is_given_out_upwards(void **state)
{
	struct vrig r;
	uint64_t one, three, again, two;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, NULL);
	one = map(&r, 1);
	three = map(&r, 3);
	two = map(&r, 2);
	assert_int_equal(one % (BLOCK * RIG_PAGE), 0);
	assert_int_equal(three - one, RIG_PAGE);
	assert_int_equal(two - three, 4 * RIG_PAGE);
	unmap(&r, one, 1);
	unmap(&r, three, 3);
	again = map(&r, 1);
	assert_int_equal(again - two, 2 * RIG_PAGE);
	assert_int_equal(vrig_info(&r).blocks, 1);
	assert_int_equal(vrig_info(&r).busy, 1);
	mmsim_vmap_validate(r.v);
	unmap(&r, again, 1);
	unmap(&r, two, 2);
	vrig_close(&r);
}

static void a_wholly_dirty_block_is_freed(void **state)
{
	struct vrig r;
	uint64_t kept;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, NULL);
	kept = map(&r, 64);
	churn(&r, 64, BLOCK / 64 - 1);
	assert_int_equal(vrig_info(&r).blocks, 1);
	assert_int_equal(vrig_info(&r).lazy, 0);
	unmap(&r, kept, 64);
	assert_int_equal(vrig_info(&r).blocks, 0);
	assert_int_equal(vrig_info(&r).busy, 0);
	assert_int_equal(vrig_info(&r).lazy_pages, BLOCK);
	assert_true(map(&r, 1) > kept); /* not flushed yet */
	vrig_close(&r);
}

/* The first that has room serves: small requests fill what large ones leave. */
static void the_first_block_with_room_serves(void **state)
{
	struct vrig r;
	uint64_t first, later, small;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, NULL);
	first = map(&r, 32);
	for (unsigned i = 0; i < BLOCK / 64 - 1; i++)
		map(&r, 64);
	later = map(&r, 64); /* 32 are left of the first */
	small = map(&r, 16);
	assert_int_equal(vrig_info(&r).blocks, 2);
	assert_int_equal(later % (BLOCK * RIG_PAGE), 0);
	assert_int_equal(small - first, (BLOCK - 32) * RIG_PAGE);
	assert_int_equal(map(&r, 32) - later, 64 * RIG_PAGE);
	assert_int_equal(map(&r, 16) - first, (BLOCK - 16) * RIG_PAGE);
	vrig_close(&r);
}

static void more_than_64_are_an_area(void **state)
{
	struct mmsim_page *many[65];
	struct vrig r;
	uint64_t addr;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, NULL);
	for (unsigned i = 0; i < 65; i++)
		many[i] = r.page[i % VRIG_PAGES];
	addr = mmsim_vm_map_ram(r.v, many, 65);
	assert_true(addr);
	assert_int_equal(vrig_info(&r).blocks, 0);
	assert_int_equal(vrig_info(&r).busy, 1);
	assert_ptr_equal(mmsim_vmalloc_to_page(r.v, addr + 64 * RIG_PAGE), r.page[0]);
	assert_int_equal(mmsim_vm_unmap_ram(r.v, addr, 66), -EINVAL);
	assert_int_equal(mmsim_vm_unmap_ram(r.v, addr, 64), -EINVAL);
	assert_int_equal(mmsim_vm_unmap_ram(r.v, addr + RIG_PAGE, 65), -EINVAL);
	assert_int_equal(mmsim_vfree(r.v, addr), -EINVAL);
	assert_int_equal(mmsim_free_vmap_area(r.v, addr), -EINVAL);
	assert_ptr_equal(mmsim_vmalloc_to_page(r.v, addr), r.page[0]);
	assert_int_equal(mmsim_vm_unmap_ram(r.v, addr, 65), 0);
	assert_int_equal(vrig_info(&r).lazy_pages, 65);
	vrig_close(&r);
}

static void refused(struct vrig *r, uint64_t addr, unsigned nr, const char *why)
{
	unsigned lines = r->log.lines;

	assert_int_equal(mmsim_vm_unmap_ram(r->v, addr, nr), -EINVAL);
	assert_int_equal(r->log.lines, lines + 1);
	if (!strstr(r->log.line, why))
		fail_msg("\"%s\" is not in: %s", why, r->log.line);
	mmsim_vmap_validate(r->v);
}

static void what_is_wrong_is_refused(void **state)
{
	struct vrig r;
	uint64_t four, one, huge;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 2, NULL);
	refused(&r, MMSIM_VMALLOC_START_4, 1, "in no block");
	four = map(&r, 4);
	one = map(&r, 1);
	huge = mmsim_vmalloc(r.v, 4 * RIG_PAGE);
	refused(&r, four, 0, "nr is 0");
	refused(&r, four, 3, "another number of pages");
	refused(&r, four, 5, "another number of pages");
	refused(&r, four, 65, "no such mapping");
	refused(&r, four, BLOCK, "no such mapping"); /* the area of the block */
	refused(&r, four + RIG_PAGE, 3, "no mapping begins");
	refused(&r, four + 1, 4, "not the first address of a page");
	refused(&r, one + RIG_PAGE, 1, "no mapping begins"); /* not given out yet */
	refused(&r, four + BLOCK * RIG_PAGE, 1, "in no block");
	refused(&r, huge, 4, "in no block");
	refused(&r, 0, 1, "in no block");
	refused(&r, UINT64_MAX, 64, "in no block");
	refused(&r, UINT64_MAX - 4095, UINT32_MAX, "no such mapping");
	assert_int_equal(mmsim_free_vmap_area(r.v, four), -EINVAL);
	assert_int_equal(mmsim_vfree(r.v, four), -EINVAL);
	assert_int_equal(mmsim_vunmap(r.v, four), -EINVAL);
	assert_int_equal(mmsim_iounmap(r.v, four), -EINVAL);
	unmap(&r, four, 4);
	refused(&r, four, 4, "no mapping begins");
	unmap(&r, one, 1);
	assert_int_equal(mmsim_vfree(r.v, huge), 0);
	assert_int_equal(mmsim_vm_map_ram(r.v, r.page, 0), 0);
	assert_int_equal(mmsim_vm_map_ram(r.v, NULL, 1), 0);
	assert_int_equal(mmsim_vm_map_ram(NULL, r.page, 1), 0);
	assert_int_equal(mmsim_vm_unmap_ram(NULL, four, 1), -EINVAL);
	vrig_close(&r);
}

/* After vm_unmap_aliases() no TLB has what was unmapped; before, it has. */
static void aliases_are_gone(void **state)
{
	struct vrig r;
	uint64_t addr, before, flushes;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, NULL);
	addr = map(&r, 2);
	before = mmsim_vmalloc_touch(r.v, addr);
	assert_int_equal(before, mmsim_page_to_pfn(r.m, r.page[0]));
	unmap(&r, addr, 2);
	assert_int_equal(mmsim_vmalloc_touch(r.v, addr), before);
	mmsim_vm_unmap_aliases(r.v);
	assert_true(mmsim_vmalloc_touch(r.v, addr) == UINT64_MAX);
	flushes = vrig_info(&r).flushes;
	mmsim_vm_unmap_aliases(r.v);
	assert_int_equal(vrig_info(&r).flushes, flushes); /* nothing was dirty */
	assert_int_equal(vrig_info(&r).blocks, 1);
	vrig_close(&r);
}

/* Nothing mapped, and less than a quarter free: 256 free pages keep it. */
static void a_fragmented_block_is_given_up(void **state)
{
	struct vrig r;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, NULL);
	churn(&r, 64, 12);
	mmsim_vm_unmap_aliases(r.v);
	assert_int_equal(vrig_info(&r).blocks, 1);
	churn(&r, 1, 1);
	mmsim_vm_unmap_aliases(r.v);
	assert_int_equal(vrig_info(&r).blocks, 0);
	assert_int_equal(vrig_info(&r).lazy, 0);
	churn(&r, 64, 12);
	map(&r, 1);
	mmsim_vm_unmap_aliases(r.v);
	assert_int_equal(vrig_info(&r).blocks, 1); /* one is mapped */
	vrig_close(&r);
}

/* A block is more than a node may keep waiting, so that who gives it up flushes himself. */
static void a_local_purge_gives_up_blocks(void **state)
{
	const struct mmsim_vmap_params params = { .design = MMSIM_VMAP_LOCAL, .lazy_max = 64 };
	struct vrig r;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, &params);
	churn(&r, 64, BLOCK / 64 - 1);
	mmsim_vmap_purge(r.v, 0);
	assert_int_equal(vrig_info(&r).blocks, 1);
	mmsim_vmap_purge(r.v, 1);
	assert_int_equal(vrig_info(&r).blocks, 0);
	churn(&r, 64, BLOCK / 64 - 1);
	mmsim_vm_unmap_aliases(r.v);
	assert_int_equal(vrig_info(&r).blocks, 0);
	vrig_close(&r);
}

struct by_cpu {
	struct vrig *r;
	uint64_t addr[2];
};

static void map_task(unsigned i, void *arg)
{
	struct by_cpu *b = arg;

	b->addr[mmsim_cpu(b->r->m)] = mmsim_vm_map_ram(b->r->v, &b->r->page[i], 1);
}

/* Each CPU has blocks of its own; any unmaps. */
static void a_block_belongs_to_a_cpu(void **state)
{
	struct vrig r;
	struct by_cpu b = { .r = &r };

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 2, NULL);
	assert_int_equal(mmsim_run(r.m, 2, map_task, &b), 0);
	assert_true(b.addr[0] && b.addr[1]);
	assert_int_equal(vrig_info(&r).blocks, 2);
	assert_true(b.addr[0] / (BLOCK * RIG_PAGE) != b.addr[1] / (BLOCK * RIG_PAGE));
	assert_int_equal(mmsim_vm_unmap_ram(r.v, b.addr[0], 1), 0);
	assert_int_equal(mmsim_vm_unmap_ram(r.v, b.addr[1], 1), 0);
	vrig_close(&r);
}

/* Room for one block: then 0, and again when it was freed and flushed. */
static void without_room_it_is_0(void **state)
{
	const struct mmsim_vmap_params params = { .start = 4 * BLOCK * RIG_PAGE,
						  .end = 5 * BLOCK * RIG_PAGE };
	uint64_t addr[BLOCK / 64];
	struct vrig r;

	(void)state;
	vrig_open(&r, MMSIM_SERIAL, 1, &params);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < BLOCK / 64; i++)
			addr[i] = map(&r, 64);
		assert_int_equal(mmsim_vm_map_ram(r.v, r.page, 1), 0);
		mmsim_vmap_validate(r.v);
		for (unsigned i = 0; i < BLOCK / 64; i++)
			unmap(&r, addr[i], 64);
	}
	vrig_close(&r);
}

/* Once with the nth allocation of the library's memory failing. Was there one? */
static bool without_memory(uint32_t nth)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 1, 1, 1);
	struct mmsim_vmap *v = NULL;
	struct mmsim_page *page;
	struct mmsim *m;
	uint64_t addr;
	bool fired;
	int err;

	sim_ram(cfg, 0, SIM_NORMAL, 4096);
	cfg->fault[MMSIM_FAULT_METADATA] = (struct mmsim_fault){ .nth = nth, .count = 1 };
	err = mmsim_create(cfg, &m);
	free(cfg);
	if (err)
		return true;
	page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0);
	if (!mmsim_vmap_create(m, NULL, &v)) {
		addr = mmsim_vm_map_ram(v, &page, 1);
		if (addr)
			assert_int_equal(mmsim_vm_unmap_ram(v, addr, 1), 0);
	}
	mmsim_vmap_destroy(v);
	assert_int_equal(mmsim_free_pages(m, page, 0), 0);
	fired = mm_base_fault_fired(&m->fault, MMSIM_FAULT_METADATA);
	rig_close(m);
	return fired;
}

static void no_memory_loses_nothing(void **state)
{
	uint32_t nth = 1;

	(void)state;
	while (without_memory(nth))
		nth++;
	assert_true(nth > 10);
}

static void churn_task(unsigned i, void *arg)
{
	struct vrig *r = arg;
	uint64_t mine[8] = { 0 };

	for (unsigned k = 0; k < 20000; k++) {
		unsigned j = (k * 7 + i) % 8, nr = 1 + (k * 5 + i * 3) % 32;

		if (mine[j] &&
		    mmsim_vm_unmap_ram(r->v, mine[j] & ~(RIG_PAGE - 1), (unsigned)(mine[j] & 63)))
			abort();
		mine[j] = mmsim_vm_map_ram(r->v, r->page, nr);
		if (!mine[j])
			abort();
		mine[j] |= nr;
		if (k % 4096 == 0)
			mmsim_vm_unmap_aliases(r->v);
	}
	for (unsigned j = 0; j < 8; j++)
		if (mmsim_vm_unmap_ram(r->v, mine[j] & ~(RIG_PAGE - 1), (unsigned)(mine[j] & 63)))
			abort();
}

static void threads_churn(void **state)
{
	static const uint32_t designs[] = { MMSIM_VMAP_NODES, MMSIM_VMAP_ONE_LOCK,
					    MMSIM_VMAP_LOCAL };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const struct mmsim_vmap_params params = { .design = designs[i] };
		struct vrig r;

		vrig_open(&r, MMSIM_NATIVE, 2, &params);
		assert_int_equal(mmsim_run(r.m, 2, churn_task, &r), 0);
		vrig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_is_as_large_as_the_kernels),
		cmocka_unit_test(a_block_is_given_out_upwards),
		cmocka_unit_test(a_wholly_dirty_block_is_freed),
		cmocka_unit_test(the_first_block_with_room_serves),
		cmocka_unit_test(more_than_64_are_an_area),
		cmocka_unit_test(what_is_wrong_is_refused),
		cmocka_unit_test(aliases_are_gone),
		cmocka_unit_test(a_fragmented_block_is_given_up),
		cmocka_unit_test(a_local_purge_gives_up_blocks),
		cmocka_unit_test(a_block_belongs_to_a_cpu),
		cmocka_unit_test(without_room_it_is_0),
		cmocka_unit_test(no_memory_loses_nothing),
		cmocka_unit_test(threads_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
