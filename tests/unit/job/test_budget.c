/* SPDX-License-Identifier: MIT */
/*
 * lib/job/budget.h: how many threads, what a charge does, U1 against a naive count of what began when. Tasks
 * within budgets: test_ktask_limits.c.
 */
#include "bits.h"
#include "budget.h"
#include "exec_env.h"
#include "first_failure.h"
#include "rng.h"

#define BUDGET(q, p)                              \
	(struct mmsim_cpu_budget)                 \
	{                                         \
		.quota_ns = (q), .period_ns = (p) \
	}

static unsigned long threads(uint64_t quota, uint64_t period)
{
	struct mmsim_cpu_budget b = BUDGET(quota, period);

	return mm_job_budget_threads(&b);
}

static void threads_are_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(threads(1, 100), 1);
	assert_int_equal(threads(100, 100), 1);
	assert_int_equal(threads(101, 100), 2);
	assert_int_equal(threads(250, 100), 3);
	assert_int_equal(threads(300, 100), 3);
	assert_int_equal(threads(UINT64_MAX, 1), UINT64_MAX);
	assert_int_equal(threads(UINT64_MAX, 2), UINT64_C(1) << 63);
	assert_int_equal(threads(1, UINT64_MAX), 1);
}

/* Half a CPU: 10 ns of it are worth 20 of the clock's. */
static void charges_add_up(void **state)
{
	struct mmsim_cpu_budget b = BUDGET(50, 100);

	(void)state;
	assert_int_equal(mm_job_budget_next(&b), 0);
	mm_job_budget_charge(&b, 1000, 10);
	assert_int_equal(b.paid_until_ns, 990 + 20);
	assert_int_equal(mm_job_budget_next(&b), 910);
	mm_job_budget_charge(&b, 1000, 50);
	assert_int_equal(b.paid_until_ns, 1110);
	assert_int_equal(mm_job_budget_next(&b), 1010);
	/* A clock that is behind, as another CPU's may be, takes nothing back. */
	mm_job_budget_charge(&b, 900, 5);
	assert_int_equal(b.paid_until_ns, 1120);
	/* What was not used until it began is gone. */
	mm_job_budget_charge(&b, 5000, 5);
	assert_int_equal(b.paid_until_ns, 5005);
	mm_job_budget_charge(&b, 5000, 0);
	assert_int_equal(b.paid_until_ns, 5005);
	assert_int_equal(b.used_ns, 70);
	assert_int_equal(b.throttled, 0);
}

static void nothing_overflows(void **state)
{
	static const uint64_t most[] = { 1, 1000, UINT64_MAX / 2, UINT64_MAX };

	(void)state;
	for (unsigned i = 0; i < 4 * 4 * 4 * 4; i++) {
		struct mmsim_cpu_budget b = BUDGET(most[i % 4], most[i / 4 % 4]);
		uint64_t last = 0;

		for (int k = 0; k < 3; k++) {
			mm_job_budget_charge(&b, most[i / 16 % 4], most[i / 64]);
			assert_true(b.paid_until_ns >= last);
			assert_true(mm_job_budget_next(&b) <= b.paid_until_ns);
			last = b.paid_until_ns;
		}
	}
}

/* U1: one thread, chunks of any length, with pauses. What began in any window, by adding all of them up. */
#define CHUNKS 300

struct begun {
	uint64_t at, ns;
};

static unsigned run_one_thread(struct mmsim_cpu_budget *b, struct mm_rng *rng, struct begun *c)
{
	uint64_t now = 1000000;
	unsigned put_off = 0;

	for (unsigned i = 0; i < CHUNKS; i++) {
		uint64_t at = mm_job_budget_next(b);

		put_off += at > now;
		now = mm_max(now, at);
		c[i] = (struct begun){ now, mm_rng_below(rng, 2 * b->period_ns) };
		now += c[i].ns;
		mm_job_budget_charge(b, now, c[i].ns);
		now += mm_rng_below(rng, 4) ? 0 : mm_rng_below(rng, 3 * b->period_ns);
	}
	return put_off;
}

static void U1_in_every_window(void **state)
{
	struct mm_rng rng = mm_rng_split(5, 1);
	unsigned put_off = 0;

	(void)state;
	for (unsigned t = 0; t < 50; t++) {
		struct mmsim_cpu_budget b = BUDGET(0, 0);
		struct begun c[CHUNKS];

		b.period_ns = 1 + mm_rng_below(&rng, 10000);
		b.quota_ns = 1 + mm_rng_below(&rng, b.period_ns);
		put_off += run_one_thread(&b, &rng, c);
		for (unsigned i = 0; i < CHUNKS; i++) {
			uint64_t used = 0, longest = 0;

			for (unsigned k = i; k < CHUNKS; k++) {
				unsigned __int128 most = (unsigned __int128)b.quota_ns *
							 (c[k].at - c[i].at + b.period_ns) /
							 b.period_ns;

				used += c[k].ns;
				longest = mm_max(longest, c[k].ns);
				assert_true(used <= most + 1 + longest);
			}
		}
	}
	assert_true(put_off > 1000); /* or it says nothing */
}

/* A whole CPU's budget puts nobody off who uses one, also if his chunks are longer than a period. */
static void enough_is_enough(void **state)
{
	struct mmsim_cpu_budget b = BUDGET(100, 100);
	uint64_t now = 5;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		assert_true(mm_job_budget_next(&b) <= now);
		now += 30 + i;
		mm_job_budget_charge(&b, now, 30 + i);
	}
}

struct payer {
	struct mm_exec *x;
	struct mmsim_cpu_budget *b;
};

static void pay(void *arg)
{
	struct payer *p = arg;

	for (int i = 0; i < 1000; i++) {
		mm_job_budget_charge(p->b, 7, 3);
		if (i % 100 == 0)
			mm_exec_resched(p->x);
	}
}

static void nothing_is_lost(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	struct mmsim_cpu_budget b = BUDGET(10, 20);
	struct payer p[4];

	for (unsigned i = 0; i < 4; i++)
		p[i] = (struct payer){ e->x, &b };
	env_run(e, 4, pay, p, sizeof(p[0]));
	assert_int_equal(b.used_ns, 12000);
	assert_int_equal(b.paid_until_ns, 4 + 24000);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_are_rounded_up), cmocka_unit_test(charges_add_up),
		cmocka_unit_test(nothing_overflows),      cmocka_unit_test(U1_in_every_window),
		cmocka_unit_test(enough_is_enough),       in_all_modes(nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
