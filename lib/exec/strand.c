/* SPDX-License-Identifier: MIT */
/* What the back ends of fibers on one OS thread share. */
#include "strand.h"

#include "bits.h"
#include <errno.h>
#include <string.h>

#if MM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* Stacks are touched page by page, so this costs addresses, not memory. */
#define STACK_BYTES ((size_t)(MM_ASAN || MM_TSAN ? 2048 : 768) << 10)
#define FIRST_ROOM 64

/* The context that ThreadSanitizer sees. Not instrumented: a call begins in one and ends in another. */

MM_NO_TSAN void *mm_exec_strands_enter(struct mm_strands *s)
{
#if MM_TSAN
	void *from = __tsan_get_current_fiber();

	if (s->unordered)
		__tsan_switch_to_fiber(s->tsan, 0);
	return from;
#else
	(void)s;
	return NULL;
#endif
}

MM_NO_TSAN void mm_exec_strands_leave(struct mm_strands *s, void *from)
{
#if MM_TSAN
	if (s->unordered)
		__tsan_switch_to_fiber(from, __tsan_switch_to_fiber_no_sync);
#else
	(void)s;
	(void)from;
#endif
}

/*
 * Taking along what the context did. For a thread that comes or goes: it was outside, and its stack,
 * where its task is, is its own again.
 */
static MM_NO_TSAN void leave_ordered(struct mm_strands *s, void *from)
{
#if MM_TSAN
	if (s->unordered)
		__tsan_switch_to_fiber(from, 0);
#else
	(void)s;
	(void)from;
#endif
}

/* Waiting */

static mm_list *bucket_of(struct mm_strands *s, const uint32_t *word)
{
	return &s->bucket[((uintptr_t)word >> 2) * UINT64_C(0x9e3779b97f4a7c15) >> 56];
}

_Static_assert(MM_STRAND_BUCKETS == 1 << (64 - 56), "one bucket per hash");

static void park_strand(struct mm_strands *s, struct mm_strand *st, uint32_t *word,
			uint64_t deadline, bool spinning)
{
	st->word = word;
	st->timed_out = false;
	st->spinning = spinning;
	if (deadline != MM_NEVER) {
		st->timer.key = deadline;
		st->timer.tie = st->id;
		mm_heap_push(&s->timers, &st->timer);
	}
	mm_list_add_tail(&st->link, bucket_of(s, word));
}

void mm_exec_strand_take(struct mm_strands *s, struct mm_strand *st)
{
	if (st->timer.at)
		mm_heap_remove(&s->timers, &st->timer);
	mm_list_del(&st->link);
	st->word = NULL;
}

/* Those whose time has come may run. */
static void expire(struct mm_strands *s)
{
	struct mm_heap_node *first;

	while ((first = mm_heap_first(&s->timers)) && s->sched->due(s, first->key)) {
		struct mm_strand *st = mm_container_of(first, struct mm_strand, timer);

		mm_exec_strand_take(s, st);
		st->timed_out = true;
		s->sched->ready(s, st, MM_STRAND_EXPIRED);
	}
}

struct mm_strand *mm_exec_strand_spinner(struct mm_strands *s, const uint32_t *word, unsigned skip)
{
	mm_list_for_each(pos, bucket_of(s, word)) {
		struct mm_strand *st = mm_list_entry(pos, struct mm_strand, link);

		if (st->word == word && st->spinning && !skip--)
			return st;
	}
	return NULL;
}

unsigned mm_exec_strand_spinners(struct mm_strands *s, const uint32_t *word)
{
	unsigned nr = 0;

	mm_list_for_each(pos, bucket_of(s, word)) {
		const struct mm_strand *st = mm_list_entry(pos, struct mm_strand, link);

		nr += st->word == word && st->spinning;
	}
	return nr;
}

/* Switching */

static void report_waiter(struct mm_log *log, const struct mm_strand *st)
{
	const struct mm_task *task = st->task;

	mm_base_log(log, "deadlock: task %u on cpu %u waits for %s (word is %u), holds %u locks",
		    st->id, st->cpu, task->waits_for ? task->waits_for : "a word", *st->word,
		    task->nr_held);
	for (unsigned i = 0; i < task->nr_held; i++)
		mm_base_log(log, "deadlock: task %u holds %s", st->id, task->held_name[i]);
}

static __attribute__((noreturn, cold)) void deadlock(struct mm_strands *s)
{
	mm_base_log(s->x.log, "deadlock: every task waits and none has a deadline");
	mm_list_for_each(pos, &s->all)
		report_waiter(s->x.log, mm_list_entry(pos, struct mm_strand, all));
	mm_base_broken("deadlock", "a task can run or has a deadline", __FILE__, __LINE__);
}

/* Whose fiber to go to; `running` and the current task are that already. */
static struct mm_strand *next(struct mm_strands *s)
{
	struct mm_strand *to;

	expire(s);
	to = s->sched->pick(s);
	if (!to)
		deadlock(s);
	s->running = to;
	mm_exec_set_current(to->task);
	return to;
}

static void reap(struct mm_strands *s)
{
	void *from = mm_exec_strands_enter(s);
	struct mm_strand *st = s->ended;

	s->ended = NULL;
	if (st) {
		mm_exec_fiber_destroy(&st->fiber);
		mm_base_meta_free(s->x.meta, st, sizeof(*st));
	}
	mm_exec_strands_leave(s, from);
}

/*
 * After the switch this may be another OS thread; so nothing here touches a thread-local after it,
 * and the caller's are out of line.
 */
__attribute__((noinline)) void mm_exec_strand_reschedule(struct mm_strands *s)
{
	void *me = mm_exec_strands_enter(s);
	struct mm_strand *from = s->running, *to = next(s);

	s->x.nr_switches += to != from;
	mm_exec_strands_leave(s, me);
	if (to == from)
		return;
	mm_exec_fiber_switch(&from->fiber, &to->fiber);
	if (MM_TSAN || mm_unlikely(s->ended != NULL))
		reap(s);
}

static struct mm_strand *end_strand(struct mm_strands *s, struct mm_strand *st)
{
	void *me = mm_exec_strands_enter(s);
	struct mm_strand *to;

	st->task = NULL; /* E2 */
	mm_list_del(&st->all);
	s->nr--;
	s->sched->leave(s, st);
	s->ended = st;
	to = next(s);
	s->x.nr_switches++;
	mm_exec_strands_leave(s, me);
	return to;
}

static void strand_main(void *arg)
{
	struct mm_strand *st = arg;
	struct mm_strands *s = st->owner;

	reap(s);
	st->task->fn(st->task->arg);
	mm_exec_finish(&s->x, st->task);
	mm_exec_fiber_exit(&st->fiber, &end_strand(s, st)->fiber);
}

/* The table */

static void init_strand(struct mm_strand *st, struct mm_strands *s, struct mm_task *task)
{
	st->owner = s;
	st->task = task;
	st->cpu = task->cpu;
	st->id = task->id;
	task->backend = st;
}

static void add_strand(struct mm_strands *s, struct mm_strand *st)
{
	mm_list_add_tail(&st->all, &s->all);
	s->nr++;
}

void mm_exec_strand_attach(struct mm_exec *x, struct mm_task *task)
{
	struct mm_strands *s = mm_strands_of(x);
	int err = pthread_mutex_lock(&s->door);
	struct mm_fiber here;
	void *me;

	/* Of an errorcheck mutex: the thread, further out, is already a task of this exec. */
	mm_invariant("E5: a thread attaches once to such an exec", err != EDEADLK);
	mm_exec_number(x, task);
	mm_exec_fiber_adopt(&here, &s->stacks);
	me = mm_exec_strands_enter(s);
	s->guest = (struct mm_strand){ .fiber = here };
	init_strand(&s->guest, s, task);
	add_strand(s, &s->guest);
	s->running = &s->guest;
	s->sched->attach(s, &s->guest);
	leave_ordered(s, me);
	task->cpu = s->guest.cpu;
}

void mm_exec_strand_detach(struct mm_exec *x, struct mm_task *task)
{
	struct mm_strands *s = mm_strands_of(x);
	void *me = mm_exec_strands_enter(s);

	mm_invariant("S1: the attached task runs",
		     s->running == task->backend && s->running == &s->guest);
	s->sched->detach(s, &s->guest);
	mm_list_del(&s->guest.all);
	s->nr--;
	s->running = NULL;
	leave_ordered(s, me);
	pthread_mutex_unlock(&s->door);
}

/* A place among the timers for each strand and for one more guest. */
static bool make_room(struct mm_strands *s)
{
	struct mm_heap_node **slot;
	unsigned room = s->room;

	if (s->nr + 1 < room)
		return true;
	slot = mm_base_meta_calloc(s->x.meta, 2 * (size_t)room, sizeof(struct mm_heap_node *));
	if (!slot)
		return false;
	memcpy(slot, s->timers.slot, s->timers.nr * sizeof(struct mm_heap_node *));
	mm_base_meta_free(s->x.meta, s->timers.slot, room * sizeof(struct mm_heap_node *));
	s->timers.slot = slot;
	s->room = 2 * room;
	return true;
}

static int start_strand(struct mm_strands *s, struct mm_task *task)
{
	struct mm_strand *st;

	if (!make_room(s))
		return -EAGAIN;
	st = mm_base_meta_alloc(s->x.meta, sizeof(*st));
	if (!st)
		return -EAGAIN;
	/*
	 * What the task reads, or who joins it may free, before the fiber is made: its start is ordered
	 * after that.
	 */
	init_strand(st, s, task);
	if (mm_exec_fiber_create(&st->fiber, &s->stacks, strand_main, st)) {
		mm_base_meta_free(s->x.meta, st, sizeof(*st));
		return -EAGAIN;
	}
	add_strand(s, st);
	s->sched->ready(s, st, MM_STRAND_NEW);
	return 0;
}

int mm_exec_strand_spawn(struct mm_exec *x, struct mm_task *task)
{
	struct mm_strands *s = mm_strands_of(x);
	void *me = mm_exec_strands_enter(s);
	int err = start_strand(s, task);

	/* One that did not start is the caller's again, to be used for another. */
	if (err)
		leave_ordered(s, me);
	else
		mm_exec_strands_leave(s, me);
	return err;
}

static bool timed_out(struct mm_strands *s)
{
	void *me = mm_exec_strands_enter(s);
	bool result = s->running->timed_out;

	mm_exec_strands_leave(s, me);
	return result;
}

int mm_exec_strand_park(struct mm_strands *s, uint32_t *word, uint32_t val, uint64_t deadline,
			bool spinning)
{
	void *me;

	if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != val)
		return 0;
	me = mm_exec_strands_enter(s);
	park_strand(s, s->running, word, deadline, spinning);
	s->sched->leave(s, s->running);
	mm_exec_strands_leave(s, me);
	mm_exec_strand_reschedule(s);
	return timed_out(s) ? -ETIMEDOUT : 0;
}

static void unpark(struct mm_strands *s, const uint32_t *word, unsigned n)
{
	mm_list_for_each_safe(pos, after, bucket_of(s, word)) {
		struct mm_strand *st = mm_list_entry(pos, struct mm_strand, link);

		if (!n)
			break;
		if (st->word != word)
			continue;
		mm_exec_strand_take(s, st);
		s->sched->ready(s, st, MM_STRAND_WOKEN);
		n--;
	}
}

void mm_exec_strand_unpark(struct mm_exec *x, uint32_t *word, unsigned n)
{
	struct mm_strands *s = mm_strands_of(x);
	void *me = mm_exec_strands_enter(s);

	unpark(s, word, n);
	mm_exec_strands_leave(s, me);
}

/* Making and unmaking */

static void door_init(pthread_mutex_t *door)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(door, &attr);
	pthread_mutexattr_destroy(&attr);
}

int mm_exec_strands_init(struct mm_strands *s, const struct mm_exec_config *cfg,
			 const struct mm_exec_ops *ops, const struct mm_sched *sched,
			 bool unordered)
{
	s->room = FIRST_ROOM;
	s->timers.slot = mm_base_meta_calloc(cfg->meta, s->room, sizeof(struct mm_heap_node *));
	if (!s->timers.slot)
		return -ENOMEM;
	if (mm_exec_init(&s->x, cfg, ops)) {
		mm_base_meta_free(cfg->meta, s->timers.slot,
				  s->room * sizeof(struct mm_heap_node *));
		return -ENOMEM;
	}
	s->x.wakes_relaxed = true;
	s->sched = sched;
	s->unordered = unordered;
#if MM_TSAN
	s->tsan = __tsan_create_fiber(0);
#endif
	door_init(&s->door);
	mm_list_init(&s->all);
	for (unsigned i = 0; i < MM_STRAND_BUCKETS; i++)
		mm_list_init(&s->bucket[i]);
	mm_exec_stacks_init(&s->stacks, STACK_BYTES, cfg->fault, unordered);
	return 0;
}

void mm_exec_strands_fini(struct mm_strands *s)
{
	mm_invariant("E3: no task is left",
		     !s->running && !s->ended && mm_list_empty(&s->all) && !s->timers.nr);
	mm_exec_stacks_fini(&s->stacks);
	pthread_mutex_destroy(&s->door);
#if MM_TSAN
	__tsan_destroy_fiber(s->tsan);
#endif
	mm_base_meta_free(s->x.meta, s->timers.slot, s->room * sizeof(struct mm_heap_node *));
	mm_exec_fini(&s->x);
}
