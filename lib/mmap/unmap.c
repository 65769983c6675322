/* SPDX-License-Identifier: MIT */
/*
 * Areas come and go: making one, unmapping a range, advice. Counterpart: mmap_region(), do_vmi_munmap() of
 * mm/vma.c, mm/madvise.c.
 */
#include "filemap.h"
#include <errno.h>

/* A4: who looks for the mappings of a file's page sees the old bounds or the new ones. */
static void set_bounds(struct mm_vma *vma, uint64_t start, uint64_t end)
{
	if (vma->file)
		mm_sync_mutex_lock(&vma->file->i_mmap);
	mm_mmap_vma_resize(&vma->mm->areas, vma, start, end);
	if (vma->file)
		mm_sync_mutex_unlock(&vma->file->i_mmap);
}

static void add_area(struct mm_vma *vma)
{
	mm_mmap_vma_insert(&vma->mm->areas, vma);
	mm_mmap_file_link(vma);
}

static void free_area(struct mm_vma *vma)
{
	mm_base_meta_free(vma->mm->mmap->exec->meta, vma, sizeof(*vma));
}

struct mm_vma *mm_mmap_area_dup(const struct mm_vma *vma, struct mmsim_mm *mm, uint64_t start)
{
	struct mm_vma *dup = mm_base_meta_alloc(mm->mmap->exec->meta, sizeof(*dup));

	if (dup)
		*dup = (struct mm_vma){
			.start = start,
			.end = vma->end,
			.flags = vma->flags,
			.anon = vma->anon,
			.file = vma->file,
			.pgoff = mm_vma_pgoff(vma, start),
			.mm = mm,
		};
	return dup;
}

/* The area becomes two. 0 or -ENOMEM. Counterpart: __split_vma(). */
static int split(struct mm_vma *vma, uint64_t addr)
{
	struct mm_vma *upper = mm_mmap_area_dup(vma, vma->mm, addr);

	if (!upper)
		return -ENOMEM;
	/* No entry maps parts of two areas. */
	if (addr & (MMSIM_PMD_SIZE - 1))
		mm_mmap_split_huge(vma->mm, addr);
	/* On the list twice for a moment, rather than in no area of it. A4. */
	mm_mmap_file_link(upper);
	set_bounds(vma, vma->start, addr);
	mm_mmap_vma_insert(&upper->mm->areas, upper);
	return 0;
}

/* The second goes into the first. */
static void absorb(struct mm_vma *before, struct mm_vma *after)
{
	uint64_t end = after->end;

	before->anon |= after->anon;
	mm_mmap_vma_erase(&before->mm->areas, after);
	set_bounds(before, before->start, end);
	mm_mmap_file_unlink(after);
	free_area(after);
}

/* With those on both sides, if they could be one. Returns what holds it now. Counterpart: vma_merge(). */
static struct mm_vma *merge(struct mm_vma *vma)
{
	struct mm_vma *before = mm_mmap_vma_prev(vma), *after = mm_mmap_vma_next(vma);

	if (after && mm_mmap_vma_mergeable(vma, after))
		absorb(vma, after);
	if (!before || !mm_mmap_vma_mergeable(before, vma))
		return vma;
	absorb(before, vma);
	return before;
}

/* Making an area */

static bool is_free(const struct mmsim_mm *mm, uint64_t addr, uint64_t length)
{
	return addr >= MMSIM_MMAP_MIN_ADDR && addr <= mm->task_size - length &&
	       !mm_mmap_vma_intersects(&mm->areas, addr, addr + length);
}

/* Counterpart: get_unmapped_area(), thp_get_unmapped_area(). */
static int find_gap(const struct mmsim_mm *mm, uint64_t hint, uint64_t length, bool anon,
		    uint64_t *out)
{
	if (hint && is_free(mm, hint, length)) {
		*out = hint;
		return 0;
	}
	if (anon && length >= MMSIM_PMD_SIZE &&
	    mm_mmap_vma_gap(&mm->areas, length, MMSIM_PMD_SIZE, MMSIM_MMAP_MIN_ADDR, mm->task_size,
			    out))
		return 0;
	return mm_mmap_vma_gap(&mm->areas, length, MMSIM_PAGE_SIZE, MMSIM_MMAP_MIN_ADDR,
			       mm->task_size, out)
		       ? 0
		       : -ENOMEM;
}

/* Where the new area may be; *addr is what was asked for. length is not greater than the address space. */
static int place(const struct mmsim_mm *mm, uint64_t *addr, uint64_t length, uint32_t flags,
		 bool anon)
{
	if (!(flags & (MMSIM_MAP_FIXED | MMSIM_MAP_FIXED_NOREPLACE)))
		return find_gap(mm, *addr & ~(MMSIM_PAGE_SIZE - 1), length, anon, addr);
	if (flags & MMSIM_MAP_FIXED_NOREPLACE && !is_free(mm, *addr, length))
		return -EEXIST;
	return 0;
}

/* Would an area be left on both sides? */
static bool is_inside_one(const struct mmsim_mm *mm, uint64_t start, uint64_t end)
{
	const struct mm_vma *vma = mm_mmap_vma_intersects(&mm->areas, start, end);

	return vma && vma->start < start && vma->end > end;
}

/* [start, end) out of the tree onto a list, cut at its ends. 0 or -ENOMEM: as before. */
static int detach(struct mmsim_mm *mm, uint64_t start, uint64_t end, mm_list *areas)
{
	struct mm_vma *first = mm_mmap_vma_intersects(&mm->areas, start, end), *last, *next;

	mm_list_init(areas);
	if (!first)
		return 0;
	if (is_inside_one(mm, start, end) && mm->areas.nr >= MMSIM_MAX_MAP_COUNT)
		return -ENOMEM;
	if (first->start < start) {
		if (split(first, start))
			return -ENOMEM;
		first = mm_mmap_vma_next(first);
	}
	last = mm_mmap_vma_find(&mm->areas, end - 1);
	if (last && last->start < end && last->end > end && split(last, end)) {
		merge(first);
		return -ENOMEM;
	}
	for (struct mm_vma *vma = first; vma && vma->start < end; vma = next) {
		next = mm_mmap_vma_next(vma);
		mm_mmap_vma_erase(&mm->areas, vma);
		mm_list_add_tail(&vma->detached, areas);
	}
	return 0;
}

void mm_mmap_free_areas(mm_list *areas)
{
	mm_list_for_each_safe(at, next, areas)
		free_area(mm_list_entry(at, struct mm_vma, detached));
}

/*
 * What is on the list, which ends at `end`, goes: none of it is in the tree. mmap_lock is held.
 * Counterpart: unmap_region().
 */
static void unmap_region(struct mmsim_mm *mm, mm_list *areas, uint64_t end)
{
	const struct mm_vma *above = mm_mmap_vma_find(&mm->areas, end);
	const struct mm_vma *below = above ? mm_mmap_vma_prev(above) : mm_mmap_vma_last(&mm->areas);
	uint64_t floor = below ? below->end : 0, ceiling = above ? above->start : 0;
	struct mm_gather g;

	mm_mmap_lru_add_drain(&mm->mmap->lru);
	mm_mmap_gather_begin(&g, mm, false);
	mm_mmap_unmap_vmas(&g, areas, floor, ceiling);
	mm_mmap_free_pgtables(&g, areas, floor, ceiling);
	mm_mmap_gather_end(&g);
	mm_mmap_free_areas(areas);
}

/* With MMSIM_MAP_FIXED, in place of what is there. */
static int make_room(struct mmsim_mm *mm, uint64_t addr, uint64_t end)
{
	mm_list areas;
	int err = detach(mm, addr, end, &areas);

	if (!err && !mm_list_empty(&areas))
		unmap_region(mm, &areas, end);
	return err;
}

/*
 * The area is made where `vma` says as far as its length; its start may be a hint. Counterpart:
 * mmap_region().
 */
static int map_locked(struct mmsim_mm *mm, struct mm_vma *vma, uint64_t *addr, uint64_t length,
		      uint32_t flags)
{
	int err = mm->gone ? -ESRCH : place(mm, addr, length, flags, !vma->file);

	if (!err && mm->areas.nr + is_inside_one(mm, *addr, *addr + length) >= MMSIM_MAX_MAP_COUNT)
		err = -ENOMEM;
	if (!err && flags & MMSIM_MAP_FIXED)
		err = make_room(mm, *addr, *addr + length);
	if (err)
		return err;
	vma->start = *addr;
	vma->end = *addr + length;
	add_area(vma);
	merge(vma);
	return 0;
}

int mm_mmap_map(struct mmsim_mm *mm, uint64_t addr, uint64_t length, uint32_t flags,
		struct mmsim_file *file, uint64_t pgoff, uint64_t *out)
{
	struct mm_vma *vma;
	int err;

	vma = mm_base_meta_alloc(mm->mmap->exec->meta, sizeof(*vma));
	if (!vma)
		return -ENOMEM;
	*vma = (struct mm_vma){
		.flags = flags & MM_VMA_KEPT, .file = file, .pgoff = pgoff, .mm = mm
	};
	mm_sync_down_write(&mm->mmap_lock);
	err = map_locked(mm, vma, &addr, length, flags);
	if (err)
		free_area(vma);
	mm_sync_up_write(&mm->mmap_lock);
	if (!err)
		*out = addr;
	return err;
}

/* Taking down */

void mm_mmap_unmap_vmas(struct mm_gather *g, mm_list *areas, uint64_t floor, uint64_t ceiling)
{
	if (g->how.way == MMSIM_TEARDOWN_RANGE_PARALLEL &&
	    mm_mmap_zap_parallel(g, areas, floor, ceiling))
		return;
	mm_list_for_each(at, areas) {
		struct mm_vma *vma = mm_list_entry(at, struct mm_vma, detached);

		mm_mmap_zap(g, vma->start, vma->end);
		mm_mmap_gather_end_vma(g);
	}
}

/* Areas that are closer to each other than a PTE table reaches share tables: they are one stretch. */
void mm_mmap_free_pgtables(struct mm_gather *g, mm_list *areas, uint64_t floor, uint64_t ceiling)
{
	for (mm_list *at = areas->next; at != areas; at = at->next) {
		struct mm_vma *vma = mm_list_entry(at, struct mm_vma, detached);
		uint64_t start = vma->start, next = ceiling;

		mm_mmap_file_unlink(vma);
		for (; at->next != areas; at = at->next) {
			struct mm_vma *after = mm_list_entry(at->next, struct mm_vma, detached);

			next = after->start;
			if (next > vma->end + MMSIM_PMD_SIZE)
				break;
			vma = after;
			next = ceiling;
			mm_mmap_file_unlink(vma);
		}
		mm_mmap_free_tables(g, start, vma->end, floor, next, MM_LEVEL_PGD);
	}
}

int mm_mmap_unmap(struct mmsim_mm *mm, uint64_t start, uint64_t end)
{
	mm_list areas;
	int err;

	mm_sync_down_write(&mm->mmap_lock);
	mm_list_init(&areas);
	err = mm->gone ? 0 : detach(mm, start, end, &areas);
	if (err || mm_list_empty(&areas)) {
		mm_sync_up_write(&mm->mmap_lock);
		return err;
	}
	/* Nobody finds them any more; faults elsewhere may go on. */
	mm_sync_downgrade_write(&mm->mmap_lock);
	unmap_region(mm, &areas, end);
	mm_up_read(&mm->mmap_lock);
	return 0;
}

/* Advice */

/* Calls fn for each area in the range, as far as it is in there. -ENOMEM: some of the range is in no area. */
static int each_area(struct mmsim_mm *mm, uint64_t start, uint64_t end,
		     int (*fn)(struct mm_vma *vma, uint64_t start, uint64_t end, uint32_t flags),
		     uint32_t flags)
{
	int err = 0, unmapped = 0;

	while (start < end && !err) {
		struct mm_vma *vma =
			mm->gone ? NULL : mm_mmap_vma_intersects(&mm->areas, start, end);
		uint64_t from, to;

		if (!vma)
			return -ENOMEM;
		from = mm_max(start, vma->start);
		to = mm_min(end, vma->end);
		if (from > start)
			unmapped = -ENOMEM;
		err = fn(vma, from, to, flags);
		start = to;
	}
	return err ? err : unmapped;
}

static int dontneed(struct mm_vma *vma, uint64_t start, uint64_t end, uint32_t flags)
{
	struct mm_gather g;

	(void)flags;
	mm_mmap_lru_add_drain(&vma->mm->mmap->lru);
	mm_mmap_gather_begin(&g, vma->mm, false);
	mm_mmap_zap(&g, start, end);
	mm_mmap_gather_end(&g);
	return 0;
}

/*
 * [start, end) of the area gets other flags, and becomes an area of its own for it. Counterpart:
 * madvise_update_vma().
 */
static int set_flags(struct mm_vma *vma, uint64_t start, uint64_t end, uint32_t flags)
{
	const uint32_t both = MM_VMA_HUGEPAGE | MM_VMA_NOHUGEPAGE;
	unsigned cuts = (unsigned)(vma->start < start) + (unsigned)(vma->end > end);

	if (vma->file || (vma->flags & both) == flags)
		return 0;
	if (vma->mm->areas.nr + cuts > MMSIM_MAX_MAP_COUNT)
		return -ENOMEM;
	if (vma->start < start) {
		if (split(vma, start))
			return -ENOMEM;
		vma = mm_mmap_vma_next(vma);
	}
	if (vma->end > end && split(vma, end)) {
		merge(vma);
		return -ENOMEM;
	}
	vma->flags = (vma->flags & ~both) | flags;
	merge(vma);
	return 0;
}

int mm_mmap_advise(struct mmsim_mm *mm, uint64_t start, uint64_t end, enum mmsim_advice advice)
{
	int err;

	if (advice == MMSIM_MADV_DONTNEED) {
		mm_down_read(&mm->mmap_lock);
		err = each_area(mm, start, end, dontneed, 0);
		mm_up_read(&mm->mmap_lock);
		return err;
	}
	mm_sync_down_write(&mm->mmap_lock);
	err = each_area(mm, start, end, set_flags,
			advice == MMSIM_MADV_HUGEPAGE ? MM_VMA_HUGEPAGE : MM_VMA_NOHUGEPAGE);
	mm_sync_up_write(&mm->mmap_lock);
	return err;
}
