/* SPDX-License-Identifier: MIT */
/*
 * Kernel page tables of a space.
 *
 * Tables are made where something is mapped first, and stay when it is unmapped: what grows with the highest
 * number of 2 MiB stretches ever mapped. With `counted`, tables count the areas mapped through them, and go
 * when nobody's addresses are there any more.
 *
 * Counterpart: vmap_pages_range_noflush(), vunmap_range_noflush(), ioremap_page_range(), init_mm's page
 * tables. Differences: all levels below the top one are made on demand; entries of x86-64. A huge entry is
 * put only where there is no table (pmd_free_pte_page() is not modelled): where there is one, small entries
 * are. Only PTE tables are ever freed; those above are few.
 *
 *  T1: a present entry above PTE without PSE has the pfn of a table; one of PMD with PSE that of the first of
 *      512 frames.
 *  T2: (counted) a PTE table whose 2 MiB several areas may share counts those areas flagged MM_VMAP_MAPPED
 *      that touch it, guard page included: of an area its first and its last 2 MiB, unless it has them whole.
 *      A table, or a huge entry, where one area has the whole 2 MiB needs no count: it is that area's. An
 *      area counts from mapping until its addresses are about to return to the free tree, so while they wait
 *      or are in a pool.
 *  T3: (counted) a table that no area counts any more is unhooked, then TLBs are flushed with freed_tables,
 *      then a grace period of RCU passes, then it is freed. An unhooked one is never hooked again: who comes
 *      meanwhile makes a new one.
 *  T4: nr is the number of tables, the top one and nr_gone that are unhooked and not yet freed included; peak
 *      the most there ever were.
 *  T5: entries of an area are changed by its owner only; a table's entry is changed under `lock`.
 *
 * Locking: `lock` (MM_RANK_VMAP_TABLES; init_mm.page_table_lock) to hook and unhook tables and to count.
 * Tables are made outside it, and who finds his already there frees it. Owners walk without any lock: what
 * their areas need stays. mm_vmap_walk() and mm_vmap_access(), which anyone may call for any address, walk
 * under RCU if `counted`. Cost: levels, and a store for each entry. Charges: MM_CHARGE_TREE for levels,
 * MM_CHARGE_LIST_MOVE for entries, MM_CHARGE_TOUCH for counts; lines of tables are not modelled.
 */
#ifndef MM_VMAP_TABLES_H
#define MM_VMAP_TABLES_H

#include "area.h"
#include "buddy.h"
#include "entry.h"
#include "frame.h"
#include "rcu.h"
#include "tlb_kernel.h"

/* Of what is mapped, and of tables. */
enum { MM_PTE_KERNEL = MM_PTE_PRESENT | MM_PTE_WRITE | MM_PTE_ACCESSED | MM_PTE_DIRTY };

struct mm_vmap_tables {
	struct mm_exec *exec; /* these: constant after init */
	struct mm_buddy *buddy;
	struct mm_tlb *tlb;
	struct mm_tlb_kernel *kernel; /* of the space */
	unsigned levels;
	bool counted;
	struct mmsim_page *top;
	struct mm_rcu *rcu; /* NULL unless counted */
	struct mm_spinlock lock mm_cacheline_aligned;
	uint64_t nr, nr_gone, peak, nr_freed; /* under lock, read by anyone: T4 */
	/* Under lock, linked by mapping: flushed tables, and those of them whose grace period has begun. */
	struct mmsim_page *flushed, *waiting;
	struct mm_rcu_head rcu_head; /* queued as long as there are waiting ones */
};

/* Tables unhooked and not yet freed. Zeroed at first. */
struct mm_vmap_gone {
	struct mmsim_page *head, *tail; /* linked by mapping */
	uint64_t start, end; /* what they covered, end 0: nothing */
};

/* 0 or -ENOMEM: then nothing is left of it. */
int mm_vmap_tables_init(struct mm_vmap_tables *t, struct mm_buddy *b, struct mm_lockset *locks,
			struct mm_tlb *tlb, struct mm_tlb_kernel *kernel, unsigned levels,
			bool counted);
/* Frees all tables. Nobody maps or walks any more; what was unhooked was freed. Waits if `counted`. */
void mm_vmap_tables_fini(struct mm_vmap_tables *t);

/*
 * tables_count.c. Count an area that is about to be mapped, if `counted`: before the first entry. Makes the
 * tables that it may share with others; the others are made by mapping. Sets MM_VMAP_MAPPED; an area that is
 * flagged already, because it comes from a pool, is counted. Waits for nothing but, if gfp allows it, for
 * memory. 0 or -ENOMEM: nothing is counted. Without `counted`: nothing, 0.
 */
int mm_vmap_tables_get(struct mm_vmap_tables *t, struct mm_vmap_area *va, mmsim_gfp_t gfp);

/*
 * The area's addresses are about to return to the free tree; nobody has them, and they have no entries: T2.
 * What nobody counts is unhooked and added to *gone. The caller flushes gone->start to gone->end with
 * freed_tables before mm_vmap_tables_free(), which waits for no reader and leaves *gone empty. An area not
 * flagged: nothing.
 */
void mm_vmap_tables_put(struct mm_vmap_tables *t, struct mm_vmap_area *va,
			struct mm_vmap_gone *gone);
void mm_vmap_tables_free(struct mm_vmap_tables *t, struct mm_vmap_gone *gone);

/* For tests: returns when what mm_vmap_tables_free() was given is with the page allocator. Waits. */
void mm_vmap_tables_barrier(struct mm_vmap_tables *t);

/*
 * For checks of T2, idle: how often an area is counted, 0 to 2, 0 if it is not flagged; the sum of all
 * counts, which is that over all areas, wherever they are. 0 unless `counted`.
 */
unsigned mm_vmap_tables_shares(const struct mm_vmap_area *va);
uint64_t mm_vmap_tables_counts(const struct mm_vmap_tables *t);

/*
 * tables_map.c. Map nr pages from addr on, which has no entries. order 0, or 9: pages[] has every page, and
 * those of each 512 follow each other and are mapped by a huge entry. 0; -ENOMEM: no table, what was mapped
 * stays for mm_vmap_unmap(). gfp: of what asks for it; tables wait for memory no more than that allows. Stops
 * (mm_invariant) when an entry is there, or, if TLBs are checked, one of them has one.
 */
int mm_vmap_map(struct mm_vmap_tables *t, uint64_t addr, struct mmsim_page *const *pages,
		uint64_t nr, unsigned order, mmsim_gfp_t gfp);

/* The same for bytes of physical addresses, all whole pages; huge entries where both ends fit and `huge`. */
int mm_vmap_map_phys(struct mm_vmap_tables *t, uint64_t addr, uint64_t bytes, uint64_t phys,
		     bool huge, mmsim_gfp_t gfp);

/*
 * Clear all entries in [start, end), whole pages; holes are allowed, a part of a huge entry is not. TLBs are
 * not flushed.
 */
void mm_vmap_unmap(struct mm_vmap_tables *t, uint64_t start, uint64_t end);

/* tables_walk.c. What addr translates to: a pfn, or UINT64_MAX. Any address, by anyone. */
uint64_t mm_vmap_walk(struct mm_vmap_tables *t, uint64_t addr);

/* The same through the TLB of the caller's CPU, as its accesses go. */
uint64_t mm_vmap_access(struct mm_vmap_tables *t, uint64_t addr);

/* T1, T4 and the shape of T2's counts; idle. Stops at what is broken. Returns tables. Cost: O(entries). */
uint64_t mm_vmap_tables_validate(struct mm_vmap_tables *t);

/*
 * For the files named here. The entry of this level on the way to addr, tables above it made. NULL: no
 * memory. A huge entry on the way stops.
 */
mm_entry *mm_vmap_tables_entry(struct mm_vmap_tables *t, uint64_t addr, unsigned level,
			       mmsim_gfp_t gfp);
/* The lowest entry on the way to addr, down to *level, that there is; *level becomes its. */
mm_entry *mm_vmap_tables_find(const struct mm_vmap_tables *t, uint64_t addr, unsigned *level);
/* Put a new table under an entry that is not present; `lock` is held. Returns what the entry is. */
mm_entry mm_vmap_tables_hook(struct mm_vmap_tables *t, mm_entry *at, struct mmsim_page *page);

/* The tables of *from, too, are *to's; *from is empty. */
static inline void mm_vmap_gone_add(struct mm_vmap_gone *to, struct mm_vmap_gone *from)
{
	if (!from->end)
		return;
	if (to->end) {
		to->tail->mapping = from->head;
		to->start = mm_min(to->start, from->start);
		to->end = mm_max(to->end, from->end);
	} else {
		to->head = from->head;
		to->start = from->start;
		to->end = from->end;
	}
	to->tail = from->tail;
	*from = (struct mm_vmap_gone){ 0 };
}

/* Is addr what its lowest 12 + 9 * levels bits say, sign-extended? A walk sees no more of it. */
static inline bool mm_vmap_is_canonical(uint64_t addr, unsigned levels)
{
	unsigned above = 64 - (MMSIM_PAGE_SHIFT + 9 * levels);

	return (uint64_t)((int64_t)(addr << above) >> above) == addr;
}

static inline bool mm_entry_is_table(mm_entry e)
{
	return mm_entry_present(e) && !(e & MM_PTE_HUGE);
}

static inline struct mmsim_page *mm_vmap_table_page(const struct mm_vmap_tables *t, mm_entry e)
{
	return mm_pfn_to_page(t->buddy->map, mm_entry_pfn(e));
}

static inline mm_entry *mm_vmap_table_data(const struct mm_vmap_tables *t, mm_entry e)
{
	return mm_frame_data(mm_vmap_table_page(t, e));
}

#endif
