/* SPDX-License-Identifier: MIT */
/* Recordings of real kernels, replayed. */
#include "replay.h"

#include "harness/util.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <mmsim/machine.h>
#include <stdlib.h>
#include <string.h>

enum { SET_OPERATIONS, NR_SETTINGS };

static const struct bench_setting settings[NR_SETTINGS] = {
	[SET_OPERATIONS] = { "operations", 400000, "of each of the two CPUs of case self", 0 },
};

static struct replay *replay_of(const struct bench_session *session)
{
	return session->priv;
}

/* ---- cases ---- */

/* The last part of a path, fit for --case and for a column. */
static void name_of(const char *path, char *name, size_t len)
{
	size_t end = strlen(path);
	size_t start;

	while (end > 1 && path[end - 1] == '/')
		end--;
	start = end;
	while (start > 0 && path[start - 1] != '/')
		start--;
	snprintf(name, len, "%.*s", (int)(end - start), path + start);
	for (char *c = name; *c; c++)
		if (isspace((unsigned char)*c) || *c == ',')
			*c = '_';
}

static bool name_taken(const struct replay *r, unsigned nr, const char *name)
{
	for (unsigned i = 0; i < nr; i++)
		if (!strcmp(r->source[i].name, name))
			return true;
	return false;
}

/* Two directories of one name are two cases. */
static void set_name(struct replay *r, unsigned i, const char *path)
{
	char stem[OPTIONS_NAME - 4];
	char *name = r->source[i].name;

	name_of(path, stem, sizeof(stem));
	snprintf(name, sizeof(r->source[i].name), "%s", stem[0] ? stem : "recording");
	for (unsigned k = 2; name_taken(r, i, name); k++)
		snprintf(name, sizeof(r->source[i].name), "%s-%u", stem, k % 100);
}

static void add_case(struct replay *r, const char *path, enum replay_kind kind, const char *about)
{
	unsigned i = r->bench.nr_cases++;
	struct replay_source *source = &r->source[i];

	source->kind = kind;
	source->dir = path;
	source->trace = r->opt.trace;
	source->hints = r->opt.hints;
	replay_options_policy(&r->opt, &source->policy);
	set_name(r, i, path);
	r->cases[i] = (struct bench_case){ source->name, about, true, 1 };
}

static void add_cases(struct replay *r)
{
	for (unsigned i = 0; i < r->opt.nr; i++) {
		bool host = !strcmp(r->opt.snapshot[i], "host");

		add_case(r, r->opt.snapshot[i], host ? REPLAY_HOST : REPLAY_RECORDING,
			 host ? "the kernel that runs here" : "a recording");
	}
	if (r->opt.nr == 0 && r->opt.trace)
		add_case(r, r->opt.trace, REPLAY_TRACE, "a trace, on a fresh machine");
	else if (r->opt.nr == 0)
		add_case(r, "self", REPLAY_SELF, "a recording that a machine makes of itself");
}

/* ---- running ---- */

/* One at a time: a trace is large. */
static int load(struct bench_session *session, unsigned i)
{
	struct replay *r = replay_of(session);
	struct replay_source *source = &r->source[i];
	int rc;

	if (r->loaded == i + 1)
		return BENCH_OK;
	replay_input_free(&r->input);
	r->loaded = i + 1;
	source->operations =
		(uint64_t)((double)session->setting[SET_OPERATIONS] * session->opt->scale);
	rc = replay_input_load(session, source, &r->input);
	if (rc)
		return rc;
	replay_options_policy(&r->opt, &r->input.cfg->policy);
	r->input.cfg->seed = session->opt->seed;
	if (r->input.note[0] && session->rep == 0)
		bench_note(session, "%s", r->input.note);
	return BENCH_OK;
}

static unsigned first_selected(const struct bench_session *session)
{
	unsigned i = 0;

	while (!session->selected[i])
		i++;
	return i;
}

/* The heading is of the machine that the first recording is of. */
static int start(struct bench_session *session)
{
	struct replay *r = replay_of(session);
	int rc = load(session, first_selected(session));

	if (rc)
		return rc;
	session->machine.cfg = *r->input.cfg;
	session->machine.cfg.log = bench_log;
	session->machine.cfg.log_ctx = session;
	bench_copy(session->machine.name, sizeof(session->machine.name), "recorded");
	if (r->bench.nr_cases > 1)
		bench_note(session, "machine, config: of %s",
			   r->source[first_selected(session)].name);
	return BENCH_OK;
}

/* How far apart does it end when nothing is corrected? */
static int follow_freely(const struct bench_session *session, unsigned i)
{
	struct replay *r = replay_of(session);
	const struct replay_follow how = { .name = r->source[i].name, .free_running = true };
	struct replay_outcome out;
	int rc = BENCH_OK;

	r->free_tv[i] = NAN;
	if (r->outcome[i].free_running) {
		if (r->outcome[i].has_kernel)
			r->free_tv[i] = r->outcome[i].diff.tv_distance;
		return BENCH_OK;
	}
	if (!r->input.trace || !r->input.after)
		return BENCH_OK;
	rc = replay_follow(session, &r->input, &how, &out);
	if (rc == BENCH_OK)
		r->free_tv[i] = out.diff.tv_distance;
	replay_outcome_free(&out);
	return rc;
}

/* Only the first repetition is listed: the others are the same. */
static int follow(const struct bench_session *session, unsigned i)
{
	struct replay *r = replay_of(session);
	bool listed = !session->warming_up && session->rep == 0;
	const struct replay_follow how = {
		.name = r->source[i].name,
		.free_running = r->opt.free_running || !r->input.before,
		.mismatch = listed && (r->list.path || r->list.most) ? replay_list_add : NULL,
		.ctx = &r->list,
	};

	if (listed && replay_list_begin(&r->list, i, r->source[i].name))
		return bench_fail(session, BENCH_FAILED, "--mismatches: '%s': %s", r->list.path,
				  strerror(errno));
	replay_outcome_free(&r->outcome[i]);
	return replay_follow(session, &r->input, &how, &r->outcome[i]);
}

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct replay *r = replay_of(session);
	const struct replay_outcome *out = &r->outcome[case_index];
	double value[REPLAY_NR_METRICS];
	int rc = load(session, case_index);

	if (rc == BENCH_OK)
		rc = follow(session, case_index);
	if (rc == BENCH_OK)
		rc = follow_freely(session, case_index);
	if (rc)
		return rc;
	replay_metrics_fill(&r->input, out, r->free_tv[case_index], value);
	bench_record(session, case_index, r->impl[out->free_running], threads, value);
	return BENCH_OK;
}

static void finish(struct bench_session *session)
{
	struct replay *r = replay_of(session);

	replay_input_free(&r->input);
	r->loaded = 0;
}

int replay_check(const struct bench_session *session)
{
	const struct replay *r = replay_of(session);

	for (unsigned i = 0; i < r->bench.nr_cases; i++) {
		const struct replay_outcome *out = &r->outcome[i];

		if (r->source[i].kind != REPLAY_SELF || r->opt.free_running || !out->replayed)
			continue;
		if (out->report.exact != out->report.allocs ||
		    out->diff.in_order != out->diff.blocks)
			return bench_fail(session, BENCH_FAILED,
					  "%s: %llu of %llu allocations and %llu of %llu blocks at "
					  "the end are exact: all must be",
					  r->source[i].name, (unsigned long long)out->report.exact,
					  (unsigned long long)out->report.allocs,
					  (unsigned long long)out->diff.in_order,
					  (unsigned long long)out->diff.blocks);
	}
	return BENCH_OK;
}

void replay_init(struct replay *r, const struct replay_options *opt)
{
	memset(r, 0, sizeof(*r));
	r->opt = *opt;
	r->list.path = opt->list_file;
	r->list.most = opt->list_most;
	for (unsigned i = 0; i < 2; i++)
		replay_options_impl(opt, i, r->impl[i], sizeof(r->impl[i]));
	r->bench = (struct bench){
		.name = "replay",
		.about = "follow recordings of a kernel's page allocator",
		.cases = r->cases,
		.metrics = replay_metrics(),
		.nr_metrics = REPLAY_NR_METRICS,
		.headline = REPLAY_HEADLINE,
		.settings = settings,
		.nr_settings = NR_SETTINGS,
		.default_threads = "1",
		.default_memory = UINT64_C(1) << 30,
		.start = start,
		.cell = cell,
		.finish = finish,
	};
	add_cases(r);
}

void replay_free(struct replay *r)
{
	for (unsigned i = 0; i < r->bench.nr_cases; i++)
		replay_outcome_free(&r->outcome[i]);
	replay_list_free(&r->list);
}
