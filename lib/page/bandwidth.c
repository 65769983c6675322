/* SPDX-License-Identifier: MIT */
/* How fast the memory of a node can be filled. */
#include "bandwidth.h"

#include "bits.h"
#include "host_memory.h"
#include "page_init.h"
#include "prefault.h"
#include <errno.h>

enum { PASSES = 3, CHUNK = 8192 /* struct pages: 512 KiB */ };

#define VIRTUAL_BYTES (UINT64_C(4) << 30)

struct fill {
	const struct mm_bandwidth_of *of;
	struct mm_exec *exec;
	struct mm_memmap map; /* its base only; NULL: nothing is stored */
	uint64_t pages;
};

/* Positions are numbers of struct pages. */
static int fill_pages(void *start, void *end, void *arg)
{
	const struct fill *fill = arg;
	uint64_t first = (uintptr_t)start, nr = (uintptr_t)end - first;
	const struct mm_page_init init = {
		.exec = fill->exec,
		.map = &fill->map,
		.streaming = true,
	};

	if (fill->map.base)
		mm_page_init(&init, first, nr);
	else /* an address in no region: memory of whose CPU it is */
		mm_exec_charge(fill->exec, MM_CHARGE_STREAM, fill, nr * sizeof(struct mmsim_page));
	return 0;
}

/* The best of several passes, as bytes per second. */
static uint64_t rate(struct fill *fill, unsigned threads)
{
	const struct mmsim_ktask_node node = {
		.task_size = fill->pages,
		.nid = (int)fill->of->nid,
	};
	uint64_t bytes = fill->pages * sizeof(struct mmsim_page), best = UINT64_MAX;

	for (int i = 0; i < PASSES; i++) {
		struct mmsim_ktask_ctl ctl = {
			.thread_fn = fill_pages,
			.fn_arg = fill,
			.min_chunk = CHUNK,
			.max_threads = threads,
			.flags = MMSIM_KTASK_GUIDED,
		};
		uint64_t began = mm_exec_now(fill->exec);

		mm_job_ktask_run(fill->of->kt, &node, 1, &ctl);
		best = mm_min(best, mm_exec_now(fill->exec) - began);
	}
	best = (uint64_t)((unsigned __int128)bytes * 1000000000 / mm_max(best, UINT64_C(1)));
	return mm_max(best, UINT64_C(1));
}

static void measure(struct fill *fill, struct mm_bandwidth *out)
{
	out->core_bytes_per_s = rate(fill, 1);
	out->node_bytes_per_s = rate(fill, fill->of->kt->node[fill->of->nid].cores);
}

static int map_and_measure(struct fill *fill, struct mm_bandwidth *out)
{
	const struct mm_bandwidth_of *of = fill->of;
	uint64_t bytes = mm_round_up(mm_min(of->bytes, MMSIM_MAX_PHYS), MM_HUGE_2M);
	struct mm_area area;
	int err = mm_page_area_init(&area, bytes, of->no_huge, of->fault);

	if (err)
		return err;
	err = mm_page_area_map(&area, 0, bytes);
	if (!err && area.got.bytes_thp + area.got.bytes_base > mm_page_host_available())
		err = -ENOMEM;
	if (!err) {
		mm_page_area_bind(&area, 0, bytes, of->nid);
		mm_page_prefault(&area, of->padata, 0, bytes);
		fill->map.base = (struct mmsim_page *)(void *)area.base;
		fill->pages = bytes / sizeof(struct mmsim_page);
		measure(fill, out);
	}
	mm_page_area_fini(&area);
	return err;
}

int mm_page_measure_bandwidth(const struct mm_bandwidth_of *of, struct mm_bandwidth *out)
{
	struct fill fill = { .of = of, .exec = of->kt->crew->exec };

	if (!fill.exec->wakes_relaxed)
		return map_and_measure(&fill, out);
	if (!mm_exec_charges(fill.exec))
		return -ENOSYS;
	fill.pages = VIRTUAL_BYTES / sizeof(struct mmsim_page);
	measure(&fill, out);
	return 0;
}
