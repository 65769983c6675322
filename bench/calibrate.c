/* SPDX-License-Identifier: MIT */
/* One run: all probes, round by round, then the figures and the profile. */
#include "calibrate_probe.h"

#include "harness/host.h"
#include "harness/progress.h"
#include "harness/util.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#define USUAL_ROUNDS 9

static const struct calibrate_probe *const probes[] = {
	&calibrate_line_probe,   &calibrate_own_probe, &calibrate_work_probe,
	&calibrate_speed_probe,  &calibrate_map_probe, &calibrate_wake_probe,
	&calibrate_sched_probe,  &calibrate_ipi_probe, &calibrate_pages_probe,
	&calibrate_memory_probe,
};

#define NR_PROBES ARRAY_LEN(probes)

void calibrate_options_init(struct calibrate_options *opt)
{
	*opt = (struct calibrate_options){ .rounds = USUAL_ROUNDS };
}

static void run_probe(struct calibrate *c, const struct calibrate_probe *probe, void *state,
		      const cpu_set_t *everywhere)
{
	if (!probe->roams)
		calibrate_bind(c->host.cpu[0]);
	probe->round(c, state);
	pthread_setaffinity_np(pthread_self(), sizeof(*everywhere), everywhere);
}

static void run_rounds(struct calibrate *c, void **state)
{
	struct progress progress;
	cpu_set_t everywhere;

	pthread_getaffinity_np(pthread_self(), sizeof(everywhere), &everywhere);
	progress_start(&progress, c->opt.progress, (uint64_t)c->opt.rounds * NR_PROBES);
	for (unsigned round = 0; round < c->opt.rounds; round++)
		for (size_t i = 0; i < NR_PROBES; i++) {
			progress_cell(&progress, "calibrate", probes[i]->name, c->host.nr);
			run_probe(c, probes[i], state[i], &everywhere);
			progress_done(&progress);
		}
	progress_end(&progress);
}

static void measure(struct calibrate *c)
{
	void *state[NR_PROBES] = { NULL };

	for (size_t i = 0; i < NR_PROBES; i++)
		if (probes[i]->start)
			state[i] = probes[i]->start(c);
	run_rounds(c, state);
	for (size_t i = 0; i < NR_PROBES; i++)
		if (probes[i]->finish)
			probes[i]->finish(state[i]);
}

static void describe_source(const struct calibrate *c, bool whole, char *text, size_t len)
{
	time_t now = time(NULL);
	struct utsname name;
	struct tm tm;

	text[0] = '\0';
	if (gmtime_r(&now, &tm))
		bench_append(text, len, "measured on %04d-%02d-%02d", tm.tm_year + 1900,
			     tm.tm_mon + 1, tm.tm_mday);
	if (uname(&name) == 0)
		bench_append(text, len, ", %s %s", name.sysname, name.release);
	bench_append(text, len, ", %u round%s on %u CPU%s", c->opt.rounds,
		     c->opt.rounds == 1 ? "" : "s", c->host.nr, c->host.nr == 1 ? "" : "s");
	if (c->load[0])
		bench_append(text, len, ", load average before %s", c->load);
	if (!whole)
		bench_append(text, len, "; packages and cores do not divide evenly, left out");
	if (c->host.note[0])
		bench_append(text, len, "; %s", c->host.note);
}

static int write_profile(const struct calibrate *c, const struct calibrate_figure *figure,
			 FILE *ini)
{
	struct calibrate_machine machine = { .name = "this host, calibrated" };
	bool whole = calibrate_topology(&c->host.shape, machine.topology, sizeof(machine.topology));

	host_read_key("/proc/cpuinfo", "model name", machine.cpu, sizeof(machine.cpu));
	machine.siblings_last = calibrate_siblings_last(&c->host.shape);
	describe_source(c, whole, machine.source, sizeof(machine.source));
	if (calibrate_write(ini, &machine, figure) == 0)
		return BENCH_OK;
	fprintf(stderr, "calibrate: the profile cannot be written\n");
	return BENCH_FAILED;
}

/* Where threads run is half of what is measured. */
static bool can_bind(const struct calibrate *c)
{
	cpu_set_t everywhere;
	bool bound;

	pthread_getaffinity_np(pthread_self(), sizeof(everywhere), &everywhere);
	bound = calibrate_bind(c->host.cpu[0]);
	pthread_setaffinity_np(pthread_self(), sizeof(everywhere), &everywhere);
	return bound;
}

int calibrate_run(const struct calibrate_options *opt, struct mmsim_config *cfg, FILE *ini)
{
	struct calibrate *c = bench_calloc(1, sizeof(*c));
	struct calibrate_figure figure[MMSIM_NR_FIGURES];
	int rc = BENCH_OK;

	c->opt = *opt;
	calibrate_host_read(&c->host);
	host_read_line("/proc/loadavg", c->load, sizeof(c->load));
	c->load[strcspn(c->load, " ")] = '\0';
	if (!can_bind(c)) {
		free(c);
		fprintf(stderr, "calibrate: a thread cannot be bound to a CPU here\n");
		return BENCH_CANNOT;
	}
	measure(c);
	calibrate_derive(&c->raw, figure);
	if (ini)
		rc = write_profile(c, figure, ini);
	for (unsigned i = 0; i < MMSIM_NR_FIGURES && rc == BENCH_OK; i++)
		cfg->figure[i] = figure[i].value;
	free(c);
	return rc;
}
