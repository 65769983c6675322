/* SPDX-License-Identifier: MIT */
/* lib/tlb/tlb_cache.h: the law, that nothing is freed which a CPU could still use. */
#include "tlb_rig.h"

#include "child_dies.h"
#include "rng.h"

/* T3 */

struct suspect {
	struct rig *r;
	uint64_t pfn, nr;
};

static void free_pages(void *arg)
{
	struct suspect *s = arg;

	mm_tlb_check_page(&s->r->t, s->pfn, s->nr);
}

static void free_table(void *arg)
{
	struct suspect *s = arg;

	mm_tlb_check_table(&s->r->t, s->pfn);
}

static bool page_is_caught(struct rig *r, uint64_t pfn, uint64_t nr)
{
	struct suspect s = { r, pfn, nr };

	return child_dies(free_pages, &s, "T3: no TLB has a page that is freed");
}

static bool table_is_caught(struct rig *r, uint64_t pfn)
{
	struct suspect s = { r, pfn, 1 };

	return child_dies(free_table, &s, "T3: no TLB has a table that is freed");
}

static bool page_may_go(struct rig *r, uint64_t pfn, uint64_t nr)
{
	struct suspect s = { r, pfn, nr };

	return child_lives(free_pages, &s);
}

static bool table_may_go(struct rig *r, uint64_t pfn)
{
	struct suspect s = { r, pfn, 1 };

	return child_lives(free_table, &s);
}

static void a_page_in_use_is_not_freed(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);

	fill(r, 1, 0, 5 * PAGE, PAGE, 100);
	assert_true(page_is_caught(r, 100, 1));
	assert_true(page_is_caught(r, 96, 8));
	assert_true(page_may_go(r, 101, 1));
	assert_true(page_may_go(r, 96, 4));
	assert_true(table_may_go(r, 100));
	flush(r, 0, 0, pages(4, 1));
	assert_true(page_is_caught(r, 100, 1));
	flush(r, 0, 0, pages(5, 1));
	assert_true(page_may_go(r, 100, 1));
	rig_close(r);
}

static void the_report_names_all_three(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);
	struct suspect s = { r, 0x100, 1 };

	fill(r, 3, 0, 5 * PAGE, PAGE, 0x100);
	assert_true(child_dies(
		free_pages, &s,
		"a page at pfn 0x100 is freed, but CPU 3 has pfn 0x100 at address 0x5000"));
	rig_close(r);
}

static void a_part_of_a_huge_page_is_not_freed(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);

	fill(r, 1, 0, 4 * HUGE_PAGE, HUGE_PAGE, 1024);
	assert_true(page_is_caught(r, 1024, 512));
	assert_true(page_is_caught(r, 1024 + 511, 1));
	assert_true(page_is_caught(r, 1000, 100));
	assert_true(page_may_go(r, 512, 512));
	assert_true(page_may_go(r, 1536, 512));
	rig_close(r);
}

static void a_table_in_use_is_not_freed(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);

	fill_table(r, 1, 0, 4 * HUGE_PAGE, HUGE_PAGE, 300);
	assert_true(table_is_caught(r, 300));
	assert_true(table_may_go(r, 301));
	assert_true(page_may_go(r, 300, 1));
	flush(r, 0, 0, with_tables(pages(4 * 512 + 5, 1)));
	assert_true(table_may_go(r, 300));
	rig_close(r);
}

/* Its entry it makes up for, but it may walk from the table at any time. */
static void the_lazy_may_keep_pages_but_no_tables(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);

	fill(r, 1, 0, 5 * PAGE, PAGE, 100);
	fill_table(r, 1, 0, 0, HUGE_PAGE, 300);
	go_lazy(r, 1);
	assert_true(page_is_caught(r, 100, 1));
	flush(r, 0, 0, pages(5, 1));
	assert_true(page_may_go(r, 100, 1));
	assert_true(table_is_caught(r, 300));
	flush(r, 0, 0, with_tables(pages(5, 1)));
	assert_true(table_may_go(r, 300));
	assert_int_equal(lookup(r, 1, 0, 5 * PAGE), 0);
	assert_int_equal(nr_entries(r), 0);
	rig_close(r);
}

/* What is in the id of a context not loaded counts as long as it would be used. */
static void who_is_away_may_keep_what_is_old(void **state)
{
	struct rig *r = rig_open(mode_of(state), RIG_CPUS, true);

	fill(r, 1, 0, 5 * PAGE, PAGE, 100);
	fill_table(r, 1, 0, 0, HUGE_PAGE, 300);
	enter(r, 1, 1);
	assert_true(page_is_caught(r, 100, 1));
	assert_true(table_is_caught(r, 300));
	flush(r, 0, 0, with_tables(pages(5, 1)));
	assert_true(page_may_go(r, 100, 1));
	assert_true(table_may_go(r, 300));
	assert_int_equal(nr_entries(r), 2);
	/* What is a page now may have been a table. */
	fill(r, 1, 1, 9 * PAGE, PAGE, 300);
	assert_true(table_may_go(r, 300));
	assert_true(page_is_caught(r, 300, 1));
	flush(r, 0, 1, all_of_it());
	assert_int_equal(lookup(r, 1, 0, 5 * PAGE), 0);
	assert_int_equal(nr_entries(r), 0);
	rig_close(r);
}

/* All at once: pages come and go in two address spaces while CPUs use them, leave, and are lazy. */

enum { ROUNDS = 400, NR_PAGES = 6, NR_SPACES = 2, PFNS = 1024 };

struct spaces {
	struct rig *r;
	uint64_t pte[NR_SPACES][NR_PAGES]; /* atomic: pfn; 0: none */
	uint64_t next_pfn; /* atomic */
	uint32_t wrong; /* atomic: accesses to a page that is somewhere else */
};

struct walker {
	struct spaces *s;
	unsigned nr;
};

static void use_page(struct spaces *s, unsigned i, uint64_t page)
{
	struct mm_tlb_context *ctx = &s->r->ctx[i];
	struct mm_tlb_cpu *c = mm_tlb_access_begin(&s->r->t, ctx);
	struct mm_tlb_entry e = { .start = page * PAGE, .end = (page + 1) * PAGE };
	const struct mm_tlb_entry *hit = mm_tlb_lookup(c, ctx, e.start);

	e.pfn = __atomic_load_n(&s->pte[i][page], __ATOMIC_ACQUIRE);
	if (hit && e.pfn && hit->pfn != e.pfn)
		__atomic_store_n(&s->wrong, 1, __ATOMIC_RELAXED);
	if (!hit && e.pfn)
		mm_tlb_fill(&s->r->t, c, ctx, &e);
	mm_tlb_access_end(c);
}

/* Unhook, flush, then free; and map another page there. */
static void free_page(struct spaces *s, unsigned i, uint64_t page)
{
	uint64_t pfn = __atomic_exchange_n(&s->pte[i][page], 0, __ATOMIC_ACQ_REL);
	struct mm_tlb_flush what = pages(page, 1);

	if (!pfn)
		return;
	mm_tlb_flush(&s->r->t, &s->r->ctx[i], &what);
	mm_tlb_check_page(&s->r->t, pfn, 1);
	pfn = 1 + __atomic_add_fetch(&s->next_pfn, 1, __ATOMIC_RELAXED) % PFNS;
	__atomic_store_n(&s->pte[i][page], pfn, __ATOMIC_RELEASE);
}

static void walk(void *arg)
{
	struct walker *w = arg;
	struct mm_exec *x = w->s->r->e->x;
	struct mm_rng *rng = &mm_task_current()->rng;

	for (unsigned k = 0; k < ROUNDS; k++) {
		unsigned i = (unsigned)mm_rng_below(rng, NR_SPACES);
		uint64_t page = mm_rng_below(rng, NR_PAGES);

		switch (mm_rng_below(rng, 5)) {
		case 0:
			free_page(w->s, i, page);
			break;
		case 1:
			mm_tlb_enter_lazy(&w->s->r->t);
			break;
		default:
			use_page(w->s, i, page);
		}
		mm_exec_resched(x);
	}
}

static void nothing_stale_is_used(void **state)
{
	struct spaces s = { .r = rig_open(mode_of(state), 2, true) };
	struct walker w[RIG_CPUS];

	for (unsigned i = 0; i < NR_SPACES; i++)
		for (unsigned page = 0; page < NR_PAGES; page++)
			s.pte[i][page] = 1 + s.next_pfn++;
	for (unsigned i = 0; i < RIG_CPUS; i++)
		w[i] = (struct walker){ &s, i };
	env_run(s.r->e, RIG_CPUS, walk, w, sizeof(*w));
	assert_int_equal(s.wrong, 0);
	assert_int_equal(nr_entries(s.r), nr_held(s.r));
	assert_true(info_of(s.r).flushes > 0 && info_of(s.r).late > 0);
	rig_close(s.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(a_page_in_use_is_not_freed),
		in_all_modes(the_report_names_all_three),
		in_all_modes(a_part_of_a_huge_page_is_not_freed),
		in_all_modes(a_table_in_use_is_not_freed),
		in_all_modes(the_lazy_may_keep_pages_but_no_tables),
		in_all_modes(who_is_away_may_keep_what_is_old),
		in_all_modes(nothing_stale_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
