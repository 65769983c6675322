/* SPDX-License-Identifier: MIT */
/*
 * One replay: a machine made, given the lists of the snapshot, asked for what the trace asks for, and
 * compared with the kernel's end.
 */
#ifndef BENCH_REPLAY_OUTCOME_H
#define BENCH_REPLAY_OUTCOME_H

#include "replay_input.h"

#include <mmsim/frag.h>

/* The two columns of everything that stands side by side. */
enum replay_side { SIDE_KERNEL, SIDE_SIMULATED, NR_SIDES };

struct replay_zone {
	unsigned node;
	enum mmsim_zone_type type;
	uint64_t nr_free[NR_SIDES][MMSIM_NR_PAGE_ORDERS][MMSIM_MAX_MIGRATETYPES]; /* blocks */
	struct mmsim_frag_info frag[NR_SIDES];
};

struct replay_outcome {
	bool replayed; /* there was a trace */
	bool has_kernel; /* the end of the recording is known, or of the host its state */
	bool has_order; /* and its lists in order */
	bool free_running;
	struct mmsim_replay_report report;
	struct mmsim_snapshot_diff diff; /* if has_kernel */
	struct mmsim_zone_stat stat; /* of all zones, while replaying */
	uint64_t zone_lock_acquired; /* likewise */
	uint64_t create_ns, restore_ns, replay_ns; /* of the host */
	unsigned nr_zones;
	struct replay_zone *zone;
};

struct replay_follow {
	const char *name;
	bool free_running;
	void (*mismatch)(void *ctx, unsigned kind, const struct mmsim_trace_event *event,
			 uint64_t simulated_pfn);
	void *ctx;
};

/* Returns BENCH_OK, or an exit code with a line on stderr. To be freed in both cases. */
int replay_follow(const struct bench_session *session, const struct replay_input *in,
		  const struct replay_follow *how, struct replay_outcome *out);
void replay_outcome_free(struct replay_outcome *out);

#endif
