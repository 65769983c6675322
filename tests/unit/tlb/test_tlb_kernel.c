/* SPDX-License-Identifier: MIT */
/* lib/tlb/tlb_kernel.h: addresses that every CPU has always, flushed everywhere. */
#include "tlb_rig.h"

#include "child_dies.h"
#include "tlb_kernel.h"

#define HERE UINT64_C(0xffffc90000000000)

enum { IPI_FIRST = 800, IPI_NEXT = 70, LOCAL = 100 };

struct krig {
	struct rig *r;
	struct mm_tlb_kernel k, other;
};

static struct krig *krig_open(enum mmsim_mode mode, unsigned cpus, bool checked)
{
	struct krig *kr = NULL;

	assert_int_equal(posix_memalign((void **)&kr, MM_CACHE_LINE, sizeof(*kr)), 0);
	kr->r = rig_open(mode, cpus, checked);
	mm_tlb_kernel_init(&kr->r->t, &kr->k);
	mm_tlb_kernel_init(&kr->r->t, &kr->other);
	return kr;
}

static void krig_close(struct krig *kr)
{
	mm_tlb_kernel_fini(&kr->k);
	mm_tlb_kernel_fini(&kr->other);
	rig_close(kr->r);
	free(kr);
}

/* What a CPU is told. */
struct korder {
	struct order o;
	struct mm_tlb_kernel *k;
	uint64_t first, nr; /* pages from HERE on */
	bool tables;
	uint64_t found; /* out: pfn, 0: nothing */
};

static void do_fill(struct order *o)
{
	struct korder *ko = (struct korder *)o;
	struct mm_tlb_cpu *c = mm_tlb_kernel_begin(ko->k);

	mm_tlb_kernel_fill(ko->k, c, o->entry);
	mm_tlb_access_end(c);
}

static void do_lookup(struct order *o)
{
	struct korder *ko = (struct korder *)o;
	uint64_t addr = HERE + ko->first * PAGE;
	struct mm_tlb_cpu *c = mm_tlb_kernel_begin(ko->k);
	const struct mm_tlb_entry *e = mm_tlb_kernel_lookup(ko->k, c, addr);

	ko->found = e ? e->pfn + (addr - e->start) / PAGE : 0;
	mm_tlb_access_end(c);
}

static void do_flush(struct order *o)
{
	struct korder *ko = (struct korder *)o;
	uint64_t start = HERE + ko->first * PAGE;

	mm_tlb_flush_kernel(ko->k, start, start + ko->nr * PAGE, ko->tables);
}

static void kfill(struct krig *kr, unsigned cpu, uint64_t first, uint64_t nr, uint64_t pfn)
{
	const struct mm_tlb_entry e = { .start = HERE + first * PAGE,
					.end = HERE + (first + nr) * PAGE,
					.pfn = pfn };
	struct korder ko = { .o = { .r = kr->r, .fn = do_fill, .entry = &e }, .k = &kr->k };

	order_on(&ko.o, cpu);
}

static void kfill_table(struct krig *kr, unsigned cpu, uint64_t first, uint64_t nr, uint64_t pfn)
{
	const struct mm_tlb_entry e = { .start = HERE + first * PAGE,
					.end = HERE + (first + nr) * PAGE,
					.pfn = pfn,
					.table = true };
	struct korder ko = { .o = { .r = kr->r, .fn = do_fill, .entry = &e }, .k = &kr->k };

	order_on(&ko.o, cpu);
}

static uint64_t klookup_in(struct krig *kr, struct mm_tlb_kernel *k, unsigned cpu, uint64_t page)
{
	struct korder ko = { .o = { .r = kr->r, .fn = do_lookup }, .k = k, .first = page };

	order_on(&ko.o, cpu);
	return ko.found;
}

static uint64_t klookup(struct krig *kr, unsigned cpu, uint64_t page)
{
	return klookup_in(kr, &kr->k, cpu, page);
}

/* Returns ns. */
static uint64_t kflush(struct krig *kr, unsigned cpu, uint64_t first, uint64_t nr, bool tables)
{
	struct korder ko = { .o = { .r = kr->r, .fn = do_flush },
			     .k = &kr->k,
			     .first = first,
			     .nr = nr,
			     .tables = tables };

	order_on(&ko.o, cpu);
	return ko.o.ns;
}

/* K1 */

static void an_entry_needs_no_context(void **state)
{
	struct krig *kr = krig_open(mode_of(state), RIG_CPUS, true);

	kfill(kr, 1, 5, 1, 100);
	kfill(kr, 1, 1024, 512, 1024);
	assert_int_equal(klookup(kr, 1, 5), 100);
	assert_int_equal(klookup(kr, 1, 1024 + 77), 1024 + 77);
	assert_int_equal(klookup(kr, 1, 6), 0);
	/* Neither another CPU's nor another kernel's, nor of who has the same number. */
	assert_int_equal(klookup(kr, 0, 5), 0);
	assert_int_equal(klookup_in(kr, &kr->other, 1, 5), 0);
	assert_int_equal(lookup(kr->r, 1, 0, HERE + 5 * PAGE), 0);
	/* Contexts come and go, ids are used again: it stays. */
	for (unsigned i = 0; i < RIG_CONTEXTS; i++)
		enter(kr->r, 1, i);
	assert_int_equal(klookup(kr, 1, 5), 100);
	krig_close(kr);
}

static void a_flush_reaches_every_cpu(void **state)
{
	struct krig *kr = krig_open(mode_of(state), RIG_CPUS, true);

	go_lazy(kr->r, 3);
	for (unsigned cpu = 0; cpu < RIG_CPUS; cpu++)
		for (uint64_t i = 4; i < 9; i++)
			kfill(kr, cpu, i, 1, 100 + i);
	kflush(kr, 2, 5, 2, false);
	for (unsigned cpu = 0; cpu < RIG_CPUS; cpu++)
		for (uint64_t i = 4; i < 9; i++)
			assert_int_equal(klookup(kr, cpu, i), i == 5 || i == 6 ? 0 : 100 + i);
	krig_close(kr);
}

/* Above the ceiling, too, no more is dropped than is asked for. */
static void a_full_flush_drops_its_range(void **state)
{
	struct krig *kr = krig_open(mode_of(state), RIG_CPUS, true);

	kfill(kr, 1, 5, 1, 100);
	kfill(kr, 1, 200, 1, 200);
	kfill(kr, 1, 1024, 512, 1024);
	kflush(kr, 0, 0, 100, true);
	assert_int_equal(klookup(kr, 1, 5), 0);
	assert_int_equal(klookup(kr, 1, 200), 200);
	/* One page of a huge entry is enough. */
	kflush(kr, 0, 1024 + 511, 1, false);
	assert_int_equal(klookup(kr, 1, 1024), 0);
	krig_close(kr);
}

static void nothing_is_left_of_a_kernel(void **state)
{
	struct krig *kr = krig_open(mode_of(state), RIG_CPUS, true);
	unsigned user;

	fill(kr->r, 1, 0, 7 * PAGE, PAGE, 700);
	user = nr_entries(kr->r);
	kfill(kr, 1, 5, 1, 100);
	kfill(kr, 3, 5, 1, 100);
	kfill_table(kr, 3, 0, 512, 300);
	assert_int_equal(nr_entries(kr->r), user + 3);
	mm_tlb_kernel_fini(&kr->k);
	assert_int_equal(nr_entries(kr->r), user);
	assert_int_equal(nr_held(kr->r), user);
	krig_close(kr);
}

static void flushes_are_counted(void **state)
{
	struct krig *kr = krig_open(mode_of(state), RIG_CPUS, false);
	struct mmsim_tlb_info info;

	kflush(kr, 2, 5, MM_TLB_CEILING, false);
	kflush(kr, 1, 5, MM_TLB_CEILING + 1, false);
	info = info_of(kr->r);
	assert_int_equal(info.flushes, 2);
	assert_int_equal(info.full, 1);
	assert_int_equal(info.ipis, 2 * (RIG_CPUS - 1));
	assert_int_equal(info.lazy_skipped, 0);
	assert_int_equal(kr->k.nr_flushes, 2);
	assert_int_equal(kr->k.nr_full, 1);
	assert_int_equal(kr->other.nr_flushes, 0);
	krig_close(kr);
}

/* What each costs */

static uint64_t cost_of(unsigned cpus, uint64_t pages_nr, bool checked)
{
	struct krig *kr = krig_open(MMSIM_VIRTUAL, cpus, checked);
	uint64_t ns = kflush(kr, 0, 5, pages_nr, false);

	krig_close(kr);
	return ns;
}

static void all_other_cpus_are_waited_for(void **state)
{
	uint64_t alone = cost_of(1, 1, false);

	(void)state;
	assert_true(alone >= LOCAL && alone < 2 * LOCAL);
	for (unsigned cpus = 2; cpus <= 64; cpus *= 2)
		for (int checked = 0; checked < 2; checked++)
			assert_int_equal(cost_of(cpus, 1, checked) - alone,
					 IPI_FIRST + (cpus - 2) * IPI_NEXT);
}

static void page_by_page_or_all(void **state)
{
	uint64_t one = cost_of(4, 1, false);

	(void)state;
	assert_int_equal(cost_of(4, MM_TLB_CEILING, false) - one, (MM_TLB_CEILING - 1) * LOCAL);
	assert_int_equal(cost_of(4, MM_TLB_CEILING + 1, false), one);
}

/* The law */

struct suspect {
	struct krig *kr;
	uint64_t pfn;
};

static void free_page(void *arg)
{
	const struct suspect *s = arg;

	mm_tlb_check_page(&s->kr->r->t, s->pfn, 1);
}

static void free_table(void *arg)
{
	const struct suspect *s = arg;

	mm_tlb_check_table(&s->kr->r->t, s->pfn);
}

static bool table_is_caught(struct krig *kr, uint64_t pfn)
{
	struct suspect s = { kr, pfn };

	return child_dies(free_table, &s, "T3: no TLB has a table that is freed");
}

/* As vfree() does it. */
static void a_page_may_go_before_the_flush(void **state)
{
	struct krig *kr = krig_open(mode_of(state), RIG_CPUS, true);
	struct suspect s = { kr, 100 };

	kfill(kr, 1, 5, 1, 100);
	assert_true(child_lives(free_page, &s));
	/* But not if an address space has it, too. */
	fill(kr->r, 1, 0, 7 * PAGE, PAGE, 100);
	assert_true(child_dies(free_page, &s, "T3: no TLB has a page that is freed"));
	krig_close(kr);
}

static void a_table_may_not(void **state)
{
	struct krig *kr = krig_open(mode_of(state), RIG_CPUS, true);
	struct suspect s = { kr, 300 };

	kfill_table(kr, 1, 0, 512, 300);
	assert_true(table_is_caught(kr, 300));
	kflush(kr, 0, 512, 1, true);
	assert_true(table_is_caught(kr, 300));
	/* A flush that is not for tables leaves them. */
	kflush(kr, 0, 0, 512, false);
	assert_true(table_is_caught(kr, 300));
	kflush(kr, 0, 511, 1, true);
	assert_true(child_lives(free_table, &s));
	krig_close(kr);
}

/* Pages from HERE on. */
struct mapper {
	struct krig *kr;
	uint64_t first, nr;
};

static void map_anew(void *arg)
{
	const struct mapper *m = arg;

	mm_tlb_check_kernel(&m->kr->k, HERE + m->first * PAGE, HERE + (m->first + m->nr) * PAGE);
}

static bool is_refused(struct krig *kr, uint64_t first, uint64_t nr)
{
	struct mapper m = { kr, first, nr };

	return child_dies(map_anew, &m, "V2: addresses are given out anew after a flush");
}

static bool is_allowed(struct krig *kr, uint64_t first, uint64_t nr)
{
	struct mapper m = { kr, first, nr };

	return child_lives(map_anew, &m);
}

/* K2 */
static void what_a_tlb_has_is_not_mapped_anew(void **state)
{
	struct krig *kr = krig_open(mode_of(state), RIG_CPUS, true);
	struct mapper m = { kr, 5, 1 };

	kfill(kr, 3, 5, 1, 100);
	kfill_table(kr, 2, 0, 512, 300);
	assert_true(is_refused(kr, 5, 1));
	assert_true(is_refused(kr, 0, 6));
	assert_true(is_allowed(kr, 6, 512));
	assert_true(is_allowed(kr, 0, 5));
	assert_true(child_dies(
		map_anew, &m,
		"address 0xffffc90000005000 is mapped anew, but CPU 3 still has pfn 0x64"));
	/* Another kernel has other addresses of the same number. */
	mm_tlb_check_kernel(&kr->other, HERE, HERE + 512 * PAGE);
	kflush(kr, 0, 5, 1, false);
	assert_true(is_allowed(kr, 0, 512));
	krig_close(kr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(an_entry_needs_no_context),
		in_all_modes(a_flush_reaches_every_cpu),
		in_all_modes(a_full_flush_drops_its_range),
		in_all_modes(nothing_is_left_of_a_kernel),
		in_all_modes(flushes_are_counted),
		cmocka_unit_test(all_other_cpus_are_waited_for),
		cmocka_unit_test(page_by_page_or_all),
		in_mode(a_page_may_go_before_the_flush, MMSIM_SERIAL, "serial"),
		in_mode(a_table_may_not, MMSIM_SERIAL, "serial"),
		in_mode(what_a_tlb_has_is_not_mapped_anew, MMSIM_SERIAL, "serial"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
