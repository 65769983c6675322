/* SPDX-License-Identifier: MIT */
/* Following a recording: the books, and one event after the other. */
#include "engine.h"

#include "bits.h"
#include "reader.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[MMSIM_NR_MISMATCHES] = {
	[MMSIM_MISMATCH_SKIPPED] = "skipped",
	[MMSIM_MISMATCH_LIST_ORDER] = "list_order",
	[MMSIM_MISMATCH_OTHER_LIST] = "other_list",
	[MMSIM_MISMATCH_IN_ZONE] = "in_zone",
	[MMSIM_MISMATCH_IN_USE] = "in_use",
	[MMSIM_MISMATCH_CORRECTED] = "corrected",
	[MMSIM_MISMATCH_FAILED] = "failed",
	[MMSIM_MISMATCH_FREE_LISTED] = "free_listed",
	[MMSIM_MISMATCH_FREE_FREE] = "free_free",
	[MMSIM_MISMATCH_FREE_UNKNOWN] = "free_unknown",
	[MMSIM_MISMATCH_FREE_SPLIT] = "free_split",
	[MMSIM_MISMATCH_REFILL] = "refill",
	[MMSIM_MISMATCH_REFILL_EXTRA] = "refill_extra",
	[MMSIM_MISMATCH_DRAIN] = "drain",
	[MMSIM_MISMATCH_DRAIN_EXTRA] = "drain_extra",
};

const char *mm_replay_mismatch_name(unsigned kind)
{
	return kind < MMSIM_NR_MISMATCHES ? names[kind] : NULL;
}

void mm_replay_mismatch(struct mm_replay *r, enum mmsim_mismatch kind,
			const struct mmsim_trace_event *e, uint64_t own_pfn)
{
	r->report->mismatch[kind]++;
	if (r->options->mismatch)
		r->options->mismatch(r->options->ctx, kind, e, own_pfn);
}

void mm_replay_push(struct mm_replay *r, struct mm_moves *m, struct mm_moved moved)
{
	if (m->nr == m->room) {
		size_t room = m->room ? m->room * 2 : 64;
		struct mm_moved *v = realloc(m->v, room * sizeof(*v));

		if (!v) {
			r->failed = true;
			return;
		}
		m->v = v;
		m->room = room;
	}
	m->v[m->nr++] = moved;
}

void mm_replay_note(struct mm_replay *r, struct mm_moves *m, struct mm_moved moved, uint32_t i)
{
	if (!m->nr)
		r->cpu[r->events[i].cpu].stretch = i;
	mm_replay_push(r, m, moved);
	r->moved[moved.pfn] = i + 1;
}

bool mm_replay_noted(const struct mm_replay *r, unsigned cpu, uint64_t pfn)
{
	uint32_t i = r->moved[pfn];

	return i > r->cpu[cpu].stretch && r->events[i - 1].cpu == cpu;
}

/* Claims leave two events, of which the second says more. */
static void own_removal(struct mm_replay *r, struct mm_moves *m, const struct mmsim_event *e)
{
	struct mm_moved moved = { .pfn = e->pfn, .order = (uint8_t)e->order };

	if (e->id == MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG) {
		moved.fallback = true;
		moved.fallback_order = (uint8_t)e->arg;
		moved.fallback_migratetype = (uint8_t)e->fallback_migratetype;
		if (m->nr && m->v[m->nr - 1].pfn == e->pfn && !m->v[m->nr - 1].fallback) {
			m->v[m->nr - 1] = moved;
			return;
		}
	}
	mm_replay_push(r, m, moved);
}

static void sink(void *ctx, const struct mmsim_event *e)
{
	struct mm_replay *r = ctx;
	struct mm_replay_cpu *c = &r->cpu[e->cpu];

	if (e->id == MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED || e->id == MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG)
		own_removal(r, &c->own_removed, e);
	else if (e->id == MMSIM_EV_MM_PAGE_PCPU_DRAIN)
		mm_replay_push(r, &c->own_drained,
			       (struct mm_moved){ .pfn = e->pfn, .order = (uint8_t)e->order });
	if (r->outer_sink)
		r->outer_sink(r->outer_ctx, e);
}

static void drain_later(void *ctx, struct mm_zone *zone, struct mm_pcp *pcp, int nr, unsigned first)
{
	struct mm_replay *r = ctx;
	struct mm_replay_cpu *c = &r->cpu[mm_task_current()->cpu];

	c->due_zone = zone;
	c->due_most = mm_buddy_pcp_slice(zone, pcp);
	c->due = nr;
	c->due_index = first;
}

static void one_event(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];

	mm_task_current()->cpu = e->cpu;
	if (r->options->free_running) {
		mm_replay_free_running(r, i);
		return;
	}
	mm_order_pass(&r->order, i);
	if (e->kind != MMSIM_TRACE_DRAIN)
		r->cpu[e->cpu].freed_zone = NULL;
	switch (e->kind) {
	case MMSIM_TRACE_ALLOC:
		mm_replay_alloc(r, i);
		break;
	case MMSIM_TRACE_FREE:
	case MMSIM_TRACE_FREE_BATCHED:
		mm_replay_free(r, i);
		break;
	case MMSIM_TRACE_ZONE_LOCKED:
	case MMSIM_TRACE_EXTFRAG:
		mm_replay_removal(r, i);
		break;
	case MMSIM_TRACE_DRAIN:
		mm_replay_drain(r, i);
		break;
	default:
		break;
	}
}

/* The page went back to the zone without an event. */
static void unseen_drain(struct mm_replay *r, const struct mmsim_hint *hint)
{
	struct mmsim_page *page = mm_replay_page(r, hint->pfn);
	struct mm_list_key key;

	if (!page || !mm_replay_listed(page))
		return;
	key = mm_replay_list_of(r, page);
	mm_replay_list_del(&key, page);
	mm_replay_to_zone(key.zone, page, key.order, MM_FPI_NONE);
}

static int by_line(const void *a, const void *b)
{
	const struct mmsim_hint *x = *(const struct mmsim_hint *const *)a;
	const struct mmsim_hint *y = *(const struct mmsim_hint *const *)b;

	if (x->line2 != y->line2)
		return x->line2 > y->line2 ? 1 : -1;
	return (x > y) - (x < y); /* as in the file: all are of one array */
}

static int by_pfn(const void *a, const void *b)
{
	const struct mmsim_hint *x = *(const struct mmsim_hint *const *)a;
	const struct mmsim_hint *y = *(const struct mmsim_hint *const *)b;

	if (x->pfn != y->pfn)
		return x->pfn > y->pfn ? 1 : -1;
	if (x->line1 != y->line1)
		return x->line1 > y->line1 ? 1 : -1;
	return (x > y) - (x < y);
}

/* Hints of one kind, sorted; NULL: no memory. */
static const struct mmsim_hint **hints_of(const struct mmsim_hints *hints,
					  enum mmsim_hint_kind kind, size_t *nr,
					  int (*order)(const void *, const void *))
{
	const struct mmsim_hint **v = malloc((hints ? hints->nr : 0) * sizeof(*v) + sizeof(*v));

	*nr = 0;
	for (size_t i = 0; v && hints && i < hints->nr; i++)
		if (hints->hints[i].kind == kind)
			v[(*nr)++] = &hints->hints[i];
	if (v && *nr)
		qsort(v, *nr, sizeof(*v), order);
	return v;
}

static uint32_t event_at_line(const struct mm_replay *r, uint32_t nr, uint64_t line)
{
	uint32_t low = 0, high = nr;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (r->events[mid].line < line)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* A free of a batch goes to its list when the batch does. */
static void mark_direct(struct mm_replay *r, uint32_t nr)
{
	const struct mmsim_hints *hints = r->options->hints;

	for (size_t h = 0; hints && h < hints->nr; h++) {
		uint32_t i;

		if (hints->hints[h].kind != MMSIM_HINT_DIRECT_FREE)
			continue;
		i = event_at_line(r, nr, hints->hints[h].line1);
		if (i >= nr || r->events[i].line != hints->hints[h].line1)
			continue;
		if (r->events[i].flag && r->order.next_of_page[i] != MM_NO_EVENT)
			i = r->order.next_of_page[i];
		r->direct[i] = 1;
	}
}

/* All events, with the drains that only hints know between them. */
static void all_events(struct mm_replay *r, uint32_t nr, const struct mmsim_hint **drains,
		       size_t nr_drains)
{
	size_t d = 0;

	for (uint32_t i = 0; i < nr && !r->failed; i++) {
		while (d < nr_drains && !r->options->free_running &&
		       drains[d]->line2 <= r->events[i].line)
			unseen_drain(r, drains[d++]);
		one_event(r, i);
	}
	mm_replay_unpark(r, 0, MM_FPI_TO_TAIL);
	for (unsigned cpu = 0; nr && cpu < r->b->exec->nr_cpus; cpu++) {
		mm_task_current()->cpu = cpu;
		mm_replay_settle_removals(r, cpu, &r->events[nr - 1]);
		mm_replay_drain_due(r, cpu, &r->events[nr - 1]);
	}
}

/* Pages that hints say have gone after the last event. */
static void last_hints(struct mm_replay *r)
{
	for (size_t i = 0; i < r->nr_hints && !r->options->free_running; i++) {
		const struct mmsim_hint *hint = r->hint_of[i];
		struct mmsim_page *page = mm_replay_page(r, hint->pfn);
		uint64_t last = r->order.nr ? r->events[r->order.nr - 1].line : 0;
		struct mm_list_key key;

		if (hint->line2 <= last || !page || !mm_replay_listed(page))
			continue;
		key = mm_replay_list_of(r, page);
		mm_replay_list_del(&key, page);
		mm_replay_own(page, key.order);
		r->report->unseen_allocs += UINT64_C(1) << key.order;
	}
}

static void listen(struct mm_replay *r, bool on)
{
	if (on) {
		r->outer_sink = r->obs->sink;
		r->outer_ctx = r->obs->ctx;
		r->obs->ctx = r;
		r->obs->sink = sink;
	} else {
		r->obs->sink = r->outer_sink;
		r->obs->ctx = r->outer_ctx;
	}
	mm_buddy_set_open(r->b, true);
	mm_for_each_zone(zone, r->b) {
		zone->drain_later = on && !r->options->free_running ? drain_later : NULL;
		zone->drain_ctx = on ? r : NULL;
	}
}

/* The stretch of the trace that is replayed. */
static size_t bounds(const struct mmsim_trace *trace, const struct mmsim_replay_options *o,
		     size_t *from)
{
	size_t to = trace->nr;

	*from = 0;
	if (!o->to_ns)
		return to;
	while (*from < to && trace->events[*from].ns < o->from_ns)
		++*from;
	while (to > *from && trace->events[to - 1].ns > o->to_ns)
		to--;
	return to - *from;
}

/* What the machine lacks for this event; NULL: nothing. A failed allocation names no page. */
static const char *lacks(const struct mm_buddy *b, const struct mmsim_trace_event *e)
{
	if (e->cpu >= b->exec->nr_cpus)
		return "no such CPU";
	if (e->kind >= MMSIM_NR_TRACE_KINDS || e->migratetype >= MMSIM_NR_MIGRATETYPES)
		return "no such event or migratetype";
	if (e->order > MMSIM_MAX_PAGE_ORDER || e->pfn & ((1u << e->order) - 1))
		return "no such block";
	if (e->kind == MMSIM_TRACE_ALLOC && !e->pfn)
		return NULL;
	return mm_replay_in_a_zone(b, e->pfn, e->order) ? NULL : "no memory there";
}

static int fits(const struct mm_buddy *b, const struct mmsim_trace_event *e, size_t nr,
		struct mmsim_replay_error *err)
{
	for (size_t i = 0; i < nr; i++) {
		const char *what = lacks(b, &e[i]);

		if (!what)
			continue;
		mm_replay_fail(err, "trace", e[i].line,
			       "pfn 0x%x of order %u on cpu %u is not of this machine: %s",
			       e[i].pfn, e[i].order, e[i].cpu, what);
		return -EINVAL;
	}
	return 0;
}

/* Can the machine replay anything? */
static int able(const struct mm_buddy *b, const struct mmsim_replay_options *options, size_t nr,
		struct mmsim_replay_error *err)
{
	const char *why = NULL;

	if (!mm_buddy_is_open(b))
		why = "the machine is not booted";
	else if (b->policy.allocator != MMSIM_ALLOCATOR_LINUX && !options->free_running)
		why = "only the lists of Linux can follow a recording";
	else if (nr >= MM_NO_EVENT)
		why = "too many events";
	if (!why)
		return 0;
	mm_replay_fail(err, "trace", 0, "%s", why);
	return -EINVAL;
}

static void fini(struct mm_replay *r)
{
	for (unsigned cpu = 0; r->cpu && cpu < r->b->exec->nr_cpus; cpu++) {
		free(r->cpu[cpu].own_removed.v);
		free(r->cpu[cpu].own_drained.v);
		free(r->cpu[cpu].removed.v);
		free(r->cpu[cpu].drained.v);
	}
	free(r->cpu);
	free(r->direct);
	free(r->freed);
	free(r->moved);
	free(r->hint_of);
	free(r->partner);
	mm_replay_order_fini(&r->order);
}

static int init(struct mm_replay *r, size_t nr, uint64_t max_pfn)
{
	unsigned nr_cpus = r->b->exec->nr_cpus;
	int err = mm_replay_order_init(&r->order, r->events, nr, max_pfn, nr_cpus);

	r->cpu = calloc(nr_cpus, sizeof(*r->cpu));
	r->direct = calloc(nr + 1, 1);
	r->freed = calloc(max_pfn + 1, sizeof(*r->freed));
	r->moved = calloc(max_pfn + 1, sizeof(*r->moved));
	r->hint_of = hints_of(r->options->hints, MMSIM_HINT_UNTRACED_ALLOC, &r->nr_hints, by_pfn);
	if (r->options->free_running)
		r->partner = calloc(max_pfn + 1, sizeof(*r->partner));
	if (err || !r->cpu || !r->direct || !r->freed || !r->moved || !r->hint_of ||
	    (r->options->free_running && !r->partner))
		return -ENOMEM;
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		r->cpu[cpu].begun = r->cpu[cpu].run.from = MM_NO_EVENT;
	mark_direct(r, (uint32_t)nr);
	return 0;
}

int mm_replay_run(struct mm_buddy *b, struct mm_obs *obs, const struct mmsim_trace *trace,
		  const struct mmsim_replay_options *options, struct mmsim_replay_report *report,
		  struct mmsim_replay_error *err)
{
	struct mm_replay r = { .b = b, .obs = obs, .options = options, .report = report };
	unsigned cpu = mm_task_current()->cpu;
	const struct mmsim_hint **drains;
	size_t from, nr = bounds(trace, options, &from), nr_drains;
	uint64_t max_pfn = 0;
	int ret;

	mm_for_each_zone(zone, b)
		max_pfn = mm_max(max_pfn, zone->span.end);
	*report = (struct mmsim_replay_report){ .events = nr };
	r.events = trace->events + from;
	ret = able(b, options, nr, err);
	if (!ret)
		ret = fits(b, r.events, nr, err);
	if (ret)
		return ret;
	drains = hints_of(options->hints, MMSIM_HINT_UNSEEN_DRAIN, &nr_drains, by_line);
	ret = drains ? init(&r, nr, max_pfn) : -ENOMEM;
	if (!ret) {
		listen(&r, true);
		all_events(&r, (uint32_t)nr, drains, nr_drains);
		last_hints(&r);
		listen(&r, false);
		ret = r.failed ? -ENOMEM : 0;
	}
	mm_task_current()->cpu = cpu;
	free(drains);
	fini(&r);
	return ret;
}
