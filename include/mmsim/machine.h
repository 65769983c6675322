/* SPDX-License-Identifier: MIT */
/*
 * A simulated machine: create, boot, inspect, destroy.
 *
 * Everything hangs off one handle; machines of different modes live side by side in one process.
 */
#ifndef MMSIM_MACHINE_H
#define MMSIM_MACHINE_H

#include <mmsim/api.h>
#include <mmsim/config.h>
#include <mmsim/gfp.h>
#include <mmsim/policy.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/**
 * mmsim_create - build a machine and boot it as far as cfg->boot says.
 * @cfg: read during the call only; NULL: mmsim_config_defaults().
 * @out: receives the machine, or NULL on failure.
 *
 * Returns 0; -EINVAL for a bad config (the line from mmsim_config_check() goes to cfg->log);
 * -ENOMEM when memory could not be mapped or allocated, or when touching the struct pages or the pages
 * would take more than the host has available. A thread that cannot be started is no
 * failure: fewer work. Failure leaves nothing behind. The caller owns the machine until
 * mmsim_destroy(). Context: outside the machine; waits. Cost: O(struct pages) once booted. Since 0.1.
 */
MMSIM_API int mmsim_create(const struct mmsim_config *cfg, struct mmsim **out) MMSIM_MUST_CHECK;

/**
 * mmsim_destroy - tear a machine down.
 * @m: NULL is allowed. Nothing else may use it any more, in any thread.
 *
 * Memory handed out by mmsim_alloc_pages() goes with the machine. Stops the program with a named
 * invariant if the library itself lost memory, a thread or a mapping. Context: not from a task of the
 * machine; waits. Since 0.1.
 */
MMSIM_API void mmsim_destroy(struct mmsim *m);

/** What booting did; times in ns of the machine's clock, 0 for what did not happen. */
struct mmsim_boot_node {
	uint64_t pages; /* struct pages initialised by this node's deferred init */
	uint64_t time_ns; /* from its start to its end */
	uint32_t threads; /* most that worked at the same time, as asked for */
	uint32_t ranges; /* free memory ranges, one job each */
	/* Where it began or, before it, would begin now; UINT64_MAX: nothing was or is deferred. */
	uint64_t first_deferred_pfn;
};

struct mmsim_boot_report {
	uint64_t early_pages; /* free pages initialised before deferred init or by growth */
	uint64_t early_ns;
	uint64_t deferred_pages;
	uint64_t deferred_ns; /* start of the first node to end of the last */
	uint64_t first_touch_ns; /* pre-fault of the struct page array, all of it */
	uint64_t memmap_bytes; /* struct pages mapped */
	bool streaming; /* which stores deferred init used */
	struct mmsim_boot_node node[MMSIM_MAX_NODES];
};

/**
 * mmsim_boot - initialise the struct pages and fill the allocator of a cold machine.
 *
 * Early part: all zones but the last of each node, and of that one up to the first section boundary with
 * a section of its RAM below. Then one pgdatinit thread per node runs one multithreaded job per free
 * memory range.
 *
 * Returns 0, or -EBUSY when booted already. A node whose thread cannot be started is initialised by
 * the caller, with a line in the log. Context: any; waits. Cost: O(struct pages) / threads. Since 0.1.
 * Models free_area_init(), memblock_free_all() and page_alloc_init_late() of mm/mm_init.c.
 */
MMSIM_API int mmsim_boot(struct mmsim *m);

/**
 * mmsim_boot_early - the early part only; the rest stays deferred.
 *
 * Allocations then grow the last zone of a node on demand, section by section. mmsim_boot()
 * afterwards initialises what is still deferred.
 * Returns and context as mmsim_boot(). Since 0.1.
 */
MMSIM_API int mmsim_boot_early(struct mmsim *m);

/**
 * mmsim_reset - the reset button: the machine is cold again, its memory stays mapped and touched.
 *
 * Every page handed out is forgotten; address spaces and files are to be destroyed before. Nothing else may
 * use the machine meanwhile. For measuring boot again and again on the same memory: until the next boot a
 * caller may overwrite the struct pages of RAM that is not reserved, as boot writes every field of them.
 * Does nothing to a cold machine. Context: any; waits. Cost: a store of every struct page. Since 0.1.
 */
MMSIM_API void mmsim_reset(struct mmsim *m);

/**
 * mmsim_set_init - change how the next boot initialises struct pages.
 * @stores: enum mmsim_stores.
 * @threads: most threads per node; 0: the node's CPUs.
 * @padata: false: a plain loop, as with MMSIM_NO_PADATA.
 *
 * Returns 0; -EBUSY unless the machine is cold; -EINVAL for unknown stores. Since 0.1.
 */
MMSIM_API int mmsim_set_init(struct mmsim *m, enum mmsim_stores stores, uint32_t threads,
			     bool padata);

/** mmsim_boot_report - what the last boot did. Context: any; waits while one runs. Since 0.1. */
MMSIM_API void mmsim_boot_report(struct mmsim *m, struct mmsim_boot_report *report);

/**
 * mmsim_last_message - the newest line that was sent to the log.
 * @buf, @len: receives it, cut to fit, always terminated when len > 0. Empty if there was none.
 *
 * Context: any. Since 0.1.
 */
MMSIM_API void mmsim_last_message(const struct mmsim *m, char *buf, size_t len);

/** Shape of the machine. Context of these three: any. Cost: O(1). Since 0.1. */
MMSIM_API unsigned mmsim_nr_cpus(const struct mmsim *m);
MMSIM_API unsigned mmsim_nr_nodes(const struct mmsim *m);
MMSIM_API uint64_t mmsim_max_pfn(const struct mmsim *m); /* one past the last page of RAM */

/** How memory of one kind came to be mapped. Bytes sum to what was mapped. */
struct mmsim_backing {
	uint64_t bytes_1g; /* MAP_HUGETLB, 1 GiB */
	uint64_t bytes_2m; /* MAP_HUGETLB, 2 MiB */
	uint64_t bytes_thp; /* anonymous, MADV_HUGEPAGE accepted */
	uint64_t bytes_base; /* anonymous, base pages */
	uint64_t touch_ns; /* what touching all of it took, 0 if it was not touched */
	char why[160]; /* why nothing bigger was used; empty if the biggest was */
};

/** The pieces: struct page array, and the pages themselves. Context: any. Since 0.1. */
MMSIM_API void mmsim_memmap_backing(const struct mmsim *m, struct mmsim_backing *out);
MMSIM_API void mmsim_pages_backing(const struct mmsim *m, struct mmsim_backing *out);

/** One zone's books. All free blocks of another allocator than Linux's (policy.h) are Movable. */
struct mmsim_zone_info {
	unsigned node;
	enum mmsim_zone_type type;
	uint64_t start_pfn;
	uint64_t spanned; /* pages from start to end, holes included */
	uint64_t present; /* pages of RAM */
	uint64_t managed; /* pages given to the allocator since boot */
	uint64_t free; /* pages on the buddy lists, isolated ones left out */
	uint64_t pcp; /* pages on per-CPU lists */
	uint64_t cma; /* pages in CMA pageblocks */
	uint64_t free_cma; /* of free, those on CMA lists */
	uint64_t free_highatomic; /* of free, those on HighAtomic lists */
	uint64_t nr_reserved_highatomic; /* pages in HighAtomic pageblocks */
	uint64_t boost; /* pages by which the four below are higher for now */
	uint64_t min, low, high, promo; /* watermarks, pages */
	/* "protection": pages kept from requests that could have a zone up to this type. */
	uint64_t lowmem_reserve[MMSIM_NR_ZONES];
	struct mmsim_zone_stat stat;
	/* Free blocks by order and migratetype. */
	uint64_t nr_free[MMSIM_NR_PAGE_ORDERS][MMSIM_MAX_MIGRATETYPES];
	/* Pageblocks by migratetype; those whose struct pages are still deferred are left out. */
	uint64_t pageblocks[MMSIM_MAX_MIGRATETYPES];
};

/**
 * mmsim_zone_info - read one zone's books.
 * @node: below mmsim_nr_nodes().
 * @type: the zone.
 * @info: receives them; unchanged on failure.
 *
 * Returns 0; -ENOENT when that node has no such zone (spanned 0); -EINVAL for a node or type out of
 * range. Exact while nobody allocates, a snapshot per lock otherwise; of another allocator than
 * Linux's, roughly then. Context: any; takes the zone's lock and its per-CPU locks. Cost: O(CPUs +
 * pageblocks). Since 0.1. Models /proc/zoneinfo, /proc/pagetypeinfo.
 */
MMSIM_API int mmsim_zone_info(struct mmsim *m, unsigned node, enum mmsim_zone_type type,
			      struct mmsim_zone_info *info);

/** A zone's lists on one CPU: struct per_cpu_pages. Pages but for alloc_factor. */
struct mmsim_pcp_info {
	uint32_t count; /* on the lists */
	uint32_t high; /* above which some are given back; moves between the next two */
	uint32_t high_min, high_max;
	uint32_t batch; /* to and from the zone at a time, at least */
	uint32_t free_count; /* freed since the last allocations */
	uint32_t alloc_factor; /* the next refill is of batch << this */
};

/**
 * mmsim_pcp_info - read the books of a zone's lists on one CPU.
 * @node, @type: the zone, as in mmsim_zone_info().
 * @cpu: below mmsim_nr_cpus().
 * @info: receives them; unchanged on failure.
 *
 * Returns 0; -ENOENT when that node has no such zone; -EINVAL for a node, type or CPU out of range.
 * Context: any; takes the lists' lock. Cost: O(1). Since 0.1. Models pagesets of /proc/zoneinfo.
 */
MMSIM_API int mmsim_pcp_info(struct mmsim *m, unsigned node, enum mmsim_zone_type type,
			     unsigned cpu, struct mmsim_pcp_info *info);

/** "DMA", "DMA32", "Normal", "Movable". Since 0.1. */
MMSIM_API const char *mmsim_zone_name(enum mmsim_zone_type type);

/** "Unmovable", "Movable", … as the kernel's texts name them; NULL for what is none. Since 0.1. */
MMSIM_API const char *mmsim_migratetype_name(enum mmsim_migratetype mt);

/*
 * The calls below print what the kernel would, byte for byte but where they say otherwise, zone after
 * zone, node after node. They write to @buf as snprintf() does: at most @len bytes with the final NUL,
 * none if @len is 0, and return the length of the whole text. Context as mmsim_zone_info(), zone by
 * zone: of a busy machine, two zones are of two moments. Cost: O(zones * (CPUs + pageblocks)).
 */

/** mmsim_print_buddyinfo - free blocks per order. Since 0.1. Models /proc/buddyinfo. */
MMSIM_API size_t mmsim_print_buddyinfo(struct mmsim *m, char *buf, size_t len);

/**
 * mmsim_print_pagetypeinfo - free blocks per migratetype and order, and pageblocks per migratetype.
 *
 * As a kernel with CONFIG_CMA. No list is counted beyond 100000, which then prints as ">100000". All
 * of it, the heads included, comes once per node with memory. Since 0.1. Models /proc/pagetypeinfo.
 */
MMSIM_API size_t mmsim_print_pagetypeinfo(struct mmsim *m, char *buf, size_t len);

/**
 * mmsim_print_zoneinfo - watermarks, sizes and per-CPU lists, of zones without memory too.
 *
 * As Linux 7.0, whose last lines are reserved_highatomic and free_highatomic. Left out is what no
 * machine has: zone Device, the statistics per node, node_unreclaimable, and of the zone's counters
 * all but nr_free_pages, nr_free_pages_blocks and nr_free_cma. Counters being exact, the thresholds
 * are 0. Since 0.1. Models /proc/zoneinfo.
 */
MMSIM_API size_t mmsim_print_zoneinfo(struct mmsim *m, char *buf, size_t len);

/**
 * mmsim_print_unusable_index - per order, the share of free pages in blocks that are too small.
 *
 * Since 0.1. Models /sys/kernel/debug/extfrag/unusable_index. As numbers: mmsim_frag_info().
 */
MMSIM_API size_t mmsim_print_unusable_index(struct mmsim *m, char *buf, size_t len);

/**
 * mmsim_print_extfrag_index - per order, why a request would fail.
 *
 * Since 0.1. Models /sys/kernel/debug/extfrag/extfrag_index, also in that -500 prints as " 0.-500".
 */
MMSIM_API size_t mmsim_print_extfrag_index(struct mmsim *m, char *buf, size_t len);

/**
 * mmsim_validate - check every structure of an idle machine against its invariants.
 *
 * Walks all free lists and per-CPU lists, checks links, alignment, types, counts, and that free +
 * per-CPU + allocated pages are the managed ones. Stops the program with the invariant's name if one
 * is broken. Returns the number of pages on the buddy lists. Context: while nobody else uses the machine.
 * Cost: O(pages). Since 0.1.
 */
MMSIM_API uint64_t mmsim_validate(struct mmsim *m);

/** One kind of lock, summed over all locks of that kind. */
struct mmsim_lock_info {
	const char *name; /* "zone->lock", … lives as long as the library */
	uint64_t locks;
	uint64_t acquired;
	uint64_t contended;
	uint64_t wait_ns; /* with MMSIM_LOCK_TIMES, else 0 */
	uint64_t hold_ns; /* with MMSIM_LOCK_TIMES, else 0 */
};

/**
 * mmsim_lock_info - statistics of the index-th kind of lock.
 *
 * They count from mmsim_create() on, boot included: for a part of a run read them before and after it.
 *
 * Returns 0, or -ENOENT past the last. Context: any; values are read without the locks. Cost:
 * O(locks). Since 0.1. Models /proc/lock_stat.
 */
MMSIM_API int mmsim_lock_info(struct mmsim *m, unsigned index, struct mmsim_lock_info *info);

/** What the modes on one thread have done since the machine was made; 0 in native mode. */
struct mmsim_sched_info {
	uint64_t events; /* charges, schedule points, waits, wake-ups */
	uint64_t switches; /* from one task to another */
};

/** mmsim_sched_info - read it. Context: any, while nobody else uses the machine. Cost: O(1). Since 0.1. */
MMSIM_API void mmsim_sched_info(struct mmsim *m, struct mmsim_sched_info *info);

MMSIM_END_DECLS

#endif
