/* SPDX-License-Identifier: MIT */
/* TLBs of a few CPUs, each of which does what it is told; functions may be unused. */
#ifndef TESTS_UNIT_TLB_RIG_H
#define TESTS_UNIT_TLB_RIG_H

#include "exec_env.h"
#include "tlb_cache.h"

enum { RIG_CPUS = 4, RIG_CONTEXTS = MM_TLB_NR_ASIDS + 2, PAGE = 4096, HUGE_PAGE = 512 * PAGE };

struct rig {
	struct env *e;
	struct mm_tlb t;
	struct mm_tlb_context ctx[RIG_CONTEXTS];
};

static __attribute__((unused)) struct rig *rig_open(enum mmsim_mode mode, unsigned cpus,
						    bool checked)
{
	const struct env_shape shape = { .mode = mode, .nr_cpus = cpus };
	struct rig *r = NULL;

	assert_int_equal(posix_memalign((void **)&r, MM_CACHE_LINE, sizeof(*r)), 0);
	r->e = env_open(&shape);
	assert_int_equal(mm_tlb_init(&r->t, r->e->x, &r->e->locks, checked), 0);
	for (unsigned i = 0; i < RIG_CONTEXTS; i++)
		mm_tlb_context_init(&r->t, &r->ctx[i]);
	return r;
}

static __attribute__((unused)) void rig_close(struct rig *r)
{
	for (unsigned i = 0; i < RIG_CONTEXTS; i++)
		mm_tlb_context_fini(&r->t, &r->ctx[i]);
	mm_tlb_fini(&r->t);
	env_close(r->e);
	free(r);
}

/* What a CPU is told. */
struct order {
	struct rig *r;
	void (*fn)(struct order *o);
	struct mm_tlb_context *ctx;
	const struct mm_tlb_flush *flush;
	const struct mm_tlb_entry *entry;
	uint64_t ns; /* out: how long it took */
	struct mm_tlb_entry found; /* out */
	bool hit; /* out */
};

static __attribute__((unused)) void order_main(void *arg)
{
	struct order *o = arg;
	uint64_t began = mm_exec_now(o->r->e->x);

	o->fn(o);
	o->ns = mm_exec_now(o->r->e->x) - began;
}

static __attribute__((unused)) void order_on(struct order *o, unsigned cpu)
{
	const struct mm_cpumask where = mm_cpumask_of(cpu);
	struct mm_task task = { 0 };

	assert_int_equal(mm_exec_spawn(o->r->e->x, &task, &where, order_main, o), 0);
	mm_exec_join(o->r->e->x, &task);
}

static __attribute__((unused)) void order_enter(struct order *o)
{
	mm_tlb_enter(&o->r->t, o->ctx);
}

static __attribute__((unused)) void order_lazy(struct order *o)
{
	mm_tlb_enter_lazy(&o->r->t);
}

static __attribute__((unused)) void order_flush(struct order *o)
{
	mm_tlb_flush(&o->r->t, o->ctx, o->flush);
}

static __attribute__((unused)) void order_fill(struct order *o)
{
	struct mm_tlb_cpu *c = mm_tlb_access_begin(&o->r->t, o->ctx);

	mm_tlb_fill(&o->r->t, c, o->ctx, o->entry);
	mm_tlb_access_end(c);
}

/* Of entry->start. */
static __attribute__((unused)) void order_lookup(struct order *o)
{
	struct mm_tlb_cpu *c = mm_tlb_access_begin(&o->r->t, o->ctx);
	const struct mm_tlb_entry *e = mm_tlb_lookup(c, o->ctx, o->entry->start);

	o->hit = e != NULL;
	o->found = e ? *e : (struct mm_tlb_entry){ 0 };
	mm_tlb_access_end(c);
}

static __attribute__((unused)) void enter(struct rig *r, unsigned cpu, unsigned i)
{
	order_on(&(struct order){ .r = r, .fn = order_enter, .ctx = &r->ctx[i] }, cpu);
}

static __attribute__((unused)) void go_lazy(struct rig *r, unsigned cpu)
{
	order_on(&(struct order){ .r = r, .fn = order_lazy }, cpu);
}

/* Returns ns. */
static __attribute__((unused)) uint64_t flush(struct rig *r, unsigned cpu, unsigned i,
					      struct mm_tlb_flush what)
{
	struct order o = { .r = r, .fn = order_flush, .ctx = &r->ctx[i], .flush = &what };

	order_on(&o, cpu);
	return o.ns;
}

/* n pages from the first on. */
static __attribute__((unused)) struct mm_tlb_flush pages(uint64_t first, uint64_t n)
{
	return (struct mm_tlb_flush){ first * PAGE, (first + n) * PAGE, 12, false };
}

static __attribute__((unused)) struct mm_tlb_flush all_of_it(void)
{
	return (struct mm_tlb_flush){ 0, UINT64_MAX, 12, false };
}

static __attribute__((unused)) struct mm_tlb_flush with_tables(struct mm_tlb_flush f)
{
	f.freed_tables = true;
	return f;
}

static __attribute__((unused)) void fill(struct rig *r, unsigned cpu, unsigned i, uint64_t start,
					 uint64_t bytes, uint64_t pfn)
{
	const struct mm_tlb_entry entry = { .start = start, .end = start + bytes, .pfn = pfn };
	struct order o = { .r = r, .fn = order_fill, .ctx = &r->ctx[i], .entry = &entry };

	order_on(&o, cpu);
}

static __attribute__((unused)) void fill_table(struct rig *r, unsigned cpu, unsigned i,
					       uint64_t start, uint64_t bytes, uint64_t pfn)
{
	const struct mm_tlb_entry entry = {
		.start = start, .end = start + bytes, .pfn = pfn, .table = true
	};
	struct order o = { .r = r, .fn = order_fill, .ctx = &r->ctx[i], .entry = &entry };

	order_on(&o, cpu);
}

/* The pfn that a CPU's TLB translates addr to; 0: nothing. */
static __attribute__((unused)) uint64_t lookup(struct rig *r, unsigned cpu, unsigned i,
					       uint64_t addr)
{
	const struct mm_tlb_entry at = { .start = addr };
	struct order o = { .r = r, .fn = order_lookup, .ctx = &r->ctx[i], .entry = &at };

	order_on(&o, cpu);
	return o.hit ? o.found.pfn + (addr - o.found.start) / PAGE : 0;
}

static __attribute__((unused)) bool in_mask(const struct rig *r, unsigned cpu, unsigned i)
{
	return r->ctx[i].mask[cpu / 64] >> cpu % 64 & 1;
}

static __attribute__((unused)) struct mmsim_tlb_info info_of(const struct rig *r)
{
	struct mmsim_tlb_info info;

	mm_tlb_info(&r->t, &info);
	return info;
}

/* The generation up to which a CPU was flushed; 0: it has no id. */
static __attribute__((unused)) uint64_t gen_on(const struct rig *r, unsigned cpu, unsigned i)
{
	const struct mm_tlb_asid *a = mm_tlb_find_asid(mm_tlb_cpu(&r->t, cpu), r->ctx[i].id);

	return a ? a->gen : 0;
}

/* E2, summed up: entries, and what is counted of them. */
static __attribute__((unused)) unsigned nr_entries(const struct rig *r)
{
	unsigned nr = 0;

	for (unsigned cpu = 0; cpu < r->t.cpus.nr; cpu++)
		for (unsigned i = 0; i < MM_TLB_ENTRIES; i++)
			nr += mm_tlb_cpu(&r->t, cpu)->cache->entry[i].context != 0;
	return nr;
}

static __attribute__((unused)) unsigned nr_held(const struct rig *r)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < MM_TLB_HELD; i++)
		nr += r->t.held->count[i];
	return nr;
}

#endif
