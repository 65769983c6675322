/* SPDX-License-Identifier: MIT */
/*
 * The binary traces of the LLFree allocator's evaluation.
 *
 * A file is pages of 4 KiB, little endian. The first holds three 32-bit words: pages, cores, the last
 * pfn. Each other one belongs to a CPU: its number, padded to 16 bytes, then 255 entries of 128 bits,
 * those of zeroes being padding. Of an entry, from bit 0 up: time in us (38 bits), pfn (24), whether it is
 * an allocation (1), order (4), gfp (29), pid (32).
 *
 * Kernel counterpart: none; what it records are __alloc_pages() and __free_pages(). There is no migratetype
 * in it: it is that of the gfp flags. What the first word counts is not used by anybody and not checked.
 *
 * X1: events are sorted by time; those of one time stay in the order of the file. An event's line is the
 *     number of its record, padding not counted, from 1.
 *
 * Locking: none.
 */
#ifndef MM_REPLAY_LLFREE_H
#define MM_REPLAY_LLFREE_H

#include "reader.h"
#include <mmsim/replay.h>

/**
 * Whether a file, which the reader has just opened, looks like one and not like text: 1, 0; -EINVAL,
 * -EIO. Takes bytes off the reader.
 */
int mm_replay_llfree_is(struct mm_reader *reader);

/** As mmsim_trace_load(), of a reader that has just been opened. */
int mm_replay_llfree_read(struct mm_reader *reader, const struct mmsim_snapshot *snap,
			  struct mmsim_trace **out);

#endif
