/* SPDX-License-Identifier: MIT */
/* Making, emptying and reporting of boot. */
#include "boot.h"

#include "bits.h"
#include <errno.h>

static void init_node(struct mm_boot *boot, unsigned nid, struct mm_lockset *locks)
{
	struct mm_boot_node *node = &boot->nodes[nid];

	node->boot = boot;
	node->nid = nid;
	for (unsigned type = 0; type < MMSIM_NR_ZONES; type++) {
		struct mm_zone *zone = mm_buddy_zone(boot->buddy, nid, type);

		if (mm_zone_populated(zone))
			node->last = zone;
	}
	mm_sync_spin_init(&node->resize_lock, locks, MM_RANK_NODE_RESIZE);
}

int mm_boot_init(struct mm_boot *boot, const struct mm_boot_config *cfg)
{
	*boot = (struct mm_boot){
		.exec = cfg->exec,
		.log = cfg->log,
		.shape = cfg->shape,
		.map = cfg->map,
		.buddy = cfg->buddy,
		.padata = cfg->padata,
		.topology = cfg->topology,
		.nr_nodes = cfg->shape->nr_nodes,
		.use_padata = true,
		.defer = true,
	};
	boot->nodes = mm_base_meta_calloc(cfg->exec->meta, boot->nr_nodes, sizeof(*boot->nodes));
	if (!boot->nodes)
		return -ENOMEM;
	for (unsigned i = 0; i < boot->nr_nodes; i++)
		init_node(boot, i, cfg->locks);
	mm_boot_clear(boot);
	cfg->buddy->grow = mm_boot_grow_zone;
	cfg->buddy->grow_ctx = boot;
	return 0;
}

void mm_boot_fini(struct mm_boot *boot)
{
	boot->buddy->grow = NULL;
	for (unsigned i = 0; i < boot->nr_nodes; i++)
		mm_sync_spin_fini(&boot->nodes[i].resize_lock);
	mm_base_meta_free(boot->exec->meta, boot->nodes, boot->nr_nodes * sizeof(*boot->nodes));
}

void mm_boot_clear(struct mm_boot *boot)
{
	for (unsigned i = 0; i < boot->nr_nodes; i++) {
		struct mm_boot_node *node = &boot->nodes[i];

		node->first_deferred = MM_NOT_DEFERRED;
		node->pages = 0;
		node->first_pfn = MM_NOT_DEFERRED;
		node->began = 0;
		node->ended = 0;
		node->threads = 0;
		node->streaming = false;
		node->ranges = 0;
	}
	boot->early_pages = 0;
	boot->early_ns = 0;
}

static uint64_t first_deferred(const struct mm_boot_node *node)
{
	return __atomic_load_n(&node->first_deferred, __ATOMIC_RELAXED);
}

void mm_boot_fill_report(const struct mm_boot *boot, struct mmsim_boot_report *report)
{
	uint64_t began = UINT64_MAX, ended = 0;

	report->early_pages = __atomic_load_n(&boot->early_pages, __ATOMIC_RELAXED);
	report->early_ns = boot->early_ns;
	for (unsigned i = 0; i < boot->nr_nodes; i++) {
		const struct mm_boot_node *node = &boot->nodes[i];

		report->node[i] = (struct mmsim_boot_node){
			.pages = node->pages,
			.time_ns = node->ended - node->began,
			.threads = node->threads,
			.ranges = node->ranges,
			.first_deferred_pfn = node->ended ? node->first_pfn : first_deferred(node),
		};
		report->deferred_pages += node->pages;
		report->streaming |= node->streaming;
		if (node->ended) {
			began = mm_min(began, node->began);
			ended = mm_max(ended, node->ended);
		}
	}
	report->deferred_ns = ended ? ended - began : 0;
}
