/* SPDX-License-Identifier: MIT */
/* How fast memory is, and how many threads a ktask then takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host_left.h"
#include "machine.h"
#include "sim_config.h"
#include <errno.h>

#define BYTES ((size_t)4 << 20)

/* GB/s. */
static struct mmsim *open_machine(enum mmsim_mode mode, const char *topology, double core,
				  double dram)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));
	static struct mmsim_explore explore; /* as long as the machine */
	struct mmsim *m;

	assert_non_null(cfg);
	explore = (struct mmsim_explore){ .policy = MMSIM_POLICY_RANDOM };
	mmsim_config_defaults(cfg);
	cfg->mode = mode;
	cfg->flags = MMSIM_NO_PIN;
	cfg->boot = MMSIM_BOOT_COLD;
	cfg->no_huge = MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M;
	cfg->explore = &explore;
	cfg->figure[MMSIM_FIG_CORE_BW] = (uint64_t)(core * 1000);
	cfg->figure[MMSIM_FIG_DRAM_BW] = (uint64_t)(dram * 1000);
	assert_int_equal(mmsim_config_from_synthetic(cfg, topology, UINT64_C(64) << 20, NULL, 0),
			 0);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void assert_rate(uint64_t bytes_per_s, double gb)
{
	double measured = (double)bytes_per_s / 1e9;

	if (measured > gb * 1.001 || measured < gb * 0.995)
		fail_msg("%.3f GB/s, not about %.3f", measured, gb);
}

struct machine_case {
	const char *topology;
	double core, dram, node;
	unsigned cores, threads;
};

static void measure(const struct machine_case *c)
{
	struct mmsim *m = open_machine(MMSIM_VIRTUAL, c->topology, c->core, c->dram);
	struct mmsim_job_rates rates;

	assert_int_equal(mmsim_job_threads(m, 0), c->threads);
	assert_int_equal(mmsim_job_measure(m, 0, BYTES, &rates), 0);
	assert_rate(rates.core_bytes_per_s, c->core < c->dram ? c->core : c->dram);
	assert_rate(rates.node_bytes_per_s, c->node);
	assert_int_equal(rates.cores, c->cores);
	assert_int_equal(rates.threads, c->threads);
	assert_int_equal(mmsim_job_threads(m, 0), c->threads);
	assert_int_equal(mmsim_job_threads(m, 1), 0);
	mmsim_destroy(m);
}

/* The first is that of R. Elliott: 68 / 11.2, so seven. */
static void rates_of_figures(void **state)
{
	static const struct machine_case all[] = {
		{ "core:18 pu:1", 11.2, 68, 68, 18, 7 }, { "core:18 pu:2", 11.2, 68, 68, 18, 7 },
		{ "core:4 pu:2", 10, 400, 40, 4, 4 }, /* cores are what there is too little of */
		{ "core:4 pu:2", 10, 20, 20, 4, 2 },     { "core:4 pu:2", 10, 5, 5, 4, 1 },
	};
	(void)state;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		measure(&all[i]);
}

static int spend_time(void *start, void *end, void *arg)
{
	(void)start;
	(void)end;
	mmsim_ndelay(arg, 1000000);
	return 0;
}

static unsigned threads_of_task(struct mmsim *m, uint32_t flags, unsigned max_threads)
{
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = spend_time,
		.fn_arg = m,
		.min_chunk = 1,
		.flags = flags,
		.max_threads = max_threads,
	};

	assert_int_equal(mmsim_ktask_run(m, NULL, 1000, &ctl), 0);
	return ctl.threads_used;
}

/* The number is that of the rates, whatever max_threads would be by default. */
static void used_by_ktask(void **state)
{
	struct mmsim *m = open_machine(MMSIM_VIRTUAL, "core:18 pu:1", 11.2, 68);
	(void)state;

	assert_int_equal(threads_of_task(m, MMSIM_KTASK_BY_BANDWIDTH, 0), 7);
	assert_int_equal(threads_of_task(m, MMSIM_KTASK_BY_BANDWIDTH, 3), 3);
	assert_int_equal(threads_of_task(m, 0, 9), 9);
	mmsim_destroy(m);
}

/* Only that it comes to an end with something sound, and leaves nothing behind. */
static void natively(void **state)
{
	struct mmsim *m = open_machine(MMSIM_NATIVE, "core:2 pu:1", 1, 1);
	uint64_t reserved = host_reserved_bytes();
	struct mmsim_job_rates rates;
	(void)state;

	for (int i = 0; i < 2; i++) {
		m->ktask.node[0].bandwidth_threads = 99;
		assert_int_equal(mmsim_job_measure(m, 0, BYTES - 1, &rates), 0);
		assert_in_range(rates.core_bytes_per_s, 1000000, UINT64_C(10000000000000));
		assert_in_range(rates.node_bytes_per_s, 1000000, UINT64_C(10000000000000));
		assert_int_equal(rates.cores, 2);
		assert_in_range(rates.threads, 1, 2);
		assert_int_equal(mmsim_job_threads(m, 0), rates.threads);
	}
	assert_true(host_reserved_bytes() < reserved + BYTES);
	mmsim_destroy(m);
}

static void assert_refused(struct mmsim *m, unsigned nid, size_t bytes, int err, const char *said)
{
	struct mmsim_job_rates rates = { .cores = 77 };
	unsigned threads = mmsim_job_threads(m, 0);
	char text[256];

	assert_int_equal(mmsim_job_measure(m, nid, bytes, &rates), err);
	mmsim_last_message(m, text, sizeof(text));
	assert_string_equal(text, said);
	assert_int_equal(rates.cores, 77);
	assert_int_equal(mmsim_job_threads(m, 0), threads);
}

static void refused(void **state)
{
	struct mmsim *m = open_machine(MMSIM_NATIVE, "core:2 pu:1", 1, 1);
	char text[256];
	(void)state;

	assert_refused(m, 1, BYTES, -EINVAL, "mmsim_job_measure: nid: no node of the machine");
	assert_refused(m, 0, (1 << 20) - 1, -EINVAL, "mmsim_job_measure: bytes: less than 1 MiB");
	assert_refused(m, 0, SIZE_MAX, -ENOMEM, "mmsim_job_measure: Cannot allocate memory");
	assert_refused(m, 0, (size_t)1 << 44, -ENOMEM, "mmsim_job_measure: Cannot allocate memory");
	assert_int_equal(mmsim_job_measure(m, 0, BYTES, NULL), -EINVAL);
	mmsim_last_message(m, text, sizeof(text));
	assert_string_equal(text, "mmsim_job_measure: out: NULL");
	mmsim_destroy(m);
}

static void node_without_cpus(void **state)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 2, 1, 1);
	struct mmsim *m;
	(void)state;

	sim_ram(cfg, 1, SIM_NORMAL, 1030);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	assert_refused(m, 1, BYTES, -EINVAL, "mmsim_job_measure: nid: a node without CPUs");
	mmsim_destroy(m);
}

static void no_speed(void **state)
{
	static const enum mmsim_mode modes[] = { MMSIM_SERIAL, MMSIM_EXPLORE };
	(void)state;

	for (int i = 0; i < 2; i++) {
		struct mmsim *m = open_machine(modes[i], "core:2 pu:1", 1, 1);

		assert_refused(m, 0, BYTES, -ENOSYS, "mmsim_job_measure: Function not implemented");
		mmsim_destroy(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_of_figures),  cmocka_unit_test(used_by_ktask),
		cmocka_unit_test(natively),          cmocka_unit_test(refused),
		cmocka_unit_test(node_without_cpus), cmocka_unit_test(no_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
