/* SPDX-License-Identifier: MIT */
/* Exported calls: the books of zones, as numbers. */
#include "books.h"
#include "fields.h"
#include "frag.h"
#include "machine.h"
#include "zoneinfo.h"
#include <errno.h>

const char *mmsim_zone_name(enum mmsim_zone_type type)
{
	return type < MMSIM_NR_ZONES ? mm_replay_zone_name(type) : NULL;
}

const char *mmsim_migratetype_name(enum mmsim_migratetype mt)
{
	return mm_replay_migratetype_name(mt);
}

static int find_zone(struct mmsim *m, const char *call, unsigned node, enum mmsim_zone_type type,
		     struct mm_zone **zone)
{
	if (node >= m->buddy.nr_nodes || type >= MMSIM_NR_ZONES) {
		mm_base_log(&m->log, "%s(node %u, type %u): no such node or type", call, node,
			    type);
		return -EINVAL;
	}
	*zone = mm_buddy_zone(&m->buddy, node, type);
	return mm_zone_populated(*zone) ? 0 : -ENOENT;
}

int mmsim_zone_info(struct mmsim *m, unsigned node, enum mmsim_zone_type type,
		    struct mmsim_zone_info *info)
{
	MM_ON_CPU(m);
	struct mm_zone *zone;
	int err = find_zone(m, "mmsim_zone_info", node, type, &zone);

	if (!err)
		mm_replay_zone_books(zone, info);
	return err;
}

int mmsim_pcp_info(struct mmsim *m, unsigned node, enum mmsim_zone_type type, unsigned cpu,
		   struct mmsim_pcp_info *info)
{
	MM_ON_CPU(m);
	struct mm_zone *zone;
	int err = find_zone(m, "mmsim_pcp_info", node, type, &zone);

	if (err)
		return err;
	if (cpu >= m->topology.nr_cpus) {
		mm_base_log(&m->log, "mmsim_pcp_info(cpu %u): there are %u CPUs", cpu,
			    m->topology.nr_cpus);
		return -EINVAL;
	}
	mm_replay_pcp_books(zone, cpu, info);
	return 0;
}

int mmsim_frag_info(struct mmsim *m, unsigned node, enum mmsim_zone_type type,
		    struct mmsim_frag_info *info)
{
	MM_ON_CPU(m);
	struct mm_zone *zone;
	int err = find_zone(m, "mmsim_frag_info", node, type, &zone);

	if (!err)
		mm_replay_frag_info(zone, info);
	return err;
}

int mmsim_snapshot_frag(const struct mmsim_snapshot *snap, size_t zone,
			struct mmsim_frag_info *info)
{
	return mm_replay_snapshot_frag(snap, zone, info);
}

uint64_t mmsim_validate(struct mmsim *m)
{
	MM_ON_CPU(m);

	/* Of what the caller has unmapped some page tables may be on their way. */
	mm_sync_rcu_barrier(&m->mmap.rcu);
	return mm_buddy_validate(&m->buddy);
}
