/* SPDX-License-Identifier: MIT */
/*
 * lib/job/padata.h: whose helpers a job gets. Jobs inside jobs, nodes, and threads and memory that are
 * not to be had.
 */
#include "padata_rig.h"

#define LIMIT 400

typedef struct mmsim_padata_mt_job mt_job;

/* While one job holds helpers, another, started in one of its chunks, gets the rest. */
struct inner {
	struct rig *rig;
	struct record *record;
	unsigned spare;
	uint32_t started; /* atomic */
	struct plan plan;
	const char *wrong;
};

static void run_inner(struct record *r, unsigned long start)
{
	mt_job job = JOB(1, 1000, 1, 1, 0);
	struct inner *in = r->ctx;

	(void)start;
	if (__atomic_fetch_add(&in->started, 1, __ATOMIC_RELAXED)) {
		/* Nobody leaves the job around it before it has its helpers. */
		while (!__atomic_load_n(&in->record->nr, __ATOMIC_RELAXED))
			env_yield(r->x);
		return;
	}
	job.thread_fn = record_chunk;
	job.fn_arg = in->record;
	in->plan = rig_plan(&job, in->spare, in->rig->crew.nr);
	mm_job_padata_do_multithreaded(&in->rig->pool, &job);
	qsort(in->record->chunk, in->record->nr, sizeof(struct chunk), chunk_order);
	in->wrong = record_differs(in->record, &in->plan, 1, 1000);
}

static void assert_inner(enum mmsim_mode mode, int outer_threads, unsigned spare)
{
	mt_job outer = JOB(0, 640, 1, 1, outer_threads);
	struct inner in = { .spare = spare };
	struct record *r;
	struct rig rig;

	rig_open(&rig, &(struct env_shape){ .mode = mode, .nr_cpus = 6 });
	r = record_new(rig.e->x);
	in.rig = &rig;
	in.record = record_new(rig.e->x);
	in.record->yields = 1;
	r->also = run_inner;
	r->ctx = &in;
	assert_job(&rig, r, &outer, 6);
	if (in.wrong)
		fail_msg("outer %d: %s", outer_threads, in.wrong);
	assert_int_equal(in.plan.threads, mm_min(spare + 1, 6u));
	assert_in_range(tasks_seen(in.record), 1, in.plan.threads);
	free(in.record);
	free(r);
	rig_close(&rig);
}

static void short_pool(void **state)
{
	assert_inner(mode_of(state), 2, 5);
	assert_inner(mode_of(state), 4, 3);
	assert_inner(mode_of(state), 6, 1);
	/* Nobody left: the caller alone, still by chunks of a quarter. */
	assert_inner(mode_of(state), 7, 0);
}

static unsigned tasks_on_node(const struct rig *rig, const struct record *r, unsigned node)
{
	struct record *here = record_new(r->x);
	unsigned nr;

	for (uint32_t i = 0; i < r->nr; i++)
		if (rig->e->topology.node_of[r->chunk[i].cpu] == node)
			here->chunk[here->nr++] = r->chunk[i];
	nr = tasks_seen(here);
	free(here);
	return nr;
}

/* Nodes 0, 2, 3 have CPUs, node 1 has not. The caller is on node 0 in serial. */
static const struct env_shape four_nodes = { .nr_cpus = 9, .nr_nodes = 4, .memory_only = 2 };

static void numa_goes_round(void **state)
{
	mt_job job = JOB(0, 1000, 1, 1, 8);
	struct env_shape shape = four_nodes;
	struct record *r;
	struct rig rig;

	job.numa_aware = true;
	shape.mode = mode_of(state);
	rig_open(&rig, &shape);
	r = record_new(rig.e->x);
	r->yields = 2;
	/* Seven helpers: 2 3 0 2 3 0 2; the next seven go on with 3 0 2 3 0 2 3. */
	assert_job(&rig, r, &job, 9);
	assert_int_equal(rig.pool.last_used_nid, 2);
	if (shape.mode == MMSIM_SERIAL) {
		assert_int_equal(tasks_on_node(&rig, r, 0), 2 + 1);
		assert_int_equal(tasks_on_node(&rig, r, 2), 3);
		assert_int_equal(tasks_on_node(&rig, r, 3), 2);
	}
	assert_job(&rig, r, &job, 9);
	assert_int_equal(rig.pool.last_used_nid, 3);
	if (shape.mode == MMSIM_SERIAL) {
		assert_int_equal(tasks_on_node(&rig, r, 0), 2 + 1);
		assert_int_equal(tasks_on_node(&rig, r, 2), 2);
		assert_int_equal(tasks_on_node(&rig, r, 3), 3);
	}
	free(r);
	rig_close(&rig);
}

/*
 * Idle CPUs of the caller's node first, then of the others round from there: unlike the kernel's, these helpers
 * do not crowd on one node.
 */
static void assert_near(enum mmsim_mode mode, int threads, const unsigned *want)
{
	mt_job job = JOB(0, 1000, 1, 1, threads);
	struct env_shape shape = four_nodes;
	struct record *r;
	struct rig rig;
	unsigned home;

	shape.mode = mode;
	rig_open(&rig, &shape);
	home = rig.e->topology.node_of[mm_exec_cpu(rig.e->x)];
	r = record_new(rig.e->x);
	r->yields = 2;
	assert_job(&rig, r, &job, 9);
	assert_int_equal(rig.pool.last_used_nid, 0);
	for (unsigned i = 0; i < 4; i++) {
		unsigned node = (home + i) % 4;

		if (mode == MMSIM_SERIAL)
			assert_int_equal(tasks_on_node(&rig, r, node), want[i]);
		else if (!want[i])
			assert_int_equal(tasks_on_node(&rig, r, node), 0);
	}
	free(r);
	rig_close(&rig);
}

static void near_nodes_first(void **state)
{
	static const unsigned three[4] = { 3 }, four[4] = { 3, 0, 1 }, eight[4] = { 3, 0, 3, 2 },
			      nine[4] = { 3, 0, 3, 3 }, all[4] = { 4, 0, 3, 3 };

	/* Serial: the caller is on node 0. His own CPU's helper comes last. */
	if (mode_of(state) == MMSIM_SERIAL) {
		assert_near(MMSIM_SERIAL, 4, four);
		assert_near(MMSIM_SERIAL, 8, eight);
		assert_near(MMSIM_SERIAL, 9, nine);
		assert_near(MMSIM_SERIAL, 10, all);
	}
	assert_near(mode_of(state), 3, three);
}

/* The k-th thread, or every one from it on, cannot be started: the job is done all the same. */
static void sweep(enum mmsim_mode mode, enum mmsim_fault_kind kind, uint32_t count)
{
	const mt_job job = JOB(3, 500, 4, 2, 6);
	struct record *r;
	uint32_t nth = 0, fired;

	do {
		struct rig rig;

		rig_open(&rig, &(struct env_shape){ .mode = mode, .nr_cpus = 6, .nr_nodes = 2 });
		r = record_new(rig.e->x);
		r->yields = 1;
		env_fail(rig.e, kind, ++nth, count);
		assert_job(&rig, r, &job, 6);
		fired = mm_base_fault_fired(&rig.e->fault, kind);
		env_fail(rig.e, kind, 0, 0);
		assert_int_equal(crew_spare(&rig.crew), 6);
		assert_job(&rig, r, &job, 6); /* the pool is as good as before */
		free(r);
		rig_close(&rig);
	} while (fired && nth < LIMIT);
	/* Five helpers, five threads; natively some may be used twice. */
	assert_in_range(nth, kind == MMSIM_FAULT_SPAWN ? 5 + 1 : 1 + 1, LIMIT - 1);
}

static void no_threads(void **state)
{
	sweep(mode_of(state), MMSIM_FAULT_SPAWN, 1);
	sweep(mode_of(state), MMSIM_FAULT_SPAWN, UINT32_MAX);
}

static void no_memory_for_threads(void **state)
{
	sweep(mode_of(state), MMSIM_FAULT_METADATA, UINT32_MAX);
}

/*
 * A call inside a chunk must not work on other chunks of the job around it: whatever thread_fn holds
 * then, it would meet itself.
 */
#define MOST_TASKS 64

struct depth {
	struct rig *rig;
	struct record *inner;
	unsigned now[MOST_TASKS]; /* each task's own */
	uint32_t nested_twice; /* atomic */
};

static void nest(struct record *r, unsigned long start)
{
	unsigned id = mm_task_current()->id % MOST_TASKS;
	mt_job job = JOB(0, 100, 1, 1, 2);
	struct depth *d = r->ctx;

	(void)start;
	if (++d->now[id] > 1)
		__atomic_store_n(&d->nested_twice, 1, __ATOMIC_RELAXED);
	job.thread_fn = record_chunk;
	job.fn_arg = d->inner;
	mm_job_padata_do_multithreaded(&d->rig->pool, &job);
	d->now[id]--;
}

static void assert_stays_inside(enum mmsim_mode mode, uint32_t faults)
{
	mt_job job = JOB(0, 100, 1, 1, 3);
	struct depth d = { .rig = NULL };
	struct record *r;
	struct rig rig;

	rig_open(&rig, &(struct env_shape){ .mode = mode, .nr_cpus = 6 });
	d.rig = &rig;
	d.inner = record_new(rig.e->x);
	d.inner->yields = 1;
	r = record_new(rig.e->x);
	r->also = nest;
	r->ctx = &d;
	env_fail(rig.e, MMSIM_FAULT_SPAWN, faults ? 1 : 0, faults);
	rig_run(&rig, &job, r);
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 0, 0);
	free(d.inner);
	free(r);
	rig_close(&rig);
	assert_int_equal(d.nested_twice, 0);
}

static void nested_call_stays_inside(void **state)
{
	assert_stays_inside(mode_of(state), 0);
	assert_stays_inside(mode_of(state), UINT32_MAX);
}

/* Who saves power works alone, by chunks of a quarter; and then has all again. */
static void power_saving(void **state)
{
	const mt_job job = JOB(0, 640, 1, 1, 0);
	struct record *r;
	struct rig rig;

	rig_open(&rig, &(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	r = record_new(rig.e->x);
	rig.crew.off = 1;
	assert_job(&rig, r, &job, 0);
	assert_int_equal(r->nr, 4);
	assert_int_equal(tasks_seen(r), 1);
	rig.crew.off = 0;
	assert_job(&rig, r, &job, 4);
	free(r);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(short_pool),
		in_all_modes(numa_goes_round),
		in_all_modes(near_nodes_first),
		in_all_modes(no_threads),
		in_all_modes(no_memory_for_threads),
		in_all_modes(nested_call_stays_inside),
		in_all_modes(power_saving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
