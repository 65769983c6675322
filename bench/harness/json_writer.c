/* SPDX-License-Identifier: MIT */
/* A streaming JSON writer. */
#include "json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Entries of levels up to this one begin on a line of their own. */
#define JSON_LINE_DEPTH 2

void json_init(struct json_writer *w, FILE *out)
{
	memset(w, 0, sizeof(*w));
	w->out = out;
}

static void new_line(struct json_writer *w)
{
	fprintf(w->out, "\n%*s", (int)(2 * w->depth), "");
}

/* What stands between the entry before and this one. */
static void separate(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->filled[w->depth])
		fputs(w->depth > JSON_LINE_DEPTH ? ", " : ",", w->out);
	if (w->depth > 0 && w->depth <= JSON_LINE_DEPTH)
		new_line(w);
	w->filled[w->depth] = true;
}

void json_begin(struct json_writer *w, char bracket)
{
	separate(w);
	fputc(bracket, w->out);
	if (w->depth + 1 < JSON_MAX_DEPTH)
		w->depth++;
	w->filled[w->depth] = false;
}

void json_end(struct json_writer *w, char bracket)
{
	bool lines = w->filled[w->depth] && w->depth <= JSON_LINE_DEPTH;

	w->depth--;
	if (lines)
		new_line(w);
	fputc(bracket, w->out);
	if (w->depth == 0)
		fputc('\n', w->out);
}

/* Length of the UTF-8 sequence at s, 0 if it is none. */
static unsigned utf8_length(const unsigned char *s)
{
	unsigned n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (unsigned i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void put_ascii(FILE *out, unsigned char c)
{
	static const char special[] = "\"\\\b\f\n\r\t";
	static const char letter[] = "\"\\bfnrt";
	const char *at = strchr(special, c);

	if (at)
		fprintf(out, "\\%c", letter[at - special]);
	else if (c < 0x20 || c == 0x7f)
		fprintf(out, "\\u%04x", c);
	else
		fputc(c, out);
}

static void put_string(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', out);
	while (*s) {
		unsigned n = utf8_length(s);

		if (n == 1)
			put_ascii(out, *s);
		else if (n > 1)
			fwrite(s, 1, n, out);
		else
			fputs("\\ufffd", out);
		s += n ? n : 1;
	}
	fputc('"', out);
}

void json_key(struct json_writer *w, const char *key)
{
	separate(w);
	put_string(w->out, key);
	fputs(": ", w->out);
	w->after_key = true;
}

void json_string(struct json_writer *w, const char *text)
{
	separate(w);
	put_string(w->out, text);
}

/* Whatever is no part of a number in C is the locale's decimal point, of any length. */
static void undo_locale(char *buf)
{
	size_t point = strspn(buf, "+-0123456789");
	size_t n = strcspn(buf + point, "+-0123456789eE");

	if (n == 0)
		return;
	buf[point] = '.';
	memmove(buf + point + 1, buf + point + n, strlen(buf + point + n) + 1);
}

void json_format_double(char *buf, size_t len, double value)
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(buf, len, "%.*g", digits, value);
		if (strtod(buf, NULL) == value)
			break;
	}
	/* 4e+07 is valid, but an integer is easier on people. */
	if (strchr(buf, 'e') && fabs(value) < 1e15 && value == trunc(value))
		snprintf(buf, len, "%.0f", value);
	undo_locale(buf);
}

void json_number(struct json_writer *w, double value)
{
	char buf[32];

	separate(w);
	if (isfinite(value))
		json_format_double(buf, sizeof(buf), value);
	else
		strcpy(buf, "null");
	fputs(buf, w->out);
}

void json_uint(struct json_writer *w, uint64_t value)
{
	separate(w);
	fprintf(w->out, "%" PRIu64, value);
}

void json_thousandths(struct json_writer *w, uint64_t value)
{
	separate(w);
	fprintf(w->out, "%" PRIu64 ".%03u", value / 1000, (unsigned)(value % 1000));
}
