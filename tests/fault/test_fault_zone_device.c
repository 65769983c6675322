/* SPDX-License-Identifier: MIT */
/* Failures while struct pages for a device are made, and while bandwidth is measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault_sweep.h"
#include <mmsim/mmsim.h>

#define SECTIONS 2

static unsigned given, refused;

/* Either all of it is there or nothing. */
static void add_device(struct sweep *s, struct mmsim *m)
{
	struct mmsim_dev_pagemap *pgmap;
	int err = mmsim_memremap_pages(m, 1, SECTIONS * SIM_SECTION, 3, 0, &pgmap);
	struct mmsim_dev_pagemap_info info;

	if (err) {
		refused++;
		assert_int_equal(err, -ENOMEM);
		assert_int_not_equal(s->kind, MMSIM_FAULT_SPAWN);
		assert_null(pgmap);
		return;
	}
	given++;
	mmsim_dev_pagemap_info(pgmap, &info);
	for (uint64_t i = 0; i < info.nr_pages; i += 1000)
		assert_ptr_equal(
			mmsim_page_pgmap(mmsim_dev_pagemap_page(pgmap, info.start_pfn + i)), pgmap);
	mmsim_memunmap_pages(m, pgmap);
}

static void measure(struct sweep *s, struct mmsim *m)
{
	struct mmsim_job_rates rates;
	int err = mmsim_job_measure(m, 0, 1 << 20, &rates);

	if (!err)
		given++;
	else if (err == -ENOMEM && s->mode == MMSIM_NATIVE)
		refused++;
	else
		assert_int_equal(err, -ENOSYS);
}

/* Did it happen that the scenario failed, and that it went on in spite of a failure? */
static void sweep_kind(void (*scenario)(struct sweep *, struct mmsim *), enum mmsim_fault_kind kind,
		       bool refuses)
{
	struct sweep s = {
		.name = scenario == measure ? "measuring" : "device",
		.boot = MMSIM_BOOT_COLD,
		.flags = MMSIM_NO_PREFAULT,
		.kind = kind,
		.scenario = scenario,
	};

	given = refused = 0;
	sweep(&s);
	assert_true(given);
	assert_int_equal(refused > 0, refuses);
}

static void metadata(void **state)
{
	(void)state;
	sweep_kind(add_device, MMSIM_FAULT_METADATA, true);
}

static void mapping(void **state)
{
	(void)state;
	sweep_kind(add_device, MMSIM_FAULT_MMAP, true);
	sweep_kind(measure, MMSIM_FAULT_MMAP, true);
}

static void spawning(void **state)
{
	(void)state;
	sweep_kind(add_device, MMSIM_FAULT_SPAWN, false);
	sweep_kind(measure, MMSIM_FAULT_SPAWN, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata),
		cmocka_unit_test(mapping),
		cmocka_unit_test(spawning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
