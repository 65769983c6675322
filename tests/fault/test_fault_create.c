/* SPDX-License-Identifier: MIT */
/*
 * Every failure on the way to a booted machine and while it is used: either there is no machine and
 * nothing is left of it, or it works.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault_sweep.h"
#include <mmsim/mmsim.h>

#define BLOCKS 24

struct use {
	struct mmsim *m;
	unsigned runs; /* atomic */
	unsigned units; /* atomic */
	unsigned wrong; /* atomic */
};

/* Mixed orders, then a bulk, all freed. */
static void use_pages(unsigned i, void *arg)
{
	struct use *use = arg;
	struct mmsim_page *page[BLOCKS];
	size_t got = 0, more;

	__atomic_add_fetch(&use->runs, 1, __ATOMIC_RELAXED);
	for (; got < 8; got++) {
		page[got] = mmsim_alloc_pages(use->m, MMSIM_GFP_KERNEL, (i + (unsigned)got) % 3);
		if (!page[got])
			__atomic_add_fetch(&use->wrong, 1, __ATOMIC_RELAXED);
	}
	more = mmsim_alloc_pages_bulk(use->m, MMSIM_GFP_KERNEL, BLOCKS - got, page + got);
	if (!more)
		__atomic_add_fetch(&use->wrong, 1, __ATOMIC_RELAXED);
	for (size_t k = 0; k < got + more; k++) {
		unsigned order = k < got ? (i + (unsigned)k) % 3 : 0;

		if (mmsim_free_pages(use->m, page[k], order))
			__atomic_add_fetch(&use->wrong, 1, __ATOMIC_RELAXED);
	}
}

static void count_units(unsigned long start, unsigned long end, void *arg)
{
	struct use *use = arg;

	__atomic_add_fetch(&use->units, (unsigned)(end - start), __ATOMIC_RELAXED);
}

static void use_machine(struct sweep *s, struct mmsim *m)
{
	struct use use = { .m = m };
	struct mmsim_padata_mt_job job = {
		.thread_fn = count_units,
		.fn_arg = &use,
		.size = 1000,
		.min_chunk = 10,
	};
	int err = mmsim_run(m, 4, use_pages, &use);

	assert_true(err == 0 || err == -ENOMEM || err == -EAGAIN);
	assert_int_equal(use.runs, err ? 0 : 4);
	if (s->kind == MMSIM_FAULT_TRYLOCK)
		assert_int_equal(err, 0);
	assert_int_equal(mmsim_padata_do_multithreaded(m, &job), 0);
	assert_int_equal(use.units, 1000);
	use_pages(0, &use);
	assert_int_equal(use.wrong, 0);
	sweep_assert_books(m);
}

static void sweep_kind(enum mmsim_fault_kind kind)
{
	struct sweep s = {
		.name = "create and use",
		.flags = MMSIM_BACK_PAGES,
		.boot = MMSIM_BOOT_FULL,
		.kind = kind,
		.scenario = use_machine,
	};

	sweep(&s);
}

static void metadata(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_METADATA);
}

static void mapping(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_MMAP);
}

static void spawning(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_SPAWN);
}

static void trylock(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_TRYLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata),
		cmocka_unit_test(mapping),
		cmocka_unit_test(spawning),
		cmocka_unit_test(trylock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
