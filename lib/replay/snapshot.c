/* SPDX-License-Identifier: MIT */
/*
 * Which files make a snapshot, and sorting what was in them.
 */
#include "snapshot.h"
#include "bits.h"

#include <errno.h>
#include <string.h>

typedef int (*parse_fn)(struct mm_reader *r, struct mm_replay_loading *loading);

static struct mm_replay_loading *loading_new(void)
{
	struct mm_replay_loading *loading = calloc(1, sizeof(*loading));
	struct mmsim_snapshot *snap = calloc(1, sizeof(*snap));

	if (!loading || !snap) {
		free(loading);
		free(snap);
		return NULL;
	}
	memset(&snap->sysctl, 0xff, sizeof(snap->sysctl)); /* UINT64_MAX: not known */
	loading->snap = snap;
	return loading;
}

static void loading_free(struct mm_replay_loading *loading)
{
	mm_replay_pageset_fini(&loading->taken);
	free(loading);
}

void mm_replay_snapshot_free(struct mmsim_snapshot *snap)
{
	if (!snap)
		return;
	free(snap->zones);
	free(snap->blocks);
	free(snap->pcps);
	free(snap->pcp_pages);
	free(snap->pageblocks);
	free(snap->pageflags);
	free(snap);
}

/* A stable counting sort by one key below nr_keys, from one array into another. */
static int sort_by(const void *from, void *to, size_t nr, size_t size,
		   uint32_t (*key)(const void *element), size_t nr_keys)
{
	const char *source = from;
	size_t *place = calloc(nr_keys + 1, sizeof(*place));

	if (!place)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		place[key(source + i * size) + 1]++;
	for (size_t k = 0; k < nr_keys; k++)
		place[k + 1] += place[k];
	for (size_t i = 0; i < nr; i++)
		memcpy((char *)to + place[key(source + i * size)]++ * size, source + i * size,
		       size);
	free(place);
	return 0;
}

#define NR_LISTS (MMSIM_NR_PAGE_ORDERS * MMSIM_NR_MIGRATETYPES)

static uint32_t block_key(const void *element)
{
	const struct mmsim_snap_block *b = element;

	return (uint32_t)b->zone * NR_LISTS + b->order * MMSIM_NR_MIGRATETYPES + b->migratetype;
}

static uint32_t pcp_list_key(const void *element)
{
	const struct mmsim_snap_pcp_page *p = element;

	return (uint32_t)p->order * MMSIM_NR_MIGRATETYPES + p->migratetype;
}

static uint32_t pcp_cpu_key(const void *element)
{
	return ((const struct mmsim_snap_pcp_page *)element)->cpu;
}

static uint32_t pcp_zone_key(const void *element)
{
	return ((const struct mmsim_snap_pcp_page *)element)->zone;
}

static int sort_blocks(struct mmsim_snapshot *snap)
{
	struct mmsim_snap_block *sorted = calloc(snap->nr_blocks + 1, sizeof(*sorted));
	int err = sorted ? sort_by(snap->blocks, sorted, snap->nr_blocks, sizeof(*sorted),
				   block_key, snap->nr_zones * NR_LISTS)
			 : -ENOMEM;

	if (err) {
		free(sorted);
		return err;
	}
	free(snap->blocks);
	snap->blocks = sorted;
	return 0;
}

/* Least significant key first. */
static int sort_pcp_pages(struct mmsim_snapshot *snap)
{
	struct mmsim_snap_pcp_page *pages = snap->pcp_pages, *sorted;
	size_t nr = snap->nr_pcp_pages;
	int err;

	if (!nr)
		return 0;
	sorted = calloc(nr, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	err = sort_by(pages, sorted, nr, sizeof(*pages), pcp_list_key, NR_LISTS);
	if (!err)
		err = sort_by(sorted, pages, nr, sizeof(*pages), pcp_cpu_key, snap->nr_cpus);
	if (!err)
		err = sort_by(pages, sorted, nr, sizeof(*pages), pcp_zone_key, snap->nr_zones);
	snap->pcp_pages = err ? pages : sorted;
	free(err ? sorted : pages);
	return err;
}

static int sort_snapshot(struct mmsim_snapshot *snap)
{
	int err = sort_blocks(snap);

	return err ? err : sort_pcp_pages(snap);
}

/* Reads one file; where it is not needed and not there, that is no error. */
static int read_file(const struct mm_replay_files *files, struct mm_replay_loading *loading,
		     const char *name, parse_fn parse, uint32_t flag,
		     struct mmsim_replay_error *err)
{
	struct mm_reader r;
	int ret = files->open(files, &r, name, err);

	if (ret)
		return ret;
	ret = parse(&r, loading);
	mm_replay_reader_close(&r);
	if (!ret)
		loading->snap->flags |= flag;
	return ret;
}

static int read_optional(const struct mm_replay_files *files, struct mm_replay_loading *loading,
			 const char *name, parse_fn parse, uint32_t flag,
			 struct mmsim_replay_error *err)
{
	int ret = read_file(files, loading, name, parse, flag, err);

	return ret == -ENOENT ? 0 : ret;
}

int mm_replay_loading_zoneinfo(struct mm_reader *r, struct mm_replay_loading *loading)
{
	int err = mm_replay_zoneinfo_parse(r, loading->snap, &loading->zoneinfo);

	if (!err && mm_replay_pageset_init(&loading->taken, loading->snap->max_pfn))
		return mm_replay_reader_fail(r, -ENOMEM, "out of memory");
	return err;
}

static int read_blocks(const struct mm_replay_files *files, struct mm_replay_loading *loading,
		       struct mmsim_replay_error *err)
{
	int ret = read_file(files, loading, "freelists", mm_replay_parse_freelists,
			    MMSIM_SNAP_LIST_ORDER, err);

	return ret == -ENOENT
		       ? read_file(files, loading, "freemap", mm_replay_parse_freemap, 0, err)
		       : ret;
}

static int read_meta(const struct mm_replay_files *files, struct mm_replay_loading *loading,
		     struct mmsim_replay_error *err)
{
	struct mm_reader r;
	int ret = files->open(files, &r, "meta.json", err);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = mm_replay_parse_meta(&r, loading, files->prefix);
	mm_replay_reader_close(&r);
	return ret;
}

static int read_all(const void *ctx, struct mm_replay_loading *loading,
		    struct mmsim_replay_error *err)
{
	const struct mm_replay_files *files = ctx;
	/* Those that the next ones need come first. */
	int ret = read_file(files, loading, "zoneinfo", mm_replay_loading_zoneinfo, 0, err);

	if (!ret)
		ret = read_optional(files, loading, "pagetypeinfo", mm_replay_parse_pagetypeinfo, 0,
				    err);
	if (!ret)
		ret = read_optional(files, loading, "pageblocks", mm_replay_parse_pageblocks,
				    MMSIM_SNAP_PAGEBLOCKS, err);
	if (!ret)
		ret = read_blocks(files, loading, err);
	if (!ret)
		ret = read_optional(files, loading, "pcp", mm_replay_parse_pcp,
				    MMSIM_SNAP_PCP_PAGES, err);
	if (!ret)
		ret = read_optional(files, loading, "pageflags", mm_replay_parse_pageflags,
				    MMSIM_SNAP_PAGEFLAGS, err);
	return ret ? ret : read_meta(files, loading, err);
}

static void tell_no_memory(struct mmsim_replay_error *err)
{
	mm_replay_fail(err, "snapshot", 0, "out of memory");
}

int mm_replay_snapshot_make(mm_replay_make_fn make, const void *ctx, struct mmsim_snapshot **out,
			    struct mmsim_replay_error *err)
{
	struct mm_replay_loading *loading = loading_new();
	struct mmsim_snapshot *snap;
	int ret;

	*out = NULL;
	if (!loading) {
		tell_no_memory(err);
		return -ENOMEM;
	}
	snap = loading->snap;
	ret = make(ctx, loading, err);
	if (!ret && sort_snapshot(snap)) {
		tell_no_memory(err);
		ret = -ENOMEM;
	}
	loading_free(loading);
	if (ret) {
		mm_replay_snapshot_free(snap);
		return ret;
	}
	if (err)
		err->text[0] = '\0'; /* files that need not be there left something */
	*out = snap;
	return 0;
}

int mm_replay_snapshot_read(const struct mm_replay_files *files, struct mmsim_snapshot **out,
			    struct mmsim_replay_error *err)
{
	return mm_replay_snapshot_make(read_all, files, out, err);
}

static int open_in_dir(const struct mm_replay_files *files, struct mm_reader *r, const char *name,
		       struct mmsim_replay_error *err)
{
	if (!strcmp(name, "meta.json"))
		return mm_replay_reader_open_either(r, err, "%s/%s", files->dir, name);
	return mm_replay_reader_open_either(r, err, "%s/%s.%s", files->dir, files->prefix, name);
}

int mm_replay_snapshot_load(const char *dir, const char *prefix, struct mmsim_snapshot **out,
			    struct mmsim_replay_error *err)
{
	const struct mm_replay_files files = { .open = open_in_dir, .dir = dir, .prefix = prefix };

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (dir && prefix)
		return mm_replay_snapshot_read(&files, out, err);
	mm_replay_fail(err, "snapshot", 0, "no directory or no prefix is given");
	return -EINVAL;
}
