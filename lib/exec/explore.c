/* SPDX-License-Identifier: MIT */
/*
 * The back end of an adversary who decides which task runs.
 *
 * At every schedule point, wait and end of a task the policy chooses among those that can run. What
 * happens without a policy is the default: whoever runs goes on; if he waits, has ended or yields, the
 * next task by number, round and round. A schedule is the list of steps that were not the default.
 *
 * Time is the number of steps; when nobody can run it jumps to the earliest deadline. The random policy
 * also lets time jump while others can run: to them that is having been slow.
 *
 *  X1: `ready` has those that can run, by number; at a step where the running task could go on, it too.
 *  X2: the same config, policy and seed give the same steps.
 *
 * Locking: as strand.h. Counterpart: docs of include/mmsim/explore.h.
 */
#include "explore.h"

#include "bits.h"
#include "dfs.h"
#include "strand.h"
#include <errno.h>
#include <stdio.h>

#define DEFAULT_MAX_STEPS 1000000
#define DEFAULT_STEPS_EXPECTED 1000
#define TIME_JUMPS 16 /* one step in so many, random policy */

struct explorer {
	struct mm_strands s;
	struct mmsim_explore *how;
	mm_list ready; /* X1 */
	unsigned nr_ready;
	bool can_go_on; /* at this step: the running task could */
	bool yields; /* at this step: but would rather not */
	uint64_t clock;
	uint64_t max_steps;
	struct mm_rng rng;
	uint64_t *change; /* PCT: steps at which the running task's priority falls */
	unsigned nr_changes;
	int64_t lowest; /* PCT: the lowest priority given so far */
	unsigned preemptions; /* DFS */
	size_t replayed;
};

static struct explorer *to_explorer(struct mm_strands *s)
{
	return mm_container_of(s, struct explorer, s);
}

static struct mm_strand *strand_at(mm_list *pos)
{
	return mm_list_entry(pos, struct mm_strand, link);
}

/* X1 */

static void add_ready(struct explorer *e, struct mm_strand *st)
{
	mm_list *pos = e->ready.prev;

	while (pos != &e->ready && strand_at(pos)->id > st->id)
		pos = pos->prev;
	mm_list_add(&st->link, pos);
	e->nr_ready++;
}

static struct mm_strand *nth_ready(struct explorer *e, unsigned n)
{
	mm_list_for_each(pos, &e->ready)
		if (!n--)
			return strand_at(pos);
	return NULL;
}

static struct mm_strand *find_ready(struct explorer *e, unsigned id)
{
	mm_list_for_each(pos, &e->ready)
		if (strand_at(pos)->id == id)
			return strand_at(pos);
	return NULL;
}

/* What happens without a policy. */
static struct mm_strand *by_default(struct explorer *e)
{
	unsigned running = e->s.running->id;

	if (e->can_go_on && !e->yields)
		return e->s.running;
	mm_list_for_each(pos, &e->ready)
		if (strand_at(pos)->id > running)
			return strand_at(pos);
	return strand_at(e->ready.next);
}

/* Time jumps to the earliest deadline. */
static struct mm_strand *jump(struct explorer *e)
{
	struct mm_heap_node *first = mm_heap_first(&e->s.timers);
	struct mm_strand *st = mm_container_of(first, struct mm_strand, timer);

	e->clock = mm_max(e->clock, first->key);
	mm_exec_strand_take(&e->s, st);
	st->timed_out = true;
	add_ready(e, st);
	return st;
}

/* Policies */

static struct mm_strand *pick_random(struct explorer *e)
{
	if (e->s.timers.nr && !mm_rng_below(&e->rng, TIME_JUMPS))
		return jump(e);
	return nth_ready(e, (unsigned)mm_rng_below(&e->rng, e->nr_ready));
}

static void pct_start(struct explorer *e, struct mm_strand *st)
{
	st->priority = (int64_t)(mm_rng_next(&e->rng) >> 2);
}

static struct mm_strand *pick_pct(struct explorer *e)
{
	struct mm_strand *best = NULL;

	for (unsigned i = 0; i < e->nr_changes; i++)
		if (e->change[i] == e->how->steps)
			e->s.running->priority = -1 - (int64_t)i;
	/* Else one that polls for another would keep him from running for ever. */
	if (e->yields)
		e->s.running->priority = --e->lowest;
	mm_list_for_each(pos, &e->ready)
		if (!best || strand_at(pos)->priority > best->priority)
			best = strand_at(pos);
	return best;
}

/*
 * The default first, then the others by number; none of these once the preemptions are used up. To run
 * another one than is next after a yield counts as one too: tasks that poll would make the search endless.
 */
static struct mm_strand *pick_dfs(struct explorer *e)
{
	bool preempts = e->can_go_on;
	struct mm_strand *first = by_default(e);
	unsigned n;

	if (e->nr_ready < 2 || (preempts && e->preemptions >= e->how->depth))
		return first;
	n = mm_exec_dfs_choose(e->how->dfs, e->nr_ready);
	if (!n)
		return first;
	e->preemptions += preempts;
	mm_list_for_each(pos, &e->ready)
		if (strand_at(pos) != first && !--n)
			return strand_at(pos);
	return first;
}

static struct mm_strand *pick_replay(struct explorer *e)
{
	const struct mmsim_choice *choice;
	struct mm_strand *st;

	if (e->replayed == e->how->nr_replay || e->how->replay[e->replayed].step != e->how->steps)
		return by_default(e);
	choice = &e->how->replay[e->replayed];
	e->replayed++;
	st = find_ready(e, choice->task);
	while (!st && e->s.timers.nr) {
		jump(e);
		st = find_ready(e, choice->task);
	}
	if (st)
		return st;
	if (!e->how->diverged)
		e->how->diverged = e->how->steps;
	return by_default(e);
}

static struct mm_strand *pick_by_policy(struct explorer *e)
{
	switch ((enum mmsim_policy)e->how->policy) {
	case MMSIM_POLICY_RANDOM:
		return pick_random(e);
	case MMSIM_POLICY_PCT:
		return pick_pct(e);
	case MMSIM_POLICY_DFS:
		return pick_dfs(e);
	case MMSIM_POLICY_REPLAY:
		return pick_replay(e);
	}
	return by_default(e);
}

/* Steps */

static void record(struct explorer *e, const struct mm_strand *st)
{
	struct mmsim_explore *how = e->how;

	if (how->choice && how->nr_choices < how->choice_room)
		how->choice[how->nr_choices] = (struct mmsim_choice){
			.step = how->steps,
			.task = st->id,
			.preempted = e->can_go_on && !e->yields,
		};
	how->nr_choices++;
}

static void hash_step(struct explorer *e, const struct mm_strand *st)
{
	uint64_t step =
		(uint64_t)st->id << 32 | e->nr_ready << 2 | (uint64_t)e->can_go_on << 1 | e->yields;

	e->how->hash = mm_rng_mix(e->how->hash ^ mm_rng_mix(step + 1));
}

/* The caller's invariant reads what tasks write: that is no race, nobody runs meanwhile. */
#if MM_TSAN
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#else
#define AnnotateIgnoreReadsBegin(file, line)
#define AnnotateIgnoreReadsEnd(file, line)
#endif

static void check_invariant(const struct explorer *e)
{
	if (!e->how->invariant)
		return;
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	e->how->invariant(e->how->invariant_ctx);
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

/* Before the step: jumps of time add to the default's choices. */
static struct mm_strand *explore_pick(struct mm_strands *s)
{
	struct explorer *e = to_explorer(s);
	struct mm_strand *usual, *st;

	if (!e->nr_ready)
		return NULL;
	s->x.nr_events++;
	e->clock++;
	if (++e->how->steps > e->max_steps)
		mm_base_broken("livelock", "the run ends within max_steps", __FILE__, __LINE__);
	usual = by_default(e);
	st = pick_by_policy(e);
	if (st != usual)
		record(e, st);
	hash_step(e, st);
	mm_list_del(&st->link);
	e->nr_ready--;
	e->can_go_on = e->yields = false;
	check_invariant(e);
	return st;
}

/* A step at which the running task could go on. */
static void step(struct explorer *e, bool yields)
{
	void *me = mm_exec_strands_enter(&e->s);

	e->can_go_on = true;
	e->yields = yields;
	add_ready(e, e->s.running);
	mm_exec_strands_leave(&e->s, me);
	mm_exec_strand_reschedule(&e->s);
}

/* The scheduler */

static void explore_attach(struct mm_strands *s, struct mm_strand *st)
{
	pct_start(to_explorer(s), st);
}

static void explore_nothing(struct mm_strands *s, struct mm_strand *st)
{
	(void)s;
	(void)st;
}

static void explore_ready(struct mm_strands *s, struct mm_strand *st, enum mm_strand_ready why)
{
	if (why == MM_STRAND_NEW)
		pct_start(to_explorer(s), st);
	add_ready(to_explorer(s), st);
}

static bool explore_due(struct mm_strands *s, uint64_t deadline)
{
	struct explorer *e = to_explorer(s);

	if (deadline > e->clock && e->nr_ready)
		return false;
	e->clock = mm_max(e->clock, deadline);
	return true;
}

static const struct mm_sched explore_sched = {
	.attach = explore_attach,
	.detach = explore_nothing,
	.ready = explore_ready,
	.leave = explore_nothing,
	.pick = explore_pick,
	.due = explore_due,
};

/* The table */

static int explore_park(struct mm_exec *x, uint32_t *word, uint32_t val, uint64_t deadline)
{
	return mm_exec_strand_park(mm_strands_of(x), word, val, deadline, false);
}

static void explore_relax(struct mm_exec *x, uint32_t *word, uint32_t val, unsigned spin)
{
	(void)spin;
	mm_exec_strand_park(mm_strands_of(x), word, val, MM_NEVER, true);
}

static void explore_yield(struct mm_exec *x)
{
	step(to_explorer(mm_strands_of(x)), true);
}

static void explore_point(struct mm_exec *x, enum mm_point kind, const void *obj)
{
	(void)kind;
	(void)obj;
	step(to_explorer(mm_strands_of(x)), false);
}

static uint64_t explore_now(struct mm_exec *x)
{
	struct mm_strands *s = mm_strands_of(x);
	void *me = mm_exec_strands_enter(s);
	uint64_t now = to_explorer(s)->clock;

	mm_exec_strands_leave(s, me);
	return now;
}

static void free_explorer(struct explorer *e, struct mm_meta *meta)
{
	mm_base_meta_free(meta, e->change, e->nr_changes * sizeof(*e->change));
	mm_base_meta_free(meta, e, sizeof(*e));
}

static void explore_destroy(struct mm_exec *x)
{
	struct explorer *e = to_explorer(mm_strands_of(x));
	struct mm_meta *meta = x->meta;

	mm_exec_strands_fini(&e->s);
	free_explorer(e, meta);
}

static const struct mm_exec_ops explore_ops = {
	.name = "explore",
	.attach = mm_exec_strand_attach,
	.detach = mm_exec_strand_detach,
	.spawn = mm_exec_strand_spawn,
	.park = explore_park,
	.unpark = mm_exec_strand_unpark,
	.relax = explore_relax,
	.yield = explore_yield,
	.now = explore_now,
	.point = explore_point,
	.destroy = explore_destroy,
};

static int init_changes(struct explorer *e, struct mm_meta *meta)
{
	uint64_t length = e->how->steps_expected ? e->how->steps_expected : DEFAULT_STEPS_EXPECTED;

	if (e->how->policy != MMSIM_POLICY_PCT || e->how->depth < 2)
		return 0;
	e->change = mm_base_meta_calloc(meta, e->how->depth - 1, sizeof(*e->change));
	if (!e->change)
		return -ENOMEM;
	e->nr_changes = e->how->depth - 1;
	for (unsigned i = 0; i < e->nr_changes; i++)
		e->change[i] = 1 + mm_rng_below(&e->rng, length);
	e->lowest = -1 - (int64_t)e->nr_changes;
	return 0;
}

static void clear_results(struct mmsim_explore *how)
{
	how->nr_choices = 0;
	how->steps = 0;
	how->hash = 0;
	how->diverged = 0;
}

int mm_exec_explore_create(const struct mm_exec_config *cfg, struct mm_exec **out)
{
	struct explorer *e = mm_base_meta_alloc(cfg->meta, sizeof(*e));

	mm_assert(cfg->explore);
	if (!e)
		return -ENOMEM;
	e->how = cfg->explore;
	e->rng = mm_rng_split(cfg->seed, 0);
	mm_list_init(&e->ready);
	if (init_changes(e, cfg->meta) ||
	    mm_exec_strands_init(&e->s, cfg, &explore_ops, &explore_sched, true)) {
		free_explorer(e, cfg->meta);
		return -ENOMEM;
	}
	e->max_steps = e->how->max_steps ? e->how->max_steps : DEFAULT_MAX_STEPS;
	clear_results(e->how);
	*out = &e->s.x;
	return 0;
}
