/* SPDX-License-Identifier: MIT */
/*
 * lib/job/padata_serial.c, padata_reorder.c: the order, where callbacks run, and jobs that are refused.
 */
#include "order_rig.h"

enum { CPUS = 4, JOBS = 24 };

/* The worst order of all: the first job is done last. */
static void backwards(void **state)
{
	struct order_job jobs[JOBS];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_submit_kept(jobs, &rig, 0, 0, JOBS);
	assert_int_equal(mm_job_padata_validate(rig.pinst), 0);
	for (unsigned i = JOBS; i-- > 1;)
		order_finish(&jobs[i]);
	order_let_run(&rig);
	assert_int_equal(rig.serials, 0);
	assert_int_equal(mm_job_padata_validate(rig.pinst), JOBS - 1);
	order_finish(&jobs[0]);
	order_flush(&rig);
	assert_int_equal(rig.serials, JOBS);
	for (unsigned i = 0; i < JOBS; i++)
		assert_int_equal(jobs[i].serials, 1);
	order_close(&rig);
}

/* A gap holds back what is behind it, not what is before it. */
static void up_to_the_gap(void **state)
{
	struct order_job jobs[JOBS];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_submit_kept(jobs, &rig, 0, 0, JOBS);
	for (unsigned i = 0; i < JOBS; i++)
		if (i != 10)
			order_finish(&jobs[i]);
	env_wait_for(rig.e->x, &rig.serials, 10);
	order_let_run(&rig);
	assert_int_equal(rig.serials, 10);
	assert_int_equal(jobs[9].serials, 1);
	order_finish(&jobs[10]);
	order_close(&rig);
	assert_int_equal(rig.serials, JOBS);
}

static void shells_do_not_wait_for_each_other(void **state)
{
	struct order_job stuck[1], jobs[JOBS];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_submit_kept(stuck, &rig, 0, 0, 1);
	for (unsigned i = 0; i < JOBS; i++) {
		order_job_init(&jobs[i], &rig, 1, i);
		assert_int_equal(order_submit(&jobs[i], i % CPUS), 0);
	}
	env_wait_for(rig.e->x, &rig.serials, JOBS);
	assert_int_equal(stuck[0].serials, 0);
	order_finish(&stuck[0]);
	order_close(&rig);
	assert_int_equal(stuck[0].serials, 1);
}

/* parallel() of job i on the CPU of the mask that has its turn. */
static void parallel_runs_on_the_mask(void **state)
{
	struct order_job jobs[JOBS];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_set(&rig, MMSIM_PADATA_CPU_PARALLEL, 1 << 1 | 1 << 3);
	for (unsigned i = 0; i < JOBS; i++) {
		order_job_init(&jobs[i], &rig, 0, i);
		assert_int_equal(order_submit(&jobs[i], 0), 0);
		order_flush(&rig);
		assert_int_equal(jobs[i].cpu, i % 2 ? 3 : 1);
	}
	order_close(&rig);
}

static void callback_cpu_is_replaced(void **state)
{
	static const struct {
		unsigned asked, got;
	} cases[] = {
		{ 0, 1 }, { 1, 1 },    { 2, 1 },    { 3, 3 },          { 4, 1 },
		{ 5, 3 }, { 1023, 3 }, { 1024, 1 }, { UINT32_MAX, 3 }, { UINT32_MAX - 1, 1 }
	};
	struct order_job job;
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_set(&rig, MMSIM_PADATA_CPU_SERIAL, 1 << 1 | 1 << 3);
	for (unsigned i = 0; i < mm_array_size(cases); i++) {
		order_job_init(&job, &rig, 0, i);
		assert_int_equal(order_submit(&job, cases[i].asked), 0);
		assert_int_equal(job.cb_cpu, cases[i].got);
		order_flush(&rig);
	}
	order_close(&rig);
}

/* A work item per CPU; then the caller works himself, wherever he is. */
static void caller_runs_what_no_item_is_left_for(void **state)
{
	struct order_job jobs[CPUS + 1];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	for (unsigned i = 0; i <= CPUS; i++) {
		order_job_init(&jobs[i], &rig, 0, i);
		jobs[i].wait = i < CPUS;
		assert_int_equal(order_submit(&jobs[i], 0), 0);
		assert_true(i < CPUS || jobs[i].parallels == 1);
	}
	assert_int_equal(jobs[CPUS].task, mm_task_current()->id);
	assert_int_equal(rig.serials, 0);
	for (unsigned i = 0; i < CPUS; i++)
		__atomic_store_n(&jobs[i].wait, 0, __ATOMIC_RELEASE);
	order_flush(&rig);
	for (unsigned i = 0; i < CPUS; i++)
		assert_int_not_equal(jobs[i].task, mm_task_current()->id);
	order_close(&rig);
	assert_int_equal(rig.serials, CPUS + 1);
}

/* serial() gives the job back: round and round with one struct. */
static void go_round(struct order_job *job)
{
	if (++job->index == 50)
		return;
	job->parallels = job->serials = 0;
	expect_in_task(&job->rig->failure, order_submit(job, job->index % CPUS) == 0, job->index);
}

static void serial_submits_again(void **state)
{
	struct order_job job;
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_job_init(&job, &rig, 0, 0);
	job.in_serial = go_round;
	assert_int_equal(order_submit(&job, 0), 0);
	order_flush(&rig);
	assert_int_equal(rig.serials, 50);
	order_close(&rig);
}

/* What is refused, and why. */

static void jobs_are_refused(void **state)
{
	struct order_job job;
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_job_init(&job, &rig, 0, 0);
	job.priv.parallel = NULL;
	order_assert_refused(&job, "parallel");
	job.priv.parallel = order_parallel;
	job.priv.serial = NULL;
	order_assert_refused(&job, "serial");
	order_submit_kept(&job, &rig, 0, 0, 1);
	order_assert_refused(&job, "on its way"); /* in its parallel phase */
	order_finish(&job);
	assert_int_equal(mm_job_padata_do_serial(&job.priv), -EINVAL);
	order_close(&rig);
	assert_int_equal(job.serials, 1);
}

static void a_waiting_job_is_refused(void **state)
{
	struct order_job jobs[2];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_submit_kept(jobs, &rig, 0, 0, 2);
	order_finish(&jobs[1]);
	order_assert_refused(&jobs[1], "on its way"); /* on a reorder list */
	assert_int_equal(mm_job_padata_do_serial(&jobs[1].priv), -EINVAL);
	assert_int_equal(mm_job_padata_validate(rig.pinst), 1);
	order_finish(&jobs[0]);
	order_close(&rig);
	assert_int_equal(rig.serials, 2);
}

/* No thread, so parallel() cannot begin: too early for do_serial(). */
static void a_job_that_has_not_begun_is_refused(void **state)
{
	struct order_job job;
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_job_init(&job, &rig, 0, 0);
	job.priv.serial = order_serial_anywhere;
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 1, UINT32_MAX);
	assert_int_equal(order_submit(&job, 0), 0);
	assert_int_equal(mm_job_padata_do_serial(&job.priv), -EINVAL);
	order_assert_refused(&job, "on its way");
	order_flush(&rig);
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 0, 0);
	order_close(&rig);
	assert_int_equal(rig.serials, 1);
}

static void stopped(void **state)
{
	struct order_job jobs[3];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_submit_kept(jobs, &rig, 0, 0, 2);
	mm_job_padata_stop(rig.pinst);
	order_job_init(&jobs[2], &rig, 0, 2);
	order_assert_refused(&jobs[2], "not started");
	order_finish(&jobs[1]); /* what was submitted goes on */
	order_finish(&jobs[0]);
	order_flush(&rig);
	assert_int_equal(rig.serials, 2);
	order_set(&rig, MMSIM_PADATA_CPU_SERIAL, 3); /* does not start it */
	order_assert_refused(&jobs[2], "not started");
	assert_int_equal(mm_job_padata_start(rig.pinst), 0);
	assert_int_equal(mm_job_padata_start(rig.pinst), 0);
	assert_int_equal(order_submit(&jobs[2], 0), 0);
	order_close(&rig);
	assert_int_equal(rig.serials, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(backwards),
		in_all_modes(up_to_the_gap),
		in_all_modes(shells_do_not_wait_for_each_other),
		in_all_modes(parallel_runs_on_the_mask),
		in_all_modes(callback_cpu_is_replaced),
		in_all_modes(caller_runs_what_no_item_is_left_for),
		in_all_modes(serial_submits_again),
		in_all_modes(jobs_are_refused),
		in_all_modes(a_waiting_job_is_refused),
		in_all_modes(a_job_that_has_not_begun_is_refused),
		in_all_modes(stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
