/* SPDX-License-Identifier: MIT */
/*
 * The allocator's state as the kernel's files show it.
 *
 * Counterpart: the printing halves of mm/vmstat.c: frag_show_print(), pagetypeinfo_show(),
 * zoneinfo_show_print(), unusable_show_print(), extfrag_show_print(). Differences, all in zoneinfo: lines
 * about what no machine here has are left out: the statistics per node, the LRU and NUMA counters of
 * zones, node_unreclaimable. The counters being exact, the threshold of their per-CPU parts is 0.
 * There is no zone Device.
 *
 *  T1: each returns the length of the whole text, and writes of it what fits, as snprintf() does.
 *  T2: zones come by node, then by type; those without memory in zoneinfo only.
 *
 * Locking: that of books.h, one zone after the other: two zones may be of two moments.
 */
#ifndef MM_REPLAY_TEXT_H
#define MM_REPLAY_TEXT_H

#include "buddy.h"

size_t mm_replay_print_buddyinfo(struct mm_buddy *b, char *buf, size_t len);
size_t mm_replay_print_pagetypeinfo(struct mm_buddy *b, char *buf, size_t len);
size_t mm_replay_print_zoneinfo(struct mm_buddy *b, char *buf, size_t len);
size_t mm_replay_print_unusable_index(struct mm_buddy *b, char *buf, size_t len);
size_t mm_replay_print_extfrag_index(struct mm_buddy *b, char *buf, size_t len);

#endif
