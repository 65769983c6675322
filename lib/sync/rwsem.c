/* SPDX-License-Identifier: MIT */
/* Read-write semaphore: the watched and the contended ways. */
#include "rwsem.h"

/* On the stack of who waits. */
struct waiter {
	mm_list link;
	uint32_t granted; /* atomic, parkable */
	bool writer;
};

void mm_sync_rwsem_init(struct mm_rwsem *s, struct mm_lockset *set, enum mm_lock_rank rank)
{
	mm_sync_lock_register(&s->lock, set, rank);
	s->lock.sleeps = true;
	mm_sync_spin_init(&s->wait_lock, set, MM_RANK_RWSEM_WAIT);
	mm_list_init(&s->waiters);
	s->count = 0;
	s->line = (struct mm_atomic_line){ 0 };
}

void mm_sync_rwsem_fini(struct mm_rwsem *s)
{
	mm_invariant("W1: nobody inside a semaphore that goes", !s->count);
	mm_sync_spin_fini(&s->wait_lock);
	mm_sync_lock_unregister(&s->lock);
}

/* The count or the owner, on the same line, was looked at or changed so many times in a row. */
static void charge(struct mm_rwsem *s, uint64_t times)
{
	mm_exec_charge(s->lock.exec, MM_CHARGE_ATOMIC, &s->line, times);
}

static int64_t add(struct mm_rwsem *s, int64_t n)
{
	int64_t count;

	mm_exec_point(s->lock.exec, MM_POINT_ATOMIC, &s->count);
	count = __atomic_add_fetch(&s->count, n, __ATOMIC_ACQ_REL);
	charge(s, 1);
	return count;
}

static bool change(struct mm_rwsem *s, int64_t from, int64_t to)
{
	bool changed;

	mm_exec_point(s->lock.exec, MM_POINT_ATOMIC, &s->count);
	changed = __atomic_compare_exchange_n(&s->count, &from, to, false, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED);
	charge(s, 1);
	return changed;
}

/* W3: handing it on. Under wait_lock; who was handed it goes to `out`, to be woken without. */

static struct waiter *head(const struct mm_rwsem *s)
{
	return mm_list_empty(&s->waiters) ? NULL : mm_list_first(&s->waiters, struct waiter, link);
}

static void move(struct waiter *w, mm_list *out)
{
	mm_list_del(&w->link);
	mm_list_add_tail(&w->link, out);
}

/* Not while there are readers: then the last of them comes here. */
static void grant_writer(struct mm_rwsem *s, struct waiter *w, mm_list *out)
{
	bool alone = s->waiters.prev == &w->link;

	if (change(s, MM_RWSEM_WAITED, MM_RWSEM_WRITER + (alone ? 0 : MM_RWSEM_WAITED)))
		move(w, out);
}

/* Not while there is a writer: he comes here when he leaves. None can come in meanwhile: somebody waits. */
static void grant_readers(struct mm_rwsem *s, mm_list *out)
{
	struct waiter *w = head(s);
	int64_t readers = 0;

	if (__atomic_load_n(&s->count, __ATOMIC_RELAXED) < MM_RWSEM_WAITED)
		return;
	for (; w && !w->writer; w = head(s)) {
		move(w, out);
		readers += MM_RWSEM_READER;
	}
	add(s, readers - (w ? 0 : MM_RWSEM_WAITED));
}

static void grant(struct mm_rwsem *s, mm_list *out)
{
	struct waiter *w = head(s);

	if (w && w->writer)
		grant_writer(s, w, out);
	else if (w)
		grant_readers(s, out);
}

/* A waiter is gone as soon as it sees that it was granted. */
static void wake_all(struct mm_exec *x, mm_list *granted)
{
	while (!mm_list_empty(granted)) {
		struct waiter *w = mm_list_first(granted, struct waiter, link);

		mm_list_del(&w->link);
		mm_exec_point(x, MM_POINT_ATOMIC, &w->granted);
		__atomic_store_n(&w->granted, 1, __ATOMIC_RELEASE);
		mm_exec_unpark(x, &w->granted, 1);
	}
}

void mm_sync_rwsem_wake(struct mm_rwsem *s)
{
	mm_list granted;

	mm_list_init(&granted);
	mm_spin_lock(&s->wait_lock);
	grant(s, &granted);
	mm_spin_unlock(&s->wait_lock);
	wake_all(s->lock.exec, &granted);
}

/* Queue, first taking back what had been added to the count; until it is granted. */
static void wait_in_line(struct mm_rwsem *s, bool writer, int64_t added)
{
	struct waiter me = { .writer = writer };
	uint64_t began = mm_sync_lock_wait_begin(&s->lock);
	mm_list granted;

	mm_list_init(&granted);
	mm_spin_lock(&s->wait_lock);
	added -= head(s) ? 0 : MM_RWSEM_WAITED;
	mm_list_add_tail(&me.link, &s->waiters);
	if (added)
		add(s, -added);
	grant(s, &granted);
	mm_spin_unlock(&s->wait_lock);
	wake_all(s->lock.exec, &granted);
	while (!__atomic_load_n(&me.granted, __ATOMIC_ACQUIRE))
		mm_exec_park(s->lock.exec, &me.granted, 0, MM_NEVER);
	mm_sync_lock_wait_end(&s->lock, began);
}

/* Readers */

void mm_sync_down_read_slow(struct mm_rwsem *s)
{
	wait_in_line(s, false, MM_RWSEM_READER);
}

/* Others may have had the line since the count was changed. */
static void reader_is_in(struct mm_rwsem *s)
{
	mm_exec_point(s->lock.exec, MM_POINT_ATOMIC, &s->lock.word);
	mm_rwsem_set_reader_owned(s);
	charge(s, 1);
	__atomic_add_fetch(&s->lock.acquired, 1, __ATOMIC_RELAXED);
	mm_sync_lock_entered(&s->lock, true);
}

void mm_sync_down_read_watched(struct mm_rwsem *s)
{
	bool in;

	mm_sync_lock_before(&s->lock);
	in = mm_rwsem_add_reader(s);
	charge(s, 1);
	if (!in)
		mm_sync_down_read_slow(s);
	reader_is_in(s);
}

void mm_sync_up_read_watched(struct mm_rwsem *s)
{
	bool wake;

	mm_sync_lock_leaving(&s->lock, true);
	mm_exec_point(s->lock.exec, MM_POINT_ATOMIC, &s->count);
	wake = mm_rwsem_sub_reader(s);
	charge(s, 1);
	if (wake)
		mm_sync_rwsem_wake(s);
}

static bool try_fails(const struct mm_rwsem *s)
{
	mm_lock_before(&s->lock);
	return mm_unlikely(s->lock.watched) &&
	       mm_base_fault_hit(s->lock.exec->fault, MMSIM_FAULT_TRYLOCK);
}

bool mm_sync_down_read_trylock(struct mm_rwsem *s)
{
	int64_t count;

	if (try_fails(s))
		return false;
	count = __atomic_load_n(&s->count, __ATOMIC_RELAXED);
	do {
		if (count < 0)
			return false;
	} while (!__atomic_compare_exchange_n(&s->count, &count, count + MM_RWSEM_READER, false,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	charge(s, 1);
	reader_is_in(s);
	return true;
}

/* Writers */

/* The owner right after the count, while the line is here. */
static void writer_is_in(struct mm_rwsem *s)
{
	__atomic_store_n(&s->lock.word, mm_task_current()->id, __ATOMIC_RELAXED);
	charge(s, 1);
	mm_stat_add(&s->lock.acquired, 1);
	mm_sync_lock_entered(&s->lock, false);
}

void mm_sync_down_write(struct mm_rwsem *s)
{
	mm_lock_before(&s->lock);
	if (!change(s, 0, MM_RWSEM_WRITER))
		wait_in_line(s, true, 0);
	writer_is_in(s);
}

bool mm_sync_down_write_trylock(struct mm_rwsem *s)
{
	if (try_fails(s) || !change(s, 0, MM_RWSEM_WRITER))
		return false;
	writer_is_in(s);
	return true;
}

void mm_sync_up_write(struct mm_rwsem *s)
{
	mm_sync_lock_leaving(&s->lock, false);
	__atomic_store_n(&s->lock.word, 0, __ATOMIC_RELAXED);
	if (add(s, -MM_RWSEM_WRITER) < 0)
		mm_sync_rwsem_wake(s);
}

void mm_sync_downgrade_write(struct mm_rwsem *s)
{
	mm_sync_lock_leaving(&s->lock, false);
	__atomic_store_n(&s->lock.word, MM_RWSEM_READER_OWNED, __ATOMIC_RELAXED);
	mm_sync_lock_entered(&s->lock, true);
	if (add(s, MM_RWSEM_READER - MM_RWSEM_WRITER) < 0)
		mm_sync_rwsem_wake(s);
}
