/* SPDX-License-Identifier: MIT */
/*
 * One pass over /proc/kpageflags, zone by zone.
 */
#include "host_snapshot.h"
#include "array.h"
#include "bits.h"
#include "snapshot.h"

#include <errno.h>
#include <string.h>

/* Bit numbers of include/uapi/linux/kernel-page-flags.h. */
enum {
	KPF_LRU = 5,
	KPF_SLAB = 7,
	KPF_BUDDY = 10,
	KPF_ANON = 12,
	KPF_COMPOUND_HEAD = 15,
	KPF_COMPOUND_TAIL = 16,
	KPF_HUGE = 17,
	KPF_NOPAGE = 20,
	KPF_THP = 22,
	KPF_OFFLINE = 23,
	KPF_PGTABLE = 26,
	KPF_RESERVED = 32,
};

#define BIT(n) (UINT64_C(1) << (n))

/* The others change all the time, and recordings leave them out too. */
#define KEPT_FLAGS                                                                                \
	(BIT(KPF_LRU) | BIT(KPF_SLAB) | BIT(KPF_BUDDY) | BIT(KPF_ANON) | BIT(KPF_COMPOUND_HEAD) | \
	 BIT(KPF_COMPOUND_TAIL) | BIT(KPF_HUGE) | BIT(KPF_NOPAGE) | BIT(KPF_THP) |                \
	 BIT(KPF_OFFLINE) | BIT(KPF_PGTABLE) | BIT(KPF_RESERVED))

/* Pages [pfn, pfn + nr) have the same kept flags, and nr is 0 at the begin of a zone. */
struct scan {
	struct mm_reader *r;
	struct mm_replay_loading *loading;
	uint64_t pfn, nr, flags;
	uint64_t free_begin, free_end; /* a run of free pages */
	uint64_t nr_free;
};

/* Cuts a run of free pages into blocks. */
static int add_free_run(struct scan *s)
{
	uint64_t pfn = s->free_begin, end = s->free_end;
	int err = 0;

	s->nr_free += end - pfn;
	while (!err && pfn < end) {
		unsigned int order = MMSIM_MAX_PAGE_ORDER;

		while (pfn & (BIT(order) - 1) || BIT(order) > end - pfn)
			order--;
		err = mm_replay_add_found_block(s->r, s->loading, pfn, order);
		pfn += BIT(order);
	}
	s->free_begin = s->free_end = 0;
	return err;
}

static int add_flags_run(struct scan *s)
{
	struct mmsim_snapshot *snap = s->loading->snap;
	struct mmsim_snap_run *runs;

	if (!s->nr || s->flags == BIT(KPF_NOPAGE))
		return 0;
	runs = mm_replay_array_grow(snap->pageflags, snap->nr_pageflags, sizeof(*runs));
	if (!runs)
		return mm_replay_reader_fail(s->r, -ENOMEM, "out of memory");
	snap->pageflags = runs;
	runs[snap->nr_pageflags++] =
		(struct mmsim_snap_run){ .pfn = s->pfn, .nr = s->nr, .value = s->flags };
	return 0;
}

/* Ends the runs. */
static int flush(struct scan *s)
{
	int err = add_flags_run(s);

	s->nr = 0;
	return err ? err : add_free_run(s);
}

static int take_page(struct scan *s, uint64_t pfn, uint64_t flags)
{
	int err = 0;

	flags &= KEPT_FLAGS;
	if (!s->nr || flags != s->flags) {
		err = add_flags_run(s);
		s->pfn = pfn;
		s->nr = 0;
		s->flags = flags;
	}
	s->nr++;
	if (flags & BIT(KPF_BUDDY)) {
		if (s->free_begin == s->free_end)
			s->free_begin = pfn;
		s->free_end = pfn + 1;
	} else if (!err && s->free_begin != s->free_end) {
		err = add_free_run(s);
	}
	return err;
}

/* Is pfn in a zone? *border is the next pfn for which the answer may differ. */
static bool find_border(const struct mmsim_snapshot *snap, uint64_t pfn, uint64_t *border)
{
	*border = UINT64_MAX;
	for (size_t z = 0; z < snap->nr_zones; z++) {
		const struct mmsim_snap_zone *zone = &snap->zones[z];

		if (pfn < zone->start_pfn) {
			*border = mm_min(*border, zone->start_pfn);
		} else if (pfn - zone->start_pfn < zone->spanned) {
			*border = zone->start_pfn + zone->spanned;
			return true;
		}
	}
	return false;
}

/* The flags of nr pages from pfn on, which may be of several zones. */
static int take_pages(struct scan *s, uint64_t pfn, const char *words, uint64_t nr)
{
	uint64_t end = pfn + nr, border;
	int err = 0;

	while (!err && pfn < end) {
		bool inside = find_border(s->loading->snap, pfn, &border);
		uint64_t to = mm_min(border, end);

		for (; !err && inside && pfn < to; pfn++, words += sizeof(uint64_t)) {
			uint64_t flags;

			memcpy(&flags, words, sizeof(flags));
			err = take_page(s, pfn, flags);
		}
		if (!err && to == border)
			err = flush(s);
		if (!inside)
			words += (to - pfn) * sizeof(uint64_t);
		pfn = to;
	}
	return err;
}

static int scan_pages(struct scan *s)
{
	uint64_t pfn = 0;
	const char *words;
	size_t len;
	int err;

	while ((err = mm_replay_reader_bytes(s->r, &words, &len)) > 0) {
		if (len % sizeof(uint64_t))
			return mm_replay_reader_fail(s->r, -EINVAL, "it ends within a word");
		err = take_pages(s, pfn, words, len / sizeof(uint64_t));
		if (err)
			return err;
		pfn += len / sizeof(uint64_t);
	}
	return err ? err : flush(s);
}

/* Kernels that mark only the first page of a block show far fewer free pages than there are. */
static int check_marks(const struct scan *s)
{
	const struct mmsim_snapshot *snap = s->loading->snap;
	uint64_t free = 0;

	for (size_t z = 0; z < snap->nr_zones; z++)
		free += snap->zones[z].free;
	if (free <= MM_REPLAY_SLACK || s->nr_free >= free / 2)
		return 0;
	return mm_replay_reader_fail(
		s->r, -ENOTSUP,
		"%llu pages are marked free, zoneinfo has %llu: this kernel marks "
		"only the first page of a block, and /proc/buddyinfo has no pfns",
		(unsigned long long)s->nr_free, (unsigned long long)free);
}

static int parse_kpageflags(struct mm_reader *r, struct mm_replay_loading *loading)
{
	struct scan s = { .r = r, .loading = loading };
	int err = scan_pages(&s);

	if (!err)
		err = check_marks(&s);
	if (!err)
		loading->snap->flags |= MMSIM_SNAP_PAGEFLAGS;
	return err;
}

/* /proc/sys/vm/NAME, one line */
static int read_sysctl(const char *root, const char *name, struct mm_replay_loading *loading,
		       uint64_t *to, struct mmsim_replay_error *err)
{
	struct mm_replay_text line;
	struct mm_reader r;
	size_t len;
	int ret = mm_replay_reader_open_either(&r, err, "%s/proc/sys/vm/%s", root, name);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = mm_replay_reader_line(&r, &line.at, &len);
	line.end = line.at + (ret > 0 ? len : 0);
	if (ret > 0 && !to)
		ret = mm_replay_parse_reserve_ratio(line, loading);
	else if (ret > 0)
		ret = mm_replay_take_decimal(&line, to) && mm_replay_text_empty(&line) ? 0
										       : -EINVAL;
	if (ret == -EINVAL)
		mm_replay_reader_fail(&r, ret, "not what the kernel writes there");
	mm_replay_reader_close(&r);
	return ret;
}

static int read_sysctls(const char *root, struct mm_replay_loading *loading,
			struct mmsim_replay_error *err)
{
	struct mmsim_snap_sysctl *sysctl = &loading->snap->sysctl;
	const struct {
		const char *name;
		uint64_t *to;
	} settings[] = {
		{ "min_free_kbytes", &sysctl->min_free_kbytes },
		{ "watermark_boost_factor", &sysctl->watermark_boost_factor },
		{ "watermark_scale_factor", &sysctl->watermark_scale_factor },
		{ "percpu_pagelist_high_fraction", &sysctl->percpu_pagelist_high_fraction },
		{ "lowmem_reserve_ratio", NULL },
	};
	int ret = 0;

	for (size_t i = 0; !ret && i < mm_array_size(settings); i++)
		ret = read_sysctl(root, settings[i].name, loading, settings[i].to, err);
	return ret;
}

static int read_proc(const char *root, const char *name, struct mm_replay_loading *loading,
		     int (*parse)(struct mm_reader *, struct mm_replay_loading *),
		     struct mmsim_replay_error *err)
{
	struct mm_reader r;
	int ret = mm_replay_reader_open_either(&r, err, "%s/proc/%s", root, name);

	if (ret)
		return ret;
	ret = parse(&r, loading);
	mm_replay_reader_close(&r);
	return ret;
}

static int read_all(const void *ctx, struct mm_replay_loading *loading,
		    struct mmsim_replay_error *err)
{
	const char *root = ctx;
	int ret = read_proc(root, "zoneinfo", loading, mm_replay_loading_zoneinfo, err);

	if (ret)
		return ret;
	ret = read_proc(root, "pagetypeinfo", loading, mm_replay_parse_pagetypeinfo, err);
	if (!ret || ret == -ENOENT)
		ret = read_proc(root, "kpageflags", loading, parse_kpageflags, err);
	return ret ? ret : read_sysctls(root, loading, err);
}

int mm_replay_snapshot_host_at(const char *root, struct mmsim_snapshot **out,
			       struct mmsim_replay_error *err)
{
	return mm_replay_snapshot_make(read_all, root, out, err);
}

int mm_replay_snapshot_host(struct mmsim_snapshot **out, struct mmsim_replay_error *err)
{
	if (!out)
		return -EINVAL;
	return mm_replay_snapshot_host_at("", out, err);
}
