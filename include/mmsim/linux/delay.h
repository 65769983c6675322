/* SPDX-License-Identifier: MIT */
/*
 * Waiting: asleep, and busy.
 */
#ifndef MMSIM_LINUX_DELAY_H
#define MMSIM_LINUX_DELAY_H

#include <linux/sched.h>
#include <linux/types.h>

void msleep(unsigned int ms);
unsigned long msleep_interruptible(unsigned int ms); /* what is left: 0, as nobody interrupts */
void ssleep(unsigned int seconds);
void usleep_range(unsigned long min, unsigned long max);
void fsleep(unsigned long us);
void ndelay(unsigned long ns);
void udelay(unsigned long us);
void mdelay(unsigned long ms);

#endif
