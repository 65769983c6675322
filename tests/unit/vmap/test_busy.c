/* SPDX-License-Identifier: MIT */
/* lib/vmap/busy.h: trees and index give an array's answers; who unlinks has it; what is broken stops. */
#include "busy.h"

#include "bits.h"
#include "child_dies.h"
#include "exec_env.h"
#include "first_failure.h"
#include <errno.h>
#include <string.h>

enum { NODES = 3, PAGES = 40000, AREAS = 400, STEPS = 6000 };

#define PAGE MMSIM_PAGE_SIZE
#define START (MMSIM_VMALLOC_START_4 + 5 * PAGE)
#define END (START + PAGES * PAGE)
#define ZONE (16 * PAGE)

struct rig {
	struct env *e;
	struct mm_busy b;
	struct mm_vmap_area area[AREAS];
	struct mm_vmap_area *in[AREAS]; /* the model: in use, by address */
	size_t nr;
	struct mm_rng rng;
	struct first_failure failure;
	struct mm_vmap_area *shared[AREAS]; /* atomic: for races */
	uint32_t gone; /* atomic */
};

static struct rig *rig_open(enum mmsim_mode mode, bool index, unsigned nodes, uint64_t start,
			    uint64_t end)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->e = env_open(&(struct env_shape){ .mode = mode, .nr_cpus = 2 });
	r->rng = mm_task_current()->rng;
	assert_int_equal(mm_vmap_busy_init(&r->b, r->e->x, &r->e->locks, nodes, index, start, end),
			 0);
	return r;
}

static void rig_close(struct rig *r)
{
	assert_int_equal(mm_vmap_busy_validate(&r->b), 0);
	mm_vmap_busy_fini(&r->b);
	env_close(r->e);
	free(r);
}

/* Found areas, in order. */
struct seen {
	struct mm_vmap_area *va[AREAS];
	size_t nr;
};

static void see(struct mm_vmap_area *va, void *ctx)
{
	struct seen *s = ctx;

	s->va[s->nr++] = va;
}

static struct mm_vmap_area *found(struct rig *r, uint64_t addr)
{
	struct seen s = { .nr = 0 };
	bool is = mm_vmap_busy_find(&r->b, addr, see, &s);

	assert_int_equal(is, s.nr);
	return is ? s.va[0] : NULL;
}

static struct mm_vmap_area *found_above(struct rig *r, uint64_t addr)
{
	struct seen s = { .nr = 0 };
	bool is = mm_vmap_busy_find_exceed(&r->b, addr, see, &s);

	assert_int_equal(is, s.nr);
	return is ? s.va[0] : NULL;
}

static void put(struct rig *r, struct mm_vmap_area *va, uint64_t start, uint64_t pages)
{
	*va = (struct mm_vmap_area){ .va_start = start, .va_end = start + pages * PAGE };
	assert_int_equal(mm_vmap_busy_insert(&r->b, va), 0);
}

static void take(struct rig *r, struct mm_vmap_area *va)
{
	assert_ptr_equal(mm_vmap_busy_unlink(&r->b, va->va_start, NULL, NULL), va);
}

/* The model */

/* Of the first area whose end is above addr. */
static size_t model_above(const struct rig *r, uint64_t addr)
{
	size_t i = 0;

	while (i < r->nr && r->in[i]->va_end <= addr)
		i++;
	return i;
}

static void model_check(struct rig *r, uint64_t addr)
{
	size_t i = model_above(r, addr);
	struct mm_vmap_area *above = i < r->nr ? r->in[i] : NULL;

	assert_ptr_equal(found(r, addr), above && above->va_start <= addr ? above : NULL);
	assert_ptr_equal(found_above(r, addr), above);
}

static struct mm_vmap_area *unused(struct rig *r)
{
	for (unsigned i = 0; i < AREAS; i++)
		if (!r->area[i].va_end)
			return &r->area[i];
	return NULL;
}

/* Mostly a few pages, now and then more than a zone, more than a leaf. */
static uint64_t some_pages(struct rig *r)
{
	static const uint64_t most[] = { 1, 4, 4, 20, 20, 100, 1300 };

	return 1 + mm_rng_below(&r->rng, most[mm_rng_below(&r->rng, mm_array_size(most))]);
}

static void model_insert(struct rig *r)
{
	uint64_t addr = START + mm_rng_below(&r->rng, PAGES) * PAGE;
	size_t i = model_above(r, addr);
	uint64_t limit = i < r->nr ? r->in[i]->va_start : END;
	struct mm_vmap_area *va = unused(r);
	uint64_t pages = some_pages(r);

	if (addr >= limit || !va)
		return;
	put(r, va, addr, mm_min(pages, (limit - addr) / PAGE));
	memmove(&r->in[i + 1], &r->in[i], (r->nr++ - i) * sizeof(r->in[0]));
	r->in[i] = va;
}

static void model_unlink(struct rig *r)
{
	size_t i = r->nr ? mm_rng_below(&r->rng, r->nr) : 0;

	if (!r->nr)
		return;
	take(r, r->in[i]);
	r->in[i]->va_end = 0;
	memmove(&r->in[i], &r->in[i + 1], (--r->nr - i) * sizeof(r->in[0]));
}

/* By anything but a first address. */
static void model_unlink_wrong(struct rig *r, uint64_t addr)
{
	size_t i = model_above(r, addr);

	if (i == r->nr || r->in[i]->va_start != addr)
		assert_null(mm_vmap_busy_unlink(&r->b, addr, NULL, NULL));
}

static void model_each(struct rig *r, unsigned nodes)
{
	struct seen *s = calloc(1, sizeof(*s));
	size_t at = 0;

	assert_non_null(s);
	assert_int_equal(mm_vmap_busy_each(&r->b, see, s), 0);
	assert_int_equal(s->nr, r->nr);
	for (unsigned node = 0; node < nodes; node++)
		for (size_t i = 0; i < r->nr; i++)
			if (nodes == 1 || r->in[i]->va_start / ZONE % nodes == node)
				assert_ptr_equal(s->va[at++], r->in[i]);
	assert_int_equal(at, r->nr);
	free(s);
}

static void model_run(enum mmsim_mode mode, bool index, unsigned nodes)
{
	struct rig *r = rig_open(mode, index, nodes, START, END);

	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t addr = START - 9 * PAGE + mm_rng_below(&r->rng, (PAGES + 18) * PAGE);

		if (mm_rng_below(&r->rng, 1000) < 550)
			model_insert(r);
		else
			model_unlink(r);
		model_check(r, addr);
		model_check(r, mm_round_down(addr, PAGE));
		model_unlink_wrong(r, addr);
		model_unlink_wrong(r, mm_round_down(addr, PAGE));
		if (i % 100 == 0) {
			assert_int_equal(mm_vmap_busy_validate(&r->b), r->nr);
			assert_int_equal(mm_vmap_busy_count(&r->b), r->nr);
			model_each(r, nodes);
		}
	}
	assert_true(r->nr > 50);
	while (r->nr)
		model_unlink(r);
	rig_close(r);
}

static void as_an_array(void **state)
{
	for (unsigned nodes = 1; nodes <= NODES; nodes += 2) {
		model_run(mode_of(state), false, nodes);
		model_run(mode_of(state), true, nodes);
	}
}

/* Ends of the range, and what lies between: leaves and radix nodes that do not exist are jumped over. */
static void from_end_to_end(bool index, uint64_t start, uint64_t end)
{
	struct rig *r = rig_open(MMSIM_SERIAL, index, NODES, start, end);
	uint64_t last = end - PAGE, middle = start + (end - start) / 2 / PAGE * PAGE;

	put(r, &r->area[0], start, 1);
	put(r, &r->area[1], last, 1);
	assert_ptr_equal(found_above(r, 0), &r->area[0]);
	assert_ptr_equal(found_above(r, start + PAGE), &r->area[1]);
	assert_null(found(r, last - 1));
	assert_ptr_equal(found(r, last), &r->area[1]);
	assert_ptr_equal(found(r, last + PAGE - 1), &r->area[1]);
	assert_null(found(r, end));
	assert_null(found_above(r, end));
	assert_null(found_above(r, UINT64_MAX));
	assert_null(found(r, UINT64_MAX));
	assert_true(!start || !found(r, 0));
	assert_true(!start || !mm_vmap_busy_unlink(&r->b, 0, NULL, NULL));
	assert_null(mm_vmap_busy_unlink(&r->b, end, NULL, NULL));
	put(r, &r->area[2], middle, (last - middle) / PAGE);
	assert_ptr_equal(found(r, last - 1), &r->area[2]);
	assert_ptr_equal(found_above(r, start + PAGE), &r->area[2]);
	for (unsigned i = 0; i < 3; i++)
		take(r, &r->area[i]);
	rig_close(r);
}

static void wide_ranges(void **state)
{
	(void)state;
	for (unsigned index = 0; index < 2; index++) {
		from_end_to_end(index, START, START + 600 * PAGE);
		from_end_to_end(index, START, END);
		from_end_to_end(index, MMSIM_VMALLOC_START_4, MMSIM_VMALLOC_END_4 + 1 - PAGE);
		from_end_to_end(index, MMSIM_VMALLOC_START_5, MMSIM_VMALLOC_END_5 + 1 - PAGE);
		from_end_to_end(index, 0, UINT64_C(1) << 33);
	}
}

static bool may_if(const struct mm_vmap_area *va, void *ctx)
{
	assert_int_equal(va->flags, MM_VMAP_RAM);
	return *(const bool *)ctx;
}

static void who_may_not_does_not(void **state)
{
	for (unsigned index = 0; index < 2; index++) {
		struct rig *r = rig_open(mode_of(state), index, NODES, START, END);
		struct mm_vmap_area *va = &r->area[0];
		bool may = false;

		put(r, va, START, 3);
		va->flags = MM_VMAP_RAM;
		assert_null(mm_vmap_busy_unlink(&r->b, START, may_if, &may));
		assert_ptr_equal(found(r, START), va);
		may = true;
		assert_ptr_equal(mm_vmap_busy_unlink(&r->b, START, may_if, &may), va);
		assert_null(found(r, START));
		/* U2 */
		assert_null(mm_vmap_busy_unlink(&r->b, START, may_if, &may));
		rig_close(r);
	}
}

/* At every place in turn. */
static void out_of_memory(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, true, NODES, START, END);
	struct mm_vmap_area *va = &r->area[0];
	unsigned failed = 0;

	(void)state;
	*va = (struct mm_vmap_area){ .va_start = START, .va_end = START + PAGE };
	for (;; failed++) {
		/* What a failure left of the way there is used. */
		env_fail(r->e, MMSIM_FAULT_METADATA, failed ? 2 : 1, 1);
		if (!mm_vmap_busy_insert(&r->b, va))
			break;
		assert_null(found(r, START));
		assert_int_equal(mm_vmap_busy_validate(&r->b), 0);
	}
	assert_int_equal(failed, 3); /* two of the radix, a leaf */
	env_fail(r->e, MMSIM_FAULT_METADATA, 0, 0);
	take(r, va);
	rig_close(r);
}

static void no_memory_to_make_it(void **state)
{
	(void)state;
	for (unsigned index = 0; index < 2; index++)
		for (unsigned nth = 1; nth <= 1 + index; nth++) {
			struct env *e =
				env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 1 });
			struct mm_busy b;

			env_fail(e, MMSIM_FAULT_METADATA, nth, 1);
			assert_int_equal(
				mm_vmap_busy_init(&b, e->x, &e->locks, NODES, index, START, END),
				-ENOMEM);
			env_close(e);
		}
}

static void no_memory_for_a_walk(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, true, NODES, START, END);
	struct seen *s = calloc(1, sizeof(*s));
	unsigned nth = 1;

	(void)state;
	assert_non_null(s);
	for (unsigned i = 0; i < 100; i++)
		put(r, &r->area[i], START + i * 3 * PAGE, 2);
	for (env_fail(r->e, MMSIM_FAULT_METADATA, nth, 1);
	     mm_vmap_busy_each(&r->b, see, s) == -ENOMEM;
	     env_fail(r->e, MMSIM_FAULT_METADATA, nth, 1)) {
		assert_int_equal(s->nr, 0);
		nth++;
	}
	assert_int_equal(nth, 1 + 3); /* two sizes, and in order */
	assert_int_equal(s->nr, 100);
	env_fail(r->e, MMSIM_FAULT_METADATA, 0, 0);
	for (unsigned i = 0; i < 100; i++)
		take(r, &r->area[i]);
	free(s);
	rig_close(r);
}

/* Several at the same areas */

static bool may_always(const struct mm_vmap_area *va, void *ctx)
{
	const struct rig *r = ctx;

	mm_exec_resched(r->e->x);
	return va->va_end > va->va_start;
}

static void count_pages(struct mm_vmap_area *va, void *ctx)
{
	struct rig *r = ctx;

	mm_exec_resched(r->e->x);
	expect_in_task(&r->failure, va->va_end - va->va_start == 2 * PAGE, va->va_start);
}

/* Unlinks what it can get, and puts it back: each is one task's at a time. */
static void churn_once(struct rig *r, struct mm_rng *rng)
{
	uint64_t addr = START + (1 + mm_rng_below(rng, 40)) * 3 * PAGE;
	struct mm_vmap_area *va =
		mm_vmap_busy_unlink(&r->b, addr, mm_rng_below(rng, 2) ? may_always : NULL, r);

	if (!va)
		return;
	expect_in_task(&r->failure, va->va_start == addr, va->va_start);
	/* As if it were used for something else meanwhile: nobody may see this. */
	va->va_end = addr + mm_rng_below(rng, 2) * 50 * PAGE;
	mm_exec_resched(r->e->x);
	va->va_end = addr + 2 * PAGE;
	expect_in_task(&r->failure, !mm_vmap_busy_insert(&r->b, va), addr);
}

static void look_once(struct rig *r, struct mm_rng *rng)
{
	uint64_t addr = START + mm_rng_below(rng, 41 * 3 * PAGE);

	if (mm_rng_below(rng, 2))
		mm_vmap_busy_find(&r->b, addr, count_pages, r);
	else
		/* area[0] and the last are always there. */
		expect_in_task(&r->failure, mm_vmap_busy_find_exceed(&r->b, addr, count_pages, r),
			       addr);
	expect_in_task(&r->failure, mm_vmap_busy_find(&r->b, START + 2 * PAGE - 1, count_pages, r),
		       addr);
	if (mm_rng_below(rng, 8) == 0)
		expect_in_task(&r->failure, !mm_vmap_busy_each(&r->b, count_pages, r), addr);
}

static void churn(void *arg)
{
	struct rig *r = arg;
	struct mm_rng *rng = &mm_task_current()->rng;
	unsigned rounds = r->e->x->wakes_relaxed ? 500 : 20000;

	for (unsigned i = 0; i < rounds; i++)
		if (mm_rng_below(rng, 3))
			churn_once(r, rng);
		else
			look_once(r, rng);
}

static void several_at_once(void **state)
{
	for (unsigned index = 0; index < 2; index++) {
		struct rig *r = rig_open(mode_of(state), index, NODES, START, END);

		for (unsigned i = 0; i < 42; i++)
			put(r, &r->area[i], START + i * 3 * PAGE, 2);
		env_run(r->e, 4, churn, r, 0);
		assert_no_failure(&r->failure, 42);
		assert_int_equal(mm_vmap_busy_validate(&r->b), 42);
		for (unsigned i = 0; i < 42; i++)
			take(r, &r->area[i]);
		rig_close(r);
	}
}

/* U2: of two who unlink the same area one gets it. */
static void unlink_all(void *arg)
{
	struct rig *r = arg;

	for (unsigned i = 0; i < AREAS; i++) {
		struct mm_vmap_area *va =
			mm_vmap_busy_unlink(&r->b, START + i * 3 * PAGE, may_always, r);

		if (va)
			__atomic_add_fetch(&r->gone, 1, __ATOMIC_RELAXED);
		expect_in_task(&r->failure, !va || va == &r->area[i], i);
	}
}

static void unlinked_once(void **state)
{
	for (unsigned index = 0; index < 2; index++) {
		struct rig *r = rig_open(mode_of(state), index, NODES, START, END);

		for (unsigned i = 0; i < AREAS; i++)
			put(r, &r->area[i], START + i * 3 * PAGE, 2);
		env_run(r->e, 3, unlink_all, r, 0);
		assert_no_failure(&r->failure, 42);
		assert_int_equal(r->gone, AREAS);
		rig_close(r);
	}
}

/* All make the same leaves at once: those who come late free theirs, M1. */
struct founder {
	struct rig *r;
	unsigned nr;
};

static void found_leaves(void *arg)
{
	struct founder *f = arg;
	struct rig *r = f->r;

	for (unsigned i = 0; i < 10; i++) {
		struct mm_vmap_area *va = &r->area[f->nr * 10 + i];

		*va = (struct mm_vmap_area){ .va_start = START + (i * 512 + f->nr) * PAGE };
		va->va_end = va->va_start + PAGE;
		expect_in_task(&r->failure, !mm_vmap_busy_insert(&r->b, va), i);
	}
}

static void leaves_made_at_once(void **state)
{
	struct rig *r = rig_open(mode_of(state), true, NODES, START, END);
	struct founder f[4];

	for (unsigned i = 0; i < 4; i++)
		f[i] = (struct founder){ r, i };
	env_run(r->e, 4, found_leaves, f, sizeof(f[0]));
	assert_no_failure(&r->failure, 42);
	assert_int_equal(mm_vmap_busy_validate(&r->b), 40);
	for (unsigned i = 0; i < 40; i++)
		take(r, &r->area[i]);
	rig_close(r);
}

/* Charges: what a kernel's tree would touch */

static uint64_t unlink_ns(struct rig *r, struct mm_vmap_area *va)
{
	uint64_t began = mm_exec_now(r->e->x);

	take(r, va);
	return mm_exec_now(r->e->x) - began;
}

/* What the last of so many costs; then all are gone. */
static uint64_t last_of(struct rig *r, unsigned nr)
{
	uint64_t ns;

	for (unsigned i = 0; i < nr; i++)
		put(r, &r->area[i], START + i * PAGE, 1);
	ns = unlink_ns(r, &r->area[nr - 1]);
	for (unsigned i = 0; i < nr - 1; i++)
		take(r, &r->area[i]);
	return ns;
}

/* A lock and its release; a level and its line; the area's own line. */
static void a_tree_has_its_price(void **state)
{
	struct rig *r = rig_open(MMSIM_VIRTUAL, false, 1, START, END);
	uint64_t alone = last_of(r, 1);

	(void)state;
	assert_int_equal(alone, (8 + 1 + 1) + (3 + 1) + 1);
	/* It and both neighbours, eight levels more at least, the parent. */
	assert_in_range(last_of(r, AREAS), alone + 8 * (3 + 1), alone + 16 * (3 + 1) + 2);
	rig_close(r);
}

/* Three levels, a lock and its release: however many there are. */
static void an_index_has_its_price(void **state)
{
	struct rig *r = rig_open(MMSIM_VIRTUAL, true, 1, START, END);

	(void)state;
	assert_int_equal(last_of(r, 1), 3 * 3 + (8 + 1 + 1));
	assert_int_equal(last_of(r, AREAS), 3 * 3 + (8 + 1 + 1));
	rig_close(r);
}

/* What is broken */

static void stay(void *arg)
{
	struct rig *r = arg;

	mm_vmap_busy_fini(&r->b);
}

static void overlap(void *arg)
{
	struct rig *r = arg;

	put(r, &r->area[1], START + PAGE, 2);
	mm_vmap_busy_validate(&r->b);
}

static void twice(void *arg)
{
	struct rig *r = arg;

	put(r, &r->area[1], START, 1);
}

static void moved(void *arg)
{
	struct rig *r = arg;

	r->area[0].va_start += 16 * PAGE;
	r->area[0].va_end += 16 * PAGE;
	mm_vmap_busy_validate(&r->b);
}

static void what_is_broken_stops(void **state)
{
	(void)state;
	for (unsigned index = 0; index < 2; index++) {
		struct rig *r = rig_open(MMSIM_SERIAL, index, NODES, START, END);

		put(r, &r->area[0], START, 2);
		assert_true(child_dies(stay, r, "U1: no area is left in use"));
		assert_true(child_dies(overlap, r, index ? "X2" : "A1"));
		assert_true(child_dies(twice, r, index ? "X2" : "A1"));
		assert_true(child_dies(moved, r, index ? "X1" : "U1"));
		take(r, &r->area[0]);
		rig_close(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_mode(as_an_array, MMSIM_NATIVE, "native"),
		in_mode(as_an_array, MMSIM_VIRTUAL, "virtual"),
		cmocka_unit_test(wide_ranges),
		in_all_modes(who_may_not_does_not),
		cmocka_unit_test(out_of_memory),
		cmocka_unit_test(no_memory_to_make_it),
		cmocka_unit_test(no_memory_for_a_walk),
		in_all_modes(several_at_once),
		in_all_modes(unlinked_once),
		in_all_modes(leaves_made_at_once),
		cmocka_unit_test(a_tree_has_its_price),
		cmocka_unit_test(an_index_has_its_price),
		cmocka_unit_test(what_is_broken_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
