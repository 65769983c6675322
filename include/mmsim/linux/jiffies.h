/* SPDX-License-Identifier: MIT */
/*
 * The clock that ticks.
 */
#ifndef MMSIM_LINUX_JIFFIES_H
#define MMSIM_LINUX_JIFFIES_H

#include <linux/types.h>

#define HZ 1000
#define MAX_SCHEDULE_TIMEOUT __LONG_MAX__
#define MAX_JIFFY_OFFSET ((__LONG_MAX__ >> 1) - 1)

unsigned long mm_linux_jiffies(void);
#define jiffies mm_linux_jiffies()

static inline unsigned long msecs_to_jiffies(unsigned int ms)
{
	return ms * (HZ / 1000UL);
}

static inline unsigned int jiffies_to_msecs(unsigned long j)
{
	return (unsigned int)(j * 1000 / HZ);
}

#define time_after(a, b) ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)

#endif
