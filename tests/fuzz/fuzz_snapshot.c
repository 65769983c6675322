/* SPDX-License-Identifier: MIT */
/*
 * Snapshots: the input is the files of one, each after a line "@NAME". What is accepted keeps what the
 * headers promise and equals itself; what is refused says why, in one line.
 */
#include "compare.h"
#include "snapshot.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* The place after a line "@name", or NULL. */
static const char *find_section(const char *data, const char *end, const char *name)
{
	size_t len = strlen(name);

	while (data && data < end) {
		const char *line = data;

		data = memchr(line, '\n', (size_t)(end - line));
		if (!data)
			return NULL;
		if (*line == '@' && (size_t)(data - line) == len + 1 &&
		    !memcmp(line + 1, name, len))
			return data + 1;
		data++;
	}
	return NULL;
}

static const char *section_end(const char *at, const char *end)
{
	while (at < end && *at != '@') {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		at = newline ? newline + 1 : end;
	}
	return at;
}

static int open_section(const struct mm_replay_files *files, struct mm_reader *r, const char *name,
			struct mmsim_replay_error *err)
{
	const char *end = (const char *)files->data + files->len;
	const char *at = files->len ? find_section(files->data, end, name) : NULL;

	if (!at) {
		mm_replay_fail(err, name, 0, "not there");
		return -ENOENT;
	}
	return mm_replay_reader_open_mem(r, at, (size_t)(section_end(at, end) - at), name, err);
}

static void check_block(const struct mmsim_snapshot *snap, uint16_t z, uint64_t pfn,
			unsigned int order, unsigned int migratetype)
{
	const struct mmsim_snap_zone *zone = &snap->zones[z];

	require(z < snap->nr_zones && order <= MMSIM_MAX_PAGE_ORDER);
	require(migratetype < MMSIM_NR_MIGRATETYPES && pfn % (UINT64_C(1) << order) == 0);
	require(pfn >= zone->start_pfn);
	require(pfn + (UINT64_C(1) << order) <= zone->start_pfn + zone->spanned);
}

static void check_runs(const struct mmsim_snap_run *run, size_t nr, uint64_t unit, uint64_t end)
{
	uint64_t at = 0;

	for (size_t i = 0; i < nr; i++) {
		require(run[i].pfn >= at && run[i].nr && run[i].pfn % unit == 0);
		at = run[i].pfn + run[i].nr * unit;
		require(at <= end);
	}
}

static void check_snapshot(const struct mmsim_snapshot *snap)
{
	for (size_t i = 0; i < snap->nr_blocks; i++) {
		const struct mmsim_snap_block *b = &snap->blocks[i], *last = b - (i > 0);

		check_block(snap, b->zone, b->pfn, b->order, b->migratetype);
		require(last->zone < b->zone || (last->zone == b->zone && last->order <= b->order));
	}
	for (size_t i = 0; i < snap->nr_pcp_pages; i++) {
		const struct mmsim_snap_pcp_page *p = &snap->pcp_pages[i], *last = p - (i > 0);

		check_block(snap, p->zone, p->pfn, p->order, p->migratetype);
		require(mm_replay_find_pcp(snap, p->zone, p->cpu) != NULL);
		require(last->zone < p->zone || (last->zone == p->zone && last->cpu <= p->cpu));
	}
	check_runs(snap->pageblocks, snap->nr_pageblocks, MMSIM_PAGEBLOCK_NR_PAGES,
		   snap->max_pfn + MMSIM_PAGEBLOCK_NR_PAGES - 1);
	check_runs(snap->pageflags, snap->nr_pageflags, 1, snap->max_pfn);
	require(snap->nr_cpus && snap->nr_cpus <= MMSIM_MAX_CPUS && snap->nr_zones);
}

static void check_equal(const struct mmsim_snapshot *snap)
{
	struct mmsim_snapshot_diff diff;

	require(mm_replay_snapshot_compare(snap, snap, &diff) == 0);
	require(diff.in_order == snap->nr_blocks && diff.lists == diff.lists_equal);
	require(diff.pcp_in_order == snap->nr_pcp_pages && diff.pageblocks_different == 0);
}

static void check_message(const struct mmsim_replay_error *err)
{
	require(err->text[0] != '\0');
	for (const char *at = err->text; *at; at++)
		require((unsigned char)*at >= ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mm_replay_files files = {
		.open = open_section, .prefix = "before", .data = data, .len = size
	};
	struct mmsim_replay_error err = { "" };
	struct mmsim_snapshot *snap;
	int ret = mm_replay_snapshot_read(&files, &snap, &err);

	if (ret) {
		require(ret < 0 && !snap);
		check_message(&err);
		return 0;
	}
	check_snapshot(snap);
	check_equal(snap);
	mm_replay_snapshot_free(snap);
	return 0;
}
