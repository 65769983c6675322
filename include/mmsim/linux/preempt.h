/* SPDX-License-Identifier: MIT */
/*
 * Keeping others off the CPU: here nobody does, two tasks of one CPU run at the same time natively.
 */
#ifndef MMSIM_LINUX_PREEMPT_H
#define MMSIM_LINUX_PREEMPT_H

#include <linux/compiler.h>

#define preempt_disable() barrier()
#define preempt_enable() barrier()
#define preempt_enable_no_resched() barrier()
#define local_irq_disable() barrier()
#define local_irq_enable() barrier()
#define local_irq_save(flags) \
	do {                  \
		(flags) = 0;  \
		barrier();    \
	} while (0)
#define local_irq_restore(flags) \
	do {                     \
		(void)(flags);   \
		barrier();       \
	} while (0)
#define in_interrupt() 0
#define in_task() 1

#endif
