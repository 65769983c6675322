/* SPDX-License-Identifier: MIT */
/*
 * Traces as text: what is accepted must fit the machine and add up, what is refused must say why, in
 * one line. Twice: for a small machine, and for any.
 */
#include "events.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_event(const struct mmsim_trace_event *ev, const struct mmsim_trace *trace,
			const struct mmsim_snapshot *snap)
{
	require(ev->kind < MMSIM_NR_TRACE_KINDS && ev->flag <= 1);
	require(ev->order <= MMSIM_MAX_PAGE_ORDER && ev->fallback_order <= MMSIM_MAX_PAGE_ORDER);
	require(ev->migratetype < MMSIM_NR_MIGRATETYPES);
	require(ev->fallback_migratetype < MMSIM_NR_MIGRATETYPES);
	require(ev->cpu < trace->nr_cpus && ev->line <= trace->lines);
	if (snap)
		require(ev->pfn < snap->max_pfn && ev->cpu < snap->nr_cpus);
}

static void check_trace(const struct mmsim_trace *trace, const struct mmsim_snapshot *snap)
{
	uint64_t kinds[MMSIM_NR_TRACE_KINDS] = { 0 }, pairs = 0;

	for (size_t i = 0; i < trace->nr; i++) {
		const struct mmsim_trace_event *ev = &trace->events[i];

		check_event(ev, trace, snap);
		kinds[ev->kind]++;
		pairs += ev->kind == MMSIM_TRACE_FREE && ev->flag;
	}
	require(trace->lines == trace->nr + trace->other_lines);
	require(kinds[MMSIM_TRACE_FREE_BATCHED] == pairs + trace->unpaired_batched);
}

static void read_trace(const uint8_t *data, size_t size, const struct mmsim_snapshot *snap)
{
	struct mmsim_replay_error err = { "" };
	struct mm_reader reader;
	struct mmsim_trace *trace = NULL;
	int ret = mm_replay_reader_open_mem(&reader, data, size, "input", &err);

	if (!ret) {
		ret = mm_replay_trace_read_text(&reader, snap, &trace);
		mm_replay_reader_close(&reader);
	}
	require((ret == 0) == (trace != NULL) && (ret == 0) == !err.text[0]);
	require(!strchr(err.text, '\n'));
	if (trace)
		check_trace(trace, snap);
	mm_replay_trace_free(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mmsim_snapshot small = { .nr_cpus = 2, .max_pfn = 0x8000 };

	read_trace(data, size, &small);
	read_trace(data, size, NULL);
	return 0;
}
