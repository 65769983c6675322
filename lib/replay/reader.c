/* SPDX-License-Identifier: MIT */
/*
 * Reading and decompressing into a buffer, and cutting it into lines.
 */
#include "reader.h"
#include "bits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MM_ZSTD
#define MM_ZSTD 0
#endif
#if MM_ZSTD
#include <zstd.h>
#endif

/* Larger ones fall out of a second-level cache. */
#define BUFFER_SIZE ((size_t)256 << 10)
#define SHOWN_FILE 120

static void replace_controls(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static void complain(struct mmsim_replay_error *err, const char *file, uint64_t line,
		     const char *format, va_list args)
{
	size_t len = strlen(file), room = sizeof(err->text);
	bool cut = len > SHOWN_FILE;
	int used;

	if (!err)
		return;
	used = snprintf(err->text, room, "%s%s", cut ? "..." : "",
			cut ? file + len - SHOWN_FILE : file);
	if (line)
		used += snprintf(err->text + used, room - (size_t)used, ":%llu",
				 (unsigned long long)line);
	used += snprintf(err->text + used, room - (size_t)used, ": ");
	vsnprintf(err->text + used, room - (size_t)used, format, args);
	replace_controls(err->text);
}

void mm_replay_fail(struct mmsim_replay_error *err, const char *file, uint64_t line,
		    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(err, file, line, format, args);
	va_end(args);
}

int mm_replay_reader_fail(struct mm_reader *r, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(r->err, r->file, r->line, format, args);
	va_end(args);
	return code;
}

/* About the line that is being read and could not be handed out. */
static int fail_next_line(struct mm_reader *r, int code, const char *why)
{
	mm_replay_fail(r->err, r->file, r->line + 1, "%s", why);
	return code;
}

static int fail_errno(struct mm_reader *r, int error)
{
	mm_replay_fail(r->err, r->file, 0, "cannot be read: %s", strerror(error));
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return -ENOENT;
	case EACCES:
	case EPERM:
		return -EACCES;
	case ENOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* Returns 1 with *got bytes, 0 at the end, or a negative errno. */
static int read_file(struct mm_reader *r, char *to, size_t room, size_t *got)
{
	ssize_t n;

	if (r->fd < 0)
		return 0;
	do
		n = read(r->fd, to, room);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail_errno(r, errno);
	*got = (size_t)n;
	return n > 0;
}

/* What zstd files begin with, or the skippable frames that may stand before their data. */
static bool is_compressed(const char *data, size_t len)
{
	const unsigned char *b = (const unsigned char *)data;
	uint32_t magic;

	if (len < 4)
		return false;
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): read() has filled it */
	magic = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
	return magic == 0xfd2fb528u || (magic & ~0xfu) == 0x184d2a50u;
}

static int make_buffer(struct mm_reader *r, char **buffer)
{
	*buffer = malloc(BUFFER_SIZE);
	return *buffer ? 0 : fail_errno(r, ENOMEM);
}

#if MM_ZSTD
static int start_stream(struct mm_reader *r)
{
	int err = make_buffer(r, &r->buffer);

	if (err)
		return err;
	r->text = r->buffer;
	r->stream = ZSTD_createDStream();
	return r->stream ? 0 : fail_errno(r, ENOMEM);
}

static void free_stream(struct mm_reader *r)
{
	ZSTD_freeDStream(r->stream);
}

static int refill_input(struct mm_reader *r)
{
	size_t got = 0;
	int more = read_file(r, r->input_buffer, BUFFER_SIZE, &got);

	if (!more && r->in_frame)
		return fail_next_line(r, -EINVAL, "the compressed data end too early");
	r->input_at = 0;
	r->input_end = got;
	return more;
}

static int decompress_some(struct mm_reader *r)
{
	ZSTD_inBuffer in = { r->input, r->input_end, r->input_at };
	ZSTD_outBuffer out = { r->buffer, BUFFER_SIZE, r->end };
	size_t left = ZSTD_decompressStream(r->stream, &out, &in);

	if (ZSTD_isError(left)) {
		mm_replay_fail(r->err, r->file, r->line + 1, "the compressed data are broken: %s",
			       ZSTD_getErrorName(left));
		return -EINVAL;
	}
	r->input_at = in.pos;
	r->end = out.pos;
	r->in_frame = left != 0;
	return 0;
}

/* Input is not used up while a frame's last output waits: zstd keeps its last byte back until then. */
static int decompress(struct mm_reader *r)
{
	size_t before = r->end;

	while (r->end == before) {
		int more = 1, err = 0;

		if (r->input_at < r->input_end)
			err = decompress_some(r);
		else
			more = refill_input(r);
		if (err)
			return err;
		if (more <= 0)
			return more;
	}
	return 1;
}
#else
static int start_stream(struct mm_reader *r)
{
	mm_replay_fail(r->err, r->file, 0,
		       "compressed, and this library was built without zstd; decompress it first");
	return -ENOTSUP;
}

static void free_stream(struct mm_reader *r)
{
	(void)r;
}

static int decompress(struct mm_reader *r)
{
	(void)r;
	return 0;
}
#endif

/* Moves the begin of a line to the front and puts more behind it: 1, 0 at the end, or an errno. */
static int fill(struct mm_reader *r)
{
	size_t got = 0;
	int more;

	if (!r->buffer) /* the caller's memory */
		return 0;
	memmove(r->buffer, r->buffer + r->at, r->end - r->at);
	r->end -= r->at;
	r->at = 0;
	if (r->stream)
		return decompress(r);
	more = read_file(r, r->buffer + r->end, BUFFER_SIZE - r->end, &got);
	r->end += got;
	return more;
}

static int stop(struct mm_reader *r, int result)
{
	r->at = r->end;
	r->ended = true;
	return result;
}

static int hand_out(struct mm_reader *r, size_t bytes, size_t skip, const char **line, size_t *len)
{
	if (bytes > MM_REPLAY_MAX_LINE) {
		fail_next_line(r, -EINVAL, "the line is longer than 4096 bytes");
		return stop(r, -EINVAL);
	}
	*line = r->text + r->at;
	*len = bytes;
	r->at += bytes + skip;
	r->line++;
	return 1;
}

int mm_replay_reader_line(struct mm_reader *r, const char **line, size_t *len)
{
	size_t searched = 0;

	for (;;) {
		const char *from = r->text + r->at;
		size_t have = r->end - r->at;
		const char *newline =
			have > searched ? memchr(from + searched, '\n', have - searched) : NULL;
		int more = 0;

		if (newline)
			return hand_out(r, (size_t)(newline - from), 1, line, len);
		if (!r->ended && have <= MM_REPLAY_MAX_LINE)
			more = fill(r);
		if (more < 0)
			return stop(r, more);
		if (!more) {
			r->ended = true;
			return have ? hand_out(r, have, 0, line, len) : 0;
		}
		searched = have;
	}
}

int mm_replay_reader_bytes(struct mm_reader *r, const char **bytes, size_t *len)
{
	int more = 1;

	if (r->at == r->end)
		more = r->ended ? 0 : fill(r);
	if (more <= 0)
		return stop(r, more);
	*bytes = r->text + r->at;
	*len = r->end - r->at;
	r->at = r->end;
	return 1;
}

static void start(struct mm_reader *r, const char *file, struct mmsim_replay_error *err)
{
	memset(r, 0, sizeof(*r));
	snprintf(r->file, sizeof(r->file), "%s", file);
	r->err = err;
	r->fd = -1;
	r->text = "";
}

static int open_regular(struct mm_reader *r)
{
	struct stat st;

	/* A fifo must not hang the caller. */
	do
		r->fd = open(r->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	while (r->fd < 0 && errno == EINTR);
	if (r->fd < 0 || fstat(r->fd, &st))
		return fail_errno(r, errno);
	if (S_ISREG(st.st_mode))
		return 0;
	mm_replay_fail(r->err, r->file, 0, "not a regular file");
	return -EINVAL;
}

/* Fills the first buffer: it tells what kind of file this is. */
static int read_beginning(struct mm_reader *r)
{
	int err = make_buffer(r, &r->buffer);

	r->text = r->buffer;
	while (!err && r->end < BUFFER_SIZE) {
		size_t got = 0;
		int more = read_file(r, r->buffer + r->end, BUFFER_SIZE - r->end, &got);

		r->end += got;
		if (!more)
			break;
		err = mm_min(more, 0);
	}
	return err;
}

/* The text read or given so far is input of the decompressor. */
static int start_decompressing(struct mm_reader *r)
{
	r->input = r->text;
	r->input_end = r->end;
	r->input_buffer = r->buffer;
	r->buffer = NULL;
	r->end = 0;
	return start_stream(r);
}

int mm_replay_reader_open(struct mm_reader *r, const char *path, struct mmsim_replay_error *err)
{
	int ret;

	start(r, path, err);
	if (strlen(path) >= sizeof(r->file)) {
		mm_replay_fail(err, path, 0, "the path is too long");
		return -EINVAL;
	}
	ret = open_regular(r);
	if (!ret)
		ret = read_beginning(r);
	if (!ret && is_compressed(r->text, r->end))
		ret = start_decompressing(r);
	if (ret)
		mm_replay_reader_close(r);
	return ret;
}

int mm_replay_reader_open_either(struct mm_reader *r, struct mmsim_replay_error *err,
				 const char *format, ...)
{
	char path[MM_REPLAY_MAX_PATH + sizeof(".zst")];
	va_list args;
	int len, ret;

	va_start(args, format);
	len = vsnprintf(path, MM_REPLAY_MAX_PATH, format, args);
	va_end(args);
	if (len < 0 || len >= MM_REPLAY_MAX_PATH) {
		mm_replay_fail(err, path, 0, "the path is too long");
		return -EINVAL;
	}
	ret = mm_replay_reader_open(r, path, err);
	if (ret != -ENOENT)
		return ret;
	memcpy(path + len, ".zst", sizeof(".zst"));
	ret = mm_replay_reader_open(r, path, err);
	if (ret == -ENOENT)
		mm_replay_fail(err, path, 0, "neither this nor a file without .zst is there");
	return ret;
}

int mm_replay_reader_open_mem(struct mm_reader *r, const void *data, size_t len, const char *name,
			      struct mmsim_replay_error *err)
{
	int ret = 0;

	start(r, name, err);
	if (!len)
		return 0;
	r->text = data;
	r->end = len;
	if (is_compressed(r->text, r->end))
		ret = start_decompressing(r);
	if (ret)
		mm_replay_reader_close(r);
	return ret;
}

void mm_replay_reader_close(struct mm_reader *r)
{
	if (r->stream)
		free_stream(r);
	free(r->buffer);
	free(r->input_buffer);
	if (r->fd >= 0)
		close(r->fd);
	start(r, "", NULL);
	r->ended = true;
}
