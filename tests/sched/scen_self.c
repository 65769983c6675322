/* SPDX-License-Identifier: MIT */
/* Mistakes on purpose, for the tests of the driver: each must be found, and found for what it is. */
#include "scenario.h"

#include "machine.h"

#include <stdlib.h>

enum { CPUS = 3 };

struct mistake {
	struct mmsim *m;
	uint32_t count; /* atomic where not said otherwise */
	unsigned plain; /* no lock, no atomic access */
};

static void run_mistake(struct mmsim *m, void (*fn)(unsigned i, void *arg))
{
	struct mistake s = { .m = m };

	expect(!mmsim_run(m, CPUS, fn, &s), "tasks start");
}

/* Two steps where one is needed. */
static void lost_task(unsigned i, void *arg)
{
	struct mistake *s = arg;
	uint32_t seen = __atomic_load_n(&s->count, __ATOMIC_RELAXED);

	(void)i;
	mm_exec_point(s->m->exec, MM_POINT_ATOMIC, &s->count);
	__atomic_store_n(&s->count, seen + 1, __ATOMIC_RELAXED);
}

static void self_lost(struct mmsim *m)
{
	struct mistake s = { .m = m };

	expect(!mmsim_run(m, CPUS, lost_task, &s), "tasks start");
	expect(s.count == CPUS, "no count is lost");
}

/* Looks, and only then sleeps: the wake-up may have been before. */
static void wakeup_task(unsigned i, void *arg)
{
	struct mistake *s = arg;
	struct mm_exec *x = s->m->exec;

	if (i) {
		__atomic_store_n(&s->count, 1, __ATOMIC_RELEASE);
		mm_exec_unpark(x, &s->plain, UINT32_MAX);
		return;
	}
	if (__atomic_load_n(&s->count, __ATOMIC_ACQUIRE))
		return;
	mm_exec_point(x, MM_POINT_ATOMIC, &s->count);
	mm_exec_park(x, &s->plain, 0, MM_NEVER);
}

static void self_deadlock(struct mmsim *m)
{
	run_mistake(m, wakeup_task);
}

/* Polls for something that comes only if the others were first. */
static void livelock_task(unsigned i, void *arg)
{
	struct mistake *s = arg;
	uint32_t before = __atomic_fetch_add(&s->count, 1, __ATOMIC_RELAXED);

	while (i == 2 && before == 0)
		mmsim_yield(s->m);
}

static void self_livelock(struct mmsim *m)
{
	run_mistake(m, livelock_task);
}

/* What another run left behind decides. */
static void self_luck(struct mmsim *m)
{
	static unsigned luck;

	for (unsigned i = luck++ % 2; i < 2; i++)
		mmsim_drain_all_pages(m);
}

static void segv_task(unsigned i, void *arg)
{
	struct mistake *s = arg;

	if (__atomic_fetch_add(&s->count, 1, __ATOMIC_RELAXED) == 0 && i == 1)
		abort();
}

static void self_abort(struct mmsim *m)
{
	run_mistake(m, segv_task);
}

/* Only ThreadSanitizer sees it, and in every schedule: nothing orders the two accesses. */
static void race_task(unsigned i, void *arg)
{
	struct mistake *s = arg;

	s->plain += i;
}

static void self_race(struct mmsim *m)
{
	run_mistake(m, race_task);
}

#define SCENARIO(n, text, function)                                                    \
	{                                                                              \
		.name = n, .what = text, .cpus = CPUS, .hidden = true, .run = function \
	}

const struct scenario scenarios_self[] = {
	SCENARIO("self-lost", "mistake: a lost count", self_lost),
	SCENARIO("self-deadlock", "mistake: a lost wake-up", self_deadlock),
	SCENARIO("self-livelock", "mistake: a task that polls for ever", self_livelock),
	SCENARIO("self-luck", "mistake: depends on the run before", self_luck),
	SCENARIO("self-abort", "mistake: abort() without a word", self_abort),
	SCENARIO("self-race", "mistake: an access that nothing orders", self_race),
	{ 0 },
};
