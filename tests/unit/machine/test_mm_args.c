/* SPDX-License-Identifier: MIT */
/* Address spaces by the exported calls: what is refused, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm_rig.h"

enum { PAGES = 8192 };

static struct sim_log said;

/* One line that names the call and what was wrong. */
#define assert_refused(call, error, text)                 \
	do {                                              \
		said.lines = 0;                           \
		assert_int_equal(call, error);            \
		assert_int_equal(said.lines, 1);          \
		assert_non_null(strstr(said.line, text)); \
	} while (0)

/* An expected result: no line. */
#define assert_quiet(call, error)                \
	do {                                     \
		said.lines = 0;                  \
		assert_int_equal(call, error);   \
		assert_int_equal(said.lines, 0); \
	} while (0)

struct world {
	struct mmsim *m;
	struct mmsim_mm *mm;
	struct mmsim_file *file; /* 16 pages */
	uint64_t end; /* of addresses */
};

static void open_world(struct world *w, unsigned levels)
{
	w->m = rig_open(MMSIM_SERIAL, 2, PAGES, &said);
	w->mm = rig_mm(w->m, levels, MMSIM_THP_MADVISE);
	w->end = levels == 5 ? MMSIM_TASK_SIZE_5 : MMSIM_TASK_SIZE_4;
	assert_int_equal(mmsim_file_create(w->m, 16, &w->file), 0);
}

static void close_world(struct world *w)
{
	mmsim_mm_validate(w->mm);
	mmsim_mm_destroy(w->mm);
	assert_int_equal(mmsim_file_destroy(w->file), 0);
	rig_close(w->m);
}

static void creation(void **state)
{
	struct mmsim *m = rig_open(MMSIM_SERIAL, 2, PAGES, &said);
	struct mmsim_mm_params params = { .levels = 3 };
	struct mmsim_mm *mm = (struct mmsim_mm *)m;

	(void)state;
	assert_refused(mmsim_mm_create(m, NULL, NULL), -EINVAL, "no place");
	assert_int_equal(mmsim_mm_create(NULL, NULL, &mm), -EINVAL);
	assert_null(mm);
	mm = (struct mmsim_mm *)m;
	assert_refused(mmsim_mm_create(m, &params, &mm), -EINVAL, "levels: neither 4 nor 5");
	assert_null(mm);
	for (uint32_t levels = 1; levels < 8; levels++) {
		params.levels = levels;
		assert_int_equal(mmsim_mm_create(m, &params, &mm),
				 levels == 4 || levels == 5 ? 0 : -EINVAL);
		assert_int_equal(!mm, levels != 4 && levels != 5);
		mmsim_mm_destroy(mm);
	}
	params = (struct mmsim_mm_params){ .thp = MMSIM_NR_THP };
	assert_refused(mmsim_mm_create(m, &params, &mm), -EINVAL, "thp: unknown");
	assert_null(mm);
	mmsim_mm_destroy(NULL);
	rig_close(m);
}

static void before_boot(void **state)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 1, 1, 1);
	struct mmsim_mm *mm;
	struct mmsim *m;

	(void)state;
	sim_ram(cfg, 0, SIM_NORMAL, PAGES);
	cfg->boot = MMSIM_BOOT_COLD;
	sim_log_into(cfg, &said);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	mm = (struct mmsim_mm *)m;
	assert_refused(mmsim_mm_create(m, NULL, &mm), -EBUSY, "not booted");
	assert_null(mm);
	assert_int_equal(mmsim_boot(m), 0);
	assert_int_equal(mmsim_mm_create(m, NULL, &mm), 0);
	mmsim_mm_destroy(mm);
	rig_close(m);
}

/* Of a fixed area, one page below and one above the end. */
static void ends_of(unsigned levels)
{
	const uint32_t fixed = RIG_RW | MMSIM_MAP_FIXED;
	struct world w;

	open_world(&w, levels);
	assert_int_equal(rig_map(w.mm, w.end - RIG_PAGE, 1, fixed), w.end - RIG_PAGE);
	assert_int_equal(mmsim_touch(w.mm, w.end - 1, true), 0);
	assert_int_equal(mmsim_touch(w.mm, w.end, true), -EFAULT);
	assert_int_equal(mmsim_touch(w.mm, UINT64_MAX, true), -EFAULT);
	assert_int_equal(mmsim_touch(w.mm, UINT64_C(1) << 63, false), -EFAULT);
	assert_int_equal(mmsim_mmap(w.mm, w.end, RIG_PAGE, fixed, NULL, 0, NULL), -ENOMEM);
	assert_int_equal(mmsim_mmap(w.mm, w.end - RIG_PAGE, 2 * RIG_PAGE, fixed, NULL, 0, NULL),
			 -ENOMEM);
	assert_int_equal(mmsim_mmap(w.mm, 0 - RIG_PAGE, 2 * RIG_PAGE, fixed, NULL, 0, NULL),
			 -ENOMEM);
	assert_int_equal(mmsim_mmap(w.mm, 0, w.end + RIG_PAGE, RIG_RW, NULL, 0, NULL), -ENOMEM);
	assert_int_equal(mmsim_mmap(w.mm, 0, UINT64_MAX, RIG_RW, NULL, 0, NULL), -ENOMEM);
	assert_int_equal(rig_info(w.mm).map_count, 1);
	assert_int_equal(mmsim_munmap(w.mm, w.end - RIG_PAGE, 2 * RIG_PAGE), -EINVAL);
	assert_int_equal(mmsim_munmap(w.mm, w.end, RIG_PAGE), -EINVAL);
	assert_int_equal(mmsim_munmap(w.mm, RIG_PAGE, UINT64_MAX), -EINVAL);
	assert_int_equal(mmsim_munmap(w.mm, 0 - RIG_PAGE, RIG_PAGE), -EINVAL);
	assert_int_equal(rig_info(w.mm).map_count, 1);
	assert_int_equal(mmsim_munmap(w.mm, 0, w.end), 0);
	assert_int_equal(rig_info(w.mm).map_count, 0);
	close_world(&w);
}

static void ends(void **state)
{
	(void)state;
	ends_of(4);
	ends_of(5);
}

/* The whole of an address space at once, and not a page more. */
static void everything(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 4);
	assert_int_equal(
		mmsim_mmap(w.mm, 0, w.end - MMSIM_MMAP_MIN_ADDR + RIG_PAGE, RIG_RW, NULL, 0, NULL),
		-ENOMEM);
	assert_int_equal(mmsim_mmap(w.mm, MMSIM_MMAP_MIN_ADDR, w.end - MMSIM_MMAP_MIN_ADDR,
				    RIG_RW | MMSIM_MAP_FIXED, NULL, 0, NULL),
			 0);
	assert_int_equal(rig_info(w.mm).total_vm, (w.end - MMSIM_MMAP_MIN_ADDR) / RIG_PAGE);
	assert_quiet(mmsim_mmap(w.mm, 0, 1, RIG_RW, NULL, 0, NULL), -ENOMEM);
	assert_int_equal(mmsim_touch(w.mm, MMSIM_MMAP_MIN_ADDR, true), 0);
	assert_int_equal(mmsim_touch(w.mm, w.end - 1, true), 0);
	close_world(&w);
}

static void refused_mmap(void **state)
{
	const uint64_t at = UINT64_C(1) << 30;
	uint64_t out = 77;
	struct world w;

	(void)state;
	open_world(&w, 4);
	assert_refused(mmsim_mmap(w.mm, 0, 0, RIG_RW, NULL, 0, &out), -EINVAL,
		       "mmsim_mmap(addr 0, length 0): length 0");
	assert_refused(mmsim_mmap(w.mm, at + 1, 1, MMSIM_MAP_FIXED, NULL, 0, &out), -EINVAL,
		       "mmsim_mmap(addr 0x40000001, length 0x1): addr is not a multiple");
	assert_refused(mmsim_mmap(w.mm, at + 8, 1, MMSIM_MAP_FIXED_NOREPLACE, NULL, 0, &out),
		       -EINVAL, "addr is not a multiple of 4096");
	assert_refused(mmsim_mmap(w.mm, 0, 1, 1 << 6, NULL, 0, &out), -EINVAL, "unknown flags");
	assert_refused(mmsim_mmap(w.mm, 0, 1, UINT32_C(1) << 31, NULL, 0, &out), -EINVAL,
		       "unknown flags");
	assert_refused(mmsim_mmap(w.mm, 0, 1, RIG_RW | MMSIM_MAP_SHARED, NULL, 0, &out), -EINVAL,
		       "shared memory without a file");
	assert_refused(mmsim_mmap(w.mm, 0, 1, RIG_RW, w.file, 17, &out), -EINVAL,
		       "offset is not a multiple of 4096");
	assert_refused(mmsim_mmap(w.mm, 0, 1, RIG_RW, NULL, RIG_PAGE, &out), -EINVAL,
		       "an offset without a file");
	assert_int_equal(mmsim_mmap(w.mm, 0, 2 * RIG_PAGE, RIG_RW, w.file, 0 - RIG_PAGE, &out),
			 -EOVERFLOW);
	assert_int_equal(mmsim_mmap(w.mm, MMSIM_MMAP_MIN_ADDR - RIG_PAGE, RIG_PAGE,
				    RIG_RW | MMSIM_MAP_FIXED, NULL, 0, &out),
			 -EPERM);
	assert_int_equal(mmsim_mmap(w.mm, 0, RIG_PAGE, RIG_RW | MMSIM_MAP_FIXED, NULL, 0, &out),
			 -EPERM);
	assert_int_equal(rig_map(w.mm, at, 4, RIG_RW | MMSIM_MAP_FIXED), at);
	assert_quiet(mmsim_mmap(w.mm, at + 3 * RIG_PAGE, 2 * RIG_PAGE,
				RIG_RW | MMSIM_MAP_FIXED_NOREPLACE, NULL, 0, &out),
		     -EEXIST);
	assert_int_equal(out, 77);
	assert_int_equal(rig_info(w.mm).map_count, 1);
	assert_int_equal(rig_info(w.mm).total_vm, 4);
	close_world(&w);
}

static void refused_ranges(void **state)
{
	const uint64_t at = UINT64_C(1) << 30;
	struct mmsim_mapping entry;
	struct mmsim_area_info area;
	struct world w;

	(void)state;
	open_world(&w, 4);
	rig_map(w.mm, at, 4, RIG_RW | MMSIM_MAP_FIXED);
	assert_int_equal(mmsim_populate(w.mm, at, 4 * RIG_PAGE, true), 0);
	assert_refused(mmsim_munmap(w.mm, at + 1, RIG_PAGE), -EINVAL, "mmsim_munmap");
	assert_refused(mmsim_munmap(w.mm, at, 0), -EINVAL, "mmsim_munmap");
	assert_refused(mmsim_munmap(w.mm, at, 0 - at), -EINVAL, "mmsim_munmap");
	assert_refused(mmsim_munmap(w.mm, at, UINT64_MAX), -EINVAL, "mmsim_munmap");
	assert_refused(mmsim_madvise(w.mm, at + 1, RIG_PAGE, MMSIM_MADV_DONTNEED), -EINVAL,
		       "mmsim_madvise");
	assert_refused(mmsim_madvise(w.mm, at, UINT64_MAX, MMSIM_MADV_DONTNEED), -EINVAL,
		       "mmsim_madvise");
	assert_refused(mmsim_madvise(w.mm, at, RIG_PAGE, MMSIM_NR_ADVICE), -EINVAL,
		       "mmsim_madvise");
	assert_refused(mmsim_populate(w.mm, at + 1, RIG_PAGE, true), -EINVAL, "mmsim_populate");
	assert_refused(mmsim_populate(w.mm, at, UINT64_MAX, true), -EINVAL, "mmsim_populate");
	assert_quiet(mmsim_mm_lookup(w.mm, at + 4 * RIG_PAGE, &entry), -ENOENT);
	assert_quiet(mmsim_mm_lookup(w.mm, UINT64_MAX, &entry), -ENOENT);
	assert_quiet(mmsim_area_info(w.mm, at + 4 * RIG_PAGE, &area), -ENOENT);
	assert_quiet(mmsim_area_info(w.mm, UINT64_MAX, &area), -ENOENT);
	assert_quiet(mmsim_madvise(w.mm, at, 0, MMSIM_MADV_DONTNEED), 0);
	assert_int_equal(rig_info(w.mm).anon_pages, 4);
	close_world(&w);
}

static void nulls(void **state)
{
	struct mmsim_teardown_info teardown;
	struct mmsim_tlb_info tlb;
	struct mmsim_mm_info info;
	struct mmsim_area_info area;
	struct mmsim_mapping entry;
	struct mmsim_mm *child;
	struct world w;

	(void)state;
	open_world(&w, 4);
	assert_int_equal(mmsim_mm_lookup(w.mm, 0, NULL), -EINVAL);
	assert_int_equal(mmsim_area_info(w.mm, 0, NULL), -EINVAL);
	assert_int_equal(mmsim_mm_info(w.mm, NULL), -EINVAL);
	assert_int_equal(mmsim_mm_fork(w.mm, NULL), -EINVAL);
	assert_int_equal(mmsim_teardown_info(w.m, NULL), -EINVAL);
	assert_int_equal(mmsim_tlb_info(w.m, NULL), -EINVAL);
	assert_int_equal(mmsim_mm_lookup(NULL, 0, &entry), -EINVAL);
	assert_int_equal(mmsim_area_info(NULL, 0, &area), -EINVAL);
	assert_int_equal(mmsim_mm_info(NULL, &info), -EINVAL);
	child = w.mm;
	assert_int_equal(mmsim_mm_fork(NULL, &child), -EINVAL);
	assert_null(child);
	assert_int_equal(mmsim_teardown_info(NULL, &teardown), -EINVAL);
	assert_int_equal(mmsim_tlb_info(NULL, &tlb), -EINVAL);
	close_world(&w);
}

/* Whoever comes after the end finds nothing, and can make nothing. */
static void after_exit(void **state)
{
	struct mmsim_mm *child = NULL;
	struct mmsim_area_info area;
	struct world w;
	uint64_t at, pages = 5;

	(void)state;
	open_world(&w, 5);
	at = rig_map(w.mm, 0, 4, RIG_RW);
	assert_int_equal(mmsim_populate(w.mm, at, 4 * RIG_PAGE, true), 0);
	mmsim_mm_exit(w.mm);
	mmsim_mm_exit(w.mm);
	assert_int_equal(rig_info(w.mm).anon_pages, 0);
	assert_int_equal(rig_info(w.mm).map_count, 0);
	assert_int_equal(rig_info(w.mm).total_vm, 0);
	assert_int_equal(rig_info(w.mm).table_pages, 1);
	assert_int_equal(mmsim_mmap(w.mm, 0, RIG_PAGE, RIG_RW, NULL, 0, &at), -ESRCH);
	assert_int_equal(mmsim_mm_fork(w.mm, &child), -ESRCH);
	assert_null(child);
	assert_int_equal(mmsim_oom_reap(w.mm, &pages), -ESRCH);
	assert_int_equal(mmsim_touch(w.mm, at, false), -EFAULT);
	assert_int_equal(mmsim_munmap(w.mm, at, RIG_PAGE), 0);
	assert_int_equal(mmsim_madvise(w.mm, at, RIG_PAGE, MMSIM_MADV_DONTNEED), -ENOMEM);
	assert_int_equal(mmsim_area_info(w.mm, 0, &area), -ENOENT);
	close_world(&w);
}

static void refused_teardown(void **state)
{
	static const struct {
		struct mmsim_teardown how;
		const char *field;
	} bad[] = {
		{ { .way = MMSIM_NR_TEARDOWNS }, "way" },
		{ { .way = UINT32_MAX }, "way" },
		{ { .free = MMSIM_NR_TEARDOWN_FREES }, "free" },
		{ { .max_batches = 65537 }, "max_batches" },
		{ { .max_active = MMSIM_MAX_CPUS + 1 }, "max_active" },
		{ { .chunk_pages = 511 }, "chunk_pages" },
		{ { .chunk_pages = 512 + 256 }, "chunk_pages" },
	};
	static const struct mmsim_teardown good[] = {
		{ .way = MMSIM_TEARDOWN_RANGE_PARALLEL, .max_threads = 1, .chunk_pages = 512 },
		{ .way = MMSIM_TEARDOWN_BATCH_WORKERS,
		  .threshold = 1,
		  .max_batches = 1,
		  .max_active = 1 },
		{ .way = MMSIM_TEARDOWN_BATCH_WORKERS,
		  .threshold = UINT64_MAX,
		  .max_batches = 65536,
		  .max_active = MMSIM_MAX_CPUS },
		{ .free = MMSIM_TEARDOWN_FREE_RUNS },
	};
	struct world w;

	(void)state;
	open_world(&w, 4);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(mmsim_set_teardown(w.m, &bad[i].how), -EINVAL, bad[i].field);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t at = rig_map(w.mm, 0, 1500, RIG_RW);

		assert_quiet(mmsim_set_teardown(w.m, &good[i]), 0);
		assert_int_equal(mmsim_populate(w.mm, at, 1500 * RIG_PAGE, true), 0);
		assert_int_equal(mmsim_munmap(w.mm, at, 1500 * RIG_PAGE), 0);
	}
	assert_quiet(mmsim_set_teardown(w.m, NULL), 0);
	mmsim_drain_all_pages(w.m); /* some were on their way to the LRU lists still */
	assert_int_equal(rig_teardown_info(w.m).pages, 4 * 1500);
	assert_int_equal(rig_teardown_info(w.m).freed, 4 * 1500);
	close_world(&w);
}

/* As many areas as there may be: each of one page, and none like its neighbour. */
static void fill_with_areas(struct world *w, uint64_t at, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		rig_map(w->mm, at + i * RIG_PAGE, 1,
			(i & 1 ? MMSIM_PROT_READ : RIG_RW) | MMSIM_MAP_FIXED);
}

static void most_areas(void **state)
{
	const uint64_t at = UINT64_C(1) << 30, big = UINT64_C(2) << 30;
	struct world w;

	(void)state;
	open_world(&w, 4);
	rig_map(w.mm, big, 5, RIG_RW | MMSIM_MAP_FIXED);
	assert_int_equal(mmsim_populate(w.mm, big, 5 * RIG_PAGE, true), 0);
	fill_with_areas(&w, at, MMSIM_MAX_MAP_COUNT - 1);
	assert_int_equal(rig_info(w.mm).map_count, MMSIM_MAX_MAP_COUNT);
	assert_quiet(mmsim_mmap(w.mm, 0, RIG_PAGE, 0, NULL, 0, NULL), -ENOMEM);
	assert_quiet(mmsim_munmap(w.mm, big + 2 * RIG_PAGE, RIG_PAGE), -ENOMEM);
	assert_quiet(mmsim_madvise(w.mm, big + RIG_PAGE, RIG_PAGE, MMSIM_MADV_NOHUGEPAGE), -ENOMEM);
	assert_int_equal(rig_info(w.mm).anon_pages, 5);
	assert_int_equal(rig_info(w.mm).map_count, MMSIM_MAX_MAP_COUNT);
	/* The ends can go without another area; then there is room for one. */
	assert_int_equal(mmsim_munmap(w.mm, big, RIG_PAGE), 0);
	assert_int_equal(mmsim_munmap(w.mm, at, RIG_PAGE), 0);
	assert_int_equal(mmsim_munmap(w.mm, big + 2 * RIG_PAGE, RIG_PAGE), 0);
	assert_int_equal(rig_info(w.mm).anon_pages, 3);
	assert_int_equal(rig_info(w.mm).map_count, MMSIM_MAX_MAP_COUNT);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(creation),
		cmocka_unit_test(before_boot),
		cmocka_unit_test(ends),
		cmocka_unit_test(everything),
		cmocka_unit_test(refused_mmap),
		cmocka_unit_test(refused_ranges),
		cmocka_unit_test(after_exit),
		cmocka_unit_test(most_areas),
		cmocka_unit_test(refused_teardown),
		cmocka_unit_test(nulls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
