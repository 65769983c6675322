/* SPDX-License-Identifier: MIT */
/*
 * What the floors above exec stand on: an exec of any mode with metadata, faults, log, locks and
 * topology under it, the caller attached. env_close() checks that nothing is left of any of them.
 * Functions may be unused.
 *
 * On the heap and lost when a test fails: the thread stays attached to it, and the next test must
 * still be able to attach to its own.
 */
#ifndef TESTS_EXEC_ENV_H
#define TESTS_EXEC_ENV_H

#include "exec.h"
#include "exec_modes.h"
#include "lock.h"
#include "topology.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct env {
	struct mm_fault fault;
	struct mm_meta meta;
	struct mm_log log;
	struct mmsim_explore explore;
	struct mm_exec *x;
	struct mm_topology topology;
	struct mm_lockset locks;
	struct mm_task guest;
};

struct env_shape {
	enum mmsim_mode mode;
	unsigned nr_cpus;
	unsigned nr_nodes; /* 0: 1 */
	uint64_t memory_only; /* bit n: node n has no CPU; the others share them in equal blocks */
	bool timed;
	const uint64_t *figure; /* virtual; NULL: those of exec_modes.h */
	uint64_t seed; /* 0: 42 */
};

/* Test entries for every mode; the test gets its mode from mode_of(state). */
#define in_mode(f, mode, name)                                             \
	{                                                                  \
#f " (" name ")", f, NULL, NULL, (void *)(uintptr_t)(mode) \
	}
#define in_all_modes(f)                                                         \
	in_mode(f, MMSIM_NATIVE, "native"), in_mode(f, MMSIM_SERIAL, "serial"), \
		in_mode(f, MMSIM_VIRTUAL, "virtual"), in_mode(f, MMSIM_EXPLORE, "explore")

static __attribute__((unused)) enum mmsim_mode mode_of(void **state)
{
	return (enum mmsim_mode)(uintptr_t)*state;
}

static __attribute__((unused)) void env_log(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

/* CPUs in blocks over the nodes that may have them. */
static __attribute__((unused)) void env_describe(struct mmsim_config *cfg,
						 const struct env_shape *shape)
{
	uint16_t with[MMSIM_MAX_NODES];
	unsigned nr = 0;

	cfg->nr_cpus = shape->nr_cpus;
	cfg->nr_nodes = shape->nr_nodes ? shape->nr_nodes : 1;
	for (unsigned n = 0; n < cfg->nr_nodes; n++)
		if (!(shape->memory_only >> n & 1))
			with[nr++] = (uint16_t)n;
	for (unsigned cpu = 0; cpu < cfg->nr_cpus; cpu++)
		cfg->cpu[cpu].node = with[(size_t)cpu * nr / cfg->nr_cpus];
}

static __attribute__((unused)) struct env *env_open(const struct env_shape *shape)
{
	static const struct mmsim_fault none[MMSIM_NR_FAULT_KINDS];
	struct mmsim_config *cfg = calloc(1, sizeof(*cfg));
	struct env *e = calloc(1, sizeof(*e));
	struct mm_exec_config exec = { .mode = shape->mode, .nr_cpus = shape->nr_cpus, .seed = 42 };

	assert_non_null(cfg);
	assert_non_null(e);
	mm_base_fault_init(&e->fault, none);
	mm_base_log_init(&e->log, env_log, NULL);
	assert_int_equal(mm_base_meta_init(&e->meta, &e->fault), 0);
	exec.meta = &e->meta;
	exec.fault = &e->fault;
	exec.log = &e->log;
	test_mode_needs(&exec, &e->explore);
	exec.figure = shape->figure ? shape->figure : exec.figure;
	exec.seed = shape->seed ? shape->seed : exec.seed;
	assert_int_equal(mm_exec_create(&exec, &e->x), 0);
	env_describe(cfg, shape);
	assert_int_equal(mm_sync_topology_init(&e->topology, &e->meta, cfg), 0);
	mm_sync_lockset_init(&e->locks, e->x, shape->timed);
	assert_true(mm_exec_attach(e->x, &e->guest));
	free(cfg);
	return e;
}

/* E3, M1: no task, no object is left. */
static __attribute__((unused)) void env_close(struct env *e)
{
	mm_exec_detach(e->x, &e->guest);
	mm_sync_lockset_fini(&e->locks);
	mm_sync_topology_fini(&e->topology, &e->meta);
	mm_exec_destroy(e->x);
	assert_int_equal(e->meta.live, 0);
	assert_int_equal(e->meta.live_bytes, 0);
	mm_base_meta_fini(&e->meta);
	free(e);
}

/*
 * From now on the nth operation of a kind fails, and the count - 1 after it; nth 0: none does. Explored
 * tasks read this without an order that ThreadSanitizer would see.
 */
static __attribute__((unused)) MM_NO_TSAN void env_fail(struct env *e, enum mmsim_fault_kind kind,
							uint32_t nth, uint32_t count)
{
	e->fault.point[kind] = (struct mm_fault_point){ .nth = nth, .count = count };
}

/* Run fn on n tasks, the i-th with args + i * stride, and wait for all. */
static __attribute__((unused)) void env_run(struct env *e, unsigned n, void (*fn)(void *arg),
					    void *args, size_t stride)
{
	struct mm_task *task = calloc(n, sizeof(*task));

	assert_non_null(task);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(mm_exec_spawn(e->x, &task[i], NULL, fn, (char *)args + i * stride),
				 0);
	for (unsigned i = 0; i < n; i++)
		mm_exec_join(e->x, &task[i]);
	free(task);
}

static inline void env_yield(struct mm_exec *x)
{
	x->ops->yield(x);
}

/* Wait until *word is val; the tasks that make it so may need the CPU. */
static inline void env_wait_for(struct mm_exec *x, const uint32_t *word, uint32_t val)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != val)
		env_yield(x);
}

#endif
