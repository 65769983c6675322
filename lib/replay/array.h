/* SPDX-License-Identifier: MIT */
/* Arrays that grow by doubling as a file is read. Counterpart: none; std::vector, without a capacity. */
#ifndef MM_REPLAY_ARRAY_H
#define MM_REPLAY_ARRAY_H

#include "compiler.h"
#include <stddef.h>
#include <stdlib.h>

#define MM_REPLAY_ARRAY_FIRST ((size_t)16)

/*
 * An array of nr elements with room for one more: the same or its new place; NULL when out of memory,
 * and then the old one is still there. nr must have grown by ones, since the capacity is told by it.
 */
static inline void *mm_replay_array_grow(void *array, size_t nr, size_t size)
{
	size_t bytes;

	if (nr && (nr < MM_REPLAY_ARRAY_FIRST || (nr & (nr - 1))))
		return array;
	if (__builtin_mul_overflow(nr ? nr * 2 : MM_REPLAY_ARRAY_FIRST, size, &bytes))
		return NULL;
	return realloc(array, bytes);
}

#endif
