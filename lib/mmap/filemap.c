/* SPDX-License-Identifier: MIT */
/* Files in the page cache: bringing pages, giving them back, and who maps them. */
#include "filemap.h"

#include "host_memory.h"
#include <errno.h>
#include <string.h>

/* Nodes from the root of the page cache's tree down to a slot. */
enum { TREE_LEVELS = 3 };

/* Looking */

/* file->lock is held. Counterpart: xas_load(). */
static struct mmsim_page *look(const struct mmsim_file *file, uint64_t index)
{
	mm_exec_charge(file->mmap->exec, MM_CHARGE_TREE, NULL, TREE_LEVELS);
	return file->slot[index].page;
}

/* The same, with a reference. */
static struct mmsim_page *take(const struct mmsim_file *file, uint64_t index)
{
	struct mmsim_page *page = look(file, index);

	if (page) {
		mm_exec_charge(file->mmap->exec, MM_CHARGE_RMW, &page->refcount, 1);
		mm_folio_get(page, 1);
	}
	return page;
}

struct mmsim_page *mm_mmap_file_find(struct mmsim_file *file, uint64_t index)
{
	struct mmsim_page *page;

	mm_spin_lock(&file->lock);
	page = take(file, index);
	mm_spin_unlock(&file->lock);
	return page;
}

uint64_t mm_mmap_file_next(const struct mmsim_file *file, uint64_t index)
{
	while (index < file->nr_pages &&
	       !__atomic_load_n(&file->slot[index].page, __ATOMIC_RELAXED))
		index++;
	return index;
}

/* Bringing */

static struct mmsim_page *alloc_page(const struct mm_mmap *mmap)
{
	struct mm_buddy *b = mmap->buddy;
	struct mmsim_page *page =
		mm_buddy_alloc_pages(b, MMSIM_NUMA_NO_NODE, MMSIM_GFP_HIGHUSER_MOVABLE, 0);

	if (!page)
		return NULL;
	if (b->pages->base)
		memset(b->pages->base + mm_page_to_pfn(b->map, page) * MMSIM_PAGE_SIZE, 0,
		       MMSIM_PAGE_SIZE);
	mm_exec_charge(mmap->exec, MM_CHARGE_CLEAR, page, MMSIM_PAGE_SIZE);
	return page;
}

/* L1. The allocator's reference becomes the cache's. file->lock is held, the slot is empty. */
static void insert(struct mmsim_file *file, uint64_t index, struct mmsim_page *page)
{
	mm_exec_charge(file->mmap->exec, MM_CHARGE_TOUCH, page, sizeof(*page));
	__atomic_store_n(&page->mapping, file, __ATOMIC_RELAXED);
	page->index = index;
	__atomic_store_n(&file->slot[index].page, page, __ATOMIC_RELEASE);
	file->nr_cached++;
}

/* The page at index, with a reference: mine, unless somebody was faster. Counterpart: filemap_add_folio(). */
static struct mmsim_page *add(struct mmsim_file *file, uint64_t index, struct mmsim_page *mine)
{
	struct mmsim_page *page;

	mm_spin_lock(&file->lock);
	page = take(file, index);
	if (!page) {
		insert(file, index, mine);
		mm_folio_get(mine, 1);
		page = mine;
	}
	mm_spin_unlock(&file->lock);
	return page;
}

struct mmsim_page *mm_mmap_file_get(struct mmsim_file *file, uint64_t index)
{
	struct mmsim_page *page = mm_mmap_file_find(file, index), *mine;

	if (mm_likely(page != NULL))
		return page;
	mine = alloc_page(file->mmap);
	if (!mine)
		return NULL;
	page = add(file, index, mine);
	if (page == mine)
		mm_mmap_lru_add(&file->mmap->lru, page);
	else
		mm_mmap_put_folio(&file->mmap->release, mine, 1);
	return page;
}

int mm_mmap_file_read(struct mmsim_file *file, uint64_t first, uint64_t nr)
{
	for (uint64_t index = first; index < first + nr; index++) {
		struct mmsim_page *page = mm_mmap_file_get(file, index);

		if (!page)
			return -ENOMEM;
		mm_mmap_put_folio(&file->mmap->release, page, 1);
		mm_exec_resched(file->mmap->exec);
	}
	return 0;
}

/* Giving back */

/* Has nobody but the cache a reference, hence no page table an entry? O1. */
static bool unused(const struct mmsim_page *page)
{
	return __atomic_load_n(&page->refcount, __ATOMIC_ACQUIRE) == 1;
}

static bool written_back(const struct mm_file_slot *slot)
{
	return __atomic_load_n(&slot->content, __ATOMIC_ACQUIRE) == slot->stored;
}

/* Out of the cache; its reference is the caller's. file->lock is held. Counterpart: page_cache_delete(). */
static void detach(struct mmsim_file *file, uint64_t index)
{
	struct mm_file_slot *slot = &file->slot[index];
	struct mmsim_page *page = slot->page;

	mm_invariant("L1: a page in the cache names its file and place",
		     page->mapping == file && page->index == index && !page->order);
	mm_invariant("O1: each entry that maps a page has a reference",
		     !unused(page) || !mm_folio_mapped(page));
	if (mm_page_flag(page, MMSIM_PG_DIRTY))
		mm_page_clear_flag(page, MMSIM_PG_DIRTY);
	__atomic_store_n(&slot->page, NULL, __ATOMIC_RELAXED);
	file->nr_cached--;
}

static bool may_evict(const struct mmsim_file *file, uint64_t index, const struct mmsim_page *page)
{
	/* Whoever gave up a reference to it had marked it dirty before: ask in this order. */
	if (!unused(page) || mm_page_flag(page, MMSIM_PG_DIRTY))
		return false;
	mm_invariant("L2: what is dropped was written back", written_back(&file->slot[index]));
	return true;
}

/* NULL: there is none, or it has to stay. Counterpart: mapping_evict_folio(), folio_unmap_invalidate(). */
static struct mmsim_page *evict(struct mmsim_file *file, uint64_t index, bool always)
{
	struct mmsim_page *page;

	mm_spin_lock(&file->lock);
	page = look(file, index);
	if (page && !always && !may_evict(file, index, page))
		page = NULL;
	if (page)
		detach(file, index);
	mm_spin_unlock(&file->lock);
	return page;
}

/* Returns how many went. */
static uint64_t evict_all(struct mmsim_file *file, bool always)
{
	struct mm_mmap *mmap = file->mmap;
	mm_encoded gone[MM_FOLIO_BATCH];
	uint64_t total = 0;
	unsigned nr = 0;

	mm_mmap_lru_add_drain_all(&mmap->lru);
	for (uint64_t i = mm_mmap_file_next(file, 0); i < file->nr_pages;
	     i = mm_mmap_file_next(file, i + 1)) {
		struct mmsim_page *page = evict(file, i, always);

		if (page)
			gone[nr++] = (mm_encoded)page;
		if (nr == MM_FOLIO_BATCH) {
			mm_mmap_release_pages(&mmap->release, gone, nr, false);
			total += nr;
			nr = 0;
		}
		mm_exec_resched(mmap->exec);
	}
	mm_mmap_release_pages(&mmap->release, gone, nr, false);
	return total + nr;
}

uint64_t mm_mmap_file_drop(struct mmsim_file *file)
{
	return evict_all(file, false);
}

/* Making and unmaking */

int mm_mmap_file_create(struct mm_mmap *mmap, uint64_t nr_pages, struct mmsim_file **out)
{
	struct mm_meta *meta = mmap->exec->meta;
	struct mmsim_file *file;

	if (mm_page_host_check(mmap->log, "mmsim_file_create: nr_pages",
			       nr_pages * sizeof(*file->slot)))
		return -ENOMEM;
	file = mm_base_meta_alloc(meta, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->slot = mm_base_meta_calloc(meta, nr_pages, sizeof(*file->slot));
	if (!file->slot) {
		mm_base_meta_free(meta, file, sizeof(*file));
		return -ENOMEM;
	}
	file->mmap = mmap;
	file->nr_pages = nr_pages;
	mm_list_init(&file->areas);
	mm_sync_spin_init(&file->lock, mmap->locks, MM_RANK_FILEMAP);
	mm_sync_mutex_init(&file->i_mmap, mmap->locks, MM_RANK_I_MMAP);
	mm_mm_count(&mmap->nr_users, 1);
	*out = file;
	return 0;
}

static bool is_mapped(struct mmsim_file *file)
{
	bool mapped;

	mm_sync_mutex_lock(&file->i_mmap);
	mapped = file->nr_areas != 0;
	mm_sync_mutex_unlock(&file->i_mmap);
	return mapped;
}

int mm_mmap_file_destroy(struct mmsim_file *file)
{
	struct mm_meta *meta = file->mmap->exec->meta;

	if (is_mapped(file))
		return -EBUSY;
	evict_all(file, true);
	mm_sync_mutex_fini(&file->i_mmap);
	mm_sync_spin_fini(&file->lock);
	mm_mm_count(&file->mmap->nr_users, (uint64_t)-1);
	mm_base_meta_free(meta, file->slot, file->nr_pages * sizeof(*file->slot));
	mm_base_meta_free(meta, file, sizeof(*file));
	return 0;
}

/* Areas */

void mm_mmap_file_link(struct mm_vma *vma)
{
	struct mmsim_file *file = vma->file;

	if (!file)
		return;
	mm_sync_mutex_lock(&file->i_mmap);
	mm_list_add_tail(&vma->file_link, &file->areas);
	file->nr_areas++;
	mm_sync_mutex_unlock(&file->i_mmap);
}

void mm_mmap_file_unlink(struct mm_vma *vma)
{
	struct mmsim_file *file = vma->file;

	if (!file)
		return;
	mm_sync_mutex_lock(&file->i_mmap);
	mm_list_del(&vma->file_link);
	file->nr_areas--;
	mm_sync_mutex_unlock(&file->i_mmap);
}

/* Telling */

static void count_page(struct mmsim_file *file, uint64_t index, struct mmsim_file_info *out)
{
	const struct mmsim_page *page;

	mm_spin_lock(&file->lock);
	page = file->slot[index].page;
	if (page) {
		out->cached++;
		out->dirty += mm_page_flag(page, MMSIM_PG_DIRTY);
		out->mapped += mm_folio_mapped(page);
	}
	mm_spin_unlock(&file->lock);
}

void mm_mmap_file_info(struct mmsim_file *file, struct mmsim_file_info *out)
{
	*out = (struct mmsim_file_info){ .nr_pages = file->nr_pages };
	mm_sync_mutex_lock(&file->i_mmap);
	out->areas = file->nr_areas;
	mm_sync_mutex_unlock(&file->i_mmap);
	for (uint64_t i = mm_mmap_file_next(file, 0); i < file->nr_pages;
	     i = mm_mmap_file_next(file, i + 1))
		count_page(file, i, out);
	mm_spin_lock(&file->lock);
	out->written = file->nr_written;
	mm_spin_unlock(&file->lock);
}
