/* SPDX-License-Identifier: MIT */
/* Deferred init: one thread per node, one multithreaded job per free memory range. */
#include "bits.h"
#include "boot.h"
#include "shuffle.h"
#include "watermark.h"

static void init_chunk(unsigned long start, unsigned long end, void *arg)
{
	struct mm_boot_node *node = arg;
	uint64_t pages = mm_boot_init_chunk(node->boot, node, start, end);

	__atomic_add_fetch(&node->pages, pages, __ATOMIC_RELAXED);
}

/* As many threads as the node has CPUs, as deferred_page_init_max_threads(). */
static unsigned max_threads(const struct mm_boot_node *node)
{
	const struct mm_boot *boot = node->boot;

	unsigned most = boot->threads ? boot->threads : boot->topology->nr_node_cpus[node->nid];

	return mm_clamp(most, 1u, (unsigned)MMSIM_MAX_CPUS);
}

/* A chunk and its threads end on section boundaries, so that they share no pageblock byte or block. */
static void init_free_range(struct mm_boot_node *node, uint64_t start, uint64_t end)
{
	struct mmsim_padata_mt_job job = {
		.thread_fn = init_chunk,
		.fn_arg = node,
		.start = start,
		.size = end - start,
		.align = MMSIM_PAGES_PER_SECTION,
		.min_chunk = MMSIM_PAGES_PER_SECTION,
		.max_threads = (int)max_threads(node),
	};

	node->ranges++;
	if (node->boot->use_padata)
		mm_job_padata_do_multithreaded(node->boot->padata, &job);
	else
		init_chunk(start, end, node);
}

/* Take the node's deferred part; nobody can grow the zone from here on. */
static uint64_t claim_deferred(struct mm_boot_node *node)
{
	uint64_t first;

	mm_spin_lock(&node->resize_lock);
	first = node->first_deferred;
	__atomic_store_n(&node->first_deferred, MM_NOT_DEFERRED, __ATOMIC_RELAXED);
	mm_spin_unlock(&node->resize_lock);
	return first;
}

static void pgdatinit(void *arg)
{
	struct mm_boot_node *node = arg;
	struct mm_boot *boot = node->boot;
	uint64_t at = claim_deferred(node);
	struct mm_span free;

	if (at == MM_NOT_DEFERRED)
		return;
	node->threads = boot->use_padata ? max_threads(node) : 1;
	node->first_pfn = at;
	node->began = mm_exec_now(boot->exec);
	while (at < node->last->span.end &&
	       mm_page_shape_next_free(boot->shape, node->nid, at, node->last->span.end, &free)) {
		at = mm_round_up(free.end, MMSIM_PAGES_PER_SECTION);
		init_free_range(node, free.start, at);
	}
	node->ended = mm_exec_now(boot->exec);
}

/* Without a thread the node is initialised here: slower, but complete. */
static bool start_node(struct mm_boot *boot, struct mm_boot_node *node)
{
	const struct mm_cpumask *cpus = NULL;

	if (!node->last)
		return false;
	if (boot->topology->nr_node_cpus[node->nid])
		cpus = &boot->topology->cpus[node->nid];
	if (!mm_exec_spawn(boot->exec, &node->task, cpus, pgdatinit, node))
		return true;
	mm_base_log(boot->log, "pgdatinit%u: no thread to be had, initialised by the caller",
		    node->nid);
	pgdatinit(node);
	return false;
}

void mm_boot_deferred(struct mm_boot *boot)
{
	uint64_t started = 0;

	for (unsigned i = 0; i < boot->nr_nodes; i++)
		started |= (uint64_t)start_node(boot, &boot->nodes[i]) << i;
	for (unsigned i = 0; i < boot->nr_nodes; i++)
		if (started >> i & 1)
			mm_exec_join(boot->exec, &boot->nodes[i].task);
	/* Only now is it known what there is. */
	mm_buddy_setup_zones(boot->buddy);
	mm_for_each_zone(zone, boot->buddy)
		mm_buddy_shuffle_zone(zone);
}
