/* SPDX-License-Identifier: MIT */
/*
 * A streaming JSON writer.
 *
 * Call begin, key, value, end in the order of the document; commas and line breaks come by
 * themselves. The two outer levels get a line per entry, deeper ones share a line. The writer does
 * not check that keys and values alternate.
 */
#ifndef BENCH_JSON_WRITER_H
#define BENCH_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_MAX_DEPTH 16

struct json_writer {
	FILE *out;
	unsigned depth;
	bool filled[JSON_MAX_DEPTH]; /* has this level an entry already? */
	bool after_key;
};

void json_init(struct json_writer *w, FILE *out);
void json_begin(struct json_writer *w, char bracket); /* '{' or '[' */
void json_end(struct json_writer *w, char bracket); /* '}' or ']' */
void json_key(struct json_writer *w, const char *key);

/* Bytes that are not UTF-8 become U+FFFD. */
void json_string(struct json_writer *w, const char *text);

/* Shortest decimal that reads back as the same double; null if not finite. */
void json_number(struct json_writer *w, double value);
void json_uint(struct json_writer *w, uint64_t value);

/* So many thousandths, with three decimals: ns as us. */
void json_thousandths(struct json_writer *w, uint64_t value);

/* The decimal itself, with '.' whatever the locale says. buf needs 32 bytes. */
void json_format_double(char *buf, size_t len, double value);

#endif
