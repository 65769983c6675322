/* SPDX-License-Identifier: MIT */
/*
 * Tasks. Those of a program are the one that runs init, and kthreads.
 */
#ifndef MMSIM_LINUX_SCHED_H
#define MMSIM_LINUX_SCHED_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/preempt.h>
#include <linux/types.h>

#define TASK_COMM_LEN 16

/* As on x86-64: four pages of stack, aligned to themselves. */
#define THREAD_SIZE (4UL << 12)
#define THREAD_ALIGN THREAD_SIZE

struct task_struct {
	int pid;
	char comm[TASK_COMM_LEN];
};

/* NULL on a thread that is none of them. */
struct task_struct *mm_linux_current(void);
#define current mm_linux_current()

void cond_resched(void);
void yield(void);
void set_user_nice(struct task_struct *task, long nice); /* the caller's own only */

#endif
