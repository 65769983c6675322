/* SPDX-License-Identifier: MIT */
/* Huge pages: making pools and the table of mutexes when they are needed, and unmaking all. */
#include "hugetlb.h"

#include "bits.h"
#include "file.h"

#define MUTEXES_PER_CPU 8

void mm_hugetlb_init(struct mm_hugetlb *hg)
{
	mm_list_init(&hg->files);
	mm_sync_spin_init(&hg->lock, hg->locks, MM_RANK_HUGETLB);
}

/* Pools */

static void hstate_delete(struct mm_hugetlb *hg, struct mm_hstate *h)
{
	struct mm_meta *meta = hg->exec->meta;

	if (!h)
		return;
	mm_sync_mutex_fini(&h->resize_lock);
	mm_base_meta_free(meta, h->link, h->nr_frames * sizeof(*h->link));
	mm_base_meta_free(meta, h->node, hg->buddy->nr_nodes * sizeof(*h->node));
	mm_base_meta_free(meta, h, sizeof(*h));
}

static void hstate_clear(struct mm_hugetlb *hg, struct mm_hstate *h)
{
	h->nr_huge_pages = h->free_huge_pages = 0;
	h->next_nid_to_alloc = h->next_nid_to_free = 0;
	for (unsigned nid = 0; nid < hg->buddy->nr_nodes; nid++)
		h->node[nid] = (struct mm_hstate_node){ .first = MM_FRAME_LAST };
	for (uint64_t i = 0; i < h->nr_frames; i++)
		h->link[i] = MM_FRAME_NONE;
}

static struct mm_hstate *hstate_new(struct mm_hugetlb *hg, unsigned order)
{
	struct mm_meta *meta = hg->exec->meta;
	struct mm_hstate *h = mm_base_meta_alloc(meta, sizeof(*h));

	if (!h)
		return NULL;
	h->order = order;
	h->nr_frames = mm_div_round_up(hg->buddy->map->nr_sections * MMSIM_PAGES_PER_SECTION,
				       mm_hstate_nr_pages(h));
	mm_sync_mutex_init(&h->resize_lock, hg->locks, MM_RANK_HUGETLB_RESIZE);
	h->link = mm_base_meta_calloc(meta, h->nr_frames, sizeof(*h->link));
	h->node = mm_base_meta_calloc(meta, hg->buddy->nr_nodes, sizeof(*h->node));
	if (!h->link || !h->node) {
		hstate_delete(hg, h);
		return NULL;
	}
	hstate_clear(hg, h);
	return h;
}

struct mm_hstate *mm_hugetlb_hstate(struct mm_hugetlb *hg, unsigned order)
{
	struct mm_hstate **at =
		&hg->hstate[order == MMSIM_HUGE_1G_ORDER ? MM_HSTATE_1G : MM_HSTATE_2M];
	struct mm_hstate *h, *first = NULL;

	mm_exec_point(hg->exec, MM_POINT_ATOMIC, at);
	h = __atomic_load_n(at, __ATOMIC_ACQUIRE);
	if (h)
		return h;
	h = hstate_new(hg, order);
	mm_exec_point(hg->exec, MM_POINT_ATOMIC, at);
	if (!h ||
	    __atomic_compare_exchange_n(at, &first, h, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return h;
	hstate_delete(hg, h); /* somebody else was first */
	return first;
}

/* hugetlb_fault_mutex_table */

static void mutexes_delete(struct mm_hugetlb *hg, struct mm_fault_mutexes *t)
{
	if (!t)
		return;
	for (unsigned i = 0; t->mutex && i < t->nr; i++)
		mm_sync_mutex_fini(&t->mutex[i]);
	mm_base_meta_free(hg->exec->meta, t->mutex, t->nr * sizeof(*t->mutex));
	mm_base_meta_free(hg->exec->meta, t, sizeof(*t));
}

static struct mm_fault_mutexes *mutexes_new(struct mm_hugetlb *hg)
{
	struct mm_fault_mutexes *t = mm_base_meta_alloc(hg->exec->meta, sizeof(*t));

	if (!t)
		return NULL;
	t->nr = 1u << mm_fls64(MUTEXES_PER_CPU * hg->exec->nr_cpus - 1);
	t->mutex = mm_base_meta_calloc(hg->exec->meta, t->nr, sizeof(*t->mutex));
	if (!t->mutex) {
		mutexes_delete(hg, t);
		return NULL;
	}
	for (unsigned i = 0; i < t->nr; i++)
		mm_sync_mutex_init(&t->mutex[i], hg->locks, MM_RANK_HUGETLB_FAULT);
	return t;
}

struct mm_fault_mutexes *mm_hugetlb_fault_mutexes(struct mm_hugetlb *hg)
{
	struct mm_fault_mutexes *t, *first = NULL;

	mm_exec_point(hg->exec, MM_POINT_ATOMIC, &hg->fault_mutexes);
	t = __atomic_load_n(&hg->fault_mutexes, __ATOMIC_ACQUIRE);
	if (t)
		return t;
	t = mutexes_new(hg);
	mm_exec_point(hg->exec, MM_POINT_ATOMIC, &hg->fault_mutexes);
	if (!t || __atomic_compare_exchange_n(&hg->fault_mutexes, &first, t, false,
					      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return t;
	mutexes_delete(hg, t);
	return first;
}

/* All of it */

void mm_hugetlb_reset(struct mm_hugetlb *hg)
{
	mm_list_for_each(pos, &hg->files)
		mm_hugetlb_file_forget(mm_list_entry(pos, struct mmsim_hugetlb_file, list));
	for (unsigned i = 0; i < MM_NR_HSTATES; i++)
		if (hg->hstate[i])
			hstate_clear(hg, hg->hstate[i]);
}

void mm_hugetlb_fini(struct mm_hugetlb *hg)
{
	while (!mm_list_empty(&hg->files)) {
		struct mmsim_hugetlb_file *f =
			mm_list_first(&hg->files, struct mmsim_hugetlb_file, list);

		mm_hugetlb_file_forget(f);
		mm_hugetlb_file_delete(f);
	}
	for (unsigned i = 0; i < MM_NR_HSTATES; i++)
		hstate_delete(hg, hg->hstate[i]);
	mutexes_delete(hg, hg->fault_mutexes);
	mm_sync_spin_fini(&hg->lock);
}

/* G1 and G2 of a node: the length of its list. */
static uint64_t count_free(const struct mm_hugetlb *hg, const struct mm_hstate *h, unsigned nid)
{
	uint32_t link = h->node[nid].first;
	uint64_t nr = 0;

	for (; link != MM_FRAME_LAST; nr++) {
		mm_invariant("G2: a free list is of free pages",
			     link != MM_FRAME_NONE && link <= h->nr_frames && nr < h->nr_frames);
		mm_invariant("G2: on the list of its node",
			     mm_hstate_node_of(hg, h, link - 1) == nid);
		link = h->link[link - 1];
	}
	return nr;
}

static uint64_t count_in_files(const struct mm_hugetlb *hg, const struct mm_hstate *h)
{
	uint64_t nr = 0;

	mm_list_for_each(pos, &hg->files) {
		struct mmsim_hugetlb_file *f = mm_list_entry(pos, struct mmsim_hugetlb_file, list);

		if (f->h == h)
			nr += mm_hugetlb_file_validate(f);
	}
	return nr;
}

static void validate_pool(const struct mm_hugetlb *hg, const struct mm_hstate *h)
{
	uint64_t nr = 0, nr_free = 0, owned = 0, in_files = 0;

	for (unsigned nid = 0; nid < hg->buddy->nr_nodes; nid++) {
		mm_invariant("G1: free pages of a node",
			     count_free(hg, h, nid) == h->node[nid].free_huge_pages);
		nr += h->node[nid].nr_huge_pages;
		nr_free += h->node[nid].free_huge_pages;
	}
	for (uint64_t i = 0; i < h->nr_frames; i++) {
		owned += h->link[i] != MM_FRAME_NONE;
		in_files += h->link[i] == MM_FRAME_IN_FILE;
	}
	mm_invariant("G1: free pages", nr_free == h->free_huge_pages);
	mm_invariant("G1: pages", nr == h->nr_huge_pages && owned == nr);
	mm_invariant("G3: pages in files", in_files == count_in_files(hg, h));
}

void mm_hugetlb_validate(struct mm_hugetlb *hg)
{
	for (unsigned i = 0; i < MM_NR_HSTATES; i++)
		if (hg->hstate[i])
			validate_pool(hg, hg->hstate[i]);
}
