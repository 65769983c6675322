/* SPDX-License-Identifier: MIT */
/*
 * Callers that pin and unpin stretches of one guest, in every way, while one makes and unmakes holes: what
 * each was told adds up to what is pinned in the end, and every frame comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"
#include "time_box.h"
#include <errno.h>

enum {
	CALLERS = 4,
	CPUS = 4,
	PAGES = 16 * 512,
	LIMIT = PAGES / 2,
	CHUNK = 128,
	ALL = 16,
	HELD = 8,
	MOST = 600
};

struct stretch {
	uint64_t first, nr;
};

struct caller {
	struct mmsim_vfio *v;
	uint64_t end, random;
	struct stretch held[HELD]; /* what this caller has pinned */
	unsigned nr_held;
	uint64_t pinned; /* pages of these */
	uint64_t pins, refused;
	int wrong; /* an error that cannot be; 0: none */
};

/* xorshift64 */
static uint64_t below(struct caller *c, uint64_t n)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random % n;
}

static void pin(struct caller *c)
{
	struct stretch s = { .first = below(c, PAGES), .nr = 1 + below(c, MOST) };
	int err;

	s.nr = s.nr < PAGES - s.first ? s.nr : PAGES - s.first;
	err = mmsim_vfio_pin(c->v, s.first, s.nr, (uint32_t)below(c, ALL), 3);
	if (!err) {
		c->pins++;
		c->pinned += s.nr;
		c->held[c->nr_held++] = s;
	} else {
		c->refused++;
		if (err != -EEXIST && err != -EFAULT && err != -ENOMEM)
			c->wrong = err;
	}
}

/* The first part of one of them, or all of it. */
static void unpin(struct caller *c)
{
	struct stretch *s = &c->held[below(c, c->nr_held)];
	uint64_t nr = below(c, 2) ? s->nr : 1 + below(c, s->nr);
	int err = mmsim_vfio_unpin(c->v, s->first, nr);

	if (err)
		c->wrong = err;
	c->pinned -= nr;
	s->first += nr;
	s->nr -= nr;
	if (!s->nr)
		*s = c->held[--c->nr_held];
}

static void call_once(struct caller *c)
{
	int err = 0;

	if (below(c, 8) == 0)
		err = mmsim_vfio_set_hole(c->v, below(c, PAGES), below(c, 3) == 0);
	else if (c->nr_held < HELD && (!c->nr_held || below(c, 2)))
		pin(c);
	else
		unpin(c);
	if (err && err != -EBUSY)
		c->wrong = err;
}

static void task(unsigned i, void *arg)
{
	struct caller *c = (struct caller *)arg + i;

	do
		call_once(c);
	while (!c->wrong && !time_box_over(c->end));
}

static void callers(void **state)
{
	const struct mmsim_vfio_params params = { .nr_pages = PAGES,
						  .limit = LIMIT,
						  .min_chunk = CHUNK };
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 1, 1, CPUS);
	static struct caller c[CALLERS];
	struct mmsim_vfio_stats stats;
	struct mmsim_vfio *v;
	struct mmsim *m;
	uint64_t pinned = 0, pins = 0, refused = 0, end = time_box_open(600);

	(void)state;
	sim_ram(cfg, 0, SIM_NORMAL, SIM_SECTION);
	cfg->job.max_helpers = cfg->job.max_node_helpers = CPUS;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	assert_int_equal(mmsim_vfio_create(m, &params, &v), 0);
	for (unsigned i = 0; i < CALLERS; i++)
		c[i] = (struct caller){ .v = v, .end = end, .random = i + 1 };
	assert_int_equal(mmsim_run(m, CALLERS, task, c), 0);
	for (unsigned i = 0; i < CALLERS; i++) {
		assert_int_equal(c[i].wrong, 0);
		pinned += c[i].pinned;
		pins += c[i].pins;
		refused += c[i].refused;
	}
	mmsim_vfio_stats(v, &stats);
	assert_int_equal(stats.pinned, pinned);
	assert_int_equal(stats.locked_vm, pinned);
	assert_true(stats.pinned <= LIMIT);
	mmsim_vfio_destroy(v);
	mmsim_drain_all_pages(m);
	assert_int_equal(mmsim_validate(m), SIM_SECTION);
	print_message("  %llu pinned, %llu refused\n", (unsigned long long)pins,
		      (unsigned long long)refused);
	mmsim_destroy(m);
	free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
