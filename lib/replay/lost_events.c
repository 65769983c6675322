/* SPDX-License-Identifier: MIT */
#include "lost_events.h"
#include "cursor.h"

static uint64_t number_or_one(struct mm_replay_text text)
{
	uint64_t number;

	mm_replay_take_blanks(&text);
	return mm_replay_take_decimal(&text, &number) ? number : 1;
}

/* After "CPU:". */
static uint64_t in_brackets(struct mm_replay_text text)
{
	struct mm_replay_text word;
	uint64_t cpu;

	if (!mm_replay_take_decimal(&text, &cpu))
		return 0;
	mm_replay_take_blanks(&text);
	if (mm_replay_take_string(&text, "[LOST"))
		return number_or_one(text);
	if (!mm_replay_take_string(&text, "["))
		return 0;
	word = text;
	mm_replay_take_decimal(&word, &cpu);
	mm_replay_take_blanks(&word);
	return mm_replay_take_string(&word, "EVENTS DROPPED") ? number_or_one(text) : 0;
}

/* After "# entries-in-buffer/entries-written:". */
static uint64_t overwritten(struct mm_replay_text text)
{
	uint64_t held, written;

	mm_replay_take_blanks(&text);
	if (!mm_replay_take_decimal(&text, &held) || !mm_replay_take_string(&text, "/") ||
	    !mm_replay_take_decimal(&text, &written) || written < held)
		return 0;
	return written - held;
}

static uint64_t perf_record(struct mm_replay_text text)
{
	static const char mark[] = "PERF_RECORD_LOST lost";
	const char *hit = memmem(text.at, (size_t)(text.end - text.at), mark, sizeof(mark) - 1);

	if (!hit)
		return 0;
	text.at = hit + sizeof(mark) - 1;
	return number_or_one(text);
}

uint64_t mm_replay_lost_events(const char *line, size_t len)
{
	struct mm_replay_text text = { .at = line, .end = line + len };

	mm_replay_take_blanks(&text);
	if (mm_replay_take_string(&text, "CPU:"))
		return in_brackets(text);
	if (mm_replay_take_string(&text, "LOST "))
		return number_or_one(text);
	if (mm_replay_take_string(&text, "# entries-in-buffer/entries-written:"))
		return overwritten(text);
	return perf_record(text);
}
