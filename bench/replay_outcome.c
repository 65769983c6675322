/* SPDX-License-Identifier: MIT */
/* One replay, from an empty machine to what differs at its end. */
#include "replay_outcome.h"

#include "harness/util.h"

#include <errno.h>
#include <mmsim/machine.h>
#include <stdlib.h>
#include <string.h>

static int make_machine(const struct bench_session *session, const struct replay_input *in,
			const struct replay_follow *how, struct replay_outcome *out,
			struct mmsim **m)
{
	struct mmsim_config *cfg = bench_calloc(1, sizeof(*cfg));
	struct mmsim_replay_error err = { "" };
	uint64_t start = bench_now();
	int rc;

	*cfg = *in->cfg;
	cfg->log = session->machine.cfg.log;
	cfg->log_ctx = session->machine.cfg.log_ctx;
	rc = mmsim_create(cfg, m);
	free(cfg);
	out->create_ns = bench_now() - start;
	if (rc)
		return bench_fail(session, rc == -ENOMEM ? BENCH_CANNOT : BENCH_FAILED,
				  "%s: creating the machine: %s", how->name, strerror(-rc));
	start = bench_now();
	rc = in->before ? mmsim_snapshot_restore(*m, in->before, &err) : 0;
	out->restore_ns = bench_now() - start;
	return rc ? replay_fail(session, how->name, rc, &err) : BENCH_OK;
}

/* What is counted since boot: added with 1, taken off again with -1. */
static void add_books(struct mmsim *m, struct replay_outcome *out, uint64_t sign)
{
	struct mmsim_lock_info lock;
	struct mmsim_zone_info z;

	for (unsigned i = 0; i < mmsim_nr_nodes(m) * MMSIM_NR_ZONES; i++) {
		enum mmsim_zone_type type = (enum mmsim_zone_type)(i % MMSIM_NR_ZONES);

		if (mmsim_zone_info(m, i / MMSIM_NR_ZONES, type, &z))
			continue;
		out->stat.refills += sign * z.stat.refills;
		out->stat.refilled += sign * z.stat.refilled;
		out->stat.drains += sign * z.stat.drains;
		out->stat.drained += sign * z.stat.drained;
		out->stat.claims += sign * z.stat.claims;
		out->stat.steals += sign * z.stat.steals;
		out->stat.boosts += sign * z.stat.boosts;
		out->stat.kswapd_wakes += sign * z.stat.kswapd_wakes;
	}
	for (unsigned i = 0; !mmsim_lock_info(m, i, &lock); i++)
		if (!strcmp(lock.name, "zone->lock"))
			out->zone_lock_acquired += sign * lock.acquired;
}

static int run(const struct bench_session *session, const struct replay_input *in,
	       const struct replay_follow *how, struct replay_outcome *out, struct mmsim *m)
{
	const struct mmsim_replay_options options = {
		.free_running = how->free_running,
		.hints = in->hints,
		.from_ns = in->from_ns,
		.to_ns = in->to_ns,
		.mismatch = how->mismatch,
		.ctx = how->ctx,
	};
	struct mmsim_replay_error err = { "" };
	uint64_t start;
	int rc;

	add_books(m, out, (uint64_t)-1);
	start = bench_now();
	rc = mmsim_replay(m, in->trace, &options, &out->report, &err);
	out->replay_ns = bench_now() - start;
	if (rc)
		return replay_fail(session, how->name, rc, &err);
	out->replayed = true;
	/* Here, as taking a snapshot locks zones, too. */
	add_books(m, out, 1);
	return BENCH_OK;
}

/* A machine has zones that a kernel has not, and lists them in another order. */
static struct replay_zone *find_zone(struct replay_outcome *out, const struct mmsim_snap_zone *z)
{
	for (unsigned i = 0; i < out->nr_zones; i++)
		if (out->zone[i].node == z->node && out->zone[i].type == z->type)
			return &out->zone[i];
	out->zone = bench_realloc(out->zone, out->nr_zones + 1, sizeof(*out->zone));
	memset(&out->zone[out->nr_zones], 0, sizeof(*out->zone));
	out->zone[out->nr_zones].node = z->node;
	out->zone[out->nr_zones].type = (enum mmsim_zone_type)z->type;
	return &out->zone[out->nr_zones++];
}

static void describe(struct replay_outcome *out, const struct mmsim_snapshot *snap,
		     enum replay_side side)
{
	for (size_t i = 0; i < snap->nr_zones; i++)
		mmsim_snapshot_frag(snap, i, &find_zone(out, &snap->zones[i])->frag[side]);
	for (size_t i = 0; i < snap->nr_blocks; i++) {
		const struct mmsim_snap_block *b = &snap->blocks[i];

		find_zone(out, &snap->zones[b->zone])->nr_free[side][b->order][b->migratetype]++;
	}
}

/* Of the host without a trace, its state now is also the end. */
static int compare(const struct bench_session *session, const struct replay_input *in,
		   const struct replay_follow *how, struct replay_outcome *out, struct mmsim *m)
{
	const struct mmsim_snapshot *kernel = in->after || in->trace ? in->after : in->before;
	struct mmsim_snapshot *end;
	int rc = mmsim_snapshot_take(m, &end);

	if (rc)
		return bench_fail(session, BENCH_FAILED, "%s: snapshot of the machine: %s",
				  how->name, strerror(-rc));
	if (kernel) {
		rc = mmsim_snapshot_compare(end, kernel, &out->diff);
		out->has_kernel = rc == 0;
		out->has_order = rc == 0 && kernel->flags & MMSIM_SNAP_LIST_ORDER;
		describe(out, kernel, SIDE_KERNEL);
	}
	describe(out, end, SIDE_SIMULATED);
	mmsim_snapshot_free(end);
	if (rc == -EINVAL)
		return bench_fail(session, BENCH_FAILED, "%s: after has other zones than before",
				  how->name);
	if (rc)
		return bench_fail(session, BENCH_FAILED, "%s: comparing the end: %s", how->name,
				  strerror(-rc));
	return BENCH_OK;
}

int replay_follow(const struct bench_session *session, const struct replay_input *in,
		  const struct replay_follow *how, struct replay_outcome *out)
{
	struct mmsim *m = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	out->free_running = how->free_running;
	rc = make_machine(session, in, how, out, &m);
	if (rc == BENCH_OK && in->trace)
		rc = run(session, in, how, out, m);
	if (rc == BENCH_OK)
		rc = compare(session, in, how, out, m);
	mmsim_destroy(m);
	return rc;
}

void replay_outcome_free(struct replay_outcome *out)
{
	free(out->zone);
	memset(out, 0, sizeof(*out));
}
