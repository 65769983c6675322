/* SPDX-License-Identifier: MIT */
/*
 * Memory that each CPU has its own of.
 *
 * A pointer to it is that of CPU 0's; the others' are mm_linux_percpu_unit() bytes apart.
 */
#ifndef MMSIM_LINUX_PERCPU_H
#define MMSIM_LINUX_PERCPU_H

#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/types.h>

#define PCPU_MIN_UNIT_SIZE (32UL << 10)

/* Cleared. NULL beyond a unit, or for an align that is no power of two up to a page. */
void *__alloc_percpu(size_t size, size_t align);
void *__alloc_percpu_gfp(size_t size, size_t align, gfp_t gfp);
void free_percpu(void *ptr);
unsigned long mm_linux_percpu_unit(void);

#define alloc_percpu(type) ((__typeof__(type) *)__alloc_percpu(sizeof(type), __alignof__(type)))
#define alloc_percpu_gfp(type, gfp) \
	((__typeof__(type) *)__alloc_percpu_gfp(sizeof(type), __alignof__(type), gfp))

#define per_cpu_ptr(ptr, cpu) \
	((__typeof__(ptr))(void *)((char *)(ptr) + (cpu)*mm_linux_percpu_unit()))
#define this_cpu_ptr(ptr) per_cpu_ptr(ptr, smp_processor_id())
#define raw_cpu_ptr(ptr) this_cpu_ptr(ptr)

#endif
