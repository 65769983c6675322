/* SPDX-License-Identifier: MIT */
/* ktask: how many helpers, and on which nodes. */
#include "ktask.h"

#include "budget.h"
#include <errno.h>
#include <limits.h>

/* T3: up to nr more, as far as that is not too many. Returns how many. */
static unsigned count_up(struct mm_exec *x, uint32_t *count, unsigned most, unsigned nr)
{
	uint32_t old = __atomic_load_n(count, __ATOMIC_RELAXED);
	unsigned more;

	mm_exec_point(x, MM_POINT_ATOMIC, count);
	do {
		more = mm_min(nr, most - mm_min(old, most));
		if (!more)
			return 0;
	} while (!__atomic_compare_exchange_n(count, &old, old + more, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return more;
}

/* Threads */

static unsigned node_of(const struct mm_ktask_run *run, unsigned stretch)
{
	int nid = run->node[stretch].nid;

	if (nid == MMSIM_NO_NODE)
		return run->kt->crew->topology->node_of[mm_exec_cpu(run->exec)];
	return (unsigned)nid;
}

/* Each node once, however many stretches are on it. */
static unsigned long bandwidth_threads(const struct mm_ktask_run *run)
{
	unsigned long threads = 0;
	uint64_t seen = 0;

	_Static_assert(MMSIM_MAX_NODES <= 64, "a bit for each node");
	for (unsigned i = 0; i < run->nr_nodes; i++) {
		unsigned nid = node_of(run, i);

		if (!(seen >> nid & 1))
			threads += __atomic_load_n(&run->kt->node[nid].bandwidth_threads,
						   __ATOMIC_RELAXED);
		seen |= UINT64_C(1) << nid;
	}
	return threads;
}

static unsigned long most_threads(const struct mm_ktask_run *run)
{
	const struct mmsim_ktask_ctl *ctl = run->ctl;
	unsigned long most = ctl->max_threads ? ctl->max_threads : MMSIM_KTASK_DEFAULT_MAX_THREADS;

	if (ctl->flags & MMSIM_KTASK_BY_BANDWIDTH)
		most = mm_min(ctl->max_threads ? most : ULONG_MAX, bandwidth_threads(run));
	if (ctl->budget)
		most = mm_min(most, mm_job_budget_threads(ctl->budget));
	if (run->kt->quota_threads)
		most = mm_min(most, (unsigned long)run->kt->quota_threads);
	return mm_min(most, (unsigned long)run->kt->crew->nr);
}

unsigned long mm_job_ktask_wanted(const struct mm_ktask_run *run)
{
	size_t min_chunk = run->ctl->min_chunk;
	unsigned long pieces = run->total / min_chunk + !!(run->total % min_chunk);

	return mm_max(mm_min(pieces, most_threads(run)), 1ul);
}

/* Helpers */

static unsigned count_node(struct mm_ktask_run *run, unsigned node, unsigned nr)
{
	struct mm_ktask *kt = run->kt;
	int nid = run->node[node].nid;
	unsigned counted;

	if (nid == MMSIM_NO_NODE)
		return 0;
	counted = count_up(run->exec, &kt->node[nid].helpers, kt->node[nid].max_helpers, nr);
	__atomic_add_fetch(&run->counted[node], counted, __ATOMIC_RELAXED);
	return counted;
}

static void uncount_node(struct mm_ktask_run *run, unsigned node, unsigned nr)
{
	if (!nr)
		return;
	__atomic_sub_fetch(&run->counted[node], nr, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&run->kt->node[run->node[node].nid].helpers, nr, __ATOMIC_RELAXED);
}

/* Of its node, as far as that has room and free CPUs. */
static unsigned claim_at_home(struct mm_ktask_run *run, unsigned node, unsigned nr)
{
	unsigned counted = count_node(run, node, nr), got = 0;

	if (counted)
		got = mm_job_crew_claim(run->kt->crew, &run->call, counted,
					(unsigned)run->node[node].nid, node | MM_KTASK_COUNTED);
	uncount_node(run, node, counted - got);
	return got;
}

static unsigned claim_anywhere(struct mm_ktask_run *run, unsigned node, unsigned nr)
{
	struct mm_ktask *kt = run->kt;
	unsigned got = mm_job_crew_claim(kt->crew, &run->call, nr, MM_ANY_NODE, node);

	if (got && run->node[node].nid != MMSIM_NO_NODE)
		__atomic_add_fetch(&kt->nr_anywhere, got, __ATOMIC_RELAXED);
	return got;
}

/* How many i from 1 to nr are `node` modulo the nodes. */
static unsigned share_of(const struct mm_ktask_run *run, unsigned node, unsigned nr)
{
	return (nr + run->nr_nodes - node) / run->nr_nodes - !node;
}

/* At home first, all of them: so nobody who runs anywhere takes a CPU that another's home would need. */
unsigned mm_job_ktask_claim(struct mm_ktask_run *run, unsigned long nr)
{
	struct mm_ktask *kt = run->kt;
	unsigned most = count_up(run->exec, &kt->helpers, kt->max_helpers, (unsigned)nr);
	unsigned got = 0;

	for (unsigned i = 0; i < run->nr_nodes; i++) {
		run->counted[i] = 0;
		got += claim_at_home(run, i, share_of(run, i, most));
	}
	for (unsigned i = 0; i < run->nr_nodes && got < most; i++)
		got += claim_anywhere(run, i, share_of(run, i, most) - run->counted[i]);
	if (got < most)
		__atomic_sub_fetch(&kt->helpers, most - got, __ATOMIC_RELAXED);
	run->nr_counted = got;
	return got;
}

/* Among all it takes the place of the one that goes: only the nodes' counts change. */
bool mm_job_ktask_move(struct mm_ktask_run *run, unsigned home, unsigned node)
{
	struct mm_ktask *kt = run->kt;
	int nid = run->node[node].nid;

	if (nid == MMSIM_NO_NODE || kt->crew->topology->node_of[mm_exec_cpu(run->exec)] == nid ||
	    !count_node(run, node, 1))
		return false;
	if (!mm_job_crew_send(kt->crew, &run->call, (unsigned)nid, node | MM_KTASK_COUNTED)) {
		uncount_node(run, node, 1);
		return false;
	}
	if (home & MM_KTASK_COUNTED)
		uncount_node(run, home & MM_KTASK_STRETCH, 1);
	return true;
}

void mm_job_ktask_release(struct mm_ktask_run *run)
{
	struct mm_ktask *kt = run->kt;

	for (unsigned i = 0; i < run->nr_nodes; i++)
		if (run->counted[i])
			__atomic_sub_fetch(&kt->node[run->node[i].nid].helpers, run->counted[i],
					   __ATOMIC_RELAXED);
	if (run->nr_counted)
		__atomic_sub_fetch(&kt->helpers, run->nr_counted, __ATOMIC_RELAXED);
}

/* Bad input */

static const char *refuse_nodes(const struct mm_ktask *kt, const struct mmsim_ktask_node *nodes,
				size_t nr_nodes, const struct mmsim_ktask_ctl *ctl)
{
	size_t total = 0;

	for (size_t i = 0; i < nr_nodes; i++) {
		const struct mmsim_ktask_node *n = &nodes[i];

		if (n->nid != MMSIM_NO_NODE &&
		    (n->nid < 0 || (unsigned)n->nid >= kt->crew->topology->nr_nodes))
			return "nid: no node of the machine";
		if (!ctl->iter_fn && n->task_size > UINTPTR_MAX - (uintptr_t)n->start)
			return "start + task_size: overflows";
		if (n->task_size > SIZE_MAX - total)
			return "task_size: the sum overflows";
		total += n->task_size;
	}
	return NULL;
}

const char *mm_job_ktask_refuse(const struct mm_ktask *kt, const struct mmsim_ktask_node *nodes,
				size_t nr_nodes, const struct mmsim_ktask_ctl *ctl)
{
	if (!ctl)
		return "ctl: NULL";
	if (!ctl->thread_fn)
		return "thread_fn: NULL";
	if (!ctl->min_chunk)
		return "min_chunk: 0";
	if (ctl->flags & ~(uint32_t)(MMSIM_KTASK_GUIDED | MMSIM_KTASK_BY_BANDWIDTH))
		return "flags: unknown";
	if (ctl->budget && (!ctl->budget->quota_ns || !ctl->budget->period_ns))
		return "budget: a quota or period of 0";
	if (ctl->budget &&
	    (ctl->budget->period_ns > MMSIM_MAX_BUDGET_PERIOD_NS ||
	     ctl->budget->period_ns / ctl->budget->quota_ns > MMSIM_MAX_BUDGET_RATIO))
		return "budget: a period above 1 s, or more than 1000 times the quota";
	if (nr_nodes > MMSIM_MAX_NODES)
		return "nr_nodes: more than MMSIM_MAX_NODES";
	if (nr_nodes && !nodes)
		return "nodes: NULL";
	return refuse_nodes(kt, nodes, nr_nodes, ctl);
}

/* Making and unmaking */

void mm_job_set_rates(struct mm_ktask *kt, unsigned nid, uint64_t core_bytes_per_s,
		      uint64_t node_bytes_per_s)
{
	struct mm_ktask_of_node *node = &kt->node[nid];
	uint64_t threads = mm_div_round_up(node_bytes_per_s, mm_max(core_bytes_per_s, UINT64_C(1)));

	threads = mm_max(mm_min(threads, (uint64_t)node->cores), UINT64_C(1));
	__atomic_store_n(&node->bandwidth_threads, (uint32_t)threads, __ATOMIC_RELAXED);
}

/* Physical cores whose first CPU is on the node; of a node of memory only, those of all others work for it. */
static unsigned count_cores(const struct mm_crew *crew, unsigned nid)
{
	bool any = !crew->topology->nr_node_cpus[nid];
	unsigned nr = 0;

	for (unsigned cpu = 0; cpu < crew->nr; cpu++)
		nr += crew->exec->cpu[cpu].first == cpu &&
		      (any || crew->topology->node_of[cpu] == nid);
	return nr;
}

int mm_job_ktask_init(struct mm_ktask *kt, struct mm_crew *crew,
		      const struct mmsim_job_policy *policy, unsigned quota_threads)
{
	const struct mm_topology *t = crew->topology;

	*kt = (struct mm_ktask){ .crew = crew, .quota_threads = quota_threads };
	kt->node = mm_base_meta_calloc(crew->exec->meta, t->nr_nodes, sizeof(*kt->node));
	if (!kt->node)
		return -ENOMEM;
	/* floor(4/5), as ktask: of one CPU nobody helps. */
	kt->max_helpers = policy->max_helpers ? policy->max_helpers : t->nr_cpus * 4 / 5;
	for (unsigned nid = 0; nid < t->nr_nodes; nid++) {
		kt->node[nid].max_helpers = policy->max_node_helpers ? policy->max_node_helpers
								     : t->nr_node_cpus[nid] * 4 / 5;
		kt->node[nid].cores = count_cores(crew, nid);
		kt->node[nid].bandwidth_threads = kt->node[nid].cores;
	}
	return 0;
}

void mm_job_ktask_fini(struct mm_ktask *kt)
{
	const struct mm_topology *t = kt->crew->topology;

	mm_invariant("T3: no helper is counted when all has gone", !kt->helpers);
	mm_base_meta_free(kt->crew->exec->meta, kt->node, t->nr_nodes * sizeof(*kt->node));
}
