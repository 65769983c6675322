/* SPDX-License-Identifier: MIT */
/*
 * Files whose lines are fields between blanks: snapshots and hints.
 *
 * Each mm_replay_field*() takes the next field off the front of the line and returns 0, or -EINVAL with
 * the reader's message: which field of which line is missing, is none, or is too large.
 */
#ifndef MM_REPLAY_FIELDS_H
#define MM_REPLAY_FIELDS_H

#include "cursor.h"
#include "reader.h"

typedef int (*mm_replay_line_fn)(struct mm_reader *r, void *ctx, struct mm_replay_text line);

/*
 * Calls fn for every line that is not empty, up to one that it refuses; 0 or that errno. Lines that
 * begin with '#' are comments: for `comment`, or for nobody if that is NULL.
 */
int mm_replay_each_line(struct mm_reader *r, mm_replay_line_fn fn, mm_replay_line_fn comment,
			void *ctx);

/* A decimal number, or a hexadecimal one with 0x; `what` is its name. */
int mm_replay_field(struct mm_reader *r, struct mm_replay_text *line, const char *what,
		    uint64_t max, uint64_t *value);
int mm_replay_field_order(struct mm_reader *r, struct mm_replay_text *line, unsigned int *order);
/* "Normal": an enum mmsim_zone_type. */
int mm_replay_field_zone(struct mm_reader *r, struct mm_replay_text *line, int *type);
/* "Movable": an enum mmsim_migratetype. */
int mm_replay_field_migratetype(struct mm_reader *r, struct mm_replay_text *line,
				uint8_t *migratetype);

/* "Unmovable"; of an enum mmsim_migratetype, NULL: none. */
const char *mm_replay_migratetype_name(unsigned mt);

/* -ENOMEM */
int mm_replay_no_memory(struct mm_reader *r);

#endif
