/* SPDX-License-Identifier: MIT */
/* lib/exec/cost.h: what each charge costs, worked out by hand from the figures of exec_modes.h. */
#include "cost.h"

#include "exec_fixture.h"

#define NS UINT64_C(1000)
#define LINE_BYTES 64
#define LINES 1024
#define PIECE UINT64_C(262144)

/*
 * Two packages of one node each, two caches per node, two cores per cache, two CPUs per core: CPU i and
 * i + 8 are siblings.
 */
#define CPUS 16

static struct env e;
static struct mmsim_cpu where[CPUS];
static uint64_t figure[MMSIM_NR_FIGURES];
static struct mm_cost cost;
static _Alignas(4096) char memory[2][LINES * LINE_BYTES];

/* The exec lends its CPUs and metadata; it is serial, so that nothing else asks the model. */
static void open_cost(unsigned nr_cpus)
{
	assert_int_equal(env_create(&e, MMSIM_SERIAL, nr_cpus, NULL), 0);
	for (unsigned i = 0; i < CPUS && i < nr_cpus; i++) {
		e.x->cpu[i].where = where[i];
		e.x->cpu[i].first = i % 8;
	}
	memset(&cost, 0, sizeof(cost));
	assert_int_equal(mm_exec_cost_init(&cost, e.x, figure), 0);
}

static int setup(void **state)
{
	(void)state;
	memcpy(figure, test_figures, sizeof(figure));
	for (unsigned i = 0; i < CPUS; i++)
		where[i] = (struct mmsim_cpu){
			.node = (uint16_t)(i % 8 / 4),
			.package = (uint16_t)(i % 8 / 4),
			.llc = (uint16_t)(i % 8 / 2),
			.core = (uint16_t)(i % 8),
		};
	open_cost(CPUS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mm_exec_cost_fini(&cost);
	env_destroy(&e);
	return 0;
}

static void reopen(void)
{
	teardown(NULL);
	open_cost(CPUS);
}

static uint64_t of(unsigned cpu, enum mm_charge what, const void *obj, uint64_t n)
{
	return mm_exec_cost_of(&cost, cpu, 0, what, obj, n);
}

static void lines_by_distance(void **state)
{
	(void)state;
	assert_int_equal(mm_exec_cost_line(&cost, 0, 0), 1 * NS);
	assert_int_equal(mm_exec_cost_line(&cost, 0, 8), 7 * NS);
	assert_int_equal(mm_exec_cost_line(&cost, 8, 0), 7 * NS);
	assert_int_equal(mm_exec_cost_line(&cost, 0, 1), 20 * NS);
	assert_int_equal(mm_exec_cost_line(&cost, 0, 9), 20 * NS);
	assert_int_equal(mm_exec_cost_line(&cost, 0, 2), 50 * NS);
	assert_int_equal(mm_exec_cost_line(&cost, 3, 8), 50 * NS);
	assert_int_equal(mm_exec_cost_line(&cost, 0, 4), 130 * NS);
	assert_int_equal(mm_exec_cost_line(&cost, 15, 0), 130 * NS);
}

/* A line remembers who wrote it last; one that nobody wrote is the writer's own. */
static void lines_of_objects(void **state)
{
	struct mm_line line = { 0 };

	(void)state;
	assert_int_equal(of(2, MM_CHARGE_LINE, &line, 1), 1 * NS);
	assert_int_equal(line.writer, 3);
	assert_int_equal(of(2, MM_CHARGE_LINE, &line, 1), 1 * NS);
	assert_int_equal(of(3, MM_CHARGE_LINE, &line, 1), 20 * NS);
	assert_int_equal(of(4, MM_CHARGE_UNLOCK, &line, 1), 130 * NS);
	assert_int_equal(of(12, MM_CHARGE_LOCK, &line, 1), (8 + 7) * NS);
	assert_int_equal(of(12, MM_CHARGE_LOCK, &line, 1), (8 + 1) * NS);
	assert_int_equal(line.writer, 13);
}

/* The first reader of each last-level cache fetches it for all there; who writes takes the copies away. */
static void lines_that_are_read(void **state)
{
	struct mm_line line = { 0 };

	(void)state;
	assert_int_equal(of(0, MM_CHARGE_READ, &line, 1), 1 * NS);
	assert_int_equal(of(0, MM_CHARGE_LINE, &line, 1), 1 * NS);
	assert_int_equal(of(0, MM_CHARGE_READ, &line, 1), 1 * NS);
	assert_int_equal(of(1, MM_CHARGE_READ, &line, 1), 20 * NS);
	assert_int_equal(of(9, MM_CHARGE_READ, &line, 1), 1 * NS);
	assert_int_equal(of(2, MM_CHARGE_READ, &line, 1), 50 * NS);
	assert_int_equal(of(3, MM_CHARGE_READ, &line, 1), 1 * NS);
	assert_int_equal(of(4, MM_CHARGE_READ, &line, 1), 130 * NS);
	assert_int_equal(of(0, MM_CHARGE_LINE, &line, 1), 50 * NS);
	assert_int_equal(of(2, MM_CHARGE_READ, &line, 1), 50 * NS);
	assert_int_equal(of(3, MM_CHARGE_LINE, &line, 1), 50 * NS);
	assert_int_equal(of(2, MM_CHARGE_READ, &line, 1), 20 * NS);
	assert_int_equal(of(3, MM_CHARGE_LINE, &line, 1), 20 * NS);
	assert_int_equal(of(3, MM_CHARGE_LINE, &line, 1), 1 * NS);
}

/*
 * One that is read leaves the caches when as many others have come as these hold; a lock's word never does.
 */
static void lines_that_fall_out(void **state)
{
	struct mm_line line = { 0 }, lock = { 0 };

	(void)state;
	figure[MMSIM_FIG_CORE_CACHE] = 64 * 1000;
	figure[MMSIM_FIG_LLC_SIZE] = 1 * 1000;
	reopen();
	of(0, MM_CHARGE_READ, &line, 1);
	of(0, MM_CHARGE_LOCK, &lock, 1);
	mm_exec_cache_insert(&cost.caches, 0, 1 << 13);
	assert_int_equal(of(0, MM_CHARGE_READ, &line, 1), 1 * NS);
	mm_exec_cache_insert(&cost.caches, 0, 1 << 15);
	assert_int_equal(of(0, MM_CHARGE_READ, &line, 1), 90 * NS);
	assert_int_equal(of(0, MM_CHARGE_READ, &line, 1), 1 * NS);
	mm_exec_cache_insert(&cost.caches, 0, 1 << 15);
	assert_int_equal(of(0, MM_CHARGE_LINE, &line, 1), 90 * NS);
	assert_int_equal(of(0, MM_CHARGE_UNLOCK, &lock, 1), 1 * NS);
}

static uint64_t changed(unsigned cpu, uint64_t ns, struct mm_atomic_line *line, uint64_t n)
{
	return mm_exec_cost_of(&cost, cpu, ns * NS, MM_CHARGE_ATOMIC, line, n);
}

/* One after the other: each waits until those before have had the line, then for its way from them. */
static void atomics_queue(void **state)
{
	struct mm_atomic_line line = { 0 };

	(void)state;
	assert_int_equal(changed(0, 0, &line, 1), (1 + 8) * NS);
	assert_int_equal(line.writer, 1);
	assert_int_equal(changed(0, 10, &line, 1), (1 + 8) * NS);
	assert_int_equal(changed(1, 20, &line, 1), (20 + 8) * NS);
	/* Two at the same time, and one that comes while they are at it. */
	assert_int_equal(changed(2, 20, &line, 1), (20 + 50 + 8) * NS);
	assert_int_equal(changed(4, 30, &line, 1), (60 + 130 + 8) * NS);
	assert_int_equal(line.free_at, 220 * NS);
	assert_int_equal(changed(12, 219, &line, 1), (1 + 7 + 8) * NS);
	/* The line is free once it is there; the change itself nobody waits for. */
	assert_int_equal(changed(4, 227, &line, 1), (7 + 8) * NS);
	assert_int_equal(changed(4, 1000, &line, 1), (1 + 8) * NS);
	assert_int_equal(line.writer, 5);
}

/* None is once. The line goes on only after the last, and the first alone pays its way. */
static void atomics_in_a_row(void **state)
{
	struct mm_atomic_line line = { 0 };

	(void)state;
	assert_int_equal(changed(0, 0, &line, 0), (1 + 8) * NS);
	assert_int_equal(changed(1, 100, &line, 3), (20 + 8 + 2 * (1 + 8)) * NS);
	assert_int_equal(line.free_at, (100 + 20 + 2 * 9) * NS);
	assert_int_equal(changed(0, 100, &line, 1), (38 + 20 + 8) * NS);
}

/* C3: somebody's clock may lag behind the line's. */
static void atomics_never_overtake(void **state)
{
	struct mm_atomic_line line = { 0 }, other = { 0 };

	(void)state;
	changed(0, 1000, &line, 1);
	assert_int_equal(changed(1, 0, &line, 1), (1001 + 20 + 8) * NS);
	assert_int_equal(line.free_at, 1021 * NS);
	assert_int_equal(changed(1, 0, &other, 1), (1 + 8) * NS);
	/* Too many for the end of time. */
	assert_true(changed(2, 0, &line, UINT64_MAX) == UINT64_MAX);
	assert_true(line.free_at == UINT64_MAX);
	assert_true(changed(4, 20, &line, 1) == UINT64_MAX - 12 * NS);
}

static void straight_work(void **state)
{
	static const struct {
		enum mm_charge what;
		uint64_t ns; /* of three */
	} work[] = {
		{ MM_CHARGE_PAGE_OP, 15 },    { MM_CHARGE_PAGE_FREE, 300 },
		{ MM_CHARGE_ZAP, 150 },       { MM_CHARGE_TREE, 9 },
		{ MM_CHARGE_LIST_MOVE, 6 },   { MM_CHARGE_SPAWN, 30000 },
		{ MM_CHARGE_TLB_FLUSH, 300 }, { MM_CHARGE_IPI, 800 + 2 * 70 },
		{ MM_CHARGE_PAGE_PIN, 600 },
	};

	(void)state;
	mm_exec_cost_busy(&cost, 0, true);
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++) {
		assert_int_equal(of(0, work[i].what, NULL, 3), work[i].ns * NS);
		assert_int_equal(of(0, work[i].what, NULL, 0), 0);
	}
	assert_int_equal(of(0, MM_CHARGE_IPI, NULL, 1), 800 * NS);
	mm_exec_cost_busy(&cost, 0, false);
}

/* Half as fast while the sibling works, and only then; lines take as long as ever. */
static void siblings(void **state)
{
	struct mm_line line = { 0 };

	(void)state;
	mm_exec_cost_busy(&cost, 0, true);
	mm_exec_cost_busy(&cost, 1, true);
	assert_int_equal(of(0, MM_CHARGE_ZAP, NULL, 1), 50 * NS);
	mm_exec_cost_busy(&cost, 8, true);
	assert_int_equal(of(0, MM_CHARGE_ZAP, NULL, 1), 100 * NS);
	assert_int_equal(of(8, MM_CHARGE_ZAP, NULL, 1), 100 * NS);
	assert_int_equal(of(1, MM_CHARGE_ZAP, NULL, 1), 50 * NS);
	assert_int_equal(of(0, MM_CHARGE_LINE, &line, 1), 1 * NS);
	mm_exec_cost_busy(&cost, 0, false);
	assert_int_equal(of(8, MM_CHARGE_ZAP, NULL, 1), 50 * NS);
}

/* 4 cores in a package: 1, 0.9, 0.8, 0.7 of the clock. A sibling is no core more. */
static void turbo(void **state)
{
	static const uint64_t ps[] = { 50000, 55555, 62500, 71428 };

	(void)state;
	figure[MMSIM_FIG_TURBO_ALL] = 700;
	figure[MMSIM_FIG_SMT_FACTOR] = 1000;
	reopen();
	mm_exec_cost_busy(&cost, 4, true); /* the other package */
	for (unsigned i = 0; i < 4; i++) {
		mm_exec_cost_busy(&cost, i, true);
		assert_int_equal(of(0, MM_CHARGE_ZAP, NULL, 1), ps[i]);
		mm_exec_cost_busy(&cost, 8, true);
		assert_int_equal(of(0, MM_CHARGE_ZAP, NULL, 1), ps[i]);
		mm_exec_cost_busy(&cost, 8, false);
	}
	assert_int_equal(of(4, MM_CHARGE_ZAP, NULL, 1), ps[0]);
	mm_exec_cost_busy(&cost, 2, false);
	assert_int_equal(of(0, MM_CHARGE_ZAP, NULL, 1), ps[2]);
}

static void add(unsigned m, size_t from, size_t lines, unsigned node)
{
	assert_int_equal(mm_exec_cost_region(&cost, memory[m] + from * LINE_BYTES,
					     lines * LINE_BYTES, LINE_BYTES, node),
			 0);
}

/* First from memory, by node; then from who wrote it. Several lines add up; a part is a whole one. */
static void touching(void **state)
{
	char *base = memory[0];

	(void)state;
	add(0, 0, LINES, 0);
	assert_int_equal(of(0, MM_CHARGE_TOUCH, base, 1), 90 * NS);
	assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 63, 1), 1 * NS);
	assert_int_equal(of(4, MM_CHARGE_TOUCH, base + 64, 1), 140 * NS);
	assert_int_equal(of(1, MM_CHARGE_TOUCH, base + 64, 0), 130 * NS);
	assert_int_equal(of(1, MM_CHARGE_TOUCH, base + 63, 2), (20 + 1) * NS);
	assert_int_equal(of(1, MM_CHARGE_TOUCH, base, 4 * 64), (1 + 1 + 90 + 90) * NS);
	assert_int_equal(of(9, MM_CHARGE_RMW, base + 130, 1), (8 + 7) * NS);
}

/* In any order, with a hole between, and not a byte too far. */
static void regions(void **state)
{
	static const unsigned char order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
						   { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	char *base = memory[0];

	(void)state;
	for (int i = 0; i < 6; i++) {
		reopen();
		/* Lines 10 to 19 on node 0, 20 to 29 on node 1, 40 to 49 on node 0. */
		for (int k = 0; k < 3; k++)
			add(0, order[i][k] == 2 ? 40 : 10u + 10u * order[i][k], 10,
			    order[i][k] == 1);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 640 - 1, 1), 1 * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 640, 1), 90 * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 1280 - 1, 1), 90 * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 1280, 1), 140 * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 1920 - 1, 1), 140 * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 1920, 1), 1 * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 2559, 1), 1 * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 2560, 1), 90 * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 3199, 1), 90 * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, base + 3200, 1), 1 * NS);
		/* What is longer than its region ends with it, however long. */
		assert_int_equal(of(4, MM_CHARGE_TOUCH, base + 3136, UINT64_MAX), 130 * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, NULL, 8), 1 * NS);
	}
}

/* More than there is room for at first. */
static void many_regions(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40; i++)
		add(0, i * 23 % 40 * 3, 2, i * 23 % 40 % 2);
	for (unsigned i = 0; i < 40; i++) {
		char *line = memory[0] + i * 3 * LINE_BYTES;

		assert_int_equal(of(0, MM_CHARGE_TOUCH, line + 64, 1), (i % 2 ? 140 : 90) * NS);
		assert_int_equal(of(0, MM_CHARGE_TOUCH, line + 128, 1), 1 * NS);
	}
}

/* A piece of a flow at time now; how long it takes. All of n is done. */
static uint64_t flow(unsigned cpu, uint64_t now, enum mm_charge what, const void *obj, uint64_t n)
{
	uint64_t nr = n, ps = mm_exec_cost_flow(&cost, cpu, now, what, obj, &nr);

	assert_int_equal(nr, n);
	return ps;
}

/* 16 GB/s alone; five share 80 GB/s without loss, six do not. */
static void flows_share_memory(void **state)
{
	uint64_t alone = PIECE * 1000 / 16;

	(void)state;
	add(0, 0, LINES, 0);
	add(1, 0, LINES, 0);
	/* CPUs of the node, and the siblings of two: not busy, so no slower. */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(flow(i, 0, MM_CHARGE_STREAM, memory[0], PIECE), alone);
	assert_int_equal(flow(8, 0, MM_CHARGE_STREAM, memory[0], PIECE), alone);
	assert_int_equal(flow(9, 0, MM_CHARGE_STREAM, memory[0], PIECE), alone * 6 / 5);
	assert_int_equal(flow(10, 0, MM_CHARGE_STREAM, memory[0], PIECE), alone * 7 / 5);
	/* A ps before they end nothing is free, then that of five. */
	assert_int_equal(flow(11, alone - 1, MM_CHARGE_STREAM, memory[0], PIECE), alone * 8 / 5);
	assert_int_equal(flow(0, alone, MM_CHARGE_STREAM, memory[0], PIECE), alone);
	assert_int_equal(cost.memory[0].nr, 4);
	/* The other node's is its own. */
	assert_int_equal(flow(4, 0, MM_CHARGE_STREAM, e.x, PIECE), alone);
}

/* Those that ask for more get more: streams ask for 16 GB/s, pages for 2 * 64 B / 16 ns = 8 GB/s. */
static void shares_are_in_proportion(void **state)
{
	uint64_t page = 16 * NS, alone = 64 * 1000 / 16;
	uint64_t stream[6], demand = 0;

	(void)state;
	add(0, 0, LINES, 0);
	for (unsigned i = 0; i < 6; i++) {
		demand += 16000;
		stream[i] = flow(i < 4 ? i : i + 4, 0, MM_CHARGE_STREAM, memory[0], 64);
		assert_int_equal(stream[i], demand > 80000 ? alone * demand / 80000 : alone);
	}
	demand += 8000;
	assert_int_equal(flow(10, 0, MM_CHARGE_PAGE_INIT, memory[0], 1), page * demand / 80000);
	assert_int_equal(cost.memory[0].demand, demand);
}

/* Two into the other node fill the link, a third shares it; memory itself has room. */
static void links_limit(void **state)
{
	uint64_t alone = PIECE * 1000 / 16;

	(void)state;
	add(1, 0, LINES, 1);
	assert_int_equal(flow(0, 0, MM_CHARGE_STREAM, memory[1], PIECE), alone);
	assert_int_equal(flow(1, 0, MM_CHARGE_STREAM, memory[1], PIECE), alone);
	assert_int_equal(flow(2, 0, MM_CHARGE_STREAM, memory[1], PIECE), alone * 3 / 2);
	/* Its own CPUs do not need the link. */
	assert_int_equal(flow(4, 0, MM_CHARGE_STREAM, memory[1], PIECE), alone);
	assert_int_equal(cost.link[1].nr, 3);
	assert_int_equal(cost.memory[1].nr, 4);
	assert_int_equal(cost.link[0].nr + cost.memory[0].nr, 0);
}

/* Cleared at 8 GB/s, which moves 16: five fill 80 GB/s. The struct page says whose memory it is. */
static void clearing_shares_memory(void **state)
{
	uint64_t alone = PIECE * 1000 / 8;

	(void)state;
	add(0, 0, LINES, 0);
	add(1, 0, LINES, 1);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(flow(i < 4 ? i : 8, 0, MM_CHARGE_CLEAR, memory[0], PIECE), alone);
	assert_int_equal(cost.memory[0].demand, 80000);
	assert_int_equal(flow(9, 0, MM_CHARGE_CLEAR, memory[0], PIECE), alone * 6 / 5);
	/* A stream gets its share of the same pipe. */
	assert_int_equal(flow(10, 0, MM_CHARGE_STREAM, memory[0], PIECE), alone / 2 * 7 / 5);
	assert_int_equal(flow(0, alone * 2, MM_CHARGE_CLEAR, memory[0], PIECE), alone);
	/* Of the other node, or of no region: its own memory. */
	assert_int_equal(flow(4, 0, MM_CHARGE_CLEAR, memory[1], PIECE), alone);
	assert_int_equal(flow(5, 0, MM_CHARGE_CLEAR, e.x, PIECE), alone);
	assert_int_equal(cost.memory[1].nr, 2);
	assert_int_equal(cost.link[0].nr + cost.link[1].nr, 0);
}

/*
 * Four fill the link into the other node, 8 GB/s each, read one way and written back the other; a fifth
 * shares it.
 */
static void clearing_shares_links(void **state)
{
	uint64_t alone = PIECE * 1000 / 8;

	(void)state;
	add(1, 0, LINES, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(flow(i, 0, MM_CHARGE_CLEAR, memory[1], PIECE), alone);
	assert_int_equal(flow(8, 0, MM_CHARGE_CLEAR, memory[1], PIECE), alone * 5 / 4);
	assert_int_equal(cost.link[1].nr, 5);
	/* Memory moves twice as much, and five fill it: a sixth, on its own node, shares that. */
	assert_int_equal(flow(4, 0, MM_CHARGE_CLEAR, memory[1], PIECE), alone * 6 / 5);
	assert_int_equal(cost.link[1].nr, 5);
	assert_int_equal(cost.memory[1].nr, 6);
	assert_int_equal(cost.memory[0].nr, 0);
}

/* write_allocate is what memory moves, not what the core waits for; a busy sibling halves the core. */
static void clearing_alone(void **state)
{
	(void)state;
	figure[MMSIM_FIG_WRITE_ALLOCATE] = 1000;
	reopen();
	add(0, 0, LINES, 0);
	mm_exec_cost_busy(&cost, 0, true);
	assert_int_equal(flow(0, 0, MM_CHARGE_CLEAR, memory[0], 4096), 4096 * 1000 / 8);
	assert_int_equal(cost.memory[0].demand, 8000);
	mm_exec_cost_busy(&cost, 8, true);
	assert_int_equal(flow(0, NS * 1000, MM_CHARGE_CLEAR, memory[0], 4096), 4096 * 1000 / 4);
	assert_int_equal(cost.memory[0].demand, 4000);
}

/* The struct pages of what is cleared stay in the cache where they were, and out of others. */
static void clearing_touches_no_lines(void **state)
{
	(void)state;
	add(0, 0, LINES, 0);
	of(1, MM_CHARGE_TOUCH, memory[0], 1);
	flow(0, 0, MM_CHARGE_CLEAR, memory[0], PIECE);
	assert_int_equal(of(1, MM_CHARGE_TOUCH, memory[0], 1), 1 * NS);
	assert_int_equal(mm_exec_cost_of(&cost, 0, NS * 100000, MM_CHARGE_TOUCH, memory[0] + 64, 1),
			 90 * NS);
}

/* Where the next piece begins: in bytes stored, in struct pages, and of 4 KiB cleared in one of them. */
static void flows_go_on(void **state)
{
	(void)state;
	assert_int_equal(mm_cost_flow_step(MM_CHARGE_STREAM, PIECE), PIECE);
	assert_int_equal(mm_cost_flow_step(MM_CHARGE_PAGE_INIT, 10), 640);
	assert_int_equal(mm_cost_flow_step(MM_CHARGE_CLEAR, PIECE), 64 * 64);
	for (int i = 0; i < MM_NR_CHARGES; i++)
		assert_int_equal(mm_cost_is_flow((enum mm_charge)i),
				 i == MM_CHARGE_STREAM || i == MM_CHARGE_PAGE_INIT ||
					 i == MM_CHARGE_CLEAR);
}

static void flows_are_cut(void **state)
{
	uint64_t n = PIECE + 1;

	(void)state;
	assert_int_equal(mm_exec_cost_flow(&cost, 0, 0, MM_CHARGE_STREAM, memory, &n),
			 PIECE * 1000 / 16);
	assert_int_equal(n, PIECE);
	n = PIECE / 64 + 1;
	assert_int_equal(mm_exec_cost_flow(&cost, 1, 0, MM_CHARGE_PAGE_INIT, memory, &n),
			 PIECE / 64 * 16 * NS);
	assert_int_equal(n, PIECE / 64);
	n = PIECE * 4;
	assert_int_equal(mm_exec_cost_flow(&cost, 3, 0, MM_CHARGE_CLEAR, memory, &n),
			 PIECE * 1000 / 8);
	assert_int_equal(n, PIECE);
	n = 1;
	assert_int_equal(mm_exec_cost_flow(&cost, 2, 0, MM_CHARGE_STREAM, memory, &n), 62);
	assert_int_equal(n, 1);
}

/* Initialised pages are in the writer's cache, streamed ones in nobody's. */
static void flows_claim_lines(void **state)
{
	(void)state;
	add(0, 0, LINES, 0);
	flow(1, 0, MM_CHARGE_PAGE_INIT, memory[0] + 64, 2);
	assert_int_equal(of(0, MM_CHARGE_TOUCH, memory[0], 1), 90 * NS);
	assert_int_equal(of(0, MM_CHARGE_TOUCH, memory[0] + 64, 1), 20 * NS);
	assert_int_equal(of(0, MM_CHARGE_TOUCH, memory[0] + 128, 1), 20 * NS);
	assert_int_equal(of(0, MM_CHARGE_TOUCH, memory[0] + 192, 1), 90 * NS);
	flow(1, NS * 100, MM_CHARGE_STREAM, memory[0] + 64, 64);
	/* Long after, so that memory is idle again. */
	assert_int_equal(mm_exec_cost_of(&cost, 0, NS * 10000, MM_CHARGE_TOUCH, memory[0] + 64, 1),
			 90 * NS);
	/* Beyond the region's end nothing is claimed, nor written. */
	flow(1, NS * 20000, MM_CHARGE_PAGE_INIT, memory[0] + (LINES - 1) * 64, 4);
	assert_int_equal(mm_exec_cost_of(&cost, 1, NS * 90000, MM_CHARGE_TOUCH,
					 memory[0] + (LINES - 1) * 64, 1),
			 1 * NS);
}

/* Pages at 8 GB/s of 80: the knee is at 6 flows; 8 are half way from there to full. */
static void loaded_latency(void **state)
{
	static const unsigned share[] = { 700, 800 };
	unsigned cpu = 0;

	(void)state;
	add(0, 0, LINES, 0);
	for (; cpu < 6; cpu++)
		flow(cpu, 0, MM_CHARGE_PAGE_INIT, memory[1], 1000);
	/* CPUs 4 and 5 are of node 1: theirs are its memory. Two more here. */
	flow(8, 0, MM_CHARGE_PAGE_INIT, memory[1], 1000);
	flow(9, 0, MM_CHARGE_PAGE_INIT, memory[1], 1000);
	assert_int_equal(of(0, MM_CHARGE_TOUCH, memory[0], 1), 90 * NS);
	for (unsigned i = 0; i < 2; i++) {
		flow(10 + i, 0, MM_CHARGE_PAGE_INIT, memory[1], 1000);
		/* (1.6 - 1) * (share - 0.6) / 0.4 more, in thousandths */
		assert_int_equal(of(0, MM_CHARGE_TOUCH, memory[0] + 64 * (i + 1), 1),
				 90 * (1000 + 600 * (share[i] - 600) / 400));
	}
	/* They have ended by then. */
	assert_int_equal(
		mm_exec_cost_of(&cost, 0, 16 * NS * 1000, MM_CHARGE_TOUCH, memory[0] + 64 * 5, 1),
		90 * NS);
}

/* C1: who looks at a later time forgets no flow that one at an earlier time meets. */
static void looking_ahead_forgets_nothing(void **state)
{
	uint64_t alone = PIECE * 1000 / 16;

	(void)state;
	add(0, 0, LINES, 0);
	for (unsigned i = 0; i < 4; i++)
		flow(i, 0, MM_CHARGE_STREAM, memory[0], PIECE);
	flow(8, 0, MM_CHARGE_STREAM, memory[0], PIECE);
	assert_int_equal(mm_exec_cost_of(&cost, 10, alone + 1, MM_CHARGE_TOUCH, memory[0], 1),
			 90 * NS);
	assert_int_equal(flow(9, alone / 2, MM_CHARGE_STREAM, memory[0], PIECE), alone * 6 / 5);
}

/* The largest figures and numbers: long, not short. */
static void extremes(void **state)
{
	struct mm_line line = { 0 };

	(void)state;
	for (int i = 0; i < MMSIM_NR_FIGURES; i++)
		if (figure[i] > 1000)
			figure[i] = UINT64_C(10000000000) * 1000;
	figure[MMSIM_FIG_SMT_FACTOR] = 100;
	figure[MMSIM_FIG_TURBO_ALL] = 100;
	figure[MMSIM_FIG_DRAM_BW] = 100;
	figure[MMSIM_FIG_CORE_BW] = figure[MMSIM_FIG_CLEAR_BW] = 100;
	figure[MMSIM_FIG_LINK_BW] = 100;
	figure[MMSIM_FIG_WRITE_ALLOCATE] = 4000;
	figure[MMSIM_FIG_LOADED_LATENCY] = 100000;
	figure[MMSIM_FIG_LOADED_KNEE] = 990;
	figure[MMSIM_FIG_LINE_REMOTE] = figure[MMSIM_FIG_DRAM_REMOTE] = 100000000;
	reopen();
	add(0, 0, LINES, 1);
	for (unsigned i = 0; i < CPUS; i++)
		mm_exec_cost_busy(&cost, i, true);
	assert_true(of(0, MM_CHARGE_ZAP, NULL, UINT64_C(1) << 34) == UINT64_MAX);
	assert_true(of(0, MM_CHARGE_IPI, NULL, UINT64_MAX) == UINT64_MAX);
	assert_int_equal(of(0, MM_CHARGE_ZAP, NULL, 1), UINT64_C(10000000000000) * 100);
	for (unsigned i = 0; i < CPUS; i++)
		assert_true(flow(i, 0, MM_CHARGE_STREAM, memory[0], PIECE) >= PIECE * 100000);
	for (unsigned i = 0; i < CPUS; i++)
		assert_true(flow(i, UINT64_C(1) << 62, MM_CHARGE_CLEAR, memory[0], PIECE) >=
			    PIECE * 100000);
	/* 100 times the latency of 100 us, whatever the number of flows. */
	assert_int_equal(of(0, MM_CHARGE_TOUCH, memory[0], 1), UINT64_C(100000000) * 100);
	of(4, MM_CHARGE_LINE, &line, 1);
	assert_int_equal(of(0, MM_CHARGE_LINE, &line, 1), 100000000);
}

/* Nothing costs anything, and bandwidth is all there is. */
static void nothing_costs(void **state)
{
	struct mm_line line = { 0 };

	(void)state;
	memset(figure, 0, sizeof(figure));
	figure[MMSIM_FIG_DRAM_BW] = figure[MMSIM_FIG_CORE_BW] = figure[MMSIM_FIG_LINK_BW] = 80000;
	figure[MMSIM_FIG_SMT_FACTOR] = figure[MMSIM_FIG_TURBO_ALL] = 1000;
	figure[MMSIM_FIG_WRITE_ALLOCATE] = figure[MMSIM_FIG_LOADED_LATENCY] = 1000;
	reopen();
	assert_int_equal(of(0, MM_CHARGE_LOCK, &line, 1), 0);
	assert_int_equal(of(5, MM_CHARGE_UNLOCK, &line, 1), 0);
	assert_int_equal(of(5, MM_CHARGE_PAGE_OP, NULL, 1000), 0);
	/* 80 bytes take 1 ns, however little work they are. */
	assert_in_range(flow(0, 0, MM_CHARGE_PAGE_INIT, memory[0], 4000), 4000 * 64 * 1000 / 80,
			4000 * 64 * 1000 / 80 + 1);
}

#define COST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		COST(lines_by_distance),
		COST(lines_of_objects),
		COST(lines_that_are_read),
		COST(lines_that_fall_out),
		COST(atomics_queue),
		COST(atomics_in_a_row),
		COST(atomics_never_overtake),
		COST(straight_work),
		COST(siblings),
		COST(turbo),
		COST(touching),
		COST(regions),
		COST(many_regions),
		COST(flows_share_memory),
		COST(shares_are_in_proportion),
		COST(links_limit),
		COST(clearing_shares_memory),
		COST(clearing_shares_links),
		COST(clearing_alone),
		COST(clearing_touches_no_lines),
		COST(flows_go_on),
		COST(flows_are_cut),
		COST(flows_claim_lines),
		COST(loaded_latency),
		COST(looking_ahead_forgets_nothing),
		COST(extremes),
		COST(nothing_costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
