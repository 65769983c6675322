/* SPDX-License-Identifier: MIT */
/* Runs of a scenario, in a child process that may die of what it finds. */
#include "explore_run.h"

#include "harness/util.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often the parent looks, and after how long without a step it ends the child. */
enum { POLL_MS = 200, HANG_POLLS = 60 * 1000 / POLL_MS };

struct explore_shared *explore_shared_new(void)
{
	void *mem = mmap(NULL, sizeof(struct explore_shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

/* The child. */

/* A process has one child's worth of this; what runs on fibers finds it here. */
static struct {
	const struct explore_search *search;
	struct explore_shared *shared;
	struct mmsim *machine; /* while the scenario is at it */
	struct mmsim_config cfg;
} child;

static void check_step(void *ctx)
{
	(void)ctx;
	if (child.machine)
		child.search->scenario->invariant(child.machine);
}

/* Refusals are expected; the parent shows the report of a deadlock. */
static void log_line(void *ctx, const char *line)
{
	(void)ctx;
	if (!strncmp(line, "deadlock:", 9))
		fprintf(stderr, "%s\n", line);
	else if (!strncmp(line, "mmsim_create:", 13))
		fprintf(stderr, "%s\n", line);
}

static void note_mark(void *ctx, const struct mmsim_mark *mark)
{
	struct explore_shared *shared = ctx;

	if (shared->nr_marks < EXPLORE_MAX_MARKS)
		shared->mark[shared->nr_marks] = *mark;
	shared->nr_marks++;
}

static void run_once(struct mmsim_explore *how)
{
	const struct scenario *scenario = child.search->scenario;
	struct mmsim *m;
	int err;

	how->invariant = scenario->invariant ? check_step : NULL;
	child.cfg.seed = child.shared->seed;
	child.cfg.explore = how;
	err = mmsim_create(&child.cfg, &m);
	if (err) {
		fprintf(stderr, "mmsim_create: %s\n", strerror(-err));
		_exit(BENCH_CANNOT);
	}
	if (child.search->marks)
		mmsim_timeline_set(m, note_mark, child.shared);
	child.machine = m;
	scenario->run(m);
	child.machine = NULL;
	mmsim_validate(m);
	mmsim_destroy(m);
}

/* The schedule just recorded, once more: is it the same run? */
static void repeat_run(void)
{
	struct explore_shared *shared = child.shared;
	const struct mmsim_explore *how = &shared->how;

	if (!child.search->twice || how->nr_choices > how->choice_room)
		return;
	shared->again = (struct mmsim_explore){
		.policy = MMSIM_POLICY_REPLAY,
		.max_steps = how->max_steps,
		.replay = how->choice,
		.nr_replay = how->nr_choices,
	};
	shared->repeating = true;
	run_once(&shared->again);
	shared->unequal = shared->again.hash != how->hash || shared->again.steps != how->steps;
	if (shared->unequal)
		_exit(BENCH_FAILED);
	shared->repeating = false;
}

static void run_and_repeat(const struct mmsim_explore *how)
{
	struct explore_shared *shared = child.shared;

	shared->how = *how;
	shared->how.max_steps = child.search->max_steps;
	shared->how.choice = shared->choice;
	shared->how.choice_room = EXPLORE_MAX_CHOICES;
	run_once(&shared->how);
	shared->total_steps += shared->how.steps;
	repeat_run();
}

static bool may_go_on(uint64_t began)
{
	const struct explore_search *search = child.search;

	if (child.shared->exhausted || (search->runs && child.shared->runs >= search->runs))
		return false;
	return !search->time_ns || bench_now() - began < search->time_ns;
}

/* The default schedule first: it says how long a run is, and must not fail either. */
static void run_all(void)
{
	const struct explore_search *search = child.search;
	struct explore_shared *shared = child.shared;
	struct mmsim_explore how = { .policy = MMSIM_POLICY_REPLAY };
	uint64_t began = bench_now();

	run_and_repeat(&how);
	how = (struct mmsim_explore){
		.policy = (uint32_t)search->policy,
		.depth = search->depth,
		.steps_expected = shared->how.steps,
	};
	if (search->policy == MMSIM_POLICY_DFS && !(how.dfs = mmsim_dfs_create()))
		_exit(BENCH_CANNOT);
	while (may_go_on(began)) {
		run_and_repeat(&how);
		shared->runs++;
		if (how.dfs)
			shared->exhausted = !mmsim_dfs_next(how.dfs);
		else
			shared->seed++;
	}
	mmsim_dfs_destroy(how.dfs);
}

static void run_schedule(void)
{
	const struct mmsim_explore how = {
		.policy = MMSIM_POLICY_REPLAY,
		.replay = child.search->replay,
		.nr_replay = child.search->nr_replay,
	};

	run_and_repeat(&how);
	child.shared->runs++;
}

static __attribute__((noreturn)) void child_main(const struct explore_search *search,
						 struct explore_shared *shared, int err)
{
	const struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	dup2(err, STDERR_FILENO);
	close(err);
	child.search = search;
	child.shared = shared;
	scenario_config(search->scenario, &child.cfg);
	child.cfg.log = log_line;
	if (search->policy == MMSIM_POLICY_REPLAY)
		run_schedule();
	else
		run_all();
	_exit(BENCH_OK);
}

/* The parent. */

static void show(const struct explore_search *search, const struct explore_shared *shared,
		 const struct progress *progress)
{
	if (!progress || !progress->on)
		return;
	fprintf(stderr, "%s%s: %" PRIu64 " runs, %" PRIu64 " steps%s",
		progress->terminal ? "\r\033[K" : "", search->scenario->name, shared->runs,
		shared->total_steps, progress->terminal ? "" : "\n");
	fflush(stderr);
}

static void append(struct explore_outcome *out, size_t *len, const char *text, size_t more)
{
	size_t room = sizeof(out->said) - 1 - *len;

	/* What came first says what happened. */
	more = more < room ? more : room;
	memcpy(out->said + *len, text, more);
	*len += more;
	out->said[*len] = '\0';
}

static uint64_t moves(const struct explore_shared *shared)
{
	const volatile struct explore_shared *s = shared;

	return s->total_steps + s->how.steps + s->again.steps + s->runs;
}

/* Until the child closes its end. */
static void listen(const struct explore_search *search, const struct explore_shared *shared,
		   const struct progress *progress, struct explore_outcome *out, int fd, pid_t pid)
{
	uint64_t seen = 0;
	unsigned still = 0;
	size_t len = 0;
	char text[4096];

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (poll(&wait, 1, POLL_MS) > 0) {
			ssize_t got = read(fd, text, sizeof(text));

			if (got <= 0)
				return;
			append(out, &len, text, (size_t)got);
			continue;
		}
		show(search, shared, progress);
		still = moves(shared) == seen ? still + 1 : 0;
		seen = moves(shared);
		if (still == HANG_POLLS)
			kill(pid, SIGKILL);
	}
}

static void clear_shared(struct explore_shared *shared, uint64_t seed)
{
	memset(shared, 0, offsetof(struct explore_shared, choice));
	shared->seed = seed;
}

static void fill_outcome(const struct explore_search *search, const struct explore_shared *shared,
			 struct explore_outcome *out)
{
	const struct mmsim_explore *how = &shared->how;

	out->policy = (enum mmsim_policy)how->policy;
	out->depth = how->depth;
	out->seed = shared->seed;
	out->steps = how->steps;
	out->hash = how->hash;
	out->diverged = how->diverged;
	out->nr_choices = how->nr_choices;
	out->cut = how->nr_choices > EXPLORE_MAX_CHOICES;
	out->run = shared->runs;
	if (out->verdict == EXPLORE_FAILED && out->policy == search->policy)
		out->run++;
}

static void judge(const struct explore_shared *shared, int status, struct explore_outcome *out)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == BENCH_OK) {
		out->verdict = EXPLORE_PASSED;
		return;
	}
	out->verdict = EXPLORE_FAILED;
	if (WIFEXITED(status) && WEXITSTATUS(status) == BENCH_CANNOT)
		out->verdict = EXPLORE_CANNOT;
	if (shared->repeating)
		bench_copy(out->name, sizeof(out->name), "not deterministic");
	else
		explore_name_failure(out->said, status, out->name, sizeof(out->name));
}

void explore_run(const struct explore_search *search, struct explore_shared *shared,
		 struct progress *progress, struct explore_outcome *out)
{
	int fds[2], status = 0;
	pid_t pid;

	memset(out, 0, sizeof(*out));
	clear_shared(shared, search->seed);
	fflush(NULL);
	out->verdict = EXPLORE_CANNOT;
	if (pipe(fds)) {
		bench_copy(out->name, sizeof(out->name), strerror(errno));
		return;
	}
	pid = fork();
	if (!pid) {
		close(fds[0]);
		child_main(search, shared, fds[1]);
	}
	close(fds[1]);
	if (pid < 0)
		bench_copy(out->name, sizeof(out->name), strerror(errno));
	else
		listen(search, shared, progress, out, fds[0], pid);
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return;
	judge(shared, status, out);
	fill_outcome(search, shared, out);
}

/* FNV-1a */
static uint64_t digest(uint64_t hash, const void *what, size_t len)
{
	const unsigned char *byte = what;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t explore_machine_hash(const struct scenario *scenario)
{
	static struct mmsim_config cfg;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	scenario_config(scenario, &cfg);
	const uint32_t figures[] = { cfg.mode,         cfg.flags,   cfg.boot,     cfg.stores,
				     cfg.init_threads, cfg.nr_cpus, cfg.nr_nodes, cfg.nr_ranges };

	hash = digest(hash, figures, sizeof(figures));
	hash = digest(hash, cfg.cpu, cfg.nr_cpus * sizeof(cfg.cpu[0]));
	return digest(hash, cfg.range, cfg.nr_ranges * sizeof(cfg.range[0]));
}

size_t explore_preemptions(const struct mmsim_choice *choice, size_t nr)
{
	size_t sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += choice[i].preempted;
	return sum;
}
