/* SPDX-License-Identifier: MIT */
/*
 * Pinning a guest of several chunks with a failure at every place where there can be one: each block a
 * hole in turn, each limit in turn, memory that ends at each block; and every metadata allocation of
 * making a container, every helper that cannot be started. Each time the world is as before, page by
 * page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault_sweep.h"
#include <mmsim/mmsim.h>

enum { BLOCKS = 12, PAGES = BLOCKS * 512, CHUNK = 512, FIRST = 3, NR = PAGES - 5, THREADS = 4 };

static const uint32_t ways[] = {
	0,
	MMSIM_VFIO_ATOMIC,
	MMSIM_VFIO_ATOMIC | MMSIM_VFIO_BATCHED,
	MMSIM_VFIO_CACHED,
	MMSIM_VFIO_BATCHED | MMSIM_VFIO_PER_PAGE,
};

#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

/* Everything that pinning may change and has to give back. */
struct world {
	struct mmsim_vfio_stats stats;
	int32_t refcount[BLOCKS];
	uint64_t run_of[PAGES]; /* its first page, + 1; 0: not mapped */
	uint64_t free; /* of the machine, and what the guest has */
};

/* The frames that a container has are found by their struct pages. */
static void look(struct mmsim *m, struct mmsim_vfio *v, struct world *w)
{
	struct mmsim_vfio_run run;
	struct sim_books books;

	memset(w, 0, sizeof(*w));
	mmsim_vfio_stats(v, &w->stats);
	for (uint64_t page = 0; page < PAGES; page++) {
		const struct mmsim_page *frame;

		if (mmsim_vfio_run(v, page, &run))
			continue;
		frame = mmsim_pfn_to_page(m, run.pfn + (page - run.first) - page % 512);
		w->refcount[page / 512] = frame->refcount;
		w->run_of[page] = run.first + 1;
	}
	mmsim_drain_all_pages(m);
	sim_books_read(m, &books);
	w->free = books.free + w->stats.present;
}

static void expect_same(struct mmsim *m, struct mmsim_vfio *v, const struct world *before)
{
	struct world *now = malloc(sizeof(*now));

	assert_non_null(now);
	look(m, v, now);
	assert_int_equal(now->stats.locked_vm, before->stats.locked_vm);
	assert_int_equal(now->stats.pinned, before->stats.pinned);
	assert_int_equal(now->stats.runs, before->stats.runs);
	assert_int_equal(now->free, before->free);
	assert_memory_equal(now->refcount, before->refcount, sizeof(now->refcount));
	assert_memory_equal(now->run_of, before->run_of, sizeof(now->run_of));
	free(now);
}

static struct mmsim *open_machine(enum mmsim_mode mode, uint64_t pages)
{
	struct mmsim_config *cfg = sim_config_new(mode, 1, 1, THREADS);
	static struct mmsim_explore explore;
	struct mmsim *m = NULL;

	sim_ram(cfg, 0, SIM_NORMAL, pages);
	explore = (struct mmsim_explore){ .max_steps = UINT64_MAX }; /* random */
	cfg->explore = &explore;
	cfg->job.max_helpers = cfg->job.max_node_helpers = THREADS;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void close_machine(struct mmsim *m, uint64_t pages)
{
	mmsim_drain_all_pages(m);
	assert_int_equal(mmsim_validate(m), pages);
	mmsim_destroy(m);
}

static struct mmsim_vfio *open_guest(struct mmsim *m, uint64_t limit)
{
	const struct mmsim_vfio_params params = { .nr_pages = PAGES,
						  .limit = limit,
						  .min_chunk = CHUNK };
	struct mmsim_vfio *v;

	assert_int_equal(mmsim_vfio_create(m, &params, &v), 0);
	return v;
}

/* With one page pinned before, which has to stay, in the middle of a block that fails, too. */
static void every_hole(enum mmsim_mode mode, uint32_t flags)
{
	struct mmsim *m = open_machine(mode, 2 * SIM_SECTION);
	struct mmsim_vfio *v = open_guest(m, MMSIM_VFIO_NO_LIMIT);
	struct world *before = malloc(sizeof(*before));

	assert_non_null(before);
	assert_int_equal(mmsim_vfio_pin(v, PAGES - 1, 1, flags, 1), 0);
	look(m, v, before);
	for (uint64_t page = 0; page < PAGES - 512; page += 512) {
		assert_int_equal(mmsim_vfio_set_hole(v, page, true), 0);
		assert_int_equal(mmsim_vfio_pin(v, FIRST, NR, flags, THREADS), -EFAULT);
		expect_same(m, v, before);
		assert_int_equal(mmsim_vfio_set_hole(v, page, false), 0);
	}
	assert_int_equal(mmsim_vfio_pin(v, FIRST, NR, flags, THREADS), 0);
	mmsim_vfio_destroy(v);
	close_machine(m, 2 * SIM_SECTION);
	free(before);
}

/* At every block, and a page before and after it, the limit is reached. */
static void every_limit(enum mmsim_mode mode, uint32_t flags)
{
	struct mmsim *m = open_machine(mode, 2 * SIM_SECTION);
	struct world *before = malloc(sizeof(*before));

	assert_non_null(before);
	for (uint64_t limit = 0; limit < NR; limit += limit % 512 == 1 ? 510 : 1) {
		struct mmsim_vfio *v = open_guest(m, limit);

		look(m, v, before);
		assert_int_equal(mmsim_vfio_pin(v, FIRST, NR, flags, THREADS), -ENOMEM);
		expect_same(m, v, before);
		mmsim_vfio_destroy(v);
	}
	close_machine(m, 2 * SIM_SECTION);
	free(before);
}

/* Memory for k blocks and no more, for each k. */
static void every_shortage(enum mmsim_mode mode, uint32_t flags)
{
	struct mmsim *m = open_machine(mode, SIM_SECTION);
	struct mmsim_page *taken[SIM_SECTION / 512];
	struct world *before = malloc(sizeof(*before));
	struct mmsim_vfio *v;
	unsigned nr = 0;

	assert_non_null(before);
	while ((taken[nr] = mmsim_alloc_pages(m, MMSIM_GFP_TRANSHUGE, 9)))
		nr++;
	assert_true(nr > BLOCKS);
	for (unsigned left = 0; left < BLOCKS - 1; left++) {
		v = open_guest(m, MMSIM_VFIO_NO_LIMIT);
		look(m, v, before);
		assert_int_equal(mmsim_vfio_pin(v, FIRST, NR, flags, THREADS), -ENOMEM);
		expect_same(m, v, before);
		mmsim_vfio_destroy(v);
		assert_int_equal(mmsim_free_pages(m, taken[--nr], 9), 0);
	}
	while (nr)
		assert_int_equal(mmsim_free_pages(m, taken[--nr], 9), 0);
	close_machine(m, SIM_SECTION);
	free(before);
}

static void in_all(void (*fn)(enum mmsim_mode mode, uint32_t flags))
{
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++)
		for (size_t i = 0; i < NR_WAYS; i++)
			fn((enum mmsim_mode)mode, ways[i]);
}

static void holes(void **state)
{
	(void)state;
	in_all(every_hole);
}

static void limits(void **state)
{
	(void)state;
	in_all(every_limit);
}

static void shortages(void **state)
{
	(void)state;
	in_all(every_shortage);
}

/* A container that cannot be made is none; helpers that cannot be had are not needed. */
static void pin_some(struct sweep *s, struct mmsim *m)
{
	const struct mmsim_vfio_params params = { .nr_pages = 4096,
						  .limit = 4096,
						  .min_chunk = CHUNK };
	struct mmsim_vfio *v = (struct mmsim_vfio *)m;
	int err = mmsim_vfio_create(m, &params, &v);

	if (err) {
		assert_int_equal(err, -ENOMEM);
		assert_null(v);
		assert_int_equal(s->kind, MMSIM_FAULT_METADATA);
		return;
	}
	assert_int_equal(mmsim_vfio_pin(v, 0, 4096, 0, THREADS), 0);
	mmsim_vfio_destroy(v);
	sweep_assert_books(m);
}

static void sweep_kind(enum mmsim_fault_kind kind)
{
	struct sweep s = { .name = "pinning", .kind = kind, .scenario = pin_some };

	sweep(&s);
}

static void metadata(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_METADATA);
}

static void spawning(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_SPAWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes),    cmocka_unit_test(limits),   cmocka_unit_test(shortages),
		cmocka_unit_test(metadata), cmocka_unit_test(spawning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
