/* SPDX-License-Identifier: MIT */
/*
 * Integers and small structs under the kernel's names.
 *
 * Stand-ins for the kernel's headers, for modules that are compiled against libmmsim; <linux/module.h> says
 * what that is. No header here includes one of the library's, so that nothing of theirs is in a module's
 * way.
 */
#ifndef MMSIM_LINUX_TYPES_H
#define MMSIM_LINUX_TYPES_H

#include <stddef.h>
#include <stdint.h>

#if !defined(bool) && (!defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L)
typedef _Bool bool;
enum { false, true };
#endif

typedef signed char __s8;
typedef unsigned char __u8;
typedef signed short __s16;
typedef unsigned short __u16;
typedef signed int __s32;
typedef unsigned int __u32;
typedef signed long long __s64;
typedef unsigned long long __u64;

typedef __s8 s8;
typedef __u8 u8;
typedef __s16 s16;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef unsigned long long ullong;

typedef __PTRDIFF_TYPE__ ssize_t;
typedef u64 phys_addr_t;
typedef unsigned int gfp_t;

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic64_t;

typedef struct {
	long counter;
} atomic_long_t;

struct list_head {
	struct list_head *next, *prev;
};

/* Its members mean nothing here; it makes room, as in the kernel. */
struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

#endif
