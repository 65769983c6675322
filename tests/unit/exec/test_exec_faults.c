/* SPDX-License-Identifier: MIT */
/* What every back end must do, in each mode, when something fails or is broken. */
#include "exec_fixture.h"

#define SWEPT 6

/* Returns how many spawns failed, or -1 when there was not even an exec. */
static int try_some(enum mmsim_mode mode, const struct mmsim_fault *want, uint32_t fired[])
{
	struct slot slots[SWEPT] = { 0 };
	struct env e;
	int failed = 0, ret[SWEPT];

	if (env_create(&e, mode, NR_CPUS, want)) {
		failed = -1;
	} else {
		mm_exec_attach(e.x, &e.guest);
		for (int i = 0; i < SWEPT; i++) {
			slots[i].x = e.x;
			ret[i] = mm_exec_spawn(e.x, &slots[i].task, NULL, record, &slots[i]);
		}
		for (int i = 0; i < SWEPT; i++) {
			if (!ret[i])
				mm_exec_join(e.x, &slots[i].task);
			assert_int_equal(slots[i].runs, !ret[i]);
			assert_true(!ret[i] || ret[i] == -EAGAIN);
			failed += ret[i] != 0;
		}
		for (unsigned i = 0; i < NR_CPUS; i++)
			assert_int_equal(e.x->cpu[i].nr_tasks, 0);
		env_close(&e); /* M1, E3 */
	}
	for (int k = 0; k < MMSIM_NR_FAULT_KINDS; k++)
		fired[k] = mm_base_fault_fired(&e.fault, (enum mmsim_fault_kind)k);
	return failed;
}

/* Every spawn passes the fault point once, so the k-th fails, and a (k+1)st is not there. */
static void spawn_sweep(void **state)
{
	uint32_t fired[MMSIM_NR_FAULT_KINDS], nth;

	for (nth = 1; nth <= SWEPT + 1; nth++) {
		struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { 0 };

		want[MMSIM_FAULT_SPAWN].nth = nth;
		assert_int_equal(try_some(mode_of(state), want, fired), nth <= SWEPT);
		assert_int_equal(fired[MMSIM_FAULT_SPAWN], nth <= SWEPT);
	}
}

static void metadata_sweep(void **state)
{
	uint32_t fired[MMSIM_NR_FAULT_KINDS], nth = 0;

	do {
		struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { 0 };
		int failed;

		want[MMSIM_FAULT_METADATA].nth = ++nth;
		failed = try_some(mode_of(state), want, fired);
		assert_true(failed == 0 || failed == -1 || failed == 1);
		assert_int_equal(failed != 0, fired[MMSIM_FAULT_METADATA]);
	} while (fired[MMSIM_FAULT_METADATA]);
	assert_true(nth > 4); /* the arena, the exec, its CPUs, a task */
}

static void broken_e3_unjoined(enum mmsim_mode mode)
{
	struct env e;
	struct slot slot = { 0 };

	env_open(&e, mode, 1);
	slot.x = e.x;
	mm_exec_spawn(e.x, &slot.task, NULL, record, &slot);
	mm_exec_sleep_until(e.x, mm_exec_now(e.x) + 1000000);
	env_close(&e);
}

static void broken_e1_detach(enum mmsim_mode mode)
{
	struct env e;
	struct mm_task other;

	env_open(&e, mode, 1);
	other = e.guest;
	mm_exec_detach(e.x, &other);
}

static void broken_e3_self(enum mmsim_mode mode)
{
	struct env e;

	env_open(&e, mode, 1);
	mm_exec_destroy(e.x);
}

static void broken_e4_mask(enum mmsim_mode mode)
{
	struct env e;
	struct slot slot = { 0 };
	struct mm_cpumask beyond = mm_cpumask_of(1);

	env_open(&e, mode, 1);
	mm_exec_spawn(e.x, &slot.task, &beyond, record, &slot);
}

#define IN_CHILD(fn)                                                                     \
	static void fn##_native(void)                                                    \
	{                                                                                \
		fn(MMSIM_NATIVE);                                                        \
	}                                                                                \
	static void fn##_serial(void)                                                    \
	{                                                                                \
		fn(MMSIM_SERIAL);                                                        \
	}                                                                                \
	static void fn##_virtual(void)                                                   \
	{                                                                                \
		fn(MMSIM_VIRTUAL);                                                       \
	}                                                                                \
	static void fn##_explore(void)                                                   \
	{                                                                                \
		fn(MMSIM_EXPLORE);                                                       \
	}                                                                                \
	static void (*const fn##_in[])(void) = { fn##_native, fn##_serial, fn##_virtual, \
						 fn##_explore };

IN_CHILD(broken_e3_unjoined)
IN_CHILD(broken_e1_detach)
IN_CHILD(broken_e3_self)
IN_CHILD(broken_e4_mask)

static void invariants_stop(void **state)
{
	enum mmsim_mode mode = mode_of(state);

#define DIES(fn, text) assert_true(dies_with(fn##_in[mode], text))
	DIES(broken_e3_unjoined, "E3: every spawned task was joined");
	DIES(broken_e1_detach, "E1: who detaches");
	DIES(broken_e3_self, "E3: the destroyer");
	DIES(broken_e4_mask, "E4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_MODES(spawn_sweep),
		ALL_MODES(metadata_sweep),
		ALL_MODES(invariants_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
