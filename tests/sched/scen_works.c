/* SPDX-License-Identifier: MIT */
/*
 * Workqueues: what was queued runs or was cancelled, never twice at a time, and a flush has waited.
 */
#include "scenario.h"

#include "completion.h"
#include "machine.h"
#include "workqueue.h"

enum { CPUS = 3, WORKS = 3, MAX_ACTIVE = 2 };

struct item {
	struct mm_work work;
	struct scene *scene;
	uint32_t queued; /* atomic: queueings that were accepted */
	uint32_t ran; /* atomic */
	uint32_t cancelled; /* atomic */
	uint32_t inside; /* atomic */
	uint32_t again; /* atomic: how often it will queue itself */
};

struct scene {
	struct mmsim *m;
	struct mm_workqueue *wq;
	struct item item[WORKS];
	struct mm_delayed_work delayed;
	uint32_t max_active; /* over all pools */
	uint32_t active; /* atomic: works being run */
	uint32_t cancelled; /* atomic: the delayed work must not run any more */
	uint32_t ran; /* atomic: the delayed work */
};

static bool queue(struct item *item)
{
	/* Before: it may have run when the call returns. */
	__atomic_add_fetch(&item->queued, 1, __ATOMIC_RELAXED);
	if (mm_sync_queue_work(item->scene->wq, &item->work))
		return true;
	__atomic_sub_fetch(&item->queued, 1, __ATOMIC_RELAXED);
	return false;
}

static void item_main(struct mm_work *work)
{
	struct item *item = mm_container_of(work, struct item, work);
	struct scene *s = item->scene;

	expect(__atomic_add_fetch(&item->inside, 1, __ATOMIC_RELAXED) == 1,
	       "W1: a work runs once at a time");
	expect(__atomic_add_fetch(&s->active, 1, __ATOMIC_RELAXED) <= s->max_active,
	       "W3: at most max_active works run");
	if (__atomic_load_n(&item->again, __ATOMIC_RELAXED)) {
		__atomic_sub_fetch(&item->again, 1, __ATOMIC_RELAXED);
		queue(item);
	}
	mm_exec_resched(s->m->exec);
	__atomic_sub_fetch(&s->active, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&item->inside, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&item->ran, 1, __ATOMIC_RELAXED);
}

/*
 * A queueing of the caller's has run when its flush returns, if nobody cancels. Not so one of somebody
 * else's that is under way: pending already, but perhaps not on the list yet.
 */
static void queue_and_flush(struct item *item)
{
	uint32_t ran = __atomic_load_n(&item->ran, __ATOMIC_RELAXED);
	bool own = queue(item);

	mm_sync_flush_work(&item->work);
	expect(!own || __atomic_load_n(&item->ran, __ATOMIC_RELAXED) > ran, "W2: flush has waited");
}

static void open_scene(struct scene *s, struct mmsim *m, bool bound)
{
	struct mm_workqueue_config cfg = {
		.bound = bound,
		.max_active = MAX_ACTIVE,
		.locks = &m->locks,
		.topology = &m->topology,
	};

	*s = (struct scene){ .m = m, .max_active = MAX_ACTIVE * (bound ? CPUS : 1) };
	for (unsigned i = 0; i < WORKS; i++) {
		s->item[i].scene = s;
		mm_work_init(&s->item[i].work, item_main);
	}
	expect(!mm_sync_workqueue_create(m->exec, &cfg, &s->wq), "a queue is made");
}

/* Every queueing is accounted for. */
static void close_scene(struct scene *s)
{
	mm_sync_workqueue_destroy(s->wq);
	for (unsigned i = 0; i < WORKS; i++)
		expect(s->item[i].queued == s->item[i].ran + s->item[i].cancelled,
		       "W2: all that was queued ran or was cancelled");
}

static void run_scene(struct mmsim *m, void (*fn)(unsigned i, void *arg), uint32_t again)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m, false);
	s.item[0].again = again;
	expect(!mmsim_run(m, CPUS, fn, &s), "tasks start");
	close_scene(&s);
}

static void flush_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	queue_and_flush(&s->item[i % 2]);
	queue_and_flush(&s->item[2]);
}

static void work_flush(struct mmsim *m)
{
	run_scene(m, flush_task, 0);
}

static void cancel_task(unsigned i, void *arg)
{
	struct item *item = &((struct scene *)arg)->item[i / 2];

	for (unsigned k = 0; k < 2; k++) {
		queue(item);
		if (mm_sync_cancel_work(&item->work))
			__atomic_add_fetch(&item->cancelled, 1, __ATOMIC_RELAXED);
		if (i == 1)
			mm_sync_flush_work(&item->work);
	}
}

static void work_cancel(struct mmsim *m)
{
	run_scene(m, cancel_task, 0);
}

static void requeue_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	if (i < 2)
		queue_and_flush(&s->item[0]);
	else
		queue_and_flush(&s->item[1]);
}

static void work_requeue(struct mmsim *m)
{
	run_scene(m, requeue_task, 2);
}

/* More works than may run at once. */
static void many_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	(void)i;
	for (unsigned k = 0; k < WORKS; k++)
		queue(&s->item[k]);
	for (unsigned k = 0; k < WORKS; k++)
		mm_sync_flush_work(&s->item[k].work);
}

static void work_many(struct mmsim *m)
{
	run_scene(m, many_task, 0);
}

/* The limit goes up and down while works come and go. */
static void limit_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	if (i == 0) {
		expect(!mm_sync_workqueue_set_max_active(s->wq, 1), "a lower limit needs nothing");
		expect(!mm_sync_workqueue_set_max_active(s->wq, MAX_ACTIVE + 1), "there is room");
		expect(!mm_sync_workqueue_set_max_active(s->wq, 1), "a lower limit needs nothing");
	} else {
		queue_and_flush(&s->item[i]);
		queue_and_flush(&s->item[0]);
	}
}

/* Each waits until the other has begun: with a limit of one, until that grows. */
struct meeting {
	struct mm_work work;
	struct mm_completion here, *other;
};

static void meet(struct mm_work *work)
{
	struct meeting *a = mm_container_of(work, struct meeting, work);

	mm_complete(a->other);
	mm_sync_wait_for_completion(&a->here, MM_NEVER);
}

static void work_limit(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct meeting a[2];
	struct scene s;

	open_scene(&s, m, false);
	s.max_active = MAX_ACTIVE + 1;
	expect(!mmsim_run(m, CPUS, limit_task, &s), "tasks start");
	s.max_active = 1;
	many_task(0, &s);
	for (unsigned i = 0; i < 2; i++) {
		mm_work_init(&a[i].work, meet);
		mm_completion_init(&a[i].here, m->exec);
		a[i].other = &a[!i].here;
	}
	for (unsigned i = 0; i < 2; i++)
		mm_sync_queue_work(s.wq, &a[i].work);
	expect(!mm_sync_workqueue_set_max_active(s.wq, 2), "there is room");
	mm_sync_flush_work(&a[0].work);
	mm_sync_flush_work(&a[1].work);
	close_scene(&s);
}

/* The same work on different CPUs of a bound queue: it stays in the pool where it runs. */
static void work_bound(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m, true);
	expect(!mmsim_run(m, CPUS, flush_task, &s), "tasks start");
	close_scene(&s);
}

static void delayed_main(struct mm_work *work)
{
	struct mm_delayed_work *dw = mm_container_of(work, struct mm_delayed_work, work);
	struct scene *s = mm_container_of(dw, struct scene, delayed);

	expect(!__atomic_load_n(&s->cancelled, __ATOMIC_RELAXED), "no run after the cancellation");
	__atomic_add_fetch(&s->ran, 1, __ATOMIC_RELAXED);
}

static void delayed_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	if (i < 2)
		mm_sync_queue_delayed_work(s->m->exec, s->wq, &s->delayed, 20);
	else
		mm_sync_cancel_delayed_work(&s->delayed);
}

static void delayed_cancel(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m, false);
	mm_sync_delayed_work_init(&s.delayed, delayed_main);
	expect(!mmsim_run(m, CPUS, delayed_task, &s), "tasks start");
	mm_sync_cancel_delayed_work(&s.delayed);
	__atomic_store_n(&s.cancelled, 1, __ATOMIC_RELAXED);
	mmsim_yield(m);
	expect(s.ran <= 2, "a delayed work runs once per queueing");
	close_scene(&s);
}

#define SCENARIO(n, text, function)                                    \
	{                                                              \
		.name = n, .what = text, .cpus = CPUS, .run = function \
	}

const struct scenario scenarios_works[] = {
	SCENARIO("work-flush", "works queued and flushed on three CPUs", work_flush),
	SCENARIO("work-cancel", "queue, cancel and flush of the same works", work_cancel),
	SCENARIO("work-requeue", "a work that queues itself, flushed meanwhile", work_requeue),
	SCENARIO("work-many", "more works than may run at once", work_many),
	SCENARIO("work-limit", "max_active goes down and up, and works that need it", work_limit),
	SCENARIO("work-bound", "one work on the CPUs of a bound queue", work_bound),
	SCENARIO("delayed-cancel", "delayed work, armed twice and cancelled", delayed_cancel),
	{ 0 },
};
