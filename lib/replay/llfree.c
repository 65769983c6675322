/* SPDX-License-Identifier: MIT */
#include "llfree.h"
#include "bits.h"
#include "event_limits.h"
#include "events.h"
#include "gfp_names.h"
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096
#define ENTRY_BYTES 16 /* also what the CPU's number is padded to */
#define NR_ENTRIES (PAGE_BYTES / ENTRY_BYTES - 1)

#define HEADER_CORES 4 /* bytes */
#define HEADER_MAX_PFN 8

#define NS_PER_US 1000

struct llfree {
	struct mm_reader *reader;
	const char *chunk; /* of the reader's, bytes [0, chunk_len) are still to be taken */
	size_t chunk_len;
	struct mm_event_limits limits;
	struct mmsim_trace *trace;
	uint64_t page_nr; /* of the page in hand; 0: the header */
	uint8_t page[PAGE_BYTES];
};

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return le32toh(word);
}

static uint64_t long_at(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

/* The next bytes of the file: how many of `len` there were, or -EINVAL, -EIO. */
static int take_bytes(struct llfree *l, uint8_t *to, size_t len)
{
	size_t done = 0;

	while (done < len) {
		size_t part;
		int more = 1;

		if (!l->chunk_len)
			more = mm_replay_reader_bytes(l->reader, &l->chunk, &l->chunk_len);
		if (more < 0)
			return more;
		if (!more)
			break;
		part = mm_min(len - done, l->chunk_len);
		memcpy(to + done, l->chunk, part);
		l->chunk += part;
		l->chunk_len -= part;
		done += part;
	}
	return (int)done;
}

/* Nobody has 2^24 cores, and no text has a NUL there. */
int mm_replay_llfree_is(struct mm_reader *reader)
{
	struct llfree l = { .reader = reader };
	uint8_t head[HEADER_CORES + 4];
	int nr = take_bytes(&l, head, sizeof(head));

	return nr < 0 ? nr : nr == sizeof(head) && !head[sizeof(head) - 1];
}

/* 1: l->page is the next page; 0: there is none; -EINVAL, -EIO. */
static int next_page(struct llfree *l)
{
	int nr = take_bytes(l, l->page, PAGE_BYTES);

	if (nr <= 0)
		return nr;
	if (nr == PAGE_BYTES)
		return 1;
	return mm_replay_reader_fail(l->reader, -EINVAL, "page %llu: ends after %d bytes",
				     (unsigned long long)l->page_nr, nr);
}

/* What is wrong in the page in hand; entry 0 is the CPU's number. */
static int refuse(struct llfree *l, unsigned entry, const char *why)
{
	return mm_replay_reader_fail(l->reader, -EINVAL, "page %llu, entry %u: %s",
				     (unsigned long long)l->page_nr, entry, why);
}

static int read_header(struct llfree *l)
{
	uint64_t cores, max_pfn;
	int err = next_page(l);

	if (err < 0)
		return err;
	cores = err ? word_at(l->page + HEADER_CORES) : 0;
	if (!cores)
		return mm_replay_reader_fail(l->reader, -EINVAL, "header: no cores");
	max_pfn = word_at(l->page + HEADER_MAX_PFN) + UINT64_C(1);
	if (cores < l->limits.nr_cpus)
		l->limits.nr_cpus = (uint32_t)cores;
	if (max_pfn < l->limits.max_pfn)
		l->limits.max_pfn = max_pfn;
	return 0;
}

static void decode(const uint8_t *entry, struct mmsim_trace_event *ev)
{
	uint64_t low = long_at(entry), high = long_at(entry + 8);
	bool alloc = low >> 62 & 1;

	ev->ns = (low & ((UINT64_C(1) << 38) - 1)) * NS_PER_US;
	ev->pfn = low >> 38 & 0xffffff;
	ev->kind = alloc ? MMSIM_TRACE_ALLOC : MMSIM_TRACE_FREE;
	ev->order = (uint8_t)(low >> 63 | (high & 7) << 1);
	if (alloc)
		ev->gfp = high >> 3 & 0x1fffffff;
	ev->migratetype = (uint8_t)mm_replay_gfp_migratetype(ev->gfp);
}

static int add_entry(struct llfree *l, unsigned entry, uint16_t cpu)
{
	const uint8_t *at = l->page + entry * ENTRY_BYTES;
	struct mmsim_trace_event ev = { .cpu = cpu };
	struct mm_replay_why why;

	if (!long_at(at) && !long_at(at + 8))
		return 0;
	decode(at, &ev);
	if (mm_replay_check_order(ev.order, "order", &why) ||
	    (!ev.pfn && ev.kind == MMSIM_TRACE_FREE &&
	     mm_replay_refuse(&why, "pfn: 0 is nothing to free")) ||
	    (ev.pfn && mm_replay_check_pfn(&l->limits, ev.pfn, ev.order, &why)))
		return refuse(l, entry, why.text);
	ev.line = (uint32_t)++l->trace->lines;
	return mm_replay_trace_add(l->reader, l->trace, &ev);
}

static int add_page(struct llfree *l)
{
	uint64_t cpu = word_at(l->page);
	struct mm_replay_why why;
	int err = 0;

	if (mm_replay_check_cpu(&l->limits, cpu, &why))
		return refuse(l, 0, why.text);
	for (unsigned entry = 1; entry <= NR_ENTRIES && !err; entry++)
		err = add_entry(l, entry, (uint16_t)cpu);
	return err;
}

static int read_pages(struct llfree *l)
{
	int err = read_header(l);

	while (!err) {
		l->page_nr++;
		err = next_page(l);
		if (err <= 0)
			break;
		err = add_page(l);
	}
	return err;
}

static int compare(const void *left, const void *right)
{
	const struct mmsim_trace_event *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

static void sort(struct mmsim_trace *trace)
{
	if (trace->nr)
		qsort(trace->events, trace->nr, sizeof(*trace->events), compare);
	trace->backwards = 0;
}

int mm_replay_llfree_read(struct mm_reader *reader, const struct mmsim_snapshot *snap,
			  struct mmsim_trace **out)
{
	struct llfree l = { .reader = reader };
	int err;

	*out = NULL;
	l.trace = calloc(1, sizeof(*l.trace));
	if (!l.trace)
		return mm_replay_reader_fail(reader, -ENOMEM, "no memory");
	l.trace->format = MMSIM_TRACE_LLFREE;
	mm_replay_event_limits(&l.limits, snap);
	err = read_pages(&l);
	if (err) {
		mm_replay_trace_free(l.trace);
		return err;
	}
	sort(l.trace);
	*out = l.trace;
	return 0;
}
