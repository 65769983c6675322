/* SPDX-License-Identifier: MIT */
/*
 * A module of the kernel as a program of its own, on a machine of libmmsim.
 *
 * Its source is compiled as it is and linked with libmmsim-linux, which has main(): it sets the module's
 * parameters, boots a machine with a vmalloc space whose addresses can be written to, and calls what
 * module_init() or an initcall names, on a task of the machine. What the module does with memory, the
 * machine does. Everything declared in this folder is the kernel's interface under the kernel's names;
 * mm_linux_* is what macros need.
 *
 * Differences: no interrupts and no preemption, so preempt_disable() keeps nobody away; kmalloc() is the
 * host's malloc(); init is not called again if it fails, and the program ends with 1 unless it returned 0 or
 * -EAGAIN, by which a test says that it does not want to stay.
 */
#ifndef MMSIM_LINUX_MODULE_H
#define MMSIM_LINUX_MODULE_H

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/timex.h>

struct module;

#define THIS_MODULE ((struct module *)0)

#define module_init(fn) MM_LINUX_INITCALL(fn, (void *)0, fn, 6)
#ifdef MODULE
#define module_exit(fn) MM_LINUX_INITCALL((void *)0, fn, fn, 6)
#else
#define module_exit(fn) static exitcall_t mm_linux_exit_##fn __maybe_unused = fn; /* never called */
#endif

#define MODULE_LICENSE(text) struct mm_linux_module_info;
#define MODULE_AUTHOR(text) struct mm_linux_module_info;
#define MODULE_DESCRIPTION(text) struct mm_linux_module_info;
#define MODULE_VERSION(text) struct mm_linux_module_info;
#define MODULE_ALIAS(text) struct mm_linux_module_info;
#define MODULE_INFO(tag, text) struct mm_linux_module_info;

#endif
