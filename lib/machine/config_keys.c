/* SPDX-License-Identifier: MIT */
/*
 * "key = value", as in profiles and in assignments to figures.
 */
#include "config_internal.h"

#define MAX_SHOWN 40

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* No locale decides what a letter is. */
static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

void mm_machine_take_blanks(struct mm_machine_text *text)
{
	while (text->at != text->end && is_blank(*text->at))
		text->at++;
}

void mm_machine_drop_blanks(struct mm_machine_text *text)
{
	while (text->at != text->end && is_blank(text->end[-1]))
		text->end--;
}

bool mm_machine_take_key(struct mm_machine_text *text, struct mm_machine_text *key)
{
	struct mm_machine_text rest = *text;

	mm_machine_take_blanks(&rest);
	key->at = rest.at;
	while (rest.at != rest.end && is_key_char(*rest.at))
		rest.at++;
	key->end = rest.at;
	mm_machine_take_blanks(&rest);
	if (key->at == key->end || !mm_machine_take_char(&rest, '='))
		return false;
	mm_machine_take_blanks(&rest);
	mm_machine_drop_blanks(&rest);
	*text = rest;
	return true;
}

int mm_machine_shown(struct mm_machine_text key)
{
	return key.end - key.at < MAX_SHOWN ? (int)(key.end - key.at) : MAX_SHOWN;
}
