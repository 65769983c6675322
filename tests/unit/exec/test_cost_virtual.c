/* SPDX-License-Identifier: MIT */
/* lib/exec/virtual.c: what atomic words and cleared pages cost tasks that meet at them. */
#include "virtual_fixture.h"

#define ACTORS 3
#define PIECE UINT64_C(262144)
#define PIECE_PAGES 64

static struct mm_atomic_line word;
static _Alignas(64) struct mmsim_page pages[2 * PIECE_PAGES]; /* of two pieces, one on each node */

static int setup(void **state)
{
	(void)state;
	word = (struct mm_atomic_line){ 0 };
	cheap_figures();
	figure[MMSIM_FIG_ATOMIC] = 8 * NS;
	figure[MMSIM_FIG_LINE_OWN] = 1 * NS;
	figure[MMSIM_FIG_LINE_LLC] = 20 * NS;
	return 0;
}

static void open_nodes(void)
{
	static const struct mmsim_cpu where[] = {
		{ .core = 0 },
		{ .core = 1 },
		{ .node = 1, .package = 1, .llc = 1, .core = 2 },
	};

	virtual_create(3, where);
	for (unsigned node = 0; node < 2; node++)
		assert_int_equal(e.x->ops->region(e.x, &pages[node * PIECE_PAGES],
						  PIECE_PAGES * sizeof(pages[0]), sizeof(pages[0]),
						  node),
				 0);
	assert_true(mm_exec_attach(e.x, &e.guest));
}

/* n each, on CPUs of their own, from the same moment on. */
static void run_actors(unsigned nr, uint64_t n, void (*fn)(void *arg))
{
	struct actor a[ACTORS] = { { .n = n }, { .n = n }, { .n = n } };

	for (unsigned i = 0; i < nr; i++)
		start_on(&a[i], (char)('a' + i), i + 1, fn);
	for (unsigned i = 0; i < nr; i++)
		join(&a[i]);
}

static void change(void *arg)
{
	const struct actor *a = arg;

	for (uint64_t i = 0; i < a->n; i++) {
		point();
		mm_exec_charge(e.x, MM_CHARGE_ATOMIC, &word, 1);
		jot(a->name);
	}
}

/* One way of 20 ns after the other, round after round; alone each would be done in 9 ns. */
static void atomics_take_turns(void **state)
{
	(void)state;
	virtual_open(ACTORS + 1);
	run_actors(ACTORS, 4, change);
	assert_int_equal(nr_notes, 4 * ACTORS);
	for (unsigned i = 0; i < nr_notes; i++)
		assert_note(i, (char)('a' + i % ACTORS), 1 + 20 * i + 8);
	env_close(&e);
}

static void one_alone_has_the_word(void **state)
{
	(void)state;
	virtual_open(2);
	run_actors(1, 3, change);
	for (unsigned i = 0; i < 3; i++)
		assert_note(i, 'a', 9 * (i + 1));
	env_close(&e);
}

static void clear(void *arg)
{
	const struct actor *a = arg;

	mm_exec_charge(e.x, MM_CHARGE_CLEAR, pages, a->n);
	jot(a->name);
}

/* The second piece is that of other struct pages, which are on the other node, behind half a link. */
static void clearing_goes_from_node_to_node(void **state)
{
	(void)state;
	figure[MMSIM_FIG_LINK_BW] = 4000;
	open_nodes();
	run_actors(1, 2 * PIECE, clear);
	assert_note(0, 'a', PIECE / 8 + PIECE / 4);
	env_close(&e);
}

/* 16, 32 and 48 GB/s are asked for, and there are 16; each begins before any has ended. */
static void clearing_shares_a_node(void **state)
{
	(void)state;
	figure[MMSIM_FIG_DRAM_BW] = 16000;
	virtual_open(ACTORS + 1);
	run_actors(ACTORS, PIECE, clear);
	for (unsigned i = 0; i < ACTORS; i++)
		assert_note(i, (char)('a' + i), PIECE / 8 * (i + 1));
	env_close(&e);
}

static void pins_and_nothing(void **state)
{
	(void)state;
	virtual_open(1);
	mm_exec_charge(e.x, MM_CHARGE_CLEAR, pages, 0);
	mm_exec_charge(e.x, MM_CHARGE_PAGE_PIN, NULL, 0);
	assert_int_equal(now(), 0);
	mm_exec_charge(e.x, MM_CHARGE_PAGE_PIN, NULL, 512);
	assert_int_equal(now(), 512 * 200);
	env_close(&e);
}

#define VIRTUAL(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VIRTUAL(atomics_take_turns),
		VIRTUAL(one_alone_has_the_word),
		VIRTUAL(clearing_goes_from_node_to_node),
		VIRTUAL(clearing_shares_a_node),
		VIRTUAL(pins_and_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
