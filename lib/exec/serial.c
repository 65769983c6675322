/* SPDX-License-Identifier: MIT */
/*
 * The back end of fibers that take turns.
 *
 * One OS thread at a time runs everything. The thread that is attached is the first task, on its own
 * stack; spawned tasks are fibers. A switch happens only in park, relax and yield. Whoever can run
 * waits in one queue, first come first served, whatever its CPU; whoever waits for a word is on
 * one list in the order of arrival. So the order of everything follows from the order of calls:
 * nothing depends on addresses, on the host's clock or on luck.
 *
 * Time is a counter: 0 at the start, 1 ns more with each now() and each yield (so that loops which
 * wait for time end), and when nobody can run it jumps to the earliest deadline. Deadlines that have
 * passed end their waits at the next switch: earliest first, equal ones by task id. When nobody can
 * run and nobody has a deadline, that is reported as a deadlock and the program stops.
 *
 * An attached thread may detach while others wait or could run: they go on when the next thread
 * attaches and waits. So a fiber may go to sleep on one OS thread and wake up on another: see
 * mm_exec_set_current(). Tasks must not keep addresses of thread-locals, errno's for one, across a
 * wait.
 *
 * S1: exactly one task is on no list while a thread is attached: `running`.
 *
 * Locking: `door`, held by the attached thread from attach to detach, covers everything.
 */
#include "serial.h"

#include "backend.h"
#include "bits.h"
#include "fiber.h"
#include <errno.h>
#include <pthread.h>

/* Stacks are touched page by page, so this costs addresses, not memory. */
#define STACK_BYTES ((size_t)(MM_ASAN || MM_TSAN ? 2048 : 768) << 10)

/* What a task is here: mm_task.backend. */
struct strand {
	struct mm_fiber fiber;
	struct serial *serial;
	struct mm_task *task; /* on a list by its `link`, see S1 */
	uint32_t *word; /* parked on */
	uint64_t deadline; /* of the latest park */
	bool timed_out; /* how the latest park ended */
};

struct serial {
	struct mm_exec x;
	pthread_mutex_t door;
	mm_list ready;
	mm_list parked;
	uint64_t clock;
	unsigned nr_timed; /* parked with a deadline */
	struct strand *running; /* NULL: no thread is attached */
	struct strand *ended; /* has run its task, still on its stack */
	struct strand guest; /* of the attached thread */
	struct mm_fiber_stacks stacks;
};

static struct serial *to_serial(struct mm_exec *x)
{
	return mm_container_of(x, struct serial, x);
}

static struct strand *strand_of(mm_list *link)
{
	return mm_list_entry(link, struct mm_task, link)->backend;
}

/* Lists */

static void park_strand(struct serial *s, struct strand *st, uint32_t *word, uint64_t deadline)
{
	st->word = word;
	st->deadline = deadline;
	st->timed_out = false;
	s->nr_timed += deadline != MM_NEVER;
	mm_list_add_tail(&st->task->link, &s->parked);
}

static void unpark_strand(struct serial *s, struct strand *st, bool timed_out)
{
	s->nr_timed -= st->deadline != MM_NEVER;
	st->timed_out = timed_out;
	mm_list_move_tail(&st->task->link, &s->ready);
}

static bool is_before(const struct strand *a, const struct strand *b)
{
	return a->deadline < b->deadline ||
	       (a->deadline == b->deadline && a->task->id < b->task->id);
}

/* NULL: nobody has a deadline. */
static struct strand *earliest(struct serial *s)
{
	struct strand *best = NULL;

	if (!s->nr_timed)
		return NULL;
	mm_list_for_each(pos, &s->parked) {
		struct strand *st = strand_of(pos);

		if (st->deadline != MM_NEVER && (!best || is_before(st, best)))
			best = st;
	}
	return best;
}

/* Those whose time has come may run, and time comes if nobody else may. */
static void expire(struct serial *s)
{
	struct strand *st;

	while ((st = earliest(s)) && (st->deadline <= s->clock || mm_list_empty(&s->ready))) {
		s->clock = mm_max(s->clock, st->deadline);
		unpark_strand(s, st, true);
	}
}

/* Switching */

static __attribute__((noreturn, cold)) void deadlock(struct serial *s)
{
	struct mm_log *log = s->x.log;

	mm_base_log(log, "deadlock: every task waits and none has a deadline");
	mm_list_for_each(pos, &s->parked) {
		const struct strand *st = strand_of(pos);

		mm_base_log(log, "deadlock: task %u on cpu %u waits on %p (= %u), holds %u locks",
			    st->task->id, st->task->cpu, (void *)st->word, *st->word,
			    st->task->nr_held);
	}
	mm_base_broken("deadlock", "a task can run or has a deadline", __FILE__, __LINE__);
}

static void reap(struct serial *s)
{
	struct strand *st = s->ended;

	s->ended = NULL;
	if (!st)
		return;
	mm_exec_fiber_destroy(&st->fiber);
	mm_base_meta_free(s->x.meta, st, sizeof(*st));
}

static struct strand *pick(struct serial *s)
{
	struct strand *st;

	expire(s);
	if (mm_list_empty(&s->ready))
		deadlock(s);
	st = strand_of(s->ready.next);
	mm_list_del(&st->task->link);
	s->running = st;
	mm_exec_set_current(st->task);
	return st;
}

/*
 * The running task is on a list: let the next one run. After the switch this may be another OS
 * thread; so nothing here touches a thread-local after it, and the caller's are out of line.
 */
static __attribute__((noinline)) void reschedule(struct serial *s)
{
	struct strand *from = s->running, *to;

	to = pick(s);
	if (to == from)
		return;
	mm_exec_fiber_switch(&from->fiber, &to->fiber);
	reap(s);
}

static void strand_main(void *arg)
{
	struct strand *st = arg;
	struct serial *s = st->serial;

	reap(s);
	st->task->fn(st->task->arg);
	mm_exec_finish(&s->x, st->task);
	st->task = NULL; /* E2 */
	s->ended = st;
	mm_exec_fiber_exit(&st->fiber, &pick(s)->fiber);
}

/* The table */

static void serial_attach(struct mm_exec *x, struct mm_task *task)
{
	struct serial *s = to_serial(x);
	int err = pthread_mutex_lock(&s->door);

	/* Of an errorcheck mutex: the thread, further out, is already a task of this exec. */
	mm_invariant("E5: a thread attaches once to a serial exec", err != EDEADLK);
	s->guest = (struct strand){ .serial = s, .task = task };
	mm_exec_fiber_adopt(&s->guest.fiber, &s->stacks);
	task->backend = &s->guest;
	s->running = &s->guest;
}

static void serial_detach(struct mm_exec *x, struct mm_task *task)
{
	struct serial *s = to_serial(x);

	mm_invariant("S1: the attached task runs", s->running == task->backend);
	s->running = NULL;
	pthread_mutex_unlock(&s->door);
}

static int serial_spawn(struct mm_exec *x, struct mm_task *task)
{
	struct serial *s = to_serial(x);
	struct strand *st = mm_base_meta_alloc(x->meta, sizeof(*st));

	if (!st)
		return -EAGAIN;
	if (mm_exec_fiber_create(&st->fiber, &s->stacks, strand_main, st)) {
		mm_base_meta_free(x->meta, st, sizeof(*st));
		return -EAGAIN;
	}
	st->serial = s;
	st->task = task;
	task->backend = st;
	mm_list_add_tail(&task->link, &s->ready);
	return 0;
}

static int serial_park(struct mm_exec *x, uint32_t *word, uint32_t val, uint64_t deadline)
{
	struct serial *s = to_serial(x);
	struct strand *st = s->running;

	if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != val)
		return 0;
	park_strand(s, st, word, deadline);
	reschedule(s);
	return st->timed_out ? -ETIMEDOUT : 0;
}

static void serial_unpark(struct mm_exec *x, uint32_t *word, unsigned n)
{
	struct serial *s = to_serial(x);

	mm_list_for_each_safe(pos, next, &s->parked) {
		struct strand *st = strand_of(pos);

		if (!n)
			break;
		if (st->word != word)
			continue;
		unpark_strand(s, st, false);
		n--;
	}
}

static void serial_relax(struct mm_exec *x, uint32_t *word, uint32_t val, unsigned spin)
{
	(void)spin;
	serial_park(x, word, val, MM_NEVER);
}

static void serial_yield(struct mm_exec *x)
{
	struct serial *s = to_serial(x);

	s->clock++;
	mm_list_add_tail(&s->running->task->link, &s->ready);
	reschedule(s);
}

static uint64_t serial_now(struct mm_exec *x)
{
	return to_serial(x)->clock++;
}

static void serial_destroy(struct mm_exec *x)
{
	struct serial *s = to_serial(x);
	struct mm_meta *meta = x->meta;

	mm_invariant("E3: no task is left", !s->running && !s->ended && mm_list_empty(&s->ready) &&
						    mm_list_empty(&s->parked));
	mm_exec_stacks_fini(&s->stacks);
	pthread_mutex_destroy(&s->door);
	mm_exec_fini(x);
	mm_base_meta_free(meta, s, sizeof(*s));
}

static const struct mm_exec_ops serial_ops = {
	.name = "serial",
	.attach = serial_attach,
	.detach = serial_detach,
	.spawn = serial_spawn,
	.park = serial_park,
	.unpark = serial_unpark,
	.relax = serial_relax,
	.yield = serial_yield,
	.now = serial_now,
	.destroy = serial_destroy,
};

static void door_init(pthread_mutex_t *door)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(door, &attr);
	pthread_mutexattr_destroy(&attr);
}

int mm_exec_serial_create(const struct mm_exec_config *cfg, struct mm_exec **out)
{
	struct serial *s = mm_base_meta_alloc(cfg->meta, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (mm_exec_init(&s->x, cfg, &serial_ops)) {
		mm_base_meta_free(cfg->meta, s, sizeof(*s));
		return -ENOMEM;
	}
	s->x.wakes_relaxed = true;
	door_init(&s->door);
	mm_list_init(&s->ready);
	mm_list_init(&s->parked);
	mm_exec_stacks_init(&s->stacks, STACK_BYTES, cfg->fault, false);
	*out = &s->x;
	return 0;
}
