/* SPDX-License-Identifier: MIT */
/* The memory of one simulated process. */
#include "unmap_space.h"

#include "harness/util.h"
#include "unmap.h"

#include <errno.h>
#include <stdlib.h>

#define RW (MMSIM_PROT_READ | MMSIM_PROT_WRITE)

/* Of the file's pages one in so many is stored to. */
#define DIRTY_EVERY 4

static int map_file(struct unmap_space *s)
{
	uint64_t half = s->bytes / 2;
	int rc = mmsim_file_create(s->m, half >> MMSIM_PAGE_SHIFT, &s->file);

	return rc ? rc
		  : mmsim_mmap(s->mm, s->addr + half, half, RW | MMSIM_MAP_SHARED | MMSIM_MAP_FIXED,
			       s->file, 0, NULL);
}

static int map(struct unmap_space *s)
{
	int rc = mmsim_mm_create(s->m, NULL, &s->mm);

	if (!rc)
		rc = mmsim_mmap(s->mm, 0, s->bytes, RW, NULL, 0, &s->addr);
	if (!rc && (s->what & UNMAP_THP))
		rc = mmsim_madvise(s->mm, s->addr, s->bytes, MMSIM_MADV_HUGEPAGE);
	if (!rc && (s->what & UNMAP_FILE_MIX))
		rc = map_file(s);
	return rc;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint32_t *random_order(uint32_t nr, uint64_t seed)
{
	uint32_t *order = bench_calloc(nr, sizeof(*order));

	for (uint32_t i = 0; i < nr; i++) {
		uint32_t k = (uint32_t)(next_random(&seed) % (i + 1));

		order[i] = order[k];
		order[k] = i;
	}
	return order;
}

static int touch_shuffled(struct unmap_space *s)
{
	uint32_t nr = (uint32_t)(s->bytes >> MMSIM_PAGE_SHIFT);
	uint32_t *order = random_order(nr, s->seed);
	int rc = 0;

	for (uint32_t i = 0; i < nr && !rc; i++)
		rc = mmsim_touch(s->mm, s->addr + ((uint64_t)order[i] << MMSIM_PAGE_SHIFT), true);
	free(order);
	return rc;
}

static int touch_mix(struct unmap_space *s)
{
	uint64_t half = s->bytes / 2, end = s->addr + s->bytes;
	int rc = mmsim_populate(s->mm, s->addr, half, true);

	if (!rc)
		rc = mmsim_populate(s->mm, s->addr + half, half, false);
	for (uint64_t at = s->addr + half; at < end && !rc; at += DIRTY_EVERY * MMSIM_PAGE_SIZE)
		rc = mmsim_touch(s->mm, at, true);
	return rc;
}

static int touch(struct unmap_space *s)
{
	if (s->what & UNMAP_SHUFFLED)
		return touch_shuffled(s);
	if (s->what & UNMAP_FILE_MIX)
		return touch_mix(s);
	return mmsim_populate(s->mm, s->addr, s->bytes, true);
}

uint64_t unmap_space_pages(const struct unmap_space *s)
{
	struct mmsim_mm_info info;

	mmsim_mm_info(s->mm, &info);
	return info.anon_pages + info.file_pages;
}

int unmap_space_make(struct unmap_space *s)
{
	uint64_t began;
	int rc = map(s);

	if (rc)
		return rc;
	began = mmsim_now(s->m);
	rc = touch(s);
	s->touch_ns = mmsim_now(s->m) - began;
	if (!rc && unmap_space_pages(s) != s->bytes >> MMSIM_PAGE_SHIFT)
		rc = -ENODATA;
	return rc;
}

int unmap_space_take_down(struct unmap_space *s)
{
	if (!(s->what & UNMAP_EXIT))
		return mmsim_munmap(s->mm, s->addr, s->bytes);
	mmsim_mm_exit(s->mm);
	return 0;
}

void unmap_space_destroy(struct unmap_space *s)
{
	mmsim_mm_destroy(s->mm);
	mmsim_file_destroy(s->file);
	s->mm = NULL;
	s->file = NULL;
}
