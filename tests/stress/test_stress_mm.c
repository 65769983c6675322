/* SPDX-License-Identifier: MIT */
/*
 * Native threads at a few address spaces at once: faults, unmapping of parts, advice, forks, files, a reaper,
 * exits, in every way of taking down. Each has a stretch that only it changes, and finds there what it left;
 * one stretch belongs to nobody. In the end every page is back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "first_failure.h"
#include "mm_rig.h"
#include "time_box.h"

enum { TASKS = 5, CPUS = 4, PAGES = 65536, OWN = 700, SHARED = 1300, FILE_PAGES = 300 };
enum { REAPER = TASKS - 1, BOX_MS = 350 };

#define FIXED (RIG_RW | MMSIM_MAP_FIXED)
#define SHARED_AT (UINT64_C(1) << 32)
#define FILE_AT (UINT64_C(3) << 32)

struct crowd;

struct member {
	struct crowd *crowd;
	uint64_t random, rounds;
	uint64_t at; /* its own stretch: next to its neighbours', so that tables are shared */
	bool present[OWN]; /* what it has touched there since it was mapped */
};

struct crowd {
	struct mmsim *m;
	struct mmsim_mm *mm;
	struct mmsim_file *file;
	uint64_t end;
	bool reaps;
	struct first_failure failure;
	struct member member[TASKS];
};

/* xorshift64 */
static uint64_t below(struct member *b, uint64_t n)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random % n;
}

static void expect_zero(struct member *b, int err)
{
	expect_in_task(&b->crowd->failure, err == 0, -err);
}

static uint64_t addr_of(const struct member *b, uint64_t page)
{
	return b->at + page * RIG_PAGE;
}

static void own_map(struct member *b)
{
	expect_zero(b, mmsim_mmap(b->crowd->mm, b->at, OWN * RIG_PAGE, FIXED, NULL, 0, NULL));
	memset(b->present, 0, sizeof(b->present));
}

static void own_touch(struct member *b)
{
	uint64_t page = below(b, OWN), nr = 1 + below(b, 40);

	for (; nr-- && page < OWN; page++) {
		expect_zero(b, mmsim_touch(b->crowd->mm, addr_of(b, page), true));
		b->present[page] = true;
	}
}

/* Unmaps a part, finds it gone, and maps it again: between areas that are the same. */
static void own_unmap(struct member *b)
{
	uint64_t page = below(b, OWN), nr = 1 + below(b, OWN - page);
	struct crowd *c = b->crowd;

	expect_zero(b, mmsim_munmap(c->mm, addr_of(b, page), nr * RIG_PAGE));
	expect_in_task(&c->failure,
		       mmsim_touch(c->mm, addr_of(b, page + below(b, nr)), true) == -EFAULT, page);
	expect_zero(b, mmsim_mmap(c->mm, addr_of(b, page), nr * RIG_PAGE, FIXED, NULL, 0, NULL));
	memset(b->present + page, 0, nr * sizeof(b->present[0]));
}

static void own_dontneed(struct member *b)
{
	uint64_t page = below(b, OWN), nr = 1 + below(b, OWN - page);

	expect_zero(b, mmsim_madvise(b->crowd->mm, addr_of(b, page), nr * RIG_PAGE,
				     MMSIM_MADV_DONTNEED));
	memset(b->present + page, 0, nr * sizeof(b->present[0]));
}

/* What was touched is there; huge pages may have brought more. Not where a reaper is about. */
static void own_look(struct member *b)
{
	struct crowd *c = b->crowd;
	struct mmsim_mapping at;

	for (uint64_t page = 0; !c->reaps && page < OWN; page++)
		if (b->present[page])
			expect_in_task(&c->failure,
				       mmsim_mm_lookup(c->mm, addr_of(b, page), &at) == 0, page);
}

/* Nobody's: anything but a wrong error is right. */
static void shared_stretch(struct member *b)
{
	uint64_t page = below(b, SHARED), nr = 1 + below(b, 600);
	uint64_t addr = SHARED_AT + page * RIG_PAGE;
	struct mmsim_mm *mm = b->crowd->mm;
	int err = 0;

	switch (below(b, 8)) {
	case 0:
		expect_zero(b, mmsim_munmap(mm, addr, nr * RIG_PAGE));
		break;
	case 1:
		expect_zero(b, mmsim_mmap(mm, addr, nr * RIG_PAGE, FIXED, NULL, 0, NULL));
		break;
	case 2:
		err = mmsim_madvise(mm, addr, nr * RIG_PAGE,
				    (enum mmsim_advice)below(b, MMSIM_NR_ADVICE));
		expect_in_task(&b->crowd->failure, !err || err == -ENOMEM, -err);
		break;
	default:
		err = mmsim_touch(mm, addr, below(b, 2));
		expect_in_task(&b->crowd->failure, !err || err == -EFAULT, -err);
	}
}

static void use_file(struct member *b)
{
	uint64_t page = below(b, FILE_PAGES), nr = 1 + below(b, FILE_PAGES - page);
	uint64_t addr = FILE_AT + page * RIG_PAGE;
	struct crowd *c = b->crowd;
	int err;

	switch (below(b, 12)) {
	case 0:
		expect_zero(b, mmsim_mmap(c->mm, addr, nr * RIG_PAGE,
					  FIXED | (below(b, 2) ? MMSIM_MAP_SHARED : 0), c->file,
					  page * RIG_PAGE, NULL));
		break;
	case 1:
		expect_zero(b, mmsim_munmap(c->mm, addr, nr * RIG_PAGE));
		break;
	case 2:
		mmsim_file_sync(c->file);
		break;
	case 3:
		mmsim_file_drop(c->file);
		break;
	default:
		err = mmsim_touch(c->mm, addr, below(b, 2));
		expect_in_task(&c->failure, !err || err == -EFAULT, -err);
	}
}

/* A child lives a little, sees none of the parent's later stores in its place, and dies. */
static void fork_once(struct member *b)
{
	uint64_t addr = addr_of(b, below(b, OWN));
	struct mmsim_mapping mine, theirs;
	struct mmsim_mm *child = NULL;
	struct crowd *c = b->crowd;
	int err = mmsim_mm_fork(c->mm, &child);

	expect_zero(b, err);
	if (err)
		return;
	expect_zero(b, mmsim_touch(child, addr, true));
	expect_zero(b, mmsim_touch(c->mm, addr, true));
	b->present[(addr - b->at) / RIG_PAGE] = true;
	if (!mmsim_mm_lookup(c->mm, addr, &mine) && !mmsim_mm_lookup(child, addr, &theirs))
		expect_in_task(&c->failure, mine.page != theirs.page, addr);
	expect_zero(b, mmsim_munmap(child, b->at, OWN / 2 * RIG_PAGE));
	if (below(b, 2))
		mmsim_mm_exit(child);
	mmsim_mm_destroy(child);
}

static void step(struct member *b)
{
	switch (below(b, 16)) {
	case 0:
		own_unmap(b);
		break;
	case 1:
		own_dontneed(b);
		break;
	case 2:
		own_look(b);
		break;
	case 3:
		fork_once(b);
		break;
	case 4 ... 7:
		use_file(b);
		break;
	case 8 ... 11:
		own_touch(b);
		break;
	default:
		shared_stretch(b);
	}
}

static void crowd_task(unsigned i, void *arg)
{
	struct crowd *c = arg;
	struct member *b = &c->member[i];

	if (!(c->reaps && i == REAPER))
		own_map(b);
	do {
		if (c->reaps && i == REAPER) {
			int err = mmsim_oom_reap(c->mm, NULL);

			expect_in_task(&c->failure, !err || err == -EAGAIN, -err);
			mmsim_yield(c->m);
		} else {
			step(b);
		}
		b->rounds++;
	} while (!c->failure.what && !time_box_over(c->end));
}

/* `checked`: no page is freed that a TLB still has. */
static struct mmsim *create(enum mmsim_teardown_way way, bool checked)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 2, 2, (TASKS + 1) / 2);
	struct mmsim *m;

	sim_ram(cfg, 0, SIM_NORMAL, PAGES / 2);
	sim_ram(cfg, 1, SIM_NORMAL + PAGES / 2, PAGES / 2);
	cfg->flags |= checked ? MMSIM_CHECK_TLB : 0;
	cfg->job.max_helpers = cfg->job.max_node_helpers = CPUS;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	rig_teardown(m, way);
	return m;
}

static void crowd_of(enum mmsim_teardown_way way, bool reaps)
{
	struct crowd *c = calloc(1, sizeof(*c));
	uint64_t rounds = 0;

	assert_non_null(c);
	c->m = create(way, reaps);
	c->mm = rig_mm(c->m, 4 + reaps,
		       way == MMSIM_TEARDOWN_SERIAL ? MMSIM_THP_MADVISE : MMSIM_THP_ALWAYS);
	assert_int_equal(mmsim_file_create(c->m, FILE_PAGES, &c->file), 0);
	c->reaps = reaps;
	c->end = time_box_open(BOX_MS);
	for (unsigned i = 0; i < TASKS; i++)
		c->member[i] = (struct member){ .crowd = c,
						.random = i + 1,
						.at = (UINT64_C(2) << 32) + i * OWN * RIG_PAGE };
	assert_int_equal(mmsim_run(c->m, TASKS, crowd_task, c), 0);
	assert_no_failure(&c->failure, way);
	for (unsigned i = 0; i < TASKS; i++) {
		rounds += c->member[i].rounds;
		own_look(&c->member[i]);
	}
	assert_no_failure(&c->failure, way);
	mmsim_mm_validate(c->mm);
	if (reaps)
		mmsim_mm_exit(c->mm);
	mmsim_mm_destroy(c->mm);
	mmsim_file_sync(c->file);
	mmsim_file_drop(c->file); /* L2: no store was lost */
	assert_int_equal(mmsim_file_destroy(c->file), 0);
	rig_close(c->m);
	print_message("  way %d%s: %llu rounds\n", way, reaps ? ", with a reaper" : "",
		      (unsigned long long)rounds);
	free(c);
}

static void crowds(void **state)
{
	(void)state;
	for (int way = 0; way < MMSIM_NR_TEARDOWNS; way++)
		crowd_of((enum mmsim_teardown_way)way, false);
}

static void crowds_reaped(void **state)
{
	(void)state;
	for (int way = 0; way < MMSIM_NR_TEARDOWNS; way++)
		crowd_of((enum mmsim_teardown_way)way, true);
}

/* A process that ends while others touch it, one forks it and one reaps it. */
struct end {
	struct mmsim *m;
	struct mmsim_mm *mm;
	struct first_failure failure;
};

static void touch_until_gone(struct end *e, unsigned i)
{
	for (uint64_t page = i; page < SHARED; page++) {
		int err = mmsim_touch(e->mm, SHARED_AT + page * 7 % SHARED * RIG_PAGE, true);

		expect_in_task(&e->failure, !err || err == -EFAULT, -err);
		if (err)
			return;
	}
}

static void fork_until_gone(struct end *e)
{
	struct mmsim_mm *child;
	int err;

	while (!(err = mmsim_mm_fork(e->mm, &child)))
		mmsim_mm_destroy(child);
	expect_in_task(&e->failure, err == -ESRCH, -err);
}

static void reap_until_gone(struct end *e)
{
	int err;

	do
		err = mmsim_oom_reap(e->mm, NULL);
	while (!err || err == -EAGAIN);
	expect_in_task(&e->failure, err == -ESRCH, -err);
}

static void end_task(unsigned i, void *arg)
{
	struct end *e = arg;

	if (i == 0)
		mmsim_mm_exit(e->mm);
	else if (i == 1)
		fork_until_gone(e);
	else if (i == 2)
		reap_until_gone(e);
	else
		touch_until_gone(e, i);
}

static void ends(void **state)
{
	(void)state;
	for (int way = 0; way < MMSIM_NR_TEARDOWNS; way++) {
		struct end e = { .m = create((enum mmsim_teardown_way)way, way & 1) };
		uint64_t box = time_box_open(150);

		do {
			e.mm = rig_mm(e.m, 4, MMSIM_THP_ALWAYS);
			rig_map(e.mm, SHARED_AT, SHARED, FIXED);
			assert_int_equal(mmsim_populate(e.mm, SHARED_AT, SHARED * RIG_PAGE, true),
					 0);
			assert_int_equal(mmsim_run(e.m, TASKS, end_task, &e), 0);
			assert_no_failure(&e.failure, (uint64_t)way);
			assert_int_equal(mmsim_mm_validate(e.mm), 0);
			mmsim_mm_destroy(e.mm);
		} while (!time_box_over(box));
		rig_close(e.m);
	}
}

/* All touch the same pages for the first time, small and huge ones. */
static void together_task(unsigned i, void *arg)
{
	struct end *e = arg;
	int err = mmsim_populate(e->mm, SHARED_AT, SHARED * RIG_PAGE, i & 1);

	expect_in_task(&e->failure, !err, -err);
}

static void together(void **state)
{
	struct end e = { .m = create(MMSIM_TEARDOWN_RANGE_PARALLEL, true) };
	uint64_t box = time_box_open(200), rounds = 0;

	(void)state;
	do {
		e.mm = rig_mm(e.m, 4, rounds % 8 ? MMSIM_THP_NEVER : MMSIM_THP_ALWAYS);
		rig_map(e.mm, SHARED_AT, SHARED, FIXED);
		assert_int_equal(mmsim_run(e.m, TASKS, together_task, &e), 0);
		assert_no_failure(&e.failure, rounds);
		assert_int_equal(mmsim_mm_validate(e.mm), SHARED);
		mmsim_mm_destroy(e.mm);
		rounds++;
	} while (!time_box_over(box));
	rig_close(e.m);
	print_message("  %llu rounds\n", (unsigned long long)rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crowds),
		cmocka_unit_test(crowds_reaped),
		cmocka_unit_test(ends),
		cmocka_unit_test(together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
