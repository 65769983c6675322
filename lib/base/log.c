/* SPDX-License-Identifier: MIT */
/* Where refusals and warnings go. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void mm_base_log_init(struct mm_log *log, void (*sink)(void *ctx, const char *line), void *ctx)
{
	*log = (struct mm_log){ .sink = sink, .ctx = ctx };
}

static void last_lock(struct mm_log *log)
{
	while (__atomic_test_and_set(&log->busy, __ATOMIC_ACQUIRE))
		;
}

static void last_unlock(struct mm_log *log)
{
	__atomic_clear(&log->busy, __ATOMIC_RELEASE);
}

void mm_base_log(struct mm_log *log, const char *fmt, ...)
{
	char line[MM_LOG_LINE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);

	last_lock(log);
	memcpy(log->last, line, sizeof(line));
	last_unlock(log);
	if (log->sink)
		log->sink(log->ctx, line);
}

void mm_base_log_last(struct mm_log *log, char *buf, size_t len)
{
	if (!len)
		return;
	last_lock(log);
	snprintf(buf, len, "%s", log->last);
	last_unlock(log);
}
