/* SPDX-License-Identifier: MIT */
/* A chunk of pinning: page by page, run by run; and the task that is made of chunks. */
#include "vfio.h"

#include "bits.h"

/* What MMSIM_VFIO_CACHED accounts ahead: 128 MiB. */
enum { AHEAD = 32768 };

/* What all threads of a task share. */
struct pinning {
	struct mmsim_vfio *v;
	uint32_t flags;
};

/* One chunk at work: F1, F2. */
struct chunk {
	struct mmsim_vfio *v;
	uint32_t flags;
	uint64_t start, end;
	uint64_t run; /* [start, run) is mapped, [run, at) is the run that grows */
	uint64_t at; /* [start, at) has its references */
	uint64_t run_pfn;
	uint64_t accounted; /* pages, from start on */
};

/* Everything below `page` shall be accounted: exactly, or ahead where that goes. */
static int account_to(struct chunk *c, uint64_t page)
{
	uint64_t have = c->start + c->accounted, nr;
	int err = -1;

	if (page <= have)
		return 0;
	if (c->flags & MMSIM_VFIO_CACHED) {
		nr = mm_min(mm_max(page - have, (uint64_t)AHEAD), c->end - have);
		err = mm_vfio_lock_acct(c->v, nr, c->flags);
	}
	if (err) {
		nr = page - have;
		err = mm_vfio_lock_acct(c->v, nr, c->flags);
	}
	if (!err)
		c->accounted += nr;
	return err;
}

/* The run has found its end. */
static int map_run(struct chunk *c)
{
	int err = account_to(c, c->at);

	if (err)
		return err;
	mm_vfio_iommu_map(&c->v->iommu, c->run, c->at);
	c->run = c->at;
	mm_exec_resched(c->v->exec);
	return 0;
}

/* nr pages more have their references. */
static int extend(struct chunk *c, uint64_t pfn, uint64_t nr)
{
	int err = 0;

	if (c->at > c->run && pfn != c->run_pfn + (c->at - c->run))
		err = map_run(c);
	if (c->at == c->run)
		c->run_pfn = pfn;
	c->at += nr;
	if (!err && c->flags & MMSIM_VFIO_PER_PAGE)
		err = account_to(c, c->at);
	return err;
}

/* Under one hold of mmap_sem: a page, or what is left of its block. */
static int pin_some(struct chunk *c)
{
	uint64_t nr = 1, pfn;
	int err;

	if (c->flags & MMSIM_VFIO_BATCHED)
		nr = mm_min(mm_thp_end(c->at), c->end) - c->at;
	mm_down_read(&c->v->mmap_sem);
	err = mm_vfio_get_pages(&c->v->guest, c->at, nr, &pfn);
	mm_up_read(&c->v->mmap_sem);
	return err ? err : extend(c, pfn, nr);
}

/* As if it had not begun, but for frames that came. */
static void take_back(struct chunk *c)
{
	if (c->run > c->start)
		mm_vfio_iommu_unmap(&c->v->iommu, c->start, c->run);
	mm_vfio_put_pages(&c->v->guest, c->start, c->at);
	if (c->accounted)
		mm_vfio_unlock_acct(c->v, c->accounted, c->flags);
}

/* Counterpart: vfio_pin_map_dma_chunk(). Positions are pages of the guest. */
static int pin_chunk(void *start, void *end, void *arg)
{
	const struct pinning *p = arg;
	struct chunk c = {
		.v = p->v,
		.flags = p->flags,
		.start = (uintptr_t)start,
		.end = (uintptr_t)end,
		.run = (uintptr_t)start,
		.at = (uintptr_t)start,
	};
	int err = 0;

	while (!err && c.at < c.end)
		err = pin_some(&c);
	if (!err)
		err = map_run(&c);
	if (err)
		take_back(&c);
	return err;
}

void mm_vfio_unmap_unpin(struct mmsim_vfio *v, uint64_t first, uint64_t end, uint32_t flags)
{
	mm_vfio_iommu_unmap(&v->iommu, first, end);
	mm_vfio_put_pages(&v->guest, first, end);
	mm_vfio_unlock_acct(v, end - first, flags);
}

static int unpin_chunk(void *start, void *end, void *arg)
{
	const struct pinning *p = arg;

	mm_vfio_unmap_unpin(p->v, (uintptr_t)start, (uintptr_t)end, p->flags);
	return 0;
}

int mm_vfio_pin_map(struct mmsim_vfio *v, uint64_t first, uint64_t nr, uint32_t flags,
		    uint32_t max_threads)
{
	struct pinning p = { .v = v, .flags = flags };
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = pin_chunk,
		.undo_fn = unpin_chunk,
		.fn_arg = &p,
		.min_chunk = v->min_chunk,
		.max_threads = max_threads ? max_threads : MMSIM_VFIO_MAX_THREADS,
	};
	const struct mmsim_ktask_node node = {
		.start = (void *)(uintptr_t)first,
		.task_size = nr,
		.nid = MMSIM_NO_NODE,
	};

	return mm_job_ktask_run(v->ktask, &node, 1, &ctl);
}
