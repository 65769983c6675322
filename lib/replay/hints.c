/* SPDX-License-Identifier: MIT */
/*
 * resolved.zst, line by line.
 */
#include "hints.h"
#include "array.h"
#include "fields.h"
#include <mmsim/gfp.h>

#include <errno.h>

#define MAX_HINTS ((size_t)1 << 24)

struct hints_parser {
	const struct mmsim_snapshot *snap; /* may be NULL */
	struct mmsim_hints *hints;
};

static int take_kind(struct mm_reader *r, struct mm_replay_text *line, uint32_t *kind)
{
	static const char *const names[] = { "direct_free", "untraced_alloc", "unseen_drain" };
	struct mm_replay_text word = { line->at, line->at };

	mm_replay_take_word(line, &word);
	for (uint32_t i = 0; i < mm_array_size(names); i++)
		if (mm_replay_text_is(&word, names[i])) {
			*kind = i;
			return 0;
		}
	return mm_replay_reader_fail(r, -EINVAL, "%.*s is no kind of hint", mm_replay_shown(&word),
				     word.at);
}

/* H1 */
static int take_lines(struct mm_reader *r, struct mm_replay_text *line, struct mmsim_hint *hint)
{
	int err = mm_replay_field(r, line, "the first line", UINT64_MAX, &hint->line1);

	hint->line2 = hint->line1;
	if (!err && hint->kind != MMSIM_HINT_DIRECT_FREE)
		err = mm_replay_field(r, line, "the last line", UINT64_MAX, &hint->line2);
	if (!err && hint->line2 < hint->line1)
		return mm_replay_reader_fail(r, -EINVAL, "the last line comes before the first");
	return err;
}

static int take_cpu(struct mm_reader *r, const struct mmsim_snapshot *snap,
		    struct mm_replay_text *line, struct mmsim_hint *hint)
{
	uint64_t cpu = UINT32_MAX, max = snap ? snap->nr_cpus - 1 : MMSIM_MAX_CPUS - 1;
	int err = 0;

	if (hint->kind != MMSIM_HINT_DIRECT_FREE)
		err = mm_replay_field(r, line, "cpu", max, &cpu);
	hint->cpu = (uint32_t)cpu;
	return err;
}

static int take_block(struct mm_reader *r, const struct mmsim_snapshot *snap,
		      struct mm_replay_text *line, struct mmsim_hint *hint)
{
	uint64_t end = snap ? snap->max_pfn : MMSIM_MAX_PHYS / MMSIM_PAGE_SIZE;
	unsigned int order = 0;
	int err = mm_replay_field(r, line, "pfn", end - 1, &hint->pfn);

	if (!err)
		err = mm_replay_field_order(r, line, &order);
	if (!err && hint->pfn & ((UINT64_C(1) << order) - 1))
		return mm_replay_reader_fail(r, -EINVAL, "pfn %#llx is not aligned to order %u",
					     (unsigned long long)hint->pfn, order);
	hint->order = order;
	return err;
}

/* A number: without CMA, the kernel's Isolate is the one before ours. */
static int take_migratetype(struct mm_reader *r, const struct mmsim_snapshot *snap,
			    struct mm_replay_text *line, struct mmsim_hint *hint)
{
	bool cma = snap && snap->flags & MMSIM_SNAP_CMA;
	uint64_t value, max = cma ? MMSIM_MIGRATE_ISOLATE : MMSIM_MIGRATE_ISOLATE - 1;
	int err;

	hint->migratetype = -1;
	if (hint->kind != MMSIM_HINT_UNTRACED_ALLOC)
		return 0;
	err = mm_replay_field(r, line, "migratetype", max, &value);
	if (!err)
		hint->migratetype =
			!cma && value == MMSIM_MIGRATE_CMA ? MMSIM_MIGRATE_ISOLATE : (int32_t)value;
	return err;
}

static int add_hint(struct mm_reader *r, struct mmsim_hints *hints, struct mmsim_hint hint)
{
	struct mmsim_hint *grown;

	if (hints->nr == MAX_HINTS)
		return mm_replay_reader_fail(r, -EINVAL, "too many hints");
	grown = mm_replay_array_grow(hints->hints, hints->nr, sizeof(*grown));
	if (!grown)
		return mm_replay_no_memory(r);
	hints->hints = grown;
	grown[hints->nr++] = hint;
	return 0;
}

static int hint_line(struct mm_reader *r, void *ctx, struct mm_replay_text line)
{
	struct hints_parser *p = ctx;
	struct mmsim_hint hint = { 0 };
	struct mm_replay_text word;
	int err = take_kind(r, &line, &hint.kind);

	if (!err)
		err = take_lines(r, &line, &hint);
	if (!err)
		err = take_cpu(r, p->snap, &line, &hint);
	if (!err)
		err = take_block(r, p->snap, &line, &hint);
	if (!err)
		err = take_migratetype(r, p->snap, &line, &hint);
	if (!err && mm_replay_take_word(&line, &word))
		return mm_replay_reader_fail(r, -EINVAL, "%.*s is too much", mm_replay_shown(&word),
					     word.at);
	return err ? err : add_hint(r, p->hints, hint);
}

int mm_replay_hints_parse(struct mm_reader *r, const struct mmsim_snapshot *snap,
			  struct mmsim_hints **out)
{
	struct hints_parser p = { .snap = snap, .hints = calloc(1, sizeof(*p.hints)) };
	int err = p.hints ? mm_replay_each_line(r, hint_line, NULL, &p) : mm_replay_no_memory(r);

	if (err) {
		mm_replay_hints_free(p.hints);
		p.hints = NULL;
	}
	*out = p.hints;
	return err;
}

int mm_replay_hints_load(const char *path, const struct mmsim_snapshot *snap,
			 struct mmsim_hints **out, struct mmsim_replay_error *err)
{
	struct mm_reader r;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!path) {
		mm_replay_fail(err, "hints", 0, "no path is given");
		return -EINVAL;
	}
	ret = mm_replay_reader_open(&r, path, err);
	if (ret)
		return ret;
	ret = mm_replay_hints_parse(&r, snap, out);
	mm_replay_reader_close(&r);
	return ret;
}

void mm_replay_hints_free(struct mmsim_hints *hints)
{
	if (!hints)
		return;
	free(hints->hints);
	free(hints);
}
