/* SPDX-License-Identifier: MIT */
/* hugetlbfs files. */
#include "file.h"

#include "bits.h"
#include "clear.h"
#include "host_memory.h"
#include "pool.h"
#include <errno.h>
#include <string.h>

/* What the ktask series called the least memory worth a thread. */
#define MEM_CHUNK (UINT64_C(128) << 20)

/* Nodes from the root of the page cache's tree down to a slot. */
#define TREE_LEVELS 3

#define ANY_CALL 0u

/* Slots */

static uint64_t make_slot(uint32_t call, uint32_t frame)
{
	return (uint64_t)call << 32 | (frame + 1);
}

static uint32_t slot_frame(uint64_t slot)
{
	return (uint32_t)slot - 1;
}

static uint32_t slot_call(uint64_t slot)
{
	return (uint32_t)(slot >> 32);
}

static uint64_t read_slot(struct mmsim_hugetlb_file *f, uint64_t index)
{
	uint64_t slot;

	mm_spin_lock(&f->lock);
	mm_exec_charge(f->hg->exec, MM_CHARGE_TREE, NULL, TREE_LEVELS);
	slot = f->slot[index];
	mm_spin_unlock(&f->lock);
	return slot;
}

static void write_slot(struct mmsim_hugetlb_file *f, uint64_t index, uint64_t slot)
{
	mm_spin_lock(&f->lock);
	mm_exec_charge(f->hg->exec, MM_CHARGE_TREE, NULL, TREE_LEVELS);
	mm_invariant("G3: filled when empty, emptied when filled", !f->slot[index] == !!slot);
	f->slot[index] = slot;
	f->nr_pages = slot ? f->nr_pages + 1 : f->nr_pages - 1;
	mm_spin_unlock(&f->lock);
}

bool mm_hugetlb_file_frame(struct mmsim_hugetlb_file *f, uint64_t index, uint32_t *frame)
{
	uint64_t slot = read_slot(f, index);

	*frame = slot_frame(slot);
	return slot != 0;
}

uint64_t mm_hugetlb_file_nr_pages(struct mmsim_hugetlb_file *f)
{
	uint64_t nr;

	mm_spin_lock(&f->lock);
	nr = f->nr_pages;
	mm_spin_unlock(&f->lock);
	return nr;
}

/* Counterpart: hugetlb_fault_mutex_hash(). Any hash that spreads neighbours will do. */
static struct mm_mutex *fault_mutex(const struct mmsim_hugetlb_file *f, uint64_t index)
{
	uint64_t x = ((uint64_t)f->number << 40) + index;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return &f->mutexes->mutex[(x ^ x >> 31) & (f->mutexes->nr - 1)];
}

/* Filling */

/* One call of fallocate. */
struct filling {
	struct mmsim_hugetlb_file *file;
	uint32_t call;
};

/* The slot's mutex is held, the slot is empty. */
static int fill_locked(struct filling *fill, uint64_t index)
{
	struct mmsim_hugetlb_file *f = fill->file;
	struct mm_exec *x = f->hg->exec;
	unsigned nid = f->hg->buddy->topology->node_of[mm_exec_cpu(x)];
	uint32_t frame;

	if (!mm_hugetlb_take(f->hg, f->h, nid, MM_FRAME_IN_FILE, &frame))
		return -ENOSPC;
	mm_hugetlb_clear(f->hg, (uint64_t)frame << f->h->order, mm_hstate_nr_pages(f->h), true);
	write_slot(f, index, make_slot(fill->call, frame));
	return 0;
}

static int fill_slot(struct filling *fill, uint64_t index)
{
	struct mm_mutex *mutex = fault_mutex(fill->file, index);
	int err = 0;

	mm_sync_mutex_lock(mutex);
	if (!read_slot(fill->file, index))
		err = fill_locked(fill, index);
	mm_sync_mutex_unlock(mutex);
	return err;
}

/* Emptying */

/* If it was filled by this call, or by any. */
static void empty_slot(struct mmsim_hugetlb_file *f, uint64_t index, uint32_t call)
{
	struct mm_mutex *mutex = fault_mutex(f, index);
	uint64_t slot;

	mm_sync_mutex_lock(mutex);
	slot = read_slot(f, index);
	if (slot && (call == ANY_CALL || slot_call(slot) == call)) {
		write_slot(f, index, 0);
		mm_invariant("G3: a file's page is in its pool's books",
			     mm_hugetlb_give(f->hg, f->h, slot_frame(slot), MM_FRAME_IN_FILE));
	}
	mm_sync_mutex_unlock(mutex);
}

/* From the end, so that what one thread took is on the free lists as it was. */
static void empty_range(struct mmsim_hugetlb_file *f, uint64_t start, uint64_t end, uint32_t call)
{
	while (end > start) {
		empty_slot(f, --end, call);
		mm_exec_resched(f->hg->exec);
	}
}

void mm_hugetlb_punch_hole(struct mmsim_hugetlb_file *f, uint64_t first, uint64_t nr)
{
	empty_range(f, first, first + nr, ANY_CALL);
}

/* The task */

static int fill_chunk(void *start, void *end, void *arg)
{
	struct filling *fill = arg;
	uint64_t first = (uintptr_t)start;
	int err = 0;

	for (uint64_t i = first; i < (uintptr_t)end; i++) {
		err = fill_slot(fill, i);
		if (err) {
			empty_range(fill->file, first, i, fill->call);
			break;
		}
		mm_exec_resched(fill->file->hg->exec);
	}
	return err;
}

static int undo_chunk(void *start, void *end, void *arg)
{
	struct filling *fill = arg;

	empty_range(fill->file, (uintptr_t)start, (uintptr_t)end, fill->call);
	return 0;
}

static uint64_t least_chunk(const struct mm_hstate *h)
{
	return mm_max(MEM_CHUNK / MMSIM_PAGE_SIZE >> h->order, UINT64_C(1));
}

/* Never ANY_CALL. */
static uint32_t next_call(struct mmsim_hugetlb_file *f)
{
	uint32_t call;

	do
		call = __atomic_add_fetch(&f->nr_calls, 1, __ATOMIC_RELAXED);
	while (call == ANY_CALL);
	return call;
}

int mm_hugetlb_fallocate(struct mmsim_hugetlb_file *f, uint64_t first, uint64_t nr,
			 uint32_t threads, uint64_t min_chunk)
{
	struct filling fill = { .file = f, .call = next_call(f) };
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = fill_chunk,
		.undo_fn = undo_chunk,
		.fn_arg = &fill,
		.min_chunk = min_chunk ? min_chunk : least_chunk(f->h),
		.max_threads = threads,
	};
	const struct mmsim_ktask_node node = {
		.start = (void *)(uintptr_t)first,
		.task_size = nr,
		.nid = MMSIM_NO_NODE,
	};

	return mm_job_ktask_run(f->hg->ktask, &node, 1, &ctl);
}

/* Making and unmaking */

int mm_hugetlb_file_create(struct mm_hugetlb *hg, struct mm_hstate *h, uint64_t nr_slots,
			   struct mmsim_hugetlb_file **out)
{
	struct mm_fault_mutexes *mutexes;
	struct mmsim_hugetlb_file *f;
	uint64_t *slot;

	if (mm_page_host_check(hg->log, "mmsim_hugetlb_file_create: nr", nr_slots * sizeof(*slot)))
		return -ENOMEM;
	mutexes = mm_hugetlb_fault_mutexes(hg);
	f = mm_base_meta_alloc(hg->exec->meta, sizeof(*f));
	slot = mm_base_meta_calloc(hg->exec->meta, nr_slots, sizeof(*slot));
	if (!mutexes || !f || !slot) {
		mm_base_meta_free(hg->exec->meta, slot, nr_slots * sizeof(*slot));
		mm_base_meta_free(hg->exec->meta, f, sizeof(*f));
		return -ENOMEM;
	}
	f->hg = hg;
	f->h = h;
	f->mutexes = mutexes;
	f->nr_slots = nr_slots;
	f->slot = slot;
	mm_sync_spin_init(&f->lock, hg->locks, MM_RANK_HUGETLB_FILE);
	mm_spin_lock(&hg->lock);
	f->number = ++hg->nr_files_made;
	mm_list_add_tail(&f->list, &hg->files);
	mm_spin_unlock(&hg->lock);
	*out = f;
	return 0;
}

void mm_hugetlb_file_delete(struct mmsim_hugetlb_file *f)
{
	struct mm_hugetlb *hg = f->hg;

	mm_invariant("G3: a file that goes is empty", !f->nr_pages);
	mm_spin_lock(&hg->lock);
	mm_list_del(&f->list);
	mm_spin_unlock(&hg->lock);
	mm_sync_spin_fini(&f->lock);
	mm_base_meta_free(hg->exec->meta, f->slot, f->nr_slots * sizeof(*f->slot));
	mm_base_meta_free(hg->exec->meta, f, sizeof(*f));
}

void mm_hugetlb_file_forget(struct mmsim_hugetlb_file *f)
{
	memset(f->slot, 0, f->nr_slots * sizeof(*f->slot));
	f->nr_pages = 0;
}

uint64_t mm_hugetlb_file_validate(const struct mmsim_hugetlb_file *f)
{
	uint64_t nr = 0;

	for (uint64_t i = 0; i < f->nr_slots; i++) {
		if (!f->slot[i])
			continue;
		mm_invariant("G3: in a file",
			     mm_frame_link(f->h, slot_frame(f->slot[i])) == MM_FRAME_IN_FILE);
		nr++;
	}
	mm_invariant("G3: pages of a file", nr == f->nr_pages);
	return nr;
}
