/* SPDX-License-Identifier: MIT */
/*
 * Random ordered jobs against the naive model: for each shell and callback CPU a row of the jobs in the
 * order of submission. Jobs end in any order, in parallel() or by tasks that pick them at random; masks change
 * and shells go meanwhile.
 */
#include "order_rig.h"

#include "bits.h"

#define SEED UINT64_C(20240702)
#define ROUNDS (MM_TSAN ? 15 : 60)

enum { CPUS = 5, JOBS = 60, PICKERS = 2 };

/* One job per slot; a job kept is taken by whoever picks its slot. */
struct table {
	struct order_rig rig;
	struct mm_rng rng;
	struct order_job job[ORDER_SHELLS][JOBS];
	uint32_t on_offer[ORDER_SHELLS][JOBS]; /* atomic flag: kept, and nobody has picked it */
	uint32_t left; /* atomic: kept jobs that nobody has picked */
	uint64_t mask[4]; /* [type]: the usable one, as of now */
	/* What should come out. */
	unsigned want[ORDER_SHELLS][CPUS][JOBS], nr_want[ORDER_SHELLS][CPUS];
	unsigned got[ORDER_SHELLS][CPUS][JOBS];
	uint32_t nr_got[ORDER_SHELLS][CPUS]; /* atomic */
	uint64_t parallel_mask[ORDER_SHELLS][JOBS];
	unsigned submitter_task; /* may run parallel() too */
};

struct picker {
	struct table *t;
	struct mm_rng rng;
};

static void note(struct order_job *job)
{
	struct table *t = mm_container_of(job->rig, struct table, rig);
	unsigned cpu = mm_exec_cpu(job->rig->e->x);
	uint32_t at = __atomic_fetch_add(&t->nr_got[job->shell][cpu], 1, __ATOMIC_RELAXED);

	expect_in_task(&job->rig->failure, at < JOBS, at);
	if (at < JOBS)
		t->got[job->shell][cpu][at] = job->index;
}

/* Naively: the CPU itself, or the one that counting over the set bits comes to. */
static unsigned expected_cpu(uint64_t mask, unsigned asked)
{
	unsigned cpus[CPUS], nr = 0;

	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		if (mask >> cpu & 1)
			cpus[nr++] = cpu;
	return asked < CPUS && mask >> asked & 1 ? asked : cpus[asked % nr];
}

static void change_mask(struct table *t)
{
	enum mmsim_padata_cpumask type = (enum mmsim_padata_cpumask)(1 + mm_rng_below(&t->rng, 2));
	uint64_t usable = 1 + mm_rng_below(&t->rng, (1 << CPUS) - 1);

	/* CPUs that are not there make no difference. */
	order_set(&t->rig, type, usable | mm_rng_below(&t->rng, 8) << 40);
	t->mask[type] = usable;
}

static void submit_next(struct table *t, unsigned shell, unsigned index)
{
	struct order_job *job = &t->job[shell][index];
	unsigned asked = (unsigned)mm_rng_below(&t->rng, 2 * CPUS), cpu;

	order_job_init(job, &t->rig, shell, index);
	job->in_serial = note;
	job->keep = mm_rng_below(&t->rng, 2);
	job->yields = (unsigned)mm_rng_below(&t->rng, 5);
	t->parallel_mask[shell][index] = t->mask[MMSIM_PADATA_CPU_PARALLEL];
	cpu = expected_cpu(t->mask[MMSIM_PADATA_CPU_SERIAL], asked);
	t->want[shell][cpu][t->nr_want[shell][cpu]++] = index;
	assert_int_equal(order_submit(job, asked), 0);
	assert_int_equal(job->cb_cpu, cpu);
	if (!job->keep)
		return;
	__atomic_add_fetch(&t->left, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&t->on_offer[shell][index], 1, __ATOMIC_RELEASE);
}

/* A kept job whose parallel() has been, at random; its turn may be far. */
static void pick(struct table *t, struct mm_rng *rng)
{
	unsigned shell = (unsigned)mm_rng_below(rng, ORDER_SHELLS);
	unsigned index = (unsigned)mm_rng_below(rng, JOBS);
	struct order_job *job = &t->job[shell][index];

	if (!__atomic_load_n(&t->on_offer[shell][index], __ATOMIC_ACQUIRE) ||
	    !__atomic_load_n(&job->parallels, __ATOMIC_ACQUIRE) ||
	    !__atomic_exchange_n(&t->on_offer[shell][index], 0, __ATOMIC_ACQ_REL))
		return;
	expect_in_task(&t->rig.failure, !mm_job_padata_do_serial(&job->priv), index);
	__atomic_sub_fetch(&t->left, 1, __ATOMIC_RELEASE);
}

static void picker_main(void *arg)
{
	struct picker *p = arg;
	uint32_t left;

	/* The submitter counts as one until it is through. */
	while ((left = __atomic_load_n(&p->t->left, __ATOMIC_ACQUIRE))) {
		for (unsigned i = 0; i < 50; i++)
			pick(p->t, &p->rng);
		if (mm_rng_below(&p->rng, 20) == 0)
			mm_job_padata_validate(p->t->rig.pinst);
		env_yield(p->t->rig.e->x);
	}
}

static void submit_all(struct table *t)
{
	unsigned next[ORDER_SHELLS] = { 0 }, open = ORDER_SHELLS;

	while (open) {
		unsigned shell = (unsigned)mm_rng_below(&t->rng, ORDER_SHELLS);

		if (next[shell] == JOBS)
			continue;
		submit_next(t, shell, next[shell]++);
		if (mm_rng_below(&t->rng, 12) == 0)
			change_mask(t);
		if (mm_rng_below(&t->rng, 6) == 0)
			env_yield(t->rig.e->x);
		if (next[shell] == JOBS) {
			open--;
			/* The first shell goes at once, whatever is on its way. */
			if (shell == 0) {
				mm_job_padata_free_shell(t->rig.ps[0]);
				t->rig.ps[0] = NULL;
			}
		}
	}
}

static void check_row(const struct table *t, unsigned shell, unsigned cpu)
{
	assert_int_equal(t->nr_got[shell][cpu], t->nr_want[shell][cpu]);
	for (unsigned i = 0; i < t->nr_want[shell][cpu]; i++)
		assert_int_equal(t->got[shell][cpu][i], t->want[shell][cpu][i]);
}

static void check(const struct table *t)
{
	for (unsigned shell = 0; shell < ORDER_SHELLS; shell++) {
		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			check_row(t, shell, cpu);
		for (unsigned i = 0; i < JOBS; i++) {
			const struct order_job *job = &t->job[shell][i];

			assert_int_equal(job->serials, 1);
			assert_true(job->task == t->submitter_task ||
				    t->parallel_mask[shell][i] >> job->cpu & 1);
		}
	}
}

static void one_round(enum mmsim_mode mode, uint64_t seed)
{
	struct table *t = calloc(1, sizeof(*t));
	struct picker picker[PICKERS];
	struct mm_task task[PICKERS];

	assert_non_null(t);
	order_open_shape(&t->rig,
			 &(struct env_shape){ .mode = mode, .nr_cpus = CPUS, .seed = seed });
	t->rng = mm_rng_split(seed, 1);
	t->mask[1] = t->mask[2] = (1 << CPUS) - 1;
	t->submitter_task = mm_task_current()->id;
	t->left = 1;
	for (unsigned i = 0; i < PICKERS; i++) {
		picker[i] = (struct picker){ .t = t, .rng = mm_rng_split(seed, 2 + i) };
		assert_int_equal(
			mm_exec_spawn(t->rig.e->x, &task[i], NULL, picker_main, &picker[i]), 0);
	}
	submit_all(t);
	__atomic_sub_fetch(&t->left, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < PICKERS; i++)
		mm_exec_join(t->rig.e->x, &task[i]);
	order_close(&t->rig);
	check(t);
	free(t);
}

static void random_ends(void **state)
{
	for (uint64_t i = 0; i < ROUNDS; i++)
		one_round(mode_of(state), SEED + i);
}

/* Several tasks submit to the same shells while another changes masks: -EBUSY is met and tried again. */
struct submitter {
	struct order_rig *rig;
	struct mm_rng rng;
	unsigned number;
	uint32_t *busy; /* atomic: how many are submitting */
	struct order_job job[JOBS];
};

static void submitter_main(void *arg)
{
	struct submitter *s = arg;
	unsigned next[ORDER_SHELLS] = { 0 };

	for (unsigned i = 0; i < JOBS; i++) {
		unsigned shell = (unsigned)mm_rng_below(&s->rng, ORDER_SHELLS);
		struct order_job *job = &s->job[i];
		int err;

		order_job_init(job, s->rig, shell, next[shell]++);
		job->submitter = s->number;
		job->yields = (unsigned)mm_rng_below(&s->rng, 4);
		while ((err = order_submit(job, (unsigned)mm_rng_below(&s->rng, 99))) == -EBUSY)
			env_yield(s->rig->e->x);
		expect_in_task(&s->rig->failure, err == 0, err);
	}
	__atomic_sub_fetch(s->busy, 1, __ATOMIC_RELEASE);
}

static void change_while_busy(struct order_rig *rig, const uint32_t *busy, uint64_t seed)
{
	struct mm_rng rng = mm_rng_split(seed, 9);

	while (__atomic_load_n(busy, __ATOMIC_ACQUIRE)) {
		order_set(rig, (enum mmsim_padata_cpumask)(1 + mm_rng_below(&rng, 2)),
			  1 + mm_rng_below(&rng, (1 << CPUS) - 1));
		if (mm_rng_below(&rng, 8) == 0)
			mm_job_padata_validate(rig->pinst);
		for (uint64_t i = mm_rng_below(&rng, 10); i; i--)
			env_yield(rig->e->x);
	}
}

static void crowd(enum mmsim_mode mode, uint64_t seed)
{
	struct submitter *s = calloc(ORDER_SUBMITTERS, sizeof(*s));
	struct mm_task task[ORDER_SUBMITTERS];
	uint32_t busy = ORDER_SUBMITTERS;
	struct order_rig rig;

	assert_non_null(s);
	order_open_shape(&rig, &(struct env_shape){ .mode = mode, .nr_cpus = CPUS, .seed = seed });
	for (unsigned i = 0; i < ORDER_SUBMITTERS; i++) {
		s[i].rig = &rig;
		s[i].rng = mm_rng_split(seed, i);
		s[i].number = i;
		s[i].busy = &busy;
		assert_int_equal(mm_exec_spawn(rig.e->x, &task[i], NULL, submitter_main, &s[i]), 0);
	}
	change_while_busy(&rig, &busy, seed);
	for (unsigned i = 0; i < ORDER_SUBMITTERS; i++)
		mm_exec_join(rig.e->x, &task[i]);
	order_close(&rig);
	assert_int_equal(rig.serials, ORDER_SUBMITTERS * JOBS);
	free(s);
}

static void many_submitters(void **state)
{
	for (uint64_t i = 0; i < ROUNDS / 3; i++)
		crowd(mode_of(state), SEED + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(random_ends),
		in_all_modes(many_submitters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
