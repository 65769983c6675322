/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the exec floor share: an exec with everything under it, and a child process that
 * must die with a message. Functions may be unused: each program takes what it needs.
 */
#ifndef EXEC_FIXTURE_H
#define EXEC_FIXTURE_H

#include "exec.h"
#include "exec_modes.h"
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define helper static __attribute__((unused))

struct env {
	struct mm_fault fault;
	struct mm_meta meta;
	struct mm_log log;
	struct mmsim_explore explore;
	struct mm_exec *x;
	struct mm_task guest;
};

helper void log_to_stderr(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

/* Made, and the calling thread not attached. `want` may be NULL: nothing fails. */
helper int env_create_on(struct env *e, enum mmsim_mode mode, unsigned nr_cpus,
			 const struct mmsim_cpu *cpu, const struct mmsim_fault *want)
{
	static const struct mmsim_fault none[MMSIM_NR_FAULT_KINDS];
	struct mm_exec_config cfg = {
		.mode = mode,
		.nr_cpus = nr_cpus,
		.cpu = cpu,
		.pin = true,
		.seed = 42,
		.meta = &e->meta,
		.fault = &e->fault,
		.log = &e->log,
	};
	int err;

	test_mode_needs(&cfg, &e->explore);
	mm_base_fault_init(&e->fault, want ? want : none);
	mm_base_log_init(&e->log, log_to_stderr, NULL);
	err = mm_base_meta_init(&e->meta, &e->fault);
	if (err)
		return err;
	err = mm_exec_create(&cfg, &e->x);
	if (err)
		mm_base_meta_fini(&e->meta); /* M1 */
	return err;
}

helper int env_create(struct env *e, enum mmsim_mode mode, unsigned nr_cpus,
		      const struct mmsim_fault *want)
{
	return env_create_on(e, mode, nr_cpus, NULL, want);
}

helper void env_destroy(struct env *e)
{
	mm_exec_destroy(e->x);
	mm_base_meta_fini(&e->meta); /* M1: nothing leaked */
}

helper void env_open(struct env *e, enum mmsim_mode mode, unsigned nr_cpus)
{
	assert_int_equal(env_create(e, mode, nr_cpus, NULL), 0);
	assert_true(mm_exec_attach(e->x, &e->guest));
}

helper void env_close(struct env *e)
{
	mm_exec_detach(e->x, &e->guest);
	env_destroy(e);
}

/* Does fn() in a child process end by abort(), with `text` on stderr? */
helper bool dies_with(void (*fn)(void), const char *text)
{
	char said[8192];
	size_t len = 0;
	ssize_t got;
	int fds[2], status;
	pid_t child;

	if (pipe(fds))
		return false;
	fflush(NULL);
	child = fork();
	if (!child) {
		struct rlimit no_core = { 0, 0 };

		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while ((got = read(fds[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)got;
	said[len] = '\0';
	close(fds[0]);
	if (waitpid(child, &status, 0) != child)
		return false;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, text))
		return true;
	fprintf(stderr, "child: status %#x, said: %s\n", (unsigned)status, said);
	return false;
}

helper unsigned count_threads(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/task");

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* The kernel lists a thread for a moment after it could be joined. */
helper unsigned count_threads_down_to(unsigned want)
{
	unsigned n = count_threads();

	for (int i = 0; i < 5000 && n > want; i++) {
		usleep(1000);
		n = count_threads();
	}
	return n;
}

/* Scenarios that run in every mode */

#define NR_CPUS 4
#define MAX_TASKS (10 * NR_CPUS)

helper enum mmsim_mode mode_of(void **state)
{
	return *(const enum mmsim_mode *)*state;
}

static __attribute__((unused)) enum mmsim_mode in_native = MMSIM_NATIVE, in_serial = MMSIM_SERIAL,
					       in_virtual = MMSIM_VIRTUAL,
					       in_explore = MMSIM_EXPLORE;

#define IN_MODE(fn, mode) ((struct CMUnitTest){ #fn " " #mode, fn, NULL, NULL, &mode })
#define ALL_MODES(fn)                                                            \
	IN_MODE(fn, in_native), IN_MODE(fn, in_serial), IN_MODE(fn, in_virtual), \
		IN_MODE(fn, in_explore)

/* A task that says where it ran. */
struct slot {
	struct mm_exec *x;
	struct mm_task task;
	unsigned runs;
	unsigned cpu;
	bool self;
	uint64_t draw;
};

helper void record(void *arg)
{
	struct slot *slot = arg;

	slot->runs++;
	slot->cpu = mm_exec_cpu(slot->x);
	slot->self = mm_task_current() == &slot->task;
	slot->draw = mm_rng_next(&mm_task_current()->rng);
}

/* nr of them at once, and all must be as it should. */
helper void spawn_and_check(struct env *e, unsigned nr)
{
	static struct slot slots[MAX_TASKS];

	memset(slots, 0, sizeof(slots));
	for (unsigned i = 0; i < nr; i++) {
		slots[i].x = e->x;
		assert_int_equal(mm_exec_spawn(e->x, &slots[i].task, NULL, record, &slots[i]), 0);
	}
	for (unsigned i = 0; i < nr; i++) {
		mm_exec_join(e->x, &slots[i].task);
		assert_int_equal(slots[i].runs, 1);
		assert_true(slots[i].self);
		assert_int_equal(slots[i].cpu, slots[i].task.cpu);
		assert_true(slots[i].cpu < NR_CPUS);
	}
	assert_ptr_equal(mm_task_current(), &e->guest);
	for (unsigned i = 0; i < NR_CPUS; i++)
		assert_int_equal(e->x->cpu[i].nr_tasks, 0);
}

#endif
