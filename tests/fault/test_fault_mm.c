/* SPDX-License-Identifier: MIT */
/*
 * Address spaces with a failure at every place where there can be one: memory that ends at each page, each
 * metadata allocation, each worker that cannot be started, each lock that is refused. What fails says
 * -ENOMEM and leaves nothing behind; taking down never fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"
#include "mm_rig.h"

enum { PAGES = 4096, FILE_PAGES = 24, CPUS = 2, MOST = 4000 };

#define AT (UINT64_C(1) << 30)
#define FIXED (RIG_RW | MMSIM_MAP_FIXED)

/* One way to be. */
struct kind {
	enum mmsim_mode mode;
	enum mmsim_teardown_way way;
	enum mmsim_thp thp;
	unsigned levels;
};

/* All there are in serial mode; in each of the others every way once. */
static void for_all_kinds(void (*fn)(const struct kind *k))
{
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++)
		for (int way = 0; way < MMSIM_NR_TEARDOWNS; way++)
			for (int huge = 0; huge < 2; huge++) {
				const struct kind k = {
					.mode = (enum mmsim_mode)mode,
					.way = (enum mmsim_teardown_way)way,
					.thp = huge ? MMSIM_THP_ALWAYS : MMSIM_THP_NEVER,
					.levels = 4 + (unsigned)(way + huge) % 2,
				};

				if (mode == MMSIM_SERIAL || huge == (way + mode) % 2)
					fn(&k);
			}
}

/* All memory but some, held by the test. */
struct hoard {
	struct mmsim *m;
	unsigned nr;
	struct mmsim_page *page[PAGES];
};

static struct hoard *hoard_open(struct mmsim *m)
{
	struct hoard *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	h->m = m;
	return h;
}

static void hoard_all(struct hoard *h)
{
	struct mmsim_page *page;

	mmsim_drain_all_pages(h->m);
	while ((page = mmsim_alloc_pages(h->m, MMSIM_GFP_KERNEL, 0)))
		h->page[h->nr++] = page;
}

/* So many may be had again. */
static void hoard_give(struct hoard *h, unsigned nr)
{
	while (nr--)
		assert_int_equal(mmsim_free_pages(h->m, h->page[--h->nr], 0), 0);
}

static void hoard_close(struct hoard *h)
{
	hoard_give(h, h->nr);
	free(h);
}

/* Counters and entries agree; returns what is mapped. */
static uint64_t look_at(struct mmsim_mm *mm)
{
	struct mmsim_mm_info info = rig_info(mm);
	uint64_t mapped = mmsim_mm_validate(mm);

	assert_int_equal(mapped, info.anon_pages + info.file_pages);
	return mapped;
}

static unsigned failures; /* calls that said -ENOMEM */

/* 0 or -ENOMEM. */
static int may_fail(int err)
{
	assert_true(!err || err == -ENOMEM);
	failures += err != 0;
	return err;
}

/* Two tables' worth of anonymous memory, some far away, and a file, shared and private. */
static void build(struct mmsim_mm *mm, struct mmsim_file *file)
{
	may_fail(mmsim_mmap(mm, AT, 2 * MMSIM_PMD_SIZE, FIXED, NULL, 0, NULL));
	may_fail(mmsim_mmap(mm, AT << 10, 20 * RIG_PAGE, FIXED, NULL, 0, NULL));
	if (file) {
		may_fail(mmsim_mmap(mm, 4 * AT, 12 * RIG_PAGE, FIXED | MMSIM_MAP_SHARED, file, 0,
				    NULL));
		may_fail(mmsim_mmap(mm, 5 * AT, 12 * RIG_PAGE, FIXED, file, 12 * RIG_PAGE, NULL));
	}
}

static void touch_some(struct mmsim_mm *mm, bool write)
{
	static const uint64_t where[] = { AT, AT + MMSIM_PMD_SIZE - 4 * RIG_PAGE, AT << 10, 4 * AT,
					  5 * AT };

	for (unsigned i = 0; i < sizeof(where) / sizeof(where[0]); i++)
		for (unsigned page = 0; page < 8; page++) {
			uint64_t addr = where[i] + page * RIG_PAGE;
			uint64_t before = rig_info(mm).anon_pages + rig_info(mm).file_pages;
			bool was = rig_is_mapped(mm, addr);
			int err = mmsim_touch(mm, addr, write);

			/* Where mmap failed there is no area. */
			assert_true(!err || err == -ENOMEM || err == -EFAULT);
			failures += err == -ENOMEM;
			if (!err)
				assert_true(rig_is_mapped(mm, addr));
			else if (!was)
				assert_int_equal(rig_info(mm).anon_pages + rig_info(mm).file_pages,
						 before);
		}
}

/* The child's part: its stores are copies; what it unmaps the parent keeps. */
static void live_as_child(struct mmsim_mm *mm)
{
	struct mmsim_mm *child = (struct mmsim_mm *)&mm;
	uint64_t had = look_at(mm);

	if (may_fail(mmsim_mm_fork(mm, &child))) {
		assert_null(child);
		assert_int_equal(look_at(mm), had);
		return;
	}
	look_at(child);
	touch_some(child, true);
	touch_some(mm, true);
	may_fail(mmsim_munmap(child, AT + 3 * RIG_PAGE, 2 * RIG_PAGE));
	look_at(child);
	mmsim_mm_destroy(child);
}

/* An area becomes two, or stays as it is. */
static void unmap_middle(struct mmsim_mm *mm)
{
	uint64_t had = look_at(mm), areas = rig_info(mm).map_count;

	if (may_fail(mmsim_munmap(mm, AT + 7 * RIG_PAGE, MMSIM_PMD_SIZE))) {
		assert_int_equal(look_at(mm), had);
		assert_int_equal(rig_info(mm).map_count, areas);
	}
}

/* Goes away if mmap_lock is refused to it. */
static void reap(struct mmsim_mm *mm)
{
	int err = mmsim_oom_reap(mm, NULL);

	assert_true(!err || err == -EAGAIN);
	if (!err)
		assert_int_equal(rig_info(mm).anon_pages, 0);
}

static void live(struct mmsim *m, const struct kind *k)
{
	const struct mmsim_mm_params params = { .levels = k->levels, .thp = k->thp };
	struct mmsim_file *file = (struct mmsim_file *)m;
	struct mmsim_mm *mm = (struct mmsim_mm *)m;

	if (may_fail(mmsim_mm_create(m, &params, &mm))) {
		assert_null(mm);
		return;
	}
	if (may_fail(mmsim_file_create(m, FILE_PAGES, &file)))
		assert_null(file);
	build(mm, file);
	touch_some(mm, true);
	live_as_child(mm);
	unmap_middle(mm);
	may_fail(mmsim_madvise(mm, AT, 3 * RIG_PAGE, MMSIM_MADV_DONTNEED));
	look_at(mm);
	reap(mm);
	touch_some(mm, false);
	/* Whole areas always go, however little there is. */
	assert_int_equal(mmsim_munmap(mm, 0, MMSIM_TASK_SIZE_4), 0);
	assert_int_equal(look_at(mm), 0);
	assert_int_equal(rig_info(mm).table_pages, 1);
	mmsim_mm_exit(mm);
	mmsim_mm_destroy(mm);
	assert_int_equal(mmsim_file_destroy(file), 0);
}

static struct mmsim *open_machine(const struct kind *k)
{
	struct mmsim *m = rig_open(k->mode, CPUS, PAGES, NULL);

	rig_teardown(m, k->way);
	return m;
}

static const char *const mode_name[] = { "native", "serial", "virtual", "explore" };

/* From 0 pages on, one more each time, until there are enough. */
static void short_of_memory(const struct kind *k)
{
	struct mmsim *m = open_machine(k);
	struct hoard *h = hoard_open(m);
	uint64_t all = rig_free_pages(m);
	unsigned left = 0, failed;

	failures = 0;
	live(m, k);
	assert_int_equal(failures, 0);
	assert_int_equal(rig_free_pages(m), all);
	hoard_all(h);
	all = rig_free_pages(m);
	do {
		failures = 0;
		live(m, k);
		failed = failures;
		assert_int_equal(rig_free_pages(m), all + left);
		assert_int_equal(mmsim_validate(m), all + left);
		hoard_give(h, 1);
		left++;
	} while (failed);
	print_message("  %s, way %d, thp %d: enough with %u pages\n", mode_name[k->mode], k->way,
		      k->thp, left - 1);
	assert_true(left > 30);
	hoard_close(h);
	rig_close(m);
}

static void shortages(void **state)
{
	(void)state;
	for_all_kinds(short_of_memory);
}

static void arm(struct mmsim *m, enum mmsim_fault_kind kind, uint32_t nth, uint32_t count)
{
	m->fault.point[kind] = (struct mm_fault_point){ .nth = nth, .count = count };
}

/*
 * The kth operation of a kind, alone, or with all after it, for every k. The machine is made before: that it
 * can fail is another test's. Of very many, fewer and fewer.
 */
static unsigned sweep_life(const struct kind *k, enum mmsim_fault_kind kind, uint32_t count)
{
	struct mmsim *m = open_machine(k);
	uint64_t all;
	uint32_t nth = 0;
	bool fired;

	live(m, k);
	all = rig_free_pages(m);
	do {
		nth += 1 + nth / 16;
		assert_true(nth < MOST);
		arm(m, kind, nth, count);
		live(m, k);
		fired = mm_base_fault_fired(&m->fault, kind) != 0;
		arm(m, kind, 0, 0);
		assert_int_equal(rig_free_pages(m), all);
	} while (fired);
	assert_int_equal(mmsim_validate(m), all);
	rig_close(m);
	return nth - 1;
}

static void sweep_kind(const struct kind *k, enum mmsim_fault_kind kind)
{
	unsigned once = sweep_life(k, kind, 1), ever = sweep_life(k, kind, UINT32_MAX);

	print_message("  %s, way %d, thp %d: %u and %u operations\n", mode_name[k->mode], k->way,
		      k->thp, once, ever);
	if (kind == MMSIM_FAULT_METADATA)
		assert_true(once > 20 && ever > 0);
}

static void sweep_metadata(const struct kind *k)
{
	sweep_kind(k, MMSIM_FAULT_METADATA);
}

static void metadata(void **state)
{
	(void)state;
	for_all_kinds(sweep_metadata);
}

static void sweep_spawn(const struct kind *k)
{
	sweep_kind(k, MMSIM_FAULT_SPAWN);
}

static void spawning(void **state)
{
	(void)state;
	for_all_kinds(sweep_spawn);
}

/* Every way of taking a lock by trying has another way, which is taken then. */
static void sweep_trylock(const struct kind *k)
{
	if (k->mode == MMSIM_SERIAL)
		sweep_kind(k, MMSIM_FAULT_TRYLOCK);
}

static void trylocks(void **state)
{
	(void)state;
	for_all_kinds(sweep_trylock);
}

/* A page for one table more each time: each level fails once, then the page itself. */
static void level_by_level(unsigned levels)
{
	struct mmsim *m = rig_open(MMSIM_SERIAL, CPUS, PAGES, NULL);
	struct mmsim_mm *mm = rig_mm(m, levels, MMSIM_THP_NEVER);
	struct hoard *h = hoard_open(m);
	uint64_t at = rig_map(mm, AT, 1, FIXED);

	hoard_all(h);
	for (unsigned level = 0; level < levels; level++) {
		assert_int_equal(mmsim_touch(mm, at, true), -ENOMEM);
		assert_int_equal(mmsim_populate(mm, at, RIG_PAGE, false), -ENOMEM);
		assert_int_equal(rig_info(mm).table_pages, 1 + level);
		assert_int_equal(rig_info(mm).faults, 0);
		assert_int_equal(look_at(mm), 0);
		hoard_give(h, 1);
	}
	assert_int_equal(mmsim_touch(mm, at, true), 0);
	assert_int_equal(rig_info(mm).table_pages, levels);
	assert_int_equal(look_at(mm), 1);
	mmsim_mm_destroy(mm);
	hoard_close(h);
	rig_close(m);
}

static void every_level(void **state)
{
	(void)state;
	level_by_level(4);
	level_by_level(5);
}

/* The same of a whole tree: the child comes or does not, and the parent has what it had. */
static void forking(void **state)
{
	struct mmsim *m = rig_open(MMSIM_SERIAL, CPUS, PAGES, NULL);
	struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_NEVER), *child;
	struct hoard *h = hoard_open(m);
	uint64_t tables, all;
	unsigned failed = 0;

	(void)state;
	for (uint64_t i = 1; i <= 4; i++) {
		rig_map(mm, i << 39, 1, FIXED);
		assert_int_equal(mmsim_touch(mm, i << 39, true), 0);
	}
	tables = rig_info(mm).table_pages;
	assert_int_equal(tables, 13);
	hoard_all(h);
	all = rig_free_pages(m);
	while (mmsim_mm_fork(mm, &child) == -ENOMEM) {
		assert_null(child);
		assert_int_equal(look_at(mm), 4);
		assert_int_equal(rig_info(mm).table_pages, tables);
		assert_int_equal(rig_free_pages(m), all + failed);
		hoard_give(h, 1);
		failed++;
		/* What became read-only can be stored to: nobody else has it. */
		assert_int_equal(mmsim_touch(mm, UINT64_C(1) << 39, true), 0);
	}
	assert_non_null(child);
	assert_int_equal(failed, tables);
	assert_int_equal(look_at(child), 4);
	/* A copy is not to be had: the page stays shared, and can be read. */
	assert_int_equal(mmsim_touch(child, UINT64_C(1) << 39, true), -ENOMEM);
	assert_int_equal(mmsim_touch(child, UINT64_C(1) << 39, false), 0);
	assert_ptr_equal(rig_entry(child, UINT64_C(1) << 39).page,
			 rig_entry(mm, UINT64_C(1) << 39).page);
	mmsim_mm_destroy(child);
	mmsim_mm_destroy(mm);
	hoard_close(h);
	rig_close(m);
}

/* No memory for a batch: pages go eight at a time; none for tables: one by one. */
static void batches(void **state)
{
	struct mmsim *m = rig_open(MMSIM_SERIAL, CPUS, PAGES, NULL);
	struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_NEVER), *child;
	struct mmsim_teardown_info before, after;
	struct hoard *h = hoard_open(m);

	(void)state;
	for (uint64_t i = 0; i < 8; i++) {
		rig_map(mm, AT + i * MMSIM_PMD_SIZE, 20, FIXED);
		assert_int_equal(mmsim_populate(mm, AT + i * MMSIM_PMD_SIZE, 20 * RIG_PAGE, true),
				 0);
	}
	assert_int_equal(mmsim_mm_fork(mm, &child), 0);
	hoard_all(h);
	before = rig_teardown_info(m);
	/* Frees no page, as the parent has them all: nothing to make a batch of. */
	assert_int_equal(mmsim_munmap(child, AT, 8 * MMSIM_PMD_SIZE), 0);
	after = rig_teardown_info(m);
	assert_int_equal(after.pages - before.pages, 160);
	assert_int_equal(after.freed - before.freed, 0);
	assert_true(after.forced - before.forced >= 160 / 8 - 1);
	assert_true(after.single_tables > before.single_tables);
	assert_int_equal(look_at(child), 0);
	assert_int_equal(look_at(mm), 160);
	mmsim_mm_destroy(child);
	mmsim_mm_destroy(mm);
	hoard_close(h);
	rig_close(m);
}

/* A huge page of which a part is to go: either it goes, or nothing has changed. */
static void huge_parts(void **state)
{
	struct mmsim *m = rig_open(MMSIM_SERIAL, CPUS, PAGES, NULL);
	struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_ALWAYS);
	struct hoard *h = hoard_open(m);
	int err;

	(void)state;
	rig_map(mm, AT, 512, FIXED);
	assert_int_equal(mmsim_touch(mm, AT, true), 0);
	assert_int_equal(rig_info(mm).thp_faults, 1);
	hoard_all(h);
	err = may_fail(mmsim_munmap(mm, AT + 5 * RIG_PAGE, RIG_PAGE));
	assert_int_equal(look_at(mm), err ? 512 : 511);
	assert_int_equal(rig_info(mm).map_count, err ? 1 : 2);
	hoard_give(h, 1);
	assert_int_equal(mmsim_munmap(mm, AT + 5 * RIG_PAGE, RIG_PAGE), 0);
	assert_int_equal(look_at(mm), 511);
	mmsim_mm_destroy(mm);
	hoard_close(h);
	rig_close(m);
}

/* No block of 2 MiB, though single pages: those it is then. */
static void huge_fallback(void **state)
{
	struct mmsim *m = rig_open(MMSIM_SERIAL, CPUS, PAGES, NULL);
	struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_ALWAYS);
	struct hoard *h = hoard_open(m);
	struct mmsim_mm_info info;

	(void)state;
	rig_map(mm, AT, 512, FIXED);
	hoard_all(h);
	hoard_give(h, 10);
	assert_int_equal(mmsim_touch(mm, AT + RIG_PAGE, true), 0);
	info = rig_info(mm);
	assert_int_equal(info.anon_pages, 1);
	assert_int_equal(info.thp_fallbacks, 1);
	assert_int_equal(info.thp_faults, 0);
	mmsim_mm_destroy(mm);
	hoard_close(h);
	rig_close(m);
}

/* A page that a file does not get is not in the cache, and mapped nowhere. */
static void files(void **state)
{
	struct mmsim *m = rig_open(MMSIM_SERIAL, CPUS, PAGES, NULL);
	struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_NEVER);
	struct hoard *h = hoard_open(m);
	struct mmsim_file_info info;
	struct mmsim_file *file;

	(void)state;
	assert_int_equal(mmsim_file_create(m, FILE_PAGES, &file), 0);
	assert_int_equal(
		mmsim_mmap(mm, AT, FILE_PAGES * RIG_PAGE, FIXED | MMSIM_MAP_SHARED, file, 0, NULL),
		0);
	assert_int_equal(mmsim_touch(mm, AT, true), 0);
	hoard_all(h);
	hoard_give(h, 5);
	assert_int_equal(mmsim_populate(mm, AT, FILE_PAGES * RIG_PAGE, true), -ENOMEM);
	assert_int_equal(mmsim_file_info(file, &info), 0);
	assert_int_equal(info.cached, 6);
	assert_int_equal(info.mapped, 6);
	assert_int_equal(look_at(mm), 6);
	assert_int_equal(mmsim_file_read(file, 0, FILE_PAGES), -ENOMEM);
	mmsim_mm_exit(mm);
	mmsim_mm_destroy(mm);
	assert_int_equal(mmsim_file_destroy(file), 0);
	hoard_close(h);
	rig_close(m);
}

/* Without any worker everything is free on return all the same. */
static void no_workers(void **state)
{
	(void)state;
	for (int way = 0; way < MMSIM_NR_TEARDOWNS; way++) {
		struct mmsim *m = rig_open(MMSIM_NATIVE, CPUS, PAGES, NULL);
		struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_NEVER);
		uint64_t all, at = rig_map(mm, 0, 2048, RIG_RW);

		rig_teardown(m, (enum mmsim_teardown_way)way);
		all = rig_free_pages(m);
		arm(m, MMSIM_FAULT_SPAWN, 1, UINT32_MAX);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(mmsim_populate(mm, at, 2048 * RIG_PAGE, true), 0);
			assert_int_equal(mmsim_munmap(mm, at, 2048 * RIG_PAGE), 0);
			assert_int_equal(rig_free_pages(m), all);
			at = rig_map(mm, 0, 2048, RIG_RW);
		}
		arm(m, MMSIM_FAULT_SPAWN, 0, 0);
		mmsim_mm_destroy(mm);
		rig_close(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_level),   cmocka_unit_test(forking),
		cmocka_unit_test(batches),       cmocka_unit_test(huge_parts),
		cmocka_unit_test(huge_fallback), cmocka_unit_test(files),
		cmocka_unit_test(no_workers),    cmocka_unit_test(shortages),
		cmocka_unit_test(metadata),      cmocka_unit_test(spawning),
		cmocka_unit_test(trylocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
