/* SPDX-License-Identifier: MIT */
/* Contexts and their stacks. */
#include "fiber.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define STACK ((size_t)256 << 10)
#define NR 3

static struct mm_fiber home, fiber[NR];
static char journal[64];
static unsigned len;

static void stacks_init(struct mm_fiber_stacks *stacks, struct mm_fault *fault, uint32_t nth)
{
	struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { 0 };

	want[MMSIM_FAULT_SPAWN].nth = nth;
	mm_base_fault_init(fault, want);
	mm_exec_stacks_init(stacks, STACK, fault);
	mm_exec_fiber_adopt(&home);
	memset(journal, 0, sizeof(journal));
	len = 0;
}

/* Round the fibers and home, twice; each keeps its place and its locals. */
static void walk(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	for (unsigned round = 0; round < 2; round++) {
		journal[len++] = (char)('a' + me);
		mm_exec_fiber_switch(&fiber[me], me + 1 < NR ? &fiber[me + 1] : &home);
		journal[len++] = (char)('0' + me * 2 + round);
	}
	mm_exec_fiber_exit(&fiber[me], &home);
}

static void fibers_interleave(void **state)
{
	struct mm_fiber_stacks stacks;
	struct mm_fault fault;

	(void)state;
	stacks_init(&stacks, &fault, 0);
	for (uintptr_t i = 0; i < NR; i++)
		assert_int_equal(mm_exec_fiber_create(&fiber[i], &stacks, walk, (void *)i), 0);
	mm_exec_fiber_switch(&home, &fiber[0]);
	assert_string_equal(journal, "abc");
	mm_exec_fiber_switch(&home, &fiber[0]);
	assert_string_equal(journal, "abc0a2b4c");
	for (unsigned i = 0; i < NR; i++) {
		mm_exec_fiber_switch(&home, &fiber[i]);
		mm_exec_fiber_destroy(&fiber[i]);
	}
	assert_string_equal(journal, "abc0a2b4c135");
	assert_int_equal(stacks.nr_idle, NR);
	mm_exec_stacks_fini(&stacks);
	assert_int_equal(stacks.nr_idle, 0);
}

/* Most of the stack can be used, and what was on it does not matter to the next user. */
static void fill(void *arg)
{
	volatile char deep[STACK * 3 / 4];

	for (size_t i = 0; i < sizeof(deep); i += 512)
		deep[i] = 1;
	*(unsigned *)arg += (unsigned)deep[512];
	mm_exec_fiber_exit(&fiber[0], &home);
}

static void stacks_are_reused(void **state)
{
	struct mm_fiber_stacks stacks;
	struct mm_fault fault;
	unsigned runs = 0;
	void *first = NULL;

	(void)state;
	stacks_init(&stacks, &fault, 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(mm_exec_fiber_create(&fiber[0], &stacks, fill, &runs), 0);
		if (!i)
			first = fiber[0].stack;
		assert_ptr_equal(fiber[0].stack, first);
		mm_exec_fiber_switch(&home, &fiber[0]);
		mm_exec_fiber_destroy(&fiber[0]);
	}
	assert_int_equal(runs, 5);
	assert_int_equal(stacks.nr_idle, 1);
	mm_exec_stacks_fini(&stacks);
}

#define MANY 400

static struct mm_fiber many[MANY];

/* Of the many stacks and their guards, how many pages' worth of address space are still there? */
static unsigned count_mapped(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MANY; i++) {
		n += !msync(many[i].stack, 1, MS_ASYNC);
		n += !msync((char *)many[i].stack - sysconf(_SC_PAGESIZE), 1, MS_ASYNC);
	}
	return n;
}

/* Many are made, not all are kept, none is left. Never started ones may be destroyed. */
static void stacks_go(void **state)
{
	struct mm_fiber_stacks stacks;
	struct mm_fault fault;

	(void)state;
	stacks_init(&stacks, &fault, 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(mm_exec_fiber_create(&many[i], &stacks, fill, NULL), 0);
	assert_int_equal(count_mapped(), 2 * MANY);
	for (unsigned i = 0; i < MANY; i++)
		mm_exec_fiber_destroy(&many[i]);
	assert_true(stacks.nr_idle > 0 && stacks.nr_idle < MANY);
	mm_exec_stacks_fini(&stacks);
	assert_int_equal(count_mapped(), 0);
}

static void stack_fault(void **state)
{
	struct mm_fiber_stacks stacks;
	struct mm_fault fault;
	struct mm_fiber f;

	(void)state;
	stacks_init(&stacks, &fault, 2);
	assert_int_equal(mm_exec_fiber_create(&f, &stacks, fill, NULL), 0);
	mm_exec_fiber_destroy(&f);
	assert_int_equal(mm_exec_fiber_create(&f, &stacks, fill, NULL),
			 -EAGAIN); /* although idle */
	assert_int_equal(stacks.nr_idle, 1);
	assert_int_equal(mm_exec_fiber_create(&f, &stacks, fill, NULL), 0);
	mm_exec_fiber_destroy(&f);
	mm_exec_stacks_fini(&stacks);
}

/* Writes just below the stack; must not come back. */
static void below(void *arg)
{
	*((volatile char *)arg - 1) = 1;
	mm_exec_fiber_exit(&fiber[0], &home);
}

static void guard_stops(void **state)
{
	struct mm_fiber_stacks stacks;
	struct mm_fault fault;
	int status;
	pid_t child;

	(void)state;
	stacks_init(&stacks, &fault, 0);
	fflush(NULL);
	child = fork();
	if (!child) {
		struct rlimit no_core = { 0, 0 };

		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGSEGV, SIG_DFL);
		if (mm_exec_fiber_create(&fiber[0], &stacks, below, NULL))
			_exit(0);
		fiber[0].arg = fiber[0].stack;
		mm_exec_fiber_switch(&home, &fiber[0]);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fibers_interleave), cmocka_unit_test(stacks_are_reused),
		cmocka_unit_test(stacks_go),         cmocka_unit_test(stack_fault),
		cmocka_unit_test(guard_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
