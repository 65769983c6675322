/* SPDX-License-Identifier: MIT */
/*
 * What the back ends of fibers on one OS thread share: tasks as strands, words to wait on, deadlines,
 * the door, the report of a deadlock. A back end adds a scheduler: who runs next, and what time is.
 *
 * One OS thread at a time runs everything. The thread that is attached is a strand on its own stack;
 * spawned tasks are fibers. An attached thread may detach while others wait or could run: they go on
 * when the next thread attaches and waits. So a fiber may go to sleep on one OS thread and wake up on
 * another: see mm_exec_set_current(). Tasks must not keep addresses of thread-locals, errno's for one,
 * across a wait.
 *
 * Nothing depends on addresses, on the host's clock or on luck: who waits for a word is woken in the
 * order of arrival, who waits for a time in the order of deadlines, equal ones by task id.
 *
 *  S1: while a thread is attached exactly one strand is `running`; it is not with the scheduler and
 *      not parked.
 *  S2: a strand is parked (in a bucket, and among the timers if it has a deadline), or with the
 *      scheduler, or running, or has ended.
 *
 * ThreadSanitizer, explore only (`unordered`): fibers switch without counting as synchronisation, so
 * that it reports every pair of accesses that only the schedule orders. The state here belongs to a
 * context of its own then: who enters it hands over what he wrote, who leaves takes nothing with him.
 *
 * Locking: `door`, held by the attached thread from attach to detach, covers everything.
 */
#ifndef MM_EXEC_STRAND_H
#define MM_EXEC_STRAND_H

#include "backend.h"
#include "fiber.h"
#include "heap.h"
#include <pthread.h>

#define MM_STRAND_BUCKETS 256

struct mm_strands;

/* What a task is here: mm_task.backend. */
struct mm_strand {
	struct mm_fiber fiber;
	struct mm_strands *owner;
	struct mm_task *task; /* NULL once it has ended, E2 */
	unsigned cpu, id; /* the task's */
	mm_list all; /* owner->all, by id */
	mm_list link; /* of the bucket while parked, else of the scheduler */
	uint32_t *word; /* parked on; NULL: not parked */
	struct mm_heap_node timer; /* key: deadline, in the scheduler's time */
	bool timed_out; /* how the latest park ended */
	bool spinning; /* parked by relax() */
	/* Of the scheduler. */
	unsigned nr_locks; /* virtual: locks held whose holders never sleep */
	uint64_t ready_at; /* virtual: since when it could run, ps; while it waits for its CPU */
	int64_t priority; /* explore, PCT: the highest runs */
};

enum mm_strand_ready { MM_STRAND_NEW, MM_STRAND_WOKEN, MM_STRAND_EXPIRED };

struct mm_sched {
	/* The guest has become the running strand: choose its task's CPU. */
	void (*attach)(struct mm_strands *s, struct mm_strand *st);
	void (*detach)(struct mm_strands *s, struct mm_strand *st);
	/* Take in a strand that can run from now on. */
	void (*ready)(struct mm_strands *s, struct mm_strand *st, enum mm_strand_ready why);
	/* The running strand waits or has ended. */
	void (*leave)(struct mm_strands *s, struct mm_strand *st);
	/* Take out who runs next. NULL: nobody can. */
	struct mm_strand *(*pick)(struct mm_strands *s);
	/* Is it the turn of this deadline? May then move time to it. */
	bool (*due)(struct mm_strands *s, uint64_t deadline);
};

/* Common head of the three back ends. */
struct mm_strands {
	struct mm_exec x;
	const struct mm_sched *sched;
	pthread_mutex_t door;
	struct mm_strand *running; /* NULL: no thread is attached */
	struct mm_strand *ended; /* has run its task, still on its stack */
	struct mm_strand guest; /* of the attached thread */
	mm_list all;
	mm_list bucket[MM_STRAND_BUCKETS]; /* parked, by word */
	struct mm_heap timers; /* parked with a deadline */
	unsigned nr, room; /* strands, and places in timers.slot */
	bool unordered;
	void *tsan; /* the context of this struct, see above */
	struct mm_fiber_stacks stacks;
};

static inline struct mm_strands *mm_strands_of(struct mm_exec *x)
{
	return mm_container_of(x, struct mm_strands, x);
}

/* Fill the head of a zeroed back end. 0 or -ENOMEM. */
int mm_exec_strands_init(struct mm_strands *s, const struct mm_exec_config *cfg,
			 const struct mm_exec_ops *ops, const struct mm_sched *sched,
			 bool unordered);

/* E3 holds. */
void mm_exec_strands_fini(struct mm_strands *s);

/* Entries of the table. */
void mm_exec_strand_attach(struct mm_exec *x, struct mm_task *task);
void mm_exec_strand_detach(struct mm_exec *x, struct mm_task *task);
int mm_exec_strand_spawn(struct mm_exec *x, struct mm_task *task);
void mm_exec_strand_unpark(struct mm_exec *x, uint32_t *word, unsigned n);

/* park() and, with spinning, relax(); the deadline in the scheduler's time. */
int mm_exec_strand_park(struct mm_strands *s, uint32_t *word, uint32_t val, uint64_t deadline,
			bool spinning);

/* The first strand that spins on the word, the (skip + 1)-th of them; NULL: there is none. */
struct mm_strand *mm_exec_strand_spinner(struct mm_strands *s, const uint32_t *word, unsigned skip);

/* How many there are. */
unsigned mm_exec_strand_spinners(struct mm_strands *s, const uint32_t *word);

/* Take a parked strand out; it is for the scheduler then. */
void mm_exec_strand_take(struct mm_strands *s, struct mm_strand *st);

/* The running strand is with the scheduler or parked: let the next one run. */
void mm_exec_strand_reschedule(struct mm_strands *s);

/* Around every use of what is in these structs; returns what leave() wants. Nothing may switch between. */
void *mm_exec_strands_enter(struct mm_strands *s);
void mm_exec_strands_leave(struct mm_strands *s, void *from);

#endif
