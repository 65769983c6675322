/* SPDX-License-Identifier: MIT */
/* Contexts, generations, and who is told of a flush. */
#include "tlb_cache.h"

#include "bits.h"
#include <errno.h>

static const struct mm_tlb_flush everything = { .end = UINT64_MAX };

/* A flush that is under way. */
struct shootdown {
	struct mm_tlb_context *ctx;
	const struct mm_tlb_flush *what;
	uint64_t gen; /* what it raised the generation to */
	uint64_t strides; /* to be dropped one by one; 0: everything */
	uint64_t ipis, skipped;
};

bool mm_tlb_reach(struct mm_tlb *t, struct mm_tlb_cpu *c)
{
	mm_exec_point(t->exec, MM_POINT_LOCK, &c->lock.lock.word);
	if (mm_likely(mm_spin_try(&c->lock, mm_task_current()->id)))
		return true;
	mm_spin_lock(&c->lock);
	return false;
}

void mm_tlb_let_go(struct mm_tlb_cpu *c, bool bare)
{
	if (mm_likely(bare))
		mm_spin_unlock_bare(&c->lock);
	else
		mm_spin_unlock(&c->lock);
}

static void drop(struct mm_tlb *t, struct mm_tlb_cpu *c, const struct mm_tlb_context *ctx,
		 const struct mm_tlb_flush *what)
{
	if (mm_unlikely(c->cache != NULL))
		mm_tlb_drop(t, c, ctx, what);
}

/* The mask: T1 */

static bool in_mask(const struct mm_tlb_context *ctx, unsigned cpu)
{
	return __atomic_load_n(&ctx->mask[cpu / 64], __ATOMIC_RELAXED) >> cpu % 64 & 1;
}

/* A full barrier: T2. */
static void set_mask(struct mm_tlb *t, struct mm_tlb_context *ctx, unsigned cpu)
{
	mm_exec_point(t->exec, MM_POINT_ATOMIC, &ctx->mask);
	__atomic_fetch_or(&ctx->mask[cpu / 64], UINT64_C(1) << cpu % 64, __ATOMIC_SEQ_CST);
	mm_exec_charge(t->exec, MM_CHARGE_ATOMIC, &ctx->line, 1);
}

/* The last that a CPU does with a context it leaves: that may be gone right after. */
static void clear_mask(struct mm_tlb_context *ctx, unsigned cpu)
{
	__atomic_fetch_and(&ctx->mask[cpu / 64], ~(UINT64_C(1) << cpu % 64), __ATOMIC_RELEASE);
}

/* Entering and leaving */

/* T2: before the context is used. */
static void catch_up(struct mm_tlb *t, struct mm_tlb_cpu *c, struct mm_tlb_asid *a,
		     const struct mm_tlb_context *ctx)
{
	uint64_t gen;

	mm_exec_point(t->exec, MM_POINT_ATOMIC, &ctx->gen);
	gen = __atomic_load_n(&ctx->gen, __ATOMIC_SEQ_CST);
	if (a->gen == gen)
		return;
	mm_stat_add(&c->info.late, a->gen != 0);
	drop(t, c, ctx, &everything);
	a->gen = gen;
	mm_exec_charge(t->exec, MM_CHARGE_TLB_FLUSH, NULL, 1);
}

/* Its id, or the next one to be used again. Counterpart: choose_new_asid(). */
static struct mm_tlb_asid *choose_asid(struct mm_tlb *t, struct mm_tlb_cpu *c,
				       const struct mm_tlb_context *ctx)
{
	struct mm_tlb_asid *a = mm_tlb_find_asid(c, ctx->id);

	if (a)
		return a;
	a = &c->asids[c->next_asid];
	c->next_asid = (c->next_asid + 1) % MM_TLB_NR_ASIDS;
	if (a->context)
		drop(t, c, a->of, &everything);
	*a = (struct mm_tlb_asid){ .context = ctx->id, .of = t->checked ? ctx : NULL };
	return a;
}

static void switch_to(struct mm_tlb *t, struct mm_tlb_cpu *c, struct mm_tlb_context *ctx)
{
	unsigned cpu = mm_exec_cpu(t->exec);
	struct mm_tlb_context *old = c->loaded;
	struct mm_tlb_asid *a;

	set_mask(t, ctx, cpu);
	a = choose_asid(t, c, ctx);
	catch_up(t, c, a, ctx);
	c->asid = (unsigned)(a - c->asids);
	__atomic_store_n(&c->loaded, ctx, __ATOMIC_RELEASE);
	mm_stat_add(&c->info.switches, 1);
	if (!old)
		return;
	mm_exec_point(t->exec, MM_POINT_ATOMIC, &old->mask);
	mm_exec_charge(t->exec, MM_CHARGE_ATOMIC, &old->line, 1);
	clear_mask(old, cpu);
}

void mm_tlb_enter_locked(struct mm_tlb *t, struct mm_tlb_cpu *c, struct mm_tlb_context *ctx)
{
	mm_assert(mm_spin_held(&c->lock));
	if (mm_tlb_has_loaded(c, ctx))
		return;
	/* Before the mask and the generation: T2. */
	__atomic_store_n(&c->lazy, false, __ATOMIC_SEQ_CST);
	if (c->loaded == ctx)
		catch_up(t, c, &c->asids[c->asid], ctx);
	else
		switch_to(t, c, ctx);
}

void mm_tlb_enter_slow(struct mm_tlb *t, struct mm_tlb_context *ctx)
{
	struct mm_tlb_cpu *c = mm_this_cpu(&t->cpus, t->exec);

	mm_spin_lock(&c->lock);
	mm_tlb_enter_locked(t, c, ctx);
	mm_spin_unlock(&c->lock);
}

void mm_tlb_enter_lazy(struct mm_tlb *t)
{
	struct mm_tlb_cpu *c = mm_this_cpu(&t->cpus, t->exec);

	mm_spin_lock(&c->lock);
	if (c->loaded)
		__atomic_store_n(&c->lazy, true, __ATOMIC_RELAXED);
	mm_spin_unlock(&c->lock);
}

/* Its id stays. Counterpart: leave_mm(). */
static void leave(struct mm_tlb_cpu *c, unsigned cpu)
{
	struct mm_tlb_context *ctx = c->loaded;

	__atomic_store_n(&c->loaded, NULL, __ATOMIC_RELAXED);
	__atomic_store_n(&c->lazy, false, __ATOMIC_RELAXED);
	clear_mask(ctx, cpu);
}

/* Flushes */

/*
 * What a CPU does when it is told: how many local flushes. One that missed others, or is about to be told
 * of more, makes up for all at once. Counterpart: flush_tlb_func().
 */
static uint64_t flush_cpu(struct mm_tlb *t, unsigned cpu, const struct shootdown *s)
{
	struct mm_tlb_cpu *c = mm_tlb_cpu(t, cpu);
	struct mm_tlb_asid *a = &c->asids[c->asid];
	uint64_t gen = mm_tlb_gen(s->ctx);
	bool singly;

	if (c->loaded != s->ctx)
		return 0;
	if (c->lazy) {
		leave(c, cpu);
		return 0;
	}
	if (a->gen >= s->gen)
		return 0;
	singly = s->strides && s->gen == a->gen + 1 && s->gen == gen;
	drop(t, c, s->ctx, singly ? s->what : &everything);
	a->gen = gen;
	return singly ? s->strides : 1;
}

/* Lazy, it makes up for the flush before it uses the context; but it might walk where tables were. */
static bool is_spared(const struct mm_tlb_cpu *c, const struct mm_tlb_flush *what)
{
	return !what->freed_tables && __atomic_load_n(&c->lazy, __ATOMIC_SEQ_CST);
}

static void interrupt(struct mm_tlb *t, unsigned cpu, struct shootdown *s)
{
	struct mm_tlb_cpu *c = mm_tlb_cpu(t, cpu);
	bool bare;

	if (is_spared(c, s->what)) {
		s->skipped++;
		return;
	}
	s->ipis++;
	bare = mm_tlb_reach(t, c);
	flush_cpu(t, cpu, s);
	mm_tlb_let_go(c, bare);
}

static void interrupt_others(struct mm_tlb *t, unsigned self, struct shootdown *s)
{
	for (unsigned first = 0; first < t->cpus.nr; first += 64) {
		uint64_t bits = __atomic_load_n(&s->ctx->mask[first / 64], __ATOMIC_SEQ_CST);

		if (first == self / 64 * 64)
			bits &= ~(UINT64_C(1) << self % 64);
		for (; bits; bits &= bits - 1)
			interrupt(t, first + (unsigned)__builtin_ctzll(bits), s);
	}
	mm_exec_charge(t->exec, MM_CHARGE_IPI, NULL, s->ipis);
}

/* The sender's own CPU, and its books. */
static void flush_own(struct mm_tlb *t, unsigned self, struct shootdown *s)
{
	struct mm_tlb_cpu *c = mm_tlb_cpu(t, self);
	bool bare = mm_tlb_reach(t, c);
	uint64_t nr = is_spared(c, s->what) ? 0 : flush_cpu(t, self, s);

	mm_stat_add(&c->info.flushes, 1);
	mm_stat_add(&c->info.full, !s->strides);
	mm_stat_add(&c->info.ipis, s->ipis);
	mm_stat_add(&c->info.lazy_skipped, s->skipped);
	mm_tlb_let_go(c, bare);
	mm_exec_charge(t->exec, MM_CHARGE_TLB_FLUSH, NULL, nr);
}

void mm_tlb_flush(struct mm_tlb *t, struct mm_tlb_context *ctx, const struct mm_tlb_flush *what)
{
	struct shootdown s = { .ctx = ctx, .what = what, .strides = mm_tlb_strides(what) };
	unsigned self = mm_exec_cpu(t->exec);

	mm_assert(what->start < what->end);
	mm_exec_point(t->exec, MM_POINT_ATOMIC, &ctx->gen);
	s.gen = __atomic_add_fetch(&ctx->gen, 1, __ATOMIC_SEQ_CST);
	mm_exec_charge(t->exec, MM_CHARGE_ATOMIC, &ctx->line, 1);
	mm_exec_point(t->exec, MM_POINT_ATOMIC, &ctx->mask);
	interrupt_others(t, self, &s);
	flush_own(t, self, &s);
}

/* Contexts */

void mm_tlb_context_init(struct mm_tlb *t, struct mm_tlb_context *ctx)
{
	*ctx = (struct mm_tlb_context){
		.id = __atomic_add_fetch(&t->last_id, 1, __ATOMIC_RELAXED),
		.gen = 1,
	};
}

static void forget_context(struct mm_tlb *t, unsigned cpu, struct mm_tlb_context *ctx)
{
	struct mm_tlb_cpu *c = mm_tlb_cpu(t, cpu);
	bool bare = mm_tlb_reach(t, c);
	struct mm_tlb_asid *a = mm_tlb_find_asid(c, ctx->id);

	if (c->loaded == ctx)
		leave(c, cpu);
	if (t->checked && a) {
		drop(t, c, ctx, &everything);
		*a = (struct mm_tlb_asid){ 0 };
	}
	mm_tlb_let_go(c, bare);
}

/* Ids that it had elsewhere are found by nobody: its number is not used again. */
void mm_tlb_context_fini(struct mm_tlb *t, struct mm_tlb_context *ctx)
{
	for (unsigned cpu = 0; cpu < t->cpus.nr; cpu++)
		if (t->checked || in_mask(ctx, cpu))
			forget_context(t, cpu, ctx);
}

/* Making and unmaking */

void mm_tlb_info(const struct mm_tlb *t, struct mmsim_tlb_info *out)
{
	uint64_t *sum = (uint64_t *)out;

	*out = (struct mmsim_tlb_info){ 0 };
	for (unsigned cpu = 0; cpu < t->cpus.nr; cpu++) {
		const uint64_t *of = (const uint64_t *)&mm_tlb_cpu(t, cpu)->info;

		for (size_t i = 0; i < sizeof(*out) / sizeof(*sum); i++)
			sum[i] += __atomic_load_n(&of[i], __ATOMIC_RELAXED);
	}
}

static void free_all(struct mm_tlb *t)
{
	struct mm_meta *meta = t->exec->meta;

	if (!t->cpus.base)
		return;
	for (unsigned cpu = 0; cpu < t->cpus.nr; cpu++)
		mm_base_meta_free(meta, mm_tlb_cpu(t, cpu)->cache, sizeof(struct mm_tlb_cache));
	mm_base_meta_free(meta, t->held, sizeof(*t->held));
	mm_sync_percpu_free(&t->cpus, t->exec);
}

static int alloc_caches(struct mm_tlb *t)
{
	struct mm_meta *meta = t->exec->meta;
	bool got;

	t->held = mm_base_meta_alloc(meta, sizeof(*t->held));
	got = t->held != NULL;
	for (unsigned cpu = 0; cpu < t->cpus.nr && got; cpu++) {
		struct mm_tlb_cpu *c = mm_tlb_cpu(t, cpu);

		c->cache = mm_base_meta_alloc(meta, sizeof(*c->cache));
		got = c->cache != NULL;
	}
	return got ? 0 : -ENOMEM;
}

int mm_tlb_init(struct mm_tlb *t, struct mm_exec *x, struct mm_lockset *locks, bool checked)
{
	int err;

	*t = (struct mm_tlb){ .exec = x, .checked = checked };
	err = mm_sync_percpu_alloc(&t->cpus, x, sizeof(struct mm_tlb_cpu));
	if (!err && checked)
		err = alloc_caches(t);
	if (err) {
		free_all(t);
		return err;
	}
	for (unsigned cpu = 0; cpu < t->cpus.nr; cpu++)
		mm_sync_spin_init(&mm_tlb_cpu(t, cpu)->lock, locks, MM_RANK_TLB);
	return 0;
}

void mm_tlb_fini(struct mm_tlb *t)
{
	for (unsigned cpu = 0; cpu < t->cpus.nr; cpu++) {
		struct mm_tlb_cpu *c = mm_tlb_cpu(t, cpu);

		mm_invariant("no context is left when TLBs go", !c->loaded);
		mm_sync_spin_fini(&c->lock);
	}
	free_all(t);
}
