/* SPDX-License-Identifier: MIT */
/* What a TLB holds, and the law that nothing is freed which one could still use. */
#include "tlb_cache.h"

#include "bits.h"
#include <mmsim/page.h>

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

enum { PAGE_SHIFT = MMSIM_PAGE_SHIFT, HUGE_SHIFT = 21, PAGES_SHIFT = HUGE_SHIFT - PAGE_SHIFT };

/* What share a table of places, and are no neighbours in it. */
enum kind { SMALL, HUGE, TABLE };

static unsigned hash(uint64_t what, enum kind kind, unsigned size)
{
	return (unsigned)((what * 4 + kind) * GOLDEN >> 32) % size;
}

static enum kind kind_of(const struct mm_tlb_entry *e)
{
	if (e->table)
		return TABLE;
	return e->end - e->start > MMSIM_PAGE_SIZE ? HUGE : SMALL;
}

static uint64_t pages_of(const struct mm_tlb_entry *e)
{
	return e->table ? 1 : (e->end - e->start) >> PAGE_SHIFT;
}

/* Places: tables of one start, one below the other, share one but for luck. */
static struct mm_tlb_entry *place(const struct mm_tlb_cpu *c, uint64_t context, uint64_t addr,
				  enum kind kind, uint64_t bytes)
{
	unsigned shift = kind == SMALL ? PAGE_SHIFT : HUGE_SHIFT;
	uint64_t what = (addr >> shift) + (context << 32) + (kind == TABLE ? bytes : 0);

	return &c->cache->entry[hash(what, kind, MM_TLB_ENTRIES)];
}

/* E2 */

static uint32_t *held_by_pfn(struct mm_tlb *t, uint64_t pfn, enum kind kind)
{
	return &t->held->count[hash(kind == HUGE ? pfn >> PAGES_SHIFT : pfn, kind, MM_TLB_HELD)];
}

static void hold(struct mm_tlb *t, const struct mm_tlb_entry *e, int n)
{
	__atomic_add_fetch(held_by_pfn(t, e->pfn, kind_of(e)), (uint32_t)n, __ATOMIC_RELAXED);
}

static void empty(struct mm_tlb *t, struct mm_tlb_entry *e)
{
	if (!e->context)
		return;
	hold(t, e, -1);
	e->context = 0;
}

/* Accesses */

struct mm_tlb_cpu *mm_tlb_access_begin(struct mm_tlb *t, struct mm_tlb_context *ctx)
{
	struct mm_tlb_cpu *c = mm_this_cpu(&t->cpus, t->exec);

	mm_spin_lock(&c->lock);
	mm_tlb_enter_locked(t, c, ctx);
	return c;
}

void mm_tlb_access_end(struct mm_tlb_cpu *c)
{
	mm_spin_unlock(&c->lock);
}

static bool translates(const struct mm_tlb_entry *e, uint64_t context, uint64_t addr)
{
	return e->context == context && !e->table && e->start <= addr && addr < e->end;
}

struct mm_tlb_entry *mm_tlb_lookup(struct mm_tlb_cpu *c, const struct mm_tlb_context *ctx,
				   uint64_t addr)
{
	struct mm_tlb_entry *e = place(c, ctx->id, addr, SMALL, 0);

	mm_assert(mm_spin_held(&c->lock));
	if (translates(e, ctx->id, addr))
		return e;
	e = place(c, ctx->id, addr, HUGE, 0);
	return translates(e, ctx->id, addr) ? e : NULL;
}

void mm_tlb_fill(struct mm_tlb *t, struct mm_tlb_cpu *c, const struct mm_tlb_context *ctx,
		 const struct mm_tlb_entry *what)
{
	struct mm_tlb_entry *e =
		place(c, ctx->id, what->start, kind_of(what), what->end - what->start);

	mm_assert(mm_spin_held(&c->lock));
	mm_assert(ctx->id & MM_TLB_KERNEL || mm_tlb_has_loaded(c, ctx));
	mm_assert(kind_of(what) != HUGE ||
		  (what->end - what->start == UINT64_C(1) << HUGE_SHIFT && !(what->pfn % 512)));
	empty(t, e);
	*e = *what;
	e->context = ctx->id;
	hold(t, e, 1);
}

/* Dropping */

static bool is_touched(const struct mm_tlb_entry *e, const struct mm_tlb_flush *what)
{
	uint64_t at = what->start;

	if (e->context & MM_TLB_KERNEL && e->table && !what->freed_tables)
		return false; /* K1: no more than is asked for */
	if (what->end == UINT64_MAX)
		return true;
	if (e->end <= what->start || what->end <= e->start)
		return false;
	if (!e->table && e->start > at)
		at += mm_round_up(e->start - at, UINT64_C(1) << what->stride_shift);
	return at < mm_min(e->end, what->end);
}

void mm_tlb_drop(struct mm_tlb *t, struct mm_tlb_cpu *c, const struct mm_tlb_context *ctx,
		 const struct mm_tlb_flush *what)
{
	mm_assert(mm_spin_held(&c->lock));
	for (unsigned i = 0; i < MM_TLB_ENTRIES; i++) {
		struct mm_tlb_entry *e = &c->cache->entry[i];

		if (e->context == ctx->id && is_touched(e, what))
			empty(t, e);
	}
}

void mm_tlb_forget(struct mm_tlb *t, struct mm_tlb_cpu *c, const struct mm_tlb_context *ctx,
		   uint64_t addr)
{
	const struct mm_tlb_flush one = { addr, addr + 1, PAGE_SHIFT, false };

	mm_tlb_drop(t, c, ctx, &one);
}

/* The law: T3 */

/*
 * Or would it be dropped before the CPU looks at it? Nobody uses the kernel's addresses once they are
 * unmapped: its pages may go before the flush. CPUs walk ahead all the same: its tables may not.
 */
static bool is_usable(struct mm_tlb_cpu *c, const struct mm_tlb_entry *e)
{
	const struct mm_tlb_asid *a;

	if (e->context & MM_TLB_KERNEL)
		return e->table;
	a = mm_tlb_find_asid(c, e->context);
	mm_invariant("E3: entries of a context with an id", a);
	if (c->loaded && c->loaded->id == e->context && (e->table || !c->lazy))
		return true;
	return a->gen == mm_tlb_gen(a->of);
}

static const struct mm_tlb_entry *find_usable(struct mm_tlb_cpu *c, uint64_t pfn, uint64_t nr,
					      bool table)
{
	for (unsigned i = 0; i < MM_TLB_ENTRIES; i++) {
		const struct mm_tlb_entry *e = &c->cache->entry[i];

		if (e->context && e->table == table && e->pfn < pfn + nr &&
		    pfn < e->pfn + pages_of(e) && is_usable(c, e))
			return e;
	}
	return NULL;
}

static void report(struct mm_tlb *t, unsigned cpu, uint64_t pfn, const struct mm_tlb_entry *e)
{
	if (!t->exec->log)
		return;
	mm_base_log(t->exec->log,
		    "%s at pfn %#llx is freed, but CPU %u has pfn %#llx at address %#llx",
		    e->table ? "a table" : "a page", (unsigned long long)pfn, cpu,
		    (unsigned long long)e->pfn, (unsigned long long)e->start);
}

static bool is_in_use(struct mm_tlb *t, uint64_t pfn, uint64_t nr, bool table)
{
	for (unsigned cpu = 0; cpu < t->cpus.nr; cpu++) {
		struct mm_tlb_cpu *c = mm_tlb_cpu(t, cpu);
		bool bare = mm_tlb_reach(t, c);
		const struct mm_tlb_entry *e = find_usable(c, pfn, nr, table);

		if (e)
			report(t, cpu, pfn, e);
		mm_tlb_let_go(c, bare);
		if (e)
			return true;
	}
	return false;
}

static bool may_be_held(struct mm_tlb *t, uint64_t pfn, enum kind kind)
{
	return __atomic_load_n(held_by_pfn(t, pfn, kind), __ATOMIC_RELAXED) != 0;
}

/* Each page by itself, and once for each huge page that it may be part of. */
static bool any_may_be_held(struct mm_tlb *t, uint64_t pfn, uint64_t nr)
{
	for (uint64_t i = pfn; i < pfn + nr; i++)
		if (may_be_held(t, i, SMALL) ||
		    ((i == pfn || !(i & ((1 << PAGES_SHIFT) - 1))) && may_be_held(t, i, HUGE)))
			return true;
	return false;
}

void mm_tlb_check_page_slow(struct mm_tlb *t, uint64_t pfn, uint64_t nr)
{
	mm_invariant("T3: no TLB has a page that is freed",
		     !any_may_be_held(t, pfn, nr) || !is_in_use(t, pfn, nr, false));
}

void mm_tlb_check_table_slow(struct mm_tlb *t, uint64_t pfn)
{
	mm_invariant("T3: no TLB has a table that is freed",
		     !may_be_held(t, pfn, TABLE) || !is_in_use(t, pfn, 1, true));
}
