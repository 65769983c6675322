/* SPDX-License-Identifier: MIT */
/*
 * What is replayed: a recording, this host, a trace alone, or a workload that a machine recorded itself.
 *
 *  R1: what has `after` has `before`, and what has `before` is of the machine `cfg`.
 *  R2: without a trace there are snapshots.
 */
#ifndef BENCH_REPLAY_INPUT_H
#define BENCH_REPLAY_INPUT_H

#include "harness/bench.h"

#include <mmsim/policy.h>
#include <mmsim/replay.h>

enum replay_kind {
	REPLAY_SELF, /* recorded here */
	REPLAY_RECORDING, /* a directory */
	REPLAY_HOST, /* the kernel that runs here */
	REPLAY_TRACE, /* no snapshot: a fresh machine, free-running */
};

struct replay_source {
	enum replay_kind kind;
	char name[OPTIONS_NAME];
	const char *dir; /* of a recording */
	const char *trace; /* NULL: the recording's own */
	bool hints;
	uint64_t operations; /* self: of each CPU */
	struct mmsim_alloc_policy policy; /* self: of the machine that records */
};

struct replay_input {
	struct mmsim_snapshot *before; /* NULL: a trace alone */
	struct mmsim_snapshot *after; /* NULL: not known */
	struct mmsim_trace *trace; /* NULL: none */
	bool trace_is_own; /* made here: not the library's to free */
	struct mmsim_hints *hints; /* NULL: without */
	struct mmsim_config *cfg; /* of the machine to replay on */
	uint64_t from_ns, to_ns; /* what lies between the snapshots; 0, 0: all */
	uint64_t listable; /* allocations in it of orders that per-CPU lists have */
	uint64_t load_ns, parse_ns; /* reading the snapshots; the trace */
	char note[256]; /* what is missing; empty if nothing */
};

/*
 * Returns BENCH_OK, or an exit code with a line on stderr: BENCH_CANNOT where the host lacks a right or the
 * build a format. To be freed in both cases.
 */
int replay_input_load(const struct bench_session *session, const struct replay_source *source,
		      struct replay_input *in);
void replay_input_free(struct replay_input *in);

/* Does this event lie between the snapshots? */
bool replay_input_has(const struct replay_input *in, const struct mmsim_trace_event *e);

/* An error of the library, as bench_fail(). */
int replay_fail(const struct bench_session *session, const char *name, int rc,
		const struct mmsim_replay_error *err);

#endif
