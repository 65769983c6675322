/* SPDX-License-Identifier: MIT */
/* The mismatches of replays one by one: all into a file, the first few to be printed. */
#ifndef BENCH_REPLAY_LIST_H
#define BENCH_REPLAY_LIST_H

#include <mmsim/replay.h>
#include <stdbool.h>
#include <stdio.h>

struct replay_line {
	unsigned recording;
	unsigned kind; /* enum mmsim_mismatch */
	struct mmsim_trace_event event;
	uint64_t own; /* the machine's page; 0: none */
};

struct replay_list {
	const char *path; /* NULL: no file */
	FILE *file;
	uint64_t most; /* lines kept of each recording */
	unsigned recording; /* whose turn it is */
	const char *name; /* its name */
	uint64_t kept; /* of it */
	size_t nr, room;
	struct replay_line *lines;
};

/* One recording is about to be replayed. Returns 0, or -1: the file cannot be written, see errno. */
int replay_list_begin(struct replay_list *list, unsigned recording, const char *name);

/* For mmsim_replay_options.mismatch; ctx is the list. */
void replay_list_add(void *ctx, unsigned kind, const struct mmsim_trace_event *event, uint64_t own);

/* The kept lines of one recording, under a heading. */
void replay_list_print(const struct replay_list *list, unsigned recording, FILE *out);

/* All is replayed. Returns 0, or -1: something could not be written to the file. */
int replay_list_close(struct replay_list *list);

/* What was kept. */
void replay_list_free(struct replay_list *list);

#endif
