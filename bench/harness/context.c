/* SPDX-License-Identifier: MIT */
/* The circumstances of a measurement. */
#include "context.h"

#include "host.h"
#include "util.h"

#include <inttypes.h>
#include <mmsim/version.h>
#include <string.h>
#include <sys/utsname.h>

/* The build system says how it builds; a compiler called by hand does not. */
#ifndef MMSIM_BUILD
#define MMSIM_BUILD "unknown build type"
#endif

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

void context_version(char *buf, size_t len)
{
	snprintf(buf, len, "%d.%d.%d", MMSIM_VERSION_MAJOR, MMSIM_VERSION_MINOR,
		 MMSIM_VERSION_PATCH);
}

static void fill_host(char *buf, size_t len)
{
	struct utsname name;
	char model[128];

	host_read_key("/proc/cpuinfo", "model name", model, sizeof(model));
	if (uname(&name) == 0)
		snprintf(buf, len, "%s %s %s", name.sysname, name.release, name.machine);
	if (model[0])
		bench_append(buf, len, ", %s", model);
}

/* "always [madvise] never" -> "madvise" */
static void chosen_word(char *text)
{
	char *open = strchr(text, '[');
	char *close = open ? strchr(open, ']') : NULL;

	if (!close)
		return;
	*close = '\0';
	memmove(text, open + 1, strlen(open));
}

static void fill_hugepages(char *buf, size_t len)
{
	static const char sys[] = "/sys/kernel/mm/hugepages/hugepages-%ukB/%s_hugepages";
	static const unsigned size_kb[] = { 1048576, 2048 };
	char path[128], free_pages[24], total[24], thp[64];

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(size_kb); i++) {
		snprintf(path, sizeof(path), sys, size_kb[i], "free");
		host_read_line(path, free_pages, sizeof(free_pages));
		snprintf(path, sizeof(path), sys, size_kb[i], "nr");
		host_read_line(path, total, sizeof(total));
		if (total[0])
			bench_append(buf, len, "%s: %s of %s free, ", i ? "2M" : "1G", free_pages,
				     total);
	}
	host_read_line("/sys/kernel/mm/transparent_hugepage/enabled", thp, sizeof(thp));
	chosen_word(thp);
	bench_append(buf, len, "THP: %s", thp[0] ? thp : "unknown");
}

/* So that the line can be pasted into a shell. */
static void fill_cmdline(char *buf, size_t len, int argc, char **argv)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_./=,:+%@";

	buf[0] = '\0';
	for (int i = 0; i < argc; i++) {
		bool quote = argv[i][strspn(argv[i], plain)] != '\0' || argv[i][0] == '\0';

		bench_append(buf, len, quote ? "%s'%s'" : "%s%s", i ? " " : "", argv[i]);
	}
}

static void fill_native(struct context *context, int argc, char **argv)
{
	bench_copy(context->build, sizeof(context->build), COMPILER ", " MMSIM_BUILD);
	fill_host(context->host, sizeof(context->host));
	context->cpus = host_cpu_count();
	fill_hugepages(context->hugepages, sizeof(context->hugepages));
	fill_cmdline(context->cmdline, sizeof(context->cmdline), argc, argv);
}

static void fill_virtual(struct context *context, const struct machine *machine, int argc,
			 char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	char rest[sizeof(context->cmdline)];

	bench_copy(context->build, sizeof(context->build), "virtual");
	bench_copy(context->host, sizeof(context->host), "virtual");
	bench_copy(context->hugepages, sizeof(context->hugepages), "none");
	bench_copy(context->figures, sizeof(context->figures), machine->figures);
	context->cpus = machine->cfg.nr_cpus;
	fill_cmdline(rest, sizeof(rest), argc - 1, argv + 1);
	bench_copy(context->cmdline, sizeof(context->cmdline), slash ? slash + 1 : argv[0]);
	bench_append(context->cmdline, sizeof(context->cmdline), "%s%s", rest[0] ? " " : "", rest);
}

void context_fill(struct context *context, const struct machine *machine, int argc, char **argv)
{
	memset(context, 0, sizeof(*context));
	context_version(context->version, sizeof(context->version));
	if (machine->cfg.mode == MMSIM_VIRTUAL)
		fill_virtual(context, machine, argc, argv);
	else
		fill_native(context, argc, argv);
	machine_describe(&machine->cfg, context->topology, sizeof(context->topology));
	context->seed = machine->cfg.seed;
	bench_copy(context->machine, sizeof(context->machine), machine->name);
	snprintf(context->config_hash, sizeof(context->config_hash), "%016" PRIx64,
		 machine_hash(&machine->cfg));
}
