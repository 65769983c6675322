/* SPDX-License-Identifier: MIT */
/* Exported calls: address spaces. */
#include "bits.h"
#include "filemap.h"
#include "machine.h"

#include <errno.h>
#include <inttypes.h>

enum {
	ALL_FLAGS = MMSIM_PROT_READ | MMSIM_PROT_WRITE | MMSIM_MAP_SHARED | MMSIM_MAP_FIXED |
		    MMSIM_MAP_FIXED_NOREPLACE | MMSIM_MAP_POPULATE,
	FIXED = MMSIM_MAP_FIXED | MMSIM_MAP_FIXED_NOREPLACE,
};

static struct mm_exec *exec_of(const struct mmsim_mm *mm)
{
	return mm->mmap->exec;
}

/* As MM_ON_CPU, of an address space. */
#define MM_OF_MM(mm)                                                            \
	struct mm_guest mm_guest_here __attribute__((cleanup(mm_guest_leave))); \
	mm_guest_enter(&mm_guest_here, exec_of(mm))

static int refuse(const struct mmsim_mm *mm, const char *call, uint64_t addr, uint64_t length,
		  const char *wrong, int err)
{
	mm_base_log(mm->mmap->log, "%s(addr %#" PRIx64 ", length %#" PRIx64 "): %s", call, addr,
		    length, wrong);
	return err;
}

static int no_place(struct mm_log *log, const char *call)
{
	mm_base_log(log, "%s: no place for the result", call);
	return -EINVAL;
}

/* Whole pages; 0 if that is more than there is. */
static uint64_t round_length(uint64_t length)
{
	return length > UINT64_MAX - MMSIM_PAGE_SIZE ? 0 : mm_round_up(length, MMSIM_PAGE_SIZE);
}

static const char *refuse_params(const struct mmsim_mm_params *params)
{
	if (params->levels && params->levels != 4 && params->levels != 5)
		return "levels: neither 4 nor 5";
	return params->thp >= MMSIM_NR_THP ? "thp: unknown" : NULL;
}

int mmsim_mm_create(struct mmsim *m, const struct mmsim_mm_params *params, struct mmsim_mm **out)
{
	static const struct mmsim_mm_params defaults;
	const char *wrong = params ? refuse_params(params) : NULL;

	if (out)
		*out = NULL;
	if (!m)
		return -EINVAL;
	if (!out)
		wrong = "no place for the result";
	MM_ON_CPU(m);
	if (wrong) {
		mm_base_log(&m->log, "mmsim_mm_create: %s", wrong);
		return -EINVAL;
	}
	if (!mm_buddy_is_open(&m->buddy)) {
		mm_base_log(&m->log, "mmsim_mm_create: the machine is not booted");
		return -EBUSY;
	}
	return mm_mmap_mm_create(&m->mmap, params ? params : &defaults, out);
}

void mmsim_mm_destroy(struct mmsim_mm *mm)
{
	if (mm) {
		MM_OF_MM(mm);

		mm_mmap_mm_destroy(mm);
	}
}

void mmsim_mm_exit(struct mmsim_mm *mm)
{
	if (mm) {
		MM_OF_MM(mm);

		mm_mmap_exit(mm);
	}
}

/* What is wrong with a request, and the error it gets; NULL: nothing. */
static const char *refuse_map(uint64_t addr, uint64_t length, uint32_t flags,
			      const struct mmsim_mm *mm, const struct mmsim_file *file,
			      uint64_t offset, int *err)
{
	*err = -EINVAL;
	if (!length)
		return "length 0";
	if (flags & ~(uint32_t)ALL_FLAGS)
		return "unknown flags";
	if (flags & MMSIM_MAP_SHARED && !file)
		return "shared memory without a file";
	if (file && file->mmap != mm->mmap)
		return "a file of another machine";
	if (flags & FIXED && addr % MMSIM_PAGE_SIZE)
		return "addr is not a multiple of 4096";
	if (offset % MMSIM_PAGE_SIZE)
		return "offset is not a multiple of 4096";
	if (!file && offset)
		return "an offset without a file";
	*err = -EPERM;
	if (flags & FIXED && addr < MMSIM_MMAP_MIN_ADDR)
		return "below MMSIM_MMAP_MIN_ADDR";
	*err = -ENOMEM;
	if (!round_length(length))
		return "not inside the address space";
	if (round_length(length) > mm->task_size ||
	    (flags & FIXED && addr > mm->task_size - round_length(length)))
		return "not inside the address space";
	*err = -EOVERFLOW;
	return offset && offset - 1 > UINT64_MAX - round_length(length)
		       ? "offset and length pass 2^64"
		       : NULL;
}

int mmsim_mmap(struct mmsim_mm *mm, uint64_t addr, uint64_t length, uint32_t flags,
	       struct mmsim_file *file, uint64_t offset, uint64_t *out)
{
	const char *wrong;
	uint64_t at;
	int err;

	if (!mm)
		return -EINVAL;
	wrong = refuse_map(addr, length, flags, mm, file, offset, &err);
	MM_OF_MM(mm);
	if (wrong)
		return refuse(mm, "mmsim_mmap", addr, length, wrong, err);
	length = round_length(length);
	err = mm_mmap_map(mm, addr, length, flags, file, offset >> MMSIM_PAGE_SHIFT, &at);
	if (err)
		return err;
	/* What is private is stored to at once, as there. */
	if (flags & MMSIM_MAP_POPULATE)
		mm_mmap_populate(mm, at, at + length,
				 flags & MMSIM_PROT_WRITE && !(flags & MMSIM_MAP_SHARED));
	if (out)
		*out = at;
	return 0;
}

/* A range of whole pages below the end of the address space. */
static const char *refuse_range(const struct mmsim_mm *mm, uint64_t addr, uint64_t length)
{
	if (addr % MMSIM_PAGE_SIZE)
		return "addr is not a multiple of 4096";
	if (length && (!round_length(length) || round_length(length) > mm->task_size ||
		       addr > mm->task_size - round_length(length)))
		return "not inside the address space";
	return NULL;
}

int mmsim_munmap(struct mmsim_mm *mm, uint64_t addr, uint64_t length)
{
	const char *wrong;

	if (!mm)
		return -EINVAL;
	wrong = length ? refuse_range(mm, addr, length) : "length 0";
	MM_OF_MM(mm);
	if (wrong)
		return refuse(mm, "mmsim_munmap", addr, length, wrong, -EINVAL);
	return mm_mmap_unmap(mm, addr, addr + round_length(length));
}

int mmsim_madvise(struct mmsim_mm *mm, uint64_t addr, uint64_t length, enum mmsim_advice advice)
{
	const char *wrong;

	if (!mm)
		return -EINVAL;
	wrong = advice < MMSIM_NR_ADVICE ? refuse_range(mm, addr, length) : "unknown advice";
	MM_OF_MM(mm);
	if (wrong)
		return refuse(mm, "mmsim_madvise", addr, length, wrong, -EINVAL);
	return length ? mm_mmap_advise(mm, addr, addr + round_length(length), advice) : 0;
}

int mmsim_touch(struct mmsim_mm *mm, uint64_t addr, bool write)
{
	if (!mm)
		return -EINVAL;
	MM_OF_MM(mm);
	return mm_mmap_touch(mm, addr, write);
}

int mmsim_populate(struct mmsim_mm *mm, uint64_t addr, uint64_t length, bool write)
{
	const char *wrong;

	if (!mm)
		return -EINVAL;
	wrong = refuse_range(mm, addr, length);
	MM_OF_MM(mm);
	if (wrong)
		return refuse(mm, "mmsim_populate", addr, length, wrong, -EINVAL);
	return mm_mmap_populate(mm, addr, addr + round_length(length), write);
}

int mmsim_mm_fork(struct mmsim_mm *mm, struct mmsim_mm **out)
{
	if (out)
		*out = NULL;
	if (!mm)
		return -EINVAL;
	if (!out)
		return no_place(mm->mmap->log, "mmsim_mm_fork");
	MM_OF_MM(mm);
	return mm_mmap_fork(mm, out);
}

int mmsim_oom_reap(struct mmsim_mm *mm, uint64_t *pages)
{
	uint64_t went = 0;
	int err;

	if (!mm)
		return -EINVAL;
	MM_OF_MM(mm);
	err = mm_mmap_oom_reap(mm, &went);
	if (pages && !err)
		*pages = went;
	return err;
}

void mmsim_mm_enter_lazy(struct mmsim *m)
{
	if (!m)
		return;
	MM_ON_CPU(m);
	mm_tlb_enter_lazy(&m->mmap.tlb);
}

int mmsim_mm_info(struct mmsim_mm *mm, struct mmsim_mm_info *out)
{
	if (!mm)
		return -EINVAL;
	if (!out)
		return no_place(mm->mmap->log, "mmsim_mm_info");
	MM_OF_MM(mm);
	mm_mmap_mm_info(mm, out);
	return 0;
}

int mmsim_area_info(struct mmsim_mm *mm, uint64_t addr, struct mmsim_area_info *out)
{
	if (!mm)
		return -EINVAL;
	if (!out)
		return no_place(mm->mmap->log, "mmsim_area_info");
	MM_OF_MM(mm);
	return mm_mmap_area_info(mm, addr, out);
}

int mmsim_mm_lookup(struct mmsim_mm *mm, uint64_t addr, struct mmsim_mapping *out)
{
	if (!mm)
		return -EINVAL;
	if (!out)
		return no_place(mm->mmap->log, "mmsim_mm_lookup");
	MM_OF_MM(mm);
	return mm_mmap_lookup(mm, addr, out);
}

uint64_t mmsim_mm_validate(struct mmsim_mm *mm)
{
	if (!mm)
		return 0;
	MM_OF_MM(mm);
	return mm_mmap_validate(mm);
}

int mmsim_set_teardown(struct mmsim *m, const struct mmsim_teardown *teardown)
{
	static const struct mmsim_teardown defaults;
	const char *field = teardown ? mm_mmap_refuse_teardown(teardown) : NULL;

	if (!m)
		return -EINVAL;
	MM_ON_CPU(m);
	if (field) {
		mm_base_log(&m->log, "mmsim_set_teardown: %s", field);
		return -EINVAL;
	}
	return mm_mmap_set_teardown(&m->mmap, teardown ? teardown : &defaults);
}

_Static_assert(sizeof(struct mmsim_teardown_info) % sizeof(uint64_t) == 0, "counters only");

int mmsim_teardown_info(struct mmsim *m, struct mmsim_teardown_info *out)
{
	if (!m)
		return -EINVAL;
	if (!out)
		return no_place(&m->log, "mmsim_teardown_info");
	MM_ON_CPU(m);
	for (size_t i = 0; i < sizeof(*out) / sizeof(uint64_t); i++)
		((uint64_t *)out)[i] =
			__atomic_load_n((uint64_t *)&m->mmap.info + i, __ATOMIC_RELAXED);
	return 0;
}

int mmsim_tlb_info(struct mmsim *m, struct mmsim_tlb_info *out)
{
	if (!m)
		return -EINVAL;
	if (!out)
		return no_place(&m->log, "mmsim_tlb_info");
	MM_ON_CPU(m);
	mm_tlb_info(&m->mmap.tlb, out);
	return 0;
}
