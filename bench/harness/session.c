/* SPDX-License-Identifier: MIT */
/* One benchmark being run. */
#include "session.h"

#include "bench.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int bench_fail(const struct bench_session *session, int code, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", session->bench->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

void bench_log(void *ctx, const char *line)
{
	const struct bench_session *session = ctx;

	fprintf(stderr, "%s: %s\n", session->bench->name, line);
}

void bench_note(struct bench_session *session, const char *fmt, ...)
{
	va_list ap;

	if (session->nr_notes == SESSION_MAX_NOTES)
		return;
	va_start(ap, fmt);
	vsnprintf(session->note[session->nr_notes++], SESSION_NOTE, fmt, ap);
	va_end(ap);
}

void bench_text(struct bench_session *session, const char *text)
{
	size_t len = strlen(text);

	session->text = bench_realloc(session->text, session->text_len + len + 1, 1);
	memcpy(session->text + session->text_len, text, len + 1);
	session->text_len += len;
}

void bench_record(struct bench_session *session, unsigned case_index, const char *impl,
		  unsigned threads, const double *values)
{
	struct result_key key = {
		.bench = session->bench->name,
		.case_name = session->bench->cases[case_index].name,
		.impl = impl,
		.mode = session->opt->virtual_time ? "virtual" : "native",
		.machine = session->machine.name,
		.threads = threads,
	};

	if (!session->warming_up)
		results_add(&session->results, &key, session->rep, values);
}

static bool has_case(const struct bench *bench, const char *name)
{
	for (unsigned i = 0; i < bench->nr_cases; i++)
		if (!strcmp(bench->cases[i].name, name))
			return true;
	return false;
}

static int select_cases(struct bench_session *session)
{
	const struct bench *bench = session->bench;
	const struct options *opt = session->opt;

	for (unsigned i = 0; i < opt->nr_cases; i++)
		if (!has_case(bench, opt->case_name[i]))
			return bench_fail(session, BENCH_USAGE,
					  "--case: '%s': no such case, see --list",
					  opt->case_name[i]);
	for (unsigned i = 0; i < bench->nr_cases; i++)
		session->selected[i] = opt->nr_cases ? options_has_case(opt, bench->cases[i].name)
						     : bench->cases[i].by_default;
	return BENCH_OK;
}

/* What is no setting of the benchmark's is a figure of the machine, which only virtual time has. */
static int apply_figure(struct bench_session *session, const struct option_set *set)
{
	char assignment[2 * OPTIONS_NAME + 2];
	char why[192] = "";

	snprintf(assignment, sizeof(assignment), "%s=%s", set->key, set->value);
	if (!machine_has_figure(set->key))
		return bench_fail(session, BENCH_USAGE, "--set: '%s': no such figure, see --list",
				  set->key);
	if (!session->opt->virtual_time)
		return bench_fail(session, BENCH_USAGE,
				  "--set: '%s': a figure of the machine needs --mode virtual",
				  assignment);
	if (machine_set_figure(&session->machine, assignment, why, sizeof(why)))
		return bench_fail(session, BENCH_USAGE, "--set: '%s': %s", assignment, why);
	return BENCH_OK;
}

static int apply_set(struct bench_session *session, const struct option_set *set)
{
	const struct bench *bench = session->bench;
	char *end;

	for (unsigned i = 0; i < bench->nr_settings; i++) {
		if (strcmp(bench->settings[i].name, set->key) != 0)
			continue;
		errno = 0;
		session->setting[i] = strtoull(set->value, &end, 10);
		if (!errno && *end == '\0' && set->value[0] >= '0' && set->value[0] <= '9')
			return BENCH_OK;
		return bench_fail(session, BENCH_USAGE,
				  "--set: '%s=%s': must be a number below 2^64", set->key,
				  set->value);
	}
	return apply_figure(session, set);
}

static int apply_sets(struct bench_session *session)
{
	for (unsigned i = 0; i < session->bench->nr_settings; i++) {
		const struct bench_setting *setting = &session->bench->settings[i];
		bool other = session->opt->virtual_time && setting->in_virtual;

		session->setting[i] = other ? setting->in_virtual : setting->value;
	}
	for (unsigned i = 0; i < session->opt->nr_sets; i++)
		if (apply_set(session, &session->opt->set[i]))
			return BENCH_USAGE;
	return BENCH_OK;
}

/* More threads than CPUs measure a scheduler, unless that is wanted. */
static int resolve_threads(struct bench_session *session)
{
	const struct bench *bench = session->bench;
	const char *text = session->opt->threads ? session->opt->threads : bench->default_threads;
	const struct mmsim_config *cfg = &session->machine.cfg;
	unsigned most;
	char why[160];

	session->cpus = bench->threads_per_node ? machine_node_cpus(cfg, -1) : cfg->nr_cpus;
	if (threads_parse(text, session->cpus, &session->threads, why, sizeof(why)))
		return bench_fail(session, BENCH_USAGE, "--threads: '%s': %s", text, why);
	most = session->threads.count[session->threads.nr - 1];
	if (bench->most_threads && most > bench->most_threads)
		return bench_fail(session, BENCH_USAGE, "--threads: '%s': at most %u", text,
				  bench->most_threads);
	if (!bench->most_threads && most > session->cpus)
		return bench_fail(session, BENCH_USAGE,
				  "--threads: '%s': the machine has %u CPU%s%s", text,
				  session->cpus, session->cpus == 1 ? "" : "s",
				  bench->threads_per_node ? " per node" : "");
	return BENCH_OK;
}

static void fill_params(struct bench_session *session)
{
	const struct bench *bench = session->bench;

	snprintf(session->params, sizeof(session->params), "memory=%" PRIu64 ";seed=%" PRIu64,
		 machine_memory(&session->machine.cfg), session->opt->seed);
	for (unsigned i = 0; i < bench->nr_settings; i++)
		bench_append(session->params, sizeof(session->params), ";%s=%" PRIu64,
			     bench->settings[i].name, session->setting[i]);
}

int session_open(struct bench_session *session, const struct bench *bench,
		 const struct options *opt, int argc, char **argv)
{
	uint64_t memory = bench->default_memory;
	char why[512];

	memset(session, 0, sizeof(*session));
	if (opt->virtual_time && bench->virtual_memory)
		memory = bench->virtual_memory;
	session->bench = bench;
	session->opt = opt;
	session->argc = argc;
	session->argv = argv;
	results_init(&session->results, bench->metrics, bench->nr_metrics);
	if (select_cases(session))
		return BENCH_USAGE;
	if (machine_resolve(&session->machine, opt, memory, why, sizeof(why)))
		return bench_fail(session, BENCH_USAGE, "%s", why);
	if (apply_sets(session) || resolve_threads(session))
		return BENCH_USAGE;
	if (opt->locks || opt->trace)
		session->machine.cfg.flags |= MMSIM_LOCK_TIMES;
	session->machine.cfg.log = bench_log;
	session->machine.cfg.log_ctx = session;
	if (session->machine.note[0])
		bench_note(session, "%s", session->machine.note);
	return BENCH_OK;
}

/* Threads of a case at the i-th count of the list; 0: it does not run there. */
static unsigned cell_threads(const struct bench_session *session, unsigned case_index, unsigned i)
{
	unsigned fixed = session->bench->cases[case_index].threads;

	if (!session->selected[case_index])
		return 0;
	if (fixed)
		return i == 0 ? fixed : 0;
	return session->threads.count[i];
}

static uint64_t cells_per_rep(const struct bench_session *session)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < session->threads.nr; i++)
		for (unsigned c = 0; c < session->bench->nr_cases; c++)
			nr += cell_threads(session, c, i) != 0;
	return nr;
}

bool session_in_last_cell(const struct bench_session *session)
{
	return session->progress.done + 1 == session->progress.total;
}

static int run_cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	const struct bench *bench = session->bench;
	int rc;

	progress_cell(&session->progress, bench->name, bench->cases[case_index].name, threads);
	rc = bench->cell(session, case_index, threads);
	progress_done(&session->progress);
	return rc;
}

static int run_rep(struct bench_session *session)
{
	for (unsigned i = 0; i < session->threads.nr; i++) {
		for (unsigned c = 0; c < session->bench->nr_cases; c++) {
			unsigned threads = cell_threads(session, c, i);
			int rc = threads ? run_cell(session, c, threads) : BENCH_OK;

			if (rc)
				return rc;
		}
	}
	return BENCH_OK;
}

static int run_reps(struct bench_session *session)
{
	const struct options *opt = session->opt;

	for (unsigned i = 0; i < opt->warmup + opt->repeat; i++) {
		int rc;

		session->warming_up = i < opt->warmup;
		session->rep = session->warming_up ? i : i - opt->warmup;
		rc = run_rep(session);
		if (rc)
			return rc;
	}
	return BENCH_OK;
}

int session_run(struct bench_session *session)
{
	const struct options *opt = session->opt;
	int rc = session->bench->start(session);

	if (rc == BENCH_OK) {
		/* Only now: start() may have changed the config. */
		fill_params(session);
		context_fill(&session->context, &session->machine, session->argc, session->argv);
		progress_start(&session->progress, opt->progress,
			       cells_per_rep(session) * (opt->warmup + opt->repeat));
		rc = run_reps(session);
		progress_end(&session->progress);
	}
	session->bench->finish(session);
	if (rc == BENCH_OK && session->watch.trace_failed)
		rc = BENCH_FAILED; /* the line has been said */
	if (rc == BENCH_OK && opt->what_if)
		rc = whatif_run(session);
	return rc;
}

void session_close(struct bench_session *session)
{
	watch_close(&session->watch);
	free(session->whatif);
	free(session->text);
	results_free(&session->results);
}
