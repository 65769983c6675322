/* SPDX-License-Identifier: MIT */
/*
 * What a recording's meta.json knows: when a snapshot was read, and the kernel's settings.
 */
#include "bits.h"
#include "cursor.h"
#include "snapshot.h"

#include <errno.h>
#include <string.h>

int mm_replay_parse_reserve_ratio(struct mm_replay_text text, struct mm_replay_loading *loading)
{
	const struct mm_replay_zoneinfo *info = &loading->zoneinfo;
	struct mm_replay_text word;

	for (uint32_t k = 0; mm_replay_take_word(&text, &word); k++) {
		uint64_t value;

		if (!mm_replay_take_decimal(&word, &value) || !mm_replay_text_empty(&word))
			return -EINVAL;
		if (k < info->nr_types && info->type[k] < MMSIM_NR_ZONES)
			loading->snap->sysctl.lowmem_reserve_ratio[info->type[k]] = value;
	}
	return 0;
}

#ifndef MM_JSON
#define MM_JSON 0
#endif
#if MM_JSON
#include <json-c/json.h>

/* Recordings have 5 KB. */
#define MAX_META ((size_t)16 << 20)

struct setting {
	const char *name;
	size_t offset;
};

static const struct setting settings[] = {
	{ "min_free_kbytes", offsetof(struct mmsim_snap_sysctl, min_free_kbytes) },
	{ "watermark_boost_factor", offsetof(struct mmsim_snap_sysctl, watermark_boost_factor) },
	{ "watermark_scale_factor", offsetof(struct mmsim_snap_sysctl, watermark_scale_factor) },
	{ "percpu_pagelist_high_fraction",
	  offsetof(struct mmsim_snap_sysctl, percpu_pagelist_high_fraction) },
};

static struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, name, &value);
	return value;
}

/* A string's text, or that of another value. */
static struct mm_replay_text text_of(struct json_object *value)
{
	const char *text = json_object_get_string(value);

	return (struct mm_replay_text){ text, text ? text + strlen(text) : text };
}

/* A number, or a string of digits as /proc/sys gives it. */
static int take_setting(struct mm_reader *r, struct json_object *value, const char *name,
			uint64_t *to)
{
	struct mm_replay_text rest = text_of(value);

	if (!mm_replay_take_decimal(&rest, to) || !mm_replay_text_empty(&rest))
		return mm_replay_reader_fail(r, -EINVAL, "sysctl.%s is no number", name);
	return 0;
}

static int take_sysctl(struct mm_reader *r, struct mm_replay_loading *loading,
		       struct json_object *sysctl)
{
	struct json_object *ratio = member(sysctl, "lowmem_reserve_ratio");
	char *base = (char *)&loading->snap->sysctl;

	for (size_t i = 0; i < mm_array_size(settings); i++) {
		struct json_object *value = member(sysctl, settings[i].name);
		int err = value ? take_setting(r, value, settings[i].name,
					       (uint64_t *)(void *)(base + settings[i].offset))
				: 0;

		if (err)
			return err;
	}
	if (ratio && mm_replay_parse_reserve_ratio(text_of(ratio), loading))
		return mm_replay_reader_fail(r, -EINVAL,
					     "sysctl.lowmem_reserve_ratio is no list of numbers");
	return 0;
}

/* Seconds, whose nanoseconds are given: 1 and *ns; 0 when it is not there; -EINVAL. */
static int take_time(struct mm_reader *r, struct json_object *window, const char *name,
		     uint64_t *ns)
{
	struct json_object *value = member(window, name);
	double seconds;

	if (!value)
		return 0;
	seconds = json_object_get_double(value);
	if ((!json_object_is_type(value, json_type_double) &&
	     !json_object_is_type(value, json_type_int)) ||
	    !(seconds >= 0 && seconds < 9e9))
		return mm_replay_reader_fail(r, -EINVAL, "window_s.%s is no number of seconds",
					     name);
	*ns = (uint64_t)(seconds * 1e9 + 0.5);
	return 1;
}

static int take_times(struct mm_reader *r, struct mmsim_snapshot *snap, struct json_object *window,
		      const char *prefix)
{
	const char *first = !strcmp(prefix, "after") ? "buddyinfo_read" : "begin";
	const char *last = snap->flags & MMSIM_SNAP_LIST_ORDER ? "pcp_read" : "kpageflags_read";
	uint64_t begin = 0, end = 0;
	int have = take_time(r, window, first, &begin);

	if (have > 0)
		have = take_time(r, window, last, &end);
	if (have <= 0)
		return have;
	if (end < begin)
		return mm_replay_reader_fail(r, -EINVAL, "window_s ends before it begins");
	snap->read_begin_ns = begin;
	snap->read_end_ns = end;
	return 0;
}

/* The whole file as one value: 0, or an errno. */
static int parse_json(struct mm_reader *r, struct json_tokener *tokener, struct json_object **root)
{
	enum json_tokener_error state = json_tokener_continue;
	const char *bytes;
	size_t len, total = 0;
	int more;

	while ((more = mm_replay_reader_bytes(r, &bytes, &len)) > 0) {
		total += len;
		if (total > MAX_META)
			return mm_replay_reader_fail(r, -EINVAL, "larger than 16 MiB");
		*root = json_tokener_parse_ex(tokener, bytes, (int)len);
		state = json_tokener_get_error(tokener);
		if (state != json_tokener_continue)
			break;
	}
	if (more < 0)
		return more;
	if (state != json_tokener_success)
		return mm_replay_reader_fail(r, -EINVAL, "no JSON: %s",
					     state == json_tokener_continue
						     ? "it ends too early"
						     : json_tokener_error_desc(state));
	return 0;
}

static int take_meta(struct mm_reader *r, struct mm_replay_loading *loading,
		     struct json_object *root, const char *prefix)
{
	struct json_object *shot = member(member(root, "snapshots"), prefix);
	int err = take_sysctl(r, loading, member(root, "sysctl"));

	return err ? err : take_times(r, loading->snap, member(shot, "window_s"), prefix);
}

int mm_replay_parse_meta(struct mm_reader *r, struct mm_replay_loading *loading, const char *prefix)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root = NULL;
	int err;

	if (!tokener)
		return mm_replay_reader_fail(r, -ENOMEM, "out of memory");
	err = parse_json(r, tokener, &root);
	if (!err)
		err = take_meta(r, loading, root, prefix);
	json_object_put(root);
	json_tokener_free(tokener);
	return err;
}
#else
int mm_replay_parse_meta(struct mm_reader *r, struct mm_replay_loading *loading, const char *prefix)
{
	(void)r, (void)loading, (void)prefix;
	return 0;
}
#endif
