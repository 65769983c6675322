/* SPDX-License-Identifier: MIT */
/* Which CPU is on which node. */
#include "topology.h"

#include <errno.h>

int mm_sync_topology_init(struct mm_topology *t, struct mm_meta *meta,
			  const struct mmsim_config *cfg)
{
	t->nr_cpus = cfg->nr_cpus;
	t->nr_nodes = cfg->nr_nodes;
	t->node_of = mm_base_meta_calloc(meta, t->nr_cpus, sizeof(*t->node_of));
	t->cpus = mm_base_meta_calloc(meta, t->nr_nodes, sizeof(*t->cpus));
	t->nr_node_cpus = mm_base_meta_calloc(meta, t->nr_nodes, sizeof(*t->nr_node_cpus));
	if (!t->node_of || !t->cpus || !t->nr_node_cpus) {
		mm_sync_topology_fini(t, meta);
		return -ENOMEM;
	}
	for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++) {
		unsigned node = cfg->cpu[cpu].node;

		t->node_of[cpu] = (uint16_t)node;
		mm_cpumask_set(&t->cpus[node], cpu);
		t->nr_node_cpus[node]++;
	}
	return 0;
}

void mm_sync_topology_fini(struct mm_topology *t, struct mm_meta *meta)
{
	mm_base_meta_free(meta, t->node_of, t->nr_cpus * sizeof(*t->node_of));
	mm_base_meta_free(meta, t->cpus, t->nr_nodes * sizeof(*t->cpus));
	mm_base_meta_free(meta, t->nr_node_cpus, t->nr_nodes * sizeof(*t->nr_node_cpus));
	*t = (struct mm_topology){ 0 };
}
