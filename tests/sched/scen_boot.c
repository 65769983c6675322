/* SPDX-License-Identifier: MIT */
/*
 * Booting: deferred init, growth on demand and frees that nobody may make, all at once.
 *
 * Every page of RAM reaches the allocator once, whoever brings it.
 */
#include "scenario.h"

#include "machine.h"

enum { CPUS = 3, BLOCKS = 12, STRAYS = 6 };

/* Not reserved: 16 MiB early, 16 MiB deferred. */
#define PAGES (UINT64_C(32) << (20 - MMSIM_PAGE_SHIFT))

struct booting {
	struct mmsim *m;
	uint32_t boots; /* atomic: successful */
	uint32_t taken; /* atomic: stray frees that were accepted */
};

static void every_page_once(struct mmsim *m)
{
	struct mmsim_boot_report report;
	uint64_t managed = 0;

	for (int type = 0; type < MMSIM_NR_ZONES; type++) {
		struct mmsim_zone_info info;

		if (!mmsim_zone_info(m, 0, (enum mmsim_zone_type)type, &info))
			managed += info.managed;
	}
	expect(managed == PAGES, "D3: every page is initialised once");
	mmsim_boot_report(m, &report);
	expect(report.early_pages + report.deferred_pages == PAGES,
	       "D3: the report counts every page once");
}

/* Take blocks until there are none, which makes the zone grow, and give them back. */
static void use_all(struct mmsim *m)
{
	struct mmsim_page *mine[BLOCKS];
	unsigned nr = 0;

	while (nr < BLOCKS) {
		mine[nr] = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, MMSIM_MAX_PAGE_ORDER);
		if (!mine[nr])
			break;
		expect(!mine[nr]->priv, "a fresh block");
		mine[nr++]->priv = 1;
	}
	while (nr--) {
		mine[nr]->priv = 0;
		expect(!mmsim_free_pages(m, mine[nr], MMSIM_MAX_PAGE_ORDER), "its own block");
	}
}

static void grow_task(unsigned i, void *arg)
{
	struct booting *b = arg;

	if (i)
		use_all(b->m);
	else if (!mmsim_boot(b->m))
		__atomic_add_fetch(&b->boots, 1, __ATOMIC_RELAXED);
}

static void run_booting(struct mmsim *m, void (*fn)(unsigned i, void *arg))
{
	struct booting b = { .m = m };

	expect(!mmsim_run(m, mmsim_nr_cpus(m), fn, &b), "tasks start");
	expect(b.boots <= 1, "booted once");
	expect(!b.taken, "a stray free is refused");
	if (!b.boots)
		expect(!mmsim_boot(m), "boot afterwards");
	every_page_once(m);
}

static void grow_deferred(struct mmsim *m)
{
	expect(!mmsim_boot_early(m), "early boot");
	run_booting(m, grow_task);
}

static void grow_only_task(unsigned i, void *arg)
{
	struct booting *b = arg;

	(void)i;
	use_all(b->m);
}

static void grow_grow(struct mmsim *m)
{
	expect(!mmsim_boot_early(m), "early boot");
	run_booting(m, grow_only_task);
}

/* Pages all over the deferred part: first, last and some within the blocks. */
static void stray_task(unsigned i, void *arg)
{
	struct booting *b = arg;

	if (!i) {
		if (!mmsim_boot(b->m))
			__atomic_add_fetch(&b->boots, 1, __ATOMIC_RELAXED);
		return;
	}
	for (unsigned k = 0; k < STRAYS; k++) {
		uint64_t pfn = SCENARIO_DEFERRED_PFN + (k % 3) * 341 + (k / 3) * 1024;

		if (!mmsim_free_pfn(b->m, pfn, 0))
			__atomic_add_fetch(&b->taken, 1, __ATOMIC_RELAXED);
		mm_exec_resched(b->m->exec);
	}
}

static void stray_boot(struct mmsim *m)
{
	expect(!mmsim_boot_early(m), "early boot");
	run_booting(m, stray_task);
}

static void two_boots_task(unsigned i, void *arg)
{
	struct booting *b = arg;

	(void)i;
	if (!mmsim_boot(b->m))
		__atomic_add_fetch(&b->boots, 1, __ATOMIC_RELAXED);
}

static void two_boots(struct mmsim *m)
{
	run_booting(m, two_boots_task);
}

#define SCENARIO(n, text, function)                                         \
	.name = n, .what = text, .cpus = CPUS, .memory = SCENARIO_DEFERRED, \
	.boot = MMSIM_BOOT_COLD, .run = function

const struct scenario scenarios_boot[] = {
	{ SCENARIO("grow-deferred", "deferred init, and allocations that grow the zone",
		   grow_deferred) },
	{ SCENARIO("grow-grow", "two allocations that grow the zone at once", grow_grow) },
	/* The free reads a struct page that boot is writing. */
	{ SCENARIO("stray-boot", "frees of pages that nobody has, during boot", stray_boot),
	  .races = true },
	{ SCENARIO("two-boots", "boot called on all CPUs", two_boots) },
	{ 0 },
};
