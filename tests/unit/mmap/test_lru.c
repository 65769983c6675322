/* SPDX-License-Identifier: MIT */
/* LRU lists: which list a folio is on, when it gets there, and who has a reference until then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "child_dies.h"
#include "lru_rig.h"

enum { PAGES = 16384 };

static struct lru_rig r;
static int a_file; /* its address is what `mapping` of a file's page says */

static int setup(void **state)
{
	(void)state;
	lru_rig_open_simple(&r, MMSIM_SERIAL, 2, PAGES);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mm_mmap_lru_add_drain_all(&r.lru);
	lru_rig_assert_all_back(&r);
	lru_rig_close(&r);
	return 0;
}

static struct mmsim_page *add(unsigned order, void *mapping)
{
	struct mmsim_page *folio = lru_rig_take(&r, 0, order);

	folio->mapping = mapping;
	mm_mmap_lru_add(&r.lru, folio);
	return folio;
}

static void put(struct mmsim_page *folio)
{
	mm_mmap_put_folio(&r.release, folio, 1);
}

static void assert_sizes(uint64_t inactive_anon, uint64_t active_anon, uint64_t inactive_file,
			 uint64_t active_file)
{
	assert_int_equal(lru_rig_size(&r, MM_LRU_INACTIVE_ANON), inactive_anon);
	assert_int_equal(lru_rig_size(&r, MM_LRU_ACTIVE_ANON), active_anon);
	assert_int_equal(lru_rig_size(&r, MM_LRU_INACTIVE_FILE), inactive_file);
	assert_int_equal(lru_rig_size(&r, MM_LRU_ACTIVE_FILE), active_file);
	mm_mmap_lru_validate(&r.lru);
}

/* A batch of 31; until it is full its folios are on no list. */
static void batches_fill_up(void **state)
{
	struct mmsim_page *folio[MM_FOLIO_BATCH];

	(void)state;
	for (unsigned i = 0; i < MM_FOLIO_BATCH; i++) {
		assert_sizes(0, 0, 0, 0);
		folio[i] = add(0, NULL);
		if (i < MM_FOLIO_BATCH - 1)
			assert_int_equal(folio[i]->refcount, 2);
	}
	assert_sizes(MM_FOLIO_BATCH, 0, 0, 0);
	for (unsigned i = 0; i < MM_FOLIO_BATCH; i++) {
		assert_int_equal(folio[i]->refcount, 1);
		assert_true(mm_page_flag(folio[i], MMSIM_PG_LRU));
		put(folio[i]);
	}
	assert_sizes(0, 0, 0, 0);
}

/* A huge page does not wait, and takes the batch along; lists count pages. */
static void large_folios_do_not_wait(void **state)
{
	struct mmsim_page *small = add(0, NULL), *large;

	(void)state;
	assert_sizes(0, 0, 0, 0);
	large = add(MM_HPAGE_ORDER, NULL);
	assert_sizes(MM_HPAGE_PAGES + 1, 0, 0, 0);
	put(small);
	assert_sizes(MM_HPAGE_PAGES, 0, 0, 0);
	put(large);
	assert_sizes(0, 0, 0, 0);
	assert_int_equal(r.freed, MM_HPAGE_PAGES + 1);
}

/* A page of a file stays on the file lists when it has left the file. */
static void files_have_lists_of_their_own(void **state)
{
	struct mmsim_page *anon = add(0, NULL), *file = add(0, &a_file);

	(void)state;
	mm_mmap_lru_add_drain(&r.lru);
	assert_sizes(1, 0, 1, 0);
	file->mapping = NULL;
	mm_mmap_lru_validate(&r.lru);
	put(file);
	assert_sizes(1, 0, 0, 0);
	put(anon);
	assert_sizes(0, 0, 0, 0);
}

static void used_twice_is_active(void **state)
{
	struct mmsim_page *anon = add(0, NULL), *file = add(0, &a_file), *large;

	(void)state;
	mm_mmap_lru_add_drain(&r.lru);
	mm_mmap_lru_mark_accessed(&r.lru, file);
	assert_sizes(1, 0, 1, 0);
	assert_true(mm_page_flag(file, MMSIM_PG_REFERENCED));
	mm_mmap_lru_mark_accessed(&r.lru, file);
	assert_sizes(1, 0, 0, 1);
	assert_false(mm_page_flag(file, MMSIM_PG_REFERENCED));
	for (unsigned i = 0; i < 3; i++) {
		mm_mmap_lru_mark_accessed(&r.lru, file);
		assert_true(mm_page_flag(file, MMSIM_PG_REFERENCED));
		assert_sizes(1, 0, 0, 1);
	}
	large = add(MM_HPAGE_ORDER, NULL);
	mm_mmap_lru_mark_accessed(&r.lru, large);
	mm_mmap_lru_mark_accessed(&r.lru, large);
	assert_sizes(1, MM_HPAGE_PAGES, 0, 1);
	put(anon);
	put(file);
	put(large);
	assert_sizes(0, 0, 0, 0);
}

/* What is still in a batch comes to the active list when its turn comes. */
static void used_twice_in_a_batch(void **state)
{
	struct mmsim_page *anon = add(0, NULL);

	(void)state;
	mm_mmap_lru_mark_accessed(&r.lru, anon);
	mm_mmap_lru_mark_accessed(&r.lru, anon);
	assert_sizes(0, 0, 0, 0);
	mm_mmap_lru_add_drain(&r.lru);
	assert_sizes(0, 1, 0, 0);
	put(anon);
}

/* The batch's reference is the last one. */
static void drained_pages_may_go(void **state)
{
	struct mmsim_page *folio = add(0, NULL);

	(void)state;
	put(folio);
	assert_int_equal(folio->refcount, 1);
	assert_int_equal(r.freed, 0);
	mm_mmap_lru_add_drain(&r.lru);
	assert_int_equal(folio->refcount, 0);
	assert_int_equal(r.freed, 1);
	assert_false(mm_page_flag(folio, MMSIM_PG_LRU));
	assert_sizes(0, 0, 0, 0);
}

static void add_one(void *arg)
{
	*(struct mmsim_page **)arg = add(0, NULL);
}

/* Each CPU has its batch; one drains its own, or all. */
static void batches_are_per_cpu(void **state)
{
	const struct mm_cpumask other = mm_cpumask_of(1);
	struct mmsim_page *mine = add(0, NULL), *theirs = NULL;
	struct mm_task task;

	(void)state;
	memset(&task, 0, sizeof(task));
	assert_int_equal(mm_exec_spawn(r.m.env.exec, &task, &other, add_one, &theirs), 0);
	mm_exec_join(r.m.env.exec, &task);
	mm_mmap_lru_add_drain(&r.lru);
	assert_sizes(1, 0, 0, 0);
	mm_mmap_lru_add_drain_all(&r.lru);
	assert_sizes(2, 0, 0, 0);
	put(mine);
	put(theirs);
}

/* The lists are a node's; the lock stays held over folios of one. */
static void nodes_have_lists_of_their_own(void **state)
{
	struct mm_lruvec *held = NULL;
	struct mmsim_page *folio[4];

	(void)state;
	memset(&r, 0, sizeof(r));
	page_env_config(&r.m.env, 2, 2);
	page_env_ram(&r.m.env, 0, BASE, BASE + 4096);
	page_env_ram(&r.m.env, 1, BASE + 32768, BASE + 32768 + 4096);
	lru_rig_open(&r);
	for (unsigned i = 0; i < 4; i++) {
		folio[i] = lru_rig_take(&r, i / 2, 0);
		mm_mmap_lru_add(&r.lru, folio[i]);
	}
	mm_mmap_lru_add_drain(&r.lru);
	for (unsigned node = 0; node < 2; node++) {
		assert_int_equal(mm_mmap_lru_size(&r.lru, node, MM_LRU_INACTIVE_ANON), 2);
		assert_int_equal(r.lru.lruvec[node].lock.lock.acquired, 2); /* and by this */
	}
	for (unsigned i = 0; i < 4; i++) {
		mm_mmap_lru_relock(&r.lru, folio[i], &held);
		assert_ptr_equal(held, &r.lru.lruvec[i / 2]);
		assert_int_equal(held->lock.lock.acquired, 3);
	}
	mm_lru_unlock(&held);
	assert_null(held);
	mm_mmap_lru_validate(&r.lru);
	for (unsigned i = 0; i < 4; i++)
		put(folio[i]);
	teardown(NULL);
}

static void making_fails_as_a_whole(void **state)
{
	struct small_machine *m = &r.m;
	struct mm_lru lru;
	unsigned nth = 0;
	int err;

	(void)state;
	do {
		m->env.fault.point[MMSIM_FAULT_METADATA] =
			(struct mm_fault_point){ .nth = ++nth, .count = 1 };
		err = mm_mmap_lru_init(&lru, &m->buddy, &m->env.locks);
		assert_true(!err || err == -ENOMEM);
	} while (err);
	memset(&m->env.fault.point[MMSIM_FAULT_METADATA], 0, sizeof(struct mm_fault_point));
	assert_int_equal(nth, 3);
	mm_mmap_lru_fini(&lru);
}

static void validate(void *arg)
{
	(void)arg;
	mm_mmap_lru_validate(&r.lru);
}

static void end(void *arg)
{
	(void)arg;
	mm_mmap_lru_fini(&r.lru);
}

static void release(void *folio)
{
	put(folio);
}

static void broken_lists_stop_it(void **state)
{
	struct mmsim_page *folio = add(0, NULL);

	(void)state;
	assert_true(child_dies(end, NULL, "Y2"));
	mm_page_set_flag(folio, MMSIM_PG_LRU);
	assert_true(child_dies(validate, NULL, "Y2"));
	mm_page_clear_flag(folio, MMSIM_PG_LRU);
	mm_mmap_lru_add_drain(&r.lru);
	assert_true(child_lives(validate, NULL));
	mm_page_set_flag(folio, MMSIM_PG_ACTIVE);
	assert_true(child_dies(validate, NULL, "Y1"));
	assert_true(child_dies(release, folio, "Y1"));
	mm_page_clear_flag(folio, MMSIM_PG_ACTIVE);
	mm_page_clear_flag(folio, MMSIM_PG_LRU);
	assert_true(child_dies(validate, NULL, "Y1"));
	mm_page_set_flag(folio, MMSIM_PG_LRU);
	r.lru.lruvec->nr[MM_LRU_INACTIVE_ANON]++;
	assert_true(child_dies(validate, NULL, "Y1"));
	r.lru.lruvec->nr[MM_LRU_INACTIVE_ANON]--;
	put(folio);
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(batches_fill_up),
		with_zone(large_folios_do_not_wait),
		with_zone(files_have_lists_of_their_own),
		with_zone(used_twice_is_active),
		with_zone(used_twice_in_a_batch),
		with_zone(drained_pages_may_go),
		with_zone(batches_are_per_cpu),
		cmocka_unit_test(nodes_have_lists_of_their_own),
		with_zone(making_fails_as_a_whole),
		with_zone(broken_lists_stop_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
