/* SPDX-License-Identifier: MIT */
/* What the engine's own cases share for the length of a session: a machine, and notes. */
#ifndef BENCH_JOBS_SESSION_H
#define BENCH_JOBS_SESSION_H

#include "jobs.h"

enum jobs_note {
	JOBS_NOTE_MISSING = 1 << 0, /* a peer could not be opened */
	JOBS_NOTE_UNBOUND = 1 << 1, /* a thread of a peer was not bound to a CPU */
};

/* Small, of the session's shape. */
struct mmsim *jobs_session_machine(const struct bench_session *session);

/* To be said once, at the end. */
void jobs_session_note(struct bench_session *session, enum jobs_note note);

#endif
