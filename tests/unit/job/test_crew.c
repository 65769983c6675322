/* SPDX-License-Identifier: MIT */
/*
 * lib/job/crew.h: whom a call gets, C1 to C3, offers that are taken back, helpers that send for others, and
 * threads and memory that are not to be had. Priorities: test_crew_nice.c.
 */
#include "padata_rig.h"

#include "child_dies.h"
#include <errno.h>

#define CPUS 6
#define ROUNDS (MM_TSAN ? 60 : 200)

/* What the helpers of one call did. */
struct help {
	struct mm_exec *x;
	uint32_t *at; /* [CPUS], atomic: calls that a CPU's helper is at, of all callers; or NULL */
	unsigned yields;
	uint32_t came, inside; /* atomic */
	uint32_t by_tag[4]; /* atomic */
	struct first_failure *failure;
};

static void help(void *arg, unsigned tag)
{
	struct help *h = arg;
	unsigned cpu = mm_exec_cpu(h->x);

	__atomic_add_fetch(&h->inside, 1, __ATOMIC_RELAXED);
	if (h->at)
		expect_in_task(h->failure,
			       __atomic_add_fetch(&h->at[cpu], 1, __ATOMIC_RELAXED) == 1, cpu);
	for (unsigned i = 0; i < h->yields; i++)
		env_yield(h->x);
	__atomic_add_fetch(&h->by_tag[tag % 4], 1, __ATOMIC_RELAXED);
	if (h->at)
		__atomic_sub_fetch(&h->at[cpu], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&h->came, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&h->inside, 1, __ATOMIC_RELAXED);
}

static struct mm_call *call_new(struct help *h)
{
	struct mm_call *call = malloc(sizeof(*call));

	assert_non_null(call);
	mm_job_call_init(call, help, h, 0);
	return call;
}

static void open_mode(struct rig *rig, enum mmsim_mode mode, unsigned nodes)
{
	rig_open(rig, &(struct env_shape){ .mode = mode, .nr_cpus = CPUS, .nr_nodes = nodes });
}

/* Whom it gets */

static void assert_cpus(struct rig *rig, unsigned nr, unsigned nid, const uint16_t *want)
{
	struct help h = { .x = rig->e->x };
	struct mm_call *call = call_new(&h);

	assert_int_equal(mm_job_crew_claim(&rig->crew, call, nr, nid, 0), nr);
	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(call->called[i].cpu, want[i]);
	mm_job_crew_offer(&rig->crew, call, 0, nr);
	mm_job_crew_end(&rig->crew, call);
	free(call);
}

/* Two nodes of three CPUs, the caller on the first. */
static void idle_before_own(void **state)
{
	struct rig rig;

	(void)state;
	open_mode(&rig, MMSIM_SERIAL, 2);
	assert_cpus(&rig, 3, 0, (const uint16_t[]){ 1, 2, 0 });
	assert_cpus(&rig, 3, 1, (const uint16_t[]){ 3, 4, 5 });
	/* Idle ones of all nodes before the caller's own. */
	assert_cpus(&rig, 6, MM_ANY_NODE, (const uint16_t[]){ 1, 2, 3, 4, 5, 0 });
	assert_cpus(&rig, 6, MM_ANY_NODE, (const uint16_t[]){ 1, 2, 3, 4, 5, 0 });
	rig_close(&rig);
}

static void until_released(void *arg)
{
	uint32_t *released = arg;

	env_wait_for(mm_task_current()->exec, released, 1);
}

static void occupied_last(void **state)
{
	const struct mm_cpumask one = mm_cpumask_of(1), four = mm_cpumask_of(4);
	struct mm_task task[2];
	uint32_t released = 0;
	struct rig rig;

	(void)state;
	open_mode(&rig, MMSIM_SERIAL, 2);
	assert_int_equal(mm_exec_spawn(rig.e->x, &task[0], &one, until_released, &released), 0);
	assert_int_equal(mm_exec_spawn(rig.e->x, &task[1], &four, until_released, &released), 0);
	assert_cpus(&rig, 3, 0, (const uint16_t[]){ 2, 0, 1 });
	assert_cpus(&rig, 3, 1, (const uint16_t[]){ 3, 5, 4 });
	assert_cpus(&rig, 6, MM_ANY_NODE, (const uint16_t[]){ 2, 3, 5, 0, 1, 4 });
	released = 1;
	mm_exec_join(rig.e->x, &task[0]);
	mm_exec_join(rig.e->x, &task[1]);
	assert_cpus(&rig, 3, 0, (const uint16_t[]){ 1, 2, 0 });
	rig_close(&rig);
}

/* CPUs 0 and 1, 2 and 3, 4 and 5 share cores: each core once, then again, then the caller's. */
static void cores_first(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = CPUS });
	struct rig rig = { .e = e };

	(void)state;
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		e->x->cpu[cpu].first = cpu - cpu % 2;
	assert_int_equal(mm_job_crew_init(&rig.crew, e->x, &e->topology), 0);
	assert_cpus(&rig, 6, 0, (const uint16_t[]){ 2, 4, 3, 5, 1, 0 });
	rig_close(&rig);
}

/* A core whose second CPU somebody keeps is none where nobody is. */
static void idle_core_before_half_idle(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = CPUS });
	const struct mm_cpumask three = mm_cpumask_of(3);
	struct rig rig = { .e = e };
	uint32_t released = 0;
	struct mm_task task;

	(void)state;
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		e->x->cpu[cpu].first = cpu - cpu % 2;
	assert_int_equal(mm_job_crew_init(&rig.crew, e->x, &e->topology), 0);
	assert_int_equal(mm_exec_spawn(e->x, &task, &three, until_released, &released), 0);
	assert_cpus(&rig, 1, 0, (const uint16_t[]){ 4 });
	assert_cpus(&rig, 5, 0, (const uint16_t[]){ 4, 2, 5, 1, 0 });
	released = 1;
	mm_exec_join(e->x, &task);
	rig_close(&rig);
}

static void claims_of_two_calls(void **state)
{
	struct help h = { .x = NULL };
	struct mm_call *a = call_new(&h), *b = call_new(&h);
	struct rig rig;

	open_mode(&rig, mode_of(state), 1);
	h.x = rig.e->x;
	assert_int_equal(mm_job_crew_claim(&rig.crew, a, 4, MM_ANY_NODE, 1), 4);
	assert_int_equal(mm_job_crew_claim(&rig.crew, b, 4, MM_ANY_NODE, 2), 2);
	assert_int_equal(mm_job_crew_claim(&rig.crew, a, 4, MM_ANY_NODE, 1), 0);
	mm_job_crew_offer(&rig.crew, b, 0, 2);
	mm_job_crew_offer(&rig.crew, a, 0, 4);
	env_wait_for(rig.e->x, &h.came, 6);
	mm_job_crew_end(&rig.crew, a);
	mm_job_crew_end(&rig.crew, b);
	assert_int_equal(h.by_tag[1], 4);
	assert_int_equal(h.by_tag[2], 2);
	assert_int_equal(rig.crew.nr_calls, 2);
	assert_int_equal(rig.crew.nr_called, 6);
	assert_int_equal(rig.crew.nr_joined, 6);
	free(a);
	free(b);
	rig_close(&rig);
}

/* Whoever has ended a call may have all of its helpers again, at once: also those that just fall asleep. */
static void all_are_had_again(void **state)
{
	struct help h = { .x = NULL };
	struct mm_call *call = call_new(&h);
	struct rig rig;

	open_mode(&rig, mode_of(state), 2);
	h.x = rig.e->x;
	for (unsigned i = 0; i < ROUNDS; i++) {
		mm_job_call_init(call, help, &h, 0);
		assert_int_equal(mm_job_crew_claim(&rig.crew, call, CPUS, MM_ANY_NODE, 0), CPUS);
		mm_job_crew_offer(&rig.crew, call, 0, CPUS);
		for (unsigned k = 0; k < i % 5; k++)
			env_yield(h.x);
		mm_job_crew_end(&rig.crew, call);
	}
	free(call);
	rig_close(&rig);
}

static void nobody_when_off(void **state)
{
	struct help h = { .x = NULL };
	struct mm_call *call = call_new(&h);
	struct rig rig;

	(void)state;
	open_mode(&rig, MMSIM_SERIAL, 2);
	rig.crew.off = 1;
	assert_int_equal(mm_job_crew_claim(&rig.crew, call, 3, MM_ANY_NODE, 0), 0);
	assert_int_equal(mm_job_crew_claim(&rig.crew, call, 3, 1, 0), 0);
	rig.crew.off = 0;
	mm_job_crew_end(&rig.crew, call);
	free(call);
	rig_close(&rig);
}

/* C1 to C3 */

struct caller {
	struct rig *rig;
	uint32_t *at;
	struct mm_rng rng;
	struct first_failure failure;
};

static void call_often(void *arg)
{
	struct caller *c = arg;
	struct mm_crew *crew = &c->rig->crew;
	struct mm_call *call = malloc(sizeof(*call));

	for (unsigned i = 0; call && i < ROUNDS && !c->failure.what; i++) {
		struct help h = {
			.x = c->rig->e->x,
			.at = c->at,
			.yields = (unsigned)mm_rng_below(&c->rng, 3),
			.failure = &c->failure,
		};
		unsigned nr = (unsigned)mm_rng_below(&c->rng, CPUS + 1), joined;

		mm_job_call_init(call, help, &h, 0);
		nr = mm_job_crew_claim(crew, call, nr, MM_ANY_NODE, 0);
		mm_job_crew_offer(crew, call, 0, nr);
		for (uint64_t k = mm_rng_below(&c->rng, 4); k; k--)
			env_yield(c->rig->e->x);
		mm_job_crew_end(crew, call);
		joined = call->gone & 0xffff;
		expect_in_task(&c->failure, !h.inside, h.inside); /* C3 */
		expect_in_task(&c->failure, h.came == joined, joined);
		expect_in_task(&c->failure, joined <= nr, joined);
	}
	free(call);
}

static void callers(enum mmsim_mode mode, unsigned nr)
{
	struct caller c[4] = { 0 };
	uint32_t at[CPUS] = { 0 };
	struct rig rig;

	open_mode(&rig, mode, 2);
	for (unsigned i = 0; i < nr; i++) {
		c[i].rig = &rig;
		c[i].at = at;
		c[i].rng = mm_rng_split(nr, i);
	}
	env_run(rig.e, nr, call_often, c, sizeof(c[0]));
	for (unsigned i = 0; i < nr; i++)
		assert_no_failure(&c[i].failure, nr);
	assert_int_equal(rig.crew.nr_calls, nr * ROUNDS);
	assert_true(rig.crew.nr_joined <= rig.crew.nr_called);
	assert_true(rig.crew.nr_joined > 0);
	rig_close(&rig);
}

static void one_caller(void **state)
{
	callers(mode_of(state), 1);
}

static void callers_at_once(void **state)
{
	callers(mode_of(state), 2);
	callers(mode_of(state), 4);
}

/*
 * The first call's helper has long been free, and has an offer of a second call, when the first ends: that
 * offer is not the first's to take back.
 */
static void numbered_offers(void **state)
{
	struct help first = { .x = NULL }, second = { .x = NULL };
	struct mm_call *a = call_new(&first), *b = call_new(&second);
	struct rig rig;

	(void)state;
	open_mode(&rig, MMSIM_SERIAL, 1);
	first.x = second.x = rig.e->x;
	assert_int_equal(mm_job_crew_claim(&rig.crew, a, CPUS, MM_ANY_NODE, 0), CPUS);
	mm_job_crew_offer(&rig.crew, a, 0, CPUS);
	env_wait_for(rig.e->x, &first.came, CPUS);
	for (unsigned i = 0; i < 4; i++)
		env_yield(rig.e->x);
	assert_int_equal(mm_job_crew_claim(&rig.crew, b, CPUS, MM_ANY_NODE, 0), CPUS);
	mm_job_crew_offer(&rig.crew, b, 0, CPUS);
	mm_job_crew_end(&rig.crew, a);
	assert_int_equal(rig.crew.nr_joined, CPUS);
	env_wait_for(rig.e->x, &second.came, CPUS);
	mm_job_crew_end(&rig.crew, b);
	assert_int_equal(rig.crew.nr_joined, 2 * CPUS);
	free(a);
	free(b);
	rig_close(&rig);
}

/* Serial: nobody else has run between offer and end. */
static void taken_back(void **state)
{
	struct help h = { .x = NULL };
	struct rig rig;

	(void)state;
	open_mode(&rig, MMSIM_SERIAL, 1);
	h.x = rig.e->x;
	for (unsigned i = 0; i < 3; i++) {
		struct mm_call *call = call_new(&h);

		assert_int_equal(mm_job_crew_claim(&rig.crew, call, CPUS, MM_ANY_NODE, 0), CPUS);
		mm_job_crew_offer(&rig.crew, call, 0, CPUS);
		mm_job_crew_end(&rig.crew, call);
		memset(call, 0x5a, sizeof(*call)); /* C3: nobody comes any more */
		env_yield(rig.e->x);
		free(call);
	}
	assert_int_equal(h.came, 0);
	assert_int_equal(rig.crew.nr_called, 3 * CPUS);
	assert_int_equal(rig.crew.nr_joined, 0);
	rig_close(&rig);
}

static void leave_one_claimed(void *arg)
{
	struct help h = { .x = NULL };
	struct mm_call *call = call_new(&h);
	struct rig rig;

	(void)arg;
	open_mode(&rig, MMSIM_SERIAL, 1);
	mm_job_crew_claim(&rig.crew, call, 1, MM_ANY_NODE, 0);
	mm_job_crew_fini(&rig.crew);
}

static void C1_stops(void **state)
{
	(void)state;
	assert_true(child_dies(leave_one_claimed, NULL,
			       "C1: nobody has claimed a helper when the crew goes"));
}

/* Waiting */

struct ticking {
	struct rig *rig;
	bool native;
	uint32_t ticks; /* atomic */
	uint64_t last;
	struct first_failure failure;
};

static void tick(void *arg)
{
	struct ticking *t = arg;
	uint64_t now = mm_exec_now(t->rig->e->x);

	expect_in_task(&t->failure, now - t->last >= 1000000, now - t->last);
	t->last = now;
	__atomic_add_fetch(&t->ticks, 1, __ATOMIC_RELAXED);
}

/* In simulated time 10.5 ms; natively until there was a tick, as no host promises how long a sleep lasts. */
static void sleep_for_ticks(void *arg, unsigned tag)
{
	struct ticking *t = arg;
	struct mm_exec *x = t->rig->e->x;

	(void)tag;
	if (t->native)
		while (!__atomic_load_n(&t->ticks, __ATOMIC_RELAXED))
			mm_exec_sleep_until(x, mm_exec_now(x) + 1000000);
	else
		mm_exec_sleep_until(x, mm_exec_now(x) + 10500000);
}

/* Whoever waits for a helper of 10 ms does so in naps of 1 ms. */
static void ticks(void **state)
{
	struct mm_call *call = malloc(sizeof(*call));
	struct ticking t = { .ticks = 0 };
	struct rig rig;

	open_mode(&rig, mode_of(state), 1);
	t.rig = &rig;
	t.native = mode_of(state) == MMSIM_NATIVE;
	mm_job_call_init(call, sleep_for_ticks, &t, 0);
	call->tick = tick;
	call->tick_ns = 1000000;
	assert_int_equal(mm_job_crew_claim(&rig.crew, call, 1, MM_ANY_NODE, 0), 1);
	mm_job_crew_offer(&rig.crew, call, 0, 1);
	while (!__atomic_load_n(&rig.e->x->cpu[call->called[0].cpu].nr_tasks, __ATOMIC_RELAXED))
		env_yield(rig.e->x);
	t.last = mm_exec_now(rig.e->x);
	mm_job_crew_end(&rig.crew, call);
	assert_no_failure(&t.failure, 0);
	if (!t.native)
		assert_in_range(t.ticks, 9, 10);
	free(call);
	rig_close(&rig);
}

/* Sending */

struct chain {
	struct rig *rig;
	struct mm_call *call;
	uint32_t links, refused; /* atomic */
};

/* Each sends for one on the other node, as long as that can be. */
static void link_on(void *arg, unsigned tag)
{
	struct chain *c = arg;

	__atomic_add_fetch(&c->links, 1, __ATOMIC_RELAXED);
	if (!mm_job_crew_send(&c->rig->crew, c->call, !tag, !tag))
		__atomic_add_fetch(&c->refused, 1, __ATOMIC_RELEASE);
}

/* One entry each: with half of the room taken nobody is sent for any more. */
static void chain_of_helpers(void **state)
{
	struct mm_call *call = malloc(sizeof(*call));
	struct chain c = { .call = call };
	struct rig rig;

	open_mode(&rig, mode_of(state), 2);
	c.rig = &rig;
	mm_job_call_init(call, link_on, &c, 0);
	assert_int_equal(mm_job_crew_claim(&rig.crew, call, 1, 0, 0), 1);
	mm_job_crew_offer(&rig.crew, call, 0, 1);
	env_wait_for(rig.e->x, &c.refused, 1);
	mm_job_crew_end(&rig.crew, call);
	/* Natively those of a node may all be about to leave. */
	if (mode_of(state) != MMSIM_NATIVE)
		assert_int_equal(c.links, MM_MAX_CALLED / 2);
	assert_in_range(c.links, 1, MM_MAX_CALLED / 2);
	assert_int_equal(rig.crew.nr_called, c.links);
	assert_int_equal(rig.crew.nr_joined, c.links);
	free(call);
	rig_close(&rig);
}

/* All who are inside send at once; whoever was sent and came has gone when the call is over. */
static void send_while_ending(void **state)
{
	struct mm_call *call = malloc(sizeof(*call));
	struct rig rig;

	open_mode(&rig, mode_of(state), 2);
	for (unsigned i = 0; i < 20; i++) {
		struct chain c = { .rig = &rig, .call = call };
		uint64_t before = rig.crew.nr_joined;

		mm_job_call_init(call, link_on, &c, 0);
		assert_int_equal(mm_job_crew_claim(&rig.crew, call, 2, 0, 0), 2);
		mm_job_crew_offer(&rig.crew, call, 0, 2);
		for (unsigned k = 0; k < i; k++)
			env_yield(rig.e->x);
		mm_job_crew_end(&rig.crew, call);
		assert_int_equal(c.links, rig.crew.nr_joined - before);
		assert_int_equal(c.links, call->gone & 0xffff);
		memset(call, 0x5a, sizeof(*call));
	}
	free(call);
	rig_close(&rig);
}

/* Nobody free on a node: nobody sent. */
static void send_to_a_full_node(void **state)
{
	struct help h = { .x = NULL };
	struct mm_call *call = call_new(&h);
	struct rig rig;

	(void)state;
	open_mode(&rig, MMSIM_SERIAL, 2);
	h.x = rig.e->x;
	assert_int_equal(mm_job_crew_claim(&rig.crew, call, 3, 1, 0), 3);
	assert_false(mm_job_crew_send(&rig.crew, call, 1, 0));
	assert_true(mm_job_crew_send(&rig.crew, call, 0, 3));
	mm_job_crew_offer(&rig.crew, call, 0, 3);
	env_wait_for(rig.e->x, &h.came, 4);
	mm_job_crew_end(&rig.crew, call);
	assert_int_equal(h.by_tag[3], 1);
	free(call);
	rig_close(&rig);
}

/* Who sends somebody goes himself: not if there is no thread for the one that is sent. */
static void send_without_a_thread(void **state)
{
	struct help h = { .x = NULL };
	struct mm_call *call = call_new(&h);
	struct rig rig;

	(void)state;
	open_mode(&rig, MMSIM_SERIAL, 2);
	h.x = rig.e->x;
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 1, 1);
	assert_false(mm_job_crew_send(&rig.crew, call, 1, 0));
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 0, 0);
	assert_true(mm_job_crew_send(&rig.crew, call, 1, 0));
	env_wait_for(rig.e->x, &h.came, 1);
	mm_job_crew_end(&rig.crew, call);
	free(call);
	rig_close(&rig);
}

/* Threads and memory */

static void spawn_faults(void **state)
{
	struct rig rig;

	open_mode(&rig, mode_of(state), 1);
	for (uint32_t nth = 1; nth <= CPUS; nth++) {
		struct help h = { .x = rig.e->x };
		struct mm_call *call = call_new(&h);
		uint64_t joined = rig.crew.nr_joined;

		/* All have been claimed: of those that have no thread yet the first gets none. */
		assert_int_equal(mm_job_crew_claim(&rig.crew, call, nth, MM_ANY_NODE, 0), nth);
		env_fail(rig.e, MMSIM_FAULT_SPAWN, 1, 1);
		mm_job_crew_offer(&rig.crew, call, 0, nth);
		env_fail(rig.e, MMSIM_FAULT_SPAWN, 0, 0);
		mm_job_crew_end(&rig.crew, call);
		assert_int_equal(rig.crew.nr_joined - joined, h.came);
		assert_true(h.came < nth);
		free(call);
		assert_int_equal(crew_spare(&rig.crew), CPUS);
		mm_job_crew_fini(&rig.crew);
		assert_int_equal(mm_job_crew_init(&rig.crew, rig.e->x, &rig.e->topology), 0);
	}
	rig_close(&rig);
}

static void init_without_memory(void **state)
{
	struct env *e =
		env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 3, .nr_nodes = 2 });
	uint64_t live = e->meta.live;
	struct mm_crew crew;
	uint32_t nth = 0;
	int err;

	(void)state;
	do {
		env_fail(e, MMSIM_FAULT_METADATA, ++nth, 1);
		err = mm_job_crew_init(&crew, e->x, &e->topology);
		env_fail(e, MMSIM_FAULT_METADATA, 0, 0);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(e->meta.live, live);
		}
	} while (err && nth < 100);
	assert_int_equal(err, 0);
	assert_int_equal(nth, 4 + 1); /* helpers, two arrays for their order, one to find it */
	mm_job_crew_fini(&crew);
	env_close(e);
}

/* Nothing is made after the first call that needed everybody: no task, no thread, no memory. */
static void helpers_stay(void **state)
{
	struct help h = { .x = NULL };
	uint64_t live;
	uint32_t newest;
	struct rig rig;

	open_mode(&rig, mode_of(state), 2);
	h.x = rig.e->x;
	crew_spare(&rig.crew);
	live = rig.e->meta.live;
	newest = rig.e->x->next_id;
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 1, UINT32_MAX);
	env_fail(rig.e, MMSIM_FAULT_METADATA, 1, UINT32_MAX);
	for (unsigned i = 0; i < 50; i++) {
		struct mm_call *call = call_new(&h);

		h.came = 0;
		assert_int_equal(mm_job_crew_claim(&rig.crew, call, CPUS, MM_ANY_NODE, 0), CPUS);
		mm_job_crew_offer(&rig.crew, call, 0, CPUS);
		env_wait_for(rig.e->x, &h.came, CPUS);
		mm_job_crew_end(&rig.crew, call);
		free(call);
	}
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 0, 0);
	env_fail(rig.e, MMSIM_FAULT_METADATA, 0, 0);
	assert_int_equal(rig.e->meta.live, live);
	assert_int_equal(rig.e->x->next_id, newest);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_before_own),
		cmocka_unit_test(occupied_last),
		cmocka_unit_test(cores_first),
		cmocka_unit_test(idle_core_before_half_idle),
		in_all_modes(claims_of_two_calls),
		in_all_modes(all_are_had_again),
		cmocka_unit_test(nobody_when_off),
		in_all_modes(one_caller),
		in_all_modes(callers_at_once),
		cmocka_unit_test(numbered_offers),
		cmocka_unit_test(taken_back),
		cmocka_unit_test(C1_stops),
		in_mode(ticks, MMSIM_NATIVE, "native"),
		in_mode(ticks, MMSIM_SERIAL, "serial"),
		in_mode(ticks, MMSIM_VIRTUAL, "virtual"),
		in_all_modes(chain_of_helpers),
		in_all_modes(send_while_ending),
		cmocka_unit_test(send_to_a_full_node),
		cmocka_unit_test(send_without_a_thread),
		in_all_modes(spawn_faults),
		cmocka_unit_test(init_without_memory),
		in_all_modes(helpers_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
