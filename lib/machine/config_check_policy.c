/* SPDX-License-Identifier: MIT */
/* The settings of the page allocator and of jobs in a config. */
#include "config_internal.h"

#include <errno.h>

#define REFUSE(note, ...) mm_machine_refuse(note, -EINVAL, __VA_ARGS__)

enum {
	MAX_SCALE_FACTOR = 3000,
	MAX_BOOST_FACTOR = 100000,
	LEAST_HIGH_FRACTION = 8,
	MAX_BATCH_SCALE = 7,
	ALL_FLAGS = MMSIM_POLICY_SHUFFLE | MMSIM_POLICY_POISON | MMSIM_POLICY_DEFRAG_MODE |
		    MMSIM_POLICY_FREE_HIGH_BATCH | MMSIM_POLICY_NO_BOOST,
	ALL_JOB_FLAGS =
		MMSIM_JOB_OFF | MMSIM_JOB_NO_QUOTA | MMSIM_JOB_NORMAL_PRIORITY | MMSIM_JOB_NO_LEND,
};

static int check_most(struct mm_machine_note note, const char *field, uint32_t val, uint32_t most)
{
	if (val <= most)
		return 0;
	return REFUSE(note, "policy.%s: %u is above %u", field, val, most);
}

static int check_choices(const struct mmsim_alloc_policy *p, struct mm_machine_note note)
{
	int err = check_most(note, "allocator", p->allocator, MMSIM_NR_ALLOCATORS - 1);

	if (!err)
		err = check_most(note, "fallback", p->fallback, MMSIM_NR_FALLBACKS - 1);
	if (!err)
		err = check_most(note, "pcp_free", p->pcp_free, MMSIM_NR_PCP_FREES - 1);
	if (!err)
		err = check_most(note, "pcp_high", p->pcp_high, MMSIM_NR_PCP_HIGHS - 1);
	return err;
}

static int check_numbers(const struct mmsim_alloc_policy *p, struct mm_machine_note note)
{
	uint32_t fraction = p->percpu_pagelist_high_fraction;
	int err = check_most(note, "watermark_scale_factor", p->watermark_scale_factor,
			     MAX_SCALE_FACTOR);

	if (!err)
		err = check_most(note, "watermark_boost_factor", p->watermark_boost_factor,
				 MAX_BOOST_FACTOR);
	if (!err)
		err = check_most(note, "pcp_batch_scale_max", p->pcp_batch_scale_max,
				 MAX_BATCH_SCALE);
	if (!err && fraction && fraction < LEAST_HIGH_FRACTION)
		err = REFUSE(note, "policy.percpu_pagelist_high_fraction: %u is below %d", fraction,
			     LEAST_HIGH_FRACTION);
	return err;
}

int mm_machine_check_policy(const struct mmsim_config *cfg, struct mm_machine_note note)
{
	const struct mmsim_alloc_policy *p = &cfg->policy;
	int err = check_choices(p, note);

	if (!err)
		err = check_numbers(p, note);
	if (err)
		return err;
	if (p->flags & ~(uint32_t)ALL_FLAGS)
		return REFUSE(note, "policy.flags: %#x has unknown bits", p->flags);
	if (p->flags & MMSIM_POLICY_POISON && !(cfg->flags & MMSIM_BACK_PAGES))
		return REFUSE(note, "policy.flags: MMSIM_POLICY_POISON needs MMSIM_BACK_PAGES");
	if (cfg->job.flags & ~(uint32_t)ALL_JOB_FLAGS)
		return REFUSE(note, "job.flags: %#x has unknown bits", cfg->job.flags);
	return 0;
}
