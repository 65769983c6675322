/* SPDX-License-Identifier: MIT */
/* A budget of CPU time. */
#include "budget.h"

#include "bits.h"

/* What ns of CPU time take of the wall's, at this rate. */
static uint64_t at_rate(const struct mmsim_cpu_budget *b, uint64_t ns)
{
	unsigned __int128 wall = (unsigned __int128)ns * b->period_ns;

	wall = (wall + b->quota_ns - 1) / b->quota_ns;
	return wall > MM_NEVER / 4 ? MM_NEVER / 4 : (uint64_t)wall;
}

unsigned long mm_job_budget_threads(const struct mmsim_cpu_budget *b)
{
	return b->quota_ns / b->period_ns + !!(b->quota_ns % b->period_ns);
}

void mm_job_budget_charge(struct mmsim_cpu_budget *b, uint64_t now, uint64_t ns)
{
	uint64_t old = __atomic_load_n(&b->paid_until_ns, __ATOMIC_RELAXED), from, next;

	do {
		/* It was used since it began; what was not used until then is gone. */
		from = mm_max(old, now - mm_min(ns, now));
		next = from + mm_min(at_rate(b, ns), MM_NEVER - from);
	} while (!__atomic_compare_exchange_n(&b->paid_until_ns, &old, next, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	__atomic_add_fetch(&b->used_ns, ns, __ATOMIC_RELAXED);
}

uint64_t mm_job_budget_next(const struct mmsim_cpu_budget *b)
{
	uint64_t until = __atomic_load_n(&b->paid_until_ns, __ATOMIC_RELAXED);

	return until - mm_min(until, b->period_ns);
}
