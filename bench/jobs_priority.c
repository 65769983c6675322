/* SPDX-License-Identifier: MIT */
/*
 * A task beside threads that have nothing to do with it: whose time it costs that its helpers are of
 * low priority, or are not, and what it gains by lending one of them the caller's.
 *
 * The tests of ktask v4, 4/13 and 5/13. Eight CPUs; threads of equal work, each on a CPU of its own
 * (the load), and a task whose caller is on the last CPU. With seven of them that CPU is the caller's
 * alone, with eight they are there first. Works are CPU time of one core: the load's as it was
 * published alone, the task's such that one row of its test comes out right (calibrated). Virtual time
 * only.
 *
 * What the model lacks: no task ever moves to another CPU, so a CPU that becomes idle stays so, and two
 * that share one do not spread over the rest. The clock of eight cores is taken for that of one: they
 * were some of a large server.
 */
#include "harness/util.h"
#include "jobs_cases.h"

#include <errno.h>
#include <string.h>

#define CPUS 8
#define CALLER (CPUS - 1)
#define TOPOLOGY "core:8 pu:1"
#define PIECE_NS 1000000 /* of work: the unit of the task */
#define SCALE 16 /* works are so much less, times multiplied by it; still far longer than a slice */

enum { OF_TASK, OF_LOAD };

struct priority {
	unsigned load_threads;
	unsigned load_ms; /* each of them */
	unsigned task_ms;
	uint32_t flags; /* MMSIM_JOB_… */
	int what; /* is measured */
};

/* One cell. */
struct run {
	struct mmsim *m;
	const struct priority *p;
	unsigned threads;
	uint64_t load_start, load_end, task_start, task_end;
	int rc;
};

static void work(struct mmsim *m, size_t pieces)
{
	while (pieces-- > 0)
		mmsim_ndelay(m, PIECE_NS);
}

static void load_thread(unsigned i, void *arg)
{
	struct run *r = arg;
	uint64_t now;

	(void)i;
	work(r->m, r->p->load_ms / SCALE);
	now = mmsim_now(r->m);
	if (r->load_end < now)
		r->load_end = now;
}

static int task_chunk(void *start, void *end, void *arg)
{
	const struct run *r = arg;

	work(r->m, (uintptr_t)end - (uintptr_t)start);
	return 0;
}

static void run_load(struct run *r)
{
	int rc;

	r->load_start = mmsim_now(r->m);
	rc = mmsim_run(r->m, r->p->load_threads, load_thread, r);
	r->rc = r->rc ? r->rc : rc;
}

static void run_task(struct run *r)
{
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = task_chunk,
		.fn_arg = r,
		.min_chunk = 1,
		.max_threads = r->threads,
	};
	int rc;

	work(r->m, 1); /* the load has begun */
	r->task_start = mmsim_now(r->m);
	rc = mmsim_ktask_run(r->m, NULL, r->p->task_ms / SCALE, &ctl);
	r->task_end = mmsim_now(r->m);
	r->rc = r->rc ? r->rc : rc;
}

static void both(unsigned cpu, void *arg)
{
	if (cpu == 0)
		run_load(arg);
	else if (cpu == CALLER)
		run_task(arg);
}

/* Eight CPUs of the machine, with its figures. */
static void cut(struct mmsim_config *cfg, void *arg)
{
	const struct priority *p = arg;

	mmsim_config_from_synthetic(cfg, TOPOLOGY, UINT64_C(64) << 20, NULL, 0);
	cfg->boot = MMSIM_BOOT_COLD;
	cfg->figure[MMSIM_FIG_TURBO_ALL] = MMSIM_FIGURE_ONE;
	cfg->job.flags = p->flags;
	cfg->job.max_helpers = cfg->job.max_node_helpers = CALLER;
}

static int measure(struct bench_session *session, unsigned case_index, struct run *r)
{
	double value[J_NR];
	int rc = jobs_machine(session, 0, cut, (void *)(uintptr_t)r->p, &r->m);

	if (rc)
		return rc;
	watch_start(session, r->m);
	rc = mmsim_run(r->m, CPUS, both, r);
	watch_stop(session, case_index, r->threads, (double)(r->task_end - r->task_start));
	mmsim_destroy(r->m);
	if (rc || r->rc)
		return bench_fail(session, BENCH_FAILED, "priorities: %s",
				  strerror(-(rc ? rc : r->rc)));
	jobs_no_values(value);
	value[J_NS] = SCALE * (double)(r->p->what == OF_TASK ? r->task_end - r->task_start
							     : r->load_end - r->load_start);
	jobs_record(session, case_index, "mmsim", r->threads, value);
	return BENCH_OK;
}

enum { NICE = 0, NORMAL = MMSIM_JOB_NORMAL_PRIORITY, LENDS = 0, KEEPS = MMSIM_JOB_NO_LEND };

/* Each thread of a load, ms: the first two as published alone. */
enum { STRESS = 43040, USEMEM_25G = 10450, USEMEM_86G = 41580 };

/*
 * Calibrated: tasks on the rows with normal priority and with one thread; usemem of 86G on the row beside a
 * task of one thread.
 */
#define CASES(CASE)                                                                \
	CASE("priority-stress-task-nice", 7, STRESS, 382000, NICE, OF_TASK)        \
	CASE("priority-stress-task-normal", 7, STRESS, 382000, NORMAL, OF_TASK)    \
	CASE("priority-stress-load-nice", 7, STRESS, 382000, NICE, OF_LOAD)        \
	CASE("priority-stress-load-normal", 7, STRESS, 382000, NORMAL, OF_LOAD)    \
	CASE("priority-usemem-task-nice", 7, USEMEM_25G, 39700, NICE, OF_TASK)     \
	CASE("priority-usemem-task-normal", 7, USEMEM_25G, 39700, NORMAL, OF_TASK) \
	CASE("priority-usemem-load-nice", 7, USEMEM_25G, 39700, NICE, OF_LOAD)     \
	CASE("priority-usemem-load-normal", 7, USEMEM_25G, 39700, NORMAL, OF_LOAD) \
	CASE("priority-lend-stress-task", 8, STRESS, 15200, LENDS, OF_TASK)        \
	CASE("priority-keep-stress-task", 8, STRESS, 15200, KEEPS, OF_TASK)        \
	CASE("priority-lend-stress-load", 8, STRESS, 15200, LENDS, OF_LOAD)        \
	CASE("priority-keep-stress-load", 8, STRESS, 15200, KEEPS, OF_LOAD)        \
	CASE("priority-lend-usemem-task", 8, USEMEM_86G, 8120, LENDS, OF_TASK)     \
	CASE("priority-keep-usemem-task", 8, USEMEM_86G, 8120, KEEPS, OF_TASK)     \
	CASE("priority-lend-usemem-load", 8, USEMEM_86G, 8120, LENDS, OF_LOAD)     \
	CASE("priority-keep-usemem-load", 8, USEMEM_86G, 8120, KEEPS, OF_LOAD)

static const struct priority priorities[] = {
#define PRIORITY(name, ...) { __VA_ARGS__ },
	CASES(PRIORITY)
};

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct run r = { .p = &priorities[jobs_which(case_index)], .threads = threads };

	if (threads > CPUS)
		return BENCH_OK;
	return measure(session, case_index, &r);
}

#define ABOUT_STRESS "stress-ng"
#define ABOUT_USEMEM_25G "usemem 25G"
#define ABOUT_USEMEM_86G "usemem 86G"
#define ABOUT_NICE "helpers nice"
#define ABOUT_NORMAL "helpers of normal priority"
#define ABOUT_LENDS "caller lends a helper its priority"
#define ABOUT_KEEPS "caller keeps its priority"
#define ABOUT_OF_TASK "time of the task"
#define ABOUT_OF_LOAD "time of the load"
#define ABOUT(nr, load, flags, what)                                                          \
	"a task beside " #nr " threads of " ABOUT_##load ", " ABOUT_##flags ": " ABOUT_##what \
		"; virtual mode only"

/* Natively it would be the host's scheduler, and whoever else is there, for minutes. */
const struct jobs_client jobs_priority_clients[] = {
#define CLIENT(name, nr, load, task, flags, what) \
	{ { name, ABOUT(nr, load, flags, what), true, nr == 7 ? CPUS : 0 }, cell },
	CASES(CLIENT)
};

const unsigned jobs_priority_nr_clients = ARRAY_LEN(jobs_priority_clients);
