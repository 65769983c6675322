/* SPDX-License-Identifier: MIT */
/*
 * Ordered jobs without memory and without threads, and with broken books.
 */
#include "order_rig.h"

#include "child_dies.h"

enum { CPUS = 4, JOBS = 24, LIMIT = 400 };

static void alloc_without_memory(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = CPUS });
	uint64_t live = e->meta.live;
	struct mmsim_padata_instance *pinst;
	uint32_t nth = 0;

	do {
		env_fail(e, MMSIM_FAULT_METADATA, ++nth, 1);
		pinst = order_alloc(e);
		env_fail(e, MMSIM_FAULT_METADATA, 0, 0);
		assert_true(pinst || e->meta.live == live);
	} while (!pinst && nth < LIMIT);
	/* Itself, works, lists; two queues, their pools and CPUS sets of workers. */
	assert_int_equal(nth, 3 + 2 * (2 + CPUS) + 1);
	assert_int_equal(mm_job_padata_free(pinst), 0);
	env_close(e);
}

static uint64_t live_objects(struct order_rig *rig)
{
	return __atomic_load_n(&rig->e->meta.live, __ATOMIC_RELAXED);
}

static void shell_without_memory(void **state)
{
	struct mmsim_padata_shell *ps;
	struct order_rig rig;
	uint64_t live;

	order_open(&rig, mode_of(state), CPUS);
	live = live_objects(&rig);
	for (uint32_t nth = 1; nth <= 2; nth++) {
		env_fail(rig.e, MMSIM_FAULT_METADATA, nth, 1);
		assert_null(mm_job_padata_alloc_shell(rig.pinst));
		assert_int_equal(live_objects(&rig), live);
	}
	env_fail(rig.e, MMSIM_FAULT_METADATA, 3, 1);
	ps = mm_job_padata_alloc_shell(rig.pinst);
	env_fail(rig.e, MMSIM_FAULT_METADATA, 0, 0);
	assert_non_null(ps);
	mm_job_padata_free_shell(ps);
	order_close(&rig);
}

/* O6: with jobs on their way, and whichever shell it fails for. */
static void masks_without_memory(void **state)
{
	const struct mmsim_cpumask mask = { { 4 } };
	struct order_job jobs[JOBS + 1];
	struct order_rig rig;
	uint64_t live;

	order_open(&rig, mode_of(state), CPUS);
	order_submit_kept(jobs, &rig, 1, 0, JOBS);
	order_let_run(&rig);
	live = live_objects(&rig);
	for (uint32_t nth = 1; nth <= ORDER_SHELLS; nth++) {
		env_fail(rig.e, MMSIM_FAULT_METADATA, nth, 1);
		assert_int_equal(
			mm_job_padata_set_cpumask(rig.pinst, MMSIM_PADATA_CPU_SERIAL, &mask),
			-ENOMEM);
		assert_int_equal(live_objects(&rig), live);
		order_assert_mask(&rig, MMSIM_PADATA_CPU_SERIAL, false, "f\n");
	}
	env_fail(rig.e, MMSIM_FAULT_METADATA, 0, 0);
	assert_int_equal(mm_job_padata_validate(rig.pinst), 0);
	order_job_init(&jobs[JOBS], &rig, 1, JOBS);
	assert_int_equal(order_submit(&jobs[JOBS], 3), 0);
	assert_int_equal(jobs[JOBS].cb_cpu, 3);
	for (unsigned i = JOBS; i-- > 0;)
		order_finish(&jobs[i]);
	order_close(&rig);
	assert_int_equal(rig.serials, JOBS + 1);
}

/* The k-th thread, or every one from it on, cannot be started: a flush does it all the same. */
static void sweep(enum mmsim_mode mode, uint32_t count)
{
	uint32_t nth = 0, fired;

	do {
		struct order_job jobs[JOBS];
		struct order_rig rig;

		order_open(&rig, mode, CPUS);
		env_fail(rig.e, MMSIM_FAULT_SPAWN, ++nth, count);
		for (unsigned i = 0; i < JOBS; i++) {
			order_job_init(&jobs[i], &rig, i % 2, i);
			jobs[i].priv.serial = order_serial_anywhere;
			assert_int_equal(order_submit(&jobs[i], i % CPUS), 0);
		}
		order_flush(&rig);
		assert_int_equal(rig.serials, JOBS);
		fired = mm_base_fault_fired(&rig.e->fault, MMSIM_FAULT_SPAWN);
		env_fail(rig.e, MMSIM_FAULT_SPAWN, 0, 0);
		order_close(&rig);
	} while (fired && nth < LIMIT);
	assert_in_range(nth, 2, LIMIT - 1);
}

static void no_threads(void **state)
{
	sweep(mode_of(state), 1);
	sweep(mode_of(state), UINT32_MAX);
}

/* A lock that may be refused is not used for the order. */
static void refused_locks_lose_nothing(void **state)
{
	struct order_job jobs[JOBS];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	env_fail(rig.e, MMSIM_FAULT_TRYLOCK, 1, UINT32_MAX);
	order_submit_kept(jobs, &rig, 0, 0, JOBS);
	for (unsigned i = JOBS; i-- > 0;)
		order_finish(&jobs[i]);
	env_wait_for(rig.e->x, &rig.serials, JOBS);
	env_fail(rig.e, MMSIM_FAULT_TRYLOCK, 0, 0);
	order_close(&rig);
}

/* Invariants in words: what is broken is found by its name. */

static struct order_job broken_job[3];

static void open_broken(struct order_rig *rig)
{
	order_open(rig, MMSIM_SERIAL, 1);
	order_submit_kept(broken_job, rig, 0, 0, 3);
	order_finish(&broken_job[1]);
	order_finish(&broken_job[2]);
}

static void wrong_state(void *arg)
{
	struct order_rig rig;

	(void)arg;
	open_broken(&rig);
	broken_job[1].priv.state = MM_PADATA_SERIAL;
	mm_job_padata_validate(rig.pinst);
}

static void wrong_number(void *arg)
{
	struct order_rig rig;

	(void)arg;
	open_broken(&rig);
	broken_job[1].priv.seq_nr = 2;
	mm_job_padata_validate(rig.pinst);
}

static void passed_on_too_much(void *arg)
{
	struct order_rig rig;

	(void)arg;
	open_broken(&rig);
	rig.ps[0]->pd->processed = 4;
	mm_job_padata_validate(rig.pinst);
}

static void put_twice(void *arg)
{
	struct order_rig rig;

	(void)arg;
	open_broken(&rig);
	for (unsigned i = 0; i < 4; i++)
		mm_job_padata_pd_put(rig.ps[0]->pd);
}

static void lost_item(void *arg)
{
	struct order_rig rig;

	(void)arg;
	open_broken(&rig);
	mm_list_del(rig.pinst->free_works.next);
	mm_job_padata_validate(rig.pinst);
}

static void sound(void *arg)
{
	struct order_rig rig;

	(void)arg;
	open_broken(&rig);
	order_finish(&broken_job[0]);
	order_close(&rig);
}

static void broken_invariants_stop(void **state)
{
	(void)state;
	assert_true(child_lives(sound, NULL));
	assert_true(child_dies(wrong_state, NULL, "O1: a job on a reorder list"));
	assert_true(child_dies(wrong_number, NULL, "O2: the numbers on a reorder list"));
	assert_true(child_dies(passed_on_too_much, NULL, "O2: no job is passed on"));
	assert_true(child_dies(put_twice, NULL, "O4: a pd goes when all its jobs"));
	assert_true(child_dies(lost_item, NULL, "O5: no work item is lost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(alloc_without_memory),       in_all_modes(shell_without_memory),
		in_all_modes(masks_without_memory),       in_all_modes(no_threads),
		in_all_modes(refused_locks_lose_nothing), cmocka_unit_test(broken_invariants_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
