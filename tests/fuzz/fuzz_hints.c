/* SPDX-License-Identifier: MIT */
/*
 * Hints, with a small machine and with none: what is accepted fits the machine, what is refused says
 * why, in one line. Compressed input is input too.
 */
#include "hints.h"
#include <mmsim/gfp.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_hint(const struct mmsim_hint *hint, uint64_t max_pfn, uint32_t nr_cpus)
{
	require(hint->kind <= MMSIM_HINT_UNSEEN_DRAIN && hint->line1 <= hint->line2);
	require(hint->pfn < max_pfn && hint->order <= MMSIM_MAX_PAGE_ORDER);
	require(hint->cpu < nr_cpus || hint->kind == MMSIM_HINT_DIRECT_FREE);
	require(hint->migratetype >= -1 && hint->migratetype < MMSIM_NR_MIGRATETYPES);
}

static void parse(const uint8_t *data, size_t size, const struct mmsim_snapshot *snap)
{
	struct mmsim_replay_error err = { "" };
	struct mmsim_hints *hints = NULL;
	struct mm_reader r;
	int ret = mm_replay_reader_open_mem(&r, data, size, "hints", &err);

	if (!ret) {
		ret = mm_replay_hints_parse(&r, snap, &hints);
		mm_replay_reader_close(&r);
	}
	require(!ret == (hints != NULL));
	require(ret <= 0 && !ret == !err.text[0]);
	for (size_t i = 0; hints && i < hints->nr; i++)
		check_hint(&hints->hints[i], snap ? snap->max_pfn : UINT64_MAX,
			   snap ? snap->nr_cpus : MMSIM_MAX_CPUS);
	for (const char *at = err.text; *at; at++)
		require((unsigned char)*at >= ' ');
	mm_replay_hints_free(hints);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mmsim_snapshot small = { .nr_cpus = 2,
					      .max_pfn = 0x2000,
					      .flags = MMSIM_SNAP_CMA };

	parse(data, size, &small);
	parse(data, size, NULL);
	return 0;
}
