/* SPDX-License-Identifier: MIT */
/* Ordered jobs by the public interface: by threads that are no task of the machine, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"

#define CPUS 4
#define JOBS 40

struct job {
	struct mmsim_padata_priv priv; /* first: a cast finds the job */
	struct mmsim *m;
	unsigned index, cb_cpu;
	struct row *row; /* of the callback CPU */
	bool keep;
	unsigned there; /* atomic: kept, and parallel() is through */
	int refused; /* what a callback was refused with */
	struct mmsim_padata_instance *free_me;
};

/* What ran on one CPU; only by callbacks of that CPU. */
struct row {
	unsigned nr, index[JOBS], cpu[JOBS];
};

static struct mmsim *create(enum mmsim_mode mode, struct sim_log *log)
{
	const char *name;
	struct mmsim_config *cfg = sim_config_shape(1, mode, &name);
	struct mmsim *m;

	sim_log_into(cfg, log);
	cfg->boot = MMSIM_BOOT_COLD;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void work(struct mmsim_padata_priv *priv)
{
	struct job *job = (struct job *)priv;

	mmsim_yield(job->m);
	priv->info = (int)job->index;
	if (job->keep)
		__atomic_store_n(&job->there, 1, __ATOMIC_RELEASE);
	else
		mmsim_padata_do_serial(priv);
}

static void done(struct mmsim_padata_priv *priv)
{
	struct job *job = (struct job *)priv;
	struct row *row = job->row;

	row->cpu[row->nr] = mmsim_cpu(job->m);
	row->index[row->nr++] = (unsigned)priv->info;
}

static void job_init(struct job *job, struct mmsim *m, struct row *rows, unsigned index)
{
	*job = (struct job){ .m = m, .index = index, .cb_cpu = index % CPUS };
	job->row = &rows[job->cb_cpu];
	job->priv.parallel = work;
	job->priv.serial = done;
}

static void finish_kept(struct job *job)
{
	while (!__atomic_load_n(&job->there, __ATOMIC_ACQUIRE))
		mmsim_yield(job->m);
	assert_int_equal(mmsim_padata_do_serial(&job->priv), 0);
}

static void in_order_from_outside(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_VIRTUAL; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &log);
		struct mmsim_padata_instance *pinst = mmsim_padata_alloc(m, "pcrypt");
		struct mmsim_padata_shell *ps = mmsim_padata_alloc_shell(pinst);
		struct row rows[CPUS] = { 0 };
		struct job jobs[JOBS];

		assert_int_equal(mmsim_padata_start(pinst), 0);
		for (unsigned i = 0; i < JOBS; i++) {
			job_init(&jobs[i], m, rows, i);
			jobs[i].keep = i % 3 == 0;
			assert_int_equal(
				mmsim_padata_do_parallel(ps, &jobs[i].priv, &jobs[i].cb_cpu), 0);
		}
		for (unsigned i = JOBS; i-- > 0;)
			if (jobs[i].keep)
				finish_kept(&jobs[i]);
		assert_int_equal(mmsim_padata_flush(pinst), 0);
		for (unsigned cpu = 0; cpu < CPUS; cpu++) {
			assert_int_equal(rows[cpu].nr, JOBS / CPUS);
			for (unsigned i = 0; i < rows[cpu].nr; i++) {
				assert_int_equal(rows[cpu].index[i], i * CPUS + cpu);
				assert_int_equal(rows[cpu].cpu[i], cpu);
			}
		}
		mmsim_padata_free_shell(ps);
		assert_int_equal(mmsim_padata_free(pinst), 0);
		assert_int_equal(log.lines, 0);
		mmsim_destroy(m);
	}
}

static void assert_said(struct sim_log *log, const char *call, const char *what)
{
	assert_int_equal(log->lines, 1);
	assert_non_null(strstr(log->line, call));
	assert_non_null(strstr(log->line, what));
	log->lines = 0;
}

static void names(void **state)
{
	static const char longest[] = "1234567890123456789012345678901";
	struct mmsim_padata_instance *pinst;
	struct mmsim_padata_shell *ps;
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, &log);

	(void)state;
	assert_null(mmsim_padata_alloc(m, NULL));
	assert_said(&log, "mmsim_padata_alloc", "name");
	assert_null(mmsim_padata_alloc(m, ""));
	assert_said(&log, "mmsim_padata_alloc", "name");
	assert_null(mmsim_padata_alloc(m, "12345678901234567890123456789012"));
	assert_said(&log, "mmsim_padata_alloc", "name: too long");
	assert_int_equal(strlen(longest), MMSIM_PADATA_NAME_MAX);
	pinst = mmsim_padata_alloc(m, longest);
	assert_non_null(pinst);
	ps = mmsim_padata_alloc_shell(pinst);
	assert_int_equal(mmsim_padata_free(pinst), -EBUSY);
	assert_said(&log, longest, "has shells");
	mmsim_padata_free_shell(ps);
	assert_int_equal(mmsim_padata_free(pinst), 0);
	mmsim_destroy(m);
}

static void free_in_callback(struct mmsim_padata_priv *priv)
{
	struct job *job = (struct job *)priv;

	job->refused = mmsim_padata_free(job->free_me);
	if (mmsim_padata_flush(job->free_me) != -EDEADLK)
		job->refused = 0;
	done(priv);
}

static void refusals_are_named(void **state)
{
	struct mmsim_padata_instance *pinst;
	struct mmsim_padata_shell *ps;
	struct mmsim_cpumask none = { { 0 } };
	struct row rows[CPUS] = { 0 };
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, &log);
	struct job job;
	unsigned cpu = 1;

	(void)state;
	pinst = mmsim_padata_alloc(m, "esp");
	ps = mmsim_padata_alloc_shell(pinst);
	job_init(&job, m, rows, 1);
	assert_int_equal(mmsim_padata_do_parallel(ps, &job.priv, &cpu), -EINVAL);
	assert_said(&log, "mmsim_padata_do_parallel: esp", "not started");
	assert_int_equal(mmsim_padata_start(pinst), 0);
	assert_int_equal(mmsim_padata_do_parallel(ps, NULL, &cpu), -EINVAL);
	assert_said(&log, "mmsim_padata_do_parallel: esp", "priv: NULL");
	assert_int_equal(mmsim_padata_do_parallel(ps, &job.priv, NULL), -EINVAL);
	assert_said(&log, "mmsim_padata_do_parallel: esp", "cb_cpu: NULL");
	assert_int_equal(mmsim_padata_set_cpumask(pinst, MMSIM_PADATA_CPU_SERIAL, NULL), -EINVAL);
	assert_said(&log, "mmsim_padata_set_cpumask: esp", "mask: NULL");
	for (unsigned i = 0; i < 3; i++) {
		static const enum mmsim_padata_cpumask no_type[] = { 0, 3, 4 };

		assert_int_equal(mmsim_padata_set_cpumask(pinst, no_type[i], &none), -EINVAL);
		assert_said(&log, "mmsim_padata_set_cpumask: esp", "type");
	}
	assert_int_equal(mmsim_padata_set_cpumask(pinst, MMSIM_PADATA_CPU_SERIAL, &none), 0);
	assert_int_equal(mmsim_padata_do_parallel(ps, &job.priv, &cpu), -EINVAL);
	assert_said(&log, "mmsim_padata_do_parallel: esp", "no online CPU");
	assert_int_equal(mmsim_padata_start(pinst), -EINVAL);
	assert_said(&log, "mmsim_padata_start: esp", "no online CPU");
	assert_int_equal(mmsim_padata_start(NULL), -EINVAL);
	assert_int_equal(mmsim_padata_stop(NULL), -EINVAL);
	assert_int_equal(mmsim_padata_stop(pinst), 0);
	assert_int_equal(mmsim_padata_flush(NULL), -EINVAL);
	assert_null(mmsim_padata_alloc_shell(NULL));
	assert_int_equal(mmsim_padata_do_parallel(NULL, &job.priv, &cpu), -EINVAL);
	assert_int_equal(mmsim_padata_do_serial(NULL), -EINVAL);
	assert_int_equal(mmsim_padata_do_serial(&job.priv), -EINVAL);
	mmsim_padata_free_shell(NULL);
	mmsim_padata_free_shell(ps);
	assert_int_equal(mmsim_padata_free(NULL), 0);
	assert_int_equal(mmsim_padata_free(pinst), 0);
	assert_int_equal(log.lines, 0);
	mmsim_destroy(m);
}

static void serial_twice(struct mmsim_padata_priv *priv)
{
	struct job *job = (struct job *)priv;

	job->refused = mmsim_padata_do_serial(priv); /* its parallel phase is over */
	done(priv);
}

static void callbacks_are_refused(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, &log);
	struct mmsim_padata_instance *pinst = mmsim_padata_alloc(m, "esp");
	struct mmsim_padata_shell *ps = mmsim_padata_alloc_shell(pinst);
	struct row rows[CPUS] = { 0 };
	struct job jobs[2];

	(void)state;
	assert_int_equal(mmsim_padata_start(pinst), 0);
	for (unsigned i = 0; i < 2; i++) {
		job_init(&jobs[i], m, rows, i);
		jobs[i].free_me = pinst;
		jobs[i].priv.serial = i ? serial_twice : free_in_callback;
		assert_int_equal(mmsim_padata_do_parallel(ps, &jobs[i].priv, &jobs[i].cb_cpu), 0);
	}
	assert_int_equal(mmsim_padata_flush(pinst), 0);
	assert_int_equal(jobs[0].refused, -EDEADLK);
	assert_int_equal(jobs[1].refused, -EINVAL);
	assert_int_equal(log.lines, 3);
	assert_int_equal(rows[0].nr + rows[1].nr, 2);
	log.lines = 0;
	assert_int_equal(mmsim_padata_free(pinst), -EBUSY);
	assert_said(&log, "mmsim_padata_free: esp", "has shells");
	mmsim_padata_free_shell(ps);
	assert_int_equal(mmsim_padata_free(pinst), 0);
	mmsim_destroy(m);
}

static void masks_as_text(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, &log);
	struct mmsim_padata_instance *pinst = mmsim_padata_alloc(m, "esp");
	struct mmsim_cpumask mask = { { 0 } };
	char text[16];

	(void)state;
	mmsim_cpumask_set(&mask, 1);
	mmsim_cpumask_set(&mask, 33);
	assert_int_equal(mmsim_padata_set_cpumask(pinst, MMSIM_PADATA_CPU_PARALLEL, &mask), 0);
	assert_int_equal(mmsim_padata_print_cpumask(pinst, MMSIM_PADATA_CPU_PARALLEL, false, text,
						    sizeof(text)),
			 11);
	assert_string_equal(text, "2,00000002\n");
	assert_int_equal(mmsim_padata_print_cpumask(pinst, MMSIM_PADATA_CPU_PARALLEL, true, text,
						    sizeof(text)),
			 2);
	assert_string_equal(text, "2\n");
	mmsim_padata_print_cpumask(pinst, MMSIM_PADATA_CPU_SERIAL, true, text, sizeof(text));
	assert_string_equal(text, "f\n");
	assert_int_equal(mmsim_padata_print_cpumask(pinst, (enum mmsim_padata_cpumask)7, true, text,
						    sizeof(text)),
			 0);
	assert_string_equal(text, "");
	assert_int_equal(mmsim_padata_free(pinst), 0);
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_from_outside), cmocka_unit_test(names),
		cmocka_unit_test(refusals_are_named),    cmocka_unit_test(callbacks_are_refused),
		cmocka_unit_test(masks_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
