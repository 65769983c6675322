/* SPDX-License-Identifier: MIT */
/*
 * Everything below the page floor, a config without CPUs' details, and the shape and struct page
 * array that it gives. For tests that link no more than that.
 *
 * Include cmocka.h first. To be used on the main stack, which asserts.
 */
#ifndef TEST_PAGE_ENV_H
#define TEST_PAGE_ENV_H

#include "bits.h"
#include "exec_modes.h"
#include "lock.h"
#include "log.h"
#include "memmap.h"
#include "shape.h"
#include "topology.h"
#include <stdlib.h>
#include <string.h>

struct page_env {
	struct mmsim_config cfg;
	struct mm_fault fault;
	struct mm_meta meta;
	struct mm_log log;
	struct mmsim_explore explore;
	struct mm_exec *exec;
	struct mm_task
		*guest; /* on the heap and lost when a test fails: the thread stays attached */
	struct mm_lockset locks;
	struct mm_topology topology;
	struct mm_shape shape;
	struct mm_memmap map;
};

/* Defaults: serial, one node, all CPUs on node 0. */
static inline void page_env_config(struct page_env *e, unsigned nr_cpus, unsigned nr_nodes)
{
	memset(e, 0, sizeof(*e));
	e->cfg.size = sizeof(e->cfg);
	e->cfg.mode = MMSIM_SERIAL;
	e->cfg.nr_cpus = nr_cpus;
	e->cfg.nr_nodes = nr_nodes;
}

static inline void page_env_range(struct page_env *e, enum mmsim_range_kind kind, unsigned node,
				  uint64_t start, uint64_t end)
{
	e->cfg.range[e->cfg.nr_ranges++] = (struct mmsim_range){
		.start = start * MMSIM_PAGE_SIZE,
		.bytes = (end - start) * MMSIM_PAGE_SIZE,
		.node = node,
		.kind = kind,
	};
}

/* Page frames [start, end) of a node. */
static inline void page_env_ram(struct page_env *e, unsigned node, uint64_t start, uint64_t end)
{
	page_env_range(e, MMSIM_RANGE_RAM, node, start, end);
}

static inline void page_env_reserve(struct page_env *e, unsigned node, uint64_t start, uint64_t end)
{
	page_env_range(e, MMSIM_RANGE_RESERVED, node, start, end);
}

/* The base only: no shape. The caller becomes a task of the exec, on CPU 0. */
static inline void page_env_open_base(struct page_env *e)
{
	struct mm_exec_config xc = {
		.mode = (enum mmsim_mode)e->cfg.mode,
		.nr_cpus = e->cfg.nr_cpus,
		.seed = 42,
		.meta = &e->meta,
		.fault = &e->fault,
		.log = &e->log,
	};

	test_mode_needs(&xc, &e->explore);
	mm_base_fault_init(&e->fault, e->cfg.fault);
	mm_base_log_init(&e->log, e->cfg.log, e->cfg.log_ctx);
	assert_int_equal(mm_base_meta_init(&e->meta, &e->fault), 0);
	assert_int_equal(mm_exec_create(&xc, &e->exec), 0);
	mm_sync_lockset_init(&e->locks, e->exec, false);
	e->guest = calloc(1, sizeof(*e->guest));
	assert_non_null(e->guest);
	assert_true(mm_exec_attach(e->exec, e->guest));
	assert_int_equal(mm_sync_topology_init(&e->topology, &e->meta, &e->cfg), 0);
}

static inline void page_env_close_base(struct page_env *e)
{
	mm_sync_topology_fini(&e->topology, &e->meta);
	mm_exec_detach(e->exec, e->guest);
	free(e->guest);
	mm_sync_lockset_fini(&e->locks);
	mm_exec_destroy(e->exec);
	mm_base_meta_fini(&e->meta); /* M1: nothing leaked */
}

static inline void page_env_open(struct page_env *e)
{
	page_env_open_base(e);
	assert_int_equal(mm_page_shape_init(&e->shape, &e->meta, &e->cfg), 0);
	/* No pages of a pool: a child process that writes to one may find the pool empty. */
	assert_int_equal(mm_page_memmap_init(&e->map, &e->meta, &e->shape,
					     MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M, &e->fault),
			 0);
}

static inline void page_env_close(struct page_env *e)
{
	mm_page_memmap_fini(&e->map, &e->meta);
	mm_page_shape_fini(&e->shape, &e->meta);
	page_env_close_base(e);
}

#endif
