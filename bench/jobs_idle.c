/* SPDX-License-Identifier: MIT */
/* What idle helpers cost: CPU time that they use after a job, when nobody has anything for them. */
#include "harness/util.h"
#include "jobs_cases.h"
#include "jobs_trial.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define IDLE_NS UINT64_C(5000000)
#define BLOCKS_SHARE 3 /* a block takes long, and is mostly idle */
#define WARM_JOBS 4 /* the first only wakes */
#define MOST_OTHERS (2 * MMSIM_MAX_CPUS)

/*
 * Other threads of this process. Each is asked for its own clock: the process's counts what a thread has used
 * that still runs only when it is switched away, so after a job it lacks the job.
 */
struct others {
	unsigned nr;
	clockid_t clock[MOST_OTHERS];
};

/* As pthread_getcpuclockid() makes it, which wants a pthread_t. */
static clockid_t clock_of(unsigned tid)
{
	return (clockid_t)(~tid << 3 | 6);
}

static void find_others(struct others *others)
{
	unsigned own = (unsigned)syscall(SYS_gettid);
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;

	others->nr = 0;
	while (dir && (entry = readdir(dir)) && others->nr < MOST_OTHERS) {
		unsigned tid = (unsigned)strtoul(entry->d_name, NULL, 10);

		if (tid && tid != own)
			others->clock[others->nr++] = clock_of(tid);
	}
	if (dir)
		closedir(dir);
}

/* One that has ended uses nothing any more. */
static uint64_t cpu_ns(const struct others *others)
{
	struct timespec ts;
	uint64_t ns = 0;

	for (unsigned i = 0; i < others->nr; i++)
		if (!clock_gettime(others->clock[i], &ts))
			ns += (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	return ns;
}

static void measure(struct jobs_trial *t, unsigned caller)
{
	struct jobs_blocks jobs = { 0 }, cpu = { 0 };
	struct others others;

	find_others(&others);
	for (unsigned b = 0; b < t->blocks; b++) {
		uint64_t before, after;

		jobs_blocks_add(&jobs, jobs_trial_jobs(t, caller, WARM_JOBS), WARM_JOBS);
		before = cpu_ns(&others);
		jobs_trial_idle(t, IDLE_NS);
		after = cpu_ns(&others);
		jobs_blocks_add(&cpu, after > before ? after - before : 0, 1);
	}
	jobs_trial_values(t, &jobs, &(struct jobs_blocks){ 0 }, 1);
	t->value[J_CPU] = jobs_blocks_median(&cpu);
}

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct jobs_trial t;

	jobs_trial_init(&t, session, case_index, threads);
	t.shape = JOBS_RAMP;
	t.unit_ns = 50;
	t.no_twins = true;
	t.blocks = (t.blocks + BLOCKS_SHARE - 1) / BLOCKS_SHARE;
	t.measure = measure;
	return jobs_trial_run(&t);
}

const struct jobs_client jobs_idle_clients[] = {
	{ { "idle-burn", "CPU time of idle helpers in the 5 ms after ramp-50ns; native mode only",
	    true, 0 },
	  cell },
};

const unsigned jobs_idle_nr_clients = ARRAY_LEN(jobs_idle_clients);
