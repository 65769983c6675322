/* SPDX-License-Identifier: MIT */
/* Ageing by the exported calls: what is refused, in every mode, and what outlives what. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"

static struct mmsim *create(enum mmsim_mode mode, uint32_t boot, struct sim_log *log)
{
	static struct mmsim_explore explore;
	struct mmsim_config *cfg = sim_config_new(mode, 1, 1, 2);
	struct mmsim *m;

	sim_ram(cfg, 0, SIM_NORMAL, 2 * SIM_SECTION);
	sim_log_into(cfg, log);
	cfg->boot = boot;
	explore = (struct mmsim_explore){ .max_steps = UINT64_C(100000000) };
	cfg->explore = &explore;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void every_mode(void **state)
{
	const struct mmsim_ageing params = { .fill = 600, .unusable = 400, .mixed = 350 };

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim_ageing_report r;
		struct mmsim_aged *aged;
		struct sim_books books;
		struct sim_log log;
		struct mmsim *m = create((enum mmsim_mode)mode, MMSIM_BOOT_FULL, &log);

		assert_int_equal(mmsim_age(m, &params, &aged, &r), 0);
		assert_true(r.met);
		assert_int_equal(mmsim_validate(m), r.free);
		assert_int_equal(mmsim_aged_release(m, aged, 500, NULL), 0);
		assert_int_equal(mmsim_aged_release(m, aged, 1000, &r), 0);
		assert_true(r.met);
		sim_books_read(m, &books);
		assert_int_equal(books.free, books.managed);
		assert_int_equal(r.free, books.managed);
		assert_int_equal(log.lines, 0);
		mmsim_aged_free(aged);
		mmsim_destroy(m);
	}
}

static void refused(const struct sim_log *log, int is, const char *line)
{
	assert_int_equal(is, -EINVAL);
	assert_string_equal(log->line, line);
}

static void bad_arguments(void **state)
{
	const struct mmsim_ageing good = { .fill = 300 }, bad = { .fill = 300, .mixed = 2000 };
	struct mmsim_aged *aged = NULL;
	struct sim_log log, other_log;
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, &log);
	struct mmsim *other = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, &other_log);

	(void)state;
	refused(&log, mmsim_age(m, NULL, &aged, NULL), "mmsim_age: no parameters");
	refused(&log, mmsim_age(m, &good, NULL, NULL), "mmsim_age: no place for the result");
	refused(&log, mmsim_age(m, &bad, &aged, NULL), "mmsim_age: mixed: out of range");
	assert_null(aged);
	assert_int_equal(mmsim_age(m, &good, &aged, NULL), 0);
	refused(&log, mmsim_aged_release(m, aged, 1001, NULL),
		"mmsim_aged_release: thousandths: out of range");
	refused(&log, mmsim_aged_release(m, NULL, 1, NULL),
		"mmsim_aged_release: pages of another machine");
	refused(&other_log, mmsim_aged_release(other, aged, 1, NULL),
		"mmsim_aged_release: pages of another machine");
	mmsim_destroy(other);
	mmsim_destroy(m);
	mmsim_aged_free(aged);
	mmsim_aged_free(NULL);
}

static void booted_machines_only(void **state)
{
	const struct mmsim_ageing params = { .fill = 300 };
	struct mmsim_ageing_report r;
	struct mmsim_aged *aged;
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_COLD, &log);

	(void)state;
	assert_int_equal(mmsim_age(m, &params, &aged, NULL), -EBUSY);
	assert_int_equal(mmsim_boot_early(m), 0);
	assert_int_equal(mmsim_age(m, &params, &aged, NULL), -EBUSY);
	assert_int_equal(mmsim_boot(m), 0);
	assert_int_equal(mmsim_age(m, &params, &aged, NULL), 0);
	mmsim_reset(m);
	assert_int_equal(mmsim_aged_release(m, aged, 1000, NULL), -EBUSY);
	/* All of it was forgotten, so that nothing is there to be given back. */
	assert_int_equal(mmsim_boot(m), 0);
	assert_int_equal(mmsim_aged_release(m, aged, 1000, &r), 0);
	assert_false(r.met);
	assert_int_equal(r.free, r.pages);
	assert_int_equal(mmsim_validate(m), r.free);
	mmsim_aged_free(aged);
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mode),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(booted_machines_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
