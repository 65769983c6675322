/* SPDX-License-Identifier: MIT */
/*
 * Huge pages that the host has none of were asked for in place, which left a hole in a machine's
 * reserved addresses until base pages filled it. What another thread mapped meanwhile fell into the
 * hole and was overwritten.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "sim_config.h"
#include "time_box.h"

#define RANGES 48
#define RANGE_SECTIONS 4 /* 8 MiB of struct pages, mapped at once: room for a piece */
#define RANGE_APART 6
#define PIECE_BYTES ((size_t)4 << 20)
#define MAX_PIECES 2000
#define LEAST_MACHINES 20

struct mapper {
	bool stop; /* atomic */
	unsigned started; /* atomic */
	unsigned nr;
	char *piece[MAX_PIECES];
};

/* Nothing is touched or accounted, so that as many pieces as possible come while a machine is made. */
static void *map_pieces(void *arg)
{
	struct mapper *mapper = arg;

	while (!__atomic_load_n(&mapper->stop, __ATOMIC_ACQUIRE)) {
		void *at = MAP_FAILED;

		if (mapper->nr < MAX_PIECES)
			at = mmap(NULL, PIECE_BYTES, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (at == MAP_FAILED)
			sched_yield();
		else
			mapper->piece[mapper->nr++] = at;
		__atomic_store_n(&mapper->started, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static struct mmsim_config *new_config(void)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 1, 1, 1);

	cfg->boot = MMSIM_BOOT_COLD;
	cfg->flags |= MMSIM_NO_PREFAULT;
	for (unsigned i = 0; i < RANGES; i++)
		sim_ram(cfg, 0, SIM_NORMAL + i * RANGE_APART * SIM_SECTION,
			RANGE_SECTIONS * SIM_SECTION);
	return cfg;
}

static struct mmsim *create_beside(struct mapper *mapper, const struct mmsim_config *cfg)
{
	struct mmsim *m;
	pthread_t thread;
	int err;

	mapper->stop = false;
	mapper->started = 0;
	mapper->nr = 0;
	assert_int_equal(pthread_create(&thread, NULL, map_pieces, mapper), 0);
	while (!__atomic_load_n(&mapper->started, __ATOMIC_ACQUIRE))
		sched_yield();
	err = mmsim_create(cfg, &m);
	__atomic_store_n(&mapper->stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(err, 0);
	return m;
}

/* Everything from the first struct page to the last is the machine's, gaps included. */
static bool is_in_machine(struct mmsim *m, const char *piece)
{
	uintptr_t from = (uintptr_t)mmsim_pfn_to_page(m, SIM_NORMAL);
	uintptr_t last = (uintptr_t)mmsim_pfn_to_page(m, mmsim_max_pfn(m) - 1);

	return (uintptr_t)piece <= last && (uintptr_t)piece + PIECE_BYTES > from;
}

static unsigned count_in_machine(struct mmsim *m, const struct mapper *mapper)
{
	unsigned inside = 0;

	for (unsigned i = 0; i < mapper->nr; i++)
		inside += is_in_machine(m, mapper->piece[i]);
	return inside;
}

/* Where the host has pages to give, nothing fails and there is nothing to see. */
static bool all_in_huge_pages(struct mmsim *m)
{
	struct mmsim_backing backing;

	mmsim_memmap_backing(m, &backing);
	return !backing.bytes_thp && !backing.bytes_base;
}

static void others_mappings_stay_outside(void **state)
{
	static struct mapper mapper;
	struct mmsim_config *cfg = new_config();
	uint64_t end = time_box_open(1000);
	unsigned machines = 0, pieces = 0, refused = 0;

	(void)state;
	while (machines < LEAST_MACHINES || !time_box_over(end)) {
		struct mmsim *m = create_beside(&mapper, cfg);
		unsigned inside = count_in_machine(m, &mapper);

		if (inside)
			fail_msg("machine %u: %u of %u pieces that others mapped lie in it",
				 machines, inside, mapper.nr);
		refused += !all_in_huge_pages(m);
		mmsim_destroy(m);
		for (unsigned i = 0; i < mapper.nr; i++)
			assert_int_equal(munmap(mapper.piece[i], PIECE_BYTES), 0);
		machines++;
		pieces += mapper.nr;
	}
	free(cfg);
	print_message("  %u machines, %u of them refused huge pages, beside %u pieces\n", machines,
		      refused, pieces);
	if (!refused)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_mappings_stay_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
