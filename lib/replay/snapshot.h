/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of a real page allocator: putting one together from its files.
 *
 * Kernel counterpart: none; the recorder that wrote the files read the kernel's lists.
 *
 * N1: blocks stand by zone, order, migratetype and place; pcp_pages by zone, CPU, order, migratetype
 *     and place. Place is list order with MMSIM_SNAP_LIST_ORDER, else the pfn.
 * N2: with MMSIM_SNAP_PCP_PAGES, the count of each pcp is that of the pages listed.
 * N3: what snapshot_parse.h says of blocks and runs, and zoneinfo.h of zones and pcps.
 *
 * Locking: none. Memory: the C library's, since there is no machine yet whose it could be.
 */
#ifndef MM_REPLAY_SNAPSHOT_H
#define MM_REPLAY_SNAPSHOT_H

#include "cursor.h"
#include "snapshot_parse.h"

/** Where the files of a snapshot come from: a directory, or a fuzzer's memory. */
struct mm_replay_files {
	/* Opens "zoneinfo", "freelists", …, "meta.json"; as mm_replay_reader_open(). */
	int (*open)(const struct mm_replay_files *files, struct mm_reader *r, const char *name,
		    struct mmsim_replay_error *err);
	const char *dir, *prefix;
	const void *data;
	size_t len;
};

/* As mmsim_snapshot_load() and mmsim_snapshot_free(). */
int mm_replay_snapshot_load(const char *dir, const char *prefix, struct mmsim_snapshot **out,
			    struct mmsim_replay_error *err);
void mm_replay_snapshot_free(struct mmsim_snapshot *snap);

/* The same of other files; prefix tells only which times of meta.json are meant. */
int mm_replay_snapshot_read(const struct mm_replay_files *files, struct mmsim_snapshot **out,
			    struct mmsim_replay_error *err);

/*
 * Puts a snapshot together: an empty one whose sysctls are not known goes to make, which returns 0 or
 * an errno with *err; then blocks and pages are sorted (N1).
 */
typedef int (*mm_replay_make_fn)(const void *ctx, struct mm_replay_loading *loading,
				 struct mmsim_replay_error *err);
int mm_replay_snapshot_make(mm_replay_make_fn make, const void *ctx, struct mmsim_snapshot **out,
			    struct mmsim_replay_error *err);

/* zoneinfo comes first: what is read later must fit into its zones. */
int mm_replay_loading_zoneinfo(struct mm_reader *r, struct mm_replay_loading *loading);

/*
 * The times and sysctls in meta.json: 0, -EINVAL, -EIO or -ENOMEM with the reader's message. Built
 * without json-c it reads nothing, and they stay unknown.
 */
int mm_replay_parse_meta(struct mm_reader *r, struct mm_replay_loading *loading,
			 const char *prefix);
/* "256\t256\t32\t0\t0", by the kernel's zone index: 0 or -EINVAL. */
int mm_replay_parse_reserve_ratio(struct mm_replay_text text, struct mm_replay_loading *loading);

#endif
