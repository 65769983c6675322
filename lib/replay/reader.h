/* SPDX-License-Identifier: MIT */
/*
 * Lines of a recorded file, plain or zstd-compressed, and what to say about a bad one.
 *
 * Kernel counterpart: none; the kernel writes these files, here they are read.
 *
 * Whether a file is compressed is told by its first four bytes, not by its name. A line is handed
 * out where it lies in the reader's buffer: no copy, no NUL at its end. It may contain any byte but
 * a newline, so parse it by its length (cursor.h).
 *
 * R1: a line is at most MM_REPLAY_MAX_LINE bytes long, without its newline.
 * R2: `line` is the number of the line handed out last, from 1; 0 before the first.
 * R3: memory is bounded: two buffers, and for a compressed file its window of at most 128 MiB.
 *
 * Locking: none; a reader belongs to one task.
 */
#ifndef MM_REPLAY_READER_H
#define MM_REPLAY_READER_H

#include "compiler.h"
#include <mmsim/replay.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MM_REPLAY_MAX_LINE 4096
#define MM_REPLAY_MAX_PATH 1024

struct mm_reader {
	uint64_t line; /* R2 */
	char file[MM_REPLAY_MAX_PATH]; /* for messages */
	struct mmsim_replay_error *err; /* the caller's; may be NULL */

	/* What is private to reader.c. */
	int fd; /* -1: there is no more to read than what is in memory */
	bool ended;
	bool in_frame; /* the decompressor is within a frame */
	void *stream; /* ZSTD_DStream; NULL: plain */
	const char *text; /* bytes [at, end) are still to be handed out */
	size_t at, end;
	char *buffer; /* where text is, unless it is the caller's memory */
	const char *input; /* compressed bytes [input_at, input_end) are still to be used */
	size_t input_at, input_end;
	char *input_buffer; /* where input is, unless it is the caller's memory */
};

/**
 * 0; -ENOENT, -EACCES, -EIO; -EINVAL for what is no regular file; -ENOTSUP for a compressed file when
 * built without zstd; -ENOMEM. On failure there is nothing to close. `err` may be NULL and must live as
 * long as the reader, which writes its complaints there.
 */
int mm_replay_reader_open(struct mm_reader *r, const char *path, struct mmsim_replay_error *err);

/** The same of DIR/NAME, or else of DIR/NAME.zst; the name is a printf format. -ENOENT: neither. */
int mm_replay_reader_open_either(struct mm_reader *r, struct mmsim_replay_error *err,
				 const char *format, ...) mm_printf(3, 4);

/** The same of bytes in memory, plain or compressed, which must outlive the reader. */
int mm_replay_reader_open_mem(struct mm_reader *r, const void *data, size_t len, const char *name,
			      struct mmsim_replay_error *err);

/**
 * The next line: 1, or 0 at the end; -EIO, or -EINVAL for a line that is too long and for compressed
 * data that are broken or cut off. *line is valid until the next call. A last line without a newline
 * is a line. After 0 or an error every further call returns 0.
 */
int mm_replay_reader_line(struct mm_reader *r, const char **line, size_t *len);

/** For what has no lines: the bytes that come next, up to its liking; returns as above. */
int mm_replay_reader_bytes(struct mm_reader *r, const char **bytes, size_t *len);

void mm_replay_reader_close(struct mm_reader *r);

/** Complains about the reader's current line and returns code, so that a refusal is one statement. */
int mm_replay_reader_fail(struct mm_reader *r, int code, const char *format, ...) mm_printf(3, 4);

/**
 * "FILE:LINE: reason", or "FILE: reason" for line 0. Control characters become '?'; of a long FILE
 * the end is shown. err may be NULL.
 */
void mm_replay_fail(struct mmsim_replay_error *err, const char *file, uint64_t line,
		    const char *format, ...) mm_printf(4, 5);

#endif
