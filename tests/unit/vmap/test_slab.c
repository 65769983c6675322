/* SPDX-License-Identifier: MIT */
/* lib/vmap/slab.h: objects are apart and each is one taker's, go round between CPUs, and all come back. */
#include "slab.h"

#include "child_dies.h"
#include "exec_env.h"
#include "first_failure.h"
#include <errno.h>
#include <string.h>

enum { SIZE = 100, PER_CHUNK = ((16 << 10) - 64) / 128, MANY = 1000, TASKS = 4, KEPT = 90 };

struct rig {
	struct env *e;
	struct mm_slab slab;
	struct first_failure failure;
	uint64_t *object[MANY]; /* what tasks hand each other */
	uint64_t rounds;
};

static struct rig *rig_open(enum mmsim_mode mode, unsigned cpus)
{
	struct rig *r = NULL;

	assert_int_equal(posix_memalign((void **)&r, MM_CACHE_LINE, sizeof(*r)), 0);
	memset(r, 0, sizeof(*r));
	r->e = env_open(&(struct env_shape){ .mode = mode, .nr_cpus = cpus });
	assert_int_equal(mm_vmap_slab_init(&r->slab, r->e->x, &r->e->locks, SIZE), 0);
	return r;
}

static void rig_close(struct rig *r)
{
	assert_int_equal(mm_vmap_slab_live(&r->slab), 0);
	mm_vmap_slab_fini(&r->slab);
	env_close(r->e);
	free(r);
}

static void objects_are_apart(void **state)
{
	struct rig *r = rig_open(mode_of(state), 2);

	for (unsigned i = 0; i < MANY; i++) {
		r->object[i] = mm_vmap_slab_alloc(&r->slab);
		assert_non_null(r->object[i]);
		assert_int_equal((uintptr_t)r->object[i] % MM_CACHE_LINE, 0);
		memset(r->object[i], (int)i, SIZE);
	}
	assert_int_equal(mm_vmap_slab_live(&r->slab), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		unsigned char want[SIZE];

		memset(want, (int)i, SIZE);
		assert_memory_equal(r->object[i], want, SIZE);
		mm_vmap_slab_free(&r->slab, r->object[i]);
	}
	rig_close(r);
}

static void take_all(struct rig *r, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		r->object[i] = mm_vmap_slab_alloc(&r->slab);
		assert_non_null(r->object[i]);
	}
}

/* Whatever the order in which they come back. */
static void give_all(struct rig *r, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		mm_vmap_slab_free(&r->slab, r->object[i * 7 % nr]);
}

static void chunks_are_used_up(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, 1);

	(void)state;
	assert_int_equal(r->slab.nr_chunks, 0);
	for (unsigned round = 0; round < 5; round++) {
		take_all(r, 3 * PER_CHUNK);
		assert_int_equal(r->slab.nr_chunks, 3);
		give_all(r, 3 * PER_CHUNK);
	}
	take_all(r, 3 * PER_CHUNK + 1);
	assert_int_equal(r->slab.nr_chunks, 4);
	give_all(r, 3 * PER_CHUNK + 1);
	rig_close(r);
}

static void taker(void *arg)
{
	struct rig *r = arg;

	for (unsigned i = 0; i < KEPT; i++) {
		r->object[i] = mm_vmap_slab_alloc(&r->slab);
		expect_in_task(&r->failure, r->object[i], i);
	}
}

static void giver(void *arg)
{
	struct rig *r = arg;

	for (unsigned i = 0; i < KEPT; i++)
		mm_vmap_slab_free(&r->slab, r->object[i]);
}

static void run_on(struct rig *r, unsigned cpu, void (*fn)(void *arg))
{
	const struct mm_cpumask on = mm_cpumask_of(cpu);
	struct mm_task task;

	assert_int_equal(mm_exec_spawn(r->e->x, &task, &on, fn, r), 0);
	mm_exec_join(r->e->x, &task);
}

/* What CPU 0 takes CPU 1 gives back: two sheaves stay there, and the rest comes round. */
static void objects_go_round(void **state)
{
	struct rig *r = rig_open(mode_of(state), 2);

	for (unsigned round = 0; round < 50; round++) {
		run_on(r, 0, taker);
		run_on(r, 1, giver);
		assert_no_failure(&r->failure, round);
		assert_true(r->slab.nr_chunks <= 3);
	}
	rig_close(r);
}

struct member {
	struct rig *r;
	uint64_t id;
	uint64_t *mine[KEPT];
};

static void check_free(struct member *b, unsigned i)
{
	/* Nobody else wrote to it. */
	expect_in_task(&b->r->failure, b->mine[i][0] == b->id && b->mine[i][9] == b->id + i,
		       b->mine[i][0]);
	mm_vmap_slab_free(&b->r->slab, b->mine[i]);
	b->mine[i] = NULL;
}

static void member_main(void *arg)
{
	struct member *b = arg;

	for (uint64_t round = 0; round < b->r->rounds; round++) {
		unsigned i = (unsigned)mm_rng_below(&mm_task_current()->rng, KEPT);

		if (b->mine[i]) {
			check_free(b, i);
			continue;
		}
		b->mine[i] = mm_vmap_slab_alloc(&b->r->slab);
		expect_in_task(&b->r->failure, b->mine[i], round);
		if (!b->mine[i])
			break;
		b->mine[i][0] = b->id;
		b->mine[i][9] = b->id + i;
	}
	for (unsigned i = 0; i < KEPT; i++)
		if (b->mine[i])
			check_free(b, i);
}

/* Of one CPU, to whom nothing is lost: all that there is can be had without a new chunk. */
static void take_everything(struct rig *r)
{
	uint64_t chunks = r->slab.nr_chunks;

	assert_true(chunks * PER_CHUNK <= MANY);
	take_all(r, (unsigned)chunks * PER_CHUNK);
	assert_int_equal(r->slab.nr_chunks, chunks);
	give_all(r, (unsigned)chunks * PER_CHUNK);
}

/* More tasks than CPUs: natively two are on one CPU's list at the same time. */
static void crowd(enum mmsim_mode mode, unsigned cpus)
{
	struct rig *r = rig_open(mode, cpus);
	struct member *b = calloc(TASKS, sizeof(*b));

	assert_non_null(b);
	r->rounds = mode == MMSIM_NATIVE ? 60000 : 2000;
	for (unsigned i = 0; i < TASKS; i++) {
		b[i].r = r;
		b[i].id = (i + 1) * 1000;
	}
	env_run(r->e, TASKS, member_main, b, sizeof(*b));
	assert_no_failure(&r->failure, 42);
	assert_true(r->slab.nr_chunks <= 1 + (TASKS * (KEPT + 2 * 32)) / PER_CHUNK);
	if (cpus == 1)
		take_everything(r);
	free(b);
	rig_close(r);
}

static void an_object_is_one_takers(void **state)
{
	crowd(mode_of(state), 2);
	crowd(mode_of(state), 1);
}

static void out_of_memory(void **state)
{
	struct rig *r = rig_open(mode_of(state), 1);

	env_fail(r->e, MMSIM_FAULT_METADATA, 1, 1);
	assert_null(mm_vmap_slab_alloc(&r->slab));
	assert_int_equal(mm_vmap_slab_live(&r->slab), 0);
	take_all(r, PER_CHUNK);
	env_fail(r->e, MMSIM_FAULT_METADATA, 1, 1);
	assert_null(mm_vmap_slab_alloc(&r->slab));
	give_all(r, PER_CHUNK);
	/* The same once more: nothing was lost, and no chunk is needed. */
	env_fail(r->e, MMSIM_FAULT_METADATA, 1, 1);
	take_all(r, PER_CHUNK);
	env_fail(r->e, MMSIM_FAULT_METADATA, 0, 0);
	give_all(r, PER_CHUNK);
	rig_close(r);
}

static void out_of_memory_at_first(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 2 });
	struct mm_slab slab;

	(void)state;
	env_fail(e, MMSIM_FAULT_METADATA, 1, 1);
	assert_int_equal(mm_vmap_slab_init(&slab, e->x, &e->locks, SIZE), -ENOMEM);
	env_close(e);
}

static void give_late(void *arg)
{
	struct rig *r = arg;

	mm_vmap_slab_alloc(&r->slab);
	mm_vmap_slab_fini(&r->slab);
}

static void give_twice(void *arg)
{
	struct rig *r = arg;
	void *object = mm_vmap_slab_alloc(&r->slab);

	mm_vmap_slab_free(&r->slab, object);
	mm_vmap_slab_free(&r->slab, object);
}

static void what_is_broken_stops(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, 1);

	(void)state;
	assert_true(child_dies(give_late, r, "B1: every object is back"));
	if (MM_DEBUG >= 2)
		assert_true(child_dies(give_twice, r, "sheaf_has"));
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(objects_are_apart),
		cmocka_unit_test(chunks_are_used_up),
		in_all_modes(objects_go_round),
		in_all_modes(an_object_is_one_takers),
		in_all_modes(out_of_memory),
		cmocka_unit_test(out_of_memory_at_first),
		cmocka_unit_test(what_is_broken_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
