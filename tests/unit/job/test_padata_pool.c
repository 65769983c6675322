/* SPDX-License-Identifier: MIT */
/*
 * lib/job/padata.h: the pool of helpers. Jobs inside jobs, nodes, and threads and memory that are not
 * to be had.
 */
#include "padata_rig.h"

#include "child_dies.h"
#include <errno.h>

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
	if (__atomic_fetch_add(&in->started, 1, __ATOMIC_RELAXED))
		return;
	job.thread_fn = record_chunk;
	job.fn_arg = in->record;
	in->plan = rig_plan(&job, in->spare, in->rig->pool.nr_works);
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

static void others_stay_on_the_node(void **state)
{
	mt_job job = JOB(0, 1000, 1, 1, 8);
	struct env_shape shape = four_nodes;
	struct record *r;
	struct rig rig;
	unsigned home;

	shape.mode = mode_of(state);
	rig_open(&rig, &shape);
	home = rig.e->topology.node_of[mm_exec_cpu(rig.e->x)];
	r = record_new(rig.e->x);
	r->yields = 2;
	assert_job(&rig, r, &job, 9);
	for (uint32_t i = 0; i < r->nr; i++)
		assert_int_equal(rig.e->topology.node_of[r->chunk[i].cpu], home);
	assert_int_equal(rig.pool.last_used_nid, 0);
	free(r);
	rig_close(&rig);
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
		assert_int_equal(rig_free_helpers(&rig), 6);
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

static void init_without_memory(void **state)
{
	struct env *e =
		env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 3, .nr_nodes = 2 });
	uint64_t live = e->meta.live;
	struct mm_padata pool;
	uint32_t nth = 0;
	int err;

	(void)state;
	do {
		env_fail(e, MMSIM_FAULT_METADATA, ++nth, 1);
		err = mm_job_padata_init(&pool, e->x, &e->locks, &e->topology);
		env_fail(e, MMSIM_FAULT_METADATA, 0, 0);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(e->meta.live, live);
		}
	} while (err && nth < LIMIT);
	assert_int_equal(err, 0);
	assert_int_equal(nth, 5 + 1); /* helpers, queue, its pools, two sets of workers */
	mm_job_padata_fini(&pool);
	env_close(e);
}

/* P3 in words: a helper kept is found when the pool goes. */
static void lose_a_helper(void *arg)
{
	struct rig rig;

	(void)arg;
	rig_open(&rig, &(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 2 });
	mm_list_del(rig.pool.free.next);
	mm_job_padata_fini(&rig.pool);
}

static void P3_stops(void **state)
{
	(void)state;
	assert_true(child_dies(lose_a_helper, NULL, "P3: helpers back in the pool"));
}

/*
 * A call inside a chunk must not work on other chunks of the job around it: whatever thread_fn holds
 * then, it would meet itself. Without threads everybody's helpers are stranded in one pool.
 */
struct depth {
	struct rig *rig;
	struct record *inner;
	unsigned now, most;
};

static void nest(struct record *r, unsigned long start)
{
	mt_job job = JOB(0, 100, 1, 1, 2);
	struct depth *d = r->ctx;

	(void)start;
	d->now++;
	d->most = mm_max(d->most, d->now);
	job.thread_fn = record_chunk;
	job.fn_arg = d->inner;
	mm_job_padata_do_multithreaded(&d->rig->pool, &job);
	d->now--;
}

static void nested_call_stays_inside(void **state)
{
	mt_job job = JOB(0, 100, 1, 1, 3);
	struct depth d = { 0 };
	struct record *r;
	struct rig rig;

	(void)state;
	rig_open(&rig, &(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 6 });
	d.rig = &rig;
	d.inner = record_new(rig.e->x);
	r = record_new(rig.e->x);
	r->also = nest;
	r->ctx = &d;
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 1, UINT32_MAX);
	rig_run(&rig, &job, r);
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 0, 0);
	free(d.inner);
	free(r);
	rig_close(&rig);
	assert_int_equal(d.most, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(short_pool),
		in_all_modes(numa_goes_round),
		in_all_modes(others_stay_on_the_node),
		in_all_modes(no_threads),
		in_all_modes(no_memory_for_threads),
		cmocka_unit_test(init_without_memory),
		cmocka_unit_test(P3_stops),
		cmocka_unit_test(nested_call_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
