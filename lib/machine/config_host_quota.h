/* SPDX-License-Identifier: MIT */
/*
 * The texts behind mmsim_cpu_quota_from_host(): its parsers take text rather than files, for the
 * fuzzer. Each returns 0, or -EINVAL and, if it takes a note, a message that begins with the file's name.
 */
#ifndef MM_MACHINE_CONFIG_HOST_QUOTA_H
#define MM_MACHINE_CONFIG_HOST_QUOTA_H

#include "config_internal.h"

#include <limits.h>
#include <mmsim/quota.h>

/** Where a process is in the hierarchy that has the controller cpu. */
struct mm_machine_cpu_group {
	bool known; /* else there is no such hierarchy */
	bool v1;
	/* From the hierarchy's root; each name fits NAME_MAX and none is "." or "..". */
	char path[PATH_MAX];
};

/** More than a kernel can have. */
#define MM_MACHINE_MAX_CPU_ID 65536

/** CPUs by the kernel's numbers. */
struct mm_machine_cpu_set {
	uint64_t word[MM_MACHINE_MAX_CPU_ID / 64];
};

int mm_machine_parse_cpu_group(struct mm_machine_text text, struct mm_machine_cpu_group *group,
			       struct mm_machine_note note);
/* The text of cpu.max; leaves nr_allowed. */
int mm_machine_parse_cpu_max(struct mm_machine_text text, struct mmsim_cpu_quota *q,
			     struct mm_machine_note note);
/* The text of cpu.cfs_quota_us or cpu.cfs_period_us, of whose name it knows nothing: no message; -1 is 0. */
int mm_machine_parse_cfs_us(struct mm_machine_text text, uint64_t *ns);
/* "0-3,8", as the kernel writes it: ascending. No message. */
int mm_machine_parse_cpu_list(struct mm_machine_text text, struct mm_machine_cpu_set *set);
/* The text of proc/self/status. Returns 1, or 0 and an untouched set if it does not say. */
int mm_machine_parse_cpus_allowed(struct mm_machine_text text, struct mm_machine_cpu_set *set,
				  struct mm_machine_note note);
/* How many are in both sets. */
uint32_t mm_machine_count_cpus(const struct mm_machine_cpu_set *a,
			       const struct mm_machine_cpu_set *b);

#endif
