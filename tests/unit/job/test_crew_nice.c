/* SPDX-License-Identifier: MIT */
/*
 * lib/job/crew.h: priorities of helpers, in virtual time. A helper that never gets its CPU holds nobody up; one
 * that lost it is lent its caller's priority, and no other is (C4).
 */
#include "padata_rig.h"

#include <mmsim/jobs.h>

#define CPUS 4
#define MS UINT64_C(1000000)
#define WORK (4 * MS) /* of a helper */
#define STEP (MS / 100)
#define LONG (2000 * MS) /* of who keeps a CPU busy */

struct team {
	struct rig rig;
	uint32_t came, at_it, done; /* atomic */
	int nice[CPUS]; /* of the helpers at work; INT_MAX: not at work */
	unsigned raised; /* most at once that were not at the lowest */
	int nice_before; /* of the last to come, as its first step found it */
};

static void work_for(struct mm_exec *x, uint64_t ns)
{
	for (uint64_t done = 0; done < ns; done += STEP) {
		mm_exec_charge(x, MM_CHARGE_WORK, NULL, STEP);
		mm_exec_resched(x);
	}
}

static void look_at_nice(struct team *t, unsigned cpu)
{
	unsigned raised = 0;

	t->nice[cpu] = mm_task_current()->nice;
	for (unsigned i = 0; i < CPUS; i++)
		raised += t->nice[i] < MM_NICE_LOWEST;
	t->raised = mm_max(t->raised, raised);
}

static void help(void *arg, unsigned tag)
{
	struct team *t = arg;
	struct mm_exec *x = t->rig.e->x;
	unsigned cpu = mm_exec_cpu(x);

	(void)tag;
	__atomic_add_fetch(&t->came, 1, __ATOMIC_RELAXED);
	t->nice_before = mm_task_current()->nice;
	for (uint64_t done = 0; done < WORK; done += STEP) {
		mm_exec_charge(x, MM_CHARGE_WORK, NULL, STEP);
		mm_exec_resched(x);
		look_at_nice(t, cpu);
	}
	t->nice[cpu] = INT32_MAX;
	__atomic_add_fetch(&t->done, 1, __ATOMIC_RELAXED);
}

static void keep_busy(void *arg)
{
	work_for(arg, LONG);
}

static void team_open(struct team *t)
{
	*t = (struct team){ .came = 0 };
	for (unsigned i = 0; i < CPUS; i++)
		t->nice[i] = INT32_MAX;
	rig_open(&t->rig, &(struct env_shape){ .mode = MMSIM_VIRTUAL, .nr_cpus = CPUS });
}

static void occupy(struct team *t, struct mm_task *task, unsigned cpu)
{
	const struct mm_cpumask only = mm_cpumask_of(cpu);

	assert_int_equal(mm_exec_spawn(t->rig.e->x, task, &only, keep_busy, t->rig.e->x), 0);
	t->rig.e->x->ops->yield(t->rig.e->x);
}

static struct mm_call *call_helpers(struct team *t, unsigned nr, int nice)
{
	struct mm_call *call = malloc(sizeof(*call));

	assert_non_null(call);
	mm_job_call_init(call, help, t, nice);
	assert_int_equal(mm_job_crew_claim(&t->rig.crew, call, nr, 0, 0), nr);
	mm_job_crew_offer(&t->rig.crew, call, 0, nr);
	return call;
}

/* How long the caller took for his own 2 ms and the end, beside a helper whose CPU others keep. */
static uint64_t time_beside(struct team *t, int nice, bool used_before)
{
	struct mm_exec *x = t->rig.e->x;
	struct mm_task task[CPUS];
	struct mm_call *call;
	uint64_t began;

	if (used_before) {
		call = call_helpers(t, CPUS, nice);
		env_wait_for(x, &t->done, CPUS);
		mm_job_crew_end(&t->rig.crew, call);
		free(call);
		t->came = 0;
	}
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		occupy(t, &task[cpu], cpu);
	began = mm_exec_now(x);
	call = call_helpers(t, CPUS - 1, nice);
	work_for(x, MS / 2);
	mm_job_crew_end(&t->rig.crew, call);
	free(call);
	began = mm_exec_now(x) - began;
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		mm_exec_join(x, &task[cpu]);
	return began;
}

/* Those who keep the CPUs have less than a slice behind them: no helper gets there. */
static void who_never_comes_holds_nobody_up(void **state)
{
	struct team t;

	(void)state;
	for (int used = 0; used < 2; used++) {
		uint64_t took;

		team_open(&t);
		took = time_beside(&t, MM_NICE_LOWEST, used);
		assert_int_equal(t.came, 0);
		assert_in_range(took, MS / 2, MS);
		rig_close(&t.rig);
	}
}

static void at_its_calls_priority(void **state)
{
	static const int nices[] = { 0, MM_NICE_LOWEST, 5, -7, MM_NICE_LOWEST };
	struct team t;

	(void)state;
	team_open(&t);
	for (size_t i = 0; i < mm_array_size(nices); i++) {
		struct mm_call *call = call_helpers(&t, 1, nices[i]);

		env_wait_for(t.rig.e->x, &t.came, (uint32_t)i + 1);
		env_wait_for(t.rig.e->x, &t.done, (uint32_t)i + 1);
		assert_int_equal(t.nice_before, nices[i]);
		mm_job_crew_end(&t.rig.crew, call);
		free(call);
	}
	rig_close(&t.rig);
}

/*
 * nr helpers have joined when their CPUs are taken from them. At 1.4 % of a CPU one would need 270 ms for its
 * 4 ms; with its caller's priority, half of the CPU, 8.
 */
static uint64_t time_to_get_out(struct team *t, unsigned nr, int caller_nice)
{
	struct mm_exec *x = t->rig.e->x;
	struct mm_task task[CPUS];
	struct mm_call *call = call_helpers(t, nr, MM_NICE_LOWEST);
	uint64_t began;

	env_wait_for(x, &t->came, nr);
	mm_exec_set_nice(x, mm_task_current(), caller_nice);
	for (unsigned i = 0; i < nr; i++)
		occupy(t, &task[i], call->called[i].cpu);
	began = mm_exec_now(x);
	mm_job_crew_end(&t->rig.crew, call);
	began = mm_exec_now(x) - began;
	free(call);
	for (unsigned i = 0; i < nr; i++)
		mm_exec_join(x, &task[i]);
	return began;
}

static void one_is_lent_the_priority(void **state)
{
	struct team t;
	uint64_t took;

	(void)state;
	team_open(&t);
	took = time_to_get_out(&t, 1, 0);
	assert_int_equal(t.rig.crew.nr_lent, 1);
	assert_int_equal(t.raised, 1);
	assert_in_range(took, WORK, 4 * WORK);
	rig_close(&t.rig);
}

/* C4: one after the other. */
static void one_at_a_time(void **state)
{
	struct team t;
	uint64_t took;

	(void)state;
	team_open(&t);
	took = time_to_get_out(&t, 3, 0);
	assert_int_equal(t.raised, 1);
	assert_int_equal(t.rig.crew.nr_lent, 3);
	assert_in_range(took, 2 * WORK, 12 * WORK);
	rig_close(&t.rig);
}

/* What was lent is not kept: the next call's helper is at the lowest again. */
static void given_back(void **state)
{
	struct mm_call *call;
	struct team t;

	(void)state;
	team_open(&t);
	time_to_get_out(&t, 3, 0);
	t.came = t.done = 0;
	t.raised = 0;
	call = call_helpers(&t, 3, MM_NICE_LOWEST);
	env_wait_for(t.rig.e->x, &t.done, 3);
	mm_job_crew_end(&t.rig.crew, call);
	free(call);
	assert_int_equal(t.raised, 0);
	rig_close(&t.rig);
}

/* Whoever compares with how it would be. */
static void nothing_is_lent_if_told_so(void **state)
{
	struct team t;

	(void)state;
	team_open(&t);
	t.rig.crew.flags = MMSIM_JOB_NO_LEND;
	assert_true(time_to_get_out(&t, 1, 0) > 10 * WORK);
	assert_int_equal(t.rig.crew.nr_lent, 0);
	assert_int_equal(t.raised, 0);
	rig_close(&t.rig);
}

/* Nobody lends what he does not have. */
static void the_lowest_lends_nothing(void **state)
{
	struct team t;

	(void)state;
	team_open(&t);
	time_to_get_out(&t, 2, MM_NICE_LOWEST);
	assert_int_equal(t.rig.crew.nr_lent, 0);
	assert_int_equal(t.raised, 0);
	rig_close(&t.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_never_comes_holds_nobody_up),
		cmocka_unit_test(at_its_calls_priority),
		cmocka_unit_test(one_is_lent_the_priority),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(given_back),
		cmocka_unit_test(nothing_is_lent_if_told_so),
		cmocka_unit_test(the_lowest_lends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
