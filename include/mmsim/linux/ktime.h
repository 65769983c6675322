/* SPDX-License-Identifier: MIT */
/*
 * The machine's clock, ns.
 */
#ifndef MMSIM_LINUX_KTIME_H
#define MMSIM_LINUX_KTIME_H

#include <linux/jiffies.h>
#include <linux/types.h>

#define NSEC_PER_USEC 1000L
#define NSEC_PER_MSEC 1000000L
#define NSEC_PER_SEC 1000000000L
#define USEC_PER_MSEC 1000L
#define USEC_PER_SEC 1000000L
#define MSEC_PER_SEC 1000L

typedef s64 ktime_t;

ktime_t ktime_get(void);

#define ktime_get_ns() ((u64)ktime_get())
#define ktime_get_raw() ktime_get()
#define ktime_get_boottime() ktime_get()
#define ktime_get_real() ktime_get()
#define ktime_add(a, b) ((ktime_t)((a) + (b)))
#define ktime_sub(a, b) ((ktime_t)((a) - (b)))
#define ktime_add_ns(kt, ns) ((ktime_t)((kt) + (s64)(ns)))
#define ktime_add_us(kt, us) ((ktime_t)((kt) + (s64)(us)*NSEC_PER_USEC))
#define ktime_add_ms(kt, ms) ((ktime_t)((kt) + (s64)(ms)*NSEC_PER_MSEC))
#define ktime_to_ns(kt) ((s64)(kt))
#define ktime_to_us(kt) ((s64)(kt) / NSEC_PER_USEC)
#define ktime_to_ms(kt) ((s64)(kt) / NSEC_PER_MSEC)
#define ns_to_ktime(ns) ((ktime_t)(ns))
#define ms_to_ktime(ms) ((ktime_t)(ms)*NSEC_PER_MSEC)
#define ktime_us_delta(later, earlier) ktime_to_us(ktime_sub(later, earlier))
#define ktime_ms_delta(later, earlier) ktime_to_ms(ktime_sub(later, earlier))
#define ktime_compare(a, b) (((a) > (b)) - ((a) < (b)))
#define ktime_after(a, b) ((a) > (b))
#define ktime_before(a, b) ((a) < (b))

#endif
