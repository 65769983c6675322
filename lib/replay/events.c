/* SPDX-License-Identifier: MIT */
#include "events.h"
#include "array.h"
#include "free_pairs.h"
#include "llfree.h"
#include "parse_line.h"
#include <errno.h>
#include <stdlib.h>

static int no_memory(struct mm_reader *reader)
{
	return mm_replay_reader_fail(reader, -ENOMEM, "no memory");
}

int mm_replay_trace_add(struct mm_reader *reader, struct mmsim_trace *trace,
			const struct mmsim_trace_event *ev)
{
	struct mmsim_trace_event *events;

	if (trace->nr == MM_REPLAY_MAX_EVENTS)
		return mm_replay_reader_fail(reader, -EINVAL, "more than %zu events",
					     MM_REPLAY_MAX_EVENTS);
	events = mm_replay_array_grow(trace->events, trace->nr, sizeof(*events));
	if (!events)
		return no_memory(reader);
	trace->events = events;
	if (trace->nr && ev->ns < events[trace->nr - 1].ns)
		trace->backwards++;
	if (ev->cpu >= trace->nr_cpus)
		trace->nr_cpus = ev->cpu + 1u;
	events[trace->nr++] = *ev;
	return 0;
}

static int read_line(struct mm_reader *reader, struct mm_line_parser *parser,
		     struct mmsim_trace *trace, const char *line, size_t len)
{
	struct mmsim_trace_event ev;
	int err = mm_replay_parse_line(parser, line, len, &ev);

	if (err < 0)
		return mm_replay_reader_fail(reader, err, "%s", parser->why.text);
	if (!err) {
		trace->other_lines++;
		return 0;
	}
	ev.line = (uint32_t)reader->line;
	return mm_replay_trace_add(reader, trace, &ev);
}

static int read_lines(struct mm_reader *reader, struct mm_line_parser *parser,
		      struct mmsim_trace *trace)
{
	const char *line;
	size_t len;
	int err;

	while ((err = mm_replay_reader_line(reader, &line, &len)) > 0) {
		err = read_line(reader, parser, trace, line, len);
		if (err)
			break;
	}
	trace->lines = reader->line;
	trace->lost = parser->lost;
	trace->unknown_gfp = parser->unknown_gfp;
	return err;
}

static int read_text(struct mm_reader *reader, const struct mmsim_snapshot *snap,
		     struct mmsim_trace *trace)
{
	struct mm_line_parser *parser = calloc(1, sizeof(*parser));
	int err;

	if (!parser)
		return no_memory(reader);
	mm_replay_event_limits(&parser->limits, snap);
	err = read_lines(reader, parser, trace);
	free(parser);
	if (err)
		return err;
	return mm_replay_pair_frees(trace) ? no_memory(reader) : 0;
}

int mm_replay_trace_read_text(struct mm_reader *reader, const struct mmsim_snapshot *snap,
			      struct mmsim_trace **out)
{
	struct mmsim_trace *trace = calloc(1, sizeof(*trace));
	int err;

	*out = NULL;
	if (!trace)
		return no_memory(reader);
	trace->format = MMSIM_TRACE_TEXT;
	err = read_text(reader, snap, trace);
	if (err)
		mm_replay_trace_free(trace);
	else
		*out = trace;
	return err;
}

/* A look at the beginning takes it away: the file is opened twice. */
static int look(const char *path, struct mmsim_replay_error *err)
{
	struct mm_reader reader;
	int ret = mm_replay_reader_open(&reader, path, err);

	if (ret)
		return ret;
	ret = mm_replay_llfree_is(&reader);
	mm_replay_reader_close(&reader);
	return ret;
}

int mm_replay_trace_load(const char *path, const struct mmsim_snapshot *snap,
			 struct mmsim_trace **out, struct mmsim_replay_error *err)
{
	int is_llfree = look(path, err), ret;
	struct mm_reader reader;

	*out = NULL;
	if (is_llfree < 0)
		return is_llfree;
	ret = mm_replay_reader_open(&reader, path, err);
	if (ret)
		return ret;
	if (is_llfree)
		ret = mm_replay_llfree_read(&reader, snap, out);
	else
		ret = mm_replay_trace_read_text(&reader, snap, out);
	mm_replay_reader_close(&reader);
	return ret;
}

void mm_replay_trace_free(struct mmsim_trace *trace)
{
	if (!trace)
		return;
	free(trace->events);
	free(trace);
}
