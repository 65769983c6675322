/* SPDX-License-Identifier: MIT */
/* LRU lists of a node, and each CPU's batch of what is to be put on them. */
#include "lru.h"

#include "release.h"
#include <errno.h>

enum {
	LISTS_FLAGS = 1 << MMSIM_PG_LRU | 1 << MMSIM_PG_ACTIVE | 1 << MM_PG_SWAPBACKED,
};

static struct mm_lru_batch *batch_of(const struct mm_lru *lru, unsigned cpu)
{
	return mm_per_cpu(&lru->batches, cpu);
}

static unsigned nr_cpus(const struct mm_lru *lru)
{
	return lru->buddy->exec->nr_cpus;
}

static void init_lruvec(struct mm_lruvec *lruvec, struct mm_lockset *locks)
{
	mm_sync_spin_init(&lruvec->lock, locks, MM_RANK_LRU);
	for (unsigned i = 0; i < MM_NR_LRU_LISTS; i++)
		mm_list_init(&lruvec->list[i]);
}

int mm_mmap_lru_init(struct mm_lru *lru, struct mm_buddy *b, struct mm_lockset *locks)
{
	*lru = (struct mm_lru){ .buddy = b };
	lru->lruvec = mm_base_meta_calloc(b->exec->meta, b->nr_nodes, sizeof(*lru->lruvec));
	if (!lru->lruvec)
		return -ENOMEM;
	if (mm_sync_percpu_alloc(&lru->batches, b->exec, sizeof(struct mm_lru_batch))) {
		mm_base_meta_free(b->exec->meta, lru->lruvec, b->nr_nodes * sizeof(*lru->lruvec));
		return -ENOMEM;
	}
	for (unsigned node = 0; node < b->nr_nodes; node++)
		init_lruvec(&lru->lruvec[node], locks);
	for (unsigned cpu = 0; cpu < nr_cpus(lru); cpu++)
		mm_sync_spin_init(&batch_of(lru, cpu)->lock, locks, MM_RANK_LRU_ADD);
	return 0;
}

void mm_mmap_lru_fini(struct mm_lru *lru)
{
	struct mm_buddy *b = lru->buddy;

	for (unsigned cpu = 0; cpu < nr_cpus(lru); cpu++) {
		mm_invariant("Y2: batches are empty in the end", !batch_of(lru, cpu)->nr);
		mm_sync_spin_fini(&batch_of(lru, cpu)->lock);
	}
	for (unsigned node = 0; node < b->nr_nodes; node++)
		mm_sync_spin_fini(&lru->lruvec[node].lock);
	mm_sync_percpu_free(&lru->batches, b->exec);
	mm_base_meta_free(b->exec->meta, lru->lruvec, b->nr_nodes * sizeof(*lru->lruvec));
}

static enum mm_lru_list list_of(uint64_t flags)
{
	unsigned active = flags >> MMSIM_PG_ACTIVE & 1;

	return (flags >> MM_PG_SWAPBACKED & 1 ? MM_LRU_INACTIVE_ANON : MM_LRU_INACTIVE_FILE) +
	       active;
}

static __attribute__((noinline, cold)) void
charge_links(const struct mm_lru *lru, const struct mm_lruvec *lruvec,
	     const struct mmsim_page *folio, const mm_list *head, const mm_list *neighbour)
{
	struct mm_exec *x = lru->buddy->exec;

	mm_exec_charge(x, MM_CHARGE_LIST_MOVE, NULL, 1);
	mm_exec_charge(x, MM_CHARGE_TOUCH, folio, sizeof(*folio));
	mm_exec_charge(x, MM_CHARGE_LINE, &lruvec->line, 1);
	if (neighbour != head)
		mm_exec_charge(x, MM_CHARGE_POST, mm_list_entry(neighbour, struct mmsim_page, lru),
			       sizeof(*folio));
}

static inline void touch_links(const struct mm_lru *lru, const struct mm_lruvec *lruvec,
			       const struct mmsim_page *folio, const mm_list *head,
			       const mm_list *neighbour)
{
	if (mm_unlikely(mm_exec_charges(lru->buddy->exec)))
		charge_links(lru, lruvec, folio, head, neighbour);
}

/* These two: lruvec->lock is held; Y1. */
static inline void link_folio(const struct mm_lru *lru, struct mm_lruvec *lruvec,
			      struct mmsim_page *folio, enum mm_lru_list list)
{
	touch_links(lru, lruvec, folio, &lruvec->list[list], lruvec->list[list].next);
	mm_list_add(&folio->lru, &lruvec->list[list]);
	lruvec->nr[list] += UINT64_C(1) << folio->order;
}

static inline void unlink_folio(const struct mm_lru *lru, struct mm_lruvec *lruvec,
				struct mmsim_page *folio, enum mm_lru_list list)
{
	uint64_t nr = UINT64_C(1) << folio->order;

	mm_assert(mm_spin_held(&lruvec->lock));
	mm_invariant("Y1: on the list that its flags name", lruvec->nr[list] >= nr);
	touch_links(lru, lruvec, folio, &lruvec->list[list], folio->lru.next);
	mm_list_del(&folio->lru);
	lruvec->nr[list] -= nr;
}

/* Anonymous or not: asked once, as a file's page may leave the cache before it leaves the lists. */
static void add_to_list(const struct mm_lru *lru, struct mm_lruvec *lruvec,
			struct mmsim_page *folio)
{
	uint64_t flags = UINT64_C(1) << MMSIM_PG_LRU;

	if (!__atomic_load_n(&folio->mapping, __ATOMIC_RELAXED))
		flags |= UINT64_C(1) << MM_PG_SWAPBACKED;
	flags |= __atomic_fetch_or(&folio->flags, flags, __ATOMIC_RELAXED);
	link_folio(lru, lruvec, folio, list_of(flags));
}

/* Read without the lock by who drains all. */
static void set_nr(struct mm_lru_batch *batch, unsigned nr)
{
	__atomic_store_n(&batch->nr, nr, __ATOMIC_RELAXED);
}

/* The batch's lock is held. Counterpart: folio_batch_move_lru(). */
static void empty_batch(struct mm_lru *lru, struct mm_lru_batch *batch)
{
	mm_encoded last[MM_FOLIO_BATCH];
	struct mm_lruvec *held = NULL;

	mm_invariant("somebody takes the references of batches", lru->release);
	for (unsigned i = 0; i < batch->nr; i++) {
		mm_mmap_lru_relock(lru, batch->folio[i], &held);
		add_to_list(lru, held, batch->folio[i]);
		last[i] = (mm_encoded)batch->folio[i];
	}
	mm_lru_unlock(&held);
	mm_mmap_release_pages(lru->release, last, batch->nr, false);
	set_nr(batch, 0);
}

void mm_mmap_lru_add(struct mm_lru *lru, struct mmsim_page *folio)
{
	struct mm_exec *x = lru->buddy->exec;
	struct mm_lru_batch *batch = mm_this_cpu(&lru->batches, x);

	mm_spin_lock(&batch->lock);
	mm_exec_charge(x, MM_CHARGE_RMW, &folio->refcount, 1);
	mm_folio_get(folio, 1);
	batch->folio[batch->nr] = folio;
	set_nr(batch, batch->nr + 1);
	if (batch->nr == MM_FOLIO_BATCH || mm_folio_large(folio))
		empty_batch(lru, batch);
	mm_spin_unlock(&batch->lock);
}

/* Who is at it holds the lock until his folios are on the lists, and his references given up. */
static void drain_cpu(struct mm_lru *lru, unsigned cpu)
{
	struct mm_lru_batch *batch = batch_of(lru, cpu);

	if (!__atomic_load_n(&batch->nr, __ATOMIC_RELAXED))
		return;
	mm_spin_lock(&batch->lock);
	empty_batch(lru, batch);
	mm_spin_unlock(&batch->lock);
}

void mm_mmap_lru_add_drain(struct mm_lru *lru)
{
	drain_cpu(lru, mm_exec_cpu(lru->buddy->exec));
}

void mm_mmap_lru_add_drain_all(struct mm_lru *lru)
{
	for (unsigned cpu = 0; cpu < nr_cpus(lru); cpu++)
		drain_cpu(lru, cpu);
}

/* One in a batch comes to the active list when its turn comes. Counterpart: folio_activate(). */
static void activate(struct mm_lru *lru, struct mmsim_page *folio)
{
	struct mm_lruvec *held = NULL;
	uint64_t flags;

	mm_mmap_lru_relock(lru, folio, &held);
	flags = __atomic_fetch_or(&folio->flags, UINT64_C(1) << MMSIM_PG_ACTIVE, __ATOMIC_RELAXED);
	if (flags >> MMSIM_PG_LRU & 1 && !(flags >> MMSIM_PG_ACTIVE & 1)) {
		unlink_folio(lru, held, folio, list_of(flags));
		link_folio(lru, held, folio, list_of(flags | UINT64_C(1) << MMSIM_PG_ACTIVE));
	}
	mm_lru_unlock(&held);
}

void mm_mmap_lru_mark_accessed(struct mm_lru *lru, struct mmsim_page *folio)
{
	if (!mm_page_flag(folio, MMSIM_PG_REFERENCED)) {
		mm_page_set_flag(folio, MMSIM_PG_REFERENCED);
		return;
	}
	if (mm_page_flag(folio, MMSIM_PG_ACTIVE))
		return;
	activate(lru, folio);
	mm_page_clear_flag(folio, MMSIM_PG_REFERENCED);
}

void mm_mmap_lru_relock(struct mm_lru *lru, const struct mmsim_page *folio, struct mm_lruvec **held)
{
	struct mm_lruvec *lruvec = &lru->lruvec[mm_page_node(folio)];

	if (mm_likely(*held && *held == lruvec))
		return;
	mm_lru_unlock(held);
	mm_spin_lock(&lruvec->lock);
	*held = lruvec;
}

void mm_mmap_lru_del(struct mm_lru *lru, struct mm_lruvec *lruvec, struct mmsim_page *folio)
{
	uint64_t flags = __atomic_load_n(&folio->flags, __ATOMIC_RELAXED);

	unlink_folio(lru, lruvec, folio, list_of(flags));
	__atomic_store_n(&folio->flags, flags & ~(uint64_t)LISTS_FLAGS, __ATOMIC_RELAXED);
}

uint64_t mm_mmap_lru_size(struct mm_lru *lru, unsigned node, enum mm_lru_list list)
{
	struct mm_lruvec *lruvec = &lru->lruvec[node];
	uint64_t nr;

	mm_spin_lock(&lruvec->lock);
	nr = lruvec->nr[list];
	mm_spin_unlock(&lruvec->lock);
	return nr;
}

static void check_list(const struct mm_lruvec *lruvec, unsigned node, enum mm_lru_list list)
{
	uint64_t nr = 0;

	mm_list_for_each(pos, &lruvec->list[list]) {
		const struct mmsim_page *folio = mm_list_entry(pos, struct mmsim_page, lru);

		mm_invariant("L1: list links", pos->next->prev == pos);
		mm_invariant("Y1: on the list that its flags name",
			     mm_page_flag(folio, MMSIM_PG_LRU) && list_of(folio->flags) == list &&
				     mmsim_page_node(folio) == node);
		mm_invariant("Y1: somebody has what is on a list", folio->refcount > 0);
		nr += UINT64_C(1) << folio->order;
	}
	mm_invariant("Y1: pages on the list", nr == lruvec->nr[list]);
}

static void check_batch(const struct mm_lru_batch *batch)
{
	mm_invariant("Y2: a batch has room for one more", batch->nr < MM_FOLIO_BATCH);
	for (unsigned i = 0; i < batch->nr; i++)
		mm_invariant("Y2: referenced, and on no list yet",
			     batch->folio[i]->refcount > 0 &&
				     !mm_page_flag(batch->folio[i], MMSIM_PG_LRU));
}

void mm_mmap_lru_validate(struct mm_lru *lru)
{
	for (unsigned node = 0; node < lru->buddy->nr_nodes; node++)
		for (unsigned i = 0; i < MM_NR_LRU_LISTS; i++)
			check_list(&lru->lruvec[node], node, (enum mm_lru_list)i);
	for (unsigned cpu = 0; cpu < nr_cpus(lru); cpu++)
		check_batch(batch_of(lru, cpu));
}
