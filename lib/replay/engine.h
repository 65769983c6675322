/* SPDX-License-Identifier: MIT */
/*
 * Following a recording with a page allocator that decides for itself.
 *
 * Counterpart: none. From the recording come the requests: who asked for or gave back what, on which
 * CPU, when. A refill or a drain that was recorded says when the zone was locked, and so when a request
 * was made; which pages, how many and in which order is the allocator's affair, and compared.
 *
 * Evidence of what the tracepoints do not show:
 *  - a refill of a list that is not empty here: its pages went out without events (bulk allocation);
 *  - an allocation of a page deeper in its list, or a free of a listed page: so did those above it;
 *  - a listed page whose next event is a removal from the zone: it was freed past the list;
 *  - a drain that no free began: the vmstat worker, or drain_all_pages(); then the number of pages is the
 *    kernel's, and counted (drained_prompted);
 *  - another number of pages than ours: the books of the list (high, free_count, alloc_factor) have changed
 *    by what is not traced, and are set accordingly (books_corrected);
 *  - a block taken from further down the list than ours: page reporting turned the list, or has the first
 *    blocks with the host (rotated); a page drained to another type: it made the pageblock Movable (retyped);
 *  - a single page for a request although the list is not empty: the list was in use.
 *
 *  F1: every page that an event names is, after the event, in the simulation where it was in the kernel; if
 *      it is one of a CPU's stretch of removals or drains, after the stretch.
 *  F2: what had to be moved for F1 is counted, by kind, once per event.
 *
 * Locking: nobody else uses the machine, which is in serial mode.
 */
#ifndef MM_REPLAY_ENGINE_H
#define MM_REPLAY_ENGINE_H

#include "order.h"
#include "restore.h"

/* A block that was removed from the zone's lists, or put there. */
struct mm_moved {
	uint64_t pfn;
	uint8_t order;
	bool fallback; /* by claim or steal: */
	uint8_t fallback_order, fallback_migratetype;
};

struct mm_moves {
	struct mm_moved *v;
	size_t nr, room;
};

/* A per-CPU list of a zone; pcp NULL: none. */
struct mm_list_key {
	struct mm_zone *zone;
	struct mm_pcp *pcp;
	unsigned index;
	unsigned order;
	enum mmsim_migratetype mt;
};

/* Removals in a row on a CPU, by their events. */
struct mm_run {
	uint32_t from, end; /* that end it: MM_NO_EVENT: the recording's */
	uint32_t same_from; /* from here on all name the same page */
};

struct mm_replay_cpu {
	struct mm_moves own_removed, own_drained; /* the simulation's, since the stretch began */
	struct mm_moves removed, drained; /* the recording's */
	uint32_t stretch; /* the event that began them */
	struct mm_list_key key; /* of the removals */
	int high, alloc_factor; /* of its pcp, when they began */
	bool refills; /* they go to a list */

	struct mm_run run; /* that was looked at last */

	/*
	 * A request that was begun at its refill: its event, and what it gave, if nothing that another CPU
	 * did meanwhile shows that somebody else has it: mm_replay_holds().
	 */
	uint32_t begun;
	struct mmsim_page *got;
	bool got_here; /* in this stretch of removals */
	bool got_listed; /* back on top of its list, as the refill was corrected */

	/* Pages to be drained, by the simulation's decision, when the recording drains. */
	struct mm_zone *due_zone;
	int due, due_most; /* pages; and of them at once */
	unsigned due_index;
	uint64_t passed_over; /* recorded drains before which ours would have drained others */
	/* The list that the last event on the CPU freed to; NULL: it was no such free. */
	struct mm_zone *freed_zone;
	unsigned freed_index;
	uint64_t freed_ns;
	uint64_t decayed_ns; /* free-running: when the vmstat worker ran last */
};

/* A block that the kernel shows to its host. */
struct mm_parked {
	struct mm_zone *zone;
	struct mmsim_page *page;
	unsigned order;
};

enum { MM_REPLAY_PARKED = 32 };

struct mm_replay {
	struct mm_buddy *b;
	struct mm_obs *obs;
	struct mm_order order;
	const struct mmsim_trace_event *events; /* those that are replayed */
	const struct mmsim_replay_options *options;
	struct mmsim_replay_report *report;
	struct mm_replay_cpu *cpu; /* [nr_cpus] */
	uint32_t *freed; /* [pages] the event that freed it, plus 1; 0: none yet */
	uint32_t *moved; /* [pages] the same of the one that removed or drained it */
	uint8_t *direct; /* [nr events] a hint says: freed past the list */
	const struct mmsim_hint **hint_of; /* sorted by pfn, line1 */
	size_t nr_hints;
	struct mm_parked parked[MM_REPLAY_PARKED];
	size_t nr_parked;
	uint64_t parked_ns; /* when none was, last */
	uint64_t run; /* of exact allocations, until now */
	uint64_t *partner; /* [pages] free-running: our page for the recording's */
	bool failed; /* no memory for the books */
	mmsim_event_fn outer_sink; /* whoever listened before */
	void *outer_ctx;
};

/* Marks on page->mapping while the page is free or just handed out. */
#define MM_REPLAY_CORRECTED ((void *)1) /* on the list by correction, not by decision */
#define MM_REPLAY_EARLY ((void *)2) /* handed out already; its event is yet to come */

void mm_replay_push(struct mm_replay *r, struct mm_moves *m, struct mm_moved moved);

/* Event i to the recording's removals or drains of its CPU; is a page one of those? */
void mm_replay_note(struct mm_replay *r, struct mm_moves *m, struct mm_moved moved, uint32_t i);
bool mm_replay_noted(const struct mm_replay *r, unsigned cpu, uint64_t pfn);

/* Count it and tell. */
void mm_replay_mismatch(struct mm_replay *r, enum mmsim_mismatch kind,
			const struct mmsim_trace_event *e, uint64_t own_pfn);

/* The list of blocks like this on a CPU, zone by the pfn. */
struct mm_list_key mm_replay_key(struct mm_replay *r, unsigned cpu, uint64_t pfn, unsigned order,
				 enum mmsim_migratetype mt);

/* The page of a request that was begun is told by its index. */
void mm_replay_hold(struct mm_replay *r, unsigned cpu, struct mmsim_page *page);
bool mm_replay_holds(const struct mm_replay *r, unsigned cpu);

/* Are there struct pages for all of the block, and of one zone? */
bool mm_replay_in_a_zone(const struct mm_buddy *b, uint64_t pfn, unsigned order);
/* The struct page, if any zone has one for this; NULL: none. */
struct mmsim_page *mm_replay_page(const struct mm_replay *r, uint64_t pfn);

/* Is the block on a per-CPU list, and on which? */
bool mm_replay_listed(const struct mmsim_page *page);
struct mm_list_key mm_replay_list_of(struct mm_replay *r, struct mmsim_page *page);
unsigned mm_replay_list_cpu(const struct mm_list_key *key);

/* Between lists, owners and the zone, past all books but the counts. */
void mm_replay_list_del(const struct mm_list_key *key, struct mmsim_page *page);
void mm_replay_list_top(const struct mm_list_key *key, struct mmsim_page *page);
void mm_replay_list_end(const struct mm_list_key *key, struct mmsim_page *page);
void mm_replay_own(struct mmsim_page *page, unsigned order);
void mm_replay_to_zone(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
		       enum mm_fpi fpi);
bool mm_replay_from_zone(struct mm_zone *zone, struct mmsim_page *page, unsigned order);

/* The block off per-CPU lists and the zone's, whole or in pieces. False: some of it is in use. */
bool mm_replay_fetch(struct mm_replay *r, struct mmsim_page *page, unsigned order);

/* The block is allocated, as one, whatever its pages were. */
void mm_replay_seize(struct mm_replay *r, struct mmsim_page *page, unsigned order);

/* C3 */
void mm_replay_set_high(struct mm_pcp *pcp, int high);

/* As if another context of the CPU were in the middle of using its lists. */
void mm_replay_set_busy(struct mm_pcp *pcp, bool busy);

/* Does a hint say that the page left its list unseen, about now? */
bool mm_replay_hinted(struct mm_replay *r, uint64_t pfn, enum mmsim_hint_kind kind, uint64_t line);

/*
 * Pages of a list above `stop` (NULL: all) are not where they are: let each go where its next event says
 * it went. Sets of what was found.
 */
enum {
	MM_GONE_UNSEEN = 1 << 0,
	MM_GONE_HINTED = 1 << 1,
	MM_GONE_EARLY = 1 << 2,
	MM_GONE_DIRECT = 1 << 3,
	MM_GONE_STAYS = 1 << 4,
	MM_GONE_RECENT = 1 << 5, /* stays too: it came after the request was made */
};
/* The same for one page of a list: has it gone, unseen or past the list? Then it is where it went. */
bool mm_replay_gone(struct mm_replay *r, struct mm_pcp *pcp, struct mmsim_page *page, uint32_t now);
unsigned mm_replay_clear_above(struct mm_replay *r, const struct mm_list_key *key,
			       const struct mmsim_page *stop, uint32_t now);

/* Stages; `i` is the event. */
void mm_replay_removal(struct mm_replay *r, uint32_t i);
void mm_replay_drain(struct mm_replay *r, uint32_t i);
void mm_replay_alloc(struct mm_replay *r, uint32_t i);
void mm_replay_free(struct mm_replay *r, uint32_t i);
void mm_replay_free_running(struct mm_replay *r, uint32_t i);

/* The stretch of removals or drains on a CPU is over: compare, correct. */
void mm_replay_settle_removals(struct mm_replay *r, unsigned cpu,
			       const struct mmsim_trace_event *e);
void mm_replay_settle_drains(struct mm_replay *r, unsigned cpu, const struct mmsim_trace_event *e);
/* All that is due on a CPU is drained now. */
void mm_replay_drain_due(struct mm_replay *r, unsigned cpu, const struct mmsim_trace_event *e);

/* reporting.c. The free block that holds a page; NULL: it is not free. */
struct mmsim_page *mm_replay_block_of(const struct mm_zone *zone, uint64_t pfn);
bool mm_replay_rotate(struct mm_replay *r, const struct mm_list_key *key, uint64_t wanted,
		      uint64_t taken);
/* Blocks that were parked since there were `since` are those of one attempt. */
bool mm_replay_park(struct mm_replay *r, const struct mm_list_key *key, struct mmsim_page *block,
		    size_t since);
void mm_replay_unpark(struct mm_replay *r, size_t down_to, enum mm_fpi fpi);
/* If any of them is part of this block: the report is over. */
void mm_replay_unpark_block(struct mm_replay *r, uint64_t pfn, unsigned order);
/* The report is over, as time has passed or the kernel has used one of them. */
void mm_replay_return_parked(struct mm_replay *r, const struct mmsim_trace_event *e);

/* Ask for what the event asked for, on the CPU of the caller; it may wait if the kernel's could. */
struct mmsim_page *mm_replay_ask(struct mm_replay *r, const struct mmsim_trace_event *e,
				 bool may_wait);

/* "skipped", … or NULL. */
const char *mm_replay_mismatch_name(unsigned kind);

/* The whole of it. 0, -ENOMEM, -EINVAL. obs is that of b. */
int mm_replay_run(struct mm_buddy *b, struct mm_obs *obs, const struct mmsim_trace *trace,
		  const struct mmsim_replay_options *options, struct mmsim_replay_report *report,
		  struct mmsim_replay_error *err);

#endif
