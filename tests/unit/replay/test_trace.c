/* SPDX-License-Identifier: MIT */
/*
 * Traces: the same events from every tool's text, what is refused and how, and what is counted.
 */
#include "events.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))

#define ALLOC "mm_page_alloc: pfn=0x10 order=0 migratetype=0 gfp_flags=GFP_KERNEL"

/* 32768 pages, 2 CPUs, no CMA. */
static const struct mmsim_snapshot machine = { .nr_cpus = 2, .max_pfn = 0x8000 };

/* What every file of tests/data/traces says, but for the lines. */
static const struct mmsim_trace_event expected[] = {
	{ .ns = 5000001000,
	  .cpu = 0,
	  .kind = MMSIM_TRACE_ALLOC,
	  .pfn = 0x1200,
	  .migratetype = MMSIM_MIGRATE_MOVABLE,
	  .gfp = MMSIM_GFP_HIGHUSER_MOVABLE | MMSIM___GFP_ZERO },
	{ .ns = 5000002000, .cpu = 1, .kind = MMSIM_TRACE_ZONE_LOCKED, .pfn = 0x1300, .flag = 1 },
	{ .ns = 5000003000,
	  .cpu = 0,
	  .kind = MMSIM_TRACE_ALLOC,
	  .order = 9,
	  .migratetype = MMSIM_MIGRATE_RECLAIMABLE,
	  .gfp = MMSIM_GFP_NOWAIT | MMSIM___GFP_RECLAIMABLE },
	{ .ns = 5000004000, .cpu = 0, .kind = MMSIM_TRACE_FREE, .pfn = 0x1200, .flag = 1 },
	{ .ns = 5000005000, .cpu = 0, .kind = MMSIM_TRACE_FREE_BATCHED, .pfn = 0x1200 },
	{ .ns = 5000006000, .cpu = 1, .kind = MMSIM_TRACE_DRAIN, .pfn = 0x1300 },
	{ .ns = 5000007000,
	  .cpu = 1,
	  .kind = MMSIM_TRACE_EXTFRAG,
	  .pfn = 0x1400,
	  .order = 1,
	  .fallback_order = 9,
	  .fallback_migratetype = MMSIM_MIGRATE_MOVABLE,
	  .flag = 1 },
	{ .ns = 5000008000, .cpu = 1, .kind = MMSIM_TRACE_FREE, .pfn = 0x1208, .order = 3 },
};

static int read_text(const char *text, const struct mmsim_snapshot *snap,
		     struct mmsim_trace **trace, struct mmsim_replay_error *err)
{
	struct mm_reader reader;
	int ret;

	assert_int_equal(mm_replay_reader_open_mem(&reader, text, strlen(text), "text", err), 0);
	ret = mm_replay_trace_read_text(&reader, snap, trace);
	mm_replay_reader_close(&reader);
	return ret;
}

static struct mmsim_trace *must_read(const char *text, const struct mmsim_snapshot *snap)
{
	struct mmsim_replay_error err = { "" };
	struct mmsim_trace *trace;

	if (read_text(text, snap, &trace, &err))
		fail_msg("%s", err.text);
	return trace;
}

static void assert_same_event(const char *name, size_t i, struct mmsim_trace_event ev)
{
	const struct mmsim_trace_event *want = &expected[i];

	if (!ev.line)
		fail_msg("%s: event %zu has no line", name, i);
	if (ev.ns != want->ns || ev.pfn != want->pfn || ev.gfp != want->gfp ||
	    ev.cpu != want->cpu || ev.kind != want->kind || ev.order != want->order ||
	    ev.migratetype != want->migratetype || ev.fallback_order != want->fallback_order ||
	    ev.fallback_migratetype != want->fallback_migratetype || ev.flag != want->flag)
		fail_msg("%s: event %zu is another one: line %u, kind %u, pfn 0x%x, gfp 0x%x", name,
			 i, ev.line, ev.kind, ev.pfn, ev.gfp);
}

static void reads_every_dialect(void **state)
{
	static const struct {
		const char *file;
		uint64_t other, lost;
		uint32_t third; /* line of the third event */
	} files[] = {
		{ "recording.txt", 0, 0, 3 },       { "trace-cmd.txt", 4, 12, 5 },
		{ "trace-cmd-flags.txt", 1, 0, 4 }, { "perf.txt", 9, 12, 11 },
		{ "tracefs.txt", 14, 12, 15 },      { "old-kernel.txt", 2, 12, 4 },
	};

	(void)state;
	for (size_t f = 0; f < NR(files); f++) {
		struct mmsim_replay_error err = { "" };
		struct mmsim_trace *trace;
		char path[512];

		snprintf(path, sizeof(path), "%s/traces/%s", MMSIM_TEST_DATA, files[f].file);
		if (mm_replay_trace_load(path, &machine, &trace, &err))
			fail_msg("%s", err.text);
		assert_int_equal(trace->format, MMSIM_TRACE_TEXT);
		assert_int_equal(trace->nr, NR(expected));
		for (size_t i = 0; i < trace->nr; i++)
			assert_same_event(files[f].file, i, trace->events[i]);
		assert_int_equal(trace->nr_cpus, 2);
		assert_int_equal(trace->other_lines, files[f].other);
		assert_int_equal(trace->lines, trace->nr + trace->other_lines);
		assert_int_equal(trace->lost, files[f].lost);
		assert_int_equal(trace->events[2].line, files[f].third);
		assert_int_equal(trace->backwards + trace->unpaired_batched + trace->unknown_gfp,
				 0);
		mm_replay_trace_free(trace);
	}
}

static void says_what_is_wrong_with_a_line(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{ ALLOC, "time: missing" },
		{ "[000] " ALLOC, "time: missing" },
		{ "[000] : " ALLOC, "time: not seconds with 3 to 9 decimals" },
		{ "[000] 1.25: " ALLOC, "time: not seconds" },
		{ "[000] 1.2500000000: " ALLOC, "time: not seconds" },
		{ "[000] 125: " ALLOC, "time: not seconds" },
		{ "[000] -1.250: " ALLOC, "time: not seconds" },
		{ "[000] 1.25x: " ALLOC, "time: not seconds" },
		{ "[000] 99999999999.250: " ALLOC, "time: not seconds" },
		{ "[000] 99999999999999999999.250: " ALLOC, "time: not seconds" },
		{ "1.250: " ALLOC, "cpu: missing" },
		{ "task[0] 1000 1.250: " ALLOC, "cpu: missing" },
		{ "task 1d..1 1.250: " ALLOC, "cpu: missing" },
		{ "[] 1.250: " ALLOC, "cpu: not a number in brackets" },
		{ "[0x1] 1.250: " ALLOC, "cpu: not a number in brackets" },
		{ "1] 1.250: " ALLOC, "cpu: not a number in brackets" },
		{ "[002] 1.250: " ALLOC, "cpu: 2, but there are only 2" },
		{ "[99999999999999999999] 1.250: " ALLOC, "cpu: not a number in brackets" },
		{ "[000] 1.250: mm_page_free:", "pfn: missing" },
		{ "[000] 1.250: mm_page_free: pfn=0x10", "order: missing" },
		{ "[000] 1.250: mm_page_free: pfn=0x10 order", "order: missing" },
		{ "[000] 1.250: mm_page_free: pfn=0x10 order=", "order: not a number" },
		{ "[000] 1.250: mm_page_free: pfn=0x10 order=1x", "order: not a number" },
		{ "[000] 1.250: mm_page_free: pfn=0x10 order=11", "order: 11 is not 0 to 10" },
		{ "[000] 1.250: mm_page_free: pfn=0x10 order=-1", "order: -1 is not 0 to 10" },
		{ "[000] 1.250: mm_page_free: pfn= order=0", "pfn: not a number" },
		{ "[000] 1.250: mm_page_free: pfn=0x order=0", "pfn: not a number" },
		{ "[000] 1.250: mm_page_free: pfn=c0ffee order=0", "pfn: not a number" },
		{ "[000] 1.250: mm_page_free: pfn=0x11112222333344445 order=0",
		  "pfn: not a number" },
		{ "[000] 1.250: mm_page_free: pfn=0x8000 order=0",
		  "pfn: 0x8000 of order 0 is beyond the last page, 0x7fff" },
		{ "[000] 1.250: mm_page_free: pfn=0x7ffe order=2", "pfn: 0x7ffe of order 2" },
		{ "[000] 1.250: mm_page_free: pfn=0xffffffffffffffff order=0", "pfn: 0xffff" },
		{ "[000] 1.250: mm_page_alloc: pfn=0x10 order=0 migratetype=0",
		  "gfp_flags: missing" },
		{ "[000] 1.250: mm_page_alloc: pfn=0x10 order=0 migratetype=0 gfp_flags=",
		  "gfp_flags: not a list of flags" },
		{ "[000] 1.250: mm_page_alloc: pfn=0x10 order=0 migratetype=0 gfp_flags=A||B",
		  "gfp_flags: not a list of flags" },
		{ "[000] 1.250: mm_page_alloc: pfn=0x10 order=0 migratetype=5 gfp_flags=GFP_NOFS",
		  "migratetype: 5, but this kernel has only 5" },
		{ "[000] 1.250: mm_page_pcpu_drain: pfn=0x10 order=0", "migratetype: missing" },
		{ "[000] 1.250: mm_page_pcpu_drain: pfn=0x10 order=0 migratetype=-1",
		  "migratetype: -1, but" },
		{ "[000] 1.250: mm_page_alloc_zone_locked: pfn=0x10 order=0 migratetype=0",
		  "percpu_refill: missing" },
		{ "[000] 1.250: mm_page_alloc_extfrag: pfn=0x10 alloc_order=11 fallback_order=0 "
		  "alloc_migratetype=0 fallback_migratetype=0 change_ownership=0",
		  "alloc_order: 11" },
		{ "[000] 1.250: mm_page_alloc_extfrag: pfn=0x10 alloc_order=0 fallback_order=11 "
		  "alloc_migratetype=0 fallback_migratetype=0 change_ownership=0",
		  "fallback_order: 11" },
		{ "[000] 1.250: mm_page_alloc_extfrag: pfn=0x10 alloc_order=0 fallback_order=0 "
		  "alloc_migratetype=9 fallback_migratetype=0 change_ownership=0",
		  "alloc_migratetype: 9" },
		{ "[000] 1.250: mm_page_alloc_extfrag: pfn=0x10 alloc_order=0 fallback_order=0 "
		  "alloc_migratetype=0 fallback_migratetype=9 change_ownership=0",
		  "fallback_migratetype: 9" },
		{ "[000] 1.250: mm_page_alloc_extfrag: pfn=0x7fff alloc_order=0 fallback_order=1 "
		  "alloc_migratetype=0 fallback_migratetype=0 change_ownership=0",
		  "pfn: 0x7fff of order 1" },
		{ "[000] 1.250: mm_page_alloc_extfrag: pfn=0x10 alloc_order=0 fallback_order=0 "
		  "alloc_migratetype=0 fallback_migratetype=0",
		  "change_ownership: missing" },
	};

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		struct mmsim_trace *trace = (void *)&machine;
		struct mmsim_replay_error err = { "" };
		char text[512], want[256];
		int ret;

		snprintf(text, sizeof(text), "[000] 1.000: " ALLOC "\n\n%s\n", bad[i].line);
		snprintf(want, sizeof(want), "text:3: %s", bad[i].why);
		ret = read_text(text, &machine, &trace, &err);
		if (ret != -EINVAL || trace || strncmp(err.text, want, strlen(want)))
			fail_msg("\"%s\": %d, \"%s\", not \"%s\"", bad[i].line, ret, err.text,
				 want);
	}
}

static void counts_lines_that_are_no_events(void **state)
{
	static const char text[] =
		"\n"
		"# [000] 1.250: some words on mm_page_free: pfn\n"
		"  # mm_page_free: frees\n"
		"[000] 1.250: sched_switch: prev_comm=mm_page_free: next_comm=mm_page_alloc:\n"
		"[000] 1.250: mm_page_freed: pfn=zero\n"
		"[000] 1.250: mm_page_alloc_extfragment_index: pfn=zero\n"
		"[000] 1.250: xmm_page_free: pfn=zero\n"
		"mm_page_free:-1011 [000] ..... 1.250: sched_wakeup: comm=task\n"
		"mm_page_\n"
		"mm_page_free";
	struct mmsim_trace *trace;

	(void)state;
	trace = must_read(text, &machine);
	assert_int_equal(trace->nr, 0);
	assert_int_equal(trace->nr_cpus, 0);
	assert_int_equal(trace->lines, 10);
	assert_int_equal(trace->other_lines, 10);
	assert_int_equal(trace->lost, 0);
	mm_replay_trace_free(trace);
}

static void adds_up_what_was_lost(void **state)
{
	static const struct {
		const char *line;
		uint64_t lost;
	} lines[] = {
		{ "CPU:3 [LOST 123 EVENTS]", 123 },
		{ "CPU:3 [LOST EVENTS]", 1 },
		{ "CPU:12 [7 EVENTS DROPPED]", 7 },
		{ "CPU:0 [EVENTS DROPPED]", 1 },
		{ "  task 1 [001] 1.5: PERF_RECORD_LOST lost 9", 9 },
		{ "LOST 5 events!", 5 },
		{ "# entries-in-buffer/entries-written: 100/223   #P:2", 123 },
		{ "# entries-in-buffer/entries-written: 223/223   #P:2", 0 },
		{ "# entries-in-buffer/entries-written: 223/100   #P:2", 0 },
		{ "CPU 3 is empty", 0 },
		{ "CPU:x [LOST 3 EVENTS]", 0 },
		{ "CPU:1 buffer started", 0 },
		{ "task LOST 5 events", 0 },
	};
	struct mmsim_trace *trace;

	(void)state;
	for (size_t i = 0; i < NR(lines); i++) {
		trace = must_read(lines[i].line, NULL);
		if (trace->lost != lines[i].lost)
			fail_msg("\"%s\": %llu lost", lines[i].line,
				 (unsigned long long)trace->lost);
		mm_replay_trace_free(trace);
	}
	trace = must_read("CPU:1 [LOST 18446744073709551615 EVENTS]\nCPU:1 [LOST 2 EVENTS]\n",
			  NULL);
	assert_true(trace->lost == UINT64_MAX);
	mm_replay_trace_free(trace);
}

static void anything_fits_without_a_snapshot(void **state)
{
	static const char text[] =
		"[65535] 1.250: mm_page_free: pfn=0xffffffff order=0\r\n"
		"[000] 1.25000: mm_page_pcpu_drain: migratetype=4\torder=0 \t new=1 pfn=0x10\r\n"
		"[000] 18446744072.999: mm_page_pcpu_drain: pfn=0x10 order=0 migratetype=5 \r\n"
		"[000] 1.249999999: mm_page_alloc: pfn=18446744073709551615 order=0 "
		"migratetype=-1 gfp_flags=__GFP_MOVABLE|__GFP_LATER|0x100";
	struct mmsim_trace *trace;

	(void)state;
	trace = must_read(text, NULL);
	assert_int_equal(trace->nr, 4);
	assert_int_equal(trace->nr_cpus, 65536);
	assert_int_equal(trace->events[0].ns, 1250000000);
	assert_true(trace->events[0].pfn == 0xffffffff);
	assert_int_equal(trace->events[1].pfn, 0x10);
	assert_int_equal(trace->events[1].migratetype, MMSIM_MIGRATE_CMA);
	assert_true(trace->events[2].ns == UINT64_C(18446744072999000000));
	assert_int_equal(trace->events[2].migratetype, MMSIM_MIGRATE_ISOLATE);
	assert_int_equal(trace->events[3].pfn, 0);
	assert_int_equal(trace->events[3].migratetype, MMSIM_MIGRATE_MOVABLE);
	assert_int_equal(trace->events[3].gfp, MMSIM___GFP_MOVABLE | 0x100);
	assert_int_equal(trace->unknown_gfp, 1);
	assert_int_equal(trace->backwards, 1);
	mm_replay_trace_free(trace);
}

static uint8_t drained_type(const struct mmsim_snapshot *snap, const char *number)
{
	struct mmsim_trace *trace;
	uint8_t migratetype;
	char text[128];

	snprintf(text, sizeof(text),
		 "[000] 1.250: mm_page_pcpu_drain: pfn=0x10 order=0 migratetype=%s\n", number);
	trace = must_read(text, snap);
	migratetype = trace->events[0].migratetype;
	mm_replay_trace_free(trace);
	return migratetype;
}

static void migratetypes_are_those_of_the_kernel(void **state)
{
	struct mmsim_snapshot cma = machine;

	(void)state;
	cma.flags = MMSIM_SNAP_CMA;
	assert_int_equal(drained_type(&machine, "3"), MMSIM_MIGRATE_HIGHATOMIC);
	assert_int_equal(drained_type(&machine, "4"), MMSIM_MIGRATE_ISOLATE);
	assert_int_equal(drained_type(&cma, "4"), MMSIM_MIGRATE_CMA);
	assert_int_equal(drained_type(&cma, "5"), MMSIM_MIGRATE_ISOLATE);
}

static void pairs_a_free_with_its_batch(void **state)
{
	static const struct {
		const char *text;
		const char *flags; /* of each event */
		unsigned unpaired;
	} traces[] = {
		{ "0f1 0b1", "10", 0 },
		{ "0f1 0f2 0b2 0b1", "1100", 0 },
		{ "0f1", "0", 0 },
		{ "0b1", "0", 1 },
		{ "0f1 1b1", "00", 1 },
		{ "0f1 1f2 0b1 1b2", "1100", 0 },
		{ "0f1 0b1 0b1", "100", 1 },
		{ "0f1 0f1 0b1", "010", 0 },
		{ "0f1 0d1 0b1", "000", 1 },
		{ "0f1 0d2 0b1", "100", 0 },
		{ "0f1 0b1 0f1 0b1 0f1", "10100", 0 },
		/* Neighbours in one bucket. */
		{ "0f1 0f3 0f5 0b1 0b5 0b3", "111000", 0 },
	};

	(void)state;
	for (size_t t = 0; t < NR(traces); t++) {
		const char *at = traces[t].text;
		struct mmsim_trace *trace;
		char text[1024] = "";
		size_t used = 0;

		for (; *at; at += at[3] ? 4 : 3)
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "[%c] 1.250: mm_page_%s: pfn=%c order=0%s\n",
						 at[0],
						 at[1] == 'f'   ? "free"
						 : at[1] == 'b' ? "free_batched"
								: "pcpu_drain",
						 at[2], at[1] == 'd' ? " migratetype=0" : "");
		trace = must_read(text, &machine);
		assert_int_equal(trace->nr, strlen(traces[t].flags));
		for (size_t i = 0; i < trace->nr; i++)
			if (trace->events[i].flag != traces[t].flags[i] - '0')
				fail_msg("\"%s\": event %zu", traces[t].text, i);
		assert_int_equal(trace->unpaired_batched, traces[t].unpaired);
		mm_replay_trace_free(trace);
	}
}

static void refuses_what_is_no_file(void **state)
{
	struct mmsim_replay_error err = { "" };
	struct mmsim_trace *trace = (void *)&machine;

	(void)state;
	assert_int_equal(mm_replay_trace_load("/no/such/trace", NULL, &trace, &err), -ENOENT);
	assert_null(trace);
	assert_non_null(strstr(err.text, "/no/such/trace"));
	mm_replay_trace_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_dialect),
		cmocka_unit_test(says_what_is_wrong_with_a_line),
		cmocka_unit_test(counts_lines_that_are_no_events),
		cmocka_unit_test(adds_up_what_was_lost),
		cmocka_unit_test(anything_fits_without_a_snapshot),
		cmocka_unit_test(migratetypes_are_those_of_the_kernel),
		cmocka_unit_test(pairs_a_free_with_its_batch),
		cmocka_unit_test(refuses_what_is_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
