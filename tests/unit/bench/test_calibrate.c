/* SPDX-License-Identifier: MIT */
/* calibrate: what is made of measurements, the profile's text read back, shapes and pairs of CPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "calibrate_probe.h"
#include "harness/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NR_UNSEEN 5 /* figures that no probe measures */

static struct calibrate_raw *raw;
static struct calibrate_figure figure[MMSIM_NR_FIGURES];

static int setup(void **state)
{
	(void)state;
	raw = bench_calloc(1, sizeof(*raw));
	memset(figure, 0, sizeof(figure));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(raw);
	return 0;
}

static void add(unsigned series, double value)
{
	calibrate_add(raw, series, value);
}

/* Of a host with everything, no two figures alike. */
static void add_everything(void)
{
	raw->cpus = 4;
	for (unsigned i = 0; i < NR_SERIES; i++)
		add(i, 10 + i);
	for (unsigned i = 0; i < CALIBRATE_IDLE_STEPS; i++)
		raw->idle_ns[i] = UINT64_C(50000) << i;
}

static void figure_is(enum mmsim_figure which, uint64_t value, const char *text)
{
	const char *name = mmsim_figure_info(which)->name;

	if (figure[which].value != value)
		fail_msg("%s is %llu, not %llu", name, (unsigned long long)figure[which].value,
			 (unsigned long long)value);
	if (!strstr(figure[which].source, text))
		fail_msg("%s: no '%s' in '%s'", name, text, figure[which].source);
}

static void is_default(enum mmsim_figure which, const char *why)
{
	figure_is(which, mmsim_figure_info(which)->value, why);
	assert_false(figure[which].measured);
	assert_non_null(strstr(figure[which].source, "generic default"));
}

static void thousandths_are_rounded_and_kept_in_range(void **state)
{
	const struct mmsim_figure_info *turbo = mmsim_figure_info(MMSIM_FIG_TURBO_ALL);

	(void)state;
	assert_int_equal(calibrate_thousandths(MMSIM_FIG_LINE_LLC, 47.0004), 47000);
	assert_int_equal(calibrate_thousandths(MMSIM_FIG_LINE_LLC, 47.0006), 47001);
	assert_int_equal(calibrate_thousandths(MMSIM_FIG_PAGE_OP, -3), 0);
	assert_int_equal(calibrate_thousandths(MMSIM_FIG_PAGE_OP, NAN), 0);
	assert_int_equal(calibrate_thousandths(MMSIM_FIG_TURBO_ALL, 1.7), turbo->max);
	assert_int_equal(calibrate_thousandths(MMSIM_FIG_TURBO_ALL, 0), turbo->min);
	assert_int_equal(calibrate_thousandths(MMSIM_FIG_LINE_LLC, INFINITY),
			 mmsim_figure_info(MMSIM_FIG_LINE_LLC)->max);
}

static void the_median_counts_and_the_spread_is_told(void **state)
{
	static const double ns[] = { 90, NAN, 40, 50, INFINITY };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ns); i++)
		add(SERIES_LINE_LLC, ns[i]);
	assert_int_equal(raw->series[SERIES_LINE_LLC].nr, 3);
	calibrate_derive(raw, figure);
	figure_is(MMSIM_FIG_LINE_LLC, 50000, "median of 3, 40.00..90.00");
	assert_true(figure[MMSIM_FIG_LINE_LLC].measured);
	assert_true(calibrate_median(ns, ARRAY_LEN(ns)) == 50);
}

static void more_values_than_room_are_dropped(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * CALIBRATE_MAX_ROUNDS; i++)
		add(SERIES_TREE, i);
	assert_int_equal(raw->series[SERIES_TREE].nr, CALIBRATE_MAX_ROUNDS);
	assert_int_equal(raw->series[SERIES_TREE + 1].nr, 0);
}

static void without_measurements_all_are_defaults(void **state)
{
	(void)state;
	calibrate_lack(raw, SERIES_LINE_REMOTE, "one node");
	calibrate_lack(raw, SERIES_LINE_REMOTE, "a later reason");
	calibrate_derive(raw, figure);
	for (unsigned i = 0; i < MMSIM_NR_FIGURES; i++)
		is_default(i, "not measurable here (");
	is_default(MMSIM_FIG_LINE_REMOTE, "(one node)");
	is_default(MMSIM_FIG_LINE_SMT, "(no round gave a value)");
}

static void with_everything_only_a_few_are_defaults(void **state)
{
	unsigned defaults = 0;

	(void)state;
	add_everything();
	calibrate_derive(raw, figure);
	for (unsigned i = 0; i < MMSIM_NR_FIGURES; i++) {
		const struct mmsim_figure_info *info = mmsim_figure_info(i);

		assert_true(figure[i].value >= info->min && figure[i].value <= info->max);
		assert_true(figure[i].source[0] && !strchr(figure[i].source, '\n'));
		defaults += !figure[i].measured;
	}
	/* And deep_after: the wake-ups are all alike. */
	assert_int_equal(defaults, NR_UNSEEN + 1);
	is_default(MMSIM_FIG_LOCK_KIND, "kernel queues");
	is_default(MMSIM_FIG_PAGE_PIN, "device");
	figure_is(MMSIM_FIG_CLEAR_BW, (10 + SERIES_CLEAR) * MMSIM_FIGURE_ONE, "memset()");
}

static void an_atomic_and_a_page_operation(void **state)
{
	(void)state;
	add(SERIES_LINE_OWN, 1.5);
	add(SERIES_RMW, 8);
	add(SERIES_PAGE_PAIR, 38);
	calibrate_derive(raw, figure);
	figure_is(MMSIM_FIG_ATOMIC, 6500, "atomic add");
	figure_is(MMSIM_FIG_PAGE_OP, 4000, "half of it");
	memset(raw, 0, sizeof(*raw));
	add(SERIES_LINE_OWN, 1.5);
	add(SERIES_RMW, 8);
	add(SERIES_PAGE_PAIR, 20);
	calibrate_derive(raw, figure);
	figure_is(MMSIM_FIG_PAGE_OP, 0, "taken as 0");
}

static void add_bandwidth(unsigned cpus, double streaming, double ordinary)
{
	raw->cpus = cpus;
	add(SERIES_STREAM_ONE, 10);
	add(SERIES_ORDINARY_ONE, 6);
	add(SERIES_STREAM_ALL, streaming);
	add(SERIES_ORDINARY_ALL, ordinary);
}

static void a_saturated_memory_tells_what_a_store_moves(void **state)
{
	(void)state;
	add_bandwidth(16, 81, 45);
	calibrate_derive(raw, figure);
	figure_is(MMSIM_FIG_CORE_BW, 10000, "streaming");
	figure_is(MMSIM_FIG_WRITE_ALLOCATE, 1800, "16 CPUs");
	figure_is(MMSIM_FIG_DRAM_BW, 81000, "16 CPUs");
	assert_null(strstr(figure[MMSIM_FIG_DRAM_BW].source, "lower bound"));
}

static void an_unsaturated_one_does_not(void **state)
{
	(void)state;
	add_bandwidth(2, 19, 11.5);
	calibrate_derive(raw, figure);
	is_default(MMSIM_FIG_WRITE_ALLOCATE, "2 CPUs cannot saturate memory");
	figure_is(MMSIM_FIG_DRAM_BW, 23000, "lower bound");
	memset(raw, 0, sizeof(*raw));
	add_bandwidth(1, 10, 6);
	calibrate_derive(raw, figure);
	is_default(MMSIM_FIG_WRITE_ALLOCATE, "1 CPU cannot");
}

/* Asleep for 50, 100, 200 … us. */
static void add_wakes(const double *ns)
{
	add_everything();
	for (unsigned i = SERIES_WAKER; i < NR_SERIES; i++)
		raw->series[i].nr = 0;
	add(SERIES_WAKER, 1000);
	add(SERIES_TIMER, 60000);
	for (unsigned i = 0; i < CALIBRATE_IDLE_STEPS; i++)
		add(SERIES_WAKE + i, ns[i]);
	calibrate_derive(raw, figure);
}

static void waking_is_what_the_waker_does_not_pay(void **state)
{
	static const double ns[] = { 3000, 3100, 3000, 9000, 8000, 9500, 9000, 9000 };

	(void)state;
	add_wakes(ns);
	figure_is(MMSIM_FIG_WAKER, 1000000, "futex");
	figure_is(MMSIM_FIG_WAKE, 2000000, "after 50 us");
	figure_is(MMSIM_FIG_WAKE_DEEP, 8000000, "after 6400 us");
	figure_is(MMSIM_FIG_DEEP_AFTER, 400000000, "after 200 us idle");
	figure_is(MMSIM_FIG_TIMER, 58000000, "less wake (2000)");
}

static void where_all_wakes_are_alike_nothing_is_deep(void **state)
{
	static const double ns[] = { 3000, 3100, 3000, 3200, 3000, 3100, 3000, 3000 };

	(void)state;
	add_wakes(ns);
	is_default(MMSIM_FIG_DEEP_AFTER, "any idle time");
	figure_is(MMSIM_FIG_WAKE_DEEP, 2000000, "after 6400 us");
}

/* Deep is never below shallow, whatever the noise of a round says. */
static void a_deep_sleep_wakes_no_faster(void **state)
{
	static const double ns[] = { 3000, 3100, 3000, 3200, 3000, 3100, 3000, 2500 };

	(void)state;
	add_wakes(ns);
	figure_is(MMSIM_FIG_WAKE, 2000000, "after 50 us");
	figure_is(MMSIM_FIG_WAKE_DEEP, 2000000, "which is below wake: wake is taken");
	is_default(MMSIM_FIG_DEEP_AFTER, "any idle time");
}

static void speeds_are_ratios(void **state)
{
	(void)state;
	add(SERIES_SPEED_ONE, 2);
	add(SERIES_SPEED_ALL, 2.5);
	add(SERIES_SPEED_SMT, 4);
	calibrate_derive(raw, figure);
	figure_is(MMSIM_FIG_TURBO_ALL, 800, "every core");
	figure_is(MMSIM_FIG_SMT_FACTOR, 500, "sibling");
}

static void switches_leave_out_the_call(void **state)
{
	(void)state;
	add(SERIES_HANDOVER, 1500);
	add(SERIES_EMPTY_WAKE, 200);
	calibrate_derive(raw, figure);
	figure_is(MMSIM_FIG_SWITCH, 1300000, "handed over");
}

/* Every figure has its line, and only those that no probe measures say so. */
static void the_list_is_complete(void **state)
{
	unsigned lines = 0, unseen = 0;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	calibrate_list(out);
	fclose(out);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		const char *name = mmsim_figure_info(lines++)->name;

		assert_memory_equal(line, name, strlen(name));
		unseen += strstr(line, "not measured") != NULL;
	}
	assert_int_equal(lines, MMSIM_NR_FIGURES);
	assert_int_equal(unseen, NR_UNSEEN);
	free(text);
}

static struct mmsim_config shape_of(const char *topology)
{
	struct mmsim_config cfg;
	char msg[160] = "";

	mmsim_config_defaults(&cfg);
	if (mmsim_config_from_synthetic(&cfg, topology, 0, msg, sizeof(msg)))
		fail_msg("'%s': %s", topology, msg);
	return cfg;
}

static void read_back(const struct calibrate_machine *machine, struct mmsim_config *cfg)
{
	char *text = NULL, msg[256] = "";
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(calibrate_write(out, machine, figure), 0);
	fclose(out);
	mmsim_config_defaults(cfg);
	if (mmsim_config_from_profile(cfg, text, len, msg, sizeof(msg)))
		fail_msg("%s in:\n%s", msg, text);
	free(text);
}

static void same_figures(const struct mmsim_config *cfg)
{
	for (unsigned i = 0; i < MMSIM_NR_FIGURES; i++)
		if (cfg->figure[i] != figure[i].value)
			fail_msg("%s is read back as %llu, not %llu", mmsim_figure_info(i)->name,
				 (unsigned long long)cfg->figure[i],
				 (unsigned long long)figure[i].value);
}

static void a_profile_is_read_back_as_it_was(void **state)
{
	struct calibrate_machine machine = {
		.name = "test",
		.cpu = "A CPU; @ 2 GHz\twith\x01 two\nlines",
		.topology = "pack:2 node:1(memory=8192M) core:3 pu:2",
		.siblings_last = true,
		.source = "here",
	};
	struct mmsim_config cfg;

	(void)state;
	add_everything();
	calibrate_derive(raw, figure);
	figure[MMSIM_FIG_LOCK_KIND].value = MMSIM_LOCK_TICKET * MMSIM_FIGURE_ONE;
	figure[MMSIM_FIG_LINE_OWN].value = 1;
	figure[MMSIM_FIG_LINE_LLC].value = 47050;
	figure[MMSIM_FIG_WAKE].value = 1234567;
	read_back(&machine, &cfg);
	same_figures(&cfg);
	assert_int_equal(cfg.nr_cpus, 12);
	assert_int_equal(cfg.cpu[0].core, cfg.cpu[6].core);
	machine.siblings_last = false;
	machine.cpu[0] = '\0';
	read_back(&machine, &cfg);
	assert_int_equal(cfg.cpu[0].core, cfg.cpu[1].core);
}

static void defaults_are_read_back_too(void **state)
{
	struct calibrate_machine machine = { .topology = "node:1(memory=1G) pu:1" };
	struct mmsim_config cfg, defaults;

	(void)state;
	calibrate_derive(raw, figure);
	read_back(&machine, &cfg);
	mmsim_config_defaults(&defaults);
	assert_memory_equal(cfg.figure, defaults.figure, sizeof(cfg.figure));
}

static void a_full_disk_is_noticed(void **state)
{
	struct calibrate_machine machine = { .topology = "node:1(memory=1G) pu:1" };
	FILE *out = fopen("/dev/full", "we");

	(void)state;
	if (!out)
		skip();
	calibrate_derive(raw, figure);
	assert_int_equal(calibrate_write(out, &machine, figure), -1);
	fclose(out);
}

static void shapes_become_their_own_text(void **state)
{
	static const char *const topology[] = {
		"pack:1 node:1(memory=4096M) core:2 pu:1",
		"pack:2 node:1(memory=384M) core:26 pu:2",
		"pack:1 node:1(memory=64M) l3:8 core:4 pu:2",
		"pack:2 node:2(memory=64M) l3:2 core:3 pu:1",
		"pack:1 node:1(memory=24000M) pu:1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(topology); i++) {
		struct mmsim_config cfg = shape_of(topology[i]), again;
		char text[160];

		assert_true(calibrate_topology(&cfg, text, sizeof(text)));
		again = shape_of(text);
		assert_int_equal(again.nr_cpus, cfg.nr_cpus);
		assert_int_equal(again.nr_nodes, cfg.nr_nodes);
		assert_memory_equal(again.cpu, cfg.cpu, sizeof(cfg.cpu));
		assert_int_equal(again.nr_ranges, cfg.nr_ranges);
		assert_memory_equal(again.range, cfg.range, cfg.nr_ranges * sizeof(cfg.range[0]));
	}
}

/* Three cores on two nodes: the second core is on both. */
static void uneven_shapes_keep_cpus_and_nodes(void **state)
{
	struct mmsim_config cfg = shape_of("pack:1 node:2(memory=64M) core:3 pu:1"), again;
	char text[160];

	(void)state;
	for (unsigned i = 0; i < cfg.nr_cpus; i++)
		cfg.cpu[i].core = (uint16_t)(i / 2);
	assert_false(calibrate_topology(&cfg, text, sizeof(text)));
	again = shape_of(text);
	assert_int_equal(again.nr_cpus, 6);
	assert_int_equal(again.nr_nodes, 2);
}

static void siblings_are_numbered_adjacent_or_last(void **state)
{
	struct mmsim_config cfg = shape_of("core:2 pu:2");

	(void)state;
	assert_false(calibrate_siblings_last(&cfg));
	cfg.cpu[1].core = 1;
	cfg.cpu[2].core = 0;
	assert_true(calibrate_siblings_last(&cfg));
}

static void distances(void **state)
{
	const struct mmsim_cpu me = { .node = 1, .package = 1, .llc = 4, .core = 9 };
	struct mmsim_cpu other = me;

	(void)state;
	assert_int_equal(calibrate_distance(&me, &other), DISTANCE_SMT);
	other.core = 10;
	assert_int_equal(calibrate_distance(&me, &other), DISTANCE_LLC);
	other.llc = 5;
	assert_int_equal(calibrate_distance(&me, &other), DISTANCE_NODE);
	other.node = 0;
	assert_int_equal(calibrate_distance(&me, &other), DISTANCE_REMOTE);
}

static void pairs_are_of_the_distance_and_spread(void **state)
{
	struct mmsim_config cfg = shape_of("pack:2 node:1 l3:2 core:4 pu:2");
	struct calibrate_pair pair[5];

	(void)state;
	for (unsigned d = 0; d < NR_DISTANCES; d++) {
		unsigned nr = calibrate_pairs(cfg.cpu, cfg.nr_cpus, (enum calibrate_distance)d,
					      pair, ARRAY_LEN(pair));

		assert_int_equal(nr, ARRAY_LEN(pair));
		for (unsigned i = 0; i < nr; i++) {
			assert_true(pair[i].a < pair[i].b && pair[i].b < cfg.nr_cpus);
			assert_int_equal(
				calibrate_distance(&cfg.cpu[pair[i].a], &cfg.cpu[pair[i].b]), d);
		}
		/* 16 pairs of siblings: every third */
		if (d == DISTANCE_SMT)
			assert_int_equal(pair[4].a, 24);
	}
	cfg = shape_of("core:3 pu:1");
	assert_int_equal(calibrate_pairs(cfg.cpu, 3, DISTANCE_SMT, pair, 5), 0);
	assert_int_equal(calibrate_pairs(cfg.cpu, 3, DISTANCE_LLC, pair, 5), 3);
	assert_int_equal(pair[2].a, 1);
	assert_int_equal(pair[2].b, 2);
}

static void cpus_of_a_node(void **state)
{
	struct calibrate_host *host = bench_calloc(1, sizeof(*host));
	struct mmsim_config cfg = shape_of("pack:2 node:1 core:2 pu:2");
	int cpu[MMSIM_MAX_CPUS];

	(void)state;
	host->nr = cfg.nr_cpus;
	for (unsigned i = 0; i < host->nr; i++) {
		host->cpu[i] = (int)(100 + i);
		host->where[i] = cfg.cpu[i];
	}
	assert_int_equal(calibrate_node_cpus(host, false, cpu), 4);
	assert_int_equal(cpu[3], 103);
	assert_int_equal(calibrate_node_cpus(host, true, cpu), 2);
	assert_int_equal(cpu[1], 102);
	free(host);
}

static void note_number(unsigned number, void *arg)
{
	bench_append(arg, 64, "%u ", number);
}

static void lists_of_cpus(void **state)
{
	static const char *const bad[] = { "", ",", "1,", "a", "3-1", "1-", "1 ", "0-99999" };
	char seen[64] = "";

	(void)state;
	assert_true(calibrate_cpu_list("0-2,5,7-8", note_number, seen));
	assert_string_equal(seen, "0 1 2 5 7 8 ");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (calibrate_cpu_list(bad[i], note_number, seen))
			fail_msg("'%s' was accepted", bad[i]);
}

static void sizes_of_caches(void **state)
{
	(void)state;
	assert_true(calibrate_cache_size("48K") == 48 << 10);
	assert_true(calibrate_cache_size("266240K") == UINT64_C(266240) << 10);
	assert_true(calibrate_cache_size("") == 0);
	assert_true(calibrate_cache_size("big") == 0);
}

static void threads_that_lost_their_cpus_are_noticed(void **state)
{
	(void)state;
	assert_true(calibrate_undisturbed(2000, 1000, 2));
	assert_true(calibrate_undisturbed(1900, 1000, 2));
	assert_false(calibrate_undisturbed(1700, 1000, 2));
	assert_false(calibrate_undisturbed(800, 1000, 1));
}

struct seen {
	unsigned calls[3];
};

static void count_call(unsigned i, void *arg)
{
	((struct seen *)arg)->calls[i]++;
}

static void a_team_works_all_together_or_not_at_all(void **state)
{
	struct calibrate_host *host = bench_calloc(1, sizeof(*host));
	struct seen seen = { .calls = { 0 } };
	int cpu[3];

	(void)state;
	calibrate_host_read(host);
	assert_true(host->nr >= 1);
	cpu[0] = cpu[1] = cpu[2] = host->cpu[0];
	assert_true(calibrate_team(3, cpu, count_call, &seen));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(seen.calls[i], 1);
	cpu[1] = 1023; /* nobody's */
	for (unsigned i = 0; i < host->nr; i++)
		if (host->cpu[i] == 1023)
			skip();
	assert_false(calibrate_team(3, cpu, count_call, &seen));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(seen.calls[i], 1);
	free(host);
}

#define WITH_RAW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousandths_are_rounded_and_kept_in_range),
		WITH_RAW(the_median_counts_and_the_spread_is_told),
		WITH_RAW(more_values_than_room_are_dropped),
		WITH_RAW(without_measurements_all_are_defaults),
		WITH_RAW(with_everything_only_a_few_are_defaults),
		WITH_RAW(an_atomic_and_a_page_operation),
		WITH_RAW(a_saturated_memory_tells_what_a_store_moves),
		WITH_RAW(an_unsaturated_one_does_not),
		WITH_RAW(waking_is_what_the_waker_does_not_pay),
		WITH_RAW(where_all_wakes_are_alike_nothing_is_deep),
		WITH_RAW(a_deep_sleep_wakes_no_faster),
		WITH_RAW(speeds_are_ratios),
		WITH_RAW(switches_leave_out_the_call),
		cmocka_unit_test(the_list_is_complete),
		WITH_RAW(a_profile_is_read_back_as_it_was),
		WITH_RAW(defaults_are_read_back_too),
		WITH_RAW(a_full_disk_is_noticed),
		cmocka_unit_test(shapes_become_their_own_text),
		cmocka_unit_test(uneven_shapes_keep_cpus_and_nodes),
		cmocka_unit_test(siblings_are_numbered_adjacent_or_last),
		cmocka_unit_test(distances),
		cmocka_unit_test(pairs_are_of_the_distance_and_spread),
		cmocka_unit_test(cpus_of_a_node),
		cmocka_unit_test(lists_of_cpus),
		cmocka_unit_test(sizes_of_caches),
		cmocka_unit_test(threads_that_lost_their_cpus_are_noticed),
		cmocka_unit_test(a_team_works_all_together_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
