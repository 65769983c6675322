/* SPDX-License-Identifier: MIT */
/*
 * Addresses for a short while: vm_map_ram() and its blocks.
 *
 * A block is an area of many pages that belongs to a CPU, which gives out stretches of it, rounded up to
 * powers of two, from one end to the other and never back. What is unmapped is dirty until the whole block
 * is; then the block is freed. A block of which much is dirty and little free is given up by purges.
 *
 * Counterpart: struct vmap_block, vmap_block_queue, vb_alloc(), vb_free(), purge_fragmented_blocks(),
 * _vm_unmap_aliases(). Differences: a block knows what was mapped together, so that a wrong unmapping is
 * refused; who looks for a block does so without RCU: a block's struct is never freed while the space is
 * there, only used again, so whoever came upon one may lock it, and under the lock sees whether it still is
 * what he looked for. A search that was led astray by one that was used again ends and is made again under
 * the lock of the list.
 *
 *  L1: of a block's pages, `free` were never given out (or given up), `dirty` were unmapped; the rest are
 *      mapped.
 *  L2: [dirty_min, dirty_max) covers what was unmapped since the last flush of the block.
 *  L3: a block is on its CPU's list as long as it has free pages; it is in the hash as long as it is in use.
 *  L4: what an mm_vmap_unmap_aliases() took out of blocks is in [flight_start, flight_end) until it is
 *      flushed, so that another one, which finds those blocks clean, flushes it as well.
 *
 * An address that was mapped is its caller's: as long as he has not unmapped it L1 keeps the block.
 *
 * Locking: a block's lock (MM_RANK_VMAP_BLOCK), a CPU's list's (MM_RANK_VMAP_QUEUE) inside it, a hash
 * bucket's and that of the flight (the same rank; one of them at a time). Cost: O(nr), and a look at each
 * block of the CPU that has room. Charges: as the kernel's, which walks an xarray to the block:
 * MM_CHARGE_TREE; a block's line.
 */
#ifndef MM_VMAP_BLOCK_H
#define MM_VMAP_BLOCK_H

#include "vmap.h"

enum { MM_VMAP_MAX_ALLOC = 64 }; /* VMAP_MAX_ALLOC: more are an area */

/* VMAP_BBMAP_BITS: pages of a block, for so many CPUs. */
static inline unsigned mm_vmap_block_pages(unsigned nr_cpus)
{
	unsigned cpus = 1;
	uint64_t pages;

	while (cpus < nr_cpus)
		cpus *= 2;
	pages = ((UINT64_C(128) << 30) / MMSIM_PAGE_SIZE) / cpus / 16;
	return pages < 128 ? 128 : pages > 1024 ? 1024 : (unsigned)pages;
}

/* block.c */

int mm_vmap_blocks_init(struct mmsim_vmap *v);
/* Frees what is left. */
void mm_vmap_blocks_fini(struct mmsim_vmap *v);

/* Addresses for nr pages, at most MM_VMAP_MAX_ALLOC, from a block of this CPU. 0: no room or no memory. */
uint64_t mm_vmap_block_take(struct mmsim_vmap *v, unsigned nr);
/* Clear the entries and give the addresses back. NULL, or what is wrong; then nothing was done. */
const char *mm_vmap_block_give(struct mmsim_vmap *v, uint64_t addr, unsigned nr);

/* Give up blocks that have nothing mapped. Their areas wait for the next flush. purge_lock is held. */
void mm_vmap_blocks_give_up(struct mmsim_vmap *v);

void mm_vmap_unmap_aliases(struct mmsim_vmap *v);

/*
 * Call fn(ctx, start, end) for each stretch of the block that addr is in that is mapped, from addr on and up
 * to `end`. The block's lock is held, so nothing of it is unmapped meanwhile. No block: nothing.
 */
void mm_vmap_block_each(struct mmsim_vmap *v, uint64_t addr, uint64_t end,
			void (*fn)(void *ctx, uint64_t start, uint64_t end), void *ctx);

/* Bytes of a block of this space. */
static inline uint64_t mm_vmap_block_bytes(const struct mmsim_vmap *v)
{
	return mm_vmap_block_pages(v->exec->nr_cpus) * (uint64_t)MMSIM_PAGE_SIZE;
}

uint64_t mm_vmap_blocks_count(struct mmsim_vmap *v);
/* L1, L3, M1; stops the program. Nobody else is at it. */
void mm_vmap_blocks_validate(struct mmsim_vmap *v);

/* map_ram.c */

/* 0: no room or no memory. */
uint64_t mm_vmap_map_ram(struct mmsim_vmap *v, struct mmsim_page *const *pages, unsigned nr);
/* 0, or -EINVAL with a message. */
int mm_vmap_unmap_ram(struct mmsim_vmap *v, uint64_t addr, unsigned nr);

#endif
