/* SPDX-License-Identifier: MIT */
/* lib/sync/rcu.h: whom a grace period waits for, the order of callbacks, barriers, what can fail. */
#include "rcu.h"

#include "child_dies.h"
#include "completion.h"
#include "exec_env.h"
#include "first_failure.h"
#include <errno.h>

enum { TASKS = 4, TURNS = 300, NR = 50 };

static void rcu_open(struct mm_rcu *rcu, struct env *e)
{
	assert_int_equal(mm_sync_rcu_init(rcu, &e->locks, &e->topology), 0);
}

/* A reader who stays until the gate opens. */
struct reader {
	struct mm_rcu *rcu;
	struct mm_completion *gate;
	uint32_t in; /* atomic */
	struct mm_task task;
};

static void read_until_told(void *arg)
{
	struct reader *r = arg;
	unsigned which = mm_rcu_read_lock(r->rcu);

	__atomic_store_n(&r->in, 1, __ATOMIC_RELEASE);
	mm_sync_wait_for_completion(r->gate, MM_NEVER);
	mm_rcu_read_unlock(r->rcu, which);
}

static void start_reader(struct env *e, struct reader *r)
{
	assert_int_equal(mm_exec_spawn(e->x, &r->task, NULL, read_until_told, r), 0);
	env_wait_for(e->x, &r->in, 1);
}

struct waiter {
	struct mm_rcu *rcu;
	uint32_t *over; /* atomic: how many have returned */
};

static void synchronize(void *arg)
{
	struct waiter *w = arg;

	mm_sync_rcu_synchronize(w->rcu);
	__atomic_add_fetch(w->over, 1, __ATOMIC_RELEASE);
}

/* Let others go on, as far as they can; natively, as far as they get. */
static void let_run(struct env *e)
{
	for (int i = 0; i < 100; i++)
		env_yield(e->x);
}

static void wait_until_a_phase(struct env *e, struct mm_rcu *rcu, uint32_t phase)
{
	env_wait_for(e->x, &rcu->phase, phase);
	let_run(e);
}

/* R1: who was there is waited for, who comes later is not. */
static void waits_for_readers_before(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	struct mm_completion first, second;
	struct mm_task task;
	struct mm_rcu rcu;
	uint32_t over = 0;

	rcu_open(&rcu, e);
	mm_completion_init(&first, e->x);
	mm_completion_init(&second, e->x);
	for (unsigned round = 1; round <= 3; round++) {
		struct reader before = { .rcu = &rcu, .gate = &first };
		struct reader after = { .rcu = &rcu, .gate = &second };
		struct waiter w = { &rcu, &over };

		start_reader(e, &before);
		assert_int_equal(mm_exec_spawn(e->x, &task, NULL, synchronize, &w), 0);
		wait_until_a_phase(e, &rcu, round);
		start_reader(e, &after);
		assert_int_equal(__atomic_load_n(&over, __ATOMIC_ACQUIRE), round - 1);
		mm_complete(&first);
		mm_exec_join(e->x, &task);
		assert_int_equal(over, round);
		mm_complete(&second);
		mm_exec_join(e->x, &before.task);
		mm_exec_join(e->x, &after.task);
	}
	mm_sync_rcu_synchronize(&rcu); /* nobody there */
	mm_sync_rcu_fini(&rcu);
	env_close(e);
}

/* On one CPU, one inside another: the inner one's end is not the outer one's. */
static void nested(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 1 });
	unsigned outer, inner;
	struct mm_task task;
	struct mm_rcu rcu;
	struct waiter w;
	uint32_t over = 0;

	rcu_open(&rcu, e);
	w = (struct waiter){ &rcu, &over };
	outer = mm_rcu_read_lock(&rcu);
	assert_int_equal(mm_exec_spawn(e->x, &task, NULL, synchronize, &w), 0);
	wait_until_a_phase(e, &rcu, 1);
	inner = mm_rcu_read_lock(&rcu);
	assert_int_not_equal(inner, outer);
	mm_rcu_read_unlock(&rcu, inner);
	/* Nor is it when who waits wakes for no reason. */
	mm_exec_unpark(e->x, &((struct mm_rcu_readers *)mm_per_cpu(&rcu.readers, 0))->inside[outer],
		       1);
	let_run(e);
	assert_int_equal(__atomic_load_n(&over, __ATOMIC_ACQUIRE), 0);
	mm_rcu_read_unlock(&rcu, outer);
	mm_exec_join(e->x, &task);
	assert_int_equal(over, 1);
	mm_sync_rcu_fini(&rcu);
	env_close(e);
}

/* R4: one has begun; of those who come meanwhile the first two have one each, for all. */
static void grace_periods_are_shared(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	struct mm_task task[1 + 10];
	struct mm_completion gate;
	struct mm_rcu rcu;
	uint32_t over = 0;
	struct waiter w = { &rcu, &over };
	struct reader r = { .rcu = &rcu, .gate = &gate };

	rcu_open(&rcu, e);
	mm_completion_init(&gate, e->x);
	start_reader(e, &r);
	assert_int_equal(mm_exec_spawn(e->x, &task[0], NULL, synchronize, &w), 0);
	wait_until_a_phase(e, &rcu, 1);
	for (int i = 1; i <= 10; i++)
		assert_int_equal(mm_exec_spawn(e->x, &task[i], NULL, synchronize, &w), 0);
	let_run(e);
	mm_complete(&gate);
	for (int i = 0; i <= 10; i++)
		mm_exec_join(e->x, &task[i]);
	mm_exec_join(e->x, &r.task);
	assert_int_equal(over, 11);
	assert_int_equal(rcu.phase, 3);
	mm_sync_rcu_fini(&rcu);
	env_close(e);
}

/* What readers look at, replaced again and again. */
struct box {
	struct mm_rcu_head head; /* first */
	struct torture *owner;
	uint32_t gone; /* plain: only R1 keeps it from being read and written at once */
};

struct torture {
	struct env *env;
	struct mm_rcu rcu;
	struct box *now; /* atomic */
	struct box *box;
	uint32_t next; /* atomic: boxes used */
	uint32_t freed; /* atomic */
	struct first_failure failure;
};

static void free_box(struct mm_rcu_head *head)
{
	struct box *box = mm_container_of(head, struct box, head);

	expect_in_task(&box->owner->failure, !box->gone, box - box->owner->box);
	box->gone = 1;
	__atomic_add_fetch(&box->owner->freed, 1, __ATOMIC_RELAXED);
}

static void look(struct torture *t, bool yield, bool again)
{
	unsigned which = mm_rcu_read_lock(&t->rcu);
	const struct box *box = __atomic_load_n(&t->now, __ATOMIC_ACQUIRE);

	expect_in_task(&t->failure, !box->gone, box - t->box);
	if (again)
		look(t, yield, false);
	else if (yield)
		env_yield(t->env->x);
	expect_in_task(&t->failure, !box->gone, box - t->box);
	mm_rcu_read_unlock(&t->rcu, which);
}

static void replace(struct torture *t, bool wait)
{
	struct box *box = &t->box[__atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED)];
	struct box *old;

	box->owner = t;
	old = __atomic_exchange_n(&t->now, box, __ATOMIC_ACQ_REL);
	if (!wait) {
		mm_sync_call_rcu(&t->rcu, &old->head, free_box);
		return;
	}
	mm_sync_rcu_synchronize(&t->rcu);
	free_box(&old->head);
}

static void torture_task(void *arg)
{
	struct torture *t = arg;

	for (int i = 0; i < TURNS; i++) {
		uint64_t dice = mm_rng_below(&mm_task_current()->rng, 64);

		if (dice < 8)
			replace(t, dice < 2);
		else if (dice == 8)
			mm_sync_rcu_barrier(&t->rcu);
		else
			look(t, dice % 4 == 0, dice % 8 < 2);
	}
}

/* R1 by many readers and writers at once. */
static void torture(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = TASKS });
	struct torture t = { .env = e };

	t.box = calloc(1 + TASKS * TURNS, sizeof(*t.box));
	assert_non_null(t.box);
	t.now = &t.box[t.next++];
	t.now->owner = &t;
	rcu_open(&t.rcu, e);
	env_run(e, TASKS, torture_task, &t, 0);
	mm_sync_rcu_barrier(&t.rcu);
	assert_no_failure(&t.failure, e->x->seed);
	assert_int_equal(t.freed, t.next - 1);
	assert_false(t.now->gone);
	mm_sync_rcu_fini(&t.rcu);
	free(t.box);
	env_close(e);
}

/* Callbacks that say when they ran. */
struct call {
	struct mm_rcu_head head;
	struct mm_rcu *rcu;
	uint32_t *ran; /* atomic: how many have */
	uint32_t at; /* which of these it was, from 1 */
	unsigned again; /* queue itself so many times */
};

static void call_main(struct mm_rcu_head *head)
{
	struct call *c = mm_container_of(head, struct call, head);

	c->at = __atomic_add_fetch(c->ran, 1, __ATOMIC_RELEASE);
	if (c->again) {
		c->again--;
		mm_sync_call_rcu(c->rcu, head, call_main);
	}
}

static void queue_calls(struct mm_rcu *rcu, struct call *c, unsigned nr, uint32_t *ran)
{
	for (unsigned i = 0; i < nr; i++) {
		c[i] = (struct call){ .rcu = rcu, .ran = ran };
		mm_sync_call_rcu(rcu, &c[i].head, call_main);
	}
}

/* R3, behind a reader and without one. */
static void callbacks_in_order(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 3 });
	struct mm_rcu rcu;

	rcu_open(&rcu, e);
	for (int reads = 0; reads < 2; reads++) {
		unsigned which = reads ? mm_rcu_read_lock(&rcu) : 0;
		uint32_t ran = 0;
		struct call c[NR];

		queue_calls(&rcu, c, NR, &ran);
		let_run(e);
		if (reads) {
			assert_int_equal(__atomic_load_n(&ran, __ATOMIC_ACQUIRE), 0);
			mm_rcu_read_unlock(&rcu, which);
		}
		mm_sync_rcu_barrier(&rcu);
		assert_int_equal(ran, NR);
		for (unsigned i = 0; i < NR; i++)
			assert_int_equal(c[i].at, i + 1);
	}
	mm_sync_rcu_barrier(&rcu); /* nothing there */
	mm_sync_rcu_fini(&rcu);
	env_close(e);
}

struct caller {
	struct mm_rcu *rcu;
	struct first_failure failure;
};

static void call_and_wait(void *arg)
{
	struct caller *caller = arg;

	for (unsigned i = 0; i < 20; i++) {
		uint32_t ran = 0;
		struct call c[3];

		queue_calls(caller->rcu, c, 3, &ran);
		mm_sync_rcu_barrier(caller->rcu);
		expect_in_task(&caller->failure, __atomic_load_n(&ran, __ATOMIC_ACQUIRE) == 3, i);
	}
}

/* The callbacks are on the callers' stacks. */
static void barriers_at_once(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	struct caller caller = { 0 };
	struct mm_rcu rcu;

	caller.rcu = &rcu;
	rcu_open(&rcu, e);
	env_run(e, TASKS, call_and_wait, &caller, 0);
	assert_no_failure(&caller.failure, e->x->seed);
	mm_sync_rcu_fini(&rcu);
	env_close(e);
}

/* A barrier waits for what was queued before it; the end for all that comes of it. */
static void queues_itself(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 2 });
	struct mm_rcu rcu;
	uint32_t ran = 0;
	struct call c = { .rcu = &rcu, .ran = &ran, .again = 20 };

	rcu_open(&rcu, e);
	mm_sync_call_rcu(&rcu, &c.head, call_main);
	mm_sync_rcu_barrier(&rcu);
	assert_in_range(__atomic_load_n(&ran, __ATOMIC_RELAXED), 1, 21);
	mm_sync_rcu_fini(&rcu);
	assert_int_equal(ran, 21);
	env_close(e);
}

/* No thread to be had: nothing is lost, a barrier runs it, and so does the end. */
static void without_a_thread(void **state)
{
	const struct env_shape shape = { .mode = mode_of(state), .nr_cpus = 4, .nr_nodes = 2 };
	struct env *e = env_open(&shape);
	uint32_t ran = 0;
	struct mm_rcu rcu;
	struct call c[NR];

	rcu_open(&rcu, e);
	env_fail(e, MMSIM_FAULT_SPAWN, 1, UINT32_MAX);
	queue_calls(&rcu, c, NR, &ran);
	let_run(e);
	assert_int_equal(ran, 0);
	assert_int_equal(mm_base_fault_fired(&e->fault, MMSIM_FAULT_SPAWN), 1);
	mm_sync_rcu_barrier(&rcu);
	assert_int_equal(ran, NR);
	queue_calls(&rcu, c, NR, &ran);
	c[0].again = 3;
	mm_sync_rcu_fini(&rcu);
	assert_int_equal(ran, 2 * NR + 3);
	env_fail(e, MMSIM_FAULT_SPAWN, 0, 0);
	env_close(e);
}

/* The k-th thread is not to be had; several wait at once, and one of them runs them all. */
static void without_a_thread_once(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });

	for (uint32_t nth = 1; nth < 12; nth++) {
		struct caller caller = { 0 };
		struct mm_rcu rcu;

		caller.rcu = &rcu;
		rcu_open(&rcu, e);
		env_fail(e, MMSIM_FAULT_SPAWN, nth, 1);
		call_and_wait(&caller);
		env_fail(e, MMSIM_FAULT_SPAWN, 0, 0);
		env_run(e, 2, call_and_wait, &caller, 0);
		assert_no_failure(&caller.failure, e->x->seed);
		mm_sync_rcu_fini(&rcu);
	}
	env_close(e);
}

static void init_without_memory(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 2 });
	uint64_t live = e->meta.live;
	uint32_t nth = 0;
	int err;

	(void)state;
	do {
		struct mm_rcu rcu;

		env_fail(e, MMSIM_FAULT_METADATA, ++nth, 1);
		err = mm_sync_rcu_init(&rcu, &e->locks, &e->topology);
		assert_int_equal(err, e->fault.point[MMSIM_FAULT_METADATA].fired ? -ENOMEM : 0);
		env_fail(e, MMSIM_FAULT_METADATA, 0, 0);
		if (!err)
			mm_sync_rcu_fini(&rcu);
		assert_int_equal(e->meta.live, live);
		assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_RCU).locks, 0);
		assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_RCU_WAIT).locks, 0);
	} while (err && nth < 20);
	assert_int_equal(nth, 1 + 3 + 1); /* counters; queue, pools, a pool's slots; none */
	env_close(e);
}

/* Simulated time: a reader costs nothing, and nobody waits where nobody reads. */
static void virtual_cost(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_VIRTUAL, .nr_cpus = 8 });
	struct mm_rcu rcu;
	uint64_t began;

	(void)state;
	rcu_open(&rcu, e);
	began = mm_exec_now(e->x);
	for (int i = 0; i < 100; i++)
		mm_rcu_read_unlock(&rcu, mm_rcu_read_lock(&rcu));
	assert_int_equal(mm_exec_now(e->x), began);
	mm_sync_rcu_fini(&rcu);
	env_close(e);
}

static void wait_for_oneself(void *arg)
{
	mm_rcu_read_lock(arg);
	mm_sync_rcu_synchronize(arg);
}

static void go_while_reading(void *arg)
{
	mm_rcu_read_lock(arg);
	mm_sync_rcu_fini(arg);
}

static void broken_rules(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 2 });
	struct mm_rcu rcu;

	(void)state;
	rcu_open(&rcu, e);
	assert_true(child_dies(wait_for_oneself, &rcu, "waits for RCU readers"));
	assert_true(child_dies(go_while_reading, &rcu, "R2: every reader has ended"));
	mm_sync_rcu_fini(&rcu);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(waits_for_readers_before),
		in_all_modes(nested),
		in_mode(grace_periods_are_shared, MMSIM_SERIAL, "serial"),
		in_all_modes(torture),
		in_all_modes(callbacks_in_order),
		in_all_modes(barriers_at_once),
		in_all_modes(queues_itself),
		in_all_modes(without_a_thread),
		in_all_modes(without_a_thread_once),
		cmocka_unit_test(init_without_memory),
		cmocka_unit_test(virtual_cost),
		cmocka_unit_test(broken_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
