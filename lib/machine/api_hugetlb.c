/* SPDX-License-Identifier: MIT */
/* Exported calls: huge pages. */
#include "bits.h"
#include "clear.h"
#include "file.h"
#include "gigantic.h"
#include "machine.h"
#include "pool.h"
#include <errno.h>
#include <inttypes.h>

#define MOST_SLOTS (UINT64_C(1) << 32)

/* What is asked of a page */

static bool is_struct_page(const struct mmsim *m, const struct mmsim_page *page)
{
	uintptr_t at = (uintptr_t)page - (uintptr_t)m->memmap.base;

	return at % sizeof(*page) == 0 && mm_pfn_valid(&m->memmap, (uint64_t)(at / sizeof(*page)));
}

/* Is each page of the range of an allocated block that begins in it? */
static bool all_allocated(const struct mmsim *m, uint64_t pfn, uint64_t nr)
{
	for (uint64_t end = pfn + nr; pfn < end;) {
		const struct mmsim_page *page = mm_pfn_to_page(&m->memmap, pfn);

		if (!mm_pfn_valid(&m->memmap, pfn) ||
		    !__atomic_load_n(&page->refcount, __ATOMIC_RELAXED) ||
		    page->flags >> MMSIM_PG_RESERVED & 1)
			return false;
		pfn += UINT64_C(1) << mm_min(__atomic_load_n(&page->order, __ATOMIC_RELAXED),
					     MMSIM_MAX_PAGE_ORDER);
	}
	return true;
}

static const char *refuse_clearing(const struct mmsim *m, const struct mmsim_page *page,
				   unsigned order, uint32_t flags)
{
	uint64_t pfn;

	if (flags & ~(uint32_t)MMSIM_CLEAR_STREAMING)
		return "flags: unknown";
	if (order > MMSIM_HUGE_1G_ORDER)
		return "order: above MMSIM_HUGE_1G_ORDER";
	if (!is_struct_page(m, page))
		return "page: no struct page of this machine";
	pfn = mm_page_to_pfn(&m->memmap, page);
	if (pfn & ((UINT64_C(1) << order) - 1))
		return "page: not aligned to the order";
	if (!all_allocated(m, pfn, UINT64_C(1) << order))
		return "page: not all of the block is allocated";
	return NULL;
}

int mmsim_clear_huge_page(struct mmsim *m, struct mmsim_page *page, unsigned order,
			  uint32_t max_threads, uint32_t flags)
{
	const char *wrong = refuse_clearing(m, page, order, flags);
	MM_ON_CPU(m);

	if (wrong) {
		mm_base_log(&m->log, "mmsim_clear_huge_page(order %u): %s", order, wrong);
		return -EINVAL;
	}
	return mm_hugetlb_clear_parallel(&m->hugetlb, mm_page_to_pfn(&m->memmap, page),
					 UINT64_C(1) << order, max_threads,
					 flags & MMSIM_CLEAR_STREAMING);
}

/* Pools */

/* NULL, with *err and, if it was refused, a message. */
static struct mm_hstate *pool_of(struct mmsim *m, const char *call, unsigned order, int *err)
{
	struct mm_hstate *h = NULL;

	*err = -EINVAL;
	if (!mm_hugetlb_is_order(order)) {
		mm_base_log(&m->log, "%s: order %u: must be %d or %d", call, order,
			    MMSIM_HUGE_2M_ORDER, MMSIM_HUGE_1G_ORDER);
		return NULL;
	}
	h = mm_hugetlb_hstate(&m->hugetlb, order);
	*err = h ? 0 : -ENOMEM;
	return h;
}

static int no_place(struct mmsim *m, const char *call)
{
	mm_base_log(&m->log, "%s: no place for the result", call);
	return -EINVAL;
}

/* The same as pool_of() where the page allocator is needed. */
static struct mm_hstate *booted_pool(struct mmsim *m, const char *call, unsigned order, int *err)
{
	if (mm_buddy_is_open(&m->buddy))
		return pool_of(m, call, order, err);
	mm_base_log(&m->log, "%s: the machine is not booted", call);
	*err = -EINVAL;
	return NULL;
}

int mmsim_hugetlb_set_nr(struct mmsim *m, unsigned order, uint64_t nr)
{
	struct mm_hstate *h;
	int err;
	MM_ON_CPU(m);

	h = booted_pool(m, "mmsim_hugetlb_set_nr", order, &err);
	return h ? mm_hugetlb_set_nr(&m->hugetlb, h, nr) : err;
}

int mmsim_hugetlb_boot(struct mmsim *m, unsigned order, uint64_t nr, uint32_t max_threads)
{
	struct mm_hstate *h;
	int err;
	MM_ON_CPU(m);

	h = booted_pool(m, "mmsim_hugetlb_boot", order, &err);
	return h ? mm_hugetlb_boot(&m->hugetlb, h, nr,
				   mm_min(max_threads, (uint32_t)MMSIM_MAX_CPUS))
		 : err;
}

static void read_books(struct mmsim *m, const struct mm_hstate *h, struct mmsim_hugetlb_info *info)
{
	*info = (struct mmsim_hugetlb_info){ 0 };
	mm_spin_lock(&m->hugetlb.lock);
	info->nr_huge_pages = h->nr_huge_pages;
	info->free_huge_pages = h->free_huge_pages;
	for (unsigned nid = 0; nid < m->buddy.nr_nodes; nid++) {
		info->node_nr[nid] = h->node[nid].nr_huge_pages;
		info->node_free[nid] = h->node[nid].free_huge_pages;
	}
	mm_spin_unlock(&m->hugetlb.lock);
}

int mmsim_hugetlb_info(struct mmsim *m, unsigned order, struct mmsim_hugetlb_info *info)
{
	const struct mm_hstate *h;
	int err;
	MM_ON_CPU(m);

	if (!info)
		return no_place(m, "mmsim_hugetlb_info");
	h = pool_of(m, "mmsim_hugetlb_info", order, &err);
	if (h)
		read_books(m, h, info);
	return err;
}

struct mmsim_page *mmsim_hugetlb_alloc(struct mmsim *m, int nid, unsigned order)
{
	struct mm_hstate *h;
	uint32_t frame;
	int err;
	MM_ON_CPU(m);

	h = pool_of(m, "mmsim_hugetlb_alloc", order, &err);
	if (!h)
		return NULL;
	if (nid == MMSIM_NUMA_NO_NODE)
		nid = m->topology.node_of[mm_exec_cpu(m->exec)];
	if (nid < 0 || (unsigned)nid >= m->buddy.nr_nodes) {
		mm_base_log(&m->log, "mmsim_hugetlb_alloc: nid %d: no such node", nid);
		return NULL;
	}
	if (!mm_hugetlb_take(&m->hugetlb, h, (unsigned)nid, MM_FRAME_TAKEN, &frame))
		return NULL;
	return mm_hstate_page(&m->hugetlb, h, frame);
}

static int give_back(struct mmsim *m, struct mm_hstate *h, uint64_t pfn)
{
	uint32_t frame = (uint32_t)(pfn >> h->order);
	const char *state;

	if (pfn & (mm_hstate_nr_pages(h) - 1)) {
		mm_base_log(&m->log, "mmsim_hugetlb_free(pfn %#" PRIx64 ", order %u): not aligned",
			    pfn, h->order);
		return -EINVAL;
	}
	if (mm_hugetlb_give(&m->hugetlb, h, frame, MM_FRAME_TAKEN))
		return 0;
	state = mm_hugetlb_frame_state(h, frame);
	mm_base_log(&m->log, "mmsim_hugetlb_free(pfn %#" PRIx64 ", order %u): the page is %s", pfn,
		    h->order, state);
	return mm_frame_link(h, frame) == MM_FRAME_IN_FILE ? -EBUSY : -EINVAL;
}

int mmsim_hugetlb_free(struct mmsim *m, struct mmsim_page *page, unsigned order)
{
	struct mm_hstate *h;
	int err;
	MM_ON_CPU(m);

	h = pool_of(m, "mmsim_hugetlb_free", order, &err);
	if (!h)
		return err;
	if (is_struct_page(m, page))
		return give_back(m, h, mm_page_to_pfn(&m->memmap, page));
	mm_base_log(&m->log, "mmsim_hugetlb_free: page: no struct page of this machine");
	return -EINVAL;
}

struct mmsim_page *mmsim_compound_head(const struct mmsim *m, struct mmsim_page *page)
{
	if (!is_struct_page(m, page))
		return NULL;
	return mm_hugetlb_compound_head(&m->hugetlb, page);
}

void mmsim_hugetlb_validate(struct mmsim *m)
{
	MM_ON_CPU(m);

	mm_hugetlb_validate(&m->hugetlb);
}

/* Files */

static struct mmsim *machine_of(const struct mmsim_hugetlb_file *file)
{
	return mm_container_of(file->hg, struct mmsim, hugetlb);
}

int mmsim_hugetlb_file_create(struct mmsim *m, unsigned order, uint64_t nr,
			      struct mmsim_hugetlb_file **out)
{
	struct mm_hstate *h;
	int err;
	MM_ON_CPU(m);

	if (!out)
		return no_place(m, "mmsim_hugetlb_file_create");
	*out = NULL;
	h = pool_of(m, "mmsim_hugetlb_file_create", order, &err);
	if (!h)
		return err;
	if (nr == 0 || nr > MOST_SLOTS) {
		mm_base_log(&m->log, "mmsim_hugetlb_file_create: nr %" PRIu64 ": must be 1 to 2^32",
			    nr);
		return -EINVAL;
	}
	return mm_hugetlb_file_create(&m->hugetlb, h, nr, out);
}

void mmsim_hugetlb_file_destroy(struct mmsim_hugetlb_file *file)
{
	if (file) {
		MM_ON_CPU(machine_of(file));

		mm_hugetlb_punch_hole(file, 0, file->nr_slots);
		mm_hugetlb_file_delete(file);
	}
}

static int check_range(struct mmsim_hugetlb_file *file, const char *call, uint64_t first,
		       uint64_t nr)
{
	const char *wrong = NULL;
	int err = 0;

	if (nr == 0) {
		wrong = "no slots";
		err = -EINVAL;
	} else if (first >= file->nr_slots || nr > file->nr_slots - first) {
		wrong = "beyond the end";
		err = -EFBIG;
	}
	if (err)
		mm_base_log(file->hg->log,
			    "%s(first %" PRIu64 ", nr %" PRIu64 "): %s of a file of %" PRIu64
			    " slots",
			    call, first, nr, wrong, file->nr_slots);
	return err;
}

int mmsim_hugetlb_fallocate(struct mmsim_hugetlb_file *file, uint64_t first, uint64_t nr,
			    uint32_t max_threads, uint64_t min_chunk)
{
	int err = check_range(file, "mmsim_hugetlb_fallocate", first, nr);
	MM_ON_CPU(machine_of(file));

	return err ? err : mm_hugetlb_fallocate(file, first, nr, max_threads, min_chunk);
}

int mmsim_hugetlb_punch_hole(struct mmsim_hugetlb_file *file, uint64_t first, uint64_t nr)
{
	int err = check_range(file, "mmsim_hugetlb_punch_hole", first, nr);
	MM_ON_CPU(machine_of(file));

	if (!err)
		mm_hugetlb_punch_hole(file, first, nr);
	return err;
}

struct mmsim_page *mmsim_hugetlb_file_page(struct mmsim_hugetlb_file *file, uint64_t index)
{
	uint32_t frame;
	MM_ON_CPU(machine_of(file));

	if (index >= file->nr_slots || !mm_hugetlb_file_frame(file, index, &frame))
		return NULL;
	return mm_hstate_page(file->hg, file->h, frame);
}

uint64_t mmsim_hugetlb_file_nr_pages(struct mmsim_hugetlb_file *file)
{
	MM_ON_CPU(machine_of(file));

	return mm_hugetlb_file_nr_pages(file);
}
