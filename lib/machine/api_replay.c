/* SPDX-License-Identifier: MIT */
/* Exported calls: snapshots, traces, replay. */
#include "compare.h"
#include "engine.h"
#include "events.h"
#include "hints.h"
#include "host_snapshot.h"
#include "machine.h"
#include "reader.h"
#include "restore.h"
#include "snapshot.h"
#include <errno.h>
#include <mmsim/machine.h>
#include <mmsim/replay.h>
#include <string.h>

int mmsim_snapshot_load(const char *dir, const char *prefix, struct mmsim_snapshot **out,
			struct mmsim_replay_error *err)
{
	return mm_replay_snapshot_load(dir, prefix, out, err);
}

int mmsim_snapshot_host(struct mmsim_snapshot **out, struct mmsim_replay_error *err)
{
	return mm_replay_snapshot_host(out, err);
}

void mmsim_snapshot_free(struct mmsim_snapshot *snap)
{
	mm_replay_snapshot_free(snap);
}

int mmsim_snapshot_config(const struct mmsim_snapshot *snap, struct mmsim_config *cfg,
			  struct mmsim_replay_error *err)
{
	mmsim_config_defaults(cfg);
	return mm_replay_snapshot_config(snap, cfg, err);
}

int mmsim_snapshot_restore(struct mmsim *m, const struct mmsim_snapshot *snap,
			   struct mmsim_replay_error *err)
{
	int ret = mmsim_boot(m);
	MM_ON_CPU(m);

	if (ret) {
		mm_replay_fail(err, "snapshot", 0, "the machine is booted already");
		return ret;
	}
	ret = mm_replay_restore(&m->buddy, snap, err);
	if (ret)
		mmsim_reset(m);
	return ret;
}

int mmsim_snapshot_take(struct mmsim *m, struct mmsim_snapshot **out)
{
	MM_ON_CPU(m);

	return mm_replay_snapshot_take(&m->buddy, out);
}

int mmsim_snapshot_compare(const struct mmsim_snapshot *a, const struct mmsim_snapshot *b,
			   struct mmsim_snapshot_diff *diff)
{
	return mm_replay_snapshot_compare(a, b, diff);
}

int mmsim_trace_load(const char *path, const struct mmsim_snapshot *snap, struct mmsim_trace **out,
		     struct mmsim_replay_error *err)
{
	return mm_replay_trace_load(path, snap, out, err);
}

void mmsim_trace_free(struct mmsim_trace *trace)
{
	mm_replay_trace_free(trace);
}

int mmsim_hints_load(const char *path, const struct mmsim_snapshot *snap, struct mmsim_hints **out,
		     struct mmsim_replay_error *err)
{
	return mm_replay_hints_load(path, snap, out, err);
}

void mmsim_hints_free(struct mmsim_hints *hints)
{
	mm_replay_hints_free(hints);
}

const char *mmsim_mismatch_name(unsigned kind)
{
	return mm_replay_mismatch_name(kind);
}

int mmsim_replay(struct mmsim *m, const struct mmsim_trace *trace,
		 const struct mmsim_replay_options *options, struct mmsim_replay_report *report,
		 struct mmsim_replay_error *err)
{
	static const struct mmsim_replay_options none;
	MM_ON_CPU(m);

	if (!trace || !report) {
		mm_replay_fail(err, "trace", 0, "no trace, or no room for the report");
		return -EINVAL;
	}
	if (strcmp(m->exec->ops->name, "serial") != 0) {
		mm_replay_fail(err, "trace", 0, "only a machine in serial mode replays");
		return -EINVAL;
	}
	return mm_replay_run(&m->buddy, &m->obs, trace, options ? options : &none, report, err);
}
