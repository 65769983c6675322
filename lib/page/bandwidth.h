/* SPDX-License-Identifier: MIT */
/*
 * How fast the memory of a node can be filled: by one thread, and by one on each of its cores.
 *
 * Counterpart: none; it finds out by trying what an HMAT table would say. The stores are those of page
 * init, past the cache: each piece of 64 bytes is a struct page. In virtual mode nothing is stored,
 * only the time passes, of as many bytes that starting threads takes next to none of it.
 *
 * The threads are those of a ktask, so no more than its limits and the host's CPU quota allow: what
 * others could do together is of no use to a ktask either.
 *
 * Locking: none. Cost: seven passes over the memory.
 */
#ifndef MM_PAGE_BANDWIDTH_H
#define MM_PAGE_BANDWIDTH_H

#include "backing.h"
#include "ktask.h"
#include "padata.h"

struct mm_bandwidth {
	uint64_t core_bytes_per_s, node_bytes_per_s; /* not 0 */
};

/* Where to. */
struct mm_bandwidth_of {
	struct mm_ktask *kt;
	struct mm_padata *padata;
	struct mm_fault *fault;
	uint32_t no_huge; /* MMSIM_NO_HUGE_… */
	unsigned nid; /* has CPUs; the caller should be on it */
	uint64_t bytes; /* not 0 */
};

/*
 * Waits. 0; -ENOMEM, also if touching it would be more than the host has; -ENOSYS where nothing takes
 * any time.
 */
int mm_page_measure_bandwidth(const struct mm_bandwidth_of *of, struct mm_bandwidth *out);

#endif
