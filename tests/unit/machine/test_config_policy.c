/* SPDX-License-Identifier: MIT */
/* Every refusal of the page allocator's settings, and the largest that are taken. */
#include <errno.h>
#include <mmsim/config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static struct mmsim_config cfg;

static void the_bounds_are_taken(void **state)
{
	char msg[128];

	(void)state;
	mmsim_config_defaults(&cfg);
	cfg.flags = MMSIM_BACK_PAGES;
	cfg.policy = (struct mmsim_alloc_policy){
		.allocator = MMSIM_NR_ALLOCATORS - 1,
		.fallback = MMSIM_NR_FALLBACKS - 1,
		.pcp_free = MMSIM_NR_PCP_FREES - 1,
		.pcp_high = MMSIM_NR_PCP_HIGHS - 1,
		.flags = MMSIM_POLICY_SHUFFLE | MMSIM_POLICY_POISON | MMSIM_POLICY_DEFRAG_MODE |
			 MMSIM_POLICY_FREE_HIGH_BATCH | MMSIM_POLICY_NO_BOOST,
		.min_free_kbytes = UINT32_MAX,
		.watermark_scale_factor = 3000,
		.watermark_boost_factor = 100000,
		.percpu_pagelist_high_fraction = 8,
		.pcp_batch_scale_max = 7,
		.lowmem_reserve_ratio = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
	};
	if (mmsim_config_check(&cfg, msg, sizeof(msg)))
		fail_msg("refused: %s", msg);
}

static void what_is_beyond_is_refused_by_name(void **state)
{
	static const struct {
		struct mmsim_alloc_policy policy;
		const char *says;
	} bad[] = {
		{ { .allocator = MMSIM_NR_ALLOCATORS }, "policy.allocator: 2 is above 1" },
		{ { .fallback = MMSIM_NR_FALLBACKS }, "policy.fallback: 3 is above 2" },
		{ { .pcp_free = MMSIM_NR_PCP_FREES }, "policy.pcp_free: 2 is above 1" },
		{ { .pcp_high = MMSIM_NR_PCP_HIGHS }, "policy.pcp_high: 2 is above 1" },
		{ { .watermark_scale_factor = 3001 },
		  "policy.watermark_scale_factor: 3001 is above 3000" },
		{ { .watermark_boost_factor = 100001 },
		  "policy.watermark_boost_factor: 100001 is above 100000" },
		{ { .pcp_batch_scale_max = 8 }, "policy.pcp_batch_scale_max: 8 is above 7" },
		{ { .percpu_pagelist_high_fraction = 7 },
		  "policy.percpu_pagelist_high_fraction: 7 is below 8" },
		{ { .flags = 1u << 31 }, "policy.flags: 0x80000000 has unknown bits" },
		{ { .flags = MMSIM_POLICY_POISON },
		  "policy.flags: MMSIM_POLICY_POISON needs MMSIM_BACK_PAGES" },
	};

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		char msg[128];

		mmsim_config_defaults(&cfg);
		cfg.policy = bad[i].policy;
		assert_int_equal(mmsim_config_check(&cfg, msg, sizeof(msg)), -EINVAL);
		assert_string_equal(msg, bad[i].says);
	}
}

static void unknown_job_flags_are_refused(void **state)
{
	char msg[128];

	(void)state;
	mmsim_config_defaults(&cfg);
	cfg.job.flags = 1u << 30 | MMSIM_JOB_OFF;
	assert_int_equal(mmsim_config_check(&cfg, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, "job.flags: 0x40000001 has unknown bits");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bounds_are_taken),
		cmocka_unit_test(what_is_beyond_is_refused_by_name),
		cmocka_unit_test(unknown_job_flags_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
