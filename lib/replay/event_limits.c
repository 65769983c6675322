/* SPDX-License-Identifier: MIT */
#include "event_limits.h"
#include "bits.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void mm_replay_event_limits(struct mm_event_limits *limits, const struct mmsim_snapshot *snap)
{
	*limits = (struct mm_event_limits){
		.max_pfn = UINT64_C(1) << 32,
		.nr_cpus = 1u << 16,
	};
	if (!snap)
		return;
	limits->max_pfn = mm_min(limits->max_pfn, snap->max_pfn);
	limits->nr_cpus = mm_min(limits->nr_cpus, snap->nr_cpus);
	limits->isolate_is_4 = !(snap->flags & MMSIM_SNAP_CMA);
}

int mm_replay_refuse(struct mm_replay_why *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return -EINVAL;
}

int mm_replay_check_cpu(const struct mm_event_limits *limits, uint64_t cpu,
			struct mm_replay_why *why)
{
	if (mm_likely(cpu < limits->nr_cpus))
		return 0;
	return mm_replay_refuse(why, "cpu: %llu, but there are only %u", (unsigned long long)cpu,
				limits->nr_cpus);
}

int mm_replay_check_order(uint64_t order, const char *field, struct mm_replay_why *why)
{
	if (mm_likely(order <= MMSIM_MAX_PAGE_ORDER))
		return 0;
	return mm_replay_refuse(why, "%s: %lld is not 0 to %u", field, (long long)order,
				MMSIM_MAX_PAGE_ORDER);
}

int mm_replay_check_pfn(const struct mm_event_limits *limits, uint64_t pfn, unsigned order,
			struct mm_replay_why *why)
{
	uint64_t nr = UINT64_C(1) << order;

	if (mm_likely(pfn < limits->max_pfn && nr <= limits->max_pfn - pfn))
		return 0;
	return mm_replay_refuse(why, "pfn: 0x%llx of order %u is beyond the last page, 0x%llx",
				(unsigned long long)pfn, order,
				(unsigned long long)limits->max_pfn - 1);
}

int mm_replay_check_migratetype(const struct mm_event_limits *limits, uint64_t number,
				const char *field, uint8_t *migratetype, struct mm_replay_why *why)
{
	bool isolate = limits->isolate_is_4 && number == MMSIM_MIGRATE_CMA;
	unsigned nr = limits->isolate_is_4 ? MMSIM_NR_MIGRATETYPES - 1 : MMSIM_NR_MIGRATETYPES;

	if (mm_unlikely(number >= nr))
		return mm_replay_refuse(why, "%s: %lld, but this kernel has only %u", field,
					(long long)number, nr);
	*migratetype = isolate ? MMSIM_MIGRATE_ISOLATE : (uint8_t)number;
	return 0;
}
