/* SPDX-License-Identifier: MIT */
/* The native back end: its threads. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "exec_fixture.h"

#include <pthread.h>
#include <sched.h>

static unsigned nr_threads; /* without any of ours */

static void nothing(void *arg)
{
	(void)arg;
}

/* One worker serves any number of tasks that follow one another: idle before joined. */
static void worker_is_reused(void **state)
{
	struct mm_cpumask on = mm_cpumask_of(1);
	unsigned before = nr_threads;
	struct mm_task task;
	struct env e;

	(void)state;
	env_open(&e, MMSIM_NATIVE, 2);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(mm_exec_spawn(e.x, &task, &on, nothing, NULL), 0);
		mm_exec_join(e.x, &task);
	}
	assert_int_equal(count_threads(), before + 1);
	env_close(&e);
	assert_int_equal(count_threads_down_to(before), before);
}

static void wait_zero(void *arg)
{
	uint32_t *left = arg;
	struct mm_exec *x = mm_task_current()->exec;
	uint32_t seen = __atomic_sub_fetch(left, 1, __ATOMIC_ACQ_REL);

	if (!seen)
		mm_exec_unpark(x, left, UINT32_MAX);
	while ((seen = __atomic_load_n(left, __ATOMIC_ACQUIRE)))
		mm_exec_park(x, left, seen, MM_NEVER);
}

/* Tasks that need one another to end all run at the same time; destroy ends their threads. */
static void destroy_joins_idle(void **state)
{
	unsigned before = nr_threads;
	uint32_t left = 12;
	struct mm_task task[12];
	struct env e;

	(void)state;
	env_open(&e, MMSIM_NATIVE, 3);
	for (int i = 0; i < 12; i++)
		assert_int_equal(mm_exec_spawn(e.x, &task[i], NULL, wait_zero, &left), 0);
	for (int i = 0; i < 12; i++)
		mm_exec_join(e.x, &task[i]);
	assert_int_equal(count_threads(), before + 12);
	usleep(1000); /* some asleep, in all likelihood */
	env_close(&e);
	assert_int_equal(count_threads_down_to(before), before);
}

struct view {
	cpu_set_t set;
	sigset_t blocked;
};

static void look(void *arg)
{
	struct view *view = arg;

	sched_getaffinity(0, sizeof(view->set), &view->set);
	pthread_sigmask(SIG_SETMASK, NULL, &view->blocked);
}

static unsigned nth_cpu(const cpu_set_t *set, int nth)
{
	unsigned cpu = 0;

	while (!CPU_ISSET(cpu, set) || nth--)
		cpu++;
	return cpu;
}

static void workers_are_bound(void **state)
{
	cpu_set_t may;
	struct env e;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(may), &may), 0);
	env_open(&e, MMSIM_NATIVE, 5);
	for (int cpu = 0; cpu < 5; cpu++) {
		struct mm_cpumask on = mm_cpumask_of((unsigned)cpu);
		struct mm_task task;
		struct view view;

		assert_int_equal(mm_exec_spawn(e.x, &task, &on, look, &view), 0);
		mm_exec_join(e.x, &task);
		assert_int_equal(CPU_COUNT(&view.set), 1);
		assert_true(CPU_ISSET(nth_cpu(&may, cpu % CPU_COUNT(&may)), &view.set));
		assert_true(sigismember(&view.blocked, SIGINT));
		assert_false(sigismember(&view.blocked, SIGSEGV));
	}
	env_close(&e);
}

/* The thread is on the last host CPU that it may use, and stays there. */
static void attach_says_where(void **state)
{
	cpu_set_t may, one;
	unsigned last;
	int nr;
	struct env e;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(may), &may), 0);
	nr = CPU_COUNT(&may);
	last = nth_cpu(&may, nr - 1);
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	assert_int_equal(env_create(&e, MMSIM_NATIVE, (unsigned)nr, NULL), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	mm_exec_attach(e.x, &e.guest);
	assert_int_equal(e.guest.cpu, nr - 1);
	assert_int_equal(sched_setaffinity(0, sizeof(may), &may), 0);
	env_close(&e);
}

static void *stay(void *arg)
{
	pthread_barrier_wait(arg);
	return NULL;
}

/* ThreadSanitizer starts a thread of its own with the first one: let that be over. */
static int first_thread(void **state)
{
	pthread_barrier_t both;
	pthread_t thread;

	(void)state;
	if (pthread_barrier_init(&both, NULL, 2) || pthread_create(&thread, NULL, stay, &both))
		return -1;
	nr_threads = count_threads() - 1;
	pthread_barrier_wait(&both);
	pthread_join(thread, NULL);
	return count_threads_down_to(nr_threads) != nr_threads;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_is_reused),
		cmocka_unit_test(destroy_joins_idle),
		cmocka_unit_test(workers_are_bound),
		cmocka_unit_test(attach_says_where),
	};

	return cmocka_run_group_tests(tests, first_thread, NULL);
}
