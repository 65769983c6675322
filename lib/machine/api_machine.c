/* SPDX-License-Identifier: MIT */
/* Exported calls: boot, reset, and what a machine says of itself. */
#include "bits.h"
#include "machine.h"
#include <errno.h>

static int boot(struct mmsim *m, bool all)
{
	MM_ON_CPU(m);
	int err = 0;

	mm_sync_mutex_lock(&m->boot_mutex);
	if (m->booted || (!all && mm_buddy_is_open(&m->buddy))) {
		err = -EBUSY;
	} else {
		if (!mm_buddy_is_open(&m->buddy))
			mm_boot_early(&m->boot);
		if (all)
			mm_boot_deferred(&m->boot);
		m->booted = all;
	}
	mm_sync_mutex_unlock(&m->boot_mutex);
	return err;
}

int mmsim_boot(struct mmsim *m)
{
	return boot(m, true);
}

int mmsim_boot_early(struct mmsim *m)
{
	return boot(m, false);
}

void mmsim_reset(struct mmsim *m)
{
	MM_ON_CPU(m);

	mm_sync_mutex_lock(&m->boot_mutex);
	if (mm_buddy_is_open(&m->buddy)) {
		mm_mmap_assert_unused(&m->mmap);
		mm_mmap_drain(&m->mmap);
		mm_buddy_clear(&m->buddy);
		mm_boot_clear(&m->boot);
		mm_page_memmap_clear(&m->memmap, &m->padata);
		mm_hugetlb_reset(&m->hugetlb);
		m->booted = false;
	}
	mm_sync_mutex_unlock(&m->boot_mutex);
}

int mmsim_set_init(struct mmsim *m, enum mmsim_stores stores, uint32_t threads, bool padata)
{
	MM_ON_CPU(m);
	int err = 0;

	mm_sync_mutex_lock(&m->boot_mutex);
	if (stores > MMSIM_STORES_STREAMING) {
		mm_base_log(&m->log, "mmsim_set_init: stores: unknown value %u", stores);
		err = -EINVAL;
	} else if (mm_buddy_is_open(&m->buddy)) {
		err = -EBUSY;
	} else {
		m->boot.stores = stores;
		m->boot.threads = threads;
		m->boot.use_padata = padata;
	}
	mm_sync_mutex_unlock(&m->boot_mutex);
	return err;
}

void mmsim_boot_report(struct mmsim *m, struct mmsim_boot_report *report)
{
	const struct mmsim_backing *got = &m->memmap.area.got;
	MM_ON_CPU(m);

	*report = (struct mmsim_boot_report){
		.first_touch_ns = got->touch_ns,
		.memmap_bytes = got->bytes_1g + got->bytes_2m + got->bytes_thp + got->bytes_base,
	};
	mm_sync_mutex_lock(&m->boot_mutex);
	mm_boot_fill_report(&m->boot, report);
	mm_sync_mutex_unlock(&m->boot_mutex);
}

void mmsim_last_message(const struct mmsim *m, char *buf, size_t len)
{
	/* The log locks itself, which is no change that a reader of the machine could see. */
	mm_base_log_last((struct mm_log *)(uintptr_t)&m->log, buf, len);
}

unsigned mmsim_nr_cpus(const struct mmsim *m)
{
	return m->topology.nr_cpus;
}

unsigned mmsim_nr_nodes(const struct mmsim *m)
{
	return m->topology.nr_nodes;
}

uint64_t mmsim_max_pfn(const struct mmsim *m)
{
	return m->shape.max_pfn;
}

void mmsim_memmap_backing(const struct mmsim *m, struct mmsim_backing *out)
{
	*out = m->memmap.area.got;
}

void mmsim_pages_backing(const struct mmsim *m, struct mmsim_backing *out)
{
	*out = m->pages.got;
}

int mmsim_lock_info(struct mmsim *m, unsigned index, struct mmsim_lock_info *info)
{
	struct mm_lock_sum sum;

	if (index >= MM_NR_RANKS)
		return -ENOENT;
	sum = mm_sync_lockset_sum(&m->locks, (enum mm_lock_rank)index);
	*info = (struct mmsim_lock_info){
		.name = mm_sync_rank_name((enum mm_lock_rank)index),
		.locks = sum.locks,
		.acquired = sum.acquired,
		.contended = sum.contended,
		.wait_ns = sum.wait_ns,
		.hold_ns = sum.hold_ns,
	};
	return 0;
}

void mmsim_trace_set(struct mmsim *m, mmsim_event_fn fn, void *ctx)
{
	m->obs = (struct mm_obs){ .sink = fn, .ctx = ctx };
	mm_buddy_set_open(&m->buddy, mm_buddy_is_open(&m->buddy));
}

void mmsim_timeline_set(struct mmsim *m, mmsim_mark_fn fn, void *ctx)
{
	m->exec->mark = fn;
	m->exec->mark_ctx = ctx;
}

void mmsim_sched_info(struct mmsim *m, struct mmsim_sched_info *info)
{
	*info = (struct mmsim_sched_info){
		.events = m->exec->nr_events,
		.switches = m->exec->nr_switches,
	};
}

const char *mmsim_event_name(uint32_t id)
{
	return mm_obs_event_name(id);
}
