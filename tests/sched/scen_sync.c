/* SPDX-License-Identifier: MIT */
/* Locks, completions, tasks: nobody inside with another, nobody left waiting. */
#include "scenario.h"

#include "completion.h"
#include "machine.h"
#include "mutex.h"

enum { CPUS = 3, ROUNDS = 2 };

struct shared {
	struct mmsim *m;
	struct mm_mutex mutex;
	struct mm_spinlock spin;
	struct mm_completion completion;
	unsigned count; /* under the mutex or the lock */
	unsigned tried; /* atomic: trylocks that were refused */
};

/* Reads, lets others run, writes: loses counts unless it is alone. */
static void count_up(struct shared *s)
{
	unsigned seen = s->count;

	mm_exec_resched(s->m->exec);
	s->count = seen + 1;
}

static void mutex_task(unsigned i, void *arg)
{
	struct shared *s = arg;

	(void)i;
	for (unsigned k = 0; k < ROUNDS; k++) {
		mm_sync_mutex_lock(&s->mutex);
		count_up(s);
		mm_sync_mutex_unlock(&s->mutex);
	}
}

static void mutex(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct shared s = { .m = m };

	mm_sync_mutex_init(&s.mutex, &m->locks, MM_RANK_NODE_RESIZE);
	expect(!mmsim_run(m, CPUS, mutex_task, &s), "tasks start");
	expect(s.count == CPUS * ROUNDS, "a mutex lets one in");
	mm_sync_mutex_fini(&s.mutex);
}

static void spin_task(unsigned i, void *arg)
{
	struct shared *s = arg;

	for (unsigned k = 0; k < ROUNDS; k++) {
		if (i) {
			mm_spin_lock(&s->spin);
		} else if (!mm_spin_trylock(&s->spin)) {
			__atomic_add_fetch(&s->tried, 1, __ATOMIC_RELAXED);
			continue;
		}
		count_up(s);
		mm_spin_unlock(&s->spin);
	}
}

static void spinlock(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct shared s = { .m = m };

	mm_sync_spin_init(&s.spin, &m->locks, MM_RANK_NODE_RESIZE);
	expect(!mmsim_run(m, CPUS, spin_task, &s), "tasks start");
	expect(s.count + s.tried == CPUS * ROUNDS, "a spin lock lets one in");
	mm_sync_spin_fini(&s.spin);
}

/* Two tasks complete as often as a third waits. */
static void completion_task(unsigned i, void *arg)
{
	struct shared *s = arg;

	for (unsigned k = 0; k < ROUNDS; k++)
		if (i < 2)
			mm_complete(&s->completion);
	for (unsigned k = 0; i == 2 && k < 2 * ROUNDS; k++)
		expect(!mm_sync_wait_for_completion(&s->completion, MM_NEVER),
		       "a wait without end is not timed out");
}

static void completion(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct shared s = { .m = m };

	mm_completion_init(&s.completion, m->exec);
	expect(!mmsim_run(m, CPUS, completion_task, &s), "tasks start");
	expect(!s.completion.done, "as many waits as completions");
}

/* With a deadline: it is completed or timed out, and no completion is lost. */
static void deadline_task(unsigned i, void *arg)
{
	struct shared *s = arg;

	if (i < 2)
		mm_complete(&s->completion);
	else if (mm_sync_wait_for_completion(&s->completion, mmsim_now(s->m) + 5))
		__atomic_add_fetch(&s->tried, 1, __ATOMIC_RELAXED);
}

static void completion_deadline(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct shared s = { .m = m };

	mm_completion_init(&s.completion, m->exec);
	expect(!mmsim_run(m, CPUS, deadline_task, &s), "tasks start");
	expect(s.completion.done == 1 + s.tried, "a completion was taken or is left");
}

struct request {
	struct mm_completion done;
	unsigned answer; /* before done */
};

struct post {
	struct mmsim *m;
	struct mm_mutex mutex;
	struct request *asked; /* under the mutex */
	unsigned served;
};

/* A request lives on the stack of who asks; who answers must not touch it after mm_complete(). */
static void ask(struct post *post, unsigned number)
{
	struct request request = { .answer = 0 };
	bool posted = false;

	mm_completion_init(&request.done, post->m->exec);
	while (!posted) {
		mm_sync_mutex_lock(&post->mutex);
		posted = !post->asked;
		if (posted)
			post->asked = &request;
		mm_sync_mutex_unlock(&post->mutex);
		mmsim_yield(post->m);
	}
	mm_sync_wait_for_completion(&request.done, MM_NEVER);
	expect(request.answer == number, "the answer is there");
	request.answer = 0;
}

static void answer(struct post *post)
{
	while (post->served < 2) {
		struct request *request;

		mm_sync_mutex_lock(&post->mutex);
		request = post->asked;
		post->asked = NULL;
		mm_sync_mutex_unlock(&post->mutex);
		if (request) {
			request->answer = 42;
			post->served++;
			mm_complete(&request->done);
		}
		mmsim_yield(post->m);
	}
}

static void hand_over_task(unsigned i, void *arg)
{
	if (i)
		ask(arg, 42);
	else
		answer(arg);
}

static void hand_over(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct post post = { .m = m };

	mm_sync_mutex_init(&post.mutex, &m->locks, MM_RANK_NODE_RESIZE);
	expect(!mmsim_run(m, CPUS, hand_over_task, &post), "tasks start");
	mm_sync_mutex_fini(&post.mutex);
}

struct child {
	struct mm_task task;
	struct mmsim *m;
	unsigned depth;
	unsigned seen; /* by the parent, after the join */
};

static void child_main(void *arg)
{
	struct child *c = arg;
	struct child below[2];

	mm_exec_resched(c->m->exec);
	for (unsigned i = 0; c->depth && i < 2; i++) {
		below[i] = (struct child){ .m = c->m, .depth = c->depth - 1 };
		expect(!mm_exec_spawn(c->m->exec, &below[i].task, NULL, child_main, &below[i]),
		       "a task is made");
	}
	for (unsigned i = 0; c->depth && i < 2; i++) {
		mm_exec_join(c->m->exec, &below[i].task);
		c->seen += below[i].seen;
	}
	c->seen++;
}

static void spawn_join(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct child c = { .m = m, .depth = 2 };

	child_main(&c);
	expect(c.seen == 7, "every task ended before its join");
}

#define SCENARIO(n, text, function)                                    \
	{                                                              \
		.name = n, .what = text, .cpus = CPUS, .run = function \
	}

const struct scenario scenarios_sync[] = {
	SCENARIO("mutex", "three tasks count under a mutex", mutex),
	SCENARIO("spinlock", "three tasks count under a spin lock, one by trylock", spinlock),
	SCENARIO("completion", "two tasks complete, one waits for all", completion),
	SCENARIO("completion-deadline", "a wait with a deadline", completion_deadline),
	SCENARIO("hand-over", "requests on the asker's stack, by mutex and completion", hand_over),
	SCENARIO("spawn-join", "tasks that start and join tasks", spawn_join),
	{ 0 },
};
