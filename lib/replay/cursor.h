/* SPDX-License-Identifier: MIT */
/*
 * A cursor over the text of one line, which need not end in a NUL and may contain some.
 *
 * Each mm_replay_take_*() takes something off the front and returns true, or leaves the text as it
 * was and returns false. Numbers that do not fit 64 bits are not taken.
 */
#ifndef MM_REPLAY_CURSOR_H
#define MM_REPLAY_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mm_replay_text {
	const char *at;
	const char *end;
};

static inline bool mm_replay_text_empty(const struct mm_replay_text *text)
{
	return text->at == text->end;
}

static inline bool mm_replay_text_is(const struct mm_replay_text *text, const char *string)
{
	size_t len = strlen(string);

	return (size_t)(text->end - text->at) == len && !memcmp(text->at, string, len);
}

static inline bool mm_replay_take_string(struct mm_replay_text *text, const char *string)
{
	size_t len = strlen(string);

	if ((size_t)(text->end - text->at) < len || memcmp(text->at, string, len) != 0)
		return false;
	text->at += len;
	return true;
}

static inline bool mm_replay_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline void mm_replay_take_blanks(struct mm_replay_text *text)
{
	while (text->at < text->end && mm_replay_is_blank(*text->at))
		text->at++;
}

static inline bool mm_replay_take_decimal(struct mm_replay_text *text, uint64_t *value)
{
	const char *at = text->at;
	uint64_t v = 0;

	for (; at < text->end && *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*at - '0'), &v))
			return false;
	if (at == text->at)
		return false;
	text->at = at;
	*value = v;
	return true;
}

/* The value of a hexadecimal digit, or -1. */
static inline int mm_replay_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* With "0x" before it. */
static inline bool mm_replay_take_hex(struct mm_replay_text *text, uint64_t *value)
{
	struct mm_replay_text rest = *text;
	const char *first;
	uint64_t v = 0;
	int digit;

	if (!mm_replay_take_string(&rest, "0x"))
		return false;
	for (first = rest.at; rest.at < rest.end; rest.at++) {
		digit = mm_replay_hex_digit(*rest.at);
		if (digit < 0)
			break;
		if (v >> 60)
			return false;
		v = v << 4 | (uint64_t)digit;
	}
	if (rest.at == first)
		return false;
	text->at = rest.at;
	*value = v;
	return true;
}

/* "0x12" or "18". */
static inline bool mm_replay_take_number(struct mm_replay_text *text, uint64_t *value)
{
	return mm_replay_take_hex(text, value) || mm_replay_take_decimal(text, value);
}

/* All up to a blank or the end, and the blanks before it; false when nothing is left. */
static inline bool mm_replay_take_word(struct mm_replay_text *text, struct mm_replay_text *word)
{
	struct mm_replay_text rest = *text;

	mm_replay_take_blanks(&rest);
	word->at = rest.at;
	while (rest.at < rest.end && !mm_replay_is_blank(*rest.at))
		rest.at++;
	word->end = rest.at;
	if (word->at == word->end)
		return false;
	text->at = rest.at;
	return true;
}

/* As much of a text as a message shows: the precision of a "%.*s". */
static inline int mm_replay_shown(const struct mm_replay_text *text)
{
	size_t len = (size_t)(text->end - text->at);

	return len < 32 ? (int)len : 32;
}

#endif
