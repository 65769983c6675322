/* SPDX-License-Identifier: MIT */
/* References given up in batches: what goes, what stays, in what state, and for how many locks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "child_dies.h"
#include "lru_rig.h"
#include "tlb_cache.h"

enum { PAGES = 32768, MOST = 1024 };

static struct lru_rig r;
static mm_encoded entry[MOST];
static unsigned nr_entries;

static void open_mode(enum mmsim_mode mode)
{
	lru_rig_open_simple(&r, mode, 2, PAGES);
	nr_entries = 0;
}

static int setup(void **state)
{
	(void)state;
	open_mode(MMSIM_SERIAL);
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

static void name(struct mmsim_page *page)
{
	entry[nr_entries++] = (mm_encoded)page;
}

static void name_several(struct mmsim_page *page, unsigned nr)
{
	entry[nr_entries++] = (mm_encoded)page | MM_ENCODED_NR_NEXT;
	entry[nr_entries++] = (mm_encoded)nr << MM_ENCODED_NR_SHIFT;
}

static void release_all(bool runs)
{
	mm_mmap_release_pages(&r.release, entry, nr_entries, runs);
	nr_entries = 0;
}

static struct mmsim_page *take_listed(unsigned order)
{
	struct mmsim_page *folio = lru_rig_take(&r, 0, order);

	mm_mmap_lru_add(&r.lru, folio);
	return folio;
}

/* nr single pages that are on the lists, named. */
static void name_listed(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		name(take_listed(0));
	mm_mmap_lru_add_drain_all(&r.lru);
	assert_int_equal(lru_rig_size(&r, MM_LRU_INACTIVE_ANON), nr);
}

static void the_last_reference_frees(void **state)
{
	struct mmsim_page *page = lru_rig_take(&r, 0, 0);

	(void)state;
	mm_folio_get(page, 2);
	for (int left = 2; left >= 0; left--) {
		name(page);
		entry[0] |= left == 1 ? MM_ENCODED_DELAY_RMAP : 0;
		release_all(left & 1);
		assert_int_equal(page->refcount, left);
		assert_int_equal(r.freed, left ? 0 : 1);
	}
	page = lru_rig_take(&r, 0, 0);
	mm_folio_get(page, 9);
	mm_mmap_put_folio(&r.release, page, 4);
	assert_int_equal(page->refcount, 6);
	mm_mmap_put_folio(&r.release, page, 6);
	assert_int_equal(r.freed, 2);
}

/* One entry and a number, or entry by entry, whole or by its tails: it counts for 512 pages once. */
static void huge_pages_have_many_references(void **state)
{
	struct mmsim_page *folio = lru_rig_take(&r, 0, MM_HPAGE_ORDER);

	(void)state;
	mm_folio_get(folio, (int)MM_HPAGE_PAGES - 1);
	for (unsigned i = 1; i < MM_HPAGE_PAGES; i++)
		folio[i].mapping = (char *)folio + 1;
	mm_page_set_flag(folio, MMSIM_PG_HEAD);
	name_several(folio, 100);
	for (unsigned i = 100; i < 400; i++)
		name(folio + i);
	release_all(false);
	assert_int_equal(folio->refcount, 112);
	assert_int_equal(r.freed, 0);
	name_several(folio + 400, 112);
	release_all(true);
	assert_int_equal(r.freed, MM_HPAGE_PAGES);
	assert_false(mm_page_flag(folio, MMSIM_PG_HEAD));
	for (unsigned i = 0; i < MM_HPAGE_PAGES; i++)
		assert_null(folio[i].mapping);
}

static void nothing_of_ours_stays(void **state)
{
	const unsigned all[] = { MMSIM_PG_REFERENCED, MMSIM_PG_DIRTY,  MMSIM_PG_LRU,
				 MMSIM_PG_HEAD,       MMSIM_PG_ACTIVE, MM_PG_SWAPBACKED };
	struct mmsim_page *page;

	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		page = take_listed(0);
		page->mapping = way ? &r : NULL;
		mm_mmap_lru_mark_accessed(&r.lru, page);
		mm_mmap_lru_mark_accessed(&r.lru, page);
		mm_mmap_lru_mark_accessed(&r.lru, page);
		mm_page_set_flag(page, MMSIM_PG_DIRTY);
		mm_mmap_lru_add_drain(&r.lru);
		name(page);
		release_all(way);
		for (unsigned i = 0; i < mm_array_size(all); i++)
			assert_false(mm_page_flag(page, all[i]));
		assert_null(page->mapping);
		assert_int_equal(lru_rig_size(&r, MM_LRU_ACTIVE_ANON), 0);
		assert_int_equal(lru_rig_size(&r, MM_LRU_ACTIVE_FILE), 0);
	}
}

/* A page on its way to the lists goes when it gets there. */
static void batches_keep_their_reference(void **state)
{
	struct mmsim_page *page = take_listed(0);

	(void)state;
	name(page);
	release_all(true);
	assert_int_equal(page->refcount, 1);
	assert_int_equal(r.freed, 0);
	mm_mmap_lru_add_drain_all(&r.lru);
	assert_int_equal(page->refcount, 0);
	assert_int_equal(r.freed, 1);
}

/* The lists' lock for each 31, or for a gather's batch; the latter past the per-CPU lists. */
static void locks_per_page(void **state)
{
	struct mm_zone *zone = small_machine_normal(&r.m);
	const struct mm_lock *lru = &r.lru.lruvec->lock.lock;
	uint64_t before, zones;

	(void)state;
	for (unsigned runs = 0; runs < 2; runs++) {
		name_listed(310);
		mm_buddy_drain_all(&r.m.buddy);
		before = lru->acquired;
		zones = zone->lock.lock.acquired;
		release_all(runs);
		assert_int_equal(lru->acquired - before, runs ? 1 : 10);
		if (runs)
			assert_int_equal(zone->lock.lock.acquired - zones, 1);
		assert_int_equal(mm_buddy_pcp_count(zone), runs ? 0 : 310);
	}
	assert_int_equal(r.freed, 620);
}

/* What has others' references is not touched, and needs no lock. */
static void shared_pages_need_no_lock(void **state)
{
	const struct mm_lock *lru = &r.lru.lruvec->lock.lock;
	uint64_t before;

	(void)state;
	name_listed(100);
	for (unsigned i = 0; i < 100; i++)
		mm_folio_get(mm_encoded_page(entry[i]), 1);
	before = lru->acquired;
	mm_mmap_release_pages(&r.release, entry, nr_entries, false);
	assert_int_equal(lru->acquired, before);
	assert_int_equal(lru_rig_size(&r, MM_LRU_INACTIVE_ANON), 100);
	release_all(false);
	assert_int_equal(r.freed, 100);
}

struct model {
	struct mm_rng rng;
	struct mmsim_page *folio[200];
	int refs[200];
	unsigned nr;
	uint64_t gone; /* pages whose last reference was named */
};

static void take_all(struct model *m)
{
	for (m->nr = 0; m->nr < 200; m->nr++) {
		unsigned order = m->nr % 50 ? 0 : MM_HPAGE_ORDER;

		m->folio[m->nr] = m->nr & 1 ? take_listed(order) : lru_rig_take(&r, 0, order);
		m->refs[m->nr] = 1 + (int)mm_rng_below(&m->rng, 5);
		mm_folio_get(m->folio[m->nr], m->refs[m->nr] - 1);
	}
	mm_mmap_lru_add_drain_all(&r.lru);
}

static void name_some(struct model *m)
{
	unsigned i = (unsigned)mm_rng_below(&m->rng, m->nr);
	unsigned nr = 1 + (unsigned)mm_rng_below(&m->rng, (uint64_t)m->refs[i]);

	if (nr == 1)
		name(m->folio[i]);
	else
		name_several(m->folio[i], nr);
	m->refs[i] -= (int)nr;
	if (m->refs[i])
		return;
	m->gone += UINT64_C(1) << m->folio[i]->order;
	m->folio[i] = m->folio[--m->nr];
	m->refs[i] = m->refs[m->nr];
}

/* Random folios and references, given up in random portions. */
static void a_model_agrees(enum mmsim_mode mode, unsigned seed)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	m.rng = mm_rng_split(seed, 3);
	open_mode(mode);
	for (unsigned round = 0; round < 4; round++) {
		take_all(&m);
		while (m.nr) {
			for (uint64_t some = mm_rng_below(&m.rng, 200); some && m.nr; some--)
				name_some(&m);
			release_all(round & 1);
			assert_int_equal(r.freed, m.gone);
		}
		mm_mmap_lru_validate(&r.lru);
		mm_buddy_validate(&r.m.buddy);
	}
	teardown(NULL);
}

static void models_agree(void **state)
{
	(void)state;
	for (unsigned mode = 0; mode <= MMSIM_EXPLORE; mode++)
		a_model_agrees((enum mmsim_mode)mode, mode);
}

struct releaser {
	struct mm_task task;
	unsigned from;
	bool runs;
};

static void release_share(void *arg)
{
	const struct releaser *me = arg;

	for (unsigned i = 0; i < nr_entries; i += 100)
		mm_mmap_release_pages(&r.release, entry + (me->from + i) % nr_entries, 100,
				      me->runs);
}

/* Several have a reference to each page; whoever is last frees it, once. */
static void of_several_one_is_last(void **state)
{
	enum { TASKS = 3 };
	static struct releaser releaser[TASKS];

	(void)state;
	for (unsigned mode = 0; mode <= MMSIM_EXPLORE; mode++) {
		open_mode((enum mmsim_mode)mode);
		name_listed(600);
		for (unsigned i = 0; i < nr_entries; i++)
			mm_folio_get(mm_encoded_page(entry[i]), TASKS - 1);
		memset(releaser, 0, sizeof(releaser));
		for (unsigned i = 0; i < TASKS; i++) {
			releaser[i].from = i * 200;
			releaser[i].runs = i & 1;
			assert_int_equal(mm_exec_spawn(r.m.env.exec, &releaser[i].task, NULL,
						       release_share, &releaser[i]),
					 0);
		}
		for (unsigned i = 0; i < TASKS; i++)
			mm_exec_join(r.m.env.exec, &releaser[i].task);
		assert_int_equal(r.freed, 600);
		teardown(NULL);
	}
}

static void release_now(void *arg)
{
	release_all(*(bool *)arg);
}

static void broken_counts_stop_it(void **state)
{
	struct mmsim_page *page = lru_rig_take(&r, 0, 0);
	bool runs = false;

	(void)state;
	name(page);
	page->mapcount = 0;
	assert_true(child_dies(release_now, &runs, "J1"));
	page->mapcount = -1;
	name_several(page, 2);
	assert_true(child_dies(release_now, &runs, "O1"));
	nr_entries = 1;
	runs = true;
	assert_true(child_lives(release_now, &runs));
	release_all(false);
}

/* A page that some TLB still has must not get as far as the allocator. */
static void tlbs_are_asked(void **state)
{
	struct mm_tlb_context ctx;
	struct mm_tlb tlb;
	struct mm_tlb_entry e = { .start = 4096, .end = 8192 };
	struct mmsim_page *page = lru_rig_take(&r, 0, 0);
	struct mm_tlb_cpu *cpu;
	bool runs = false;

	(void)state;
	assert_int_equal(mm_tlb_init(&tlb, r.m.env.exec, &r.m.env.locks, true), 0);
	r.release.tlb = &tlb;
	mm_tlb_context_init(&tlb, &ctx);
	e.pfn = small_machine_pfn(&r.m, page);
	cpu = mm_tlb_access_begin(&tlb, &ctx);
	mm_tlb_fill(&tlb, cpu, &ctx, &e);
	mm_tlb_access_end(cpu);
	name(page);
	assert_true(child_dies(release_now, &runs, "T3"));
	runs = true;
	assert_true(child_dies(release_now, &runs, "T3"));
	mm_tlb_flush(&tlb, &ctx,
		     &(struct mm_tlb_flush){ .start = 4096, .end = 8192, .stride_shift = 12 });
	release_all(false);
	mm_tlb_context_fini(&tlb, &ctx);
	mm_tlb_fini(&tlb);
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(the_last_reference_frees), with_zone(huge_pages_have_many_references),
		with_zone(nothing_of_ours_stays),    with_zone(batches_keep_their_reference),
		with_zone(locks_per_page),           with_zone(shared_pages_need_no_lock),
		cmocka_unit_test(models_agree),      cmocka_unit_test(of_several_one_is_last),
		with_zone(broken_counts_stop_it),    with_zone(tlbs_are_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
