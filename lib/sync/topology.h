/* SPDX-License-Identifier: MIT */
/* Which CPU is on which node. Constant after init. Counterpart: cpu_to_node(), cpumask_of_node(). */
#ifndef MM_SYNC_TOPOLOGY_H
#define MM_SYNC_TOPOLOGY_H

#include "cpumask.h"
#include "meta.h"

struct mm_topology {
	unsigned nr_cpus;
	unsigned nr_nodes;
	uint16_t *node_of; /* [nr_cpus] */
	struct mm_cpumask *cpus; /* [nr_nodes]; empty for a node of memory only */
	unsigned *nr_node_cpus; /* [nr_nodes] */
};

/* Returns 0 or -ENOMEM. */
int mm_sync_topology_init(struct mm_topology *t, struct mm_meta *meta,
			  const struct mmsim_config *cfg);
void mm_sync_topology_fini(struct mm_topology *t, struct mm_meta *meta);

#endif
