/* SPDX-License-Identifier: MIT */
/*
 * The back end of virtual CPUs in virtual time.
 *
 * Each CPU has a clock, in ps, which charges advance. The CPU with the smallest clock runs, among
 * equals the one with the lowest number; a CPU that waits for a deadline counts with that, and goes
 * first among equals. A switch is needed only where the order of two CPUs shows: before taking and
 * before releasing a lock, before an atomic operation, a wait or a wake-up, and before a flow of stores
 * begins. There the running CPU lets every smaller one come up to it; between these places it
 * just runs on. So nothing happens before something earlier that it could see, with two exceptions: a
 * plain read without a lock sees what was executed, not what was earlier; and tasks on one CPU share it
 * by time slices.
 *
 *  V1: in `cpus` are the CPUs that have somebody to run, the running one excepted, by clock.
 *  V2: a CPU's clock never goes back.
 *  V3: `horizon` is at most the smallest of the first clock in `cpus`, the first timer and the end of
 *      the running CPU's slice. Below it the running CPU may run on without looking.
 *  V4: a task that holds a spin lock is not put off its CPU when its slice is over.
 *  V5: a CPU whose task spins for a lock is busy but not in `cpus`: it waits to be handed the lock, or,
 *      if others want the CPU, for the end of its slice: one of them may be who holds the lock.
 *  V6: a task does not run before the time at which it was made, woken or put off. A CPU's queue is in
 *      the order of these times.
 *  V7: a task's slice is that of nice 0 times its weight (nice.h), so that tasks which share a CPU get it in
 *      proportion to their weights. Who becomes ready runs next, and that as soon as V4 lets it, if the
 *      current task has a higher nice value. Where every nice value is 0 this changes nothing.
 *  V8: a kworker that wakes is to run before its equals that have had the CPU since: it has slept, they
 *      have not. Once it runs it is one of them.
 *
 * Counterpart of V7, V8: SCHED_OTHER of kernel/sched/fair.c. Difference: there the slices are equal and a
 * task of less weight has its turn less often; here it has it as often, but shorter.
 */
#include "virtual.h"

#include "bits.h"
#include "cost.h"
#include "nice.h"
#include "strand.h"
#include <errno.h>

#define PS 1000 /* per ns */
#define SHORTEST_SLICE (1000 * PS) /* of a task of little weight, if that of nice 0 is longer */
#define MOST_PIECES (1 << 20) /* that one charge of work is cut into, about */
#define NR_NICE (MM_NICE_LOWEST - MM_NICE_HIGHEST + 1)

struct vcpu {
	struct mm_heap_node clock; /* key: ps; tie: number */
	struct mm_strand *current; /* runs, or would if it were this CPU's turn, or spins */
	bool spins; /* V5 */
	mm_list ready; /* who else wants to run here, V6 */
	struct mm_strand
		*urgent; /* V7, V8: one of them, not to wait for the slice's end; or NULL */
	uint64_t slice_start, slice_end;
	uint64_t idle_since;
};

struct machine {
	struct mm_strands s;
	struct vcpu *cpu; /* [nr_cpus] */
	struct vcpu *now; /* the running one; NULL: no thread is attached */
	struct mm_heap cpus; /* V1 */
	uint64_t horizon; /* V3 */
	uint64_t left_at; /* what time it was when a thread detached */
	uint64_t slice[NR_NICE]; /* V7, ps; by nice value, the highest priority first */
	bool uneven; /* somebody's nice value was not 0, ever */
	struct mm_cost cost;
	struct mm_rng rng;
};

static struct machine *to_machine(struct mm_strands *s)
{
	return mm_container_of(s, struct machine, s);
}

static struct vcpu *cpu_of(struct machine *m, const struct mm_strand *st)
{
	return &m->cpu[st->cpu];
}

static uint64_t figure(const struct machine *m, enum mmsim_figure f)
{
	return mm_cost_figure(&m->cost, f);
}

static uint64_t to_ps(uint64_t ns)
{
	return ns < MM_NEVER / PS ? ns * PS : MM_NEVER;
}

/* Clocks stop at the end of time, about 213 days, instead of beginning again. */
static uint64_t later(uint64_t at, uint64_t ps)
{
	return at < MM_NEVER - 1 - mm_min(ps, MM_NEVER - 1) ? at + ps : MM_NEVER - 1;
}

static void advance(struct vcpu *c, uint64_t ps)
{
	c->clock.key = later(c->clock.key, ps);
}

/* Never nothing: or tasks that poll for one another would do so at one and the same time for ever. */
static uint64_t switch_cost(const struct machine *m)
{
	return mm_max(figure(m, MMSIM_FIG_SWITCH), (uint64_t)PS);
}

static int nice_of(const struct mm_strand *st)
{
	return __atomic_load_n(&st->task->nice, __ATOMIC_RELAXED);
}

/* V7, V8: does it take the CPU from the other? */
static bool outranks(const struct mm_strand *st, const struct mm_strand *other)
{
	int nice = nice_of(st), others = nice_of(other);

	return nice < others || (nice == others && st->task->rested && !other->task->rested);
}

static uint64_t slice_of(const struct machine *m, const struct mm_strand *st)
{
	return m->slice[nice_of(st) - MM_NICE_HIGHEST];
}

/* The timeline */

static void mark(struct machine *m, const struct vcpu *c, const struct mm_strand *st,
		 enum mmsim_mark_kind kind)
{
	struct mmsim_mark mk = {
		.ns = c->clock.key / PS,
		.cpu = c->clock.tie,
		.task = st->id,
		.kind = (uint32_t)kind,
	};

	if (mm_unlikely(m->s.x.mark != NULL))
		m->s.x.mark(m->s.x.mark_ctx, &mk);
}

/* CPUs */

/* V7: will somebody be put in the current task's place before its slice is over? */
static bool is_pressed(const struct vcpu *c)
{
	return c->urgent && outranks(c->urgent, c->current);
}

/* When the current task is to make way for somebody who is ready. */
static uint64_t due_at(const struct vcpu *c)
{
	return is_pressed(c) ? mm_min(c->urgent->ready_at, c->slice_end) : c->slice_end;
}

/* The running CPU is `now`, or has stopped: how far may it run? V3. */
static void set_horizon(struct machine *m)
{
	const struct mm_heap_node *cpu = mm_heap_first(&m->cpus);
	const struct mm_heap_node *timer = mm_heap_first(&m->s.timers);

	m->horizon = cpu ? cpu->key : MM_NEVER;
	if (timer)
		m->horizon = mm_min(m->horizon, timer->key);
	if (m->now && !mm_list_empty(&m->now->ready))
		m->horizon = mm_min(m->horizon, due_at(m->now));
}

static void set_current(struct machine *m, struct vcpu *c, struct mm_strand *st)
{
	c->current = st;
	st->task->rested = false;
	c->slice_start = c->clock.key;
	c->slice_end = later(c->slice_start, slice_of(m, st));
	mark(m, c, st, MMSIM_MARK_RUN);
}

static uint64_t wake_latency(const struct machine *m, const struct vcpu *c, uint64_t at)
{
	bool deep = at >= c->idle_since && at - c->idle_since >= figure(m, MMSIM_FIG_DEEP_AFTER);

	return figure(m, deep ? MMSIM_FIG_WAKE_DEEP : MMSIM_FIG_WAKE);
}

/* V6 */
static void enqueue(struct vcpu *c, struct mm_strand *st, uint64_t at)
{
	mm_list *pos = c->ready.prev;

	st->ready_at = at;
	while (pos != &c->ready && mm_list_entry(pos, struct mm_strand, link)->ready_at > at)
		pos = pos->prev;
	mm_list_add(&st->link, pos);
}

/* Does somebody else want this CPU, at its time? */
static bool is_wanted(const struct vcpu *c)
{
	return !mm_list_empty(&c->ready) &&
	       mm_list_first(&c->ready, struct mm_strand, link)->ready_at <= c->clock.key;
}

/* From an idle CPU to one with somebody to run, at time `at` or when its last task left it. */
static void start_cpu(struct machine *m, struct vcpu *c, struct mm_strand *st, uint64_t at)
{
	c->clock.key = mm_max(c->clock.key, at);
	mm_exec_cost_busy(&m->cost, c->clock.tie, true);
	set_current(m, c, st);
	mm_heap_push(&m->cpus, &c->clock);
}

/* V6, V7 */
static struct mm_strand *dequeue(struct vcpu *c)
{
	struct mm_strand *st = mm_list_first(&c->ready, struct mm_strand, link);

	if (c->urgent && c->urgent->ready_at <= c->clock.key)
		st = c->urgent;
	if (st == c->urgent)
		c->urgent = NULL;
	mm_list_del(&st->link);
	return st;
}

/* The current task no longer runs: the next one, or none. */
static void leave_cpu(struct machine *m, struct vcpu *c)
{
	struct mm_strand *next;
	bool wanted = is_wanted(c);

	mark(m, c, c->current, MMSIM_MARK_STOP);
	c->current = NULL;
	if (!wanted)
		c->idle_since = c->clock.key;
	if (mm_list_empty(&c->ready)) {
		mm_exec_cost_busy(&m->cost, c->clock.tie, false);
		return;
	}
	next = dequeue(c);
	if (wanted)
		advance(c, switch_cost(m));
	else /* V6: whoever made or woke it is ahead of this CPU */
		c->clock.key = later(next->ready_at, wake_latency(m, c, next->ready_at));
	set_current(m, c, next);
	mm_heap_push(&m->cpus, &c->clock);
}

/* The scheduler */

/* V5: until when a task may spin on this CPU that others want. */
static uint64_t spin_limit(const struct vcpu *c)
{
	const struct mm_strand *first;

	if (mm_list_empty(&c->ready))
		return MM_NEVER;
	if (is_pressed(c) && !c->current->nr_locks)
		return mm_max(due_at(c), c->clock.key);
	first = mm_list_first(&c->ready, struct mm_strand, link);
	return mm_max(mm_max(c->slice_end, c->clock.key), first->ready_at);
}

/* V5: somebody wants this CPU from now on. The limit is not before `at`. */
static void limit_spin(struct mm_strands *s, struct vcpu *c, uint64_t at)
{
	struct mm_strand *st = c->current;

	if (!c->spins || st->timer.at)
		return;
	st->timer.key = mm_max(spin_limit(c), at);
	st->timer.tie = st->id;
	mm_heap_push(&s->timers, &st->timer);
}

/* The current task is to make way at another time than it was; the change comes at `at`. */
static void limit_spin_anew(struct mm_strands *s, struct vcpu *c, uint64_t at)
{
	if (c->spins && c->current->timer.at)
		mm_heap_remove(&s->timers, &c->current->timer);
	limit_spin(s, c, at);
}

/* It can run from `at` on, but the CPU is busy. */
static void wait_for_cpu(struct mm_strands *s, struct vcpu *c, struct mm_strand *st, uint64_t at)
{
	enqueue(c, st, at);
	if (outranks(st, is_pressed(c) ? c->urgent : c->current)) {
		c->urgent = st;
		limit_spin_anew(s, c, at);
	} else {
		limit_spin(s, c, 0);
	}
}

static void virtual_ready(struct mm_strands *s, struct mm_strand *st, enum mm_strand_ready why)
{
	struct machine *m = to_machine(s);
	struct vcpu *c = cpu_of(m, st);
	bool expired = why == MM_STRAND_EXPIRED;
	uint64_t at;

	if (st->spinning &&
	    c->current == st) { /* V5: not handed the lock, but woken or its slice over */
		c->spins = false;
		c->clock.key = mm_max(c->clock.key, expired ? st->timer.key : m->now->clock.key);
		mm_heap_push(&m->cpus, &c->clock);
		set_horizon(m);
		return;
	}
	if (!expired)
		advance(m->now, figure(m, MMSIM_FIG_WAKER));
	at = expired ? later(st->timer.key, figure(m, MMSIM_FIG_TIMER)) : m->now->clock.key;
	if (c->current) {
		wait_for_cpu(s, c, st, at);
	} else {
		start_cpu(m, c, st, later(at, wake_latency(m, c, at)));
	}
	set_horizon(m);
}

static void virtual_leave(struct mm_strands *s, struct mm_strand *st)
{
	struct machine *m = to_machine(s);
	struct vcpu *c = cpu_of(m, st);

	if (st->spinning && st->word)
		c->spins = true; /* V5 */
	else
		leave_cpu(m, c);
	set_horizon(m);
}

static struct mm_strand *virtual_pick(struct mm_strands *s)
{
	struct machine *m = to_machine(s);
	struct mm_heap_node *first = mm_heap_pop(&m->cpus);

	if (!first)
		return NULL;
	m->now = mm_container_of(first, struct vcpu, clock);
	set_horizon(m);
	return m->now->current;
}

/* A deadline comes before all CPUs that are not earlier. */
static bool virtual_due(struct mm_strands *s, uint64_t deadline)
{
	const struct mm_heap_node *first = mm_heap_first(&to_machine(s)->cpus);

	return !first || deadline <= first->key;
}

/* The CPU with nothing to do that has the lowest number; if all have, CPU 0. */
static struct vcpu *guest_cpu(struct machine *m)
{
	for (unsigned i = 0; i < m->s.x.nr_cpus; i++)
		if (!m->cpu[i].current)
			return &m->cpu[i];
	return &m->cpu[0];
}

static void virtual_attach(struct mm_strands *s, struct mm_strand *st)
{
	struct machine *m = to_machine(s);
	struct vcpu *c = guest_cpu(m);

	m->now = c;
	st->cpu = c->clock.tie;
	if (c->current) {
		wait_for_cpu(s, c, st, m->left_at); /* see guest_arrives() */
		return;
	}
	/* What this thread, or another one that it knows of, has seen of time is past. */
	c->clock.key = mm_max(c->clock.key, m->left_at);
	mm_exec_cost_busy(&m->cost, c->clock.tie, true);
	set_current(m, c, st);
	set_horizon(m);
}

static void virtual_detach(struct mm_strands *s, struct mm_strand *st)
{
	struct machine *m = to_machine(s);

	m->left_at = m->now->clock.key;
	leave_cpu(m, cpu_of(m, st));
	m->now = NULL;
}

static const struct mm_sched virtual_sched = {
	.attach = virtual_attach,
	.detach = virtual_detach,
	.ready = virtual_ready,
	.leave = virtual_leave,
	.pick = virtual_pick,
	.due = virtual_due,
};

/* Letting others come up */

/* The slice is over, or V7, and somebody waits: the current task goes to the end of the CPU's queue. */
static bool slice_over(const struct machine *m)
{
	const struct vcpu *c = m->now;

	return c->clock.key >= due_at(c) && is_wanted(c) && !c->current->nr_locks;
}

static void step_aside(struct machine *m)
{
	struct vcpu *c = m->now;

	enqueue(c, c->current, c->clock.key);
	leave_cpu(m, c);
}

/* The running CPU is the smallest, no timer is due: nobody has to come up. */
static bool is_first(const struct machine *m)
{
	const struct mm_heap_node *cpu = mm_heap_first(&m->cpus);
	const struct mm_heap_node *timer = mm_heap_first(&m->s.timers);

	return (!cpu || mm_heap_before(&m->now->clock, cpu)) &&
	       (!timer || timer->key > m->now->clock.key);
}

static __attribute__((noinline)) void settle_slow(struct machine *m)
{
	struct vcpu *c = m->now;

	if (slice_over(m)) {
		step_aside(m);
	} else if (is_first(m)) {
		/* V4: its slice may be over, but that is not to be looked at with each step. */
		if (c->clock.key >= c->slice_end)
			c->slice_end = later(c->clock.key, slice_of(m, c->current) / 8 + 1);
		set_horizon(m);
		return;
	} else {
		mm_heap_push(&m->cpus, &c->clock);
	}
	mm_exec_strand_reschedule(&m->s);
}

static inline void settle(struct machine *m)
{
	m->s.x.nr_events++;
	if (mm_unlikely(m->now->clock.key >= m->horizon))
		settle_slow(m);
}

/* The table */

static void guest_arrives(struct mm_exec *x, struct mm_task *task)
{
	struct machine *m = to_machine(mm_strands_of(x));

	mm_exec_strand_attach(x, task);
	if (m->now->current != &m->s.guest)
		mm_exec_strand_reschedule(&m->s);
}

static int virtual_park(struct mm_exec *x, uint32_t *word, uint32_t val, uint64_t deadline)
{
	struct machine *m = to_machine(mm_strands_of(x));

	settle(m);
	if (to_ps(deadline) <= m->now->clock.key) {
		/* A look at *word and back: but a loop of them must see time pass. */
		advance(m->now, switch_cost(m));
		settle(m);
		return __atomic_load_n(word, __ATOMIC_ACQUIRE) == val ? -ETIMEDOUT : 0;
	}
	return mm_exec_strand_park(&m->s, word, val, to_ps(deadline), false);
}

static void virtual_relax(struct mm_exec *x, uint32_t *word, uint32_t val, unsigned spin)
{
	struct machine *m = to_machine(mm_strands_of(x));
	const struct vcpu *c;

	(void)spin;
	settle(m);
	c = m->now;
	mm_exec_strand_park(&m->s, word, val, spin_limit(c), true);
}

static void virtual_unpark(struct mm_exec *x, uint32_t *word, unsigned n)
{
	to_machine(mm_strands_of(x))->s.x.nr_events++;
	mm_exec_strand_unpark(x, word, n);
}

static void virtual_yield(struct mm_exec *x)
{
	struct machine *m = to_machine(mm_strands_of(x));

	x->nr_events++;
	if (!is_wanted(m->now)) {
		/* Alone: but a loop that waits for something must see time pass. */
		advance(m->now, switch_cost(m));
		settle(m);
		return;
	}
	step_aside(m);
	mm_exec_strand_reschedule(&m->s);
}

static uint64_t virtual_now(struct mm_exec *x)
{
	return to_machine(mm_strands_of(x))->now->clock.key / PS;
}

static void flow(struct machine *m, enum mm_charge what, const void *obj, uint64_t n)
{
	const char *at = obj;

	while (n) {
		uint64_t nr = n;

		settle(m);
		advance(m->now, mm_exec_cost_flow(&m->cost, m->now->clock.tie, m->now->clock.key,
						  what, at, &nr));
		at += mm_cost_flow_step(what, nr);
		n -= nr;
	}
}

/*
 * V7: how many ns of work are done before it is seen whether somebody comes: up to what others do next, but
 *     not
 * in crumbs, nor beyond the slice.
 */
static uint64_t piece_of_work(const struct machine *m)
{
	const struct vcpu *c = m->now;
	uint64_t at = c->clock.key, due = due_at(c);
	uint64_t ps = mm_max(m->horizon - mm_min(m->horizon, at), slice_of(m, c->current) / 8);

	if (!mm_list_empty(&c->ready) && due > at)
		ps = mm_min(ps, due - at);
	return ps / PS + 1;
}

static void work_in_pieces(struct machine *m, uint64_t n)
{
	const uint64_t least = n / MOST_PIECES;

	for (;;) {
		uint64_t nr = mm_min(mm_max(piece_of_work(m), least), n);
		struct vcpu *c = m->now;

		advance(c, mm_exec_cost_of(&m->cost, c->clock.tie, c->clock.key, MM_CHARGE_WORK,
					   NULL, nr));
		n -= nr;
		if (!n)
			return;
		settle(m);
	}
}

static void virtual_charge(struct mm_exec *x, enum mm_charge what, const void *obj, uint64_t n)
{
	struct machine *m = to_machine(mm_strands_of(x));
	struct vcpu *c = m->now;

	if (mm_cost_is_flow(what)) {
		flow(m, what, obj, n);
		return;
	}
	x->nr_events++;
	if (what == MM_CHARGE_WORK && mm_unlikely(m->uneven)) {
		work_in_pieces(m, n);
		return;
	}
	advance(c, mm_exec_cost_of(&m->cost, c->clock.tie, c->clock.key, what, obj, n));
	if (what == MM_CHARGE_LOCK) {
		c->current->nr_locks += (unsigned)n;
	} else if (what == MM_CHARGE_UNLOCK) {
		settle(m); /* who came before it is free must find it taken */
		m->now->current->nr_locks -= (unsigned)n;
	} else if (what == MM_CHARGE_RMW || what == MM_CHARGE_SPAWN) {
		settle(m);
	}
}

static void virtual_point(struct mm_exec *x, enum mm_point kind, const void *obj)
{
	(void)kind;
	(void)obj;
	settle(to_machine(mm_strands_of(x)));
}

/* With `waiters` on one line each hand-over costs the others' reads of it: half of them on average. */
static uint64_t hand_over_cost(const struct machine *m, unsigned to, uint64_t waiters)
{
	uint64_t line = mm_exec_cost_line(&m->cost, m->now->clock.tie, to);

	if (figure(m, MMSIM_FIG_LOCK_KIND) == MMSIM_LOCK_QUEUED * MMSIM_FIGURE_ONE)
		return line;
	return line + line * waiters / 2;
}

static bool virtual_hand_over(struct mm_exec *x, uint32_t *word, struct mm_line *line)
{
	struct mm_strands *s = mm_strands_of(x);
	struct machine *m = to_machine(s);
	bool queued = figure(m, MMSIM_FIG_LOCK_KIND) == MMSIM_LOCK_QUEUED * MMSIM_FIGURE_ONE;
	bool lucky = figure(m, MMSIM_FIG_LOCK_KIND) == MMSIM_LOCK_TAS * MMSIM_FIGURE_ONE;
	unsigned waiters = queued ? 1 : mm_exec_strand_spinners(s, word);
	struct mm_strand *st;
	struct vcpu *c;

	st = mm_exec_strand_spinner(
		s, word, lucky && waiters ? (unsigned)mm_rng_below(&m->rng, waiters) : 0);
	if (!st)
		return false;
	c = cpu_of(m, st);
	mm_exec_strand_take(s, st);
	__atomic_store_n(word, st->id, __ATOMIC_RELEASE);
	line->writer = c->clock.tie + 1;
	c->spins = false;
	c->clock.key = mm_max(c->clock.key,
			      later(m->now->clock.key, hand_over_cost(m, c->clock.tie, waiters)));
	mm_heap_push(&m->cpus, &c->clock);
	set_horizon(m);
	return true;
}

/* V7 */
static void virtual_set_nice(struct mm_exec *x, struct mm_task *task, int nice)
{
	struct machine *m = to_machine(mm_strands_of(x));
	struct mm_strand *st = task->backend;
	struct vcpu *c = cpu_of(m, st);

	m->uneven |= nice != 0;
	if (c->current != st)
		return;
	c->slice_end = later(c->slice_start, slice_of(m, st));
	if (!mm_list_empty(&c->ready))
		limit_spin_anew(&m->s, c, m->now->clock.key);
	set_horizon(m);
}

static int virtual_region(struct mm_exec *x, const void *base, uint64_t bytes, unsigned line,
			  unsigned node)
{
	return mm_exec_cost_region(&to_machine(mm_strands_of(x))->cost, base, bytes, line, node);
}

/* Making and unmaking */

static void free_machine(struct machine *m, struct mm_meta *meta, unsigned nr_cpus)
{
	mm_base_meta_free(meta, m->cpu, nr_cpus * sizeof(*m->cpu));
	mm_base_meta_free(meta, m->cpus.slot, nr_cpus * sizeof(struct mm_heap_node *));
	mm_base_meta_free(meta, m, sizeof(*m));
}

static void virtual_destroy(struct mm_exec *x)
{
	struct machine *m = to_machine(mm_strands_of(x));
	struct mm_meta *meta = x->meta;
	unsigned nr_cpus = x->nr_cpus;

	mm_exec_cost_fini(&m->cost);
	mm_exec_strands_fini(&m->s);
	free_machine(m, meta, nr_cpus);
}

static const struct mm_exec_ops virtual_ops = {
	.name = "virtual",
	.attach = guest_arrives,
	.detach = mm_exec_strand_detach,
	.spawn = mm_exec_strand_spawn,
	.park = virtual_park,
	.unpark = virtual_unpark,
	.relax = virtual_relax,
	.yield = virtual_yield,
	.now = virtual_now,
	.charge = virtual_charge,
	.point = virtual_point,
	.hand_over = virtual_hand_over,
	.set_nice = virtual_set_nice,
	.region = virtual_region,
	.destroy = virtual_destroy,
};

static int init_cpus(struct machine *m, const struct mm_exec_config *cfg)
{
	m->cpu = mm_base_meta_calloc(cfg->meta, cfg->nr_cpus, sizeof(*m->cpu));
	m->cpus.slot = mm_base_meta_calloc(cfg->meta, cfg->nr_cpus, sizeof(struct mm_heap_node *));
	if (!m->cpu || !m->cpus.slot)
		return -ENOMEM;
	for (unsigned i = 0; i < cfg->nr_cpus; i++) {
		m->cpu[i].clock.tie = i;
		mm_list_init(&m->cpu[i].ready);
	}
	return 0;
}

/* Of nice 0 exactly the figure, which is 10 s at most. */
static void init_slices(struct machine *m)
{
	uint64_t whole = figure(m, MMSIM_FIG_SLICE);

	for (int nice = MM_NICE_HIGHEST; nice <= MM_NICE_LOWEST; nice++) {
		uint64_t weight = mm_exec_nice_weight(nice);
		uint64_t ps = whole * weight / MM_NICE_0_WEIGHT;

		m->slice[nice - MM_NICE_HIGHEST] =
			mm_max(ps, mm_min(whole, (uint64_t)SHORTEST_SLICE));
	}
}

int mm_exec_virtual_create(const struct mm_exec_config *cfg, struct mm_exec **out)
{
	struct machine *m = mm_base_meta_alloc(cfg->meta, sizeof(*m));

	mm_assert(cfg->figure);
	if (!m)
		return -ENOMEM;
	m->rng = mm_rng_split(cfg->seed, 0);
	if (init_cpus(m, cfg) ||
	    mm_exec_strands_init(&m->s, cfg, &virtual_ops, &virtual_sched, false)) {
		free_machine(m, cfg->meta, cfg->nr_cpus);
		return -ENOMEM;
	}
	if (mm_exec_cost_init(&m->cost, &m->s.x, cfg->figure)) {
		mm_exec_strands_fini(&m->s);
		free_machine(m, cfg->meta, cfg->nr_cpus);
		return -ENOMEM;
	}
	init_slices(m);
	*out = &m->s.x;
	return 0;
}
