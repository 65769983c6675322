/* SPDX-License-Identifier: MIT */
/*
 * LRU lists of a node, and the batches in which pages reach them.
 *
 * Counterpart: struct lruvec, mm/swap.c. Nobody reclaims from the lists: they are there because every
 * page of a process has to be put on one and taken off it again, under a lock that all CPUs of the node
 * share. Differences: no memory cgroups, so one lruvec per node; workingset and activation by refault
 * are left out; a page is active once it has been referenced twice (folio_mark_accessed()).
 *
 *  Y1: a folio with PG_lru is on the list of its node that its flags name, and on no other; nr of the
 *      list is the number of pages, not folios.
 *  Y2: a folio in a CPU's batch has a reference for it, and no PG_lru.
 *
 * Locking: lruvec->lock (MM_RANK_LRU) around lists, PG_lru, PG_active and PG_swapbacked; a CPU's batch
 * under its lock (MM_RANK_LRU_ADD), which is never contended but by tasks that share the CPU, and by
 * who drains all. Cost: O(1) a folio; the lists' lock once for 31 of one node.
 */
#ifndef MM_MMAP_LRU_H
#define MM_MMAP_LRU_H

#include "buddy.h"
#include "folio.h"

enum mm_lru_list {
	MM_LRU_INACTIVE_ANON,
	MM_LRU_ACTIVE_ANON,
	MM_LRU_INACTIVE_FILE,
	MM_LRU_ACTIVE_FILE,
	MM_NR_LRU_LISTS
};

enum { MM_FOLIO_BATCH = 31 }; /* PAGEVEC_SIZE */

struct mm_lruvec {
	struct mm_spinlock lock;
	mm_list list[MM_NR_LRU_LISTS];
	uint64_t nr[MM_NR_LRU_LISTS]; /* pages: Y1 */
	struct mm_line line; /* of the heads and counts */
} mm_cacheline_aligned;

/* Folios of one CPU that are to be put on lists. */
struct mm_lru_batch {
	struct mm_spinlock lock;
	unsigned nr; /* atomic; changes under the lock */
	struct mmsim_page *folio[MM_FOLIO_BATCH];
};

struct mm_release;

struct mm_lru {
	struct mm_buddy *buddy;
	const struct mm_release *release; /* takes the batches' references: mm_release_init() */
	struct mm_lruvec *lruvec; /* [nr_nodes] */
	struct mm_percpu batches; /* struct mm_lru_batch */
};

/* 0 or -ENOMEM. */
int mm_mmap_lru_init(struct mm_lru *lru, struct mm_buddy *b, struct mm_lockset *locks);
/* The batches are empty. */
void mm_mmap_lru_fini(struct mm_lru *lru);

/*
 * A new folio, anonymous or of a file (mapping), into the CPU's batch, which is emptied when it is full
 * or the folio is large. The caller has a reference. Y2. Counterpart: folio_add_lru().
 */
void mm_mmap_lru_add(struct mm_lru *lru, struct mmsim_page *folio);

/* What the caller's CPU has in its batch onto the lists. Counterpart: lru_add_drain(). */
void mm_mmap_lru_add_drain(struct mm_lru *lru);
/* The same for every CPU. Counterpart: lru_add_drain_all(). */
void mm_mmap_lru_add_drain_all(struct mm_lru *lru);

/*
 * It was used: the second time it becomes active. The caller has a reference. Counterpart:
 * folio_mark_accessed().
 */
void mm_mmap_lru_mark_accessed(struct mm_lru *lru, struct mmsim_page *folio);

/*
 * The lock of a folio's lruvec, which is kept over a run of folios of one node: *held is what is held,
 * or NULL. Counterpart: folio_lruvec_relock_irqsave().
 */
void mm_mmap_lru_relock(struct mm_lru *lru, const struct mmsim_page *folio,
			struct mm_lruvec **held);
static inline void mm_lru_unlock(struct mm_lruvec **held)
{
	if (*held)
		mm_spin_unlock(&(*held)->lock);
	*held = NULL;
}

/*
 * Off its list, and no flag of the lists any more. The lock is held, and nobody has a reference, so
 * that flags are changed by plain stores. Counterpart: __page_cache_release(), lruvec_del_folio().
 */
void mm_mmap_lru_del(struct mm_lru *lru, struct mm_lruvec *lruvec, struct mmsim_page *folio);

/* Pages on a list of a node. For tests and books. */
uint64_t mm_mmap_lru_size(struct mm_lru *lru, unsigned node, enum mm_lru_list list);

/* Y1, Y2. Idle machine. Stops the program. */
void mm_mmap_lru_validate(struct mm_lru *lru);

#endif
