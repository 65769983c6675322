/* SPDX-License-Identifier: MIT */
/* Completions, delays and the clock. */
#include "world.h"

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/timex.h>

#define TICK_NS ((u64)NSEC_PER_SEC / HZ)
#define ALL UINT32_MAX

ktime_t ktime_get(void)
{
	return (ktime_t)mmsim_now(mm_linux_world.m);
}

unsigned long mm_linux_jiffies(void)
{
	return mmsim_now(mm_linux_world.m) / TICK_NS;
}

cycles_t get_cycles(void)
{
#ifdef __x86_64__
	if (mm_linux_world.native)
		return __builtin_ia32_rdtsc();
#endif
	return mmsim_now(mm_linux_world.m);
}

/* When ns have passed; UINT64_MAX: never. */
static u64 after(u64 ns)
{
	u64 end;

	return __builtin_add_overflow(mmsim_now(mm_linux_world.m), ns, &end) ? UINT64_MAX : end;
}

static u64 left_until(u64 end)
{
	u64 now = mmsim_now(mm_linux_world.m);

	return end == UINT64_MAX ? end : end > now ? end - now : 0;
}

static void sleep_ns(u64 ns)
{
	u64 end = after(ns), left;
	u32 nobody = 0;

	while ((left = left_until(end)))
		mmsim_park(mm_linux_world.m, &nobody, 0, left);
}

void msleep(unsigned int ms)
{
	sleep_ns((u64)ms * NSEC_PER_MSEC);
}

unsigned long msleep_interruptible(unsigned int ms)
{
	msleep(ms);
	return 0;
}

void ssleep(unsigned int seconds)
{
	sleep_ns((u64)seconds * NSEC_PER_SEC);
}

void usleep_range(unsigned long min, unsigned long max)
{
	(void)max;
	sleep_ns((u64)min * NSEC_PER_USEC);
}

void fsleep(unsigned long us)
{
	sleep_ns((u64)us * NSEC_PER_USEC);
}

void ndelay(unsigned long ns)
{
	mmsim_ndelay(mm_linux_world.m, ns);
}

void udelay(unsigned long us)
{
	mmsim_ndelay(mm_linux_world.m, (u64)us * NSEC_PER_USEC);
}

void mdelay(unsigned long ms)
{
	mmsim_ndelay(mm_linux_world.m, (u64)ms * NSEC_PER_MSEC);
}

void cond_resched(void)
{
	mmsim_cond_resched(mm_linux_world.m);
}

void yield(void)
{
	mmsim_yield(mm_linux_world.m);
}

void set_user_nice(struct task_struct *task, long nice)
{
	if (task == current)
		mmsim_set_nice(mm_linux_world.m, (int)nice);
}

/* Completions */

/* From 0 upwards one more may go on, or all; a count that would say "all" stays below. */
static void let_go(struct completion *x, bool all)
{
	u32 done = __atomic_load_n(&x->done, __ATOMIC_RELAXED), next;

	mmsim_cond_resched(mm_linux_world.m);
	do {
		next = all || done == ALL ? ALL : done + (done < ALL - 1);
	} while (!__atomic_compare_exchange_n(&x->done, &done, next, 0, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	mmsim_unpark(mm_linux_world.m, &x->done, all ? UINT32_MAX : 1);
}

void complete(struct completion *x)
{
	let_go(x, false);
}

void complete_all(struct completion *x)
{
	let_go(x, true);
}

bool try_wait_for_completion(struct completion *x)
{
	u32 done = __atomic_load_n(&x->done, __ATOMIC_ACQUIRE);

	while (done && done != ALL)
		if (__atomic_compare_exchange_n(&x->done, &done, done - 1, 0, __ATOMIC_ACQUIRE,
						__ATOMIC_ACQUIRE))
			return true;
	return done;
}

bool completion_done(struct completion *x)
{
	return __atomic_load_n(&x->done, __ATOMIC_ACQUIRE);
}

unsigned long wait_for_completion_timeout(struct completion *x, unsigned long timeout)
{
	u64 ns, end, left;

	if (timeout >= MAX_SCHEDULE_TIMEOUT || __builtin_mul_overflow(timeout, TICK_NS, &ns))
		ns = UINT64_MAX;
	end = after(ns);
	while (!try_wait_for_completion(x)) {
		left = left_until(end);
		if (!left)
			return 0;
		mmsim_park(mm_linux_world.m, &x->done, 0, left);
	}
	return max(left_until(end) / TICK_NS, (u64)1);
}

void wait_for_completion(struct completion *x)
{
	wait_for_completion_timeout(x, MAX_SCHEDULE_TIMEOUT);
}
