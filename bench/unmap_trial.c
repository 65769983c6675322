/* SPDX-License-Identifier: MIT */
/* One measured teardown. */
#include "unmap_trial.h"

#include "harness/gate.h"
#include "harness/util.h"
#include "unmap_busy.h"
#include "unmap_space.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a zone at most, so that no page comes from another one. */
#define MAPPED_OF_ZONE(x) ((x) / 4 * 3)

/* Two halves of whole huge pages. */
#define ALIGN_BYTES (2 * MMSIM_PMD_SIZE)

struct process {
	_Alignas(128) struct unmap_space space;
	uint64_t began, ended;
	int error;
};

struct books {
	uint64_t wait_ns[UNMAP_NR_LOCKS];
	uint64_t busy_ns;
};

struct run {
	struct unmap_trial *t;
	struct mmsim *m;
	unsigned first_cpu;
	struct gate gate, end_gate;
	struct unmap_busy busy;
	struct books before, after;
	struct process *process;
};

static int fail(const struct unmap_trial *t, int err, const char *what)
{
	return bench_fail(t->session,
			  err == -ENOMEM || err == -EAGAIN ? BENCH_CANNOT : BENCH_FAILED, "%s: %s",
			  what, strerror(-err));
}

static int make_machine(const struct unmap_trial *t, struct mmsim **m)
{
	struct mmsim_config *cfg = bench_calloc(1, sizeof(*cfg));
	int rc = 0;

	*cfg = t->session->machine.cfg;
	if (session_is_virtual(t->session) || t->timed_locks)
		cfg->flags |= MMSIM_LOCK_TIMES;
	/* As the kernel of the published tables, 4.10. */
	if (session_is_virtual(t->session) && t->session->machine.is_profile)
		cfg->policy.pcp_high = MMSIM_PCP_HIGH_FIXED;
	if (t->what & UNMAP_SLICED)
		cfg->policy.pcp_free = MMSIM_PCP_FREE_SLICED;
	if (t->memory != machine_memory(cfg))
		rc = mmsim_config_set_memory(cfg, t->memory);
	if (!rc)
		rc = mmsim_create(cfg, m);
	free(cfg);
	return rc ? fail(t, rc, "creating the machine") : BENCH_OK;
}

/* Books */

static int which_lock(const char *name)
{
	static const struct {
		const char *name;
		enum unmap_lock lock;
	} kinds[] = {
		{ "zone->lock", UNMAP_ZONE_LOCK },
		{ "lruvec->lru_lock", UNMAP_LRU_LOCK },
		{ "ptlock(pte)", UNMAP_TABLE_LOCK },
		{ "ptlock(pmd)", UNMAP_TABLE_LOCK },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return (int)kinds[i].lock;
	return -1;
}

static void read_books(struct run *r, struct books *books)
{
	struct mmsim_lock_info info;

	memset(books, 0, sizeof(*books));
	for (unsigned i = 0; !mmsim_lock_info(r->m, i, &info); i++) {
		int lock = which_lock(info.name);

		if (lock >= 0)
			books->wait_ns[lock] += info.wait_ns;
	}
	books->busy_ns = unmap_busy_ns(&r->busy);
}

/* When all have touched, by the last of them, and when all are down. */
static void measured_begins(void *arg)
{
	struct run *r = arg;

	watch_measured_begin(r->t->session);
	read_books(r, &r->before);
}

static void measured_ends(void *arg)
{
	struct run *r = arg;

	read_books(r, &r->after);
	watch_measured_end(r->t->session);
}

/* A process */

/* All wait for each other even if one could not be made: nobody would come otherwise. */
static void run_process(unsigned cpu, void *arg)
{
	struct run *r = arg;
	struct process *p;

	if (cpu < r->first_cpu)
		return;
	p = &r->process[cpu - r->first_cpu];
	p->error = unmap_space_make(&p->space);
	gate_wait(&r->gate);
	p->began = mmsim_now(r->m);
	if (!p->error)
		p->error = unmap_space_take_down(&p->space);
	p->ended = mmsim_now(r->m);
	gate_wait(&r->end_gate);
}

/* The last node that has CPUs and memory: the first has zones for devices, too. */
static int find_zone(const struct run *r, unsigned *cpu, uint64_t *bytes)
{
	const struct mmsim_config *cfg = &r->t->session->machine.cfg;
	struct mmsim_zone_info info;

	for (unsigned node = cfg->nr_nodes; node-- > 0;) {
		*bytes = 0;
		for (int type = 0; type < MMSIM_NR_ZONES; type++)
			if (!mmsim_zone_info(r->m, node, (enum mmsim_zone_type)type, &info) &&
			    info.free + info.pcp)
				*bytes = (info.free + info.pcp) << MMSIM_PAGE_SHIFT;
		for (*cpu = 0; *bytes && *cpu < cfg->nr_cpus; ++*cpu)
			if (cfg->cpu[*cpu].node == node)
				return 0;
	}
	return -ENODEV;
}

/* How much each process maps, and where they run. */
static int choose(struct run *r, uint64_t *bytes)
{
	uint64_t zone_bytes;
	int rc;

	*bytes = r->t->bytes;
	if (r->t->what & UNMAP_ONE_ZONE) {
		rc = find_zone(r, &r->first_cpu, &zone_bytes);
		if (rc)
			return rc;
		if (*bytes > MAPPED_OF_ZONE(zone_bytes))
			*bytes = MAPPED_OF_ZONE(zone_bytes);
	}
	*bytes = *bytes / r->t->processes / ALIGN_BYTES * ALIGN_BYTES;
	return *bytes ? 0 : -ENOMEM;
}

static int prepare(struct run *r)
{
	struct unmap_trial *t = r->t;
	uint64_t bytes;
	int rc = choose(r, &bytes);

	if (!rc)
		rc = mmsim_set_teardown(r->m, &t->how);
	if (rc)
		return rc;
	r->process = aligned_alloc(_Alignof(struct process), t->processes * sizeof(*r->process));
	if (!r->process)
		return -ENOMEM;
	memset(r->process, 0, t->processes * sizeof(*r->process));
	for (unsigned i = 0; i < t->processes; i++)
		r->process[i].space = (struct unmap_space){
			.m = r->m,
			.what = t->what,
			.bytes = bytes,
			.seed = t->session->opt->seed + i,
		};
	gate_init(&r->gate, t->processes);
	gate_init(&r->end_gate, t->processes);
	r->gate.m = r->end_gate.m = session_is_virtual(t->session) ? r->m : NULL;
	r->gate.on_open = measured_begins;
	r->end_gate.on_open = measured_ends;
	r->gate.arg = r->end_gate.arg = r;
	return 0;
}

/* Figures */

static void add_process(struct unmap_trial *t, const struct process *p)
{
	struct mmsim_mm_info info;

	t->pages += p->space.bytes >> MMSIM_PAGE_SHIFT;
	t->touch_ns += p->space.touch_ns;
	if (!mmsim_mm_info(p->space.mm, &info))
		t->thp_fallbacks += info.thp_fallbacks;
}

/* Processes that are down wait for the others, which is not measured: theirs is the time in the call. */
static double worked_ns(const struct run *r)
{
	uint64_t ns = 0;

	if (r->t->processes == 1)
		return (double)(r->after.busy_ns - r->before.busy_ns);
	for (unsigned i = 0; i < r->t->processes; i++)
		ns += r->process[i].ended - r->process[i].began;
	return (double)ns;
}

static void fill_shares(struct run *r)
{
	bool timed = session_is_virtual(r->t->session) || r->t->timed_locks;

	for (unsigned i = 0; i < UNMAP_NR_LOCKS; i++) {
		uint64_t wait = r->after.wait_ns[i] - r->before.wait_ns[i];

		r->t->share[i] = timed ? (double)wait / worked_ns(r) : NAN;
	}
}

static int collect(struct run *r)
{
	struct unmap_trial *t = r->t;
	struct mmsim_teardown_info info;
	uint64_t began = UINT64_MAX, ended = 0;

	t->pages = t->touch_ns = t->thp_fallbacks = 0;
	for (unsigned i = 0; i < t->processes; i++) {
		const struct process *p = &r->process[i];

		if (p->error)
			return p->error;
		if (unmap_space_pages(&p->space))
			return -EBUSY;
		add_process(t, p);
		began = p->began < began ? p->began : began;
		ended = p->ended > ended ? p->ended : ended;
	}
	t->ns = ended - began;
	mmsim_teardown_info(r->m, &info);
	t->max_batches = info.max_batches;
	fill_shares(r);
	return 0;
}

static int run_processes(struct run *r, unsigned case_index, unsigned threads)
{
	struct unmap_trial *t = r->t;
	int rc = prepare(r);

	if (rc)
		return fail(t, rc, "setting up the processes");
	watch_start(t->session, r->m);
	unmap_busy_start(&r->busy, t->session, r->m);
	rc = mmsim_run(r->m, r->first_cpu + t->processes, run_process, r);
	unmap_busy_stop(&r->busy);
	watch_stop(t->session, case_index, threads, worked_ns(r));
	if (!rc)
		rc = collect(r);
	for (unsigned i = 0; i < t->processes; i++)
		unmap_space_destroy(&r->process[i].space);
	return rc ? fail(t, rc, "mapping, touching or unmapping") : BENCH_OK;
}

int unmap_trial_run(struct unmap_trial *t, unsigned case_index, unsigned threads)
{
	struct run *r = bench_calloc(1, sizeof(*r));
	int rc;

	r->t = t;
	rc = make_machine(t, &r->m);
	if (rc == BENCH_OK)
		rc = run_processes(r, case_index, threads);
	mmsim_destroy(r->m);
	free(r->process);
	free(r);
	return rc;
}
