/* SPDX-License-Identifier: MIT */
/* lib/vfio/iommu.h against an array: random stretches mapped, unmapped, looked up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "iommu.h"

#include "rng.h"
#include <string.h>

enum { PAGES = 300, STEPS = 20000 };

struct naive {
	unsigned run[PAGES]; /* its number; 0: not mapped */
	unsigned newest;
};

static bool is_all(const struct naive *n, uint64_t first, uint64_t end, bool mapped)
{
	for (; first < end; first++)
		if (!!n->run[first] != mapped)
			return false;
	return true;
}

/* What is left behind a cut is a run of its own. */
static void naive_unmap(struct naive *n, uint64_t first, uint64_t end)
{
	unsigned cut = end < PAGES && n->run[end] == n->run[end - 1] ? n->run[end] : 0;

	for (uint64_t i = first; i < end; i++)
		n->run[i] = 0;
	n->newest++;
	for (uint64_t i = end; cut && i < PAGES && n->run[i] == cut; i++)
		n->run[i] = n->newest;
}

static void check_page(const struct mm_vfio_iommu *t, const struct naive *n, uint64_t page)
{
	uint64_t first, end;

	assert_int_equal(mm_vfio_iommu_next(t, page, page + 1, true) == page, !!n->run[page]);
	if (!n->run[page])
		return;
	mm_vfio_iommu_run(t, page, &first, &end);
	assert_true(first <= page && page < end);
	for (uint64_t i = first; i < end; i++)
		assert_int_equal(n->run[i], n->run[page]);
	assert_true(!first || n->run[first - 1] != n->run[page]);
	assert_true(end == PAGES || n->run[end] != n->run[page]);
}

static void check_count(const struct mm_vfio_iommu *t, const struct naive *n)
{
	uint64_t pages = 0, runs = 0, got_pages, got_runs;

	for (uint64_t i = 0; i < PAGES; i++) {
		pages += !!n->run[i];
		runs += n->run[i] && (!i || n->run[i - 1] != n->run[i]);
	}
	mm_vfio_iommu_count(t, &got_pages, &got_runs);
	assert_int_equal(got_pages, pages);
	assert_int_equal(got_runs, runs);
}

static void check_next(const struct mm_vfio_iommu *t, const struct naive *n, uint64_t first,
		       uint64_t end)
{
	uint64_t mapped = first, loose = first;

	while (mapped < end && !n->run[mapped])
		mapped++;
	while (loose < end && n->run[loose])
		loose++;
	assert_int_equal(mm_vfio_iommu_next(t, first, end, true), mapped);
	assert_int_equal(mm_vfio_iommu_next(t, first, end, false), loose);
}

static void as_an_array(void **state)
{
	static const struct mmsim_fault none[MMSIM_NR_FAULT_KINDS];
	struct naive n = { .newest = 0 };
	struct mm_vfio_iommu t = { 0 };
	struct mm_fault fault;
	struct mm_meta meta;
	struct mm_rng rng;

	(void)state;
	mm_base_fault_init(&fault, none);
	assert_int_equal(mm_base_meta_init(&meta, &fault), 0);
	assert_int_equal(mm_vfio_iommu_init(&t, &meta, PAGES), 0);
	rng = mm_rng_split(1, 1);
	for (int step = 0; step < STEPS; step++) {
		uint64_t first = mm_rng_below(&rng, PAGES);
		uint64_t end = first + 1 + mm_rng_below(&rng, (uint32_t)(PAGES - first));

		if (is_all(&n, first, end, false)) {
			mm_vfio_iommu_map(&t, first, end);
			n.newest++;
			for (uint64_t i = first; i < end; i++)
				n.run[i] = n.newest;
		} else if (is_all(&n, first, end, true)) {
			mm_vfio_iommu_unmap(&t, first, end);
			naive_unmap(&n, first, end);
		}
		check_next(&t, &n, first, end);
		check_page(&t, &n, first);
		check_count(&t, &n);
	}
	mm_vfio_iommu_fini(&t, &meta);
	mm_base_meta_fini(&meta);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
