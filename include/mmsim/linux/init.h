/* SPDX-License-Identifier: MIT */
/*
 * Functions to be run when the kernel starts: here when the program does, in the order of their levels.
 *
 * A module's own are in <linux/module.h>. Both are known before main() runs.
 */
#ifndef MMSIM_LINUX_INIT_H
#define MMSIM_LINUX_INIT_H

#include <linux/compiler.h>
#include <linux/types.h>

typedef int (*initcall_t)(void);
typedef void (*exitcall_t)(void);

struct mm_linux_initcall {
	initcall_t fn; /* or NULL */
	exitcall_t exit; /* or NULL */
	const char *name; /* of the function */
	unsigned int level; /* lower ones first; at one level as they were defined */
	struct mm_linux_initcall *next;
};

void mm_linux_initcall_add(struct mm_linux_initcall *call);

/* Complete without a semicolon, and with one. */
#define MM_LINUX_INITCALL(fn_, exit_, name_, level_)                                          \
	static void __attribute__((constructor)) mm_linux_call_##name_(void)                  \
	{                                                                                     \
		static struct mm_linux_initcall mm_linux_call = { fn_, exit_, #name_, level_, \
								  (void *)0 };                \
		mm_linux_initcall_add(&mm_linux_call);                                        \
	}

#ifdef MODULE
#define MM_LINUX_LEVEL(level) 6
#else
#define MM_LINUX_LEVEL(level) level
#endif

#define early_initcall(fn) MM_LINUX_INITCALL(fn, (void *)0, fn, MM_LINUX_LEVEL(0))
#define core_initcall(fn) MM_LINUX_INITCALL(fn, (void *)0, fn, MM_LINUX_LEVEL(1))
#define postcore_initcall(fn) MM_LINUX_INITCALL(fn, (void *)0, fn, MM_LINUX_LEVEL(2))
#define arch_initcall(fn) MM_LINUX_INITCALL(fn, (void *)0, fn, MM_LINUX_LEVEL(3))
#define subsys_initcall(fn) MM_LINUX_INITCALL(fn, (void *)0, fn, MM_LINUX_LEVEL(4))
#define fs_initcall(fn) MM_LINUX_INITCALL(fn, (void *)0, fn, MM_LINUX_LEVEL(5))
#define device_initcall(fn) MM_LINUX_INITCALL(fn, (void *)0, fn, MM_LINUX_LEVEL(6))
#define late_initcall(fn) MM_LINUX_INITCALL(fn, (void *)0, fn, MM_LINUX_LEVEL(7))
#define __initcall(fn) device_initcall(fn)

#endif
