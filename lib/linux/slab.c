/* SPDX-License-Identifier: MIT */
/* kmalloc() and its kin, on the host's heap. */
#include "world.h"

#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <stdlib.h>
#include <string.h>

#define KVMALLOC_SMALL (8 * PAGE_SIZE) /* PAGE_ALLOC_COSTLY_ORDER */

/* What divides a size: so objects of a power of two are aligned to themselves, as in the kernel. */
void *kmalloc(size_t size, gfp_t gfp)
{
	size_t align = clamp_t(size_t, size & -size, 16, PAGE_SIZE);
	void *ptr;

	if (!size)
		return ZERO_SIZE_PTR;
	if (size > KMALLOC_MAX_SIZE || posix_memalign(&ptr, align, size))
		return NULL;
	if (gfp & __GFP_ZERO)
		memset(ptr, 0, size);
	return ptr;
}

void kfree(const void *ptr)
{
	if (ZERO_OR_NULL_PTR(ptr))
		return;
	if (is_vmalloc_addr(ptr))
		pr_err("kfree(%p): an address of vmalloc()\n", ptr);
	else
		free((void *)ptr);
}

void *kvmalloc(size_t size, gfp_t gfp)
{
	return size <= KVMALLOC_SMALL ? kmalloc(size, gfp) : __vmalloc(size, gfp);
}

void kvfree(const void *ptr)
{
	if (is_vmalloc_addr(ptr))
		vfree(ptr);
	else
		kfree(ptr);
}

void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : kmalloc(bytes, gfp);
}

void *kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : kvmalloc(bytes, gfp);
}
