/* SPDX-License-Identifier: MIT */
/* Clearing: exactly the bytes of the block, whoever works, and what it is said to take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clear.h"
#include "hugetlb_rig.h"

#define PAGES (8 * MIB)
#define FIRST (RIG_BASE(1) + 512)
#define DIRT 0x5a

static void back(struct rig *r)
{
	struct mm_area *area = &r->m.pages;

	assert_int_equal(mm_page_area_init(area, (RIG_BASE(1) + PAGES) * MMSIM_PAGE_SIZE,
					   MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M, &r->m.env.fault),
			 0);
	assert_int_equal(mm_page_area_map(area, RIG_BASE(1) * MMSIM_PAGE_SIZE,
					  (RIG_BASE(1) + PAGES) * MMSIM_PAGE_SIZE),
			 0);
}

static size_t count_dirt(const char *bytes, size_t nr)
{
	size_t dirty = 0;

	for (size_t i = 0; i < nr; i++)
		dirty += bytes[i] != 0;
	return dirty;
}

static void clear_with(struct rig *r, uint64_t nr, uint32_t threads, bool streaming)
{
	char *all = r->m.pages.base + RIG_BASE(1) * MMSIM_PAGE_SIZE;
	char *bytes = r->m.pages.base + FIRST * MMSIM_PAGE_SIZE;
	size_t size = nr * MMSIM_PAGE_SIZE;

	memset(all, DIRT, PAGES * MMSIM_PAGE_SIZE);
	assert_int_equal(mm_hugetlb_clear_parallel(&r->hg, FIRST, nr, threads, streaming), 0);
	assert_int_equal(count_dirt(bytes, size), 0);
	assert_int_equal(count_dirt(all, PAGES * MMSIM_PAGE_SIZE), PAGES * MMSIM_PAGE_SIZE - size);
}

static void bytes_of(enum mmsim_mode mode)
{
	struct rig *r = rig_open(mode, PAGES);

	back(r);
	clear_with(r, 512, 1, false);
	clear_with(r, 512, 4, true);
	clear_with(r, 1024, 3, false);
	clear_with(r, 1, 2, true);
	clear_with(r, 515, 2, false);
	rig_close(r);
}

static void all_of_it_and_no_more(void **state)
{
	(void)state;
	in_all_modes(bytes_of);
}

static struct {
	struct mm_exec_ops ops;
	void (*charge)(struct mm_exec *x, enum mm_charge what, const void *obj, uint64_t n);
	uint64_t bytes;
	unsigned wrong_node, cpus;
} told;

static void listen(struct mm_exec *x, enum mm_charge what, const void *obj, uint64_t n)
{
	if (what == MM_CHARGE_CLEAR) {
		told.bytes += n;
		told.wrong_node += mmsim_page_node(obj) != 1;
		told.cpus |= 1u << mm_exec_cpu(x);
	}
	if (told.charge)
		told.charge(x, what, obj, n);
}

/* Without memory behind it; the caller is on node 0, the memory on node 1. */
static void costs_its_bytes_on_its_node(void **state)
{
	struct rig *r = rig_open(MMSIM_VIRTUAL, PAGES);
	uint64_t began, alone, together;

	(void)state;
	memset(&told, 0, sizeof(told));
	told.ops = *r->hg.exec->ops;
	told.charge = told.ops.charge;
	told.ops.charge = listen;
	r->hg.exec->ops = &told.ops;
	began = mm_exec_now(r->hg.exec);
	assert_int_equal(mm_hugetlb_clear_parallel(&r->hg, FIRST, 1024, 1, false), 0);
	alone = mm_exec_now(r->hg.exec) - began;
	assert_int_equal(told.bytes, 1024 * MMSIM_PAGE_SIZE);
	assert_int_equal(told.cpus, 1);
	began = mm_exec_now(r->hg.exec);
	assert_int_equal(mm_hugetlb_clear_parallel(&r->hg, FIRST, 1024, 2, false), 0);
	together = mm_exec_now(r->hg.exec) - began;
	assert_int_equal(told.bytes, 2048 * MMSIM_PAGE_SIZE);
	assert_int_equal(told.wrong_node, 0);
	assert_true(told.cpus & 0xc); /* the helper is where the memory is */
	assert_false(told.cpus & 0x2);
	assert_in_range(alone, 500000, 560000); /* 4 MiB at 8 GB/s: 524 us */
	assert_in_range(together, alone / 2,
			alone * 2 / 3 + 140000); /* waking takes up to 135 us */
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_and_no_more),
		cmocka_unit_test(costs_its_bytes_on_its_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
