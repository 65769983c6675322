/* SPDX-License-Identifier: MIT */
/* The memory of one simulated process: made and touched by the calling task, taken down by it. */
#ifndef BENCH_UNMAP_SPACE_H
#define BENCH_UNMAP_SPACE_H

#include <mmsim/mmsim.h>

struct unmap_space {
	struct mmsim *m; /* these four: set before */
	unsigned what; /* UNMAP_* of unmap.h */
	uint64_t bytes; /* a multiple of 4 MiB */
	uint64_t seed; /* of the order of UNMAP_SHUFFLED */
	struct mmsim_mm *mm; /* NULL: not made, or not any more */
	struct mmsim_file *file; /* of UNMAP_FILE_MIX */
	uint64_t addr;
	uint64_t touch_ns;
};

/* Returns 0 or a negative errno, -ENODATA if a page did not come; in either case to be destroyed. */
int unmap_space_make(struct unmap_space *s);

/* What is measured. Returns 0 or what mmsim_munmap() returned. */
int unmap_space_take_down(struct unmap_space *s);

/* Mapped by now. */
uint64_t unmap_space_pages(const struct unmap_space *s);

void unmap_space_destroy(struct unmap_space *s);

#endif
