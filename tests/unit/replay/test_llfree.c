/* SPDX-License-Identifier: MIT */
/*
 * Binary traces, of bytes made here: fields, padding, order in time, and what is refused.
 */
#include "events.h"
#include "llfree.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE_BYTES 4096
#define NR_PAGES 3

struct file {
	uint8_t page[NR_PAGES][PAGE_BYTES];
};

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* Entry nr, from 1, of a page. */
static void put_entry(uint8_t *page, unsigned nr, uint64_t us, uint64_t pfn, bool alloc,
		      uint64_t order, uint64_t gfp)
{
	const uint64_t pid = 0xffffffff; /* nobody looks at it */

	put(page + 16 * nr, us | pfn << 38 | (uint64_t)alloc << 62 | order << 63, 8);
	put(page + 16 * nr + 8, order >> 1 | gfp << 3 | pid << 32, 8);
}

/* Two CPUs, last pfn 0xfff; a few entries. */
static void make_file(struct file *file)
{
	memset(file, 0, sizeof(*file));
	put(file->page[0], NR_PAGES - 1, 4);
	put(file->page[0] + 4, 2, 4);
	put(file->page[0] + 8, 0xfff, 4);

	put(file->page[1], 1, 4);
	put_entry(file->page[1], 1, 30, 0x123, false, 0, 0);
	put_entry(file->page[1], 3, 40, 0x800, true, 10, MMSIM_GFP_HIGHUSER_MOVABLE);

	put(file->page[2], 0, 4);
	put_entry(file->page[2], 1, (UINT64_C(1) << 38) - 1, 0xfff, true, 0,
		  MMSIM_GFP_NOFS | MMSIM___GFP_RECLAIMABLE);
	put_entry(file->page[2], 2, 30, 0x456, true, 1, 0x1fffffff);
	put_entry(file->page[2], 3, 10, 0x8, false, 3, 0x1fffffff);
	put_entry(file->page[2], 255, 30, 0, true, 9, 0);
}

static int read_bytes(const struct file *file, size_t len, const struct mmsim_snapshot *snap,
		      struct mmsim_trace **trace, struct mmsim_replay_error *err)
{
	struct mm_reader reader;
	int ret;

	assert_int_equal(mm_replay_reader_open_mem(&reader, file, len, "bytes", err), 0);
	ret = mm_replay_llfree_read(&reader, snap, trace);
	mm_replay_reader_close(&reader);
	return ret;
}

static void assert_event(const struct mmsim_trace *trace, size_t i, struct mmsim_trace_event want)
{
	const struct mmsim_trace_event *ev = &trace->events[i];

	if (ev->ns != want.ns || ev->pfn != want.pfn || ev->line != want.line ||
	    ev->gfp != want.gfp || ev->cpu != want.cpu || ev->kind != want.kind ||
	    ev->order != want.order || ev->migratetype != want.migratetype || ev->flag)
		fail_msg("event %zu: %llu ns, pfn 0x%x, record %u, gfp 0x%x, order %u", i,
			 (unsigned long long)ev->ns, ev->pfn, ev->line, ev->gfp, ev->order);
}

static void assert_all_events(const struct mmsim_trace *trace)
{
	assert_int_equal(trace->format, MMSIM_TRACE_LLFREE);
	assert_int_equal(trace->nr, 6);
	assert_int_equal(trace->lines, 6);
	assert_int_equal(trace->nr_cpus, 2);
	assert_int_equal(trace->backwards + trace->unpaired_batched + trace->other_lines, 0);
	assert_event(
		trace, 0,
		(struct mmsim_trace_event){
			.ns = 10000, .pfn = 8, .line = 5, .kind = MMSIM_TRACE_FREE, .order = 3 });
	assert_event(
		trace, 1,
		(struct mmsim_trace_event){
			.ns = 30000, .pfn = 0x123, .line = 1, .cpu = 1, .kind = MMSIM_TRACE_FREE });
	assert_event(trace, 2,
		     (struct mmsim_trace_event){ .ns = 30000,
						 .pfn = 0x456,
						 .line = 4,
						 .kind = MMSIM_TRACE_ALLOC,
						 .order = 1,
						 .gfp = 0x1fffffff });
	assert_event(trace, 3,
		     (struct mmsim_trace_event){
			     .ns = 30000, .line = 6, .kind = MMSIM_TRACE_ALLOC, .order = 9 });
	assert_event(trace, 4,
		     (struct mmsim_trace_event){ .ns = 40000,
						 .pfn = 0x800,
						 .line = 2,
						 .cpu = 1,
						 .kind = MMSIM_TRACE_ALLOC,
						 .order = 10,
						 .gfp = MMSIM_GFP_HIGHUSER_MOVABLE,
						 .migratetype = MMSIM_MIGRATE_MOVABLE });
	assert_event(trace, 5,
		     (struct mmsim_trace_event){ .ns = ((UINT64_C(1) << 38) - 1) * 1000,
						 .pfn = 0xfff,
						 .line = 3,
						 .kind = MMSIM_TRACE_ALLOC,
						 .gfp = MMSIM_GFP_NOFS | MMSIM___GFP_RECLAIMABLE,
						 .migratetype = MMSIM_MIGRATE_RECLAIMABLE });
}

static void reads_entries_in_order_of_time(void **state)
{
	struct mmsim_replay_error err = { "" };
	struct mmsim_trace *trace;
	struct file file;

	(void)state;
	make_file(&file);
	assert_int_equal(read_bytes(&file, sizeof(file), NULL, &trace, &err), 0);
	assert_all_events(trace);
	mm_replay_trace_free(trace);
	assert_int_equal(read_bytes(&file, PAGE_BYTES, NULL, &trace, &err), 0);
	assert_int_equal(trace->nr, 0);
	mm_replay_trace_free(trace);
}

static void reads_the_widest_pfn(void **state)
{
	struct mmsim_replay_error err = { "" };
	struct mmsim_trace *trace;
	struct file file;

	(void)state;
	make_file(&file);
	put(file.page[0] + 8, 0xffffff, 4);
	put_entry(file.page[2], 4, 0, 0xffffff, true, 0, 0);
	assert_int_equal(read_bytes(&file, sizeof(file), NULL, &trace, &err), 0);
	assert_int_equal(trace->events[0].pfn, 0xffffff);
	assert_int_equal(trace->events[0].ns, 0);
	mm_replay_trace_free(trace);
}

static void is_told_from_text_by_its_beginning(void **state)
{
	char path[] = "/tmp/mmsim-llfree-XXXXXX";
	struct mmsim_replay_error err = { "" };
	struct mmsim_trace *trace;
	int fd = mkstemp(path);
	struct file file;

	(void)state;
	make_file(&file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, &file, sizeof(file)), sizeof(file));
	assert_int_equal(mm_replay_trace_load(path, NULL, &trace, &err), 0);
	assert_all_events(trace);
	mm_replay_trace_free(trace);
	assert_int_equal(ftruncate(fd, 7), 0);
	assert_int_equal(mm_replay_trace_load(path, NULL, &trace, &err), 0);
	assert_int_equal(trace->format, MMSIM_TRACE_TEXT);
	mm_replay_trace_free(trace);
	close(fd);
	unlink(path);
}

static void assert_refused(const struct file *file, size_t len, const struct mmsim_snapshot *snap,
			   const char *why)
{
	struct mmsim_trace *trace = (void *)&trace;
	struct mmsim_replay_error err = { "" };
	int ret = read_bytes(file, len, snap, &trace, &err);

	if (ret != -EINVAL || trace || strcmp(err.text, why))
		fail_msg("%d, \"%s\", not \"%s\"", ret, err.text, why);
}

static void refuses_what_cannot_be(void **state)
{
	struct file file;

	(void)state;
	make_file(&file);
	assert_refused(&file, 0, NULL, "bytes: header: no cores");
	assert_refused(&file, 12, NULL, "bytes: page 0: ends after 12 bytes");
	assert_refused(&file, sizeof(file) - 1, NULL, "bytes: page 2: ends after 4095 bytes");
	put(file.page[0] + 4, 0, 4);
	assert_refused(&file, sizeof(file), NULL, "bytes: header: no cores");
	put(file.page[0] + 4, 1, 4);
	assert_refused(&file, sizeof(file), NULL,
		       "bytes: page 1, entry 0: cpu: 1, but there are only 1");
	make_file(&file);
	put_entry(file.page[1], 3, 40, 0x800, true, 11, 0);
	assert_refused(&file, sizeof(file), NULL,
		       "bytes: page 1, entry 3: order: 11 is not 0 to 10");
	make_file(&file);
	put_entry(file.page[2], 9, 40, 0x1000, true, 0, 0);
	assert_refused(&file, sizeof(file), NULL,
		       "bytes: page 2, entry 9: pfn: 0x1000 of order 0 is beyond the last page, "
		       "0xfff");
	make_file(&file);
	put_entry(file.page[2], 9, 0, 0, false, 0, 0);
	assert_refused(&file, sizeof(file), NULL,
		       "bytes: page 2, entry 9: pfn: 0 is nothing to free");
}

static void must_fit_the_snapshot(void **state)
{
	struct mmsim_snapshot snap = { .nr_cpus = 1, .max_pfn = 0x1000 };
	struct file file;

	(void)state;
	make_file(&file);
	assert_refused(&file, sizeof(file), &snap,
		       "bytes: page 1, entry 0: cpu: 1, but there are only 1");
	snap.nr_cpus = 2;
	snap.max_pfn = 0xbff;
	assert_refused(&file, sizeof(file), &snap,
		       "bytes: page 1, entry 3: pfn: 0x800 of order 10 is beyond the last page, "
		       "0xbfe");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_entries_in_order_of_time),
		cmocka_unit_test(reads_the_widest_pfn),
		cmocka_unit_test(is_told_from_text_by_its_beginning),
		cmocka_unit_test(refuses_what_cannot_be),
		cmocka_unit_test(must_fit_the_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
