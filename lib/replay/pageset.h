/* SPDX-License-Identifier: MIT */
/*
 * A set of page frames: a bitmap in pieces of one section, made when the first page of one comes.
 *
 * So its memory is bounded by the sections that a file really names, not by the highest pfn alone
 * (8 bytes per section, 4 KiB per section used). Counterpart: none; mem_section[] is as sparse.
 *
 * Locking: none.
 */
#ifndef MM_REPLAY_PAGESET_H
#define MM_REPLAY_PAGESET_H

#include "compiler.h"
#include <errno.h>
#include <mmsim/gfp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define MM_REPLAY_SECTION_WORDS (MMSIM_PAGES_PER_SECTION / 64)

struct mm_pageset {
	uint64_t **section;
	size_t nr_sections;
};

/* For pfns below max_pfn: 0 or -ENOMEM. */
static inline int mm_replay_pageset_init(struct mm_pageset *set, uint64_t max_pfn)
{
	set->nr_sections = max_pfn / MMSIM_PAGES_PER_SECTION + 1;
	set->section = calloc(set->nr_sections, sizeof(*set->section));
	return set->section ? 0 : -ENOMEM;
}

static inline void mm_replay_pageset_fini(struct mm_pageset *set)
{
	for (size_t i = 0; set->section && i < set->nr_sections; i++)
		free(set->section[i]);
	free(set->section);
	*set = (struct mm_pageset){ 0 };
}

static inline uint64_t *mm_replay_pageset_section(struct mm_pageset *set, uint64_t pfn)
{
	uint64_t **section = &set->section[pfn / MMSIM_PAGES_PER_SECTION];

	if (mm_unlikely(!*section))
		*section = calloc(MM_REPLAY_SECTION_WORDS, sizeof(**section));
	return *section;
}

/*
 * Adds an aligned block, of a section at most: 0, -EEXIST when one of its pages is in the set, or
 * -ENOMEM.
 */
static inline int mm_replay_pageset_add(struct mm_pageset *set, uint64_t pfn, unsigned int order)
{
	uint64_t *word = mm_replay_pageset_section(set, pfn);
	uint64_t nr = order < 6 ? 1 : UINT64_C(1) << (order - 6);
	uint64_t mask = order < 6 ? (UINT64_C(1) << (1u << order)) - 1 : UINT64_MAX;

	if (!word)
		return -ENOMEM;
	word += pfn % MMSIM_PAGES_PER_SECTION / 64;
	mask <<= pfn % 64;
	for (uint64_t i = 0; i < nr; i++) {
		if (word[i] & mask)
			return -EEXIST;
		word[i] |= mask;
	}
	return 0;
}

#endif
