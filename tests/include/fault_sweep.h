/* SPDX-License-Identifier: MIT */
/*
 * A scenario with the kth operation of a kind failing, for every k until nothing fails any more, once
 * with that operation alone and once with all after it. Include cmocka.h first.
 */
#ifndef TEST_FAULT_SWEEP_H
#define TEST_FAULT_SWEEP_H

#include "host_left.h"
#include "machine.h"
#include "sim_config.h"
#include <errno.h>

#define SWEEP_MOST 2000 /* a scenario with more operations than this is too long */
#define SWEEP_SLACK (UINT64_C(16) << 20) /* guards of stacks that the thread library keeps */

struct sweep {
	const char *name;
	enum mmsim_mode mode;
	uint32_t flags;
	uint32_t boot;
	enum mmsim_fault_kind kind;
	uint32_t nth, count;
	unsigned refused; /* creations that failed */
	struct mmsim_explore explore;
	/* Uses the machine; everything handed out is back afterwards. */
	void (*scenario)(struct sweep *s, struct mmsim *m);
};

/* Two nodes, each a little more than what is early. */
static inline struct mmsim_config *sweep_config(struct sweep *s)
{
	struct mmsim_config *cfg = sim_config_new(s->mode, 2, 2, 2);

	for (unsigned node = 0; node < 2; node++)
		sim_ram(cfg, node, SIM_NORMAL + node * 2 * SIM_SECTION, SIM_SECTION + 1030);
	sim_reserve(cfg, 1, SIM_NORMAL + 3 * SIM_SECTION + 5, 3);
	cfg->flags |= s->flags;
	cfg->boot = s->boot;
	cfg->explore = &s->explore; /* zero: random */
	cfg->fault[s->kind] = (struct mmsim_fault){ .nth = s->nth, .count = s->count };
	return cfg;
}

/* Has any operation failed? */
static inline bool sweep_step(struct sweep *s)
{
	struct mmsim_config *cfg = sweep_config(s);
	struct mmsim *m = (struct mmsim *)cfg;
	int err = mmsim_create(cfg, &m);
	bool fired;

	free(cfg);
	if (err) {
		s->refused++;
		assert_int_equal(err, -ENOMEM);
		assert_null(m);
		return true;
	}
	s->scenario(s, m);
	fired = mm_base_fault_fired(&m->fault, s->kind);
	mmsim_destroy(m); /* M1, E3: nothing lost */
	return fired;
}

static inline void sweep_count(struct sweep *s, uint32_t count)
{
	unsigned threads;
	uint64_t reserved;

	s->count = count;
	s->nth = 0;
	sweep_step(s); /* warm up */
	usleep(2000);
	threads = host_threads();
	reserved = host_reserved_bytes();
	do {
		s->nth++;
		assert_true(s->nth < SWEEP_MOST);
	} while (sweep_step(s));
	assert_int_equal(host_threads_down_to(threads), threads);
	assert_true(host_reserved_bytes() < reserved + SWEEP_SLACK);
	print_message("  %s, mode %d, kind %d, count %u: %u operations, %u creations refused\n",
		      s->name, s->mode, s->kind, count, s->nth - 1, s->refused);
}

static inline void sweep(struct sweep *s)
{
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		s->mode = (enum mmsim_mode)mode;
		s->refused = 0;
		sweep_count(s, 1);
		sweep_count(s, UINT32_MAX);
		/* Without a thread, or a lock that may be refused, a machine is slower and no more. */
		if (s->kind == MMSIM_FAULT_SPAWN || s->kind == MMSIM_FAULT_TRYLOCK)
			assert_int_equal(s->refused, 0);
		else
			assert_true(s->refused > 0);
	}
}

/* Everything is free again and where it was. */
static inline void sweep_assert_books(struct mmsim *m)
{
	struct sim_books books;

	mmsim_drain_all_pages(m);
	sim_books_read(m, &books);
	assert_int_equal(books.managed, 2 * (SIM_SECTION + 1030) - 3);
	assert_int_equal(books.free, books.managed);
	assert_int_equal(books.nr_free[0][MMSIM_ZONE_NORMAL][MMSIM_MAX_PAGE_ORDER], 33);
	assert_int_equal(books.nr_free[1][MMSIM_ZONE_NORMAL][MMSIM_MAX_PAGE_ORDER], 32);
	assert_int_equal(mmsim_validate(m), books.managed);
}

#endif
