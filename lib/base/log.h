/* SPDX-License-Identifier: MIT */
/*
 * Where refusals and warnings go: the user's sink, and the newest line for mmsim_last_message().
 *
 * Locking: a flag of its own around the newest line, held for a copy of 256 bytes; the sink is
 * called outside it. Counterpart: printk.
 */
#ifndef MM_BASE_LOG_H
#define MM_BASE_LOG_H

#include "compiler.h"
#include <stddef.h>

#define MM_LOG_LINE 256

struct mm_log {
	void (*sink)(void *ctx, const char *line); /* constant after init; may be NULL */
	void *ctx;
	unsigned char busy; /* atomic flag around `last` */
	char last[MM_LOG_LINE];
};

void mm_base_log_init(struct mm_log *log, void (*sink)(void *ctx, const char *line), void *ctx);

/* One line, cut at MM_LOG_LINE - 1 bytes. */
void mm_base_log(struct mm_log *log, const char *fmt, ...) mm_printf(2, 3);

void mm_base_log_last(struct mm_log *log, char *buf, size_t len);

#endif
