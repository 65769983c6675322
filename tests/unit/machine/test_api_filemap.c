/* SPDX-License-Identifier: MIT */
/* Files by the exported calls: what they refuse, and what pages contain when they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm_rig.h"

static struct sim_log said;

static struct mmsim *open_machine(uint32_t boot)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 1, 1, 2);
	struct mmsim *m;

	sim_ram(cfg, 0, SIM_NORMAL, 1024);
	cfg->boot = boot;
	cfg->flags |= MMSIM_BACK_PAGES;
	sim_log_into(cfg, &said);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

#define assert_refused(call, error, text)             \
	do {                                          \
		said.lines = 0;                       \
		assert_int_equal(call, error);        \
		assert_int_equal(said.lines, 1);      \
		assert_string_equal(said.line, text); \
	} while (0)

static void refused_sizes(void **state)
{
	struct mmsim *m = open_machine(MMSIM_BOOT_FULL);
	struct mmsim_file *f = (struct mmsim_file *)m;

	(void)state;
	assert_refused(mmsim_file_create(m, 1, NULL), -EINVAL,
		       "mmsim_file_create: no place for the result");
	assert_refused(mmsim_file_create(m, 0, &f), -EINVAL,
		       "mmsim_file_create: nr_pages 0: must be 1 to 2^32");
	assert_null(f);
	f = (struct mmsim_file *)m;
	assert_refused(mmsim_file_create(m, MMSIM_FILE_MAX_PAGES + 1, &f), -EINVAL,
		       "mmsim_file_create: nr_pages 4294967297: must be 1 to 2^32");
	assert_null(f);
	assert_refused(mmsim_file_create(m, UINT64_MAX, &f), -EINVAL,
		       "mmsim_file_create: nr_pages 18446744073709551615: must be 1 to 2^32");
	f = (struct mmsim_file *)m;
	assert_int_equal(mmsim_file_create(NULL, 1, &f), -EINVAL);
	assert_null(f);
	mmsim_destroy(m);
}

static void refused_ranges(void **state)
{
	struct mmsim *m = open_machine(MMSIM_BOOT_FULL);
	struct mmsim_file_info info;
	struct mmsim_file *f;

	(void)state;
	assert_int_equal(mmsim_file_create(m, 10, &f), 0);
	assert_refused(mmsim_file_read(f, 3, 0), -EINVAL,
		       "mmsim_file_read(first 3, nr 0): no pages");
	assert_refused(mmsim_file_read(f, 10, 1), -EINVAL,
		       "mmsim_file_read(first 10, nr 1): not inside the file");
	assert_refused(mmsim_file_read(f, 1, 10), -EINVAL,
		       "mmsim_file_read(first 1, nr 10): not inside the file");
	assert_refused(mmsim_file_read(f, 1, UINT64_MAX), -EINVAL,
		       "mmsim_file_read(first 1, nr 18446744073709551615): not inside the file");
	assert_refused(mmsim_file_info(f, NULL), -EINVAL,
		       "mmsim_file_info: no place for the result");
	assert_int_equal(mmsim_file_read(f, 0, 10), 0);
	assert_int_equal(mmsim_file_info(f, &info), 0);
	assert_int_equal(info.cached, 10);
	assert_int_equal(mmsim_file_sync(f), 0);
	assert_int_equal(mmsim_file_drop(f), 10);
	assert_int_equal(mmsim_file_destroy(f), 0);
	rig_close(m);
}

static void not_booted(void **state)
{
	struct mmsim *m = open_machine(MMSIM_BOOT_COLD);
	struct mmsim_file *f;

	(void)state;
	assert_int_equal(mmsim_file_create(m, 10, &f), 0);
	assert_refused(mmsim_file_read(f, 0, 1), -EBUSY,
		       "mmsim_file_read(first 0, nr 1): the machine is not booted");
	assert_int_equal(mmsim_file_destroy(f), 0);
	mmsim_destroy(m);
}

/* Memory runs out: what came before is there, and usable. */
static void too_little_memory(void **state)
{
	struct mmsim *m = open_machine(MMSIM_BOOT_FULL);
	struct mmsim_file_info info;
	struct mmsim_file *f;

	(void)state;
	assert_int_equal(mmsim_file_create(m, 5000, &f), 0);
	assert_int_equal(mmsim_file_read(f, 0, 5000), -ENOMEM);
	assert_int_equal(mmsim_file_info(f, &info), 0);
	assert_in_range(info.cached, 500, 1024);
	assert_int_equal(mmsim_file_read(f, 0, info.cached), 0);
	assert_int_equal(mmsim_file_drop(f), info.cached);
	assert_int_equal(mmsim_file_destroy(f), 0);
	rig_close(m);
}

/* What a page had is nobody's to see. */
static void cleared(void **state)
{
	struct mmsim *m = open_machine(MMSIM_BOOT_FULL);
	struct mmsim_page *page[64];
	struct mmsim_mapping found;
	struct mmsim_file *f;
	struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_NEVER);
	uint64_t at;
	const char *bytes;

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		page[i] = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE, 0);
		memset(mmsim_page_address(m, page[i]), 0x5a, MMSIM_PAGE_SIZE);
	}
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(mmsim_free_pages(m, page[i], 0), 0);
	assert_int_equal(mmsim_file_create(m, 32, &f), 0);
	assert_int_equal(mmsim_mmap(mm, 0, 32 * RIG_PAGE,
				    MMSIM_PROT_READ | MMSIM_MAP_SHARED | MMSIM_MAP_POPULATE, f, 0,
				    &at),
			 0);
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(mmsim_mm_lookup(mm, at + i * RIG_PAGE, &found), 0);
		bytes = mmsim_page_address(m, found.page);
		for (unsigned b = 0; b < MMSIM_PAGE_SIZE; b++)
			assert_int_equal(bytes[b], 0);
	}
	mmsim_mm_destroy(mm);
	assert_int_equal(mmsim_file_destroy(f), 0);
	rig_close(m);
}

static void no_file(void **state)
{
	struct mmsim_file_info info;

	(void)state;
	assert_int_equal(mmsim_file_read(NULL, 0, 1), -EINVAL);
	assert_int_equal(mmsim_file_sync(NULL), 0);
	assert_int_equal(mmsim_file_drop(NULL), 0);
	assert_int_equal(mmsim_file_info(NULL, &info), -EINVAL);
	assert_int_equal(mmsim_file_destroy(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_sizes), cmocka_unit_test(refused_ranges),
		cmocka_unit_test(not_booted),    cmocka_unit_test(too_little_memory),
		cmocka_unit_test(cleared),       cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
