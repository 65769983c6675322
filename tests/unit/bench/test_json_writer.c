/* SPDX-License-Identifier: MIT */
/* json_writer: layout, escapes, text that is not UTF-8, numbers in every locale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/json_writer.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t text_len;
static FILE *out;

static void begin(struct json_writer *w)
{
	out = open_memstream(&text, &text_len);
	assert_non_null(out);
	json_init(w, out);
}

static void end(const char *want)
{
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void commas_and_lines(void **state)
{
	struct json_writer w;

	(void)state;
	begin(&w);
	json_begin(&w, '{');
	json_key(&w, "a");
	json_uint(&w, UINT64_MAX);
	json_key(&w, "b");
	json_begin(&w, '[');
	json_begin(&w, '{');
	json_key(&w, "c");
	json_number(&w, 1.5);
	json_key(&w, "d");
	json_string(&w, "x");
	json_end(&w, '}');
	json_uint(&w, 7);
	json_end(&w, ']');
	json_key(&w, "e");
	json_begin(&w, '{');
	json_end(&w, '}');
	json_end(&w, '}');
	end("{\n  \"a\": 18446744073709551615,\n  \"b\": [\n    {\"c\": 1.5, \"d\": \"x\"},\n"
	    "    7\n  ],\n  \"e\": {}\n}\n");
}

static void string_is(const char *in, const char *want)
{
	struct json_writer w;

	begin(&w);
	json_string(&w, in);
	end(want);
}

static void escapes(void **state)
{
	(void)state;
	string_is("", "\"\"");
	string_is("a/b c", "\"a/b c\"");
	string_is("\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
	string_is("\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"");
}

static void keys_are_escaped(void **state)
{
	struct json_writer w;

	(void)state;
	begin(&w);
	json_begin(&w, '{');
	json_key(&w, "a\"b");
	json_uint(&w, 1);
	json_end(&w, '}');
	end("{\n  \"a\\\"b\": 1\n}\n");
}

static void utf8(void **state)
{
	(void)state;
	string_is("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		  "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
	string_is("\xff", "\"\\ufffd\"");
	string_is("a\xc3", "\"a\\ufffd\"");
	string_is("\xe2\x82z", "\"\\ufffd\\ufffdz\"");
	string_is("\xc0\xaf", "\"\\ufffd\\ufffd\""); /* overlong */
	string_is("\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"");
	string_is("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""); /* surrogate */
	string_is("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* past the end */
}

static void thousandths(void **state)
{
	struct json_writer w;

	(void)state;
	begin(&w);
	json_begin(&w, '[');
	json_thousandths(&w, 0);
	json_thousandths(&w, 7);
	json_thousandths(&w, 1234567);
	json_thousandths(&w, UINT64_MAX);
	json_end(&w, ']');
	end("[\n  0.000,\n  0.007,\n  1234.567,\n  18446744073709551.615\n]\n");
}

static void number_is(double value, const char *want)
{
	struct json_writer w;

	begin(&w);
	json_number(&w, value);
	end(want);
}

static void numbers(void **state)
{
	(void)state;
	number_is(0, "0");
	number_is(0.1, "0.1");
	number_is(-2.5, "-2.5");
	number_is(1.0 / 3, "0.3333333333333333");
	number_is(40000000, "40000000");
	number_is(123456789012345.0, "123456789012345");
	number_is(1e300, "1e+300");
	number_is(1e-9, "1e-09");
	number_is(NAN, "null");
	number_is(INFINITY, "null");
	number_is(-INFINITY, "null");
}

/* Nothing is lost, whatever the bits are. */
static void numbers_read_back(void **state)
{
	uint64_t bits = 1;
	char buf[32];

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		double value;

		bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		json_format_double(buf, sizeof(buf), value);
		if (strtod(buf, NULL) != value)
			fail_msg("%s is not %a", buf, value);
		assert_int_equal(strspn(buf, "+-.0123456789e"), strlen(buf));
	}
}

/* Only where a locale with another decimal point is installed. */
static void numbers_ignore_the_locale(void **state)
{
	static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ps_AF.UTF-8" };
	bool found = false;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!setlocale(LC_NUMERIC, names[i]))
			continue;
		found = true;
		number_is(1.5, "1.5");
		number_is(1.25e-30, "1.25e-30");
		setlocale(LC_NUMERIC, "C");
	}
	if (!found)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_and_lines),  cmocka_unit_test(escapes),
		cmocka_unit_test(keys_are_escaped),  cmocka_unit_test(utf8),
		cmocka_unit_test(thousandths),       cmocka_unit_test(numbers),
		cmocka_unit_test(numbers_read_back), cmocka_unit_test(numbers_ignore_the_locale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
