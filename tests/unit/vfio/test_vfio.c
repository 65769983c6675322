/* SPDX-License-Identifier: MIT */
/* lib/vfio: pinning and unpinning stretches in every way and mode; what fails leaves nothing behind. */
#include "vfio_rig.h"

#include "host_memory.h"

#define ALL 16 /* ways: sets of flags */

enum { CPUS = 4, BLOCKS = 12, PAGES = BLOCKS * 512, MEMORY = 32768 };

static const enum mmsim_mode modes[] = { MMSIM_NATIVE, MMSIM_SERIAL, MMSIM_VIRTUAL, MMSIM_EXPLORE };

static struct vfio_rig *open_rig(enum mmsim_mode mode, uint64_t limit)
{
	return vfio_rig_open(&(struct vfio_rig_shape){
		.mode = mode,
		.cpus = CPUS,
		.memory = MEMORY,
		.pages = PAGES - 100,
		.limit = limit,
		.min_chunk = 512,
	});
}

static void mark(bool *pinned, uint64_t first, uint64_t nr, bool value)
{
	memset(pinned + first, value, nr);
}

/* Two stretches that touch, neither beginning with a block; then a part is unpinned, and all is. */
static void pin_and_unpin(struct vfio_rig *r, uint32_t flags)
{
	bool pinned[PAGES] = { false };

	assert_int_equal(mm_vfio_pin(r->v, 700, 1900, flags, CPUS), 0);
	mark(pinned, 700, 1900, true);
	vfio_rig_check(r, pinned);
	assert_int_equal(mm_vfio_pin(r->v, 2600, 3000, flags, CPUS), 0);
	mark(pinned, 2600, 3000, true);
	vfio_rig_check(r, pinned);
	assert_int_equal(mm_vfio_pin(r->v, 1, 1, flags, CPUS), 0);
	mark(pinned, 1, 1, true);
	assert_int_equal(mm_vfio_unpin(r->v, 2000, 1234), 0);
	mark(pinned, 2000, 1234, false);
	vfio_rig_check(r, pinned);
	assert_int_equal(mm_vfio_pin(r->v, 2001, 1, flags, CPUS), 0);
	mark(pinned, 2001, 1, true);
	vfio_rig_check(r, pinned);
}

static void every_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		for (uint32_t flags = 0; flags < ALL; flags++) {
			struct vfio_rig *r = open_rig(modes[i], MMSIM_VFIO_NO_LIMIT);

			pin_and_unpin(r, flags);
			vfio_rig_close(r);
		}
}

/* A limit that is met exactly is no limit, however far ahead is accounted; one page less is. */
static void limits(void **state)
{
	static const bool none[PAGES];

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		for (uint32_t flags = 0; flags < ALL; flags++) {
			struct vfio_rig *r = open_rig(modes[i], PAGES - 200);

			assert_int_equal(mm_vfio_pin(r->v, 50, PAGES - 199, flags, CPUS), -ENOMEM);
			vfio_rig_check(r, none);
			assert_int_equal(mm_vfio_pin(r->v, 50, PAGES - 200, flags, CPUS), 0);
			assert_int_equal(mm_vfio_pin(r->v, 0, 1, flags, CPUS), -ENOMEM);
			vfio_rig_check(r, NULL);
			assert_int_equal(r->v->locked_vm, PAGES - 200);
			vfio_rig_close(r);
		}
}

/* Nothing may be locked at all. */
static void limit_of_nothing(void **state)
{
	static const bool none[PAGES];
	struct vfio_rig *r = open_rig(MMSIM_SERIAL, 0);

	(void)state;
	assert_int_equal(mm_vfio_pin(r->v, 3, 1, 0, 1), -ENOMEM);
	assert_int_equal(mm_vfio_pin(r->v, 3, 1, MMSIM_VFIO_ATOMIC, 1), -ENOMEM);
	vfio_rig_check(r, none);
	vfio_rig_close(r);
}

/* Refused with the page's number, and nothing changed. */
static void pinned_and_not_pinned(void **state)
{
	struct vfio_rig *r = open_rig(MMSIM_SERIAL, MMSIM_VFIO_NO_LIMIT);
	bool pinned[PAGES] = { false };

	(void)state;
	assert_int_equal(mm_vfio_pin(r->v, 1000, 600, 0, CPUS), 0);
	mark(pinned, 1000, 600, true);
	assert_int_equal(mm_vfio_pin(r->v, 900, 101, 0, CPUS), -EEXIST);
	assert_string_equal(r->machine.said, "mmsim_vfio_pin: page 1000: pinned already\n");
	small_machine_hush(&r->machine);
	assert_int_equal(mm_vfio_pin(r->v, 1599, 10, 0, CPUS), -EEXIST);
	assert_string_equal(r->machine.said, "mmsim_vfio_pin: page 1599: pinned already\n");
	small_machine_hush(&r->machine);
	assert_int_equal(mm_vfio_unpin(r->v, 1000, 601), -ENOENT);
	assert_string_equal(r->machine.said, "mmsim_vfio_unpin: page 1600: not pinned\n");
	vfio_rig_check(r, pinned);
	assert_int_equal(mm_vfio_unpin(r->v, 1000, 600), 0);
	assert_int_equal(mm_vfio_pin(r->v, 900, 101, 0, CPUS), 0);
	vfio_rig_close(r);
}

/* A block whose pages are pinned cannot become a hole; a hole fails whatever reaches into it. */
static void holes(void **state)
{
	struct vfio_rig *r = open_rig(MMSIM_SERIAL, MMSIM_VFIO_NO_LIMIT);
	static const bool none[PAGES];
	struct mm_guest_memory *g = &r->v->guest;

	(void)state;
	assert_int_equal(mm_vfio_pin(r->v, 600, 1, 0, 1), 0);
	assert_int_equal(mm_vfio_guest_set_hole(g, 1023, true), -EBUSY);
	assert_int_equal(mm_vfio_unpin(r->v, 600, 1), 0);
	assert_int_equal(mm_vfio_guest_present(g), 512);
	assert_int_equal(mm_vfio_guest_set_hole(g, 1023, true), 0);
	assert_int_equal(mm_vfio_guest_present(g), 0);
	assert_int_equal(mm_vfio_pin(r->v, 0, 513, 0, CPUS), -EFAULT);
	assert_int_equal(mm_vfio_pin(r->v, 1023, 400, MMSIM_VFIO_BATCHED, CPUS), -EFAULT);
	vfio_rig_check(r, none);
	assert_int_equal(mm_vfio_guest_set_hole(g, 512, false), 0);
	assert_int_equal(mm_vfio_pin(r->v, 0, 513, 0, CPUS), 0);
	assert_int_equal(mm_vfio_guest_set_hole(g, 512, false),
			 0); /* it is none: nothing happens */
	vfio_rig_check(r, NULL);
	vfio_rig_close(r);
}

/* The hole in every block: of whichever chunk fails nothing is left, nor of those that did not. */
static void every_block_fails(void **state)
{
	static const bool none[PAGES];

	for (uint32_t flags = 0; flags < ALL; flags++) {
		struct vfio_rig *r =
			open_rig(*(const enum mmsim_mode *)*state, MMSIM_VFIO_NO_LIMIT);

		for (uint64_t page = 0; page < PAGES; page += 512) {
			assert_int_equal(mm_vfio_guest_set_hole(&r->v->guest, page, true), 0);
			assert_int_equal(mm_vfio_pin(r->v, 1, PAGES - 101, flags, CPUS), -EFAULT);
			vfio_rig_check(r, none);
			assert_int_equal(mm_vfio_guest_set_hole(&r->v->guest, page, false), 0);
		}
		assert_int_equal(mm_vfio_pin(r->v, 1, PAGES - 101, flags, CPUS), 0);
		vfio_rig_check(r, NULL);
		vfio_rig_close(r);
	}
}

/* More guest than machine: what came stays, and is freed with the container. */
static void memory_runs_out(void **state)
{
	static const bool none[MEMORY + 5120];
	struct vfio_rig *r = vfio_rig_open(&(struct vfio_rig_shape){
		.mode = MMSIM_SERIAL,
		.cpus = CPUS,
		.memory = MEMORY,
		.pages = MEMORY + 5120,
		.limit = MMSIM_VFIO_NO_LIMIT,
		.min_chunk = 512,
	});

	(void)state;
	assert_int_equal(mm_vfio_pin(r->v, 0, MEMORY + 5120, MMSIM_VFIO_ATOMIC, CPUS), -ENOMEM);
	vfio_rig_check(r, none);
	assert_in_range(mm_vfio_guest_present(&r->v->guest), MEMORY / 2, MEMORY);
	vfio_rig_close(r);
}

struct toucher {
	struct vfio_rig *r;
	uint64_t first, nr;
	int err;
};

static void pin_it(void *arg)
{
	struct toucher *t = arg;

	t->err = mm_vfio_pin(t->r->v, t->first, t->nr, 0, 2);
}

/* Of two callers one waits; one block at two chunks' limits comes once. */
static void two_callers(void **state)
{
	struct vfio_rig *r = open_rig(*(const enum mmsim_mode *)*state, MMSIM_VFIO_NO_LIMIT);
	struct mm_exec *x = r->machine.env.exec;
	struct toucher t[2] = { { r, 0, 2000, -1 }, { r, 2000, 2000, -1 } };
	struct mm_task task[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(mm_exec_spawn(x, &task[i], NULL, pin_it, &t[i]), 0);
	for (int i = 0; i < 2; i++)
		mm_exec_join(x, &task[i]);
	assert_int_equal(t[0].err, 0);
	assert_int_equal(t[1].err, 0);
	vfio_rig_check(r, NULL);
	assert_int_equal(r->v->locked_vm, 4000);
	assert_int_equal(mm_vfio_guest_present(&r->v->guest), 4096);
	vfio_rig_close(r);
}

/* A stretch of one block pinned by halves by two threads at a time, so that both bring it. */
static void halves_of_a_block(void **state)
{
	(void)state;
	for (int seed = 0; seed < 50; seed++) {
		struct vfio_rig *r = vfio_rig_open(&(struct vfio_rig_shape){
			.mode = seed % 2 ? MMSIM_NATIVE : MMSIM_EXPLORE,
			.cpus = 2,
			.memory = MEMORY,
			.pages = 512,
			.limit = 512,
			.min_chunk = 16,
		});

		assert_int_equal(mm_vfio_pin(r->v, 0, 512, MMSIM_VFIO_ATOMIC, 2), 0);
		vfio_rig_check(r, NULL);
		assert_int_equal(r->v->locked_vm, 512);
		assert_int_equal(mm_vfio_guest_present(&r->v->guest), 512);
		vfio_rig_close(r);
	}
}

/* On one thread frames come in order, so that runs are of several blocks, and end where they must. */
static void runs_follow_frames(void **state)
{
	struct vfio_rig *r = open_rig(MMSIM_SERIAL, MMSIM_VFIO_NO_LIMIT);
	struct mmsim_vfio *v = r->v;
	uint64_t first, end, runs = 0;

	(void)state;
	assert_int_equal(mm_vfio_pin(v, 0, 4096, MMSIM_VFIO_BATCHED, 1), 0);
	for (uint64_t page = 0; page < 4096; page = end) {
		mm_vfio_iommu_run(&v->iommu, page, &first, &end);
		assert_int_equal(first, page);
		if (end < 4096)
			assert_int_not_equal(mm_vfio_pfn(&v->guest, end),
					     mm_vfio_pfn(&v->guest, end - 1) + 1);
		runs++;
	}
	assert_in_range(runs, 1, 7);
	vfio_rig_check(r, NULL);
	vfio_rig_close(r);
}

/* How often mmap_sem is taken: for each page, or for each block; and once more for each run, or never. */
static void lock_rounds(void **state)
{
	static const struct {
		uint32_t flags;
		uint64_t reads, writes; /* writes: of runs, if UINT64_MAX */
	} want[] = {
		{ 0, 1024, UINT64_MAX },
		{ MMSIM_VFIO_ATOMIC, 1024, 0 },
		{ MMSIM_VFIO_ATOMIC | MMSIM_VFIO_BATCHED, 2, 0 },
		{ MMSIM_VFIO_CACHED, 1024, 1 },
		{ MMSIM_VFIO_BATCHED | MMSIM_VFIO_PER_PAGE, 2, 2 },
		{ MMSIM_VFIO_PER_PAGE, 1024, 1024 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct vfio_rig *r = open_rig(MMSIM_SERIAL, MMSIM_VFIO_NO_LIMIT);
		uint64_t pages, runs, writes = want[i].writes;

		assert_int_equal(mm_vfio_pin(r->v, 0, 1024, want[i].flags, 1), 0);
		mm_vfio_iommu_count(&r->v->iommu, &pages, &runs);
		writes = writes == UINT64_MAX ? runs : writes;
		assert_int_equal(r->v->mmap_sem.lock.acquired, want[i].reads + writes);
		vfio_rig_close(r);
	}
}

static void more_pages_than_the_host_has_memory(void **state)
{
	struct vfio_rig *r = open_rig(MMSIM_SERIAL, 0);
	uint64_t available = mm_page_host_available();
	const struct mmsim_vfio_params params = { .nr_pages = available * 8 };
	struct mmsim_vfio *v;

	(void)state;
	if (available < UINT64_MAX / 16) {
		assert_int_equal(mm_vfio_create(&r->machine.buddy, &r->ktask, &r->machine.env.locks,
						&params, &v),
				 -ENOMEM);
		assert_non_null(strstr(r->machine.said, "MiB available"));
	}
	vfio_rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way),
		cmocka_unit_test(limits),
		cmocka_unit_test(limit_of_nothing),
		cmocka_unit_test(pinned_and_not_pinned),
		cmocka_unit_test(holes),
		cmocka_unit_test_prestate(every_block_fails, (void *)&modes[0]),
		cmocka_unit_test_prestate(every_block_fails, (void *)&modes[2]),
		cmocka_unit_test_prestate(every_block_fails, (void *)&modes[3]),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test_prestate(two_callers, (void *)&modes[0]),
		cmocka_unit_test_prestate(two_callers, (void *)&modes[1]),
		cmocka_unit_test_prestate(two_callers, (void *)&modes[3]),
		cmocka_unit_test(halves_of_a_block),
		cmocka_unit_test(runs_follow_frames),
		cmocka_unit_test(lock_rounds),
		cmocka_unit_test(more_pages_than_the_host_has_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
