/* SPDX-License-Identifier: MIT */
/*
 * Ageing a machine: filling it, turning it over, and giving back so that the figures become those
 * that were asked for.
 *
 * Counterpart: none. Free memory is either in whole pageblocks or in fragments; what moves the unusable
 * index at a constant fill is to trade one for the other:
 *
 *                          more fragments              fewer fragments
 *   less in use            free scattered pages        free all of one pageblock
 *   more in use            allocate order 9            allocate order 0 where the fragments are
 *
 * The pageblocks with unmovable pages become more when single pages are reclaimed from full memory and
 * kernel allocations take their place, one by one, and fewer when all such pages of one are freed.
 *
 *  H1: pages in use = others + what is held, since nobody else uses the machine.
 *
 * Locking: one user at a time; runs on the CPU of its caller.
 */
#ifndef MM_REPLAY_AGEING_H
#define MM_REPLAY_AGEING_H

#include "aged.h"

struct mm_ageing {
	struct mm_buddy *buddy;
	struct mmsim_ageing want; /* defaults filled in */
	struct mmsim_aged *held;
	struct mm_rng rng;
	uint64_t node_room[MMSIM_MAX_NODES]; /* pages that ordinary requests may have */
	uint64_t room; /* of all nodes */
	uint64_t pages; /* managed, of the zones that count */
	uint64_t pageblocks; /* of the same */
	uint64_t others; /* H1 */
	uint64_t goal; /* pages in use at the end */
	unsigned nr_nodes; /* with room */
};

/* NULL, or the name of the field that is wrong. */
const char *mm_replay_ageing_check(const struct mmsim_ageing *params);

/*
 * The machine is booted, the parameters are checked. 0, also when the targets were not reached, or
 * -ENOMEM.
 */
int mm_replay_age(struct mm_buddy *b, const struct mmsim_ageing *params, struct mmsim_aged **out,
		  struct mmsim_ageing_report *report);

/* The figures of now, after draining all per-CPU lists; met: no. */
void mm_replay_ageing_report(struct mmsim_aged *aged, struct mmsim_ageing_report *report);

/* Does a zone count, and how many pages may ordinary requests have of it? 0: it does not. */
uint64_t mm_replay_age_room(const struct mm_zone *zone);

/* This CPU's lists back to the zones. */
void mm_replay_age_drain(const struct mm_buddy *b);

/* The free lists of the zones that count, together, after that. */
void mm_replay_age_lists(const struct mm_buddy *b,
			 uint64_t nr_free[MMSIM_NR_PAGE_ORDERS][MMSIM_MAX_MIGRATETYPES]);

/* The two targets: steer.c. */

/* Memory is full. Afterwards the pageblocks with unmovable pages are as many as asked for, if that can be. */
void mm_replay_age_mix(struct mm_ageing *a);

/* The memory in use becomes the goal, and the unusable index what is asked for: something is. */
void mm_replay_age_settle(struct mm_ageing *a);

/* Births and deaths: lifetime.c. */

/* Pages of a kind that there should be when the memory in use is the goal. */
uint64_t mm_replay_age_share(const struct mm_ageing *a, enum mmsim_age_kind kind);

/* One block; a movable one goes to the end of a list. NULL: none to be had. */
struct mmsim_page *mm_replay_age_take(struct mm_ageing *a, enum mmsim_age_kind kind,
				      unsigned order);

/* A burst of at most so many pages. False: memory is full. */
bool mm_replay_age_birth(struct mm_ageing *a, enum mmsim_age_kind kind, uint64_t most);

/* Whatever goes at once: the oldest pages, a process, a few objects. */
void mm_replay_age_death(struct mm_ageing *a, enum mmsim_age_kind kind);

/* The block in a slot, whatever its age. */
void mm_replay_age_drop(struct mm_ageing *a, enum mmsim_age_kind kind, size_t slot);

static inline uint64_t mm_ageing_used(const struct mm_ageing *a)
{
	return a->others + mm_aged_pages(a->held);
}

/* It has gone on for long enough, or cannot go on. */
static inline bool mm_ageing_over(const struct mm_ageing *a)
{
	const struct mmsim_aged *held = a->held;

	return held->no_memory ||
	       held->allocations + held->frees + held->failures >= a->want.max_steps;
}

#endif
