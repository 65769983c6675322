/* SPDX-License-Identifier: MIT */
/* The native back end: priorities of its threads, as the kernel reports them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "exec_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#define SKIPPED 77 /* Meson's */

static int program; /* the nice value that all began with */

static int lines; /* atomic: of the log */

static void count_line(void *ctx, const char *line)
{
	(void)ctx;
	__atomic_add_fetch(&lines, 1, __ATOMIC_RELAXED);
	fprintf(stderr, "%s\n", line);
}

static void open_native(struct env *e, unsigned nr_cpus)
{
	env_open(e, MMSIM_NATIVE, nr_cpus);
	e->log.sink = count_line;
	lines = 0;
}

/* May this process lower a thread and raise it again, and even above the others? */
static void *try_it(void *arg)
{
	static const struct sched_param none;

	*(bool *)arg = !sched_setscheduler(0, SCHED_IDLE, &none) &&
		       !sched_setscheduler(0, SCHED_OTHER, &none) &&
		       !setpriority(PRIO_PROCESS, 0, program + 1) &&
		       !setpriority(PRIO_PROCESS, 0, program - 1);
	return NULL;
}

static bool permitted(void)
{
	pthread_t thread;
	bool may = false;

	if (sched_getscheduler(0) != SCHED_OTHER || program < -14 || program > 4 ||
	    pthread_create(&thread, NULL, try_it, &may))
		return false;
	pthread_join(thread, NULL);
	return may;
}

static int policy_of(pid_t tid)
{
	return sched_getscheduler(tid);
}

static int level_of(pid_t tid)
{
	return getpriority(PRIO_PROCESS, (id_t)tid);
}

static pid_t own_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

/* A task that says who it is, what it began as, and ends when it is told. */
struct sitter {
	struct mm_task task;
	uint32_t tid, word; /* atomic, parkable */
	int policy, level; /* when it began */
};

static void sit(void *arg)
{
	struct sitter *s = arg;
	struct mm_exec *x = mm_task_current()->exec;

	s->policy = policy_of(0);
	s->level = level_of(0);
	__atomic_store_n(&s->tid, (uint32_t)own_tid(), __ATOMIC_RELEASE);
	mm_exec_unpark(x, &s->tid, 1);
	while (!__atomic_load_n(&s->word, __ATOMIC_ACQUIRE))
		mm_exec_park(x, &s->word, 0, MM_NEVER);
}

static void start(struct env *e, struct sitter *s, unsigned cpu)
{
	struct mm_cpumask on = mm_cpumask_of(cpu);

	*s = (struct sitter){ 0 };
	assert_int_equal(mm_exec_spawn(e->x, &s->task, &on, sit, s), 0);
}

static pid_t tid_of(struct env *e, struct sitter *s)
{
	uint32_t tid;

	while (!(tid = __atomic_load_n(&s->tid, __ATOMIC_ACQUIRE)))
		mm_exec_park(e->x, &s->tid, 0, MM_NEVER);
	return (pid_t)tid;
}

static void let_end(struct env *e, struct sitter *s)
{
	__atomic_store_n(&s->word, 1, __ATOMIC_RELEASE);
	mm_exec_unpark(e->x, &s->word, 1);
}

static void stop(struct env *e, struct sitter *s)
{
	let_end(e, s);
	mm_exec_join(e->x, &s->task);
}

static void assert_thread(pid_t tid, int policy, int level)
{
	assert_int_equal(policy_of(tid), policy);
	if (policy == SCHED_OTHER)
		assert_int_equal(level_of(tid), level);
}

static void there_and_back(void **state)
{
	struct sitter s;
	struct env e;
	pid_t tid;

	(void)state;
	if (!permitted())
		skip();
	open_native(&e, 2);
	start(&e, &s, 1);
	tid = tid_of(&e, &s);
	assert_thread(tid, SCHED_OTHER, program);
	mm_exec_set_nice(e.x, &s.task, MM_NICE_LOWEST);
	assert_thread(tid, SCHED_IDLE, 0);
	mm_exec_set_nice(e.x, &s.task, 0);
	assert_thread(tid, SCHED_OTHER, program);
	mm_exec_set_nice(e.x, &s.task, 10);
	assert_thread(tid, SCHED_OTHER, program + 10);
	mm_exec_set_nice(e.x, &s.task, MM_NICE_LOWEST);
	assert_thread(tid, SCHED_IDLE, 0);
	mm_exec_set_nice(e.x, &s.task, -1);
	assert_thread(tid, SCHED_OTHER, program - 1);
	mm_exec_set_nice(e.x, &s.task, 5);
	assert_thread(tid, SCHED_OTHER, program + 5);
	stop(&e, &s);
	assert_int_equal(lines, 0);
	env_close(&e);
}

/* One worker, task after task: each begins as the program is. */
static void workers_are_clean(void **state)
{
	static const int nice[] = { MM_NICE_LOWEST, 0, 7, -1, MM_NICE_LOWEST };
	struct sitter s;
	struct env e;
	pid_t tid = 0;

	(void)state;
	if (!permitted())
		skip();
	open_native(&e, 2);
	for (unsigned i = 0; i < sizeof(nice) / sizeof(nice[0]); i++) {
		start(&e, &s, 1);
		assert_true(!tid || tid == tid_of(&e, &s));
		tid = tid_of(&e, &s);
		assert_int_equal(s.policy, SCHED_OTHER);
		assert_int_equal(s.level, program);
		mm_exec_set_nice(e.x, &s.task, nice[i]);
		stop(&e, &s);
		/* Idle before joined, N1. */
		assert_thread(tid, SCHED_OTHER, program);
	}
	env_close(&e);
}

/* Right after the spawn: the thread may not have begun, its worker may not have looked. Not lost. */
static void early_ones_are_not_lost(void **state)
{
	struct sitter s[16];
	struct env e;

	(void)state;
	if (!permitted())
		skip();
	open_native(&e, 2);
	for (int round = 0; round < 20; round++) { /* the first: threads are made */
		for (unsigned i = 0; i < 16; i++) {
			start(&e, &s[i], i % 2);
			mm_exec_set_nice(e.x, &s[i].task, i % 3 ? MM_NICE_LOWEST : 4);
		}
		for (unsigned i = 0; i < 16; i++) {
			pid_t tid = tid_of(&e, &s[i]);

			assert_thread(tid, i % 3 ? SCHED_IDLE : SCHED_OTHER, program + 4);
			stop(&e, &s[i]);
			assert_thread(tid, SCHED_OTHER, program);
		}
	}
	env_close(&e);
}

static void set_own_and_spawn(void *arg)
{
	struct sitter *s = arg;
	struct mm_exec *x = mm_task_current()->exec;
	struct mm_cpumask on = mm_cpumask_of(2);

	mm_exec_set_nice(x, mm_task_current(), MM_NICE_LOWEST);
	s->word = 1;
	if (!mm_exec_spawn(x, &s->task, &on, sit, s))
		mm_exec_join(x, &s->task);
}

/* A thread takes over the policy of its maker; a worker does not. */
static void new_workers_are_clean(void **state)
{
	struct sitter s = { 0 };
	struct mm_cpumask on = mm_cpumask_of(1);
	struct mm_task task;
	struct env e;

	(void)state;
	if (!permitted())
		skip();
	open_native(&e, 3);
	assert_int_equal(mm_exec_spawn(e.x, &task, &on, set_own_and_spawn, &s), 0);
	mm_exec_join(e.x, &task);
	assert_int_equal(s.policy, SCHED_OTHER);
	assert_int_equal(s.level, program);
	env_close(&e);
}

/* N2: neither the program's thread, nor the worker of a task that has ended. */
static void others_stay_as_they_are(void **state)
{
	struct sitter first, second;
	struct env e;

	(void)state;
	if (!permitted())
		skip();
	open_native(&e, 2);
	mm_exec_set_nice(e.x, &e.guest, MM_NICE_LOWEST);
	assert_int_equal(e.guest.nice, MM_NICE_LOWEST);
	assert_thread(0, SCHED_OTHER, program);
	start(&e, &first, 1);
	let_end(&e, &first);
	while (!__atomic_load_n(&first.task.done, __ATOMIC_ACQUIRE))
		e.x->ops->yield(e.x);
	first.task.nice = MM_NICE_LOWEST;
	e.x->ops->set_nice(e.x, &first.task, MM_NICE_LOWEST);
	assert_thread(tid_of(&e, &first), SCHED_OTHER, program);
	start(&e, &second, 1);
	assert_int_equal(tid_of(&e, &first), tid_of(&e, &second));
	e.x->ops->set_nice(e.x, &first.task, MM_NICE_LOWEST);
	assert_thread(tid_of(&e, &second), SCHED_OTHER, program);
	mm_exec_join(e.x, &first.task);
	stop(&e, &second);
	env_close(&e);
}

struct changer {
	struct mm_exec *x;
	struct mm_task *task;
	int last;
};

static void change_often(void *arg)
{
	static const int nice[] = { MM_NICE_LOWEST, 0, 3 };
	struct changer *c = arg;

	for (int i = 0; i < 300; i++)
		mm_exec_set_nice(c->x, c->task, nice[mm_rng_below(&mm_task_current()->rng, 3)]);
}

/* From several threads at once: the thread is what task->nice says last. */
static void many_at_once(void **state)
{
	struct mm_task task[3];
	struct changer c;
	struct sitter s;
	struct env e;

	(void)state;
	if (!permitted())
		skip();
	open_native(&e, 4);
	start(&e, &s, 0);
	c = (struct changer){ .x = e.x, .task = &s.task };
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(mm_exec_spawn(e.x, &task[i], NULL, change_often, &c), 0);
	for (unsigned i = 0; i < 3; i++)
		mm_exec_join(e.x, &task[i]);
	assert_thread(tid_of(&e, &s), s.task.nice == MM_NICE_LOWEST ? SCHED_IDLE : SCHED_OTHER,
		      program + s.task.nice);
	stop(&e, &s);
	env_close(&e);
}

/* Without the right to raise a thread: nobody is lowered, it is noted, and said once. */
static void unprivileged(void)
{
	static const struct rlimit none;
	struct sitter s;
	struct env e;
	bool fine;

	if (setrlimit(RLIMIT_NICE, &none) || (!geteuid() && setuid(65534)))
		_exit(SKIPPED);
	env_open(&e, MMSIM_NATIVE, 2);
	e.log.sink = count_line;
	start(&e, &s, 1);
	mm_exec_set_nice(e.x, &s.task, MM_NICE_LOWEST);
	fine = policy_of(tid_of(&e, &s)) == SCHED_OTHER && s.task.nice == MM_NICE_LOWEST;
	mm_exec_set_nice(e.x, &s.task, 4);
	fine &= level_of(tid_of(&e, &s)) == program && lines == 1;
	fine &= policy_of(0) == SCHED_OTHER && level_of(0) == program; /* who asked */
	stop(&e, &s);
	env_close(&e);
	_exit(fine ? 0 : 1);
}

static void nobody_is_lowered_for_ever(void **state)
{
	int status;
	pid_t child;

	(void)state;
	fflush(NULL);
	child = fork();
	if (!child)
		unprivileged();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_lowered_for_ever),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(workers_are_clean),
		cmocka_unit_test(early_ones_are_not_lost),
		cmocka_unit_test(new_workers_are_clean),
		cmocka_unit_test(others_stay_as_they_are),
		cmocka_unit_test(many_at_once),
	};
	int failed;

	program = getpriority(PRIO_PROCESS, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return failed || permitted() ? failed : SKIPPED;
}
