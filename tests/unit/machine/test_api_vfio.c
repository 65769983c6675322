/* SPDX-License-Identifier: MIT */
/* Pinning by the exported calls: what they refuse, and what they tell. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim_config.h"

enum { PAGES = 8 * 512 - 3 };

static struct sim_log said;

static struct mmsim *open_machine(uint32_t boot)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 1, 1, 2);
	struct mmsim *m;

	sim_ram(cfg, 0, SIM_NORMAL, SIM_SECTION);
	cfg->boot = boot;
	cfg->flags |= MMSIM_BACK_PAGES;
	sim_log_into(cfg, &said);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static struct mmsim_vfio *open_guest(struct mmsim *m)
{
	const struct mmsim_vfio_params params = { .nr_pages = PAGES, .limit = MMSIM_VFIO_NO_LIMIT };
	struct mmsim_vfio *v;

	assert_int_equal(mmsim_vfio_create(m, &params, &v), 0);
	return v;
}

#define assert_refused(call, error, text)                 \
	do {                                              \
		said.lines = 0;                           \
		assert_int_equal(call, error);            \
		assert_int_equal(said.lines, 1);          \
		assert_non_null(strstr(said.line, text)); \
	} while (0)

static void refused_parameters(void **state)
{
	struct mmsim *m = open_machine(MMSIM_BOOT_FULL);
	struct mmsim_vfio_params params = { .nr_pages = 0 };
	struct mmsim_vfio *v = (struct mmsim_vfio *)m;

	(void)state;
	assert_refused(mmsim_vfio_create(m, &params, NULL), -EINVAL, "no place");
	assert_refused(mmsim_vfio_create(m, NULL, NULL), -EINVAL, "no place");
	assert_refused(mmsim_vfio_create(m, NULL, &v), -EINVAL, "no parameters");
	assert_null(v);
	v = (struct mmsim_vfio *)m;
	assert_refused(mmsim_vfio_create(m, &params, &v), -EINVAL, "nr_pages 0,");
	assert_null(v);
	params.nr_pages = MMSIM_VFIO_MAX_PAGES + 1;
	assert_refused(mmsim_vfio_create(m, &params, &v), -EINVAL, "nr_pages 68719476737,");
	params = (struct mmsim_vfio_params){ .nr_pages = 1, .min_chunk = UINT64_MAX };
	assert_refused(mmsim_vfio_create(m, &params, &v), -EINVAL,
		       "min_chunk 18446744073709551615)");
	params.min_chunk = 0;
	assert_int_equal(mmsim_vfio_create(m, &params, &v), 0);
	assert_refused(mmsim_vfio_stats(v, NULL), -EINVAL, "mmsim_vfio_stats: no place");
	mmsim_vfio_destroy(v);
	mmsim_vfio_destroy(NULL);
	mmsim_destroy(m);
}

static void refused_stretches(void **state)
{
	struct mmsim *m = open_machine(MMSIM_BOOT_FULL);
	struct mmsim_vfio *v = open_guest(m);
	struct mmsim_vfio_run run;

	(void)state;
	assert_refused(mmsim_vfio_pin(v, 5, 0, 0, 0), -EINVAL,
		       "mmsim_vfio_pin(first 5, nr 0): no pages");
	assert_refused(mmsim_vfio_pin(v, PAGES, 1, 0, 0), -EINVAL, "not inside");
	assert_refused(mmsim_vfio_pin(v, 1, PAGES, 0, 0), -EINVAL, "not inside");
	assert_refused(mmsim_vfio_pin(v, 1, UINT64_MAX, 0, 0), -EINVAL, "not inside");
	assert_refused(mmsim_vfio_pin(v, UINT64_MAX, 2, 0, 0), -EINVAL, "not inside");
	assert_refused(mmsim_vfio_pin(v, 1, 1, 16, 0), -EINVAL, "flags 0x10: unknown");
	assert_refused(mmsim_vfio_unpin(v, 3, 0), -EINVAL, "no pages");
	assert_refused(mmsim_vfio_unpin(v, 3, PAGES), -EINVAL, "not inside");
	assert_refused(mmsim_vfio_unpin(v, 3, 2), -ENOENT, "page 3: not pinned");
	assert_refused(mmsim_vfio_set_hole(v, PAGES, true), -EINVAL, "not inside");
	assert_int_equal(mmsim_vfio_run(v, PAGES, &run), -ENOENT);
	assert_int_equal(mmsim_vfio_run(v, 0, &run), -ENOENT);
	assert_int_equal(mmsim_vfio_pin(v, 0, PAGES, 0, 0), 0);
	assert_refused(mmsim_vfio_pin(v, PAGES - 1, 1, 0, 0), -EEXIST, "pinned already");
	assert_int_equal(mmsim_vfio_set_hole(v, 0, true), -EBUSY);
	mmsim_vfio_destroy(v);
	mmsim_destroy(m);
}

static void not_booted(void **state)
{
	struct mmsim *m = open_machine(MMSIM_BOOT_COLD);
	struct mmsim_vfio *v = open_guest(m);

	(void)state;
	assert_refused(mmsim_vfio_pin(v, 0, 1, 0, 0), -EBUSY, "not booted");
	mmsim_vfio_destroy(v);
	mmsim_destroy(m);
}

/* Frames are cleared when they come, and only then. */
static void cleared_once(void **state)
{
	struct mmsim *m = open_machine(MMSIM_BOOT_FULL);
	struct mmsim_page *dirty = mmsim_alloc_pages(m, MMSIM_GFP_TRANSHUGE, 9);
	char *bytes = mmsim_page_address(m, dirty);
	struct mmsim_vfio *v = open_guest(m);
	struct mmsim_vfio_stats stats;
	struct mmsim_vfio_run run;

	(void)state;
	memset(bytes, 0x5a, MMSIM_PAGE_SIZE << 9);
	assert_int_equal(mmsim_free_pages(m, dirty, 9), 0);
	assert_int_equal(mmsim_vfio_pin(v, 100, 600, 0, 1), 0);
	assert_int_equal(mmsim_vfio_run(v, 100, &run), 0);
	assert_int_equal(run.first, 100);
	assert_int_equal(run.pfn % 512, 100);
	assert_ptr_equal(bytes, mmsim_page_address(m, mmsim_pfn_to_page(m, run.pfn - 100)));
	for (unsigned i = 0; i < MMSIM_PAGE_SIZE << 9; i++)
		assert_int_equal(bytes[i], 0);
	bytes[7] = 7;
	assert_int_equal(mmsim_vfio_unpin(v, 100, 600), 0);
	assert_int_equal(mmsim_vfio_pin(v, 0, 1000, MMSIM_VFIO_BATCHED, 1), 0);
	assert_int_equal(bytes[7], 7);
	assert_int_equal(mmsim_vfio_stats(v, &stats), 0);
	assert_int_equal(stats.locked_vm, 1000);
	assert_int_equal(stats.pinned, 1000);
	assert_int_equal(stats.present, 1024);
	/* Pinned memory is nobody else's to free. */
	assert_refused(mmsim_free_pages(m, dirty, 9), -EINVAL, "has 513 references");
	mmsim_vfio_destroy(v);
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_parameters),
		cmocka_unit_test(refused_stretches),
		cmocka_unit_test(not_booted),
		cmocka_unit_test(cleared_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
