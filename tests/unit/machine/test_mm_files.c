/* SPDX-License-Identifier: MIT */
/* Files in address spaces: who sees which page, where dirty bits go, what stays in the cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm_rig.h"

enum { CPUS = 3, MEMORY = 4096, PAGES = 40 };

#define SHARED_RW (RIG_RW | MMSIM_MAP_SHARED)

struct rig {
	struct mmsim *m;
	struct mmsim_file *f;
	struct mmsim_mm *mm[2];
	unsigned levels;
};

static struct rig open_rig(enum mmsim_mode mode, unsigned levels)
{
	struct rig r = { .m = rig_open(mode, CPUS, MEMORY, NULL), .levels = levels };

	assert_int_equal(mmsim_file_create(r.m, PAGES, &r.f), 0);
	for (unsigned i = 0; i < 2; i++)
		r.mm[i] = rig_mm(r.m, levels, MMSIM_THP_ALWAYS);
	return r;
}

static void close_rig(struct rig *r)
{
	for (unsigned i = 0; i < 2; i++) {
		mmsim_mm_validate(r->mm[i]);
		mmsim_mm_destroy(r->mm[i]);
	}
	assert_int_equal(mmsim_file_destroy(r->f), 0);
	rig_close(r->m);
}

/*
 * The test with each way of taking down, in each mode that there is on every host, with four and five
 * levels.
 */
static void in_all_ways(void (*test)(struct rig *r))
{
	static const enum mmsim_mode modes[] = { MMSIM_SERIAL, MMSIM_NATIVE, MMSIM_EXPLORE };

	for (unsigned i = 0; i < 3; i++)
		for (int way = 0; way < MMSIM_NR_TEARDOWNS; way++) {
			struct rig r = open_rig(modes[i], way % 2 ? 5 : 4);

			rig_teardown(r.m, (enum mmsim_teardown_way)way);
			test(&r);
			close_rig(&r);
		}
}

/* Pages [first, first + nr) of the file. */
static uint64_t map(struct rig *r, unsigned i, uint32_t flags, uint64_t first, uint64_t nr)
{
	uint64_t at = 0;

	assert_int_equal(mmsim_mmap(r->mm[i], 0, nr * RIG_PAGE, flags, r->f, first * RIG_PAGE, &at),
			 0);
	return at;
}

static void touch(struct rig *r, unsigned i, uint64_t at, uint64_t page, bool write)
{
	assert_int_equal(mmsim_touch(r->mm[i], at + page * RIG_PAGE + 5, write), 0);
}

static struct mmsim_mapping entry(struct rig *r, unsigned i, uint64_t at, uint64_t page)
{
	return rig_entry(r->mm[i], at + page * RIG_PAGE);
}

static void unmap(struct rig *r, unsigned i, uint64_t at, uint64_t first, uint64_t nr)
{
	assert_int_equal(mmsim_munmap(r->mm[i], at + first * RIG_PAGE, nr * RIG_PAGE), 0);
}

static void assert_cache(struct rig *r, uint64_t cached, uint64_t dirty, uint64_t mapped,
			 uint64_t areas)
{
	struct mmsim_file_info info;

	assert_int_equal(mmsim_file_info(r->f, &info), 0);
	assert_int_equal(info.nr_pages, PAGES);
	assert_int_equal(info.cached, cached);
	assert_int_equal(info.dirty, dirty);
	assert_int_equal(info.mapped, mapped);
	assert_int_equal(info.areas, areas);
}

static void assert_rss(struct rig *r, unsigned i, uint64_t file, uint64_t anon)
{
	assert_int_equal(rig_info(r->mm[i]).file_pages, file);
	assert_int_equal(rig_info(r->mm[i]).anon_pages, anon);
}

/* One page for both, at whatever address; unmapping leaves it in the cache. */
static void shares(struct rig *r)
{
	uint64_t a = map(r, 0, SHARED_RW, 0, 10), b = map(r, 1, SHARED_RW, 5, 20);

	for (unsigned i = 0; i < 10; i++)
		touch(r, 0, a, i, i % 2);
	assert_cache(r, 10, 0, 10, 2);
	for (unsigned i = 0; i < 5; i++) {
		touch(r, 1, b, i, false);
		assert_ptr_equal(entry(r, 1, b, i).page, entry(r, 0, a, i + 5).page);
		assert_true(entry(r, 1, b, i).writable);
		assert_false(entry(r, 1, b, i).dirty);
		assert_true(entry(r, 1, b, i).accessed);
		assert_int_equal(entry(r, 0, a, i + 5).dirty, (i + 5) % 2);
	}
	assert_rss(r, 0, 10, 0);
	assert_rss(r, 1, 5, 0);
	assert_cache(r, 10, 0, 10, 2);
	unmap(r, 0, a, 0, 10);
	assert_rss(r, 0, 0, 0);
	assert_cache(r, 10, 5, 5, 1);
	unmap(r, 1, b, 0, 20);
	assert_cache(r, 10, 5, 0, 0);
	assert_int_equal(mmsim_file_drop(r->f), 5);
	assert_int_equal(mmsim_file_sync(r->f), 5);
	assert_int_equal(mmsim_file_drop(r->f), 5);
	assert_cache(r, 0, 0, 0, 0);
}

static void shared_pages(void **state)
{
	(void)state;
	in_all_ways(shares);
}

/* A store to private memory copies; the file sees nothing of it. */
static void copies(struct rig *r)
{
	uint64_t a = map(r, 0, RIG_RW, 0, 10), b = map(r, 1, SHARED_RW, 0, 10);
	struct mmsim_page *page;

	touch(r, 0, a, 0, false);
	page = entry(r, 0, a, 0).page;
	assert_false(entry(r, 0, a, 0).writable);
	assert_rss(r, 0, 1, 0);
	touch(r, 0, a, 0, true);
	touch(r, 0, a, 1, true);
	assert_rss(r, 0, 0, 2);
	assert_int_equal(rig_info(r->mm[0]).cow_copies, 2);
	assert_ptr_not_equal(entry(r, 0, a, 0).page, page);
	assert_true(entry(r, 0, a, 0).dirty);
	touch(r, 1, b, 0, false);
	assert_ptr_equal(entry(r, 1, b, 0).page, page);
	assert_int_equal(mmsim_file_sync(r->f), 0);
	assert_true(entry(r, 0, a, 0).dirty);
	unmap(r, 0, a, 0, 10);
	assert_cache(r, 2, 0, 1, 1);
	assert_int_equal(mmsim_file_drop(r->f), 1);
	/* What a private area has not copied shows what the others store. */
	a = map(r, 0, MMSIM_PROT_READ, 0, 1);
	touch(r, 0, a, 0, false);
	touch(r, 1, b, 0, true);
	assert_ptr_equal(entry(r, 0, a, 0).page, page);
	assert_int_equal(mmsim_touch(r->mm[0], a, true), -EFAULT);
}

static void private_pages(void **state)
{
	(void)state;
	in_all_ways(copies);
}

/* Writing back takes the right to store from every entry, so that the next store is seen. */
static void writes_back(struct rig *r)
{
	uint64_t a = map(r, 0, SHARED_RW, 0, 4), b = map(r, 1, SHARED_RW, 2, 4), faults;

	assert_int_equal(mmsim_file_sync(r->f), 0);
	for (unsigned i = 0; i < 4; i++) {
		touch(r, 0, a, i, i < 3);
		touch(r, 1, b, i, i > 1);
	}
	assert_int_equal(mmsim_file_sync(r->f), 5);
	assert_int_equal(mmsim_file_sync(r->f), 0);
	for (unsigned i = 0; i < 4; i++) {
		/* Page 3 is clean in both, but could have been stored to. */
		assert_false(entry(r, 0, a, i).writable || entry(r, 0, a, i).dirty);
		assert_false(entry(r, 1, b, i).writable || entry(r, 1, b, i).dirty);
	}
	faults = rig_info(r->mm[0]).faults;
	touch(r, 0, a, 2, false);
	assert_int_equal(rig_info(r->mm[0]).faults, faults);
	touch(r, 0, a, 2, true);
	assert_int_equal(rig_info(r->mm[0]).faults, faults + 1);
	touch(r, 0, a, 2, true);
	assert_int_equal(rig_info(r->mm[0]).faults, faults + 1);
	assert_int_equal(mmsim_file_sync(r->f), 1);
	assert_int_equal(mmsim_file_drop(r->f), 0);
	unmap(r, 0, a, 0, 4);
	unmap(r, 1, b, 0, 4);
	assert_int_equal(mmsim_file_sync(r->f), 0);
	assert_int_equal(mmsim_file_drop(r->f), 6);
}

static void stores_after_sync(void **state)
{
	(void)state;
	in_all_ways(writes_back);
}

/* Parts of an area go; what is mapped still stays. */
static void unmaps_parts(struct rig *r)
{
	uint64_t a = map(r, 0, SHARED_RW, 3, 12);

	for (unsigned i = 0; i < 12; i++)
		touch(r, 0, a, i, i == 5 || i == 9);
	unmap(r, 0, a, 4, 4);
	assert_cache(r, 12, 1, 8, 2);
	assert_rss(r, 0, 8, 0);
	assert_int_equal(mmsim_file_drop(r->f), 3);
	assert_int_equal(mmsim_file_sync(r->f), 2);
	assert_cache(r, 9, 0, 8, 2);
	touch(r, 0, a, 9, true); /* in the part above the hole */
	touch(r, 0, a, 3, true); /* below it */
	assert_int_equal(mmsim_touch(r->mm[0], a + 4 * RIG_PAGE, false), -EFAULT);
	assert_int_equal(mmsim_file_sync(r->f), 2);
	assert_int_equal(mmsim_file_drop(r->f), 1);
	unmap(r, 0, a, 0, 12);
	assert_int_equal(mmsim_file_drop(r->f), 8);
}

static void parts_of_areas(void **state)
{
	(void)state;
	in_all_ways(unmaps_parts);
}

/* Exit, MADV_DONTNEED and a mapping in its place: dirty bits go to the page each time. */
static void keeps_dirt(struct rig *r)
{
	uint64_t a = map(r, 0, SHARED_RW, 0, 3), b = map(r, 1, SHARED_RW, 3, 3);
	struct mmsim_page *page;

	for (unsigned i = 0; i < 3; i++) {
		touch(r, 0, a, i, true);
		touch(r, 1, b, i, true);
	}
	page = entry(r, 0, a, 1).page;
	assert_int_equal(mmsim_madvise(r->mm[0], a, 3 * RIG_PAGE, MMSIM_MADV_DONTNEED), 0);
	assert_cache(r, 6, 3, 3, 2);
	assert_false(rig_is_mapped(r->mm[0], a));
	touch(r, 0, a, 1, false);
	assert_ptr_equal(entry(r, 0, a, 1).page, page);
	assert_int_equal(mmsim_mmap(r->mm[1], b, RIG_PAGE, RIG_RW | MMSIM_MAP_FIXED, NULL, 0, NULL),
			 0);
	assert_cache(r, 6, 4, 3, 2);
	mmsim_mm_exit(r->mm[1]);
	assert_cache(r, 6, 6, 1, 1);
	assert_int_equal(mmsim_file_drop(r->f), 0);
	assert_int_equal(mmsim_file_sync(r->f), 6);
	assert_int_equal(mmsim_file_drop(r->f), 5);
	touch(r, 0, a, 1, true);
	mmsim_mm_exit(r->mm[0]);
	assert_cache(r, 1, 1, 0, 0);
}

static void dirt_is_kept(void **state)
{
	(void)state;
	in_all_ways(keeps_dirt);
}

/* Shared areas come by faults, in a child; what was copied is shared until one of them stores. */
static void forks(struct rig *r)
{
	uint64_t a = map(r, 0, SHARED_RW, 0, 4), p = map(r, 0, RIG_RW, 4, 4);
	struct mmsim_page *copy;
	struct rig c = *r;

	touch(r, 0, a, 0, true);
	touch(r, 0, p, 0, true);
	touch(r, 0, p, 1, false);
	copy = entry(r, 0, p, 0).page;
	assert_int_equal(mmsim_mm_fork(r->mm[0], &c.mm[0]), 0);
	assert_cache(r, 3, 0, 2, 4);
	assert_ptr_equal(entry(&c, 0, p, 0).page, copy);
	assert_false(entry(&c, 0, p, 0).writable || entry(r, 0, p, 0).writable);
	touch(&c, 0, a, 0, false);
	assert_ptr_equal(entry(&c, 0, a, 0).page, entry(r, 0, a, 0).page);
	touch(&c, 0, a, 1, true);
	touch(&c, 0, p, 0, true);
	touch(&c, 0, p, 1, true);
	assert_ptr_not_equal(entry(&c, 0, p, 0).page, copy);
	assert_ptr_equal(entry(r, 0, p, 0).page, copy);
	assert_int_equal(mmsim_file_sync(r->f), 2);
	touch(&c, 0, a, 1, true);
	mmsim_mm_validate(c.mm[0]);
	mmsim_mm_destroy(c.mm[0]);
	assert_cache(r, 4, 1, 2, 2);
}

static void a_child(void **state)
{
	(void)state;
	in_all_ways(forks);
}

static void beyond_the_end(void **state)
{
	struct rig r = open_rig(MMSIM_SERIAL, 4);
	uint64_t a = map(&r, 0, SHARED_RW, PAGES - 2, 5), b = map(&r, 0, RIG_RW, 1000, 1);

	(void)state;
	touch(&r, 0, a, 1, true);
	assert_int_equal(mmsim_touch(r.mm[0], a + 2 * RIG_PAGE, false), -EFAULT);
	assert_int_equal(mmsim_touch(r.mm[0], a + 4 * RIG_PAGE, true), -EFAULT);
	assert_int_equal(mmsim_touch(r.mm[0], b, true), -EFAULT);
	assert_int_equal(mmsim_populate(r.mm[0], a, 5 * RIG_PAGE, false), -EFAULT);
	assert_cache(&r, 2, 0, 2, 2);
	assert_int_equal(mmsim_file_sync(r.f), 1);
	close_rig(&r);
}

static void mapped_files_stay(void **state)
{
	static struct sim_log said;
	struct mmsim *m = rig_open(MMSIM_SERIAL, CPUS, MEMORY, &said);
	struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_NEVER);
	struct mmsim_file *f;
	uint64_t at;

	(void)state;
	assert_int_equal(mmsim_file_create(m, 3, &f), 0);
	assert_int_equal(mmsim_mmap(mm, 0, 3 * RIG_PAGE, MMSIM_PROT_READ, f, 0, &at), 0);
	assert_int_equal(mmsim_file_destroy(f), -EBUSY);
	assert_string_equal(said.line, "mmsim_file_destroy: areas map the file");
	assert_int_equal(mmsim_munmap(mm, at, 2 * RIG_PAGE), 0);
	assert_int_equal(mmsim_file_destroy(f), -EBUSY);
	mmsim_mm_exit(mm);
	assert_int_equal(mmsim_file_destroy(f), 0);
	mmsim_mm_destroy(mm);
	rig_close(m);
}

/* The reaper leaves shared memory alone, which others may need. */
static void reaper(void **state)
{
	struct rig r = open_rig(MMSIM_SERIAL, 4);
	uint64_t a = map(&r, 0, SHARED_RW, 0, 2), p = map(&r, 0, RIG_RW, 2, 2), pages;

	(void)state;
	touch(&r, 0, a, 0, true);
	touch(&r, 0, p, 0, true);
	touch(&r, 0, p, 1, false);
	assert_int_equal(mmsim_oom_reap(r.mm[0], &pages), 0);
	assert_int_equal(pages, 1);
	assert_true(entry(&r, 0, a, 0).dirty);
	assert_false(rig_is_mapped(r.mm[0], p));
	assert_cache(&r, 3, 0, rig_is_mapped(r.mm[0], p + RIG_PAGE) ? 2 : 1, 2);
	close_rig(&r);
}

/* Everybody stores to the same pages; some write them back, some forget them. */
static struct {
	struct rig r;
	uint64_t at[2];
	uint32_t failed; /* atomic */
} busy;

static void use_file(unsigned i, void *arg)
{
	struct mmsim_mm *mm = busy.r.mm[i % 2];
	uint64_t at = busy.at[i % 2];

	(void)arg;
	for (unsigned n = 0; n < 200; n++) {
		uint64_t addr = at + (n + i) % 8 * RIG_PAGE;
		int err = mmsim_touch(mm, addr, n % 3);

		if (!err && n % 7 == 0)
			err = mmsim_madvise(mm, addr, RIG_PAGE, MMSIM_MADV_DONTNEED);
		if (n % 16 == i)
			mmsim_file_sync(busy.r.f);
		if (n % 32 == i)
			mmsim_file_drop(busy.r.f);
		if (err)
			__atomic_store_n(&busy.failed, n + 1, __ATOMIC_RELAXED);
	}
}

static void uses(struct rig *r)
{
	busy.r = *r;
	for (unsigned i = 0; i < 2; i++)
		busy.at[i] = map(r, i, SHARED_RW, i, 8);
	assert_int_equal(mmsim_run(r->m, CPUS, use_file, NULL), 0);
	assert_int_equal(busy.failed, 0);
	for (unsigned i = 0; i < 2; i++)
		unmap(r, i, busy.at[i], 0, 8);
	mmsim_file_sync(r->f);
	/* The law stops the program here if a store was lost. */
	assert_cache(r, mmsim_file_drop(r->f) ? 0 : 1, 0, 0, 0);
}

static void users_at_once(void **state)
{
	(void)state;
	in_all_ways(uses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_pages),
		cmocka_unit_test(private_pages),
		cmocka_unit_test(stores_after_sync),
		cmocka_unit_test(parts_of_areas),
		cmocka_unit_test(dirt_is_kept),
		cmocka_unit_test(a_child),
		cmocka_unit_test(beyond_the_end),
		cmocka_unit_test(mapped_files_stay),
		cmocka_unit_test(reaper),
		cmocka_unit_test(users_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
