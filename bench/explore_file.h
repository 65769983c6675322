/* SPDX-License-Identifier: MIT */
/* Schedules as files: text, one fact a line, refused where anything is not as written. */
#ifndef EXPLORE_FILE_H
#define EXPLORE_FILE_H

#include "explore_options.h"

struct explore_file {
	char build[32];
	char test[64];
	enum mmsim_policy policy;
	uint32_t depth;
	uint64_t seed;
	uint64_t machine;
	uint64_t steps;
	uint64_t hash;
	struct mmsim_choice *choice; /* malloc()ed by explore_file_read() */
	size_t nr;
};

/* 0, or -1 with one line in msg. */
int explore_file_write(const char *path, const struct explore_file *file, char *msg, size_t len);

/*
 * 0, or -1 with one line "PATH: line N: what" in msg; then nothing is to be freed. Does not look whether
 * build and test are the right ones.
 */
int explore_file_read(const char *path, struct explore_file *file, char *msg, size_t len);

#endif
