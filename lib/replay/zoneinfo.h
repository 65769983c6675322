/* SPDX-License-Identifier: MIT */
/*
 * The text of /proc/zoneinfo: zones, watermarks, and the per-CPU lists' books.
 *
 * Kernel counterpart: zoneinfo_show_print() of mm/vmstat.c. Lines that kernels have added or dropped
 * over the years (boost, promo, high_min, high_max) are 0 where they are missing; lines that are not
 * needed are skipped. Zones that span nothing, and zone Device, are left out.
 *
 * Z1: zones come by node and type, each pair once, and do not overlap.
 * Z2: pcps come by zone and CPU, each pair once; empty zones have none.
 *
 * Locking: none.
 */
#ifndef MM_REPLAY_ZONEINFO_H
#define MM_REPLAY_ZONEINFO_H

#include "reader.h"
#include <mmsim/gfp.h>

#define MM_REPLAY_MAX_ZONES (MMSIM_MAX_NODES * MMSIM_NR_ZONES)
/* The kernel's own zones, with those that are not modelled. */
#define MM_REPLAY_MAX_KERNEL_ZONES 8

/* What a snapshot has no place for. */
struct mm_replay_zoneinfo {
	/* By the kernel's zone index, which depends on its configuration; MMSIM_NR_ZONES: not modelled. */
	uint32_t nr_types;
	uint8_t type[MM_REPLAY_MAX_KERNEL_ZONES];
	/* By zone of the snapshot: how far a per-CPU counter may be off before it is folded in. */
	uint32_t threshold[MM_REPLAY_MAX_ZONES];
};

/**
 * Reads zones, pcps, nr_cpus, nr_nodes and max_pfn of an empty snapshot: 0, -EINVAL, -EIO or -ENOMEM
 * with the reader's message. What was allocated is the snapshot's.
 */
int mm_replay_zoneinfo_parse(struct mm_reader *r, struct mmsim_snapshot *snap,
			     struct mm_replay_zoneinfo *info);

/** "DMA32" for its enum mmsim_zone_type; MMSIM_NR_ZONES for zones not modelled; -1: no such zone. */
int mm_replay_zone_type(const char *name, size_t len);
const char *mm_replay_zone_name(uint32_t type);

/** The books of a zone's list on a CPU, or NULL (Z2). */
struct mmsim_snap_pcp *mm_replay_find_pcp(const struct mmsim_snapshot *snap, uint32_t zone,
					  uint64_t cpu);

#endif
