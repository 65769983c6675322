/* SPDX-License-Identifier: MIT */
/* The library's own memory. */
#include "meta.h"

#include "check.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOSTED (MM_ASAN || MM_TSAN)

#if HOSTED

static int arena_create(unsigned *arena)
{
	*arena = 0;
	return 0;
}

static void arena_destroy(unsigned arena)
{
	(void)arena;
}

static void *arena_alloc(unsigned arena, size_t size)
{
	void *ptr;

	(void)arena;
	if (posix_memalign(&ptr, MM_CACHE_LINE, size))
		return NULL;
	memset(ptr, 0, size);
	return ptr;
}

static void arena_free(void *ptr, size_t size)
{
	(void)size;
	free(ptr);
}

#else

#include <jemalloc/jemalloc.h>
#include <stdio.h>

#define ALIGNED MALLOCX_ALIGN(MM_CACHE_LINE)

static int arena_create(unsigned *arena)
{
	size_t len = sizeof(*arena);

	return mallctl("arenas.create", arena, &len, NULL, 0) ? -ENOMEM : 0;
}

static void arena_destroy(unsigned arena)
{
	char name[32];

	snprintf(name, sizeof(name), "arena.%u.destroy", arena);
	mallctl(name, NULL, NULL, NULL, 0);
}

/* No thread cache: it would outlive the arena in threads that the library does not own. */
static void *arena_alloc(unsigned arena, size_t size)
{
	return mallocx(size, ALIGNED | MALLOCX_ZERO | MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE);
}

static void arena_free(void *ptr, size_t size)
{
	sdallocx(ptr, size, ALIGNED | MALLOCX_TCACHE_NONE);
}

#endif

int mm_base_meta_init(struct mm_meta *meta, struct mm_fault *fault)
{
	*meta = (struct mm_meta){ .fault = fault };
	if (mm_base_fault_hit(fault, MMSIM_FAULT_METADATA))
		return -ENOMEM;
	return arena_create(&meta->arena);
}

void mm_base_meta_fini(struct mm_meta *meta)
{
	mm_invariant("M1: metadata freed", !meta->live && !meta->live_bytes);
	arena_destroy(meta->arena);
}

void *mm_base_meta_alloc(struct mm_meta *meta, size_t size)
{
	void *ptr;

	if (mm_base_fault_hit(meta->fault, MMSIM_FAULT_METADATA))
		return NULL;
	ptr = arena_alloc(meta->arena, size);
	if (!ptr)
		return NULL;
	__atomic_add_fetch(&meta->live, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&meta->live_bytes, size, __ATOMIC_RELAXED);
	return ptr;
}

void *mm_base_meta_calloc(struct mm_meta *meta, size_t nr, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(nr, size, &bytes))
		return NULL;
	return mm_base_meta_alloc(meta, bytes);
}

void mm_base_meta_free(struct mm_meta *meta, void *ptr, size_t size)
{
	if (!ptr)
		return;
	__atomic_sub_fetch(&meta->live, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&meta->live_bytes, size, __ATOMIC_RELAXED);
	arena_free(ptr, size);
}
