/* SPDX-License-Identifier: MIT */
/*
 * Simulated TLBs: which address space each CPU has loaded, how far behind its translations are, and
 * shootdowns.
 *
 * An address space has a context: a number that is never used again, a generation that every flush raises,
 * and the CPUs that have it loaded. A CPU has six address space ids, each with a context and the generation
 * up to which it was flushed; it leaves a context without flushing, and makes up for what it missed when it
 * enters it again. A lazy CPU has the context loaded for want of a better one, and is not interrupted.
 *
 * With `checked`, each CPU also has entries, see tlb_cache.h, and whoever frees a page asks
 * mm_tlb_check_page() or mm_tlb_check_table(): unhook, flush, then free. That is a law: a violation stops
 * the program.
 *
 * Counterpart: arch/x86/mm/tlb.c. Differences: an interrupt is made by its sender, who changes the other
 * CPU's state under its lock and is charged for sending and waiting, not for that lock; who leaves a
 * context leaves its mask at once; natively several tasks may share a CPU, so an access is made under its
 * lock, too, if it is checked; no separate kernel and user ids. The kernel's own addresses: tlb_kernel.h.
 *
 *  T1: whenever a CPU's lock is free, it is in the mask of the context that it has loaded and in no other. A
 *      context not loaded it has at most in an id, with the generation up to which it was flushed.
 *  T2: after a flush that began when the generation was g, no CPU uses a translation of the flushed range
 *      that is older than g + 1: those in the mask and not lazy have dropped it, the others will before
 *      they use the context. For that, who enters is in the mask, and not lazy, before he reads the
 *      generation; who flushes raises it before he reads either: one of them sees the other.
 *  T3: a page that is freed is in no TLB that could use it without a flush; a table that is freed is in none
 *      of a context that is loaded, be it lazily: a CPU walks ahead of its instructions (checked only).
 *      Of the kernel's addresses only tables must not: vfree() frees pages before it flushes.
 *
 * Locking: each CPU's state under its lock (MM_RANK_TLB), never two at a time; generation and mask are
 * atomic. Cost: a flush is two atomic operations, and one for each further CPU that is told.
 */
#ifndef MM_TLB_H
#define MM_TLB_H

#include "percpu.h"
#include "spinlock.h"
#include <mmsim/teardown.h>

struct mm_tlb_cache;

enum {
	MM_TLB_NR_ASIDS = 6, /* TLB_NR_DYN_ASIDS */
	MM_TLB_CEILING =
		33, /* tlb_single_page_flush_ceiling: more pages than that are a full flush */
};

/* Set in the id of a context of the kernel's addresses, which no CPU enters: tlb_kernel.h. */
#define MM_TLB_KERNEL (UINT64_C(1) << 63)

/* Of an address space. */
struct mm_tlb_context {
	uint64_t id; /* constant after init; 1 and up, with MM_TLB_KERNEL or without */
	uint64_t gen mm_cacheline_aligned; /* atomic: 1 and up */
	struct mm_atomic_line line; /* of gen */
	uint64_t mask[MMSIM_MAX_CPUS / 64]; /* atomic: T1 */
};

/* What is to be forgotten. */
struct mm_tlb_flush {
	uint64_t start, end; /* bytes, whole pages; start 0 and end UINT64_MAX: everything */
	unsigned stride_shift; /* 12, or 21 if only huge entries are meant */
	bool freed_tables; /* also from where tables were found: lazy CPUs are told, too */
};

struct mm_tlb {
	struct mm_exec *exec; /* these: constant after init */
	bool checked;
	struct mm_percpu cpus; /* struct mm_tlb_cpu */
	uint64_t last_id; /* atomic */
	struct mm_tlb_held *held; /* checked: how many TLBs may have a page; see tlb_cache.h */
};

struct mm_tlb_asid {
	uint64_t context; /* id; 0: none */
	uint64_t gen; /* up to which it was flushed; 0: not at all */
	const struct mm_tlb_context *of; /* checked: whose id that is, which has not gone */
};

struct mm_tlb_cpu {
	struct mm_spinlock lock;
	struct mm_tlb_context *loaded; /* atomic; NULL: none. Changed under the lock */
	bool lazy; /* atomic */
	unsigned asid; /* of what is loaded */
	unsigned next_asid; /* to be used again next */
	struct mm_tlb_asid asids[MM_TLB_NR_ASIDS];
	struct mm_tlb_cache *cache; /* NULL: not checked */
	struct mmsim_tlb_info info; /* of what this CPU asked for, or did; read without the lock */
};

/* checked: keep entries and enforce T3. 0 or -ENOMEM. */
int mm_tlb_init(struct mm_tlb *t, struct mm_exec *x, struct mm_lockset *locks, bool checked);
/* No context is left. */
void mm_tlb_fini(struct mm_tlb *t);

void mm_tlb_context_init(struct mm_tlb *t, struct mm_tlb_context *ctx);
/* Nobody enters it any more: every CPU that still has it loaded lets it go. */
void mm_tlb_context_fini(struct mm_tlb *t, struct mm_tlb_context *ctx);

/* What mm_tlb_enter() does if the context is not loaded, or lazily. */
void mm_tlb_enter_slow(struct mm_tlb *t, struct mm_tlb_context *ctx);
/* The same; c is the caller's CPU, and locked. */
void mm_tlb_enter_locked(struct mm_tlb *t, struct mm_tlb_cpu *c, struct mm_tlb_context *ctx);

/* The caller's CPU runs no task of an address space. Counterpart: enter_lazy_tlb(). */
void mm_tlb_enter_lazy(struct mm_tlb *t);

/*
 * T2. Waits until every CPU that is to be told has been. May be called with spin locks of lower rank held.
 * Counterpart: flush_tlb_mm_range(). Cost: O(CPUs in the mask).
 */
void mm_tlb_flush(struct mm_tlb *t, struct mm_tlb_context *ctx, const struct mm_tlb_flush *what);

/* Sums over all CPUs. May be called by anyone, task or not; exact while nobody is at it. */
void mm_tlb_info(const struct mm_tlb *t, struct mmsim_tlb_info *out);

/*
 * Lock a CPU's state as an interrupt there would: nothing is charged, and nobody sees it locked where tasks
 * take turns. So there is no schedule point before mm_tlb_let_go(), which is told what this returned.
 */
bool mm_tlb_reach(struct mm_tlb *t, struct mm_tlb_cpu *c);
void mm_tlb_let_go(struct mm_tlb_cpu *c, bool bare);

/* How many strides are dropped one by one; 0: so many that everything is dropped instead. */
static inline uint64_t mm_tlb_strides(const struct mm_tlb_flush *what)
{
	uint64_t nr = (what->end - what->start) >> what->stride_shift;

	return nr <= MM_TLB_CEILING ? nr : 0;
}

static inline struct mm_tlb_cpu *mm_tlb_cpu(const struct mm_tlb *t, unsigned cpu)
{
	return mm_per_cpu(&t->cpus, cpu);
}

/* NULL: it has no id there. The CPU's lock is held. */
static inline struct mm_tlb_asid *mm_tlb_find_asid(struct mm_tlb_cpu *c, uint64_t context)
{
	for (unsigned i = 0; i < MM_TLB_NR_ASIDS; i++)
		if (c->asids[i].context == context)
			return &c->asids[i];
	return NULL;
}

static inline bool mm_tlb_has_loaded(const struct mm_tlb_cpu *c, const struct mm_tlb_context *ctx)
{
	return __atomic_load_n(&c->loaded, __ATOMIC_ACQUIRE) == ctx &&
	       !__atomic_load_n(&c->lazy, __ATOMIC_RELAXED);
}

/*
 * The caller's CPU has ctx loaded, not lazily, and its TLB is up to date. Counterpart: switch_mm_irqs_off().
 * Cost: O(1); two loads if it is so already.
 */
static inline void mm_tlb_enter(struct mm_tlb *t, struct mm_tlb_context *ctx)
{
	if (mm_unlikely(!mm_tlb_has_loaded(mm_tlb_cpu(t, mm_exec_cpu(t->exec)), ctx)))
		mm_tlb_enter_slow(t, ctx);
}

static inline uint64_t mm_tlb_gen(const struct mm_tlb_context *ctx)
{
	return __atomic_load_n(&ctx->gen, __ATOMIC_ACQUIRE);
}

#endif
