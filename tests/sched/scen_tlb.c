/* SPDX-License-Identifier: MIT */
/*
 * Simulated TLBs alone: whatever CPUs do while others flush, none of them uses what was flushed.
 *
 * Each task does what its letters say:
 *	a A	touch the first page of address space a, the second
 *	b	touch the first page of the other
 *	l	the CPU has nothing to do
 *	0 1	free that page of a: unhook, flush, then free
 *	t	free both and their table
 */
#include "scenario.h"

#include "machine.h"
#include "tlb_cache.h"
#include <string.h>

enum { CPUS = 3, MOST_TASKS = 4, PAGES = 2, PAGE = MMSIM_PAGE_SIZE, PFN = 100, TABLE_PFN = 300 };

struct space {
	struct mm_tlb t;
	struct mm_tlb_context a, b;
	uint32_t mapped[PAGES], freed[PAGES]; /* atomic: flags, in a */
	uint32_t table; /* atomic: flag, of a: it is there */
};

struct role {
	unsigned cpu;
	const char *letters; /* NULL: no more */
};

struct player {
	const struct role *role;
	struct space *s;
	struct mm_task task;
};

/* What a walk finds. In b everything is always there. */
static bool is_there(const struct space *s, const struct mm_tlb_context *ctx, const uint32_t *flag)
{
	return ctx == &s->b || __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void walk(struct space *s, struct mm_tlb_cpu *c, struct mm_tlb_context *ctx, unsigned page)
{
	uint64_t start = (uint64_t)page * PAGE, other = ctx == &s->b ? 1000 : 0;
	const struct mm_tlb_entry table = { .end = UINT64_C(512) * PAGE,
					    .pfn = TABLE_PFN + other,
					    .table = true };
	const struct mm_tlb_entry found = { .start = start,
					    .end = start + PAGE,
					    .pfn = PFN + page + other };

	if (!is_there(s, ctx, &s->table))
		return;
	mm_exec_resched(s->t.exec);
	mm_tlb_fill(&s->t, c, ctx, &table);
	if (!is_there(s, ctx, &s->mapped[page]))
		return;
	mm_exec_resched(s->t.exec);
	mm_tlb_fill(&s->t, c, ctx, &found);
}

static void touch(struct space *s, struct mm_tlb_context *ctx, unsigned page)
{
	struct mm_tlb_cpu *c = mm_tlb_access_begin(&s->t, ctx);
	bool freed = ctx == &s->a && __atomic_load_n(&s->freed[page], __ATOMIC_ACQUIRE);
	const struct mm_tlb_entry *e = mm_tlb_lookup(c, ctx, (uint64_t)page * PAGE);

	expect(!e || !freed, "T2: nothing is used after its flush");
	if (!e)
		walk(s, c, ctx, page);
	mm_tlb_access_end(c);
}

static void flush(struct space *s, unsigned first, unsigned end, bool tables)
{
	const struct mm_tlb_flush what = { (uint64_t)first * PAGE, (uint64_t)end * PAGE,
					   MMSIM_PAGE_SHIFT, tables };

	mm_tlb_flush(&s->t, &s->a, &what);
}

static void free_page(struct space *s, unsigned page)
{
	mm_exec_point(s->t.exec, MM_POINT_ATOMIC, &s->mapped[page]);
	__atomic_store_n(&s->mapped[page], 0, __ATOMIC_RELEASE);
	flush(s, page, page + 1, false);
	mm_tlb_check_page(&s->t, PFN + page, 1);
	__atomic_store_n(&s->freed[page], 1, __ATOMIC_RELEASE);
}

static void free_table(struct space *s)
{
	for (unsigned page = 0; page < PAGES; page++)
		__atomic_store_n(&s->mapped[page], 0, __ATOMIC_RELEASE);
	mm_exec_point(s->t.exec, MM_POINT_ATOMIC, &s->table);
	__atomic_store_n(&s->table, 0, __ATOMIC_RELEASE);
	flush(s, 0, PAGES, true);
	mm_tlb_check_table(&s->t, TABLE_PFN);
	for (unsigned page = 0; page < PAGES; page++) {
		mm_tlb_check_page(&s->t, PFN + page, 1);
		__atomic_store_n(&s->freed[page], 1, __ATOMIC_RELEASE);
	}
}

static void act(struct space *s, char letter)
{
	switch (letter) {
	case 'a':
	case 'A':
		touch(s, &s->a, letter == 'A');
		break;
	case 'b':
		touch(s, &s->b, 0);
		break;
	case 'l':
		mm_tlb_enter_lazy(&s->t);
		break;
	case 't':
		free_table(s);
		break;
	default:
		free_page(s, (unsigned)(letter - '0'));
	}
}

static void play(void *arg)
{
	struct player *p = arg;

	for (const char *at = p->role->letters; *at; at++)
		act(p->s, *at);
}

/* What was freed is in no TLB that could use it, and comes back in none. */
static void check_end(struct space *s)
{
	for (unsigned page = 0; page < PAGES; page++)
		if (s->freed[page])
			mm_tlb_check_page(&s->t, PFN + page, 1);
	if (!s->table)
		mm_tlb_check_table(&s->t, TABLE_PFN);
}

static void run_roles(struct mmsim *m, struct space *s, const struct role *roles)
{
	struct player p[MOST_TASKS];
	unsigned nr = 0;

	for (; roles[nr].letters; nr++) {
		const struct mm_cpumask where = mm_cpumask_of(roles[nr].cpu);

		p[nr] = (struct player){ .role = &roles[nr], .s = s };
		expect(!mm_exec_spawn(m->exec, &p[nr].task, &where, play, &p[nr]), "tasks start");
	}
	while (nr-- > 0)
		mm_exec_join(m->exec, &p[nr].task);
}

static void run(struct mmsim *m, const struct role *roles)
{
	MM_ON_CPU(m);
	static struct space s;

	s = (struct space){ .mapped = { 1, 1 }, .table = 1 };
	expect(!mm_tlb_init(&s.t, m->exec, &m->locks, true), "there are TLBs");
	mm_tlb_context_init(&s.t, &s.a);
	mm_tlb_context_init(&s.t, &s.b);
	run_roles(m, &s, roles);
	check_end(&s);
	mm_tlb_context_fini(&s.t, &s.a);
	mm_tlb_context_fini(&s.t, &s.b);
	mm_tlb_fini(&s.t);
}

static void tlb_enter(struct mmsim *m)
{
	static const struct role roles[] = { { 0, "a0" }, { 1, "aba" }, { 2, "ba" }, { 0, NULL } };

	run(m, roles);
}

static void tlb_lazy(struct mmsim *m)
{
	static const struct role roles[] = {
		{ 0, "a0t" }, { 1, "ala" }, { 2, "bla" }, { 0, NULL }
	};

	run(m, roles);
}

/* Two tasks on one CPU: one may enter what the other is about to leave. */
static void tlb_switch(struct mmsim *m)
{
	static const struct role roles[] = { { 0, "b0" }, { 1, "ab" }, { 1, "aa" }, { 0, NULL } };

	run(m, roles);
}

static void tlb_flushes(struct mmsim *m)
{
	static const struct role roles[] = { { 0, "a0" }, { 1, "A1" }, { 2, "aAaA" }, { 0, NULL } };

	run(m, roles);
}

static void tlb_tables(struct mmsim *m)
{
	static const struct role roles[] = { { 0, "t" }, { 1, "al" }, { 2, "alba" }, { 0, NULL } };

	run(m, roles);
}

/*
 * An address space goes while one CPU leaves it and another becomes lazy: its memory is somebody else's
 * then.
 */

struct leaving {
	struct space s;
	struct mmsim *m;
	uint32_t done; /* parkable: tasks that will not enter it again */
};

static void say_done(struct leaving *l)
{
	mm_exec_point(l->m->exec, MM_POINT_ATOMIC, &l->done);
	__atomic_add_fetch(&l->done, 1, __ATOMIC_RELEASE);
	mm_exec_unpark(l->m->exec, &l->done, UINT32_MAX);
}

static void leaving_task(unsigned i, void *arg)
{
	struct leaving *l = arg;
	uint32_t done;

	if (i) {
		touch(&l->s, &l->s.a, 0);
		say_done(l);
		act(&l->s, i == 1 ? 'b' : 'l');
		return;
	}
	while ((done = __atomic_load_n(&l->done, __ATOMIC_ACQUIRE)) < CPUS - 1)
		mm_exec_park(l->m->exec, &l->done, done, MM_NEVER);
	mm_tlb_context_fini(&l->s.t, &l->s.a);
	memset(l->s.a.mask, 0xff, sizeof(l->s.a.mask));
}

static void tlb_gone(struct mmsim *m)
{
	MM_ON_CPU(m);
	static struct leaving l;

	l = (struct leaving){ .m = m, .s = { .mapped = { 1, 1 }, .table = 1 } };
	expect(!mm_tlb_init(&l.s.t, m->exec, &m->locks, true), "there are TLBs");
	mm_tlb_context_init(&l.s.t, &l.s.a);
	mm_tlb_context_init(&l.s.t, &l.s.b);
	expect(!mmsim_run(m, CPUS, leaving_task, &l), "tasks start");
	expect(l.s.a.mask[0] == UINT64_MAX, "T1: who has left does not touch it");
	expect(!mm_tlb_cpu(&l.s.t, 2)->loaded, "T1: who is lazy has let it go");
	mm_tlb_context_fini(&l.s.t, &l.s.b);
	mm_tlb_fini(&l.s.t);
}

#define TLB(n, text, function)                                         \
	{                                                              \
		.name = n, .what = text, .cpus = CPUS, .run = function \
	}

const struct scenario scenarios_tlb[] = {
	TLB("tlb-enter", "a page is freed while CPUs leave and enter its address space", tlb_enter),
	TLB("tlb-lazy", "a page and a table are freed while CPUs become lazy and come back",
	    tlb_lazy),
	TLB("tlb-switch", "two tasks of one CPU switch, another CPU frees", tlb_switch),
	TLB("tlb-flushes", "two flushes of one address space, and who touches it", tlb_flushes),
	TLB("tlb-tables", "a table is freed while CPUs become lazy or leave", tlb_tables),
	TLB("tlb-gone", "an address space goes while CPUs leave it and become lazy", tlb_gone),
	{ 0 },
};
