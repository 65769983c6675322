/* SPDX-License-Identifier: MIT */
/* lib/base/log.h: the sink, the newest line, cutting, and lines that stay whole among threads. */
#include "log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 4

struct heard {
	unsigned nr;
	char line[2 * MM_LOG_LINE];
};

static void hear(void *ctx, const char *line)
{
	struct heard *h = ctx;

	h->nr++;
	strncpy(h->line, line, sizeof(h->line) - 1);
}

static void sink_and_newest(void **state)
{
	struct heard h = { 0 };
	struct mm_log log;
	char last[MM_LOG_LINE];

	(void)state;
	mm_base_log_init(&log, hear, &h);
	mm_base_log_last(&log, last, sizeof(last));
	assert_string_equal(last, "");
	mm_base_log(&log, "field %s: %d", "nr_cpus", -3);
	assert_int_equal(h.nr, 1);
	assert_string_equal(h.line, "field nr_cpus: -3");
	mm_base_log(&log, "second");
	assert_int_equal(h.nr, 2);
	mm_base_log_last(&log, last, sizeof(last));
	assert_string_equal(last, "second");
}

static void nobody_listens(void **state)
{
	struct mm_log log;
	char last[MM_LOG_LINE];

	(void)state;
	mm_base_log_init(&log, NULL, NULL);
	mm_base_log(&log, "lonely");
	mm_base_log_last(&log, last, sizeof(last));
	assert_string_equal(last, "lonely");
}

static void long_lines_are_cut(void **state)
{
	struct heard h = { 0 };
	struct mm_log log;
	char text[400], last[400];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	mm_base_log_init(&log, hear, &h);
	mm_base_log(&log, "%s", text);
	assert_int_equal(strlen(h.line), MM_LOG_LINE - 1);
	mm_base_log_last(&log, last, sizeof(last));
	assert_string_equal(last, h.line);
	mm_base_log(&log, "short"); /* nothing of the long one is left */
	mm_base_log_last(&log, last, sizeof(last));
	assert_string_equal(last, "short");
}

static void small_buffers(void **state)
{
	struct mm_log log;
	char buf[5] = "####";

	(void)state;
	mm_base_log_init(&log, NULL, NULL);
	mm_base_log(&log, "abcdef");
	mm_base_log_last(&log, buf, 0);
	assert_string_equal(buf, "####");
	mm_base_log_last(&log, buf, 1);
	assert_memory_equal(buf, "\0###", 5);
	mm_base_log_last(&log, buf, 4);
	assert_string_equal(buf, "abc");
}

static bool one_letter(const char *line)
{
	return strspn(line, (const char[]){ line[0], '\0' }) == strlen(line);
}

struct writer {
	struct mm_log *log;
	char letter;
	unsigned torn;
};

static void *write_lines(void *arg)
{
	struct writer *w = arg;
	char text[200], last[MM_LOG_LINE];

	memset(text, w->letter, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 2000; i++) {
		mm_base_log(w->log, "%s", text);
		mm_base_log_last(w->log, last, sizeof(last));
		w->torn += !one_letter(last);
	}
	return NULL;
}

static void lines_stay_whole(void **state)
{
	struct writer w[THREADS];
	pthread_t thread[THREADS];
	struct mm_log log;

	(void)state;
	mm_base_log_init(&log, NULL, NULL);
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct writer){ .log = &log, .letter = (char)('a' + i) };
		assert_int_equal(pthread_create(&thread[i], NULL, write_lines, &w[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(w[i].torn, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sink_and_newest),    cmocka_unit_test(nobody_listens),
		cmocka_unit_test(long_lines_are_cut), cmocka_unit_test(small_buffers),
		cmocka_unit_test(lines_stay_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
