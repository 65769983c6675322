/* SPDX-License-Identifier: MIT */
/* hugetlbfs files: what fallocate fills, what it leaves alone, and what it takes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host_memory.h"
#include "hugetlb_rig.h"

#define PAGES (64 * MIB)
#define SLOTS 40

struct state {
	struct rig *r;
	struct mm_hstate *h;
	struct mmsim_hugetlb_file *f;
};

static struct state open_state(enum mmsim_mode mode, uint64_t pool)
{
	struct state s = { .r = rig_open(mode, PAGES) };

	s.h = rig_pool(s.r, MMSIM_HUGE_2M_ORDER);
	assert_int_equal(mm_hugetlb_set_nr(&s.r->hg, s.h, pool), 0);
	assert_int_equal(mm_hugetlb_file_create(&s.r->hg, s.h, SLOTS, &s.f), 0);
	return s;
}

/* Slots as text: '-' empty, '1' a page. */
static void look(struct state *s, char *text)
{
	uint32_t frame;

	for (unsigned i = 0; i < SLOTS; i++)
		text[i] = mm_hugetlb_file_frame(s->f, i, &frame) ? '1' : '-';
	text[SLOTS] = '\0';
}

static void assert_slots(struct state *s, const char *want)
{
	char got[SLOTS + 1];

	look(s, got);
	got[strlen(want)] = '\0';
	assert_string_equal(got, want);
}

static void fills_what_is_empty(enum mmsim_mode mode)
{
	struct state s = open_state(mode, 20);
	uint32_t before, after;

	assert_int_equal(mm_hugetlb_fallocate(s.f, 2, 3, 2, 1), 0);
	assert_slots(&s, "--111---");
	assert_true(mm_hugetlb_file_frame(s.f, 3, &before));
	assert_int_equal(mm_hugetlb_fallocate(s.f, 0, 8, 4, 1), 0);
	assert_slots(&s, "11111111--");
	assert_true(mm_hugetlb_file_frame(s.f, 3, &after));
	assert_int_equal(before, after);
	assert_int_equal(mm_hugetlb_file_nr_pages(s.f), 8);
	assert_int_equal(s.h->free_huge_pages, 12);
	mm_hugetlb_validate(&s.r->hg);
	mm_hugetlb_punch_hole(s.f, 1, 4);
	assert_slots(&s, "1----111--");
	mm_hugetlb_punch_hole(s.f, 0, SLOTS);
	assert_slots(&s, "--------------");
	assert_int_equal(s.h->free_huge_pages, 20);
	rig_close(s.r);
}

static void fills_and_empties(void **state)
{
	(void)state;
	in_all_modes(fills_what_is_empty);
}

/* With room for k pages only, k below what is wanted: all is as before, for every k. */
static void dry_after(enum mmsim_mode mode, uint64_t k, uint32_t threads, uint64_t chunk)
{
	struct state s = open_state(mode, k + 3);
	char before[SLOTS + 1], after[SLOTS + 1];
	uint32_t frame[3], again;

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(mm_hugetlb_fallocate(s.f, 3 + 7 * i, 1, 1, 1), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_true(mm_hugetlb_file_frame(s.f, 3 + 7 * i, &frame[i]));
	look(&s, before);
	assert_int_equal(mm_hugetlb_fallocate(s.f, 0, 24, threads, chunk), -ENOSPC);
	look(&s, after);
	assert_string_equal(before, after);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(mm_hugetlb_file_frame(s.f, 3 + 7 * i, &again));
		assert_int_equal(frame[i], again);
	}
	assert_int_equal(s.h->free_huge_pages, k);
	mm_hugetlb_validate(&s.r->hg);
	rig_close(s.r);
}

static void failed_calls(enum mmsim_mode mode)
{
	for (uint64_t k = 0; k < 21; k += mode == MMSIM_SERIAL ? 1 : 4) {
		dry_after(mode, k, 1, 1);
		dry_after(mode, k, 4, 1);
		dry_after(mode, k, 3, 5);
	}
}

static void a_failed_call_leaves_nothing(void **state)
{
	(void)state;
	in_all_modes(failed_calls);
}

/* Of one thread even the free list is in the order that it was in. */
static void and_the_list_as_it_was(void **state)
{
	struct state s = open_state(MMSIM_SERIAL, 9);
	uint32_t *before = malloc(s.h->nr_frames * sizeof(*before)), first = s.h->node[0].first;

	(void)state;
	assert_non_null(before);
	memcpy(before, s.h->link, s.h->nr_frames * sizeof(*before));
	assert_int_equal(mm_hugetlb_fallocate(s.f, 0, 12, 1, 2), -ENOSPC);
	assert_memory_equal(before, s.h->link, s.h->nr_frames * sizeof(*before));
	assert_int_equal(s.h->node[0].first, first);
	free(before);
	rig_close(s.r);
}

static void clears_what_it_gives(void **state)
{
	struct rig *r = rig_open(MMSIM_NATIVE, 8 * MIB);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_2M_ORDER);
	struct mm_area *area = &r->m.pages;
	struct mmsim_hugetlb_file *f;
	uint32_t frame;
	const char *bytes;

	(void)state;
	assert_int_equal(mm_page_area_init(area, (RIG_BASE(1) + 8 * MIB) * MMSIM_PAGE_SIZE,
					   MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M, &r->m.env.fault),
			 0);
	for (unsigned nid = 0; nid < 2; nid++) {
		uint64_t from = RIG_BASE(nid) * MMSIM_PAGE_SIZE, nr = 8 * MIB * MMSIM_PAGE_SIZE;

		assert_int_equal(mm_page_area_map(area, from, from + nr), 0);
		memset(area->base + from, 0x5a, nr);
	}
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 4), 0);
	assert_int_equal(mm_hugetlb_file_create(&r->hg, h, 4, &f), 0);
	assert_int_equal(mm_hugetlb_fallocate(f, 0, 4, 2, 1), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(mm_hugetlb_file_frame(f, i, &frame));
		bytes = area->base + (((uint64_t)frame << h->order) * MMSIM_PAGE_SIZE);
		for (size_t at = 0; at < HUGE_2M * MMSIM_PAGE_SIZE; at++)
			if (bytes[at])
				fail_msg("slot %u, byte %zu: not cleared", i, at);
	}
	rig_close(r);
}

/* Several calls on overlapping ranges, and one that makes holes: the books hold, each slot has one page. */
static struct {
	struct state s;
	struct first_failure bad;
} racing;

static void fill_and_punch(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	for (unsigned n = 0; n < 6; n++) {
		int err = mm_hugetlb_fallocate(racing.s.f, 4 * i, 16, 2, 1);

		expect_in_task(&racing.bad, err == 0 || err == -ENOSPC, -err);
		if ((i + n) % 2)
			mm_hugetlb_punch_hole(racing.s.f, 3 * i, 20);
	}
}

static void race(enum mmsim_mode mode, uint64_t pool)
{
	struct mm_task task[4];

	racing.s = open_state(mode, pool);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(mm_exec_spawn(racing.s.r->hg.exec, &task[i], NULL, fill_and_punch,
					       (void *)(uintptr_t)i),
				 0);
	for (unsigned i = 0; i < 4; i++)
		mm_exec_join(racing.s.r->hg.exec, &task[i]);
	assert_no_failure(&racing.bad, pool);
	assert_int_equal(racing.s.h->free_huge_pages + mm_hugetlb_file_nr_pages(racing.s.f), pool);
	rig_close(racing.s.r);
}

static void overlapping(enum mmsim_mode mode)
{
	race(mode, 40); /* enough for all slots */
	race(mode, 10); /* calls fail, and undo, among others that fill */
}

static void calls_overlap(void **state)
{
	(void)state;
	in_all_modes(overlapping);
}

/* 8 per CPU, a power of two; each is somebody's. */
static void the_table_of_mutexes(void **state)
{
	struct state s = open_state(MMSIM_SERIAL, SLOTS);
	unsigned used = 0;

	(void)state;
	assert_int_equal(s.f->mutexes->nr, 32);
	assert_ptr_equal(mm_hugetlb_fault_mutexes(&s.r->hg), s.f->mutexes);
	assert_int_equal(mm_hugetlb_fallocate(s.f, 0, SLOTS, 1, 1), 0);
	for (unsigned i = 0; i < s.f->mutexes->nr; i++)
		used += s.f->mutexes->mutex[i].lock.acquired != 0;
	assert_in_range(used, 16, 32); /* of 40 at random 23 are expected */
	rig_close(s.r);
}

static void more_slots_than_the_host_has_memory(void **state)
{
	struct state s = open_state(MMSIM_SERIAL, 0);
	uint64_t available = mm_page_host_available();
	struct mmsim_hugetlb_file *f;

	(void)state;
	if (available < UINT64_MAX / 2) {
		assert_int_equal(mm_hugetlb_file_create(&s.r->hg, s.h, available / 4, &f), -ENOMEM);
		assert_non_null(strstr(s.r->m.said, "MiB available"));
	}
	rig_close(s.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_and_empties),
		cmocka_unit_test(a_failed_call_leaves_nothing),
		cmocka_unit_test(and_the_list_as_it_was),
		cmocka_unit_test(clears_what_it_gives),
		cmocka_unit_test(calls_overlap),
		cmocka_unit_test(the_table_of_mutexes),
		cmocka_unit_test(more_slots_than_the_host_has_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
