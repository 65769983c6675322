/* SPDX-License-Identifier: MIT */
/* Schedule exploration: runs scenarios under an adversary, keeps and shortens the schedules that fail. */
#include "explore_options.h"
#include "explore_report.h"
#include "explore_trace.h"
#include "harness/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH = 512, MAX_MSG = 768 };

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

/* What the whole program works on. */
struct program {
	struct explore_options options;
	struct explore_shared *shared;
	struct explore_outcome *out;
	struct mmsim_choice *choice;
	struct progress progress;
	char msg[MAX_MSG];
};

static int complain(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "explore: %s\n", what);
	return BENCH_USAGE;
}

static int cannot(const struct explore_search *search, const struct explore_outcome *out)
{
	fflush(stdout);
	fprintf(stderr, "explore: %s: cannot run: %s\n%s", search->scenario->name, out->name,
		out->said);
	return BENCH_CANNOT;
}

/* What a sanitizer said, for a person: it has addresses. stdout has what is always the same. */
static void pass_on(const struct explore_outcome *out)
{
	fflush(stdout);
	if (!strstr(out->said, "mmsim: broken: "))
		fputs(out->said, stderr);
}

static struct explore_search search_of(const struct program *p, const struct scenario *scenario)
{
	const struct explore_options *o = &p->options;

	return (struct explore_search){
		.scenario = scenario,
		.policy = o->policy,
		.depth = o->depth,
		.seed = o->seed,
		.runs = o->runs,
		.time_ns = o->time_ns,
		.max_steps = o->max_steps,
		.twice = o->twice,
	};
}

/* The schedule that the last run left, out of the shared memory. */
static size_t keep_schedule(struct program *p)
{
	size_t nr = p->out->cut ? EXPLORE_MAX_CHOICES : p->out->nr_choices;

	memcpy(p->choice, p->shared->choice, nr * sizeof(*p->choice));
	return nr;
}

static int write_schedule(struct program *p, const struct explore_finding *f)
{
	struct explore_file file = {
		.policy = f->policy,
		.depth = f->depth,
		.seed = p->out->seed,
		.machine = explore_machine_hash(f->search->scenario),
		.steps = p->out->steps,
		.hash = p->out->hash,
		.choice = p->choice,
		.nr = p->out->nr_choices,
	};

	bench_copy(file.build, sizeof(file.build), explore_build);
	bench_copy(file.test, sizeof(file.test), f->search->scenario->name);
	return explore_file_write(f->path, &file, p->msg, sizeof(p->msg));
}

static bool is_deterministic(const struct explore_outcome *out)
{
	return strcmp(out->name, "not deterministic") != 0;
}

static void minimize(struct program *p, struct explore_finding *f)
{
	size_t nr = p->out->nr_choices;

	nr = explore_minimize(f->search, p->shared, p->choice, nr, p->out);
	f->preemptions = explore_preemptions(p->choice, nr);
	f->minimized = true;
}

/* Replay the schedule that is kept, for its timeline. */
static int trace(struct program *p, const struct explore_search *like)
{
	struct explore_search search = *like;
	struct explore_outcome *out;
	int err;

	if (!p->options.trace)
		return 0;
	search.policy = MMSIM_POLICY_REPLAY;
	search.seed = p->out->seed;
	search.twice = false;
	search.marks = true;
	search.replay = p->choice;
	search.nr_replay = p->out->nr_choices;
	out = bench_calloc(1, sizeof(*out));
	explore_run(&search, p->shared, NULL, out);
	err = explore_trace_write(p->options.trace, &search, p->shared,
				  out->verdict == EXPLORE_FAILED ? out->name : "end", p->msg,
				  sizeof(p->msg));
	free(out);
	return err;
}

static void begin_finding(struct program *p, const struct explore_search *search,
			  struct explore_finding *f)
{
	size_t nr = keep_schedule(p);

	*f = (struct explore_finding){
		.options = &p->options,
		.search = search,
		.out = p->out,
		.build = explore_build,
		.policy = p->out->policy,
		.depth = p->out->depth,
		.run = p->out->run,
		.choices_found = p->out->nr_choices,
		.preemptions_found = explore_preemptions(p->choice, nr),
	};
	f->preemptions = f->preemptions_found;
}

/* The file is written before anything is tried on the schedule, and again when it is shorter. */
static void keep_and_minimize(struct program *p, struct explore_finding *f, const char *path)
{
	f->path = path;
	if (!write_schedule(p, f) && p->options.minimize && is_deterministic(p->out)) {
		minimize(p, f);
		write_schedule(p, f);
	}
	if (!p->msg[0])
		return;
	/* What was found is told all the same. */
	complain(p->msg);
	f->path = NULL;
}

static int failed(struct program *p, const struct explore_search *search)
{
	struct explore_finding f;
	char path[MAX_PATH];

	begin_finding(p, search, &f);
	snprintf(path, sizeof(path), "fail-%s-%" PRIu64 ".sched", search->scenario->name,
		 p->out->seed);
	p->msg[0] = '\0';
	if (!p->out->cut)
		keep_and_minimize(p, &f, path);
	explore_report_failure(&f);
	pass_on(p->out);
	if (!p->out->cut && trace(p, search))
		complain(p->msg);
	return BENCH_FAILED;
}

static int search_one(struct program *p, const struct scenario *scenario)
{
	struct explore_search search = search_of(p, scenario);

	explore_run(&search, p->shared, &p->progress, p->out);
	progress_end(&p->progress);
	if (p->out->verdict == EXPLORE_CANNOT)
		return cannot(&search, p->out);
	if (p->out->verdict == EXPLORE_FAILED)
		return failed(p, &search);
	explore_report_passed(&search, p->shared);
	return BENCH_OK;
}

static int search_all(struct program *p)
{
	const struct scenario *s;
	int worst = BENCH_OK;

	for (unsigned i = 0; (s = scenario_at(i)); i++) {
		int code;

		if (s->hidden || (UNDER_TSAN && s->races))
			continue;
		code = search_one(p, s);
		if (code > BENCH_FAILED)
			return code;
		worst = code ? code : worst;
	}
	return worst;
}

static int search_named(struct program *p)
{
	const char *test = p->options.test;
	const struct scenario *s;

	if (!test || !strcmp(test, "all"))
		return search_all(p);
	s = scenario_find(test);
	if (s)
		return search_one(p, s);
	snprintf(p->msg, sizeof(p->msg), "--test: '%s': no such test, see --list", test);
	return complain(p->msg);
}

/* Is it a schedule of this program, of the test asked for, and of its machine? */
static int check_file(struct program *p, const struct explore_file *file)
{
	const struct scenario *s = scenario_find(file->test);
	const char *path = p->options.file, *test = p->options.test;

	if (strcmp(file->build, explore_build))
		snprintf(p->msg, sizeof(p->msg), "%s: line 2: build %s, this is %s", path,
			 file->build, explore_build);
	else if (test && strcmp(file->test, test))
		snprintf(p->msg, sizeof(p->msg), "%s: line 3: test %s, asked for is %s", path,
			 file->test, test);
	else if (!s)
		snprintf(p->msg, sizeof(p->msg), "%s: line 3: test %s: no such test", path,
			 file->test);
	else if (explore_machine_hash(s) != file->machine)
		snprintf(p->msg, sizeof(p->msg),
			 "%s: line 6: machine %016" PRIx64 ", that of the test is %016" PRIx64,
			 path, file->machine, explore_machine_hash(s));
	else
		return 0;
	return -1;
}

/* What it ran then, nobody asked for. */
static int diverged(struct program *p)
{
	snprintf(p->msg, sizeof(p->msg),
		 "%s: diverged at step %" PRIu64 ": the task of the schedule could not run",
		 p->options.file, p->out->diverged);
	return complain(p->msg);
}

/* Was it the run that the file is of? */
static void compare_with_file(const struct explore_outcome *out, const struct explore_file *file)
{
	if (out->steps != file->steps || out->hash != file->hash)
		printf("another run than the file's: %" PRIu64 " steps, hash %016" PRIx64
		       "; there %" PRIu64 ", %016" PRIx64 "\n",
		       out->steps, out->hash, file->steps, file->hash);
	else
		puts("the run that the file is of: same steps, same hash");
}

static int shorten(struct program *p, const struct explore_search *search,
		   const struct explore_file *file)
{
	struct explore_finding f;
	char path[MAX_PATH];

	if (p->out->diverged)
		return diverged(p);
	if (p->out->verdict != EXPLORE_FAILED) {
		snprintf(p->msg, sizeof(p->msg), "%s: does not fail: nothing to minimize",
			 p->options.file);
		return complain(p->msg);
	}
	begin_finding(p, search, &f);
	snprintf(path, sizeof(path), "%s.min", p->options.file);
	f.path = path;
	f.policy = file->policy;
	f.depth = file->depth;
	f.run = 0;
	if (!is_deterministic(p->out))
		return complain("a failure that is not deterministic cannot be minimized");
	minimize(p, &f);
	if (write_schedule(p, &f))
		return complain(p->msg);
	explore_report_failure(&f);
	return trace(p, search) ? complain(p->msg) : BENCH_FAILED;
}

static int replayed(struct program *p, const struct explore_search *search,
		    const struct explore_file *file)
{
	struct explore_finding f;

	begin_finding(p, search, &f);
	f.policy = file->policy;
	f.depth = file->depth;
	f.run = 0;
	f.path = p->options.file;
	if (p->out->verdict == EXPLORE_FAILED) {
		explore_report_failure(&f);
		pass_on(p->out);
	} else if (!p->out->diverged) {
		printf("passed %s: the schedule does not fail\n", search->scenario->name);
	}
	if (!p->out->diverged)
		compare_with_file(p->out, file);
	if (trace(p, search))
		return complain(p->msg);
	if (p->out->diverged)
		return diverged(p);
	return p->out->verdict == EXPLORE_FAILED ? BENCH_FAILED : BENCH_OK;
}

static int run_file(struct program *p, const struct explore_file *file)
{
	struct explore_search search;

	if (check_file(p, file))
		return complain(p->msg);
	search = search_of(p, scenario_find(file->test));
	search.policy = MMSIM_POLICY_REPLAY;
	search.seed = file->seed;
	search.replay = file->choice;
	search.nr_replay = file->nr;
	explore_run(&search, p->shared, NULL, p->out);
	if (p->out->verdict == EXPLORE_CANNOT)
		return cannot(&search, p->out);
	if (p->options.action == EXPLORE_MINIMIZE)
		return shorten(p, &search, file);
	return replayed(p, &search, file);
}

static int read_and_run(struct program *p)
{
	struct explore_file file;
	int code;

	if (explore_file_read(p->options.file, &file, p->msg, sizeof(p->msg)))
		return complain(p->msg);
	code = run_file(p, &file);
	free(file.choice);
	return code;
}

static int run_program(struct program *p)
{
	int code;

	p->shared = explore_shared_new();
	if (!p->shared) {
		fputs("explore: no memory to share with a child\n", stderr);
		return BENCH_CANNOT;
	}
	p->out = bench_calloc(1, sizeof(*p->out));
	p->choice = bench_calloc(EXPLORE_MAX_CHOICES, sizeof(*p->choice));
	progress_start(&p->progress, p->options.progress, 0);
	code = p->options.file ? read_and_run(p) : search_named(p);
	free(p->choice);
	free(p->out);
	return code;
}

static int list(void)
{
	explore_report_list();
	return BENCH_OK;
}

static int help(const char *program)
{
	printf("usage: %s [options]\n%s", program, explore_options_help());
	return BENCH_OK;
}

static int version(void)
{
	printf("explore of libmmsim %d.%d, build %s\n", MMSIM_VERSION_MAJOR, MMSIM_VERSION_MINOR,
	       explore_build);
	return BENCH_OK;
}

static int act(struct program *p)
{
	switch (p->options.action) {
	case EXPLORE_LIST:
		return list();
	case EXPLORE_HELP:
		return help(p->options.program);
	case EXPLORE_VERSION:
		return version();
	default:
		return run_program(p);
	}
}

int main(int argc, char **argv)
{
	static struct program p;
	int code;

	if (explore_options_parse(&p.options, argc, argv, p.msg, sizeof(p.msg)))
		return complain(p.msg);
	code = act(&p);
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	fputs("explore: stdout: cannot be written\n", stderr);
	return code ? code : BENCH_FAILED;
}
