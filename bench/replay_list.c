/* SPDX-License-Identifier: MIT */
/* The mismatches of replays, one by one. */
#include "replay_list.h"

#include "harness/util.h"

#include <inttypes.h>
#include <mmsim/trace.h>
#include <stdlib.h>
#include <string.h>

#define HEADING "line seconds cpu event pfn order migratetype mismatch simulated"

static const uint32_t event_ids[MMSIM_NR_TRACE_KINDS] = {
	[MMSIM_TRACE_ALLOC] = MMSIM_EV_MM_PAGE_ALLOC,
	[MMSIM_TRACE_FREE] = MMSIM_EV_MM_PAGE_FREE,
	[MMSIM_TRACE_FREE_BATCHED] = MMSIM_EV_MM_PAGE_FREE_BATCHED,
	[MMSIM_TRACE_ZONE_LOCKED] = MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED,
	[MMSIM_TRACE_DRAIN] = MMSIM_EV_MM_PAGE_PCPU_DRAIN,
	[MMSIM_TRACE_EXTFRAG] = MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG,
};

static void print_line(unsigned kind, const struct mmsim_trace_event *e, uint64_t own, FILE *out)
{
	fprintf(out, "%u %" PRIu64 ".%09" PRIu64 " %03u %s 0x%" PRIx32 " %u %u %s ", e->line,
		e->ns / UINT64_C(1000000000), e->ns % UINT64_C(1000000000), e->cpu,
		mmsim_event_name(event_ids[e->kind]), e->pfn, e->order, e->migratetype,
		mmsim_mismatch_name(kind));
	if (own)
		fprintf(out, "0x%" PRIx64 "\n", own);
	else
		fputs("-\n", out);
}

/* Only now, when the recording has been read: what is wrong with that leaves a file alone. */
static int open_file(struct replay_list *list)
{
	if (list->path && !list->file) {
		list->file = fopen(list->path, "we");
		if (!list->file)
			return -1;
		fputs("recording " HEADING "\n", list->file);
	}
	return 0;
}

int replay_list_begin(struct replay_list *list, unsigned recording, const char *name)
{
	list->recording = recording;
	list->name = name;
	list->kept = 0;
	return open_file(list);
}

void replay_list_add(void *ctx, unsigned kind, const struct mmsim_trace_event *event, uint64_t own)
{
	struct replay_list *list = ctx;

	if (list->file) {
		fprintf(list->file, "%s ", list->name);
		print_line(kind, event, own, list->file);
	}
	if (list->kept == list->most)
		return;
	if (list->nr == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->lines = bench_realloc(list->lines, list->room, sizeof(*list->lines));
	}
	list->lines[list->nr++] = (struct replay_line){ list->recording, kind, *event, own };
	list->kept++;
}

void replay_list_print(const struct replay_list *list, unsigned recording, FILE *out)
{
	fputs(HEADING "\n", out);
	for (size_t i = 0; i < list->nr; i++) {
		const struct replay_line *line = &list->lines[i];

		if (line->recording == recording)
			print_line(line->kind, &line->event, line->own, out);
	}
}

int replay_list_close(struct replay_list *list)
{
	int failed = 0;

	if (list->file) {
		failed = ferror(list->file);
		failed |= fclose(list->file);
		list->file = NULL;
	}
	return failed ? -1 : 0;
}

void replay_list_free(struct replay_list *list)
{
	free(list->lines);
	list->lines = NULL;
	list->nr = list->room = 0;
}
