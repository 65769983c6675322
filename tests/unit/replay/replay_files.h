/* SPDX-License-Identifier: MIT */
/*
 * The small recording under tests/data, with a word of one of its files exchanged, and directories of
 * a test's own.
 */
#ifndef REPLAY_FILES_H
#define REPLAY_FILES_H

#include "snapshot.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef MMSIM_TEST_DATA
#error "the build defines MMSIM_TEST_DATA, the path of tests/data as a string"
#endif

#define SMALL MMSIM_TEST_DATA "/recordings/small"

/* In file `name`, `with` stands instead of the first `what`; NULL: the file is `with`, or is missing. */
struct tweak {
	const char *name;
	const char *what;
	const char *with;
};

struct tweaked {
	struct tweak tweak;
	char text[32768]; /* of that file; it must outlive the reader */
};

static inline void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline size_t read_text(const char *path, char *to, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t len;

	assert_non_null(f);
	len = fread(to, 1, size - 1, f);
	fclose(f);
	to[len] = '\0';
	return len;
}

static inline void make_tweaked_text(struct tweaked *t, const char *path)
{
	char text[sizeof(t->text) / 2];
	char *at;

	read_text(path, text, sizeof(text));
	at = strstr(text, t->tweak.what);
	assert_non_null(at);
	snprintf(t->text, sizeof(t->text), "%.*s%s%s", (int)(at - text), text, t->tweak.with,
		 at + strlen(t->tweak.what));
}

static inline int open_tweaked(const struct mm_replay_files *files, struct mm_reader *r,
			       const char *name, struct mmsim_replay_error *err)
{
	struct tweaked *t = (struct tweaked *)(uintptr_t)files->data;
	bool meta = !strcmp(name, "meta.json");
	char path[1024];

	assert_non_null(files->dir);
	snprintf(path, sizeof(path), "%s/%s%s%s", files->dir,
		 meta || !files->prefix ? "" : files->prefix, meta ? "" : ".", name);
	if (strcmp(name, t->tweak.name))
		return mm_replay_reader_open_either(r, err, "%s", path);
	if (!t->tweak.what && !t->tweak.with)
		return mm_replay_reader_open(r, SMALL "/missing", err);
	if (t->tweak.what)
		make_tweaked_text(t, path);
	else
		snprintf(t->text, sizeof(t->text), "%s", t->tweak.with);
	return mm_replay_reader_open_mem(r, t->text, strlen(t->text), name, err);
}

static inline int load_tweaked(struct tweak tweak, const char *prefix, struct mmsim_snapshot **snap,
			       struct mmsim_replay_error *err)
{
	static struct tweaked tweaked;
	const struct mm_replay_files files = {
		.open = open_tweaked, .dir = SMALL, .prefix = prefix, .data = &tweaked
	};

	tweaked.tweak = tweak;
	return mm_replay_snapshot_read(&files, snap, err);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void make_dir(char *path, size_t size)
{
	snprintf(path, size, "%s", "/tmp/mmsim-replay-XXXXXX");
	assert_non_null(mkdtemp(path));
}

static inline void remove_dir(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
