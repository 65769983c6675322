/* SPDX-License-Identifier: MIT */
/* A module's program: a machine, init on a task of it, and what init returned. */
#include "world.h"

#include <errno.h>
#include <linux/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mm_linux_world mm_linux_world;

struct outcome {
	const char *name; /* of the initcall that was last; NULL: there is none */
	int ret;
};

static void say(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "libmmsim: %s\n", line);
}

static int open_world(const struct mmsim_config *cfg, struct mmsim_vmap_params *params)
{
	struct mm_linux_world *w = &mm_linux_world;
	int err = mmsim_create(cfg, &w->m);

	if (err)
		return err;
	params->flags |= MMSIM_VMAP_TOUCHABLE;
	err = mmsim_vmap_create(w->m, params, &w->v);
	if (err) {
		mmsim_destroy(w->m);
		return err;
	}
	mmsim_vmap_params_of(w->v, params);
	w->start = params->start;
	w->end = params->end;
	w->seed = cfg->seed;
	w->nr_cpus = mmsim_nr_cpus(w->m);
	w->native = cfg->mode == MMSIM_NATIVE;
	return 0;
}

static void close_world(void)
{
	mmsim_vmap_destroy(mm_linux_world.v);
	mmsim_destroy(mm_linux_world.m);
}

static int life(void *data)
{
	struct outcome *out = data;

	out->ret = mm_linux_initcalls(&out->name);
	if (!out->ret)
		mm_linux_exitcalls();
	return 0;
}

static void report(const char *program, const struct outcome *out)
{
	if (!out->name)
		fprintf(stderr, "%s: no module_init() and no initcall\n", program);
	else if (out->ret)
		fprintf(stderr, "%s: %s() returned %d (%s)%s\n", program, out->name, out->ret,
			strerror(-out->ret),
			out->ret == -EAGAIN ? ": done, and does not stay" : "");
	else
		fprintf(stderr, "%s: %s() returned 0\n", program, out->name);
}

/* The exit status. */
static int run(const char *program)
{
	struct outcome out = { .name = NULL };
	struct mm_linux_task *t = mm_linux_task_start(life, &out, "insmod");

	if (IS_ERR(t)) {
		fprintf(stderr, "%s: %s\n", program, strerror((int)-PTR_ERR(t)));
		return EXIT_FAILURE;
	}
	mm_linux_task_join(t);
	report(program, &out);
	if (mm_linux_tasks_end())
		_exit(EXIT_FAILURE); /* it still uses the machine */
	return out.name && (!out.ret || out.ret == -EAGAIN) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static struct mmsim_config cfg;
	struct mmsim_vmap_params params = { .design = MMSIM_VMAP_AUTO };
	const char *slash = strrchr(argv[0], '/');
	const char *program = slash ? slash + 1 : argv[0];
	enum mm_linux_start start;
	int err, status;

	mmsim_config_defaults(&cfg);
	cfg.log = say;
	start = mm_linux_options(argc, argv, program, &cfg, &params);
	if (start != MM_LINUX_GO)
		return start == MM_LINUX_BAD;
	err = open_world(&cfg, &params);
	if (err) {
		fprintf(stderr, "%s: no machine: %s\n", program, strerror(-err));
		return EXIT_FAILURE;
	}
	status = run(program);
	close_world();
	return status;
}
