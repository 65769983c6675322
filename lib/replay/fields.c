/* SPDX-License-Identifier: MIT */
/*
 * Fields between blanks, each refused by its name.
 */
#include "fields.h"
#include "zoneinfo.h"

#include <errno.h>
#include <string.h>

int mm_replay_each_line(struct mm_reader *r, mm_replay_line_fn fn, mm_replay_line_fn comment,
			void *ctx)
{
	struct mm_replay_text line;
	size_t len;
	int err;

	while ((err = mm_replay_reader_line(r, &line.at, &len)) > 0) {
		line.end = line.at + len;
		if (!len)
			continue;
		if (*line.at != '#')
			err = fn(r, ctx, line);
		else
			err = comment ? comment(r, ctx, line) : 0;
		if (err)
			return err;
	}
	return err;
}

int mm_replay_no_memory(struct mm_reader *r)
{
	return mm_replay_reader_fail(r, -ENOMEM, "out of memory");
}

int mm_replay_field(struct mm_reader *r, struct mm_replay_text *line, const char *what,
		    uint64_t max, uint64_t *value)
{
	struct mm_replay_text word, rest;

	if (!mm_replay_take_word(line, &word))
		return mm_replay_reader_fail(r, -EINVAL, "%s is missing", what);
	rest = word;
	if (!mm_replay_take_number(&rest, value) || !mm_replay_text_empty(&rest))
		return mm_replay_reader_fail(r, -EINVAL, "%s is no number: %.*s", what,
					     mm_replay_shown(&word), word.at);
	if (*value > max)
		return mm_replay_reader_fail(r, -EINVAL, "%s %.*s is too large: at most %llu", what,
					     mm_replay_shown(&word), word.at,
					     (unsigned long long)max);
	return 0;
}

int mm_replay_field_order(struct mm_reader *r, struct mm_replay_text *line, unsigned int *order)
{
	uint64_t value = 0;
	int err = mm_replay_field(r, line, "order", MMSIM_MAX_PAGE_ORDER, &value);

	*order = (unsigned int)value;
	return err;
}

int mm_replay_field_zone(struct mm_reader *r, struct mm_replay_text *line, int *type)
{
	struct mm_replay_text word;

	if (!mm_replay_take_word(line, &word))
		return mm_replay_reader_fail(r, -EINVAL, "zone is missing");
	*type = mm_replay_zone_type(word.at, (size_t)(word.end - word.at));
	if (*type < 0 || *type == MMSIM_NR_ZONES)
		return mm_replay_reader_fail(r, -EINVAL, "zone %.*s is not known",
					     mm_replay_shown(&word), word.at);
	return 0;
}

const char *mm_replay_migratetype_name(unsigned mt)
{
	static const char *const names[MMSIM_NR_MIGRATETYPES] = {
		[MMSIM_MIGRATE_UNMOVABLE] = "Unmovable",
		[MMSIM_MIGRATE_MOVABLE] = "Movable",
		[MMSIM_MIGRATE_RECLAIMABLE] = "Reclaimable",
		[MMSIM_MIGRATE_HIGHATOMIC] = "HighAtomic",
		[MMSIM_MIGRATE_CMA] = "CMA",
		[MMSIM_MIGRATE_ISOLATE] = "Isolate",
	};

	return mt < MMSIM_NR_MIGRATETYPES ? names[mt] : NULL;
}

static int find_migratetype(const struct mm_replay_text *word)
{
	for (int i = 0; i < MMSIM_NR_MIGRATETYPES; i++)
		if (mm_replay_text_is(word, mm_replay_migratetype_name((unsigned)i)))
			return i;
	return -1;
}

int mm_replay_field_migratetype(struct mm_reader *r, struct mm_replay_text *line,
				uint8_t *migratetype)
{
	struct mm_replay_text word;
	int type;

	if (!mm_replay_take_word(line, &word))
		return mm_replay_reader_fail(r, -EINVAL, "migratetype is missing");
	type = find_migratetype(&word);
	if (type < 0)
		return mm_replay_reader_fail(r, -EINVAL, "migratetype %.*s is not known",
					     mm_replay_shown(&word), word.at);
	*migratetype = (uint8_t)type;
	return 0;
}
