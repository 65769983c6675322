/* SPDX-License-Identifier: MIT */
/* One benchmark being run: options resolved to a machine, a list of cells, and what they gave. */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include "context.h"
#include "machine.h"
#include "options.h"
#include "progress.h"
#include "results.h"
#include "threads.h"
#include "watch.h"
#include "whatif.h"

#define SESSION_MAX_CASES 64
#define SESSION_MAX_SETTINGS 16
#define SESSION_MAX_NOTES 16
#define SESSION_NOTE 256

struct bench;

struct bench_session {
	const struct bench *bench;
	const struct options *opt;
	int argc;
	char **argv;
	struct machine machine;
	struct context context;
	struct thread_list threads;
	unsigned cpus; /* what 100 % of the threads are */
	bool selected[SESSION_MAX_CASES];
	uint64_t setting[SESSION_MAX_SETTINGS];
	struct progress progress;
	struct results results;
	char params[256]; /* for csv: what of the machine and the work can be chosen */
	unsigned nr_notes;
	char note[SESSION_MAX_NOTES][SESSION_NOTE];
	char *text; /* of the benchmark's own, for --format kernel; NULL: none */
	size_t text_len;
	unsigned rep;
	bool warming_up; /* what is recorded now does not count */
	struct watch watch;
	struct whatif *whatif; /* NULL without --what-if */
	void *priv; /* the benchmark's own */
};

/* Is its time virtual? */
static inline bool session_is_virtual(const struct bench_session *session)
{
	return session->machine.cfg.mode == MMSIM_VIRTUAL;
}

/*
 * Resolve the options for this benchmark. Returns BENCH_OK or BENCH_USAGE, with a line on stderr.
 * opt and argv must live as long as the session.
 */
int session_open(struct bench_session *session, const struct bench *bench,
		 const struct options *opt, int argc, char **argv);

/* Run every cell. Returns BENCH_OK or an exit code, with a line on stderr. */
int session_run(struct bench_session *session);

/* Is the cell that runs now the last one? */
bool session_in_last_cell(const struct bench_session *session);

void session_close(struct bench_session *session);

#endif
