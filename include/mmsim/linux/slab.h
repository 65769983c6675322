/* SPDX-License-Identifier: MIT */
/*
 * Small memory: the host's malloc(). What is large and may come from either is vmalloc()ed beyond 32 KiB.
 */
#ifndef MMSIM_LINUX_SLAB_H
#define MMSIM_LINUX_SLAB_H

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#define KMALLOC_MAX_SIZE (1UL << 22)
#define ZERO_SIZE_PTR ((void *)16)
#define ZERO_OR_NULL_PTR(x) ((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)

void *kmalloc(size_t size, gfp_t gfp);
void *kvmalloc(size_t size, gfp_t gfp);
void kfree(const void *ptr);

/* n times size; NULL where that is more than a size_t. */
void *kmalloc_array(size_t n, size_t size, gfp_t gfp);
void *kvmalloc_array(size_t n, size_t size, gfp_t gfp);

#define kzalloc(size, gfp) kmalloc(size, (gfp) | __GFP_ZERO)
#define kvzalloc(size, gfp) kvmalloc(size, (gfp) | __GFP_ZERO)
#define kcalloc(n, size, gfp) kmalloc_array(n, size, (gfp) | __GFP_ZERO)
#define kvcalloc(n, size, gfp) kvmalloc_array(n, size, (gfp) | __GFP_ZERO)
#define kmalloc_node(size, gfp, node) ((void)(node), kmalloc(size, gfp))
#define kzalloc_node(size, gfp, node) ((void)(node), kzalloc(size, gfp))
#define kvmalloc_node(size, gfp, node) ((void)(node), kvmalloc(size, gfp))

/* By type (7.0): a type, or something that has it; the flags may be left out. */
#define MM_LINUX_GFP(...) MM_LINUX_GFP_OF(0, ##__VA_ARGS__, GFP_KERNEL, )
#define MM_LINUX_GFP_OF(first, gfp, ...) (gfp)
#define MM_LINUX_OBJS(alloc, what, n, ...) \
	((__typeof__(what) *)alloc(n, sizeof(__typeof__(what)), MM_LINUX_GFP(__VA_ARGS__)))

#define kmalloc_obj(what, ...) MM_LINUX_OBJS(kmalloc_array, what, 1, ##__VA_ARGS__)
#define kzalloc_obj(what, ...) MM_LINUX_OBJS(kcalloc, what, 1, ##__VA_ARGS__)
#define kvmalloc_obj(what, ...) MM_LINUX_OBJS(kvmalloc_array, what, 1, ##__VA_ARGS__)
#define kvzalloc_obj(what, ...) MM_LINUX_OBJS(kvcalloc, what, 1, ##__VA_ARGS__)
#define kmalloc_objs(what, n, ...) MM_LINUX_OBJS(kmalloc_array, what, n, ##__VA_ARGS__)
#define kzalloc_objs(what, n, ...) MM_LINUX_OBJS(kcalloc, what, n, ##__VA_ARGS__)
#define kvmalloc_objs(what, n, ...) MM_LINUX_OBJS(kvmalloc_array, what, n, ##__VA_ARGS__)
#define kvzalloc_objs(what, n, ...) MM_LINUX_OBJS(kvcalloc, what, n, ##__VA_ARGS__)

#endif
