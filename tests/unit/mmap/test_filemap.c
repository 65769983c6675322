/* SPDX-License-Identifier: MIT */
/* Files in the page cache, without address spaces: bringing pages, writing them back, giving them back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "child_dies.h"
#include "filemap.h"
#include "first_failure.h"
#include "small_machine.h"
#include <errno.h>

enum { CPUS = 3, MEMORY = 4096, PAGES = 100 };

struct rig {
	struct small_machine m;
	struct mm_mmap mmap;
	struct mmsim_file *f;
};

static struct rig *rig_open(enum mmsim_mode mode)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	page_env_config(&r->m.env, CPUS, 1);
	r->m.env.cfg.mode = mode;
	page_env_ram(&r->m.env, 0, SMALL_MACHINE_BASE, SMALL_MACHINE_BASE + MEMORY);
	small_machine_open(&r->m);
	r->mmap = (struct mm_mmap){
		.exec = r->m.env.exec,
		.log = &r->m.env.log,
		.locks = &r->m.env.locks,
		.buddy = &r->m.buddy,
		.topology = &r->m.env.topology,
	};
	assert_int_equal(mm_tlb_init(&r->mmap.tlb, r->mmap.exec, r->mmap.locks, true), 0);
	assert_int_equal(mm_mmap_lru_init(&r->mmap.lru, &r->m.buddy, r->mmap.locks), 0);
	mm_release_init(&r->mmap.release, &r->mmap.lru, &r->mmap.tlb, NULL);
	assert_int_equal(mm_mmap_file_create(&r->mmap, PAGES, &r->f), 0);
	return r;
}

/* Every page is back. */
static void rig_close(struct rig *r)
{
	assert_int_equal(mm_mmap_file_destroy(r->f), 0);
	mm_mmap_lru_validate(&r->mmap.lru);
	mm_mmap_lru_fini(&r->mmap.lru);
	mm_tlb_fini(&r->mmap.tlb);
	mm_buddy_drain_all(&r->m.buddy);
	assert_int_equal(mm_buddy_validate(&r->m.buddy), MEMORY);
	small_machine_close(&r->m);
	free(r);
}

static void in_all_modes(void (*test)(enum mmsim_mode mode))
{
	test(MMSIM_NATIVE);
	test(MMSIM_SERIAL);
	test(MMSIM_VIRTUAL);
	test(MMSIM_EXPLORE);
}

static void put(struct rig *r, struct mmsim_page *page)
{
	mm_mmap_put_folio(&r->mmap.release, page, 1);
}

static struct mmsim_file_info info(struct rig *r)
{
	struct mmsim_file_info got;

	mm_mmap_file_info(r->f, &got);
	return got;
}

static void assert_info(struct rig *r, uint64_t cached, uint64_t dirty, uint64_t written)
{
	struct mmsim_file_info got = info(r);

	assert_int_equal(got.nr_pages, PAGES);
	assert_int_equal(got.cached, cached);
	assert_int_equal(got.dirty, dirty);
	assert_int_equal(got.written, written);
	assert_int_equal(r->f->nr_cached, cached);
}

/* L1: who asks twice gets the same page; it is on the list of files' pages, and clean. */
static void brings(enum mmsim_mode mode)
{
	struct rig *r = rig_open(mode);
	struct mmsim_page *page;

	assert_null(mm_mmap_file_find(r->f, 7));
	page = mm_mmap_file_get(r->f, 7);
	assert_non_null(page);
	assert_ptr_equal(page->mapping, r->f);
	assert_int_equal(page->index, 7);
	assert_int_equal(page->mapcount, -1);
	assert_ptr_equal(mm_mmap_file_get(r->f, 7), page);
	assert_ptr_equal(mm_mmap_file_find(r->f, 7), page);
	mm_mmap_lru_add_drain_all(&r->mmap.lru);
	assert_int_equal(page->refcount, 4);
	assert_int_equal(mm_mmap_lru_size(&r->mmap.lru, 0, MM_LRU_INACTIVE_FILE), 1);
	assert_info(r, 1, 0, 0);
	mm_mmap_put_folio(&r->mmap.release, page, 3);
	assert_int_equal(page->refcount, 1);
	assert_int_equal(mm_mmap_file_read(r->f, 5, 4), 0);
	assert_info(r, 4, 0, 0);
	rig_close(r);
}

static void brings_pages(void **state)
{
	(void)state;
	in_all_modes(brings);
}

static void finds_the_next(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);

	(void)state;
	assert_int_equal(mm_mmap_file_next(r->f, 0), PAGES);
	assert_int_equal(mm_mmap_file_read(r->f, 9, 1), 0);
	assert_int_equal(mm_mmap_file_read(r->f, PAGES - 1, 1), 0);
	assert_int_equal(mm_mmap_file_next(r->f, 0), 9);
	assert_int_equal(mm_mmap_file_next(r->f, 9), 9);
	assert_int_equal(mm_mmap_file_next(r->f, 10), PAGES - 1);
	assert_int_equal(mm_mmap_file_next(r->f, PAGES), PAGES);
	rig_close(r);
}

/* What somebody has a reference to stays, what is dirty stays, what is left can be given back. */
static void drops(enum mmsim_mode mode)
{
	struct rig *r = rig_open(mode);
	struct mmsim_page *had, *dirty;

	assert_int_equal(mm_mmap_file_read(r->f, 0, PAGES), 0);
	had = mm_mmap_file_get(r->f, 40);
	dirty = mm_mmap_file_get(r->f, 41);
	mm_file_store(dirty);
	mm_mmap_file_mark_dirty(dirty);
	put(r, dirty);
	assert_info(r, PAGES, 1, 0);
	assert_int_equal(mm_mmap_file_drop(r->f), PAGES - 2);
	assert_info(r, 2, 1, 0);
	assert_int_equal(mm_mmap_file_next(r->f, 0), 40);
	assert_int_equal(mm_mmap_lru_size(&r->mmap.lru, 0, MM_LRU_INACTIVE_FILE), 2);
	put(r, had);
	assert_int_equal(mm_mmap_file_drop(r->f), 1);
	assert_int_equal(mm_mmap_file_sync(r->f), 1);
	assert_info(r, 1, 0, 1);
	assert_int_equal(mm_mmap_file_drop(r->f), 1);
	assert_int_equal(mm_mmap_file_drop(r->f), 0);
	rig_close(r);
}

static void drops_pages(void **state)
{
	(void)state;
	in_all_modes(drops);
}

/* What a file contains outlives its pages. */
static void contents_stay(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);

	(void)state;
	for (uint64_t n = 1; n < 5; n++) {
		struct mmsim_page *page = mm_mmap_file_get(r->f, 3);

		assert_false(mm_page_flag(page, MMSIM_PG_DIRTY));
		mm_file_store(page);
		mm_mmap_file_mark_dirty(page);
		mm_mmap_file_mark_dirty(page);
		put(r, page);
		assert_int_equal(mm_mmap_file_sync(r->f), 1);
		assert_int_equal(mm_mmap_file_sync(r->f), 0);
		assert_info(r, 1, 0, n);
		assert_int_equal(r->f->slot[3].content, n);
		assert_int_equal(r->f->slot[3].stored, n);
		assert_int_equal(mm_mmap_file_drop(r->f), 1);
	}
	rig_close(r);
}

/* A store that nobody told of: a lost dirty bit. */
static void lose_a_store(void *arg)
{
	struct rig *r = arg;
	struct mmsim_page *page = mm_mmap_file_get(r->f, 3);

	mm_file_store(page);
	put(r, page);
	mm_mmap_file_drop(r->f);
}

static void a_lost_store_is_found(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);

	(void)state;
	assert_true(child_dies(lose_a_store, r, "L2: what is dropped was written back"));
	rig_close(r);
}

static void forget_a_mapping(void *arg)
{
	struct rig *r = arg;
	struct mmsim_page *page = mm_mmap_file_get(r->f, 3);

	mm_folio_add_rmap(page, 1);
	put(r, page);
	mm_mmap_file_drop(r->f);
}

static void a_mapping_without_reference_is_found(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);

	(void)state;
	assert_true(child_dies(forget_a_mapping, r, "O1: each entry"));
	rig_close(r);
}

/* Memory runs out: those before the one that failed are there, and a dirty one of them may be destroyed. */
static void runs_out(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mmsim_page **all = calloc(MEMORY, sizeof(*all)), *page;
	uint64_t nr = 0;

	(void)state;
	while ((page = mm_buddy_alloc_pages(&r->m.buddy, 0, MMSIM_GFP_HIGHUSER_MOVABLE, 0)))
		all[nr++] = page;
	assert_int_equal(mm_mmap_file_read(r->f, 0, 10), -ENOMEM);
	assert_info(r, 0, 0, 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(mm_buddy_free_pages(&r->m.buddy, all[--nr], 0), 0);
	assert_int_equal(mm_mmap_file_read(r->f, 0, 10), -ENOMEM);
	assert_info(r, 5, 0, 0);
	assert_null(mm_mmap_file_get(r->f, 5));
	page = mm_mmap_file_get(r->f, 4);
	mm_file_store(page);
	mm_mmap_file_mark_dirty(page);
	put(r, page);
	while (nr)
		assert_int_equal(mm_buddy_free_pages(&r->m.buddy, all[--nr], 0), 0);
	free(all);
	rig_close(r);
}

static void metadata_runs_out(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { { 0 } };
	struct mmsim_file *f = NULL;

	(void)state;
	for (uint32_t k = 1; k <= 2; k++) {
		want[MMSIM_FAULT_METADATA].nth = k;
		mm_base_fault_init(&r->m.env.fault, want);
		assert_int_equal(mm_mmap_file_create(&r->mmap, PAGES, &f), -ENOMEM);
		assert_null(f);
	}
	rig_close(r);
}

/* Areas come and go; while there is one the file stays. */
static void counts_areas(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL);
	struct mm_vma area[2] = { { .file = r->f }, { .file = r->f } };

	(void)state;
	mm_mmap_file_link(&area[0]);
	mm_mmap_file_link(&area[1]);
	assert_int_equal(info(r).areas, 2);
	mm_mmap_file_unlink(&area[0]);
	assert_int_equal(info(r).areas, 1);
	assert_int_equal(mm_mmap_file_destroy(r->f), -EBUSY);
	mm_mmap_file_unlink(&area[1]);
	assert_true(mm_list_empty(&r->f->areas));
	rig_close(r);
}

/* Several bring, write and give back the same few pages. */
static struct {
	struct rig *r;
	struct first_failure bad;
	uint64_t stores; /* atomic */
} racing;

static void use_pages(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct rig *r = racing.r;

	for (unsigned n = 0; n < 30; n++) {
		uint64_t index = (n + me) % 4;
		struct mmsim_page *page = mm_mmap_file_get(r->f, index);

		expect_in_task(&racing.bad, page && page->index == index, (int)n);
		if (!page)
			return;
		mm_file_store(page);
		mm_mmap_file_mark_dirty(page);
		__atomic_add_fetch(&racing.stores, 1, __ATOMIC_RELAXED);
		put(r, page);
		if (n % 3 == me)
			mm_mmap_file_sync(r->f);
		if (n % 4 == me)
			mm_mmap_file_drop(r->f);
	}
}

static void race(enum mmsim_mode mode)
{
	struct mm_task task[CPUS];
	uint64_t contents = 0;

	racing.r = rig_open(mode);
	racing.stores = 0;
	for (unsigned i = 0; i < CPUS; i++)
		assert_int_equal(mm_exec_spawn(racing.r->mmap.exec, &task[i], NULL, use_pages,
					       (void *)(uintptr_t)i),
				 0);
	for (unsigned i = 0; i < CPUS; i++)
		mm_exec_join(racing.r->mmap.exec, &task[i]);
	assert_no_failure(&racing.bad, mode);
	mm_mmap_file_sync(racing.r->f);
	mm_mmap_file_drop(racing.r->f);
	for (unsigned i = 0; i < PAGES; i++) {
		contents += racing.r->f->slot[i].content;
		assert_int_equal(racing.r->f->slot[i].content, racing.r->f->slot[i].stored);
	}
	assert_int_equal(contents, racing.stores);
	assert_info(racing.r, 0, 0, racing.r->f->nr_written);
	rig_close(racing.r);
}

static void users_at_once(void **state)
{
	(void)state;
	in_all_modes(race);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(brings_pages),
		cmocka_unit_test(finds_the_next),
		cmocka_unit_test(drops_pages),
		cmocka_unit_test(contents_stay),
		cmocka_unit_test(a_lost_store_is_found),
		cmocka_unit_test(a_mapping_without_reference_is_found),
		cmocka_unit_test(runs_out),
		cmocka_unit_test(metadata_runs_out),
		cmocka_unit_test(counts_areas),
		cmocka_unit_test(users_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
