/* SPDX-License-Identifier: MIT */
/*
 * Messages to the caller, a cursor over text that no locale and no missing NUL can upset, sorting.
 */
#include "config_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mm_machine_clear_note(struct mm_machine_note note)
{
	if (note.text && note.size)
		note.text[0] = '\0';
}

int mm_machine_refuse(struct mm_machine_note note, int err, const char *format, ...)
{
	va_list args;

	if (!note.text || !note.size)
		return err;
	va_start(args, format);
	vsnprintf(note.text, note.size, format, args);
	va_end(args);
	return err;
}

bool mm_machine_take_char(struct mm_machine_text *text, char c)
{
	if (text->at == text->end || *text->at != c)
		return false;
	text->at++;
	return true;
}

bool mm_machine_take_string(struct mm_machine_text *text, const char *string)
{
	size_t len = strlen(string);

	if ((size_t)(text->end - text->at) < len || memcmp(text->at, string, len) != 0)
		return false;
	text->at += len;
	return true;
}

bool mm_machine_text_is(const struct mm_machine_text *text, const char *string)
{
	struct mm_machine_text rest = *text;

	return mm_machine_take_string(&rest, string) && rest.at == rest.end;
}

bool mm_machine_text_ends(const struct mm_machine_text *text)
{
	return text->at == text->end || mm_machine_text_is(text, "\n");
}

bool mm_machine_take_line(struct mm_machine_text *text, struct mm_machine_text *line)
{
	size_t left = (size_t)(text->end - text->at);
	const char *newline;

	if (!left)
		return false;
	newline = memchr(text->at, '\n', left);
	line->at = text->at;
	line->end = newline ? newline : text->end;
	text->at = newline ? newline + 1 : text->end;
	return true;
}

size_t mm_machine_take_spaces(struct mm_machine_text *text)
{
	const char *from = text->at;

	while (text->at != text->end && *text->at == ' ')
		text->at++;
	return (size_t)(text->at - from);
}

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return UINT32_MAX;
}

int mm_machine_take_number(struct mm_machine_text *text, unsigned int base, uint64_t *value)
{
	const char *at = text->at;
	uint64_t sum = 0;

	for (; at != text->end && digit_value(*at) < base; at++) {
		unsigned int digit = digit_value(*at);

		if (sum > (UINT64_MAX - digit) / base)
			return -ERANGE;
		sum = sum * base + digit;
	}
	if (at == text->at)
		return -EINVAL;
	text->at = at;
	*value = sum;
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

void mm_machine_sort(uint64_t *number, size_t nr)
{
	qsort(number, nr, sizeof(*number), compare_numbers);
}
