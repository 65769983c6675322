/* SPDX-License-Identifier: MIT */
/* The benchmark of the job engine: the cases of several files as one table, and what they share. */
#include "jobs.h"

#include "harness/util.h"
#include "jobs_blocks.h"
#include "jobs_cases.h"
#include "jobs_impl.h"
#include "jobs_session.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct bench_metric metrics[J_NR] = {
	[J_NS] = { "ns", "ns", METRIC_TIME, true, "wall time of a job, in the median block" },
	[J_OVER_IDEAL] = { "over_ideal", "ratio", METRIC_PLAIN, true,
			   "ns / (all items in the caller alone / threads); undo: ns_per_unit / a "
			   "unit in the caller alone; clients: ns / a mere fill of it" },
	[J_WORST] = { "worst_over_median", "ratio", METRIC_PLAIN, true,
		      "a job in the worst block / in the median block" },
	[J_NS_PER_UNIT] = { "ns_per_unit", "ns", METRIC_PLAIN, true,
			    "of undo: per unit undone; of clients: per page" },
	[J_GB_PER_S] = { "gb_per_s", "GB/s", METRIC_RATE, true,
			 "bytes that a client works on, per second" },
	[J_SPEEDUP] = { "over_serial", "ratio", METRIC_PLAIN, true,
			"time of the same work by plain code in the caller / ns" },
	[J_CPU] = { "idle_cpu_ns", "ns", METRIC_PLAIN, true,
		    "CPU time that idle helpers used in the 5 ms after a job" },
};

static const struct bench_setting settings[JOBS_NR_SETTINGS] = {
	[JOBS_SET_BLOCKS] = { "blocks", 15, "measured blocks of a cell", 3 },
	[JOBS_SET_BLOCK_NS] = { "block_ns", 200000, "least length of a block, one job at least",
				20000 },
	[JOBS_SET_PEERS] = { "peers", 1,
			     "other engines: 0 none, 1 natively, 2 the library's own in virtual "
			     "time, too",
			     0 },
	[JOBS_SET_MIB] = { "mib", 256, "natively: MiB that a client works on", 0 },
	[JOBS_SET_SCALE] = { "scale", 64,
			     "virtual: a client's memory is divided by it, its time multiplied",
			     0 },
};

/* Of the settings. */
static const struct {
	uint64_t least, most;
} ranges[JOBS_NR_SETTINGS] = {
	[JOBS_SET_BLOCKS] = { 1, JOBS_MAX_BLOCKS },
	[JOBS_SET_BLOCK_NS] = { 1, 1000000000 },
	[JOBS_SET_PEERS] = { 0, 2 },
	/* 1 / 8 of the least is a huge page; the most as struct pages is below MMSIM_MAX_PHYS. */
	[JOBS_SET_MIB] = { 16, 1 << 19 },
	[JOBS_SET_SCALE] = { 1, 1024 }, /* beyond, least chunks come to nothing */
};

static const struct {
	const struct jobs_client *clients;
	const unsigned *nr;
	enum jobs_modes modes;
} groups[] = {
#define GROUP(x, modes) { jobs_##x##_clients, &jobs_##x##_nr_clients, modes },
	JOBS_GROUPS(GROUP)
};

/* By case. */
static struct {
	const struct jobs_client *client;
	unsigned which; /* of its file */
	enum jobs_modes modes;
} by_case[SESSION_MAX_CASES];

/* session->priv */
struct jobs {
	struct mmsim *m;
	unsigned notes; /* enum jobs_note */
};

void jobs_no_values(double values[J_NR])
{
	for (unsigned i = 0; i < J_NR; i++)
		values[i] = NAN;
}

void jobs_record(struct bench_session *session, unsigned case_index, const char *impl,
		 unsigned threads, const double values[J_NR])
{
	bench_record(session, case_index, impl, threads, values);
}

bool jobs_virtual(const struct bench_session *session)
{
	return session->machine.cfg.mode == MMSIM_VIRTUAL;
}

uint64_t jobs_scale(const struct bench_session *session)
{
	uint64_t scale = session->setting[JOBS_SET_SCALE];

	return jobs_virtual(session) ? scale : 1;
}

#define LEAST_PER_NODE (UINT64_C(4) << 20)

int jobs_machine(struct bench_session *session, uint64_t bytes,
		 void (*change)(struct mmsim_config *cfg, void *arg), void *arg, struct mmsim **m)
{
	struct mmsim_config *cfg = bench_calloc(1, sizeof(*cfg));
	int rc;

	*cfg = session->machine.cfg;
	rc = mmsim_config_set_memory(cfg, bytes ? bytes : LEAST_PER_NODE * cfg->nr_nodes);
	if (!rc && change)
		change(cfg, arg);
	if (!rc)
		rc = mmsim_create(cfg, m);
	free(cfg);
	return rc ? bench_fail(session, rc == -ENOMEM ? BENCH_CANNOT : BENCH_FAILED,
			       "creating a machine of %llu MiB: %s",
			       (unsigned long long)(bytes >> 20), strerror(-rc))
		  : BENCH_OK;
}

unsigned jobs_which(unsigned case_index)
{
	return by_case[case_index].which;
}

struct mmsim *jobs_session_machine(const struct bench_session *session)
{
	const struct jobs *jobs = session->priv;

	return jobs->m;
}

void jobs_session_note(struct bench_session *session, enum jobs_note note)
{
	struct jobs *jobs = session->priv;

	jobs->notes |= note;
}

/* More than half of the host's memory would be taken from somebody else. */
static uint64_t most_of(enum jobs_setting i)
{
	uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES) / 2;
	uint64_t mib = pages * (uint64_t)sysconf(_SC_PAGESIZE) >> 20;

	return i == JOBS_SET_MIB && mib < ranges[i].most ? mib : ranges[i].most;
}

static int check_settings(const struct bench_session *session)
{
	for (unsigned i = 0; i < JOBS_NR_SETTINGS; i++)
		if (session->setting[i] < ranges[i].least || session->setting[i] > most_of(i))
			return bench_fail(
				session, BENCH_USAGE,
				"--set: '%s=%" PRIu64 "': must be %" PRIu64 " to %" PRIu64,
				settings[i].name, session->setting[i], ranges[i].least, most_of(i));
	return BENCH_OK;
}

static int check_modes(struct bench_session *session)
{
	enum jobs_modes other = jobs_virtual(session) ? JOBS_NATIVE_ONLY : JOBS_VIRTUAL_ONLY;

	for (unsigned i = 0; i < session->bench->nr_cases; i++) {
		if (!session->selected[i] || by_case[i].modes != other)
			continue;
		if (session->opt->nr_cases)
			return bench_fail(session, BENCH_CANNOT, "--case: '%s': %s mode only",
					  session->bench->cases[i].name,
					  other == JOBS_VIRTUAL_ONLY ? "virtual" : "native");
		session->selected[i] = false;
	}
	return BENCH_OK;
}

static int start(struct bench_session *session)
{
	int rc = check_settings(session);
	struct jobs *jobs;

	if (rc == BENCH_OK)
		rc = check_modes(session);
	if (rc)
		return rc;
	jobs = bench_calloc(1, sizeof(*jobs));
	session->priv = jobs;
	jobs_impl_learn_cpus();
	return jobs_machine(session, 0, NULL, NULL, &jobs->m);
}

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	return by_case[case_index].client->cell(session, case_index, threads);
}

static void finish(struct bench_session *session)
{
	struct jobs *jobs = session->priv;

	if (!jobs)
		return;
	if (jobs->notes & JOBS_NOTE_MISSING)
		bench_note(session, "a peer could not get its threads and was left out");
	if (jobs->notes & JOBS_NOTE_UNBOUND)
		bench_note(session, "a thread of a peer could not be bound to a CPU");
	mmsim_destroy(jobs->m);
	free(jobs);
	session->priv = NULL;
}

static void add_case(struct bench_case *cases, unsigned at, unsigned group, unsigned which)
{
	by_case[at].client = &groups[group].clients[which];
	by_case[at].which = which;
	by_case[at].modes = groups[group].modes;
	cases[at] = by_case[at].client->the_case;
}

const struct bench *jobs_bench(void)
{
	static struct bench_case cases[SESSION_MAX_CASES];
	static struct bench bench = {
		.name = "jobs",
		.about = "give work to several CPUs: dispatch, balance, undo, and clients",
		.cases = cases,
		.metrics = metrics,
		.nr_metrics = J_NR,
		.headline = J_NS,
		.settings = settings,
		.nr_settings = JOBS_NR_SETTINGS,
		.default_threads = "1..100%:x2",
		.start = start,
		.cell = cell,
		.finish = finish,
	};

	if (bench.nr_cases)
		return &bench;
	for (unsigned g = 0; g < ARRAY_LEN(groups); g++)
		for (unsigned i = 0; i < *groups[g].nr && bench.nr_cases < ARRAY_LEN(cases); i++)
			add_case(cases, bench.nr_cases++, g, i);
	return &bench;
}
