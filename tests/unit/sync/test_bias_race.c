/* SPDX-License-Identifier: MIT */
/*
 * lib/sync/spinlock.h, S1 and S3: nobody is inside beside the thread that has the bias of a lock. Skipped
 * where no lock is ever biased.
 */
#include "spinlock.h"

#include "exec_env.h"
#include "first_failure.h"
#include "time_box.h"
#include <sched.h>

enum { REVOCATIONS = 5000 };

/* Two that count under one lock: one that has the bias nearly always, and one that takes it away. */
struct rivals {
	struct env *env;
	struct mm_spinlock lock;
	struct first_failure failure;
	uint64_t end; /* of the time box */
	unsigned host[2];
	bool biased; /* threads have flags here */
	bool apart; /* on two CPUs of the host, else they take turns */
	unsigned revocations;
	uint32_t over; /* atomic */
	unsigned inside; /* plain: whoever is inside may touch it */
	uint64_t count; /* plain */
};

/* `pauses` long. The compiler may not keep what is counted in a register. */
static void be_inside(struct rivals *v, unsigned pauses)
{
	expect_in_task(&v->failure, v->inside == 0, v->inside);
	v->inside++;
	for (unsigned i = 0; i < pauses; i++)
		__asm__ volatile("" ::: "memory");
	expect_in_task(&v->failure, v->inside == 1, v->inside);
	v->inside--;
	v->count++;
}

/* Under load both could be left on one CPU for longer than the test takes, and nothing would be seen. */
static void go_to_host_cpu(const struct rivals *v, unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (v->apart)
		sched_setaffinity(0, sizeof(set), &set);
}

static void take_turns(const struct rivals *v)
{
	if (!v->apart)
		env_yield(v->env->x);
}

static void stay(void *arg)
{
	struct rivals *v = arg;
	const struct mm_task *me = mm_task_current();
	struct mm_spinlock *s = &v->lock;

	go_to_host_cpu(v, v->host[0]);
	for (unsigned quick = 0; !__atomic_load_n(&v->over, __ATOMIC_ACQUIRE);) {
		if (mm_spin_enter_quick(s, me)) {
			be_inside(v, 30);
			mm_spin_leave_quick(me);
			if (++quick % 256 == 0)
				take_turns(v);
		} else if (mm_sync_spin_trylock_bare(s, me)) {
			be_inside(v, 0);
			mm_spin_unlock_bare(s);
		}
	}
}

enum { BY_LOCK, BY_TRYLOCK, BARE, NR_WAYS };

static bool get(struct mm_spinlock *s, unsigned how)
{
	switch (how % NR_WAYS) {
	case BY_LOCK:
		mm_spin_lock(s);
		return true;
	case BY_TRYLOCK:
		return mm_spin_trylock(s);
	default:
		return mm_sync_spin_trylock_bare(s, mm_task_current());
	}
}

static void put(struct mm_spinlock *s, unsigned how)
{
	if (how % NR_WAYS == BARE)
		mm_spin_unlock_bare(s);
	else
		mm_spin_unlock(s);
}

static bool has_had_enough(const struct rivals *v)
{
	return v->revocations >= REVOCATIONS || v->failure.taken || time_box_over(v->end);
}

static void come_between(void *arg)
{
	struct rivals *v = arg;
	struct mm_spinlock *s = &v->lock;

	go_to_host_cpu(v, v->host[1]);
	for (unsigned how = 0; !has_had_enough(v); how++) {
		while (!__atomic_load_n(&s->bias, __ATOMIC_RELAXED) && !time_box_over(v->end))
			take_turns(v);
		if (!get(s, how))
			continue;
		be_inside(v, 1000);
		put(s, how);
		v->revocations++;
	}
	__atomic_store_n(&v->over, 1, __ATOMIC_RELEASE);
}

static void find_host_cpus(struct rivals *v)
{
	unsigned nr = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && nr < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			v->host[nr++] = cpu;
	v->apart = nr == 2;
}

static void look_for_flag(void *arg)
{
	struct rivals *v = arg;

	v->biased = mm_task_current()->quick;
}

static void race(struct rivals *v)
{
	void (*const fn[2])(void *arg) = { stay, come_between };
	struct mm_task task[2];

	v->end = time_box_open(1000);
	for (int i = 0; i < 2; i++)
		assert_int_equal(mm_exec_spawn(v->env->x, &task[i], NULL, fn[i], v), 0);
	for (int i = 0; i < 2; i++)
		mm_exec_join(v->env->x, &task[i]);
	print_message("  taken away %u times\n", v->revocations);
	assert_no_failure(&v->failure, v->env->x->seed);
	assert_true(v->revocations > 0);
	assert_int_equal(v->lock.lock.acquired, v->count);
}

static void nobody_is_inside_beside_it(void **state)
{
	struct rivals v = { .end = 0 };

	(void)state;
	v.env = env_open(&(struct env_shape){ .mode = MMSIM_NATIVE, .nr_cpus = 2 });
	mm_sync_spin_init(&v.lock, &v.env->locks, MM_RANK_PCP);
	find_host_cpus(&v);
	env_run(v.env, 1, look_for_flag, &v, 0);
	if (v.biased)
		race(&v);
	mm_sync_spin_fini(&v.lock);
	env_close(v.env);
	if (!v.biased)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_inside_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
