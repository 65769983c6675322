/* SPDX-License-Identifier: MIT */
/* Which allocator is which. */
#include "alt.h"

const struct mm_alt_ops *mm_buddy_alt_ops(unsigned allocator)
{
	static const struct mm_alt_ops *const table[MMSIM_NR_ALLOCATORS] = {
		[MMSIM_ALLOCATOR_BITMAP] = &mm_buddy_bitmap_ops,
	};

	return allocator < MMSIM_NR_ALLOCATORS ? table[allocator] : NULL;
}
