/* SPDX-License-Identifier: MIT */
/* timeline: marks become slices that nest, whoever runs and stops in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/timeline.h"

#include <stdlib.h>
#include <string.h>

static struct mmsim_config cfg;
static struct timeline line;
static char *text;
static size_t text_len;
static FILE *out;

static void begin(void)
{
	out = open_memstream(&text, &text_len);
	assert_non_null(out);
	mmsim_config_defaults(&cfg);
	cfg.nr_nodes = 2;
	cfg.cpu[1].node = 1;
	timeline_begin(&line, out, &cfg);
}

static void mark(uint64_t ns, unsigned cpu, uint32_t task, enum mmsim_mark_kind kind,
		 const char *name, uint64_t value)
{
	struct mmsim_mark m = { ns, cpu, task, kind, name, value };

	timeline_mark(&line, &m);
}

/* The events behind the names, one per line, shortened: kind, node.cpu, time, name, size. */
static char *events(void)
{
	static char buf[8192];
	char *save, *row;

	timeline_end(&line);
	fclose(out);
	buf[0] = '\0';
	for (row = strtok_r(text, "\n", &save); row; row = strtok_r(NULL, "\n", &save)) {
		char kind[4], rest[128] = "";
		unsigned pid, tid, us, ns;

		if (sscanf(row,
			   " {\"ph\": \"%1[BECi]\", \"pid\": %u, \"tid\": %u, \"ts\": "
			   "%u.%3u%127[^\n]",
			   kind, &pid, &tid, &us, &ns, rest) < 5)
			continue;
		snprintf(buf + strlen(buf), sizeof(buf) - strlen(buf), "%s %u.%u %u.%03u%s\n", kind,
			 pid, tid, us, ns, rest);
	}
	free(text);
	return buf;
}

static void document(void **state)
{
	(void)state;
	begin();
	timeline_end(&line);
	fclose(out);
	assert_string_equal(text, "{\n  \"displayTimeUnit\": \"ns\",\n  \"traceEvents\": [\n"
				  "    {\"ph\": \"M\", \"pid\": 0, \"tid\": 0, \"name\": "
				  "\"process_name\", \"args\": {\"name\": \"node 0\"}},\n"
				  "    {\"ph\": \"M\", \"pid\": 1, \"tid\": 0, \"name\": "
				  "\"process_name\", \"args\": {\"name\": \"node 1\"}},\n"
				  "    {\"ph\": \"M\", \"pid\": 2, \"tid\": 0, \"name\": "
				  "\"process_name\", \"args\": {\"name\": \"counters\"}},\n"
				  "    {\"ph\": \"M\", \"pid\": 0, \"tid\": 0, \"name\": "
				  "\"thread_name\", \"args\": {\"name\": \"CPU 0 (core 0)\"}},\n"
				  "    {\"ph\": \"M\", \"pid\": 0, \"tid\": 0, \"name\": "
				  "\"thread_sort_index\", \"args\": {\"sort_index\": 0}},\n"
				  "    {\"ph\": \"M\", \"pid\": 1, \"tid\": 1, \"name\": "
				  "\"thread_name\", \"args\": {\"name\": \"CPU 1 (core 1)\"}},\n"
				  "    {\"ph\": \"M\", \"pid\": 1, \"tid\": 1, \"name\": "
				  "\"thread_sort_index\", \"args\": {\"sort_index\": 1}}\n"
				  "  ]\n}\n");
	free(text);
}

static void slices_nest(void **state)
{
	(void)state;
	begin();
	mark(1001, 1, 7, MMSIM_MARK_RUN, NULL, 0);
	mark(2000, 1, 7, MMSIM_MARK_BEGIN, "work", 0);
	mark(2500, 1, 7, MMSIM_MARK_BEGIN, "chunk", 32);
	mark(1234567, 1, 7, MMSIM_MARK_END, "chunk", 0);
	mark(1234568, 1, 7, MMSIM_MARK_END, "work", 0);
	mark(1234569, 1, 7, MMSIM_MARK_STOP, NULL, 0);
	assert_string_equal(events(),
			    "B 1.1 1.001, \"name\": \"task 7\"},\n"
			    "B 1.1 2.000, \"name\": \"work\"},\n"
			    "B 1.1 2.500, \"name\": \"chunk\", \"args\": {\"size\": 32}},\n"
			    "E 1.1 1234.567},\nE 1.1 1234.568},\nE 1.1 1234.569}\n");
}

/* T1: another task runs in the middle of a chunk. */
static void a_stopped_task_takes_its_slices_along(void **state)
{
	(void)state;
	begin();
	mark(1000, 0, 1, MMSIM_MARK_RUN, NULL, 0);
	mark(2000, 0, 1, MMSIM_MARK_BEGIN, "chunk", 5);
	mark(3000, 0, 1, MMSIM_MARK_STOP, NULL, 0);
	mark(3000, 0, 2, MMSIM_MARK_RUN, NULL, 0);
	mark(4000, 0, 2, MMSIM_MARK_STOP, NULL, 0);
	mark(4000, 0, 1, MMSIM_MARK_RUN, NULL, 0);
	mark(5000, 0, 1, MMSIM_MARK_END, "chunk", 0);
	mark(6000, 0, 1, MMSIM_MARK_STOP, NULL, 0);
	assert_string_equal(events(),
			    "B 0.0 1.000, \"name\": \"task 1\"},\n"
			    "B 0.0 2.000, \"name\": \"chunk\", \"args\": {\"size\": 5}},\n"
			    "E 0.0 3.000},\nE 0.0 3.000},\n"
			    "B 0.0 3.000, \"name\": \"task 2\"},\nE 0.0 4.000},\n"
			    "B 0.0 4.000, \"name\": \"task 1\"},\n"
			    "B 0.0 4.000, \"name\": \"chunk\", \"args\": {\"size\": 5}},\n"
			    "E 0.0 5.000},\nE 0.0 6.000}\n");
}

/* The timeline was asked for in the middle, and ends in the middle. */
static void what_is_cut_off_is_still_closed(void **state)
{
	(void)state;
	begin();
	mark(500, 0, 3, MMSIM_MARK_END, "before", 0);
	mark(600, 0, 3, MMSIM_MARK_BEGIN, "work", 0);
	mark(900, 1, 4, MMSIM_MARK_STOP, NULL, 0);
	mark(1000, 1, 5, MMSIM_MARK_RUN, NULL, 0);
	assert_string_equal(events(), "B 0.0 0.600, \"name\": \"task 3\"},\n"
				      "B 0.0 0.600, \"name\": \"work\"},\n"
				      "B 1.1 1.000, \"name\": \"task 5\"},\n"
				      "E 0.0 1.000},\nE 0.0 1.000},\nE 1.1 1.000}\n");
}

static void one_task_runs_on_a_cpu(void **state)
{
	(void)state;
	begin();
	mark(1000, 0, 1, MMSIM_MARK_RUN, NULL, 0);
	mark(2000, 0, 2, MMSIM_MARK_RUN, NULL, 0);
	mark(3000, 0, 2, MMSIM_MARK_RUN, NULL, 0);
	mark(4000, 0, 1, MMSIM_MARK_STOP, NULL, 0);
	assert_string_equal(events(), "B 0.0 1.000, \"name\": \"task 1\"},\nE 0.0 2.000},\n"
				      "B 0.0 2.000, \"name\": \"task 2\"},\nE 0.0 2.000}\n");
}

/* Deeper than there is room for: left out, but counted. */
static void depth_is_bounded(void **state)
{
	unsigned begins = 0, ends = 0;

	(void)state;
	begin();
	for (unsigned i = 0; i < TIMELINE_MAX_DEPTH + 3; i++)
		mark(1000 + i, 0, 1, MMSIM_MARK_BEGIN, "deep", 0);
	for (unsigned i = 0; i < TIMELINE_MAX_DEPTH + 3; i++)
		mark(2000 + i, 0, 1, MMSIM_MARK_END, "deep", 0);
	mark(3000, 0, 1, MMSIM_MARK_STOP, NULL, 0);
	for (char *at = events(); *at; at = strchr(at, '\n') + 1) {
		begins += *at == 'B';
		ends += *at == 'E';
		assert_true(begins >= ends);
	}
	assert_int_equal(begins, TIMELINE_MAX_DEPTH + 1);
	assert_int_equal(ends, begins);
}

static void counters_tell_changes(void **state)
{
	(void)state;
	begin();
	mark(1000, 1, 1, MMSIM_MARK_COUNTER, "a", 5);
	mark(2000, 0, 1, MMSIM_MARK_COUNTER, "a", 5); /* the same */
	mark(2000, 0, 1, MMSIM_MARK_COUNTER, "b", 5); /* of another */
	mark(900, 0, 1, MMSIM_MARK_COUNTER, "a", 5); /* of before: nobody knows what was then */
	mark(3000, 0, 1, MMSIM_MARK_COUNTER, "a", 0);
	mark(2500, 0, 1, MMSIM_MARK_COUNTER, "a", 7);
	mark(4000, 0, 1, MMSIM_MARK_COUNTER, "a", 7);
	assert_string_equal(events(), "C 2.0 1.000, \"name\": \"a\", \"args\": {\"value\": 5}},\n"
				      "C 2.0 2.000, \"name\": \"b\", \"args\": {\"value\": 5}},\n"
				      "C 2.0 0.900, \"name\": \"a\", \"args\": {\"value\": 5}},\n"
				      "C 2.0 3.000, \"name\": \"a\", \"args\": {\"value\": 0}},\n"
				      "C 2.0 2.500, \"name\": \"a\", \"args\": {\"value\": 7}},\n"
				      "C 2.0 4.000, \"name\": \"a\", \"args\": {\"value\": 7}}\n");
}

static void instants(void **state)
{
	(void)state;
	begin();
	timeline_instant(&line, 42, "here");
	assert_string_equal(events(), "i 0.0 0.042, \"s\": \"g\", \"name\": \"here\"}\n");
}

/* Thousands of tasks come and go; kept are those that run. */
static void tasks_are_forgotten(void **state)
{
	(void)state;
	begin();
	for (uint32_t task = 1; task <= 5000; task++) {
		mark(task, 0, task, MMSIM_MARK_RUN, NULL, 0);
		mark(task, 0, task, MMSIM_MARK_STOP, NULL, 0);
	}
	assert_int_equal(line.nr, 0);
	timeline_end(&line);
	fclose(out);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(document),
		cmocka_unit_test(slices_nest),
		cmocka_unit_test(a_stopped_task_takes_its_slices_along),
		cmocka_unit_test(what_is_cut_off_is_still_closed),
		cmocka_unit_test(one_task_runs_on_a_cpu),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(counters_tell_changes),
		cmocka_unit_test(instants),
		cmocka_unit_test(tasks_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
