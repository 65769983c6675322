/* SPDX-License-Identifier: MIT */
/*
 * Ordinary stores write a struct page with refcount 1 before boot frees it. A stray free in between
 * took it for an allocated block of order 0 and gave it to the allocator, which soon had it twice.
 * The same with streaming stores, where there never was such a moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"
#include "time_box.h"

#define CPUS 3 /* the last one frees, the others have the booting */
#define SECTIONS 24
#define PAGES (SECTIONS * SIM_SECTION)
#define LEAST_BOOTS 4

/* By the language a stray free races with the stores, and ThreadSanitizer says so: rightly. */
#if defined(__SANITIZE_THREAD__)
#define RACES_ARE_REPORTED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RACES_ARE_REPORTED 1
#endif
#endif
#ifndef RACES_ARE_REPORTED
#define RACES_ARE_REPORTED 0
#endif

struct race {
	struct mmsim *m;
	unsigned ready; /* atomic */
	unsigned booted; /* atomic */
	int err;
	unsigned tries;
	unsigned taken;
};

/* A stride that shares no factor with the number of pages: all of them in turn, far apart. */
static void free_strangers(struct race *race)
{
	uint64_t at = 0;

	while (!__atomic_load_n(&race->booted, __ATOMIC_ACQUIRE)) {
		struct mmsim_page *page = mmsim_pfn_to_page(race->m, SIM_NORMAL + at);

		race->taken += !mmsim_free_pages(race->m, page, 0);
		race->tries++;
		at = (at + 100003) % PAGES;
	}
}

static void racer(unsigned i, void *arg)
{
	struct race *race = arg;

	__atomic_add_fetch(&race->ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&race->ready, __ATOMIC_ACQUIRE) < CPUS)
		;
	if (i == 0) {
		race->err = mmsim_boot(race->m);
		__atomic_store_n(&race->booted, 1, __ATOMIC_RELEASE);
	} else if (i == CPUS - 1) {
		free_strangers(race);
	}
}

static struct mmsim *create(enum mmsim_stores stores)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 1, 1, CPUS);
	struct mmsim *m;

	cfg->boot = MMSIM_BOOT_COLD;
	cfg->stores = stores;
	sim_ram(cfg, 0, SIM_NORMAL, PAGES);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void race_with(enum mmsim_stores stores)
{
	uint64_t end = time_box_open(1000);
	unsigned boots = 0, tries = 0;
	struct mmsim *m;

	if (RACES_ARE_REPORTED)
		skip();
	m = create(stores);
	while (boots < LEAST_BOOTS || !time_box_over(end)) {
		struct race race = { .m = m };

		mmsim_reset(m);
		assert_int_equal(mmsim_run(m, CPUS, racer, &race), 0);
		assert_int_equal(race.err, 0);
		if (race.taken)
			fail_msg("boot %u: %u of %u stray frees were not refused", boots,
				 race.taken, race.tries);
		assert_int_equal(mmsim_validate(m), PAGES);
		boots++;
		tries += race.tries;
	}
	print_message("  %u boots, %u stray frees refused\n", boots, tries);
	assert_true(tries > 0);
	mmsim_destroy(m);
}

static void ordinary_stores(void **state)
{
	(void)state;
	race_with(MMSIM_STORES_ORDINARY);
}

static void streaming_stores(void **state)
{
	(void)state;
	race_with(MMSIM_STORES_STREAMING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_stores),
		cmocka_unit_test(streaming_stores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
