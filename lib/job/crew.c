/* SPDX-License-Identifier: MIT */
/* Helpers. */
#include "crew.h"

#include "bits.h"
#include <errno.h>
#include <limits.h>

/*
 * What a slot says, in its low bits. Above them the number of the offer: so that a caller does not take
 * back, or wait for, the offer that somebody else made after his was over.
 */
enum slot {
	SLOT_NONE, /* no task yet */
	SLOT_WATCHED, /* free; the helper looks at it again and again */
	SLOT_ASLEEP, /* free; the helper sleeps on it */
	SLOT_CLAIMED, /* somebody is about to make an offer */
	SLOT_OFFERED,
	SLOT_BUSY,
	SLOT_RAISED, /* busy; it or its caller is changing its priority: the other waits until that is done */
	SLOT_STOP,
	SLOT_MASK = 7,
};

struct mm_helper {
	uint32_t slot mm_cacheline_aligned; /* atomic, parkable, enum slot */
	unsigned tag; /* these three: the claimer's until he has offered, then the helper's */
	enum slot was; /* before it was claimed */
	struct mm_call *call;
	struct mm_crew *crew; /* constant after init, as is the CPU */
	unsigned cpu;
	int nice; /* that of the task; for whom see be_nice() */
	struct mm_atomic_line line; /* of the slot */
	struct mm_task task;
};

/* In `gone`: the caller is parked on it. */
#define CALLER_PARKED 0x80000000u

/*
 * How long a wait stays awake, natively: about what it costs to wake a sleeper. By the clock, as a pause takes
 * from 4 to 60 ns, by processor. LOOKS at the word between two at the clock, each after the pauses that
 * relax() makes of a turn: a caller looks at what a helper is about to write once; a helper at what
 * callers write three times a job, so less often.
 */
enum { WATCH_NS = 30000, LOOKS = 16, CALLER_TURN = 8, HELPER_TURN = 32, SECOND_TURN = 24 };

/* At a wait's turn'th look. *until is the wait's own. */
static bool watched_enough(struct mm_exec *x, unsigned turn, uint64_t *until)
{
	uint64_t now;

	if (x->wakes_relaxed)
		return true;
	if ((turn + 1) % LOOKS)
		return false;
	now = mm_exec_now(x);
	if (turn < LOOKS)
		*until = now + WATCH_NS;
	return now >= *until;
}

static uint32_t with(uint32_t slot, enum slot state)
{
	return (slot & ~(uint32_t)SLOT_MASK) | state;
}

static enum slot state_of(uint32_t slot)
{
	return slot & SLOT_MASK;
}

static uint32_t look(const struct mm_helper *h)
{
	return __atomic_load_n(&h->slot, __ATOMIC_ACQUIRE);
}

static bool change(struct mm_helper *h, uint32_t from, uint32_t to)
{
	bool changed;

	mm_exec_point(h->crew->exec, MM_POINT_ATOMIC, &h->slot);
	changed = __atomic_compare_exchange_n(&h->slot, &from, to, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED);
	mm_exec_charge(h->crew->exec, MM_CHARGE_ATOMIC, &h->line, 1);
	return changed;
}

/* The helper's side */

static void leave(struct mm_exec *x, struct mm_call *call)
{
	uint32_t *gone = &call->gone;

	mm_exec_point(x, MM_POINT_ATOMIC, gone);
	/* As just changed: afterwards there may be no call. */
	mm_exec_charge(x, MM_CHARGE_ATOMIC, &call->line, 1);
	/* C2: from here on a number to look sleepers up by. */
	if (__atomic_fetch_add(gone, 1, __ATOMIC_ACQ_REL) & CALLER_PARKED || x->wakes_relaxed)
		mm_exec_unpark(x, gone, 1);
}

/* By who has claimed it, or holds it with SLOT_RAISED: one at a time. False: it is so already. */
static bool be_nice(struct mm_helper *h, int nice)
{
	if (h->nice == nice)
		return false;
	h->nice = nice;
	mm_exec_set_nice(h->crew->exec, &h->task, nice);
	return true;
}

/* The end of SLOT_RAISED. */
static void is_settled(struct mm_helper *h)
{
	struct mm_exec *x = h->crew->exec;

	mm_exec_point(x, MM_POINT_ATOMIC, &h->slot);
	__atomic_store_n(&h->slot, with(look(h), SLOT_BUSY), __ATOMIC_RELEASE);
	if (x->wakes_relaxed)
		mm_exec_unpark(x, &h->slot, 1);
}

/* It lowers itself, when it has joined: most offers of a short job are withdrawn. */
static bool join(struct mm_helper *h, uint32_t slot)
{
	if (!change(h, slot, with(slot, SLOT_RAISED)))
		return false;
	be_nice(h, h->call->nice);
	is_settled(h);
	return true;
}

static void become_free(struct mm_helper *h)
{
	uint32_t busy = with(look(h), SLOT_BUSY);

	for (unsigned turn = 0; !change(h, busy, with(busy, SLOT_WATCHED)); turn++)
		h->crew->exec->ops->relax(h->crew->exec, &h->slot, with(busy, SLOT_RAISED), turn);
}

/* The slot is busy. */
static void serve(struct mm_helper *h)
{
	struct mm_exec *x = h->crew->exec;
	struct mm_call *call = h->call;

	mm_exec_load(x, true);
	mm_exec_mark(x, MMSIM_MARK_BEGIN, "help", 0);
	call->fn(call->arg, h->tag);
	mm_exec_mark(x, MMSIM_MARK_END, NULL, 0);
	mm_exec_load(x, false);
	/* Free first: the caller may want it again at once. */
	become_free(h);
	leave(x, call);
}

static void sleep_on(struct mm_helper *h, uint32_t slot)
{
	uint32_t asleep = with(slot, SLOT_ASLEEP);

	if (slot != asleep && !change(h, slot, asleep))
		return;
	mm_task_current()->waits_for = "a call for help";
	mm_exec_park(h->crew->exec, &h->slot, asleep, MM_NEVER);
	mm_task_current()->waits_for = NULL;
}

/*
 * What is over by the second look is not worth the lines that joining moves: most jobs that are as short as
 * that.
 */
static bool seen_before(struct mm_helper *h, uint32_t slot, uint32_t *offer)
{
	struct mm_exec *x = h->crew->exec;

	if (x->wakes_relaxed || slot == *offer)
		return true;
	*offer = slot;
	x->ops->relax(x, &h->slot, slot, SECOND_TURN);
	return false;
}

/* From claim to offer takes no time, unless the claimer has lost his CPU: perhaps to who waits here. */
static void await_offer(struct mm_helper *h, uint32_t slot)
{
	for (unsigned turn = SECOND_TURN; look(h) == slot; turn++)
		h->crew->exec->ops->relax(h->crew->exec, &h->slot, slot, turn);
}

/* False: that was all. */
static bool wait_for_call(struct mm_helper *h)
{
	struct mm_exec *x = h->crew->exec;
	uint32_t offer = 0;
	uint64_t until = 0;

	for (unsigned turn = 0;; turn++) {
		uint32_t slot = look(h);

		switch (state_of(slot)) {
		case SLOT_STOP:
			return false;
		case SLOT_OFFERED:
			if (seen_before(h, slot, &offer) && join(h, slot))
				return true;
			turn = UINT_MAX; /* the next is 0: where one call was there may be more */
			break;
		case SLOT_WATCHED:
		case SLOT_ASLEEP:
			if (watched_enough(x, turn, &until)) {
				sleep_on(h, slot);
				turn = UINT_MAX;
			} else {
				x->ops->relax(x, &h->slot, slot, HELPER_TURN);
			}
			break;
		default:
			await_offer(h, slot);
		}
	}
}

static void helper_main(void *arg)
{
	struct mm_helper *h = arg;

	while (wait_for_call(h))
		serve(h);
}

/* Claiming */

/* Where a helper is looked for, in this order. */
enum place { IDLE_CORE, IDLE_CPU, OWN_SIBLING, ANYWHERE };

/* Who watches, natively, has the CPU for itself; asking moves no line that is not needed anyway. */
static bool is_free(const struct mm_crew *crew, unsigned cpu)
{
	const struct mm_exec *x = crew->exec;

	return (!x->wakes_relaxed && state_of(look(&crew->helper[cpu])) == SLOT_WATCHED) ||
	       mm_exec_cpu_idle(x, cpu);
}

/*
 * Of an idle core the first CPU only: when that is claimed the core is not idle any more, though its load does
 * not say so yet.
 */
static bool suits(const struct mm_crew *crew, unsigned cpu, enum place place)
{
	const struct mm_exec *x = crew->exec;
	unsigned own = mm_exec_cpu(x), core = x->cpu[cpu].first;

	if (place == ANYWHERE)
		return true;
	if (cpu == own || !is_free(crew, cpu))
		return false;
	if (place == OWN_SIBLING)
		return true;
	return core != x->cpu[own].first &&
	       (place == IDLE_CPU || (cpu == core && mm_exec_core_idle(x, cpu)));
}

/*
 * Entries become visible in their order: helpers may claim too, and the caller reads meanwhile. There is
 * no schedule point inside, so only natively does anybody wait here.
 */
static struct mm_called *note(struct mm_exec *x, struct mm_call *call, struct mm_called called)
{
	uint32_t at = __atomic_fetch_add(&call->reserved, 1, __ATOMIC_RELAXED), nr;

	call->called[at] = called;
	for (unsigned turn = 0; (nr = __atomic_load_n(&call->nr, __ATOMIC_ACQUIRE)) != at; turn++)
		x->ops->relax(x, &call->nr, nr, turn);
	__atomic_store_n(&call->nr, at + 1, __ATOMIC_RELEASE);
	return &call->called[at];
}

/* NULL: it is not to be had. */
static struct mm_called *claim(struct mm_call *call, struct mm_helper *h, unsigned tag)
{
	uint32_t was, next;

	/* Again, if it has only just fallen asleep. */
	do {
		was = look(h);
		if (state_of(was) > SLOT_ASLEEP)
			return NULL;
		next = with(was + SLOT_MASK + 1, SLOT_CLAIMED);
	} while (!change(h, was, next));
	h->tag = tag;
	h->was = state_of(was);
	h->call = call;
	return note(
		h->crew->exec, call,
		(struct mm_called){ .offered = with(next, SLOT_OFFERED), .cpu = (uint16_t)h->cpu });
}

struct claiming {
	struct mm_crew *crew;
	struct mm_call *call;
	unsigned tag;
	unsigned wanted, got;
	struct mm_called *last; /* of them */
};

static void claim_on(struct claiming *c, unsigned nid, enum place place)
{
	const struct mm_crew *crew = c->crew;

	for (unsigned i = crew->first[nid]; i < crew->first[nid + 1] && c->got < c->wanted; i++) {
		struct mm_called *called = NULL;

		if (suits(crew, crew->order[i], place))
			called = claim(c->call, &crew->helper[crew->order[i]], c->tag);
		if (called) {
			c->last = called;
			c->got++;
		}
	}
}

/* Of `nr` nodes from nid on: idle CPUs of all of them before any that is not. */
static void claim_from(struct claiming *c, unsigned nid, unsigned nr)
{
	unsigned nr_nodes = c->crew->topology->nr_nodes;

	for (unsigned i = 0; i < nr && c->got < c->wanted; i++)
		for (enum place place = IDLE_CORE; place < ANYWHERE; place++)
			claim_on(c, (nid + i) % nr_nodes, place);
	for (unsigned i = 0; i < nr && c->got < c->wanted; i++)
		claim_on(c, (nid + i) % nr_nodes, ANYWHERE);
}

/* How many may be called. */
static unsigned room(const struct mm_crew *crew, const struct mm_call *call, unsigned nr)
{
	if (__atomic_load_n(&crew->off, __ATOMIC_RELAXED))
		return 0;
	return mm_min(nr, MM_MAX_CALLED / 2 - __atomic_load_n(&call->reserved, __ATOMIC_RELAXED));
}

unsigned mm_job_crew_claim(struct mm_crew *crew, struct mm_call *call, unsigned nr, unsigned nid,
			   unsigned tag)
{
	struct claiming c = {
		.crew = crew,
		.call = call,
		.tag = tag,
		.wanted = room(crew, call, nr),
	};

	if (nid == MM_ANY_NODE)
		claim_from(&c, crew->topology->node_of[mm_exec_cpu(crew->exec)],
			   crew->topology->nr_nodes);
	else
		claim_from(&c, nid, 1);
	return c.got;
}

/* Offering */

/* Whoever watches a slot, its helper or a caller that wants it back, is told natively by the store. */
static void set_claimed(struct mm_helper *h, uint32_t slot)
{
	struct mm_exec *x = h->crew->exec;
	bool asleep = h->was == SLOT_ASLEEP || x->wakes_relaxed;

	mm_exec_point(x, MM_POINT_ATOMIC, &h->slot);
	__atomic_store_n(&h->slot, slot, __ATOMIC_RELEASE);
	if (asleep)
		mm_exec_unpark(x, &h->slot, UINT32_MAX);
}

static void offer(struct mm_helper *h, struct mm_called *called)
{
	uint32_t offered = called->offered;

	if (h->was == SLOT_NONE &&
	    mm_exec_spawn_resident(h->crew->exec, &h->task, h->cpu, helper_main, h)) {
		/* As it was, and the next call tries anew. First that, as then it may be claimed. */
		__atomic_store_n(&called->offered, 0, __ATOMIC_RELAXED);
		set_claimed(h, with(offered, SLOT_NONE));
		return;
	}
	/* Raised it is before it comes: low it might not come at all. */
	if (h->nice > h->call->nice)
		be_nice(h, h->call->nice);
	set_claimed(h, offered);
}

void mm_job_crew_offer(struct mm_crew *crew, struct mm_call *call, unsigned from, unsigned nr)
{
	for (unsigned i = from; i < from + nr; i++)
		offer(&crew->helper[call->called[i].cpu], &call->called[i]);
}

/* With half of the room taken nobody is sent for any more: so all who are inside find room. */
bool mm_job_crew_send(struct mm_crew *crew, struct mm_call *call, unsigned nid, unsigned tag)
{
	struct claiming c = { .crew = crew, .call = call, .tag = tag, .wanted = 1 };

	if (__atomic_load_n(&call->reserved, __ATOMIC_RELAXED) >= MM_MAX_CALLED / 2)
		return false;
	claim_from(&c, nid, 1);
	if (!c.got)
		return false;
	offer(&crew->helper[c.last->cpu], c.last);
	/* The call is there as long as the caller of this is inside. */
	return __atomic_load_n(&c.last->offered, __ATOMIC_RELAXED) != 0;
}

/* Ending */

/* True: it has joined, or had. */
static bool take_back(struct mm_crew *crew, const struct mm_called *called)
{
	struct mm_helper *h = &crew->helper[called->cpu];

	for (unsigned turn = 0;; turn++) {
		uint32_t slot = look(h),
			 offered = __atomic_load_n(&called->offered, __ATOMIC_RELAXED);

		if (!offered)
			return false;
		if (slot == with(offered, SLOT_CLAIMED))
			crew->exec->ops->relax(crew->exec, &h->slot, slot, turn);
		else if (slot != offered)
			return true;
		else if (change(h, offered, with(offered, SLOT_WATCHED)))
			return false;
	}
}

/* False: the helper of this entry is not at the call any more. */
static bool lend_to(struct mm_crew *crew, const struct mm_called *called, int nice)
{
	struct mm_helper *h = &crew->helper[called->cpu];
	uint32_t busy = with(__atomic_load_n(&called->offered, __ATOMIC_RELAXED), SLOT_BUSY), slot;

	for (unsigned turn = 0; (slot = look(h)) == with(busy, SLOT_RAISED); turn++)
		crew->exec->ops->relax(crew->exec, &h->slot, slot, turn);
	if (slot != busy || !change(h, busy, with(busy, SLOT_RAISED)))
		return false;
	if (be_nice(h, nice))
		__atomic_add_fetch(&crew->nr_lent, 1, __ATOMIC_RELAXED);
	is_settled(h);
	return true;
}

/* C4: to the first that is still inside, unless it has it already. */
static void lend(struct mm_crew *crew, struct mm_call *call)
{
	uint32_t nr = __atomic_load_n(&call->nr, __ATOMIC_ACQUIRE);
	int nice = __atomic_load_n(&mm_task_current()->nice, __ATOMIC_RELAXED);

	if (call->nice <= nice || crew->flags & MMSIM_JOB_NO_LEND)
		return;
	for (uint32_t i = 0; i < nr; i++)
		if (lend_to(crew, &call->called[i], nice))
			return;
}

/* Of the waits for one helper after the other, not of each. */
static uint64_t next_tick(struct mm_exec *x, struct mm_call *call)
{
	if (!call->tick)
		return MM_NEVER;
	if (!call->tick_at)
		call->tick_at = mm_exec_now(x) + call->tick_ns;
	return call->tick_at;
}

static void sleep_on_call(struct mm_crew *crew, struct mm_call *call, uint32_t joined)
{
	struct mm_exec *x = crew->exec;
	uint64_t until = next_tick(x, call);
	uint32_t seen;

	mm_exec_point(x, MM_POINT_ATOMIC, &call->gone);
	seen = __atomic_or_fetch(&call->gone, CALLER_PARKED, __ATOMIC_ACQ_REL);
	/* The last may have gone since: he has not seen that somebody is parked. */
	if ((seen & ~CALLER_PARKED) >= joined)
		return;
	lend(crew, call);
	mm_task_current()->waits_for = "helpers to leave a job";
	if (mm_exec_park(x, &call->gone, seen, until) == -ETIMEDOUT && call->tick) {
		call->tick(call->arg);
		call->tick_at = 0;
	}
	mm_task_current()->waits_for = NULL;
}

static void wait_until_gone(struct mm_crew *crew, struct mm_call *call, uint32_t joined)
{
	struct mm_exec *x = crew->exec;
	uint64_t until = 0;

	for (unsigned turn = 0;; turn++) {
		uint32_t gone = __atomic_load_n(&call->gone, __ATOMIC_ACQUIRE);

		if ((gone & ~CALLER_PARKED) >= joined)
			return;
		if (watched_enough(x, turn, &until))
			sleep_on_call(crew, call, joined);
		else
			x->ops->relax(x, &call->gone, gone, CALLER_TURN);
	}
}

static void count(struct mm_crew *crew, uint32_t called, uint32_t joined)
{
	__atomic_add_fetch(&crew->nr_calls, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&crew->nr_called, called, __ATOMIC_RELAXED);
	if (joined)
		__atomic_add_fetch(&crew->nr_joined, joined, __ATOMIC_RELAXED);
}

/* Who is inside may have claimed others meanwhile, who may have gone before they are looked at here. */
void mm_job_crew_end(struct mm_crew *crew, struct mm_call *call)
{
	uint32_t seen = 0, joined = 0;

	while (seen != __atomic_load_n(&call->nr, __ATOMIC_ACQUIRE)) {
		joined += take_back(crew, &call->called[seen++]);
		if (seen == __atomic_load_n(&call->nr, __ATOMIC_ACQUIRE))
			wait_until_gone(crew, call, joined);
	}
	mm_invariant("C3: nobody is at the call", (call->gone & ~CALLER_PARKED) == joined);
	count(crew, seen, joined);
}

/* Making and unmaking */

/* The how-manieth CPU of its core. */
static unsigned rank_in_core(const struct mm_exec *x, unsigned cpu)
{
	unsigned rank = 0;

	for (unsigned i = x->cpu[cpu].first; i < cpu; i++)
		rank += x->cpu[i].first == x->cpu[cpu].first;
	return rank;
}

static unsigned order_node(struct mm_crew *crew, const uint16_t *rank, unsigned nid, unsigned at)
{
	unsigned end = at + crew->topology->nr_node_cpus[nid];

	for (unsigned r = 0; at < end; r++)
		for (unsigned cpu = 0; cpu < crew->nr; cpu++)
			if (crew->topology->node_of[cpu] == nid && rank[cpu] == r)
				crew->order[at++] = (uint16_t)cpu;
	return at;
}

static int order_cpus(struct mm_crew *crew)
{
	struct mm_meta *meta = crew->exec->meta;
	uint16_t *rank = mm_base_meta_calloc(meta, crew->nr, sizeof(*rank));
	unsigned at = 0;

	if (!rank)
		return -ENOMEM;
	for (unsigned cpu = 0; cpu < crew->nr; cpu++)
		rank[cpu] = (uint16_t)rank_in_core(crew->exec, cpu);
	for (unsigned nid = 0; nid < crew->topology->nr_nodes; nid++) {
		crew->first[nid] = at;
		at = order_node(crew, rank, nid, at);
	}
	crew->first[crew->topology->nr_nodes] = at;
	mm_base_meta_free(meta, rank, crew->nr * sizeof(*rank));
	return 0;
}

static void free_arrays(struct mm_crew *crew)
{
	struct mm_meta *meta = crew->exec->meta;

	mm_base_meta_free(meta, crew->helper, crew->nr * sizeof(*crew->helper));
	mm_base_meta_free(meta, crew->order, crew->nr * sizeof(*crew->order));
	mm_base_meta_free(meta, crew->first, (crew->topology->nr_nodes + 1) * sizeof(*crew->first));
}

int mm_job_crew_init(struct mm_crew *crew, struct mm_exec *x, const struct mm_topology *topology)
{
	*crew = (struct mm_crew){ .exec = x, .topology = topology, .nr = x->nr_cpus };
	crew->helper = mm_base_meta_calloc(x->meta, crew->nr, sizeof(*crew->helper));
	crew->order = mm_base_meta_calloc(x->meta, crew->nr, sizeof(*crew->order));
	crew->first = mm_base_meta_calloc(x->meta, topology->nr_nodes + 1, sizeof(*crew->first));
	if (!crew->helper || !crew->order || !crew->first || order_cpus(crew)) {
		free_arrays(crew);
		return -ENOMEM;
	}
	for (unsigned cpu = 0; cpu < crew->nr; cpu++) {
		crew->helper[cpu].crew = crew;
		crew->helper[cpu].cpu = cpu;
	}
	return 0;
}

/* At the priority of who waits for its end. */
static void stop(struct mm_helper *h)
{
	struct mm_exec *x = h->crew->exec;

	be_nice(h, 0);
	mm_exec_point(x, MM_POINT_ATOMIC, &h->slot);
	__atomic_store_n(&h->slot, with(look(h), SLOT_STOP), __ATOMIC_RELEASE);
	mm_exec_unpark(x, &h->slot, 1);
}

void mm_job_crew_fini(struct mm_crew *crew)
{
	for (unsigned cpu = 0; cpu < crew->nr; cpu++) {
		enum slot state = state_of(look(&crew->helper[cpu]));

		mm_invariant("C1: nobody has claimed a helper when the crew goes",
			     state <= SLOT_ASLEEP);
		if (state != SLOT_NONE)
			stop(&crew->helper[cpu]);
	}
	for (unsigned cpu = 0; cpu < crew->nr; cpu++)
		if (state_of(look(&crew->helper[cpu])) == SLOT_STOP)
			mm_exec_join(crew->exec, &crew->helper[cpu].task);
	free_arrays(crew);
}
