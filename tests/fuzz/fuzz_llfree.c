/* SPDX-License-Identifier: MIT */
/*
 * Binary traces: what is accepted must fit the machine and be in order of time, what is refused must
 * say why. The input stands for the file but for the zeroes that fill its last page.
 */
#include "events.h"
#include "llfree.h"
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_trace(const struct mmsim_trace *trace, const struct mmsim_snapshot *snap)
{
	require(trace->lines == trace->nr);
	for (size_t i = 0; i < trace->nr; i++) {
		const struct mmsim_trace_event *ev = &trace->events[i];

		require(ev->kind == MMSIM_TRACE_ALLOC || ev->kind == MMSIM_TRACE_FREE);
		require(ev->pfn || ev->kind == MMSIM_TRACE_ALLOC);
		require(ev->order <= MMSIM_MAX_PAGE_ORDER && ev->cpu < snap->nr_cpus);
		require(!ev->pfn || ev->pfn + (1u << ev->order) <= snap->max_pfn);
		require(!i || ev[-1].ns < ev->ns ||
			(ev[-1].ns == ev->ns && ev[-1].line < ev->line));
	}
}

static void read_trace(const uint8_t *data, size_t size)
{
	static const struct mmsim_snapshot snap = { .nr_cpus = 64, .max_pfn = 0x800000 };
	struct mmsim_replay_error err = { "" };
	struct mm_reader reader;
	struct mmsim_trace *trace = NULL;
	int ret = mm_replay_reader_open_mem(&reader, data, size, "input", &err);

	if (!ret) {
		ret = mm_replay_llfree_read(&reader, &snap, &trace);
		mm_replay_reader_close(&reader);
	}
	require((ret == 0) == (trace != NULL) && (ret == 0) == !err.text[0]);
	if (trace)
		check_trace(trace, &snap);
	mm_replay_trace_free(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole = (size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	uint8_t *padded = calloc(1, whole + 1);

	require(padded != NULL);
	if (size)
		memcpy(padded, data, size);
	read_trace(padded, size);
	read_trace(padded, whole);
	free(padded);
	return 0;
}
