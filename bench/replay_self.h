/* SPDX-License-Identifier: MIT */
/*
 * A recording that a simulated machine makes of itself.
 *
 * Memory is aged until it is short and fragmented; then tasks on both CPUs take and give back blocks of
 * all types while every event is kept, with a snapshot before and one after. Nothing is hidden from it, so
 * that a replay has no excuse: all of it must be exact.
 */
#ifndef BENCH_REPLAY_SELF_H
#define BENCH_REPLAY_SELF_H

#include "replay_input.h"

/* Fills before, after and trace. Returns as replay_input_load(). */
int replay_self_record(const struct bench_session *session, const struct replay_source *source,
		       struct replay_input *in);

#endif
