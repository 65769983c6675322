/* SPDX-License-Identifier: MIT */
/*
 * The library's own memory: one jemalloc arena per machine, one way in and out.
 *
 * Simulated memory never comes from here, so the two cannot disturb each other, and a machine's
 * metadata is counted: when it goes, nothing may be left (checked by mm_base_meta_fini()).
 *
 * M1: live objects and bytes are the allocations not yet freed.
 *
 * Under AddressSanitizer and ThreadSanitizer memory comes from the C library instead, because they
 * see only that.
 *
 * Locking: none; safe from any thread. Cost: about 100 ns an allocation: not for hot paths.
 */
#ifndef MM_BASE_META_H
#define MM_BASE_META_H

#include "compiler.h"
#include "fault.h"
#include <stddef.h>
#include <stdint.h>

struct mm_meta {
	unsigned arena; /* constant after init */
	struct mm_fault *fault; /* constant after init */
	uint64_t live; /* atomic: objects */
	uint64_t live_bytes; /* atomic: as asked for */
};

/* Returns 0 or -ENOMEM. `fault` must outlive `meta`. */
int mm_base_meta_init(struct mm_meta *meta, struct mm_fault *fault);

/* Invariant M1: everything has been freed. */
void mm_base_meta_fini(struct mm_meta *meta);

/* Zeroed, on a cache line of its own. NULL when out of memory or told to fail. size > 0. */
void *mm_base_meta_alloc(struct mm_meta *meta, size_t size);

/* nr objects of `size` bytes side by side; NULL also when the product overflows. */
void *mm_base_meta_calloc(struct mm_meta *meta, size_t nr, size_t size);

/* ptr may be NULL; size as allocated. */
void mm_base_meta_free(struct mm_meta *meta, void *ptr, size_t size);

#endif
