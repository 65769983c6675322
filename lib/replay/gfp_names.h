/* SPDX-License-Identifier: MIT */
/*
 * gfp flags as trace tools print them: names joined by '|', and what has no name as a number.
 *
 * Kernel counterpart: the table of flag names in include/trace/events/mmflags.h. Differences: it is
 * read in the other direction, and it knows the names of all kernels since 4.0 at once. A name of a
 * flag that a later kernel dropped, or that means nothing to a page allocator, is known and has no
 * bit; GFP_NOWAIT brings __GFP_NOWARN along, as it does since 6.17. Numbers are taken as they are:
 * bits of kernels before 6.10 may mean something else.
 *
 * G1: a memo is only a memo: it never changes what a text means.
 *
 * Locking: none; a memo belongs to one reader.
 */
#ifndef MM_REPLAY_GFP_NAMES_H
#define MM_REPLAY_GFP_NAMES_H

#include <mmsim/gfp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MM_GFP_MEMO_SLOTS 256 /* a power of two */
#define MM_GFP_MEMO_TEXT 116

/** What a text means. */
struct mm_gfp_word {
	mmsim_gfp_t gfp;
	uint32_t unknown; /* names in it that are not known */
};

/** A trace has a few dozen different texts, and as many copies of each as allocations. */
struct mm_gfp_memo {
	struct {
		uint32_t len; /* 0: empty */
		struct mm_gfp_word word;
		char text[MM_GFP_MEMO_TEXT];
	} slot[MM_GFP_MEMO_SLOTS];
};

/** false for what is no list of names and 32-bit numbers. All zeroes is an empty memo. */
bool mm_replay_gfp_parse(struct mm_gfp_memo *memo, const char *text, size_t len,
			 struct mm_gfp_word *word);

/** The migratetype that an allocation asks for, as gfp_migratetype(); both mobility bits: Unmovable. */
enum mmsim_migratetype mm_replay_gfp_migratetype(mmsim_gfp_t gfp);

#endif
