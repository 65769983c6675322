/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: areas, page tables, faults, fork, and taking it all down again.
 *
 * A struct mmsim_mm is a simulated process's memory: areas (VMAs) in a range of 47 or 56 bits, page tables of
 * four or five levels whose pages come from the machine's page allocator, and pages that come when they are
 * touched: single ones, transparent huge ones, or those of a file (mmsim/filemap.h). An access is made by the
 * simulated CPU that the caller runs on: through its TLB where there is an entry, else by a walk, else by a
 * fault.
 *
 * Models mm/mmap.c, mm/vma.c, mm/memory.c, mm/huge_memory.c, and for taking down mm/mmu_gather.c, which
 * mmsim/teardown.h tells more of. Differences: nothing is reclaimed or swapped; a load of anonymous memory
 * brings a page of its own, there is no zero page; no reverse map of anonymous pages; faults take
 * mmap_lock, there are no locks per VMA; no growing stacks, mlock, mremap or mprotect; entries have the
 * layout of x86-64.
 *
 * A call with a NULL for the address space returns -EINVAL, also where that is not said below, or does
 * nothing.
 *
 * Threads: any number may be at one address space. Areas change under mmap_lock for writing, faults and
 * advice take it for reading. An address space is used only while its machine exists and is booted.
 */
#ifndef MMSIM_MM_H
#define MMSIM_MM_H

#include <mmsim/api.h>
#include <mmsim/filemap.h>
#include <mmsim/gfp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

struct mmsim_mm;

/** Bytes that a page middle directory entry maps: a transparent huge page. */
#define MMSIM_PMD_SIZE (UINT64_C(1) << 21)

/** The lowest address that is given out, or may be asked for. As vm.mmap_min_addr is set mostly. */
#define MMSIM_MMAP_MIN_ADDR UINT64_C(0x10000)

/** One past the highest address, with four and with five levels. */
#define MMSIM_TASK_SIZE_4 ((UINT64_C(1) << 47) - MMSIM_PAGE_SIZE)
#define MMSIM_TASK_SIZE_5 ((UINT64_C(1) << 56) - MMSIM_PAGE_SIZE)

/** vm.max_map_count. */
#define MMSIM_MAX_MAP_COUNT 65530

/** Where huge pages are tried. Counterpart: /sys/kernel/mm/transparent_hugepage/enabled. */
enum mmsim_thp {
	MMSIM_THP_MADVISE, /* where MMSIM_MADV_HUGEPAGE was given */
	MMSIM_THP_ALWAYS, /* but not where MMSIM_MADV_NOHUGEPAGE was given */
	MMSIM_THP_NEVER,
	MMSIM_NR_THP
};

/** What to make; zero what is not wanted. */
struct mmsim_mm_params {
	uint32_t levels; /* of page tables: 4 or 5; 0: 4 */
	uint32_t thp; /* enum mmsim_thp */
};

/** Rights and flags of an area, for mmsim_mmap(). */
enum {
	MMSIM_PROT_READ = 1 << 0,
	MMSIM_PROT_WRITE = 1 << 1, /* and loads, as x86 has it */
	/* Stores reach the file and other address spaces; anonymous memory cannot be shared. */
	MMSIM_MAP_SHARED = 1 << 2,
	/* Exactly at addr, in place of what is there. */
	MMSIM_MAP_FIXED = 1 << 3,
	/* Exactly at addr, or -EEXIST if anything is there. */
	MMSIM_MAP_FIXED_NOREPLACE = 1 << 4,
	/* Touch all of it before returning, private memory by stores if allowed. A failure is not reported. */
	MMSIM_MAP_POPULATE = 1 << 5,
};

enum mmsim_advice {
	/* The first two say nothing to areas of files. */
	MMSIM_MADV_HUGEPAGE, /* huge pages where they fit */
	MMSIM_MADV_NOHUGEPAGE, /* none */
	MMSIM_MADV_DONTNEED, /* give the pages back, keep the area */
	MMSIM_NR_ADVICE
};

/** Counters of an address space. */
struct mmsim_mm_info {
	uint64_t anon_pages; /* MM_ANONPAGES, pages of 4 KiB */
	uint64_t file_pages; /* MM_FILEPAGES */
	uint64_t table_pages; /* of page tables, the top one included */
	uint64_t map_count; /* areas */
	uint64_t total_vm; /* their pages */
	uint64_t faults; /* handled */
	uint64_t thp_faults; /* of these, with a huge page */
	uint64_t thp_fallbacks; /* a huge page was wanted, and none was to be had */
	uint64_t thp_splits; /* huge entries that became tables */
	uint64_t cow_copies; /* pages copied on a store */
	uint64_t cow_reuses; /* a store found that nobody else has the page */
};

/** An area. */
struct mmsim_area_info {
	uint64_t start, end; /* bytes; end is one past it */
	uint32_t flags; /* MMSIM_PROT_READ, MMSIM_PROT_WRITE, MMSIM_MAP_SHARED */
	bool hugepage, nohugepage; /* advised */
	struct mmsim_file *file; /* NULL: anonymous */
	uint64_t offset; /* in the file: bytes */
};

/** What is at an address. */
struct mmsim_mapping {
	struct mmsim_page *page; /* of exactly this address, not the first one of a huge page */
	uint32_t order; /* of the entry: 0, or 9 for a huge page */
	bool writable, dirty, accessed; /* as the entry says */
};

/**
 * mmsim_mm_create - an address space without areas.
 * @params: NULL: four levels, huge pages where advised.
 * @out: receives it, the caller's until mmsim_mm_destroy(); NULL on failure.
 *
 * Returns 0; -EINVAL for a NULL or parameters out of range; -EBUSY if the machine is not booted; -ENOMEM.
 * Context: any; waits. Cost: O(CPUs). Since 0.1. Models mm_alloc().
 */
MMSIM_API int mmsim_mm_create(struct mmsim *m, const struct mmsim_mm_params *params,
			      struct mmsim_mm **out);

/**
 * mmsim_mm_destroy - take down what is left, and free the address space. NULL is allowed.
 *
 * Nobody else uses it. Context: any; waits. Cost: as mmsim_mm_exit(). Since 0.1. Models mmput(), mmdrop().
 */
MMSIM_API void mmsim_mm_destroy(struct mmsim_mm *mm);

/**
 * mmsim_mm_exit - unmap everything, as the end of a process does.
 *
 * In the way that mmsim_set_teardown() says. Faults and other calls may be under way: they come before or
 * after as mmap_lock has it, and after it find no area; no area can be made any more. A second call does
 * nothing. Context: any; waits. Cost: O(pages + tables). Since 0.1. Models exit_mmap().
 */
MMSIM_API void mmsim_mm_exit(struct mmsim_mm *mm);

/**
 * mmsim_mmap - make an area.
 * @addr: where, with MMSIM_MAP_FIXED or MMSIM_MAP_FIXED_NOREPLACE; else a hint, taken if it is free. A
 *        multiple of 4096 if fixed, rounded down otherwise. 0: the highest gap that is large enough.
 * @length: bytes, not 0; rounded up to pages.
 * @flags: MMSIM_PROT_READ … MMSIM_MAP_POPULATE.
 * @file, @offset: what is mapped from where on, bytes, a multiple of 4096, may be beyond its end; NULL, 0:
 * anonymous.
 * @out: receives the address; unchanged on failure. May be NULL.
 *
 * Without a hint an area of anonymous memory of 2 MiB and more is placed on a multiple of 2 MiB if there is
 * such a gap. Areas side by side that could be one become one. With five levels addresses beyond 2^47 are
 * given out without being asked for, which the kernel does not do; a hint that cannot be had is forgotten.
 *
 * Returns 0; -EINVAL for length 0, an unaligned address or offset, unknown flags, shared memory or an offset
 * without a file, a file of another machine; -EOVERFLOW if offset and length pass 2^64; -ENOMEM if there is
 * no such gap, the range is not inside the address space (also: it wraps), there are MMSIM_MAX_MAP_COUNT
 * areas, or memory ran out; -EEXIST with MMSIM_MAP_FIXED_NOREPLACE; -EPERM below MMSIM_MMAP_MIN_ADDR;
 * -ESRCH after mmsim_mm_exit(). On failure nothing is changed. Context: any; waits; takes mmap_lock for
 * writing. Cost: O(log areas). Since 0.1. Models mmap(2).
 */
MMSIM_API int mmsim_mmap(struct mmsim_mm *mm, uint64_t addr, uint64_t length, uint32_t flags,
			 struct mmsim_file *file, uint64_t offset, uint64_t *out);

/**
 * mmsim_munmap - unmap a range, with areas or parts of areas in it, or with none.
 * @addr: a multiple of 4096.
 * @length: bytes, not 0; rounded up to pages.
 *
 * Once the areas are out of the tree mmap_lock is held for reading only: faults elsewhere go on. In the way
 * that mmsim_set_teardown() says.
 *
 * Returns 0, also if nothing was mapped there; -EINVAL for an unaligned address, length 0, or a range not
 * inside the address space; -ENOMEM if an area would have to be split and there are MMSIM_MAX_MAP_COUNT or
 * no memory: then nothing is changed. Context: any; waits. Cost: O(log areas + pages + tables). Since 0.1.
 * Models munmap(2).
 */
MMSIM_API int mmsim_munmap(struct mmsim_mm *mm, uint64_t addr, uint64_t length);

/**
 * mmsim_madvise - what a range is good for.
 * @addr, @length: as for mmsim_munmap(); length 0 does nothing.
 * @advice: enum mmsim_advice.
 *
 * Returns 0; -EINVAL for an unaligned address, a range not inside the address space, unknown advice;
 * -ENOMEM if a part of the range is not mapped (what is, was done), or as mmsim_munmap() if an area has to
 * be split. Context: any; waits; takes mmap_lock. Cost: as mmsim_munmap(). Since 0.1. Models madvise(2).
 */
MMSIM_API int mmsim_madvise(struct mmsim_mm *mm, uint64_t addr, uint64_t length,
			    enum mmsim_advice advice);

/**
 * mmsim_touch - one access by the caller's CPU.
 * @addr: any address.
 * @write: a store; else a load.
 *
 * Returns 0; -EFAULT where there is no area, or none with that right, or beyond the end of a file; -ENOMEM
 * if a page or a table was to be had no more: then nothing is mapped there, and nothing leaked. Context:
 * any; may wait; takes mmap_lock for reading if there is a fault. Cost: O(levels), with a fault an
 * allocation. Since 0.1. Models a load or store, handle_mm_fault().
 */
MMSIM_API int mmsim_touch(struct mmsim_mm *mm, uint64_t addr, bool write);

/**
 * mmsim_populate - touch every page of a range, by the caller's CPU, in ascending order.
 * @addr, @length: as for mmsim_munmap(); length 0 does nothing.
 *
 * A huge page is one touch. Returns 0, or what mmsim_touch() returned for the first page that failed: those
 * before it stay; -EINVAL for an unaligned address or a range not inside the address space. Context: as
 * mmsim_touch(). Cost: O(pages). Since 0.1. Models mm_populate().
 */
MMSIM_API int mmsim_populate(struct mmsim_mm *mm, uint64_t addr, uint64_t length, bool write);

/**
 * mmsim_mm_fork - a copy of an address space; pages are shared until one of them stores.
 * @out: receives the child, the caller's; NULL on failure.
 *
 * Pages of files that the parent has not stored to are not copied but come by faults, as there.
 * Returns 0; -EINVAL for a NULL; -ESRCH after mmsim_mm_exit(); -ENOMEM: then there is no child, and of the
 * parent at most entries have been write-protected, which faults mend. Context: any;
 * waits; takes mmap_lock for writing. Cost: O(areas + pages). Since 0.1. Models dup_mmap().
 */
MMSIM_API int mmsim_mm_fork(struct mmsim_mm *mm, struct mmsim_mm **out);

/**
 * mmsim_oom_reap - what the OOM reaper does to a victim: unmap its anonymous pages beside whatever it is at.
 * @pages: receives how many pages of anonymous memory went meanwhile; may be NULL.
 *
 * Page tables and areas stay; a later touch finds fresh pages. Private memory only: not that of shared files.
 * Returns 0; -EAGAIN if mmap_lock is held for writing, or somebody waits for that; -ESRCH after
 * mmsim_mm_exit() has done that much. Context: any; does not wait for mmap_lock. Cost: O(pages). Since 0.1.
 * Models __oom_reap_task_mm().
 */
MMSIM_API int mmsim_oom_reap(struct mmsim_mm *mm, uint64_t *pages);

/**
 * mmsim_mm_enter_lazy - the caller's CPU goes on without an address space: a kernel thread runs, or nothing.
 *
 * What its TLB has stays, and no shootdown reaches it until it enters an address space again, except one
 * that frees page tables. Any access of the CPU ends it. Context: any. Cost: O(1). Since 0.1. Models
 * enter_lazy_tlb().
 */
MMSIM_API void mmsim_mm_enter_lazy(struct mmsim *m);

/**
 * mmsim_mm_info - its counters.
 *
 * Returns 0; -EINVAL for a NULL. Context: any; takes mmap_lock for reading; exact while all is idle. Cost:
 * O(1). Since 0.1. Models /proc/PID/status.
 */
MMSIM_API int mmsim_mm_info(struct mmsim_mm *mm, struct mmsim_mm_info *out);

/**
 * mmsim_area_info - the area that holds an address, or the next one above it.
 *
 * Returns 0; -ENOENT if there is none; -EINVAL for a NULL. Context: any; takes mmap_lock for reading. Cost:
 * O(log areas). Since 0.1. Models find_vma(), /proc/PID/maps.
 */
MMSIM_API int mmsim_area_info(struct mmsim_mm *mm, uint64_t addr, struct mmsim_area_info *out);

/**
 * mmsim_mm_lookup - what is mapped at an address. No access: nothing is changed by it.
 *
 * Returns 0; -ENOENT if nothing is; -EINVAL for a NULL. The answer may be past at once. Context: any. Cost:
 * O(levels). Since 0.1. Models /proc/PID/pagemap.
 */
MMSIM_API int mmsim_mm_lookup(struct mmsim_mm *mm, uint64_t addr, struct mmsim_mapping *out);

/**
 * mmsim_mm_validate - check areas, page tables, references and counters against their invariants.
 *
 * Stops the program with the invariant's name if one is broken. Returns mapped pages of 4 KiB, 0 for a NULL.
 * Context: while nobody uses the address space. Cost: O(areas + tables). Since 0.1.
 */
MMSIM_API uint64_t mmsim_mm_validate(struct mmsim_mm *mm);

MMSIM_END_DECLS

#endif
