/* SPDX-License-Identifier: MIT */
/* ktasks natively: the child of a fork, and callers who sleep for their budget. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "compiler.h"
#include "sim_config.h"

#define LONG_ENOUGH 60 /* s: that nobody can have waited for on purpose */

static struct mmsim *create(void)
{
	const char *name;
	struct mmsim_config *cfg = sim_config_shape(1, MMSIM_NATIVE, &name);
	struct mmsim *m;

	cfg->boot = MMSIM_BOOT_COLD;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static int nothing(void *start, void *end, void *arg)
{
	(void)start;
	(void)end;
	(void)arg;
	return 0;
}

/* Helpers have been made, and stay behind. */
static void the_child_destroys(void **state)
{
	struct mmsim_ktask_ctl ctl = { .thread_fn = nothing, .min_chunk = 1, .max_threads = 4 };
	struct mmsim *m = create();
	int status;
	pid_t child;

	(void)state;
	if (MM_TSAN)
		skip();
	assert_int_equal(mmsim_ktask_run(m, NULL, 64, &ctl), 0);
	child = fork();
	if (!child) {
		alarm(LONG_ENOUGH);
		mmsim_destroy(m);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	mmsim_destroy(m);
}

struct put_off {
	struct mmsim *m;
	struct mmsim_ktask_ctl ctl;
	int ret;
};

static int burn(void *start, void *end, void *arg)
{
	struct put_off *p = arg;

	(void)start;
	(void)end;
	mmsim_ndelay(p->m, 1000000);
	return 0;
}

/* One spends a thousand times what it may and sleeps; the other cancels when that is seen. */
static void run_or_cancel(unsigned i, void *arg)
{
	struct put_off *p = arg;

	if (i == 0) {
		p->ret = mmsim_ktask_run(p->m, NULL, 1000000, &p->ctl);
		return;
	}
	while (!__atomic_load_n(&p->ctl.budget->throttled, __ATOMIC_RELAXED))
		mmsim_yield(p->m);
	mmsim_ktask_cancel(&p->ctl);
}

static void who_is_put_off_is_cancelled(void **state)
{
	struct mmsim_cpu_budget budget = { .quota_ns = 1000000, .period_ns = 1000000000 };
	struct put_off p = { .m = create(), .ctl = { .thread_fn = burn, .min_chunk = 1 } };
	uint64_t began = mmsim_now(p.m);

	(void)state;
	/* A million chunks of 1 ms, each good for a second. */
	p.ctl.fn_arg = &p;
	p.ctl.max_threads = 1;
	p.ctl.flags = MMSIM_KTASK_GUIDED;
	p.ctl.min_chunk = 1;
	p.ctl.budget = &budget;
	budget.paid_until_ns = began + UINT64_C(3600) * 1000000000; /* an hour ahead already */
	assert_int_equal(mmsim_run(p.m, 2, run_or_cancel, &p), 0);
	assert_int_equal(p.ret, -ECANCELED);
	assert_int_equal(p.ctl.done, 0);
	mmsim_destroy(p.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_child_destroys),
		cmocka_unit_test(who_is_put_off_is_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
