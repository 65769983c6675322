/* SPDX-License-Identifier: MIT */
/*
 * Filling a pool at boot with several CPUs.
 *
 * Counterpart: hugetlb_hstate_alloc_pages(): 2 MiB pages are allocated and prepared by a job over their number;
 * ranges of 1 GiB are found by one thread, as memblock would, and only their struct pages prepared by a job,
 * over the nodes.
 */
#include "bits.h"
#include "gigantic.h"
#include "pool.h"
#include <errno.h>

/* Threads per node with memory of the job of 2 MiB pages. */
#define MULTIPLIER 2

struct boot_alloc {
	struct mm_hugetlb *hg;
	struct mm_hstate *h;
	uint64_t got; /* atomic: pages that joined the pool */
	uint32_t found[MMSIM_MAX_NODES]; /* as links: ranges that are to be prepared */
};

/* A list of frames that are nobody's yet, hung together by their links, joins the pool. */
static void add_list(struct boot_alloc *a, uint32_t link)
{
	uint64_t nr = 0;

	mm_spin_lock(&a->hg->lock);
	for (uint32_t next; link != MM_FRAME_LAST; link = next, nr++) {
		next = mm_frame_link(a->h, link - 1);
		mm_hugetlb_add(a->hg, a->h, link - 1);
	}
	mm_spin_unlock(&a->hg->lock);
	__atomic_add_fetch(&a->got, nr, __ATOMIC_RELAXED);
}

static void alloc_chunk(unsigned long start, unsigned long end, void *arg)
{
	struct boot_alloc *a = arg;
	unsigned nid = a->hg->buddy->topology->node_of[mm_exec_cpu(a->hg->exec)];
	uint32_t list = MM_FRAME_LAST, frame;

	for (unsigned long i = start; i < end; i++) {
		if (!mm_hugetlb_alloc_fresh(a->hg, a->h, &nid, &frame))
			break;
		mm_hugetlb_prep(a->hg, a->h, frame);
		mm_frame_set_link(a->h, frame, list);
		list = frame + 1;
		mm_exec_resched(a->hg->exec);
	}
	add_list(a, list);
}

/* [start, end) are nodes. */
static void gather(unsigned long start, unsigned long end, void *arg)
{
	struct boot_alloc *a = arg;

	for (unsigned long nid = start; nid < end; nid++) {
		for (uint32_t at = a->found[nid]; at != MM_FRAME_LAST;
		     at = mm_frame_link(a->h, at - 1))
			mm_hugetlb_prep(a->hg, a->h, at - 1);
		add_list(a, a->found[nid]);
	}
}

/* Ranges for nr pages, node after node. */
static void find_ranges(struct boot_alloc *a, uint64_t nr)
{
	unsigned nid = 0;
	uint32_t frame;

	for (unsigned i = 0; i < a->hg->buddy->nr_nodes; i++)
		a->found[i] = MM_FRAME_LAST;
	while (nr-- > 0 && mm_hugetlb_alloc_fresh(a->hg, a->h, &nid, &frame)) {
		unsigned on = mm_hstate_node_of(a->hg, a->h, frame);

		mm_frame_set_link(a->h, frame, a->found[on]);
		a->found[on] = frame + 1;
	}
}

static unsigned memory_nodes(const struct mm_hugetlb *hg)
{
	unsigned nr = 0;

	for (unsigned nid = 0; nid < hg->buddy->nr_nodes; nid++)
		nr += mm_hugetlb_has_memory(hg, nid);
	return nr;
}

int mm_hugetlb_boot(struct mm_hugetlb *hg, struct mm_hstate *h, uint64_t nr, unsigned threads)
{
	bool gigantic = h->order > MMSIM_MAX_PAGE_ORDER;
	struct boot_alloc a = { .hg = hg, .h = h };
	struct mmsim_padata_mt_job job = { .fn_arg = &a, .numa_aware = true };

	if (!threads)
		threads = mm_max(memory_nodes(hg), 1u) * (gigantic ? 1 : MULTIPLIER);
	job.max_threads = (int)threads;
	job.thread_fn = gigantic ? gather : alloc_chunk;
	job.size = gigantic ? hg->buddy->nr_nodes : nr;
	job.min_chunk = gigantic ? 1 : mm_max(nr / threads, UINT64_C(1));
	mm_sync_mutex_lock(&h->resize_lock);
	if (gigantic)
		find_ranges(&a, nr);
	mm_job_padata_do_multithreaded(hg->padata, &job);
	mm_sync_mutex_unlock(&h->resize_lock);
	return a.got == nr ? 0 : -ENOMEM;
}
