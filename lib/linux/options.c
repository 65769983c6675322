/* SPDX-License-Identifier: MIT */
/* The command line: options say what machine, everything else is a parameter of the module. */
#include "world.h"

#include <linux/kernel.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_PER_CPU (UINT64_C(1) << 30)
#define MEMORY_LEAST (UINT64_C(4) << 30)

struct choice {
	const char *memory, *cpus, *machine, *mode, *design, *seed;
};

/* By value; MMSIM_EXPLORE is for those who can read what it finds. */
static const char *const mode_names[] = {
	[MMSIM_NATIVE] = "native",
	[MMSIM_SERIAL] = "serial",
	[MMSIM_VIRTUAL] = "virtual",
};

static const char *const design_names[] = {
	[MMSIM_VMAP_AUTO] = "auto",
	[MMSIM_VMAP_NODES] = "nodes",
	[MMSIM_VMAP_ONE_LOCK] = "one-lock",
	[MMSIM_VMAP_LOCAL] = "local",
};

static void usage(const char *program)
{
	printf("usage: %s [OPTION...] [PARAMETER=VALUE...]\n"
	       "\n"
	       "The module's init function, on a machine of libmmsim. Exit status: 0 when it "
	       "returns 0 or\n"
	       "-EAGAIN, else 1.\n"
	       "\n"
	       "  --cpus N         of the machine; default: those of this host\n"
	       "  --memory SIZE    as 4G; default: 1G for each CPU, at least 4G\n"
	       "  --mode MODE      native, serial or virtual; default: native\n"
	       "  --machine FILE   virtual mode: a profile of the machine, with its CPUs\n"
	       "  --design DESIGN  of the vmalloc space: auto, nodes, one-lock or local; default: "
	       "auto\n"
	       "  --seed N         of random numbers; default: 0\n"
	       "\n"
	       "parameters:\n",
	       program);
	mm_linux_param_list();
}

static int bad(const char *program, const char *option, const char *value)
{
	fprintf(stderr, "%s: %s: `%s' makes no sense\n", program, option, value);
	return -EINVAL;
}

static int pick(const char *const *names, size_t nr, const char *text, u32 *out)
{
	for (u32 i = 0; i < nr; i++) {
		if (!strcmp(names[i], text)) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return errno || *end || *text < '0' || *text > '9' ? -EINVAL : 0;
}

/* The place for an option's value; NULL: no such option. */
static const char **place(struct choice *c, const char *name, size_t len)
{
	const struct {
		const char *name;
		const char **value;
	} all[] = {
		{ "--memory", &c->memory }, { "--cpus", &c->cpus }, { "--machine", &c->machine },
		{ "--mode", &c->mode },     { "--seed", &c->seed }, { "--design", &c->design },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strlen(all[i].name) == len && !memcmp(all[i].name, name, len))
			return all[i].value;
	return NULL;
}

static enum mm_linux_start read_args(int argc, char **argv, const char *program, struct choice *c)
{
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		size_t len = strcspn(arg, "=");
		const char **value = place(c, arg, len);

		if (!strcmp(arg, "--help"))
			return MM_LINUX_HELP;
		if (arg[0] != '-') {
			if (mm_linux_param_set(program, arg))
				return MM_LINUX_BAD;
			continue;
		}
		if (!value || (!arg[len] && ++i == argc)) {
			fprintf(stderr, "%s: %.*s: %s\n", program, (int)len, arg,
				value ? "needs a value" : "no such option; see --help");
			return MM_LINUX_BAD;
		}
		*value = arg[len] ? arg + len + 1 : argv[i];
	}
	return MM_LINUX_GO;
}

/* CPUs and nodes: of a profile, as many as asked for, or the host's. */
static int set_cpus(const char *program, const struct choice *c, struct mmsim_config *cfg)
{
	char text[32], msg[256] = "";
	uint64_t nr;
	int err;

	if (c->machine) {
		err = mmsim_config_from_profile_file(cfg, c->machine, msg, sizeof(msg));
		if (err)
			fprintf(stderr, "%s: --machine %s: %s\n", program, c->machine, msg);
		if (err)
			return err;
	}
	if (c->cpus) {
		if (number(c->cpus, &nr) || !nr || nr > MMSIM_MAX_CPUS)
			return bad(program, "--cpus", c->cpus);
		snprintf(text, sizeof(text), "pu:%u", (unsigned int)nr);
		return mmsim_config_from_synthetic(cfg, text, 0, msg, sizeof(msg));
	}
	if (!c->machine && mmsim_config_from_host(cfg, NULL, msg, sizeof(msg)))
		fprintf(stderr, "%s: CPUs of the host: %s; going on with %u\n", program, msg,
			cfg->nr_cpus);
	return 0;
}

static int set_memory(const char *program, const struct choice *c, struct mmsim_config *cfg)
{
	uint64_t bytes = cfg->nr_cpus * MEMORY_PER_CPU;

	if (bytes < MEMORY_LEAST)
		bytes = MEMORY_LEAST;
	if (c->memory && mmsim_parse_bytes(c->memory, &bytes))
		return bad(program, "--memory", c->memory);
	if (mmsim_config_set_memory(cfg, bytes))
		return bad(program, "--memory", c->memory ? c->memory : "the default");
	return 0;
}

static int apply(const char *program, const struct choice *c, struct mmsim_config *cfg,
		 struct mmsim_vmap_params *params)
{
	if (c->mode && pick(mode_names, ARRAY_SIZE(mode_names), c->mode, &cfg->mode))
		return bad(program, "--mode", c->mode);
	if (c->design && pick(design_names, ARRAY_SIZE(design_names), c->design, &params->design))
		return bad(program, "--design", c->design);
	if (c->seed && number(c->seed, &cfg->seed))
		return bad(program, "--seed", c->seed);
	if (set_cpus(program, c, cfg))
		return -EINVAL;
	return set_memory(program, c, cfg);
}

enum mm_linux_start mm_linux_options(int argc, char **argv, const char *program,
				     struct mmsim_config *cfg, struct mmsim_vmap_params *params)
{
	struct choice c = { 0 };
	enum mm_linux_start start = read_args(argc, argv, program, &c);

	if (start == MM_LINUX_HELP)
		usage(program);
	if (start == MM_LINUX_GO && apply(program, &c, cfg, params))
		start = MM_LINUX_BAD;
	return start;
}
