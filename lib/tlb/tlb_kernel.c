/* SPDX-License-Identifier: MIT */
/* Translations of the kernel's addresses. */
#include "tlb_kernel.h"

#include <mmsim/page.h>

void mm_tlb_kernel_init(struct mm_tlb *t, struct mm_tlb_kernel *k)
{
	*k = (struct mm_tlb_kernel){ .tlb = t };
	mm_tlb_context_init(t, &k->ctx);
	k->ctx.id |= MM_TLB_KERNEL;
}

/* As an interrupt of that CPU would. */
static void drop_on(struct mm_tlb_kernel *k, unsigned cpu, const struct mm_tlb_flush *what)
{
	struct mm_tlb_cpu *c = mm_tlb_cpu(k->tlb, cpu);
	bool bare = mm_tlb_reach(k->tlb, c);

	mm_tlb_drop(k->tlb, c, &k->ctx, what);
	mm_tlb_let_go(c, bare);
}

/* Nobody has anything if it is not checked. */
static void drop_on_all(struct mm_tlb_kernel *k, const struct mm_tlb_flush *what)
{
	if (!k->tlb->checked)
		return;
	for (unsigned cpu = 0; cpu < k->tlb->cpus.nr; cpu++)
		drop_on(k, cpu, what);
}

void mm_tlb_kernel_fini(struct mm_tlb_kernel *k)
{
	const struct mm_tlb_flush everything = { .end = UINT64_MAX, .freed_tables = true };

	drop_on_all(k, &everything);
}

static void count(struct mm_tlb_kernel *k, uint64_t ipis, bool full)
{
	struct mm_tlb_cpu *c = mm_this_cpu(&k->tlb->cpus, k->tlb->exec);
	bool bare = mm_tlb_reach(k->tlb, c);

	mm_stat_add(&c->info.flushes, 1);
	mm_stat_add(&c->info.full, full);
	mm_stat_add(&c->info.ipis, ipis);
	mm_tlb_let_go(c, bare);
	__atomic_add_fetch(&k->nr_flushes, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&k->nr_full, full, __ATOMIC_RELAXED);
}

void mm_tlb_flush_kernel(struct mm_tlb_kernel *k, uint64_t start, uint64_t end, bool freed_tables)
{
	const struct mm_tlb_flush what = { start, end, MMSIM_PAGE_SHIFT, freed_tables };
	struct mm_tlb *t = k->tlb;
	uint64_t others = t->cpus.nr - 1, strides = mm_tlb_strides(&what);

	mm_assert(start < end);
	mm_exec_point(t->exec, MM_POINT_ATOMIC, &k->ctx);
	drop_on_all(k, &what);
	mm_exec_charge(t->exec, MM_CHARGE_IPI, NULL, others);
	count(k, others, !strides);
	mm_exec_charge(t->exec, MM_CHARGE_TLB_FLUSH, NULL, strides ? strides : 1);
}

/* Accesses */

struct mm_tlb_cpu *mm_tlb_kernel_begin(struct mm_tlb_kernel *k)
{
	struct mm_tlb_cpu *c = mm_this_cpu(&k->tlb->cpus, k->tlb->exec);

	mm_spin_lock(&c->lock);
	return c;
}

struct mm_tlb_entry *mm_tlb_kernel_lookup(struct mm_tlb_kernel *k, struct mm_tlb_cpu *c,
					  uint64_t addr)
{
	return mm_tlb_lookup(c, &k->ctx, addr);
}

void mm_tlb_kernel_fill(struct mm_tlb_kernel *k, struct mm_tlb_cpu *c,
			const struct mm_tlb_entry *what)
{
	mm_tlb_fill(k->tlb, c, &k->ctx, what);
}

/* The law: K2 */

static const struct mm_tlb_entry *
find_page(const struct mm_tlb_kernel *k, const struct mm_tlb_cpu *c, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < MM_TLB_ENTRIES; i++) {
		const struct mm_tlb_entry *e = &c->cache->entry[i];

		if (e->context == k->ctx.id && !e->table && e->start < end && start < e->end)
			return e;
	}
	return NULL;
}

static void report(const struct mm_tlb_kernel *k, unsigned cpu, const struct mm_tlb_entry *e)
{
	if (k->tlb->exec->log)
		mm_base_log(k->tlb->exec->log,
			    "address %#llx is mapped anew, but CPU %u still has pfn %#llx there",
			    (unsigned long long)e->start, cpu, (unsigned long long)e->pfn);
}

static bool cpu_has(struct mm_tlb_kernel *k, unsigned cpu, uint64_t start, uint64_t end)
{
	struct mm_tlb_cpu *c = mm_tlb_cpu(k->tlb, cpu);
	bool bare = mm_tlb_reach(k->tlb, c);
	const struct mm_tlb_entry *e = find_page(k, c, start, end);
	bool found = e != NULL;

	if (found)
		report(k, cpu, e);
	mm_tlb_let_go(c, bare);
	return found;
}

void mm_tlb_check_kernel_slow(struct mm_tlb_kernel *k, uint64_t start, uint64_t end)
{
	for (unsigned cpu = 0; cpu < k->tlb->cpus.nr; cpu++)
		mm_invariant("V2: addresses are given out anew after a flush",
			     !cpu_has(k, cpu, start, end));
}
