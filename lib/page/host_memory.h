/* SPDX-License-Identifier: MIT */
/*
 * How much memory the host can still give, so that a machine that does not fit is refused before
 * touching it gets the process, or a neighbour, killed.
 */
#ifndef MM_PAGE_HOST_MEMORY_H
#define MM_PAGE_HOST_MEMORY_H

#include "log.h"
#include <stdint.h>

/*
 * Bytes, without what lies in hugetlb pools: MemAvailable, or what the memory cgroup has left if that is
 * less. UINT64_MAX if the host does not say. Cost: reads three files.
 */
uint64_t mm_page_host_available(void);

/* 0, or -ENOMEM and a line that begins with `what`: it needs more than that. */
int mm_page_host_check(struct mm_log *log, const char *what, uint64_t bytes);

#endif
