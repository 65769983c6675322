/* SPDX-License-Identifier: MIT */
/* Simulated memory on the host's memory. */
#include "backing.h"

#include "bits.h"
#include "check.h"
#include <errno.h>
#include <linux/mman.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HOST_PAGE = 4096 };

static void *map(struct mm_area *area, void *at, uint64_t bytes, int prot, int flags)
{
	if (mm_base_fault_hit(area->fault, MMSIM_FAULT_MMAP)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return mmap(at, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

int mm_page_area_init(struct mm_area *area, uint64_t bytes, uint32_t no_huge,
		      struct mm_fault *fault)
{
	void *at;

	*area = (struct mm_area){ .no_huge = no_huge, .fault = fault };
	if (!bytes)
		return 0;
	area->bytes = mm_round_up(bytes, MM_HUGE_2M);
	area->reservation_bytes = area->bytes + MM_HUGE_1G;
	at = map(area, NULL, area->reservation_bytes, PROT_NONE, 0);
	if (at == MAP_FAILED) {
		*area = (struct mm_area){ 0 };
		return -ENOMEM;
	}
	area->reservation = at;
	area->base = (char *)at + (mm_round_up((uintptr_t)at, MM_HUGE_1G) - (uintptr_t)at);
	return 0;
}

void mm_page_area_fini(struct mm_area *area)
{
	if (area->reservation)
		mm_invariant("A1: reservation unmapped",
			     !munmap(area->reservation, area->reservation_bytes));
	*area = (struct mm_area){ 0 };
}

/* One reason per page size, in the order they were tried. */
static void explain(struct mm_area *area, const char *what, const char *reason)
{
	size_t len = strlen(area->got.why);

	if (!strstr(area->got.why, what))
		snprintf(area->got.why + len, sizeof(area->got.why) - len, "%s%s: %s",
			 len ? "; " : "", what, reason);
}

static void explain_errno(struct mm_area *area, const char *what, int err)
{
	explain(area, what, err == ENOMEM ? "too few free" : err ? strerror(err) : "not wanted");
}

/*
 * Huge pages of hugetlbfs, in two steps: mapped elsewhere, where it may fail, then moved into place.
 * Mapped in place, a failure would leave a hole in the reservation for others to move into. Taken at
 * once (no MAP_NORESERVE), so that a later touch cannot fail.
 */
static void *map_huge_at(void *place, uint64_t bytes, int size_flag)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | size_flag, -1, 0);
	int err;

	if (at == MAP_FAILED ||
	    mremap(at, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place) != MAP_FAILED)
		return at;
	err = errno;
	munmap(at, bytes);
	/* A kernel before 5.16 has cleared the place before it refused. */
	at = mmap(place, bytes, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	mm_invariant("A1: reservation kept", at == place || errno == EEXIST);
	errno = err;
	return MAP_FAILED;
}

static bool map_hugetlb(struct mm_area *area, uint64_t from, uint64_t to, uint32_t refused,
			int size_flag, const char *what, uint64_t *count)
{
	void *at = MAP_FAILED;
	int err = 0;

	if (!(area->no_huge & refused)) {
		errno = ENOMEM;
		if (!mm_base_fault_hit(area->fault, MMSIM_FAULT_MMAP))
			at = map_huge_at(area->base + from, to - from, size_flag);
		err = errno;
	}
	if (at == MAP_FAILED) {
		explain_errno(area, what, err);
		return false;
	}
	*count += to - from;
	return true;
}

static bool advise_thp(struct mm_area *area, uint64_t from, uint64_t to)
{
	int err = 0;

	if (!(area->no_huge & MMSIM_NO_HUGE_THP)) {
		errno = ENOMEM;
		if (!mm_base_fault_hit(area->fault, MMSIM_FAULT_MMAP) &&
		    !madvise(area->base + from, to - from, MADV_HUGEPAGE))
			return true;
		err = errno;
	}
	explain_errno(area, "THP", err);
	return false;
}

static int map_base(struct mm_area *area, uint64_t from, uint64_t to)
{
	void *at = map(area, area->base + from, to - from, PROT_READ | PROT_WRITE, MAP_FIXED);

	if (at == MAP_FAILED)
		return -ENOMEM;
	if (advise_thp(area, from, to)) {
		area->got.bytes_thp += to - from;
		return 0;
	}
	madvise(at, to - from, MADV_NOHUGEPAGE);
	area->got.bytes_base += to - from;
	return 0;
}

static int map_2m(struct mm_area *area, uint64_t from, uint64_t to)
{
	if (from == to)
		return 0;
	if (map_hugetlb(area, from, to, MMSIM_NO_HUGE_2M, (int)MAP_HUGE_2MB, "2 MiB hugetlb",
			&area->got.bytes_2m))
		return 0;
	return map_base(area, from, to);
}

int mm_page_area_map(struct mm_area *area, uint64_t from, uint64_t to)
{
	uint64_t a = mm_round_up(from, MM_HUGE_1G), b = mm_round_down(to, MM_HUGE_1G);
	int err;

	mm_invariant("A1: mapping inside its area", from <= to && to <= area->bytes);
	if (a >= b) {
		if (area->bytes < MM_HUGE_1G)
			explain(area, "1 GiB hugetlb", "smaller than that");
		return map_2m(area, from, to);
	}
	if (!map_hugetlb(area, a, b, MMSIM_NO_HUGE_1G, (int)MAP_HUGE_1GB, "1 GiB hugetlb",
			 &area->got.bytes_1g))
		return map_2m(area, from, to);
	err = map_2m(area, from, a);
	return err ? err : map_2m(area, b, to);
}

void mm_page_area_bind(struct mm_area *area, uint64_t from, uint64_t to, unsigned node)
{
	unsigned long mask[MMSIM_MAX_NODES / (8 * sizeof(long))] = { 0 };

	mask[node / (8 * sizeof(long))] = 1ul << (node % (8 * sizeof(long)));
	/* A preference: a host without such a node gives memory from where it has it. */
	syscall(SYS_mbind, area->base + from, to - from, MPOL_PREFERRED, mask, MMSIM_MAX_NODES + 1,
		0);
}

void mm_page_area_touch(struct mm_area *area, uint64_t from, uint64_t to)
{
	/* Adding nothing keeps what is there, should somebody touch twice. */
	for (uint64_t at = from; at < to; at += HOST_PAGE)
		__atomic_fetch_add(area->base + at, 0, __ATOMIC_RELAXED);
}
