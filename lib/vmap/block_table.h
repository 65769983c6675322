/* SPDX-License-Identifier: MIT */
/*
 * Where blocks are: their structs, the lists of CPUs, the hash. What they are is in block.h.
 *
 * Counterpart: struct vmap_block_queue, addr_to_vb_xa().
 *
 * Locking: as block.h says.
 */
#ifndef MM_VMAP_BLOCK_TABLE_H
#define MM_VMAP_BLOCK_TABLE_H

#include "block.h"
#include "page_map.h"
#include "percpu.h"

struct mm_vmap_block {
	struct mm_spinlock lock;
	uint64_t start; /* atomic, written under lock: its first address; 0: not in use */
	struct mm_vmap_block *next; /* atomic: of the bucket, or not in use */
	struct mm_vmap_block *older; /* constant: of all that were ever made */
	unsigned cpu; /* under lock, down to map: whose it is */
	uint32_t free; /* atomic; L1 */
	uint32_t dirty; /* L1 */
	uint32_t dirty_min, dirty_max; /* L2: pages; dirty_max 0: nothing */
	mm_list link; /* under the CPU's list's lock: L3 */
	struct mm_line line; /* of these */
	struct mm_page_map map;
};

/* Counterpart: struct vmap_block_queue. */
struct mm_vmap_block_queue {
	struct mm_spinlock lock;
	mm_list list; /* L3 */
	struct mm_vmap_block *head; /* atomic: the first of it, or NULL */
	struct mm_spinlock bucket_lock mm_cacheline_aligned; /* others come here, too */
	struct mm_vmap_block *bucket; /* atomic */
};

struct mm_vmap_blocks {
	unsigned bits,
		shift; /* constant after init: pages of a block, a power of two; log2 of its bytes */
	struct mm_percpu cpus; /* struct mm_vmap_block_queue */
	struct mm_vmap_block *newest; /* atomic: of all that were ever made */
	uint64_t nr; /* atomic: in use */
	struct mm_spinlock lock mm_cacheline_aligned; /* MM_RANK_VMAP_QUEUE: what follows */
	struct mm_vmap_block *unused;
	uint64_t flight_start, flight_end; /* L4 */
	unsigned nr_in_flight; /* unmap_aliases under way */
};

static inline uint64_t mm_block_bytes(const struct mm_vmap_blocks *b)
{
	return UINT64_C(1) << b->shift;
}

static inline struct mm_vmap_block_queue *mm_block_queue(struct mm_vmap_blocks *b, unsigned cpu)
{
	return mm_per_cpu(&b->cpus, cpu);
}

static inline uint64_t mm_block_start(const struct mm_vmap_block *vb)
{
	return __atomic_load_n(&vb->start, __ATOMIC_ACQUIRE);
}

static inline uint32_t mm_block_free(const struct mm_vmap_block *vb)
{
	return __atomic_load_n(&vb->free, __ATOMIC_RELAXED);
}

static inline void mm_block_set_free(struct mm_vmap_block *vb, uint32_t nr)
{
	__atomic_store_n(&vb->free, nr, __ATOMIC_RELAXED);
}

/* Pages that nr of them take. */
static inline uint32_t mm_block_rounded(unsigned nr)
{
	return nr > 1 ? UINT32_C(1) << mm_fls64(nr - 1) : 1;
}

static inline struct mm_vmap_block *mm_block_next(struct mm_vmap_block *const *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

/* It is nobody's from here on; the lock is held. Returns where it was. */
static inline uint64_t mm_block_retire(struct mm_vmap_block *vb)
{
	uint64_t start = vb->start;

	__atomic_store_n(&vb->start, 0, __ATOMIC_RELEASE);
	return start;
}

/* L3. The block's lock is held. */
void mm_vmap_block_enqueue(struct mm_vmap_blocks *b, struct mm_vmap_block *vb);
void mm_vmap_block_dequeue(struct mm_vmap_blocks *b, struct mm_vmap_block *vb);
/* The first on the list that has room; it may have none any more when it is locked. */
struct mm_vmap_block *mm_vmap_block_with_room(struct mm_vmap_block_queue *q, uint32_t pages);

void mm_vmap_block_hash_add(struct mm_vmap_blocks *b, struct mm_vmap_block *vb);
void mm_vmap_block_hash_del(struct mm_vmap_blocks *b, struct mm_vmap_block *vb, uint64_t start);
struct mm_vmap_block *mm_vmap_block_hash_find(struct mm_vmap_blocks *b, uint64_t start);

/* The block that addr is in, locked; NULL: it is in none. */
struct mm_vmap_block *mm_vmap_block_lock(struct mmsim_vmap *v, uint64_t addr);

/* A struct, used before or new. NULL: no memory. */
struct mm_vmap_block *mm_vmap_block_make(struct mmsim_vmap *v);
void mm_vmap_block_put(struct mm_vmap_blocks *b, struct mm_vmap_block *vb);

/* block.c: a retired one, whose entries are cleared. Counterpart: free_vmap_block(). */
void mm_vmap_block_free(struct mmsim_vmap *v, struct mm_vmap_block *vb, uint64_t start);

#endif
