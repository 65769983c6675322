/* SPDX-License-Identifier: MIT */
/*
 * What `replay` is asked besides what every benchmark is: which recordings, and how they are followed.
 *
 * The harness does not know these options: they are taken out of the command line before it sees the
 * rest. --trace, which is a timeline elsewhere, is a recorded trace here.
 */
#ifndef BENCH_REPLAY_OPTIONS_H
#define BENCH_REPLAY_OPTIONS_H

#include <mmsim/policy.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLAY_MAX_RECORDINGS 32
#define REPLAY_NR_POLICIES 4

struct replay_options {
	unsigned nr; /* recordings; 0: none was named */
	char *snapshot[REPLAY_MAX_RECORDINGS]; /* a directory, or "host" */
	const char *trace; /* NULL: the recording's own */
	bool hints;
	bool free_running;
	uint32_t policy[REPLAY_NR_POLICIES]; /* index of the word plus 1; 0: not given */
	const char *list_file; /* --mismatches FILE; NULL: none */
	uint64_t list_most; /* --mismatches N: print so many of each recording */
};

/*
 * Take our options out of argv. rest has room for argc + 1 pointers and receives what is not ours, argv[0]
 * first. Returns 0, or -1 with one line "--option: 'value': what is wrong" in msg. To be freed in both
 * cases.
 */
int replay_options_parse(struct replay_options *opt, int argc, char **argv, int *rest_argc,
			 char **rest, char *msg, size_t len);
void replay_options_free(struct replay_options *opt);

/* Set what --policy names. */
void replay_options_policy(const struct replay_options *opt, struct mmsim_alloc_policy *policy);

/* "mmsim", and behind a colon the words of --policy and how it is followed. */
void replay_options_impl(const struct replay_options *opt, bool free_running, char *buf,
			 size_t len);

/* One line per option, for --help. */
const char *replay_options_help(void);

#endif
