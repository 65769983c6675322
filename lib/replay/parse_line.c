/* SPDX-License-Identifier: MIT */
#include "parse_line.h"
#include "cursor.h"
#include "line_head.h"
#include "lost_events.h"
#include <errno.h>

#define MINUS_ONE UINT64_MAX

/* What an event says, before anything of it has been checked. */
enum value { PFN, ORDER, MIGRATETYPE, GFP, FLAG, FALLBACK_ORDER, FALLBACK_MIGRATETYPE, NR_VALUES };

struct field {
	const char *key; /* with the '=' */
	uint8_t len;
	uint8_t value; /* enum value */
};

#define FIELD(name, to)                            \
	{                                          \
		name "=", sizeof(name "=") - 1, to \
	}
#define MAX_FIELDS 6

struct event_name {
	const char *name; /* after "mm_page_" */
	uint8_t kind; /* enum mmsim_trace_kind */
	uint8_t nr;
	struct field fields[MAX_FIELDS]; /* in the order in which the kernel prints them */
};

/* By the length of the name, which no two share. */
static const struct event_name events[] = {
	[4] = { "free", MMSIM_TRACE_FREE, 2, { FIELD("pfn", PFN), FIELD("order", ORDER) } },
	[5] = { "alloc",
		MMSIM_TRACE_ALLOC,
		4,
		{ FIELD("pfn", PFN), FIELD("order", ORDER), FIELD("migratetype", MIGRATETYPE),
		  FIELD("gfp_flags", GFP) } },
	[10] = { "pcpu_drain",
		 MMSIM_TRACE_DRAIN,
		 3,
		 { FIELD("pfn", PFN), FIELD("order", ORDER), FIELD("migratetype", MIGRATETYPE) } },
	[12] = { "free_batched",
		 MMSIM_TRACE_FREE_BATCHED,
		 2,
		 { FIELD("pfn", PFN), FIELD("order", ORDER) } },
	[13] = { "alloc_extfrag",
		 MMSIM_TRACE_EXTFRAG,
		 6,
		 { FIELD("pfn", PFN), FIELD("alloc_order", ORDER),
		   FIELD("fallback_order", FALLBACK_ORDER), FIELD("alloc_migratetype", MIGRATETYPE),
		   FIELD("fallback_migratetype", FALLBACK_MIGRATETYPE),
		   FIELD("change_ownership", FLAG) } },
	[17] = { "alloc_zone_locked",
		 MMSIM_TRACE_ZONE_LOCKED,
		 4,
		 { FIELD("pfn", PFN), FIELD("order", ORDER), FIELD("migratetype", MIGRATETYPE),
		   FIELD("percpu_refill", FLAG) } },
};

#define PREFIX "mm_page_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define PREFIX_FIRST_BAR 2 /* where its first '_' is */

/* The event that `text`, which begins after PREFIX, names; *text then begins after the name's colon. */
static const struct event_name *event_named(struct mm_replay_text *text)
{
	size_t room = (size_t)(text->end - text->at), len = 0;
	const struct event_name *event;

	while (len < room && text->at[len] != ':')
		if (++len >= mm_array_size(events))
			return NULL;
	event = &events[len];
	if (len == room || !event->name || memcmp(text->at, event->name, len) != 0)
		return NULL;
	text->at += len + 1;
	return mm_replay_text_empty(text) || mm_replay_is_blank(*text->at) ? event : NULL;
}

/* The next event named in the text; *name is where, and *text begins after it. NULL: none. */
static const struct event_name *find_event(struct mm_replay_text *text, const char **name)
{
	const char *begin = text->at, *bar;

	while (text->at < text->end &&
	       (bar = memchr(text->at, '_', (size_t)(text->end - text->at)))) {
		const struct event_name *event;

		text->at = bar + 1;
		*name = bar - PREFIX_FIRST_BAR;
		if (bar - begin < PREFIX_FIRST_BAR || (size_t)(text->end - *name) < PREFIX_LEN ||
		    memcmp(*name, PREFIX, PREFIX_LEN) != 0)
			continue;
		text->at = *name + PREFIX_LEN;
		event = event_named(text);
		if (event)
			return event;
	}
	return NULL;
}

static bool take_gfp(struct mm_line_parser *p, struct mm_replay_text *text, uint64_t *value)
{
	size_t room = (size_t)(text->end - text->at);
	const char *end = memchr(text->at, ' ', room);
	size_t len = end ? (size_t)(end - text->at) : room;
	struct mm_gfp_word gfp;

	if (!mm_replay_gfp_parse(&p->memo, text->at, len, &gfp))
		return false;
	text->at += len;
	p->unknown_gfp += gfp.unknown;
	*value = gfp.gfp;
	return true;
}

/* A number, or the -1 of what failed. */
static bool take_value(struct mm_replay_text *text, uint64_t *value)
{
	if (mm_replay_take_string(text, "-1"))
		*value = MINUS_ONE;
	else if (!mm_replay_take_number(text, value))
		return false;
	return mm_replay_text_empty(text) || mm_replay_is_blank(*text->at);
}

static bool begins_with(const struct mm_replay_text *text, const struct field *field)
{
	return (size_t)(text->end - text->at) >= field->len &&
	       !memcmp(text->at, field->key, field->len);
}

/* Which field the text begins with, most likely `next`; event->nr: none of its. */
static unsigned field_at(const struct event_name *event, unsigned next,
			 const struct mm_replay_text *text)
{
	unsigned i;

	if (next < event->nr && begins_with(text, &event->fields[next]))
		return next;
	for (i = 0; i < event->nr; i++)
		if (begins_with(text, &event->fields[i]))
			break;
	return i;
}

static int take_field(struct mm_line_parser *p, const struct field *field,
		      struct mm_replay_text *text, uint64_t *values)
{
	bool taken;

	text->at += field->len;
	if (field->value == GFP)
		taken = take_gfp(p, text, &values[GFP]);
	else
		taken = take_value(text, &values[field->value]);
	if (taken)
		return 0;
	return mm_replay_refuse(&p->why, "%.*s: %s", field->len - 1, field->key,
				field->value == GFP ? "not a list of flags" : "not a number");
}

static int take_fields(struct mm_line_parser *p, const struct event_name *event,
		       struct mm_replay_text text, uint64_t *values)
{
	unsigned missing = (1u << event->nr) - 1, next = 0;
	const struct field *field;
	struct mm_replay_text skipped;

	while (missing) {
		unsigned i;

		mm_replay_take_blanks(&text);
		if (mm_replay_text_empty(&text))
			break;
		i = field_at(event, next, &text);
		if (i == event->nr) {
			mm_replay_take_word(&text, &skipped);
			continue;
		}
		if (take_field(p, &event->fields[i], &text, values))
			return -EINVAL;
		missing &= ~(1u << i);
		next = i + 1;
	}
	if (!missing)
		return 1;
	field = &event->fields[__builtin_ctz(missing)];
	return mm_replay_refuse(&p->why, "%.*s: missing", field->len - 1, field->key);
}

static int set_orders(struct mm_line_parser *p, const uint64_t *values,
		      struct mmsim_trace_event *ev)
{
	bool extfrag = ev->kind == MMSIM_TRACE_EXTFRAG;

	if (mm_replay_check_order(values[ORDER], extfrag ? "alloc_order" : "order", &p->why) ||
	    mm_replay_check_order(values[FALLBACK_ORDER], "fallback_order", &p->why))
		return -EINVAL;
	ev->order = (uint8_t)values[ORDER];
	ev->fallback_order = (uint8_t)values[FALLBACK_ORDER];
	return 0;
}

static int set_pfn(struct mm_line_parser *p, uint64_t pfn, struct mmsim_trace_event *ev)
{
	bool extfrag = ev->kind == MMSIM_TRACE_EXTFRAG;

	if (ev->kind == MMSIM_TRACE_ALLOC && (!pfn || pfn == MINUS_ONE)) {
		ev->pfn = 0;
		return 0;
	}
	ev->pfn = (uint32_t)pfn;
	return mm_replay_check_pfn(&p->limits, pfn, extfrag ? ev->fallback_order : ev->order,
				   &p->why);
}

static int set_migratetypes(struct mm_line_parser *p, const uint64_t *values,
			    struct mmsim_trace_event *ev)
{
	bool extfrag = ev->kind == MMSIM_TRACE_EXTFRAG;

	if (ev->kind == MMSIM_TRACE_ALLOC && values[MIGRATETYPE] == MINUS_ONE) {
		ev->migratetype = (uint8_t)mm_replay_gfp_migratetype(ev->gfp);
		return 0;
	}
	if (mm_replay_check_migratetype(&p->limits, values[FALLBACK_MIGRATETYPE],
					"fallback_migratetype", &ev->fallback_migratetype, &p->why))
		return -EINVAL;
	return mm_replay_check_migratetype(&p->limits, values[MIGRATETYPE],
					   extfrag ? "alloc_migratetype" : "migratetype",
					   &ev->migratetype, &p->why);
}

static int parse_event(struct mm_line_parser *p, const struct event_name *event,
		       struct mm_replay_text text, struct mmsim_trace_event *ev)
{
	uint64_t values[NR_VALUES] = { 0 };

	if (take_fields(p, event, text, values) < 0)
		return -EINVAL;
	ev->kind = event->kind;
	ev->gfp = (mmsim_gfp_t)values[GFP];
	ev->flag = values[FLAG] != 0;
	if (set_orders(p, values, ev) || set_pfn(p, values[PFN], ev) ||
	    set_migratetypes(p, values, ev))
		return -EINVAL;
	return 1;
}

static bool is_comment(struct mm_replay_text text)
{
	mm_replay_take_blanks(&text);
	return mm_replay_take_string(&text, "#");
}

static int other_line(struct mm_line_parser *p, const char *line, size_t len)
{
	if (__builtin_add_overflow(p->lost, mm_replay_lost_events(line, len), &p->lost))
		p->lost = UINT64_MAX;
	return 0;
}

int mm_replay_parse_line(struct mm_line_parser *p, const char *line, size_t len,
			 struct mmsim_trace_event *ev)
{
	struct mm_replay_text text = { .at = line, .end = line + len };
	const struct event_name *event;
	bool refused = false;
	const char *name;

	if (len && line[len - 1] == '\r')
		text.end--;
	*ev = (struct mmsim_trace_event){ 0 };
	while ((event = find_event(&text, &name))) {
		int head = mm_replay_line_head(&p->limits, line, name, ev, &p->why);

		if (head == 1)
			return parse_event(p, event, text, ev);
		/* A task may be named like an event: its event comes later in the line. */
		refused = refused || head < 0;
	}
	text.at = line;
	if (refused && !is_comment(text))
		return -EINVAL;
	return other_line(p, line, len);
}
