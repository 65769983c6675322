/* SPDX-License-Identifier: MIT */
/*
 * Machines for tests of address spaces, by the public interface: small, every page known, and books that
 * must be the same before and after. Include cmocka.h first.
 */
#ifndef TEST_MM_RIG_H
#define TEST_MM_RIG_H

#include "sim_config.h"
#include <errno.h>

#define RIG_PAGE ((uint64_t)MMSIM_PAGE_SIZE)
#define RIG_RW (MMSIM_PROT_READ | MMSIM_PROT_WRITE)

/* A machine of one node and one zone; `log` may be NULL. */
static inline struct mmsim *rig_open(enum mmsim_mode mode, unsigned cpus, uint64_t pages,
				     struct sim_log *log)
{
	struct mmsim_config *cfg = sim_config_new(mode, 1, 1, cpus);
	static struct mmsim_explore explore;
	struct mmsim *m = NULL;

	sim_ram(cfg, 0, SIM_NORMAL, pages);
	explore = (struct mmsim_explore){ .max_steps = UINT64_MAX }; /* random */
	cfg->explore = &explore;
	cfg->flags |= mode == MMSIM_NATIVE ? 0 : MMSIM_CHECK_TLB;
	cfg->policy.flags |= MMSIM_POLICY_NO_BOOST; /* so that k free pages are k pages */
	cfg->job.max_helpers = cfg->job.max_node_helpers = cpus;
	if (log)
		sim_log_into(cfg, log);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

/* Every page is back in the allocator. */
static inline void rig_close(struct mmsim *m)
{
	struct sim_books books;

	mmsim_drain_all_pages(m);
	sim_books_read(m, &books);
	assert_int_equal(books.free, books.managed);
	assert_int_equal(mmsim_validate(m), books.managed);
	mmsim_destroy(m);
}

static inline struct mmsim_mm *rig_mm(struct mmsim *m, unsigned levels, enum mmsim_thp thp)
{
	const struct mmsim_mm_params params = { .levels = levels, .thp = thp };
	struct mmsim_mm *mm = NULL;

	assert_int_equal(mmsim_mm_create(m, &params, &mm), 0);
	return mm;
}

static inline struct mmsim_mm_info rig_info(struct mmsim_mm *mm)
{
	struct mmsim_mm_info info;

	assert_int_equal(mmsim_mm_info(mm, &info), 0);
	return info;
}

static inline struct mmsim_teardown_info rig_teardown_info(struct mmsim *m)
{
	struct mmsim_teardown_info info;

	assert_int_equal(mmsim_teardown_info(m, &info), 0);
	return info;
}

/* Free pages, those of per-CPU lists drained: what a call has kept is missing. */
static inline uint64_t rig_free_pages(struct mmsim *m)
{
	struct sim_books books;

	mmsim_drain_all_pages(m);
	sim_books_read(m, &books);
	return books.free;
}

static inline uint64_t rig_map(struct mmsim_mm *mm, uint64_t addr, uint64_t pages, uint32_t flags)
{
	uint64_t at = 0;

	assert_int_equal(mmsim_mmap(mm, addr, pages * RIG_PAGE, flags, NULL, 0, &at), 0);
	return at;
}

/* The entry at addr, which there is. */
static inline struct mmsim_mapping rig_entry(struct mmsim_mm *mm, uint64_t addr)
{
	struct mmsim_mapping at;

	assert_int_equal(mmsim_mm_lookup(mm, addr, &at), 0);
	return at;
}

static inline bool rig_is_mapped(struct mmsim_mm *mm, uint64_t addr)
{
	struct mmsim_mapping at;

	return mmsim_mm_lookup(mm, addr, &at) == 0;
}

/* How memory is taken down in the ways that a test goes through; small enough for a few pages to matter. */
static inline void rig_teardown(struct mmsim *m, enum mmsim_teardown_way way)
{
	const struct mmsim_teardown how = {
		.way = way,
		.threshold = 16,
		.max_batches = way == MMSIM_TEARDOWN_BATCH_WORKERS ? 4 : 0,
		.chunk_pages = 512,
	};

	assert_int_equal(mmsim_set_teardown(m, &how), 0);
}

#endif
