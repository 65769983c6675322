/* SPDX-License-Identifier: MIT */
/*
 * Tasks of the kernel: of the machine, on the CPU that has the fewest.
 *
 * One that ends by itself stays there for kthread_stop() until the program ends. One that is there still
 * when the module is gone is stopped then; if it does not end in 10 s the program does.
 */
#ifndef MMSIM_LINUX_KTHREAD_H
#define MMSIM_LINUX_KTHREAD_H

#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/types.h>

/* An ERR_PTR() if it cannot be started. */
struct task_struct *kthread_run(int (*threadfn)(void *data), void *data, const char *namefmt, ...)
	__printf(3, 4);

/* Tells it and waits for its end: what threadfn returned; -ESRCH: no such task. Once. */
int kthread_stop(struct task_struct *k);

bool kthread_should_stop(void);

#endif
