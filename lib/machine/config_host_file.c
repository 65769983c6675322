/* SPDX-License-Identifier: MIT */
/*
 * Reading small files below a root, which may be somebody else's: bounded, regular files only.
 */
#include "config_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_CAPACITY ((size_t)64 << 10)

void mm_machine_guess(struct mm_machine_host *host, const char *format, ...)
{
	size_t used = strlen(host->guesses);
	va_list args;

	if (used && used + 2 < sizeof(host->guesses)) {
		memcpy(host->guesses + used, "; ", 3);
		used += 2;
	}
	va_start(args, format);
	vsnprintf(host->guesses + used, sizeof(host->guesses) - used, format, args);
	va_end(args);
}

int mm_machine_refuse_file(struct mm_machine_host *host, int err, const char *why)
{
	return mm_machine_refuse(host->note, err, "%s: %s", host->path, why);
}

static int refuse_errno(struct mm_machine_host *host, int err)
{
	return mm_machine_refuse(host->note, -err, "%s: cannot be read (errno %d)", host->path,
				 err);
}

static int open_path(struct mm_machine_host *host, int flags)
{
	int fd;

	do
		fd = openat(host->root, host->path, O_RDONLY | O_CLOEXEC | flags);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? refuse_errno(host, errno) : fd;
}

static int grow_buffer(struct mm_machine_host *host)
{
	size_t capacity = host->capacity ? host->capacity * 2 : FIRST_CAPACITY;
	char *buffer;

	if (host->capacity >= MM_MACHINE_MAX_FILE)
		return mm_machine_refuse_file(host, -EINVAL, "16 MiB or larger");
	buffer = realloc(host->buffer, capacity);
	if (!buffer)
		return refuse_errno(host, ENOMEM);
	host->buffer = buffer;
	host->capacity = capacity;
	return 0;
}

/* Files of proc and sys have no size to ask for: read until there is no more. */
static int read_all(struct mm_machine_host *host, int fd, size_t *len)
{
	*len = 0;
	for (;;) {
		ssize_t got;

		if (*len == host->capacity) {
			int err = grow_buffer(host);

			if (err)
				return err;
		}
		got = read(fd, host->buffer + *len, host->capacity - *len);
		if (!got)
			return 0;
		if (got > 0)
			*len += (size_t)got;
		else if (errno != EINTR)
			return refuse_errno(host, errno);
	}
}

static int read_path(struct mm_machine_host *host, struct mm_machine_text *text)
{
	struct stat st;
	size_t len = 0;
	int err = 0;
	int fd;

	/* A fifo in a copied tree must not hang the caller. */
	fd = open_path(host, O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		err = refuse_errno(host, errno);
	else if (!S_ISREG(st.st_mode))
		err = mm_machine_refuse_file(host, -EINVAL, "not a regular file");
	else
		err = read_all(host, fd, &len);
	close(fd);
	*text = (struct mm_machine_text){ host->buffer, host->buffer + len };
	return err;
}

int mm_machine_read_file(struct mm_machine_host *host, struct mm_machine_text *text,
			 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(host->path, sizeof(host->path), format, args);
	va_end(args);
	return read_path(host, text);
}

int mm_machine_open_dir(struct mm_machine_host *host, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(host->path, sizeof(host->path), format, args);
	va_end(args);
	return open_path(host, O_DIRECTORY);
}
