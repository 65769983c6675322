/* SPDX-License-Identifier: MIT */
/* RCU: nothing goes while a reader may look at it, no callback is lost, and a barrier has waited. */
#include "scenario.h"

#include "completion.h"
#include "machine.h"
#include "rcu.h"

/* A look is as long as a grace period, or luck would seldom put one into it. */
enum { CPUS = 3, ROUNDS = 2, BOXES = 1 + 2 * ROUNDS, LOOKS = 8 };

/* What readers look at. */
struct box {
	struct mm_rcu_head head;
	bool gone; /* plain: only R1 orders it */
};

struct shared {
	struct mmsim *m;
	struct mm_rcu rcu;
	struct box box[BOXES];
	struct box *now; /* atomic */
	uint32_t used; /* atomic: boxes */
	unsigned readers; /* the first so many tasks; the others write */
	bool nested; /* a reader inside a reader */
	bool calls; /* writers queue callbacks */
	struct mm_completion in;
};

static void look_at(struct shared *s, const struct box *box)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		expect(!box->gone, "R1: nothing goes while a reader looks at it");
		mm_exec_resched(s->m->exec);
	}
	expect(!box->gone, "R1: nothing goes while a reader looks at it");
}

static void read_once(struct shared *s)
{
	unsigned inner, outer = mm_rcu_read_lock(&s->rcu);
	const struct box *box = __atomic_load_n(&s->now, __ATOMIC_ACQUIRE);

	look_at(s, box);
	if (s->nested) {
		inner = mm_rcu_read_lock(&s->rcu);
		look_at(s, __atomic_load_n(&s->now, __ATOMIC_ACQUIRE));
		mm_rcu_read_unlock(&s->rcu, inner);
		look_at(s, box);
	}
	mm_rcu_read_unlock(&s->rcu, outer);
}

static void free_box(struct mm_rcu_head *head)
{
	struct box *box = mm_container_of(head, struct box, head);

	expect(!box->gone, "R3: a callback runs once");
	box->gone = true;
}

static void replace(struct shared *s)
{
	struct box *box = &s->box[__atomic_fetch_add(&s->used, 1, __ATOMIC_RELAXED)], *old;

	mm_exec_resched(s->m->exec);
	old = __atomic_exchange_n(&s->now, box, __ATOMIC_ACQ_REL);
	if (s->calls) {
		mm_sync_call_rcu(&s->rcu, &old->head, free_box);
		return;
	}
	mm_sync_rcu_synchronize(&s->rcu);
	free_box(&old->head);
}

static void rcu_task(unsigned i, void *arg)
{
	struct shared *s = arg;

	for (unsigned k = 0; k < ROUNDS; k++)
		if (i < s->readers)
			read_once(s);
		else
			replace(s);
}

static void open_rcu(struct shared *s, struct mmsim *m)
{
	expect(!mm_sync_rcu_init(&s->rcu, &m->locks, &m->topology), "there is memory");
	s->m = m;
}

static void run_rcu(struct mmsim *m, unsigned readers, bool nested, bool calls)
{
	MM_ON_CPU(m);
	struct shared s = { .readers = readers, .nested = nested, .calls = calls, .used = 1 };

	open_rcu(&s, m);
	s.now = &s.box[0];
	expect(!mmsim_run(m, CPUS, rcu_task, &s), "tasks start");
	mm_sync_rcu_fini(&s.rcu);
	for (unsigned i = 0; i < s.used; i++)
		expect(s.box[i].gone == (&s.box[i] != s.now), "R3: every callback has run");
}

static void rcu(struct mmsim *m)
{
	run_rcu(m, 2, false, false);
}

static void rcu_writers(struct mmsim *m)
{
	run_rcu(m, 1, false, false);
}

static void rcu_nested(struct mmsim *m)
{
	run_rcu(m, 2, true, false);
}

static void rcu_call(struct mmsim *m)
{
	run_rcu(m, 2, false, true);
}

/*
 * A reader may have read the phase long before he raises his counter: a grace period may pass between. It is
 * the next one that must not pass him by, once he looks.
 */
static void read_late(struct shared *s)
{
	unsigned which = mm_rcu_read_lock(&s->rcu);
	const struct box *box = __atomic_load_n(&s->now, __ATOMIC_ACQUIRE);

	mm_complete(&s->in);
	look_at(s, box);
	mm_rcu_read_unlock(&s->rcu, which);
}

static void late_task(unsigned i, void *arg)
{
	struct shared *s = arg;

	if (i) {
		replace(s);
		mm_sync_wait_for_completion(&s->in, MM_NEVER);
		replace(s);
	} else {
		read_late(s);
	}
}

static void rcu_late(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct shared s = { .used = 1 };

	open_rcu(&s, m);
	s.now = &s.box[0];
	mm_completion_init(&s.in, m->exec);
	expect(!mmsim_run(m, 2, late_task, &s), "tasks start");
	mm_sync_rcu_fini(&s.rcu);
}

/* Callbacks that queue themselves, on the stack of who waits for them. */
struct call {
	struct mm_rcu_head head;
	struct shared *scene;
	uint32_t ran; /* atomic */
	uint32_t again;
};

static void call_main(struct mm_rcu_head *head)
{
	struct call *c = mm_container_of(head, struct call, head);
	bool again = c->again;

	/* From the count on it may be gone, if it is for the last time. */
	if (again) {
		c->again--;
		mm_sync_call_rcu(&c->scene->rcu, head, call_main);
	}
	__atomic_add_fetch(&c->ran, 1, __ATOMIC_RELEASE);
}

static void call_and_wait(struct shared *s)
{
	struct call c[2] = { { .scene = s }, { .scene = s } };

	for (unsigned i = 0; i < 2; i++)
		mm_sync_call_rcu(&s->rcu, &c[i].head, call_main);
	mm_sync_rcu_barrier(&s->rcu);
	for (unsigned i = 0; i < 2; i++)
		expect(__atomic_load_n(&c[i].ran, __ATOMIC_ACQUIRE) == 1,
		       "a barrier has waited for the callbacks before it");
}

static void barrier_task(unsigned i, void *arg)
{
	struct shared *s = arg;

	for (unsigned k = 0; k < 2; k++)
		if (i)
			call_and_wait(s);
		else
			mm_rcu_read_unlock(&s->rcu, mm_rcu_read_lock(&s->rcu));
}

static void rcu_barrier(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct shared s = { 0 };

	open_rcu(&s, m);
	expect(!mmsim_run(m, CPUS, barrier_task, &s), "tasks start");
	mm_sync_rcu_fini(&s.rcu);
}

static void again_task(unsigned i, void *arg)
{
	struct call *c = arg;

	if (i)
		mm_sync_call_rcu(&c[i].scene->rcu, &c[i].head, call_main);
	else
		mm_sync_rcu_barrier(&c[i].scene->rcu);
}

static void rcu_again(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct call c[CPUS];
	struct shared s = { 0 };

	open_rcu(&s, m);
	for (unsigned i = 0; i < CPUS; i++)
		c[i] = (struct call){ .scene = &s, .again = i };
	expect(!mmsim_run(m, CPUS, again_task, c), "tasks start");
	mm_sync_rcu_fini(&s.rcu);
	for (unsigned i = 1; i < CPUS; i++)
		expect(c[i].ran == 1 + i, "R3: every callback has run");
}

#define SCENARIO(n, text, function)                                    \
	{                                                              \
		.name = n, .what = text, .cpus = CPUS, .run = function \
	}

const struct scenario scenarios_rcu[] = {
	SCENARIO("rcu", "two readers, one who replaces and waits for them", rcu),
	SCENARIO("rcu-writers", "a reader, two who replace and share grace periods", rcu_writers),
	SCENARIO("rcu-nested", "readers inside readers", rcu_nested),
	SCENARIO("rcu-late", "a reader and two grace periods in a row", rcu_late),
	SCENARIO("rcu-call", "two readers, one who replaces and leaves the rest to callbacks",
		 rcu_call),
	SCENARIO("rcu-barrier", "callbacks on the stacks of two who wait for them", rcu_barrier),
	SCENARIO("rcu-again", "callbacks that queue themselves", rcu_again),
	{ 0 },
};
