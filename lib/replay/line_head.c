/* SPDX-License-Identifier: MIT */
#include "line_head.h"
#include "cursor.h"
#include <errno.h>

#define NS_PER_S UINT64_C(1000000000)
#define MAX_SECONDS (UINT64_MAX / NS_PER_S - 1)
#define MIN_DECIMALS 3 /* of a tracer's clock; fewer is a count of something */
#define MAX_DECIMALS 9

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *back_over_blanks(const char *begin, const char *at)
{
	while (at > begin && mm_replay_is_blank(at[-1]))
		at--;
	return at;
}

static const char *back_over_word(const char *begin, const char *at)
{
	while (at > begin && !mm_replay_is_blank(at[-1]))
		at--;
	return at;
}

static const char *back_over_digits(const char *begin, const char *at)
{
	while (at > begin && is_digit(at[-1]))
		at--;
	return at;
}

static bool ends_with(const char *begin, const char *end, const char *what, size_t len)
{
	return (size_t)(end - begin) >= len && !memcmp(end - len, what, len);
}

static bool take_fraction(struct mm_replay_text *text, uint64_t *ns)
{
	unsigned decimals = 0;

	/* Too few to overflow. */
	for (*ns = 0; decimals < MAX_DECIMALS && text->at < text->end; decimals++) {
		if (!is_digit(*text->at))
			break;
		*ns = *ns * 10 + (uint64_t)(*text->at++ - '0');
	}
	if (decimals < MIN_DECIMALS)
		return false;
	for (; decimals < MAX_DECIMALS; decimals++)
		*ns *= 10;
	return true;
}

static bool parse_seconds(struct mm_replay_text text, uint64_t *ns)
{
	uint64_t seconds;

	if (!mm_replay_take_decimal(&text, &seconds) || seconds > MAX_SECONDS ||
	    !mm_replay_take_string(&text, ".") || !take_fraction(&text, ns))
		return false;
	*ns += seconds * NS_PER_S;
	return mm_replay_text_empty(&text);
}

/*
 * The time that ends in a colon at `end`: 1 and *begin is where it begins, 0 if the colon is that of
 * another event's name, -EINVAL.
 */
static int take_time(struct mm_replay_why *why, const char *line, const char **begin,
		     const char *end, struct mmsim_trace_event *ev)
{
	struct mm_replay_text word;

	if (end == line || end[-1] != ':')
		return mm_replay_refuse(why, "time: missing");
	word.end = end - 1;
	word.at = back_over_word(line, word.end);
	if (word.at < word.end && !is_digit(*word.at) && *word.at != '-' && *word.at != '.')
		return 0;
	if (!parse_seconds(word, &ev->ns))
		return mm_replay_refuse(why, "time: not seconds with %u to %u decimals",
					MIN_DECIMALS, MAX_DECIMALS);
	*begin = word.at;
	return 1;
}

/* "[001]" before `end`; between them may be the latency flags, which do not begin with a digit. */
static int take_cpu(const struct mm_event_limits *limits, struct mm_replay_why *why,
		    const char *line, const char *end, struct mmsim_trace_event *ev)
{
	struct mm_replay_text digits;
	uint64_t cpu;

	end = back_over_blanks(line, end);
	if (end > line && end[-1] != ']') {
		end = back_over_word(line, end);
		if (is_digit(*end))
			return mm_replay_refuse(why, "cpu: missing");
		end = back_over_blanks(line, end);
	}
	if (end == line || end[-1] != ']')
		return mm_replay_refuse(why, "cpu: missing");
	digits.end = end - 1;
	digits.at = back_over_digits(line, digits.end);
	if (digits.at == line || digits.at[-1] != '[' || !mm_replay_take_decimal(&digits, &cpu))
		return mm_replay_refuse(why, "cpu: not a number in brackets");
	if (mm_replay_check_cpu(limits, cpu, why))
		return -EINVAL;
	ev->cpu = (uint16_t)cpu;
	return 1;
}

int mm_replay_line_head(const struct mm_event_limits *limits, const char *line, const char *name,
			struct mmsim_trace_event *ev, struct mm_replay_why *why)
{
	static const char subsystem[] = "kmem:";
	const char *at = name;
	int found;

	if (ends_with(line, at, subsystem, sizeof(subsystem) - 1))
		at -= sizeof(subsystem) - 1;
	if (at > line && !mm_replay_is_blank(at[-1]))
		return 0;
	at = back_over_blanks(line, at);
	/* A sample's period, if perf was asked for it. */
	at = back_over_blanks(line, back_over_digits(line, at));
	found = take_time(why, line, &at, at, ev);
	if (found != 1)
		return found;
	return take_cpu(limits, why, line, at, ev);
}
