/* SPDX-License-Identifier: MIT */
/* Making and unmaking machines: refusals, several at once, very large ones, and nothing left over. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host_left.h"
#include "sim_config.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static struct mmsim *create(struct mmsim_config *cfg)
{
	struct mmsim *m = NULL;
	int err = mmsim_create(cfg, &m);

	assert_int_equal(err, 0);
	assert_non_null(m);
	free(cfg);
	return m;
}

static struct mmsim_config *small(enum mmsim_mode mode)
{
	const char *name;

	return sim_config_shape(1, mode, &name);
}

static void do_nothing(unsigned i, void *arg)
{
	(void)i;
	(void)arg;
}

static void cycle(enum mmsim_mode mode, uint32_t flags)
{
	struct mmsim_config *cfg = small(mode);
	struct mmsim *m;

	cfg->flags |= flags;
	m = create(cfg);
	assert_non_null(mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 3));
	assert_int_equal(mmsim_run(m, mmsim_nr_cpus(m), do_nothing, NULL), 0);
	mmsim_destroy(m);
}

/* The first cycles warm up the allocators and the thread library, which keep what they took. */
static void destroy_leaves_nothing(void **state)
{
	unsigned threads;
	uint64_t mapped;

	(void)state;
	for (int i = 0; i < 4; i++)
		cycle((enum mmsim_mode)(i % 2), MMSIM_BACK_PAGES);
	usleep(20000);
	threads = host_threads(); /* ThreadSanitizer has one of its own */
	mapped = host_mapped_bytes();
	for (int i = 0; i < 12; i++) {
		cycle((enum mmsim_mode)(i % 2), i % 3 ? MMSIM_BACK_PAGES : 0);
		assert_int_equal(host_threads_down_to(threads), threads);
	}
	/* One area left behind in any of the twelve would be a gigabyte. */
	assert_true(host_mapped_bytes() < mapped + (UINT64_C(64) << 20));
}

static void destroy_in_every_state(void **state)
{
	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_SERIAL; mode++)
		for (int stop = 0; stop < 5; stop++) {
			struct mmsim_config *cfg = small((enum mmsim_mode)mode);
			struct mmsim *m;

			cfg->boot = MMSIM_BOOT_COLD;
			m = create(cfg);
			if (stop >= 1)
				assert_int_equal(mmsim_boot_early(m), 0);
			if (stop >= 2)
				assert_non_null(mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 10));
			if (stop >= 3)
				assert_int_equal(mmsim_boot(m), 0);
			if (stop >= 4)
				mmsim_reset(m);
			mmsim_destroy(m);
		}
	mmsim_destroy(NULL);
}

static void null_is_the_default_machine(void **state)
{
	struct mmsim *m = NULL;

	(void)state;
	assert_int_equal(mmsim_create(NULL, &m), 0);
	assert_int_equal(mmsim_nr_cpus(m), 2);
	assert_int_equal(mmsim_nr_nodes(m), 1);
	assert_int_equal(mmsim_max_pfn(m), (UINT64_C(5) << (30 - MMSIM_PAGE_SHIFT)) + 97);
	assert_int_equal(mmsim_validate(m), UINT64_C(4) << (30 - MMSIM_PAGE_SHIFT));
	mmsim_destroy(m);
}

static void cold_machine_refuses(void **state)
{
	struct mmsim_config *cfg = small(MMSIM_SERIAL);
	struct mmsim_page *page;
	struct sim_log log;
	struct mmsim *m;

	(void)state;
	sim_log_into(cfg, &log);
	cfg->boot = MMSIM_BOOT_COLD;
	m = create(cfg);
	assert_null(mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0));
	assert_non_null(strstr(log.line, "not booted"));
	assert_int_equal(mmsim_alloc_pages_bulk(m, MMSIM_GFP_KERNEL, 1, &page), 0);
	assert_int_equal(mmsim_free_pfn(m, SIM_NORMAL + 200, 0), -EINVAL);
	assert_int_equal(mmsim_validate(m), 0);
	assert_int_equal(mmsim_boot(m), 0);
	assert_non_null(mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0));
	mmsim_destroy(m);
}

struct peers {
	struct mmsim *m[2];
	struct mmsim_page *page[2][64];
};

/* Calls into both, now one and now the other, from whatever task of either. */
static void use_both(struct peers *p)
{
	for (unsigned i = 0; i < 64; i++)
		for (int k = 0; k < 2; k++)
			p->page[k][i] = mmsim_alloc_pages(p->m[k], MMSIM_GFP_KERNEL, i % 11);
	for (unsigned i = 0; i < 64; i++)
		for (int k = 0; k < 2; k++)
			if (p->page[k][i] && mmsim_free_pages(p->m[k], p->page[k][i], i % 11))
				p->page[k][i] = NULL;
}

static void use_both_inside(unsigned i, void *arg)
{
	(void)i;
	use_both(arg);
}

static void assert_all_served(const struct peers *p)
{
	for (unsigned i = 0; i < 64; i++)
		assert_true(p->page[0][i] && p->page[1][i]);
}

static void two_modes_in_one_thread(void **state)
{
	struct peers p = { { create(small(MMSIM_NATIVE)), create(small(MMSIM_SERIAL)) },
			   { { NULL } } };
	struct sim_books fresh, books;

	(void)state;
	sim_books_read(p.m[0], &fresh);
	use_both(&p);
	assert_all_served(&p);
	for (int k = 0; k < 2; k++) {
		assert_int_equal(mmsim_run(p.m[k], 1, use_both_inside, &p), 0);
		assert_all_served(&p);
	}
	for (int k = 0; k < 2; k++) {
		mmsim_drain_all_pages(p.m[k]);
		sim_books_read(p.m[k], &books);
		assert_true(sim_books_equal(&fresh, &books));
		mmsim_validate(p.m[k]);
	}
	mmsim_destroy(p.m[0]);
	use_both_inside(0, &(struct peers){ { p.m[1], p.m[1] }, { { NULL } } });
	mmsim_destroy(p.m[1]);
}

/* 12 GiB of struct pages, none of them touched. */
static void machine_larger_than_the_host(void **state)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 1, 1, 1);
	struct mmsim_boot_report report;
	struct mmsim *m;

	(void)state;
	assert_int_equal(mmsim_config_from_synthetic(cfg, "pack:2 node:1(memory=384G) core:26 pu:2",
						     0, NULL, 0),
			 0);
	cfg->boot = MMSIM_BOOT_COLD;
	cfg->flags = MMSIM_NO_PREFAULT;
	m = create(cfg);
	assert_int_equal(mmsim_nr_cpus(m), 104);
	assert_int_equal(mmsim_nr_nodes(m), 2);
	assert_true(mmsim_pfn_valid(m, mmsim_max_pfn(m) - 1));
	assert_false(mmsim_pfn_valid(m, mmsim_max_pfn(m) + MMSIM_PAGES_PER_SUBSECTION));
	mmsim_boot_report(m, &report);
	assert_in_range(report.memmap_bytes, UINT64_C(12) << 30, UINT64_C(12) * 1025 << 20);
	assert_true(report.first_touch_ns == 0);
	mmsim_destroy(m);
}

static void bad_size(struct mmsim_config *cfg)
{
	cfg->size--;
}

static void bad_mode(struct mmsim_config *cfg)
{
	cfg->mode = 77;
}

static void bad_cpus(struct mmsim_config *cfg)
{
	cfg->nr_cpus = MMSIM_MAX_CPUS + 1;
}

static void bad_node(struct mmsim_config *cfg)
{
	cfg->cpu[1].node = 2;
}

static void bad_range(struct mmsim_config *cfg)
{
	cfg->range[2].start++;
}

static void bad_movable(struct mmsim_config *cfg)
{
	cfg->node[1].movable_bytes = UINT64_C(1) << 45;
}

static void bad_configs_are_refused(void **state)
{
	static const struct {
		void (*spoil)(struct mmsim_config *cfg);
		const char *field;
	} cases[] = {
		{ bad_size, "size" },
		{ bad_mode, "mode" },
		{ bad_cpus, "nr_cpus" },
		{ bad_node, "cpu[1].node" },
		{ bad_range, "range[2].start" },
		{ bad_movable, "node[1].movable_bytes" },
	};

	(void)state;
	for (size_t i = 0; i < NR(cases); i++) {
		struct mmsim_config *cfg = small(MMSIM_NATIVE);
		struct mmsim *m = (struct mmsim *)cfg;
		struct sim_log log;

		cases[i].spoil(cfg);
		sim_log_into(cfg, &log);
		assert_int_equal(mmsim_create(cfg, &m), -EINVAL);
		assert_null(m);
		assert_int_equal(log.lines, 1);
		if (!strstr(log.line, cases[i].field))
			fail_msg("\"%s\" is not named: %s", cases[i].field, log.line);
		free(cfg);
	}
}

static void keep_first(void *ctx, const char *line)
{
	char *first = ctx;

	if (!first[0])
		snprintf(first, 160, "%s", line);
}

/* Struct pages of 1 TiB: refused before they are touched, not killed while they are. */
static void larger_than_the_host(void **state)
{
	struct mmsim_config *cfg = small(MMSIM_SERIAL);
	struct mmsim *m = (struct mmsim *)cfg;
	char first[160] = "";

	(void)state;
	cfg->flags &= ~(uint32_t)MMSIM_NO_PREFAULT;
	cfg->nr_ranges = 0;
	mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, 0, 0, MMSIM_MAX_PHYS);
	cfg->log = keep_first;
	cfg->log_ctx = first;
	assert_int_equal(mmsim_create(cfg, &m), -ENOMEM);
	assert_null(m);
	/* A sanitizer may not even have the addresses for it. */
	assert_true(strstr(first, "struct page array: needs 1048576 MiB, the host has ") ||
		    strstr(first, "struct page array: Cannot allocate memory"));
	free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destroy_leaves_nothing),
		cmocka_unit_test(destroy_in_every_state),
		cmocka_unit_test(null_is_the_default_machine),
		cmocka_unit_test(cold_machine_refuses),
		cmocka_unit_test(two_modes_in_one_thread),
		cmocka_unit_test(machine_larger_than_the_host),
		cmocka_unit_test(bad_configs_are_refused),
		cmocka_unit_test(larger_than_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
