/* SPDX-License-Identifier: MIT */
/* Kernel addresses by the exported calls: what is given out, what is refused, and that nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmalloc_rig.h"

enum { MANY = 1 << 20 };

#define NEVER UINT64_C(0xdead)

static void open_4(struct world *w, enum mmsim_mode mode, const struct mmsim_vmap_params *params)
{
	open_with(w, rig_open(mode, 4, PAGES, &w->log), params);
}

static uint64_t take(struct world *w, uint64_t pages)
{
	uint64_t addr = 0;

	assert_int_equal(
		mmsim_alloc_vmap_area(w->v, pages * RIG_PAGE, 1, 0, 0, MMSIM_GFP_KERNEL, &addr), 0);
	return addr;
}

static void params_are_checked(void **state)
{
	static const struct {
		struct mmsim_vmap_params params;
		const char *field;
	} wrong[] = {
		{ { .design = MMSIM_NR_VMAP_DESIGNS }, "design" },
		{ { .busy = MMSIM_NR_VMAP_BUSY }, "busy" },
		{ { .backing = MMSIM_NR_VMAP_BACKINGS }, "backing" },
		{ { .decay = MMSIM_NR_VMAP_DECAYS }, "decay" },
		{ { .levels = 3 }, "levels" },
		{ { .nodes = MMSIM_VMAP_MAX_NODES + 1 }, "nodes" },
		{ { .design = MMSIM_VMAP_ONE_LOCK, .nodes = 2 }, "nodes" },
		{ { .flags = 1u << 31 }, "flags" },
		{ { .start = 4096, .end = 4096 }, "start" },
		{ { .start = 4096, .end = (UINT64_C(1) << 48) + 8192 }, "levels" },
		{ { .levels = 5, .start = 4096, .end = (UINT64_C(1) << 57) + 8192 }, "levels" },
		{ { .start = 4096, .end = (UINT64_C(1) << 47) + 4096 }, "levels" },
		{ { .start = MMSIM_VMALLOC_START_5, .end = MMSIM_VMALLOC_START_5 + 8192 },
		  "levels" },
		{ { .start = 4096, .end = -UINT64_C(4096) }, "levels" },
	};
	struct mmsim_vmap_params got;
	struct mmsim_vmap *none;
	struct world w;

	(void)state;
	open_4(&w, MMSIM_SERIAL, NULL);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct mmsim_vmap *v = w.v;

		assert_int_equal(mmsim_vmap_create(w.m, &wrong[i].params, &v), -EINVAL);
		assert_null(v);
		assert_said(&w, "mmsim_vmap_create", wrong[i].field);
	}
	assert_int_equal(mmsim_vmap_create(w.m, NULL, NULL), -EINVAL);
	assert_said(&w, "mmsim_vmap_create", "no place");
	assert_int_equal(mmsim_vmap_create(NULL, NULL, &none), -EINVAL);
	assert_null(none);
	assert_int_equal(mmsim_vmap_params_of(w.v, &got), 0);
	assert_int_equal(got.nodes, 4);
	assert_int_equal(got.levels, 4);
	assert_int_equal(got.start, MMSIM_VMALLOC_START_4);
	assert_int_equal(got.lazy_max, 3 * 8192);
	assert_int_equal(mmsim_vmap_params_of(w.v, NULL), -EINVAL);
	assert_said(&w, "mmsim_vmap_params_of", "no place");
	assert_int_equal(mmsim_vmap_info(w.v, NULL), -EINVAL);
	assert_said(&w, "mmsim_vmap_info", "no place");
	close_space(&w);
}

static void a_cold_machine_has_no_space(void **state)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 1, 1, 1);
	struct mmsim_vmap *v;
	struct mmsim *m;

	(void)state;
	sim_ram(cfg, 0, SIM_NORMAL, PAGES);
	cfg->boot = MMSIM_BOOT_COLD;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	assert_int_equal(mmsim_vmap_create(m, NULL, &v), -EBUSY);
	assert_null(v);
	mmsim_destroy(m);
}

static void null_is_no_space(void **state)
{
	struct mmsim_vmap_info info;
	uint64_t addr = NEVER;

	(void)state;
	assert_int_equal(mmsim_alloc_vmap_area(NULL, 4096, 1, 0, 0, MMSIM_GFP_KERNEL, &addr),
			 -EINVAL);
	assert_int_equal(addr, NEVER);
	assert_int_equal(mmsim_free_vmap_area(NULL, addr), -EINVAL);
	assert_int_equal(mmsim_vmap_purge(NULL, 1), 0);
	assert_int_equal(mmsim_vmap_shrink_count(NULL), 0);
	assert_int_equal(mmsim_vmap_shrink_scan(NULL), 0);
	assert_int_equal(mmsim_vmap_info(NULL, &info), -EINVAL);
	assert_int_equal(mmsim_vmap_params_of(NULL, NULL), -EINVAL);
	mmsim_vmap_notify_set(NULL, NULL, NULL);
	mmsim_vmap_validate(NULL);
	mmsim_vmap_destroy(NULL);
}

/* What is no request is refused, what cannot be served fails; addr stays as it was. */
static void bad_requests(void **state)
{
	static const struct {
		uint64_t size, align, start, end;
		int err;
		const char *what; /* NULL: no room */
	} bad[] = {
		{ 0, 4096, 0, 0, -EINVAL, "size" },
		{ 4095, 4096, 0, 0, -EINVAL, "size" },
		{ 4097, 4096, 0, 0, -EINVAL, "size" },
		{ UINT64_MAX, 4096, 0, 0, -EINVAL, "size" },
		{ 4096, 0, 0, 0, -EINVAL, "align" },
		{ 4096, 3 * 4096, 0, 0, -EINVAL, "align" },
		{ 4096, UINT64_MAX, 0, 0, -EINVAL, "align" },
		{ 4096, 1, 8192, 8192, -EINVAL, "range" },
		{ 4096, 1, 8192, 0, -EINVAL, "range" },
		{ 4096, 1, 8192, 4096, -EINVAL, "range" },
		{ UINT64_MAX - 4095, 4096, 0, 0, -EBUSY, NULL },
		{ UINT64_C(1) << 63, UINT64_C(1) << 63, 0, 0, -EBUSY, NULL },
		{ 4096, UINT64_C(1) << 63, 0, 0, -EBUSY, NULL },
		{ UINT64_C(33) << 40, 4096, 0, 0, -EBUSY, NULL },
		{ 4096, 4096, 4096, 1 << 20, -EBUSY, NULL }, /* below the space */
		{ 4096, 4096, UINT64_MAX - 4095, UINT64_MAX, -EBUSY, NULL },
		{ 8192, 4096, MMSIM_VMALLOC_START_4, MMSIM_VMALLOC_START_4 + 8191, -EBUSY, NULL },
	};
	uint64_t addr = NEVER;
	struct world w;

	(void)state;
	open_4(&w, MMSIM_SERIAL, NULL);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(mmsim_alloc_vmap_area(w.v, bad[i].size, bad[i].align, bad[i].start,
						       bad[i].end, MMSIM_GFP_KERNEL, &addr),
				 bad[i].err);
		assert_int_equal(addr, NEVER);
		if (bad[i].what)
			assert_said(&w, "mmsim_alloc_vmap_area", bad[i].what);
		assert_int_equal(info_of(&w).busy, 0);
	}
	assert_int_equal(mmsim_alloc_vmap_area(w.v, 4096, 1, 0, 0, MMSIM_GFP_KERNEL, NULL),
			 -EINVAL);
	assert_said(&w, "mmsim_alloc_vmap_area", "no place");
	close_space(&w);
}

/* Lowest first; a hole is used again once what lay there was purged. */
static void first_fit(void **state)
{
	const struct mmsim_vmap_params one = { .nodes = 1 };
	uint64_t a, b, c, aligned;
	struct world w;

	(void)state;
	open_4(&w, MMSIM_SERIAL, &one);
	a = take(&w, 1);
	b = take(&w, 3);
	c = take(&w, 1);
	assert_int_equal(a, MMSIM_VMALLOC_START_4);
	assert_int_equal(b, a + RIG_PAGE);
	assert_int_equal(c, b + 3 * RIG_PAGE);
	assert_int_equal(mmsim_free_vmap_area(w.v, b), 0);
	assert_int_equal(take(&w, 2), c + RIG_PAGE); /* it waits still */
	assert_int_equal(info_of(&w).lazy_pages, 3);
	assert_int_equal(mmsim_vmap_purge(w.v, 1), 1);
	assert_int_equal(take(&w, 2), b);
	assert_int_equal(
		mmsim_alloc_vmap_area(w.v, RIG_PAGE, 1 << 21, 0, 0, MMSIM_GFP_KERNEL, &aligned), 0);
	assert_int_equal(aligned, a + (1 << 21));
	assert_int_equal(take(&w, 1), b + 2 * RIG_PAGE);
	close_space(&w);
}

/* Everything of a range; then no more; what was freed is found by a purge, unless nobody may wait. */
static void exhausted(void **state)
{
	enum { ROOM = 64 };
	const uint64_t start = MMSIM_VMALLOC_START_4 + (1 << 20), end = start + ROOM * RIG_PAGE;
	uint64_t addr, got[ROOM];
	struct world w;

	(void)state;
	open_4(&w, MMSIM_SERIAL, NULL);
	for (unsigned i = 0; i < ROOM; i++) {
		assert_int_equal(mmsim_alloc_vmap_area(w.v, RIG_PAGE, 1, start, end,
						       MMSIM_GFP_KERNEL, &got[i]),
				 0);
		assert_int_equal(got[i], start + i * RIG_PAGE);
	}
	addr = NEVER;
	assert_int_equal(
		mmsim_alloc_vmap_area(w.v, RIG_PAGE, 1, start, end, MMSIM_GFP_KERNEL, &addr),
		-EBUSY);
	assert_int_equal(addr, NEVER);
	assert_int_equal(mmsim_free_vmap_area(w.v, got[17]), 0);
	assert_int_equal(
		mmsim_alloc_vmap_area(w.v, RIG_PAGE, 1, start, end, MMSIM_GFP_ATOMIC, &addr),
		-EBUSY);
	assert_int_equal(
		mmsim_alloc_vmap_area(w.v, RIG_PAGE, 1, start, end, MMSIM_GFP_KERNEL, &addr), 0);
	assert_int_equal(addr, got[17]);
	for (unsigned i = 0; i < ROOM; i++)
		assert_int_equal(mmsim_free_vmap_area(w.v, got[i]), 0);
	mmsim_vmap_purge(w.v, 1);
	assert_int_equal(info_of(&w).free_blocks, 1);
	close_space(&w);
}

struct giver {
	struct world *w;
	uint64_t addr;
	unsigned calls;
};

static uint64_t give_one(void *ctx)
{
	struct giver *g = ctx;

	g->calls++;
	if (!g->addr)
		return 0;
	mmsim_free_vmap_area(g->w->v, g->addr);
	g->addr = 0;
	mmsim_vmap_purge(g->w->v, 1);
	return 1;
}

static void a_notifier_makes_room(void **state)
{
	const uint64_t start = MMSIM_VMALLOC_START_4, end = start + 2 * RIG_PAGE;
	struct giver g = { .calls = 0 };
	struct world w;
	uint64_t addr;

	(void)state;
	open_4(&w, MMSIM_SERIAL, NULL);
	g.w = &w;
	assert_int_equal(
		mmsim_alloc_vmap_area(w.v, 2 * RIG_PAGE, 1, start, end, MMSIM_GFP_KERNEL, &g.addr),
		0);
	mmsim_vmap_notify_set(w.v, give_one, &g);
	assert_int_equal(
		mmsim_alloc_vmap_area(w.v, RIG_PAGE, 1, start, end, MMSIM_GFP_KERNEL, &addr), 0);
	assert_int_equal(g.calls, 1);
	assert_int_equal(
		mmsim_alloc_vmap_area(w.v, 2 * RIG_PAGE, 1, start, end, MMSIM_GFP_KERNEL, &g.addr),
		-EBUSY);
	assert_int_equal(g.calls, 2);
	close_space(&w);
}

static uint64_t give_unpurged(void *ctx)
{
	struct giver *g = ctx;

	g->calls++;
	return g->addr && !mmsim_free_vmap_area(g->w->v, g->addr);
}

/* What it frees waits at first, as all that is freed. */
static void what_a_notifier_frees_is_purged(void **state)
{
	const uint64_t start = MMSIM_VMALLOC_START_4, end = start + RIG_PAGE;

	(void)state;
	for (unsigned design = 0; design < MMSIM_NR_VMAP_DESIGNS; design++) {
		const struct mmsim_vmap_params p = { .design = design };
		struct giver g = { .calls = 0 };
		struct world w;
		uint64_t addr = NEVER;

		open_4(&w, MMSIM_SERIAL, &p);
		g.w = &w;
		assert_int_equal(mmsim_alloc_vmap_area(w.v, RIG_PAGE, 1, start, end,
						       MMSIM_GFP_KERNEL, &g.addr),
				 0);
		mmsim_vmap_notify_set(w.v, give_unpurged, &g);
		assert_int_equal(mmsim_alloc_vmap_area(w.v, RIG_PAGE, 1, start, end,
						       MMSIM_GFP_KERNEL, &addr),
				 0);
		assert_int_equal(addr, start);
		assert_int_equal(g.calls, 1);
		close_space(&w);
	}
}

/* Page tables see 48 bits of an address; another one with the same is not that one. */
static void only_canonical_addresses_are_mapped(void **state)
{
	struct world w;
	uint64_t a;

	(void)state;
	open_4(&w, MMSIM_SERIAL, NULL);
	a = mmsim_vmalloc(w.v, RIG_PAGE);
	assert_non_null(mmsim_vmalloc_to_page(w.v, a));
	assert_null(mmsim_vmalloc_to_page(w.v, a ^ UINT64_C(1) << 48));
	assert_int_equal(mmsim_vmalloc_touch(w.v, a & ((UINT64_C(1) << 48) - 1)), UINT64_MAX);
	close_space(&w);
}

/* Up to the last page but one, where the end of the last 2 MiB is no number. */
static void tables_of_the_last_addresses(void **state)
{
	const struct mmsim_vmap_params p = {
		.start = -UINT64_C(64) * RIG_PAGE,
		.end = -(uint64_t)RIG_PAGE,
		.flags = MMSIM_VMAP_FREE_TABLES,
	};
	struct world w;

	(void)state;
	open_4(&w, MMSIM_SERIAL, &p);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t a = mmsim_vmalloc(w.v, RIG_PAGE);

		assert_int_not_equal(a, 0);
		assert_int_equal(mmsim_vfree(w.v, a), 0);
		mmsim_vmap_purge(w.v, 1);
		mmsim_vmap_validate(w.v);
	}
	close_space(&w);
}

static void assert_free_refused(struct world *w, uint64_t addr, const char *what)
{
	struct mmsim_vmap_info before = info_of(w);

	assert_int_equal(mmsim_free_vmap_area(w->v, addr), -EINVAL);
	assert_said(w, "mmsim_free_vmap_area", what);
	assert_int_equal(info_of(w).busy, before.busy);
	assert_int_equal(info_of(w).lazy, before.lazy);
}

static void wrong_frees(void **state)
{
	struct mmsim_page *page;
	uint64_t a, v, ram, map;
	struct world w;

	(void)state;
	open_4(&w, MMSIM_SERIAL, NULL);
	page = mmsim_alloc_pages(w.m, MMSIM_GFP_KERNEL, 0);
	assert_non_null(page);
	a = take(&w, 4);
	v = mmsim_vmalloc(w.v, 1);
	ram = mmsim_vm_map_ram(w.v, &page, 1);
	map = mmsim_vmap_pages(w.v, &page, 1, 0);
	assert_true(a && v && ram && map);
	assert_free_refused(&w, 0, "no area");
	assert_free_refused(&w, UINT64_MAX, "no area");
	assert_free_refused(&w, a - 1, "no area");
	assert_free_refused(&w, a + 1, "inside");
	assert_free_refused(&w, a + RIG_PAGE, "inside");
	assert_free_refused(&w, v, "of mmsim_vmalloc()");
	assert_free_refused(&w, map, "of mmsim_vmap_pages()");
	assert_free_refused(&w, ram, "of mmsim_vm_map_ram()");
	assert_int_equal(mmsim_vfree(w.v, a), -EINVAL);
	assert_said(&w, "mmsim_vfree", "of mmsim_alloc_vmap_area()");
	assert_int_equal(mmsim_free_vmap_area(w.v, a), 0);
	assert_free_refused(&w, a, "no area");
	assert_int_equal(mmsim_vm_unmap_ram(w.v, ram, 1), 0);
	assert_int_equal(mmsim_vunmap(w.v, map), 0);
	assert_int_equal(mmsim_vfree(w.v, v), 0);
	assert_int_equal(mmsim_free_pages(w.m, page, 0), 0);
	close_space(&w);
}

/* The same things by every design and every way to find areas; nothing is lost in any. */
static void every_design(void **state)
{
	enum { NR = 40 }; /* of less pages than any drain waits for */
	static uint64_t addr[NR];
	struct world w;

	(void)state;
	for (unsigned design = 0; design < MMSIM_NR_VMAP_DESIGNS; design++)
		for (unsigned busy = 0; busy < MMSIM_NR_VMAP_BUSY; busy++) {
			const struct mmsim_vmap_params p = { .design = design, .busy = busy };

			open_4(&w, MMSIM_SERIAL, &p);
			for (unsigned round = 0; round < 3; round++) {
				for (unsigned i = 0; i < NR; i++)
					addr[i] = take(&w, 1 + i * 53 % 270);
				mmsim_vmap_validate(w.v);
				assert_int_equal(info_of(&w).busy, NR);
				for (unsigned i = 0; i < NR; i++)
					assert_int_equal(
						mmsim_free_vmap_area(w.v, addr[i * 7 % NR]), 0);
				mmsim_vmap_validate(w.v);
				assert_int_equal(mmsim_vmap_purge(w.v, round == 1), NR);
			}
			mmsim_vmap_purge(w.v, 1);
			assert_int_equal(info_of(&w).free_blocks, 1);
			assert_int_equal(info_of(&w).busy, 0);
			close_space(&w);
		}
}

/* LOCAL: whoever finds no small one gets several side by side, of which his node keeps the others. */
static void small_ones_come_in_runs(void **state)
{
	const struct mmsim_vmap_params p = { .design = MMSIM_VMAP_LOCAL };
	uint64_t last = 0, a;
	struct world w;

	(void)state;
	open_4(&w, MMSIM_SERIAL, &p);
	for (unsigned i = 0; i < 16; i++) {
		a = take(&w, 4);
		assert_true(!last || a == last + 4 * RIG_PAGE);
		assert_int_equal(info_of(&w).pooled, 15 - i);
		last = a;
	}
	assert_int_equal(info_of(&w).pool_misses, 1);
	assert_int_equal(info_of(&w).pool_hits, 15);
	mmsim_vmap_validate(w.v);
	close_space(&w);
}

/*
 * A request that no pool serves is one miss, also where a node first takes back what it freed; and LOCAL
 * hits then. Smaller ones come several at a time.
 */
static void misses_are_requests(void **state)
{
	const struct mmsim_vmap_params p = { .design = MMSIM_VMAP_LOCAL };
	struct world w;
	uint64_t a;

	(void)state;
	open_4(&w, MMSIM_SERIAL, &p);
	a = take(&w, 40);
	assert_int_equal(info_of(&w).pool_misses, 1);
	assert_int_equal(mmsim_free_vmap_area(w.v, a), 0);
	take(&w, 40);
	assert_int_equal(info_of(&w).pool_misses, 2);
	take(&w, 300);
	assert_int_equal(info_of(&w).pool_misses, 2);
	mmsim_vmap_purge(w.v, 0);
	assert_int_equal(take(&w, 40), a);
	assert_int_equal(info_of(&w).pool_misses, 2);
	assert_int_equal(info_of(&w).pool_hits, 1);
	close_space(&w);
}

/* A pool is for those who freed; the shrinker empties it; what is left in use goes with the space. */
static void pools(void **state)
{
	struct world w;
	uint64_t a;

	(void)state;
	open_4(&w, MMSIM_SERIAL, NULL);
	a = take(&w, 5);
	take(&w, 5);
	assert_int_equal(mmsim_free_vmap_area(w.v, a), 0);
	assert_int_equal(mmsim_vmap_shrink_count(w.v), 0);
	assert_int_equal(mmsim_vmap_purge(w.v, 0), 1);
	assert_int_equal(mmsim_vmap_shrink_count(w.v), 1);
	assert_int_equal(info_of(&w).pooled_pages, 5);
	assert_int_equal(take(&w, 5), a);
	assert_int_equal(info_of(&w).pool_hits, 1);
	assert_int_equal(mmsim_free_vmap_area(w.v, a), 0);
	mmsim_vmap_purge(w.v, 0);
	assert_int_equal(mmsim_vmap_shrink_scan(w.v), 1);
	assert_int_equal(mmsim_vmap_shrink_count(w.v), 0);
	close_space(&w);
}

/* 2^20 of them, in a machine of 16 MiB: addresses alone cost none of its pages. */
static void very_many(void **state)
{
	static uint64_t addr[MANY];
	struct world w;

	(void)state;
	open_4(&w, MMSIM_NATIVE, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		addr[i] = take(&w, 1);
		assert_true(addr[i] >= MMSIM_VMALLOC_START_4 && addr[i] < MMSIM_VMALLOC_END_4);
	}
	assert_int_equal(info_of(&w).busy, MANY);
	for (unsigned i = 1; i < MANY; i += 2)
		assert_int_equal(mmsim_free_vmap_area(w.v, addr[i]), 0);
	mmsim_vmap_purge(w.v, 1);
	mmsim_vmap_validate(w.v);
	for (unsigned i = 0; i < MANY; i += 2)
		assert_int_equal(mmsim_free_vmap_area(w.v, addr[i]), 0);
	assert_int_equal(info_of(&w).busy, 0);
	mmsim_vmap_purge(w.v, 1);
	assert_int_equal(info_of(&w).free_blocks, 1);
	close_space(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(params_are_checked),
		cmocka_unit_test(a_cold_machine_has_no_space),
		cmocka_unit_test(null_is_no_space),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(first_fit),
		cmocka_unit_test(exhausted),
		cmocka_unit_test(a_notifier_makes_room),
		cmocka_unit_test(what_a_notifier_frees_is_purged),
		cmocka_unit_test(only_canonical_addresses_are_mapped),
		cmocka_unit_test(tables_of_the_last_addresses),
		cmocka_unit_test(wrong_frees),
		cmocka_unit_test(every_design),
		cmocka_unit_test(small_ones_come_in_runs),
		cmocka_unit_test(misses_are_requests),
		cmocka_unit_test(pools),
		cmocka_unit_test(very_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
