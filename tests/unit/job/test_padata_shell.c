/* SPDX-License-Identifier: MIT */
/*
 * lib/job/padata_shell.c, padata_instance.c: masks that change and shells that go while jobs are on their
 * way, and callbacks that do it.
 */
#include "order_rig.h"

#include "bits.h"

enum { CPUS = 4, JOBS = 24 };

/* Masks of CPUs that are not there, or of none, are kept and make the instance of no use. */
static void assert_invalid(struct order_rig *rig, enum mmsim_padata_cpumask type, uint64_t bits)
{
	struct order_job job;

	order_job_init(&job, rig, 0, rig->serials);
	order_set(rig, type, bits);
	order_assert_refused(&job, "no online CPU");
	assert_int_equal(mm_job_padata_start(rig->pinst), -EINVAL);
	/* The other mask being good does not help. */
	order_set(rig, (enum mmsim_padata_cpumask)(type ^ 3), 2);
	order_assert_refused(&job, "no online CPU");
	order_set(rig, type, 1 << 2 | 1 << 30);
	assert_int_equal(order_submit(&job, 0), 0);
	assert_int_equal(job.cb_cpu, type == MMSIM_PADATA_CPU_SERIAL ? 2 : 1);
	order_flush(rig);
	assert_int_equal(job.cpu, type == MMSIM_PADATA_CPU_SERIAL ? 1 : 2);
}

static void masks_without_a_cpu(void **state)
{
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	assert_invalid(&rig, MMSIM_PADATA_CPU_SERIAL, 0);
	assert_invalid(&rig, MMSIM_PADATA_CPU_PARALLEL, 0);
	assert_invalid(&rig, MMSIM_PADATA_CPU_SERIAL, UINT64_C(1) << CPUS);
	assert_invalid(&rig, MMSIM_PADATA_CPU_PARALLEL, UINT64_C(1) << 63);
	order_close(&rig);
}

static void masks_as_text(void **state)
{
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_assert_mask(&rig, MMSIM_PADATA_CPU_SERIAL, false, "f\n");
	order_set(&rig, MMSIM_PADATA_CPU_SERIAL, 0x100000006);
	order_set(&rig, MMSIM_PADATA_CPU_PARALLEL, 0x10);
	order_assert_mask(&rig, MMSIM_PADATA_CPU_SERIAL, false, "1,00000006\n");
	order_assert_mask(&rig, MMSIM_PADATA_CPU_SERIAL, true, "6\n");
	order_assert_mask(&rig, MMSIM_PADATA_CPU_PARALLEL, false, "10\n");
	order_assert_mask(&rig, MMSIM_PADATA_CPU_PARALLEL, true, "0\n");
	order_close(&rig);
}

/* The order of a shell holds from mask to mask, though later jobs are done first; one mask sees no job. */
static void masks_change_in_flight(void **state)
{
	struct order_job old[JOBS], new[JOBS];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_submit_kept(old, &rig, 0, 0, JOBS);
	order_set(&rig, MMSIM_PADATA_CPU_PARALLEL, 1 << 2);
	order_set(&rig, MMSIM_PADATA_CPU_PARALLEL, 1 << 0 | 1 << 3);
	order_submit_kept(new, &rig, 0, JOBS, JOBS);
	for (unsigned i = 0; i < JOBS; i++)
		assert_true(new[i].task == mm_task_current()->id || new[i].cpu == 0 ||
			    new[i].cpu == 3);
	for (unsigned i = 0; i < JOBS; i++)
		order_finish(&new[i]);
	for (unsigned i = JOBS; i-- > 1;)
		order_finish(&old[i]);
	order_let_run(&rig);
	assert_int_equal(rig.serials, 0);
	assert_int_equal(mm_job_padata_validate(rig.pinst), 2 * JOBS - 1);
	order_finish(&old[0]);
	order_close(&rig);
	assert_int_equal(rig.serials, 2 * JOBS);
}

static void jobs_keep_the_callback_cpu_of_their_mask(void **state)
{
	struct order_job old[CPUS], new[CPUS];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_submit_kept(old, &rig, 0, 0, CPUS);
	order_set(&rig, MMSIM_PADATA_CPU_SERIAL, 1 << 1);
	order_submit_kept(new, &rig, 0, CPUS, CPUS);
	for (unsigned i = 0; i < CPUS; i++) {
		assert_int_equal(old[i].cb_cpu, i);
		assert_int_equal(new[i].cb_cpu, 1);
		order_finish(&new[i]);
		order_finish(&old[i]);
	}
	order_close(&rig);
	assert_int_equal(rig.serials, 2 * CPUS);
}

/* A freed shell's jobs go on; the instance stays until they are over. */
static void shell_goes_with_its_last_job(void **state)
{
	struct order_job jobs[JOBS];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	order_submit_kept(jobs, &rig, 0, 0, JOBS);
	mm_job_padata_free_shell(rig.ps[0]);
	rig.ps[0] = NULL;
	order_set(&rig, MMSIM_PADATA_CPU_SERIAL, 1 << 1); /* does not find it any more */
	for (unsigned i = 1; i < ORDER_SHELLS; i++) {
		assert_int_equal(mm_job_padata_free(rig.pinst), -EBUSY);
		mm_job_padata_free_shell(rig.ps[i]);
		rig.ps[i] = NULL;
	}
	for (unsigned i = JOBS; i-- > 0;) {
		assert_int_equal(mm_job_padata_free(rig.pinst), -EBUSY);
		assert_int_equal(rig.pinst->nr_shells, 1);
		assert_int_equal(rig.serials, 0);
		order_finish(&jobs[i]);
	}
	order_flush(&rig);
	assert_int_equal(rig.pinst->nr_shells, 0);
	order_close(&rig);
	assert_int_equal(rig.serials, JOBS);
}

/* Who learns from the last serial() that all is over can free all. */
static void free_at_the_last_callback(void **state)
{
	for (unsigned round = 0; round < 20; round++) {
		struct order_job jobs[JOBS];
		struct order_rig rig;

		order_open(&rig, mode_of(state), CPUS);
		for (unsigned i = 0; i < JOBS; i++) {
			order_job_init(&jobs[i], &rig, i % ORDER_SHELLS, i);
			assert_int_equal(order_submit(&jobs[i], i % CPUS), 0);
		}
		env_wait_for(rig.e->x, &rig.serials, JOBS);
		for (unsigned i = 0; i < ORDER_SHELLS; i++)
			mm_job_padata_free_shell(rig.ps[i]);
		assert_int_equal(mm_job_padata_free(rig.pinst), 0);
		env_close(rig.e);
		assert_no_failure(&rig.failure, round);
	}
}

/* What would wait for itself is refused, in each kind of callback. */
static void free_and_flush(struct order_job *job)
{
	struct order_rig *rig = job->rig;

	expect_in_task(&rig->failure, mm_job_padata_flush(rig->pinst) == -EDEADLK, job->index);
	expect_in_task(&rig->failure, mm_job_padata_free(rig->pinst) == -EDEADLK, job->index);
}

static void callbacks_do_not_wait_for_themselves(void **state)
{
	struct order_job jobs[CPUS + 1];
	struct order_rig rig;

	order_open(&rig, mode_of(state), CPUS);
	for (unsigned i = 0; i <= CPUS; i++) {
		order_job_init(&jobs[i], &rig, 0, i);
		jobs[i].in_parallel = jobs[i].in_serial = free_and_flush;
		jobs[i].wait = i < CPUS;
		assert_int_equal(order_submit(&jobs[i], i % CPUS), 0);
	}
	for (unsigned i = 0; i < CPUS; i++)
		__atomic_store_n(&jobs[i].wait, 0, __ATOMIC_RELEASE);
	order_close(&rig);
	assert_int_equal(rig.serials, CPUS + 1);
}

/* Callbacks may do the rest. */
static void change_from_callback(struct order_job *job)
{
	const struct mmsim_cpumask mask = { { 1 + job->index % 15 } };
	struct order_rig *rig = job->rig;
	struct mmsim_padata_shell *ps = mm_job_padata_alloc_shell(rig->pinst);
	enum mmsim_padata_cpumask type =
		job->index & 1 ? MMSIM_PADATA_CPU_PARALLEL : MMSIM_PADATA_CPU_SERIAL;

	expect_in_task(&rig->failure, ps, job->index);
	expect_in_task(&rig->failure, !mm_job_padata_set_cpumask(rig->pinst, type, &mask), 0);
	mm_job_padata_free_shell(ps);
}

static void callbacks_change_things(void **state)
{
	struct order_job jobs[JOBS];
	struct order_rig rig;
	int err;

	order_open(&rig, mode_of(state), CPUS);
	for (unsigned i = 0; i < JOBS; i++) {
		order_job_init(&jobs[i], &rig, 0, i);
		jobs[i].in_parallel = jobs[i].in_serial = change_from_callback;
		while ((err = order_submit(&jobs[i], i % CPUS)) == -EBUSY)
			env_yield(rig.e->x);
		assert_int_equal(err, 0);
	}
	order_close(&rig);
	assert_int_equal(rig.serials, JOBS);
}

/* -EBUSY while a mask is replaced; the same call succeeds afterwards. */
struct replacer {
	struct order_rig *rig;
	uint32_t over; /* atomic */
};

static void replace_once(void *arg)
{
	const struct mmsim_cpumask mask = { { 3 } };
	struct replacer *r = arg;
	int err = mm_job_padata_set_cpumask(r->rig->pinst, MMSIM_PADATA_CPU_SERIAL, &mask);

	expect_in_task(&r->rig->failure, err == 0, err);
	__atomic_store_n(&r->over, 1, __ATOMIC_RELEASE);
}

static bool meets_a_replacement(uint64_t seed)
{
	struct order_rig rig;
	struct replacer r = { .rig = &rig };
	struct order_job job;
	struct mm_task task;
	const char *why = NULL;
	int err = 0;

	order_open_shape(
		&rig, &(struct env_shape){ .mode = MMSIM_EXPLORE, .nr_cpus = CPUS, .seed = seed });
	order_job_init(&job, &rig, 0, 0);
	job.cb_cpu = 7;
	assert_int_equal(mm_exec_spawn(rig.e->x, &task, NULL, replace_once, &r), 0);
	while (!err && !__atomic_load_n(&r.over, __ATOMIC_ACQUIRE)) {
		err = order_submit_why(&job, 7, &why);
		if (!err) {
			order_flush(&rig);
			job.index++;
			job.parallels = job.serials = 0;
		}
	}
	mm_exec_join(rig.e->x, &task);
	assert_true(!err || err == -EBUSY);
	if (err) {
		assert_null(why);
		assert_int_equal(job.cb_cpu, 7);
		assert_int_equal(order_submit(&job, 7), 0);
	}
	order_close(&rig);
	return err;
}

static void busy_while_replaced(void **state)
{
	unsigned met = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		met += meets_a_replacement(seed);
	assert_in_range(met, 1, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(masks_without_a_cpu),
		in_all_modes(masks_as_text),
		in_all_modes(masks_change_in_flight),
		in_all_modes(jobs_keep_the_callback_cpu_of_their_mask),
		in_all_modes(shell_goes_with_its_last_job),
		in_all_modes(free_at_the_last_callback),
		in_all_modes(callbacks_do_not_wait_for_themselves),
		in_all_modes(callbacks_change_things),
		cmocka_unit_test(busy_while_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
