/* SPDX-License-Identifier: MIT */
/* Contexts and their stacks. */
#include "fiber.h"

#include <errno.h>
#include <fcntl.h>
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
	mm_exec_stacks_init(stacks, STACK, fault, false);
	mm_exec_fiber_adopt(&home, stacks);
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

/* What survives a switch: the registers that a call preserves, and all of the caller's locals. */
static double spin(unsigned me)
{
	double sum = me;
	uint64_t a = me, b = me + 1, c = me + 2, d = me + 3, e = me + 4;

	for (unsigned i = 0; i < 1000; i++) {
		mm_exec_fiber_switch(&fiber[me], &fiber[(me + 1) % NR]);
		sum += (double)(a + b + c + d + e);
		a++, b += 2, c += 3, d += 4, e += 5;
	}
	return sum + (double)(a ^ b ^ c ^ d ^ e);
}

static double sums[NR];

static void spinner(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	sums[me] = spin(me);
	mm_exec_fiber_exit(&fiber[me], me + 1 < NR ? &fiber[me + 1] : &home);
}

static double spun(unsigned me)
{
	double sum = me;
	uint64_t v[5];
	uint64_t bits = 0;

	for (unsigned i = 0; i < 5; i++) {
		v[i] = me + i + 1000 * (i + 1);
		bits ^= v[i];
		sum += 1000.0 * (me + i) + 999.0 * 1000.0 / 2 * (i + 1);
	}
	return sum + (double)bits;
}

static void locals_survive(void **state)
{
	struct mm_fiber_stacks stacks;
	struct mm_fault fault;

	(void)state;
	stacks_init(&stacks, &fault, 0);
	for (uintptr_t i = 0; i < NR; i++)
		assert_int_equal(mm_exec_fiber_create(&fiber[i], &stacks, spinner, (void *)i), 0);
	mm_exec_fiber_switch(&home, &fiber[0]);
	for (unsigned i = 0; i < NR; i++) {
		assert_true(sums[i] == spun(i));
		mm_exec_fiber_destroy(&fiber[i]);
	}
	mm_exec_stacks_fini(&stacks);
}

/* The caller of fn finds the stack aligned, as the ABI wants it. */
static void align(void *arg)
{
	_Alignas(16) volatile char local[16];
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

	local[0] = 0;
	*(uintptr_t *)arg = (frame & 15) | ((uintptr_t)&local[0] & 15);
	mm_exec_fiber_exit(&fiber[0], &home);
}

static void stack_is_aligned(void **state)
{
	struct mm_fiber_stacks stacks;
	struct mm_fault fault;
	uintptr_t off = 1;

	(void)state;
	stacks_init(&stacks, &fault, 0);
	assert_int_equal(mm_exec_fiber_create(&fiber[0], &stacks, align, &off), 0);
	mm_exec_fiber_switch(&home, &fiber[0]);
	assert_int_equal(off, 0);
	mm_exec_fiber_destroy(&fiber[0]);
	mm_exec_stacks_fini(&stacks);
}

/* What ThreadSanitizer says of two fibers, one after the other, each made and ended by home. */

#if MM_TSAN
#include <sys/syscall.h>

static unsigned reports;

/* Called by the runtime for each report. */
void __tsan_on_report(void *report);
void __tsan_on_report(void *report)
{
	(void)report;
	__atomic_fetch_add(&reports, 1, __ATOMIC_RELAXED);
}

static unsigned plain, flag;

static void write_plain(void *arg)
{
	plain++;
	mm_exec_fiber_exit(arg, &home);
}

/* The program's own synchronisation. */
static void write_and_publish(void *arg)
{
	while (!__atomic_load_n(&flag, __ATOMIC_ACQUIRE))
		mm_exec_fiber_switch(arg, &home);
	plain++;
	__atomic_store_n(&flag, 2, __ATOMIC_RELEASE);
	mm_exec_fiber_exit(arg, &home);
}

static void read_plain(void *arg)
{
	if (plain != 1)
		_exit(98);
	mm_exec_fiber_exit(arg, &home);
}

static void write_stack(void *arg)
{
	char deep[4096];
	volatile char *out = deep;

	__asm__ volatile(""
			 : "+r"(out)
			 :
			 : "memory"); /* or compilers know that it is nobody else's */
	for (size_t i = 0; i < sizeof(deep); i++)
		out[i] = (char)i;
	mm_exec_fiber_exit(arg, &home);
}

/* Both are made first: neither begins after the other. */
static void run_side_by_side(struct mm_fiber_stacks *stacks, void (*fn)(void *arg))
{
	plain = 1; /* before the creation, so no race */
	for (unsigned i = 0; i < 2; i++)
		if (mm_exec_fiber_create(&fiber[i], stacks, fn, &fiber[i]))
			_exit(99);
	for (unsigned i = 0; i < 2; i++)
		mm_exec_fiber_switch(&home, &fiber[i]);
}

static void run_published(struct mm_fiber_stacks *stacks)
{
	run_side_by_side(stacks, write_and_publish);
	__atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < 2; i++)
		mm_exec_fiber_switch(&home, &fiber[i]);
	if (__atomic_load_n(&flag, __ATOMIC_ACQUIRE) == 2)
		plain++; /* as who joins */
}

/* The second one is made after the first has ended, of the same struct. */
static void run_in_turn(struct mm_fiber_stacks *stacks)
{
	for (unsigned i = 0; i < 3; i++) {
		if (mm_exec_fiber_create(&fiber[0], stacks, write_stack, &fiber[0]))
			_exit(99);
		mm_exec_fiber_switch(&home, &fiber[0]);
		mm_exec_fiber_destroy(&fiber[0]);
	}
}

static void run_one(struct mm_fiber_stacks *stacks, void (*fn)(void *arg))
{
	plain = 1;
	if (mm_exec_fiber_create(&fiber[0], stacks, fn, &fiber[0]))
		_exit(99);
	mm_exec_fiber_switch(&home, &fiber[0]);
}

enum scene { SCENE_PLAIN, SCENE_PUBLISHED, SCENE_IN_TURN, SCENE_START, SCENE_END };

static void play(struct mm_fiber_stacks *stacks, enum scene scene)
{
	switch (scene) {
	case SCENE_PLAIN:
		run_side_by_side(stacks, write_plain);
		break;
	case SCENE_PUBLISHED:
		run_published(stacks);
		break;
	case SCENE_IN_TURN:
		run_in_turn(stacks);
		break;
	case SCENE_START:
		run_one(stacks, read_plain);
		break;
	case SCENE_END:
		run_one(stacks, write_plain);
		plain++;
		break;
	}
}

/* In a child: a report would make this process fail. Is there one? */
static bool is_reported(enum scene scene, bool unordered)
{
	struct mm_fiber_stacks stacks;
	struct mm_fault fault;
	int status;
	pid_t child;

	stacks_init(&stacks, &fault, 0);
	stacks.unordered = unordered;
	fflush(NULL);
	child = fork();
	if (!child) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDERR_FILENO);
		play(&stacks, scene);
		/* Past the runtime, which gives fibers that still live a second to end. */
		syscall(SYS_exit_group, reports ? 66 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 66);
	return WEXITSTATUS(status) != 0;
}

static void races_are_found(void **state)
{
	(void)state;
	assert_true(is_reported(SCENE_PLAIN, true));
	assert_false(is_reported(SCENE_PLAIN, false));
	assert_true(is_reported(SCENE_END, true));
	assert_false(is_reported(SCENE_END, false));
}

static void no_race_is_invented(void **state)
{
	(void)state;
	assert_false(is_reported(SCENE_PUBLISHED, true));
	assert_false(is_reported(SCENE_START, true));
	assert_false(is_reported(SCENE_IN_TURN, true));
	assert_false(is_reported(SCENE_IN_TURN, false));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fibers_interleave),
		cmocka_unit_test(stacks_are_reused),
		cmocka_unit_test(stacks_go),
		cmocka_unit_test(stack_fault),
		cmocka_unit_test(guard_stops),
		cmocka_unit_test(locals_survive),
		cmocka_unit_test(stack_is_aligned),
#if MM_TSAN
		cmocka_unit_test(races_are_found),
		cmocka_unit_test(no_race_is_invented),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
