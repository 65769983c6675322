/* SPDX-License-Identifier: MIT */
/*
 * Names of gfp flags: those of today's kernels, those of older ones, numbers, and what is neither.
 */
#include "gfp_names.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static int make_memo(void **state)
{
	*state = calloc(1, sizeof(struct mm_gfp_memo));
	return *state ? 0 : -1;
}

static int free_memo(void **state)
{
	free(*state);
	return 0;
}

static void knows_names_and_numbers(void **state)
{
	static const struct {
		const char *text;
		mmsim_gfp_t gfp;
		unsigned unknown;
	} words[] = {
		{ "none", 0, 0 },
		{ "0", 0, 0 },
		{ "0x400dc2", 0x400dc2, 0 },
		{ "GFP_KERNEL", MMSIM_GFP_KERNEL, 0 },
		{ "GFP_KERNEL|0x100", MMSIM_GFP_KERNEL | MMSIM___GFP_ZERO, 0 },
		{ "GFP_KERNEL|0xffffffff", 0xffffffff, 0 },
		{ "GFP_NOWAIT|__GFP_IO", MMSIM_GFP_NOWAIT | MMSIM___GFP_IO, 0 },
		{ "GFP_ATOMIC|__GFP_ATOMIC", MMSIM_GFP_ATOMIC, 0 },
		{ "GFP_USER|GFP_DMA32", MMSIM_GFP_USER | MMSIM___GFP_DMA32, 0 },
		{ "GFP_NOFS|GFP_DMA", MMSIM_GFP_NOFS | MMSIM___GFP_DMA, 0 },
		{ "GFP_HIGHUSER|__GFP_ACCOUNT", MMSIM_GFP_HIGHUSER | MMSIM___GFP_ACCOUNT, 0 },
		{ "GFP_HIGHUSER_MOVABLE|__GFP_WRITE|__GFP_COMP",
		  MMSIM_GFP_HIGHUSER_MOVABLE | MMSIM___GFP_WRITE | MMSIM___GFP_COMP, 0 },
		{ "GFP_TRANSHUGE|__GFP_THISNODE", MMSIM_GFP_TRANSHUGE | MMSIM___GFP_THISNODE, 0 },
		{ "GFP_TRANSHUGE_LIGHT", MMSIM_GFP_TRANSHUGE_LIGHT, 0 },
		{ "GFP_KERNEL_ACCOUNT|__GFP_ZERO", MMSIM_GFP_KERNEL_ACCOUNT | MMSIM___GFP_ZERO, 0 },
		{ "GFP_NOIO|__GFP_RETRY_MAYFAIL|__GFP_NOFAIL|__GFP_NORETRY",
		  MMSIM_GFP_NOIO | MMSIM___GFP_RETRY_MAYFAIL | MMSIM___GFP_NOFAIL |
			  MMSIM___GFP_NORETRY,
		  0 },
		{ "__GFP_MEMALLOC|__GFP_NOMEMALLOC|__GFP_HARDWALL|__GFP_ZEROTAGS",
		  MMSIM___GFP_MEMALLOC | MMSIM___GFP_NOMEMALLOC | MMSIM___GFP_HARDWALL |
			  MMSIM___GFP_ZEROTAGS,
		  0 },
		{ "__GFP_DIRECT_RECLAIM|__GFP_KSWAPD_RECLAIM", MMSIM___GFP_RECLAIM, 0 },
		{ "__GFP_RECLAIM|__GFP_FS|__GFP_NOLOCKDEP", MMSIM___GFP_RECLAIM | MMSIM___GFP_FS,
		  0 },
		/* Of older kernels. */
		{ "GFP_TEMPORARY", MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE, 0 },
		{ "GFP_KERNEL|GFP_REPEAT|GFP_COMP",
		  MMSIM_GFP_KERNEL | MMSIM___GFP_RETRY_MAYFAIL | MMSIM___GFP_COMP, 0 },
		{ "GFP_WAIT|GFP_COLD|GFP_NO_KSWAPD", MMSIM___GFP_RECLAIM, 0 },
		/* Of kernels that are still to come. */
		{ "GFP_KERNEL|__GFP_LATER|GFP_HIGHUSER_MOV", MMSIM_GFP_KERNEL, 2 },
	};

	for (unsigned round = 0; round < 2; round++) { /* the second is out of the memo */
		for (size_t i = 0; i < NR(words); i++) {
			struct mm_gfp_word word;

			if (!mm_replay_gfp_parse(*state, words[i].text, strlen(words[i].text),
						 &word) ||
			    word.gfp != words[i].gfp || word.unknown != words[i].unknown)
				fail_msg("%s", words[i].text);
		}
	}
}

static void refuses_what_is_no_list(void **state)
{
	static const char *const bad[] = {
		"",
		"|",
		"GFP_KERNEL|",
		"|GFP_KERNEL",
		"GFP_KERNEL||GFP_DMA",
		"GFP_KERNEL,GFP_DMA",
		"0x",
		"0x100000000",
		"99999999999999999999",
		"12x",
		"GFP KERNEL",
		"(GFP_KERNEL)",
	};
	struct mm_gfp_word word;

	for (size_t i = 0; i < NR(bad); i++)
		if (mm_replay_gfp_parse(*state, bad[i], strlen(bad[i]), &word))
			fail_msg("\"%s\"", bad[i]);
}

/* G1: whatever shares a slot with what, and with texts that do not fit one. */
static void a_memo_changes_nothing(void **state)
{
	char text[400];

	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 4 * MM_GFP_MEMO_SLOTS; i++) {
			int len = snprintf(text, sizeof(text), "GFP_KERNEL|0x%x", i);
			struct mm_gfp_word word;

			assert_true(mm_replay_gfp_parse(*state, text, (size_t)len, &word));
			assert_int_equal(word.gfp, MMSIM_GFP_KERNEL | i);
		}
	}
	for (size_t len = 1; len < sizeof(text); len++) {
		struct mm_gfp_word word;

		memset(text, '0', len);
		text[len - 1] = '8';
		assert_true(mm_replay_gfp_parse(*state, text, len, &word));
		assert_int_equal(word.gfp, 8);
	}
}

static void derives_migratetypes(void **state)
{
	(void)state;
	assert_int_equal(mm_replay_gfp_migratetype(MMSIM_GFP_KERNEL), MMSIM_MIGRATE_UNMOVABLE);
	assert_int_equal(mm_replay_gfp_migratetype(MMSIM_GFP_HIGHUSER_MOVABLE),
			 MMSIM_MIGRATE_MOVABLE);
	assert_int_equal(mm_replay_gfp_migratetype(MMSIM_GFP_NOFS | MMSIM___GFP_RECLAIMABLE),
			 MMSIM_MIGRATE_RECLAIMABLE);
	assert_int_equal(mm_replay_gfp_migratetype(UINT32_MAX), MMSIM_MIGRATE_UNMOVABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(knows_names_and_numbers, make_memo, free_memo),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_list, make_memo, free_memo),
		cmocka_unit_test_setup_teardown(a_memo_changes_nothing, make_memo, free_memo),
		cmocka_unit_test(derives_migratetypes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
