/* SPDX-License-Identifier: MIT */
/* The circumstances of a measurement: what was run, on what, with what in it. */
#ifndef BENCH_CONTEXT_H
#define BENCH_CONTEXT_H

#include "machine.h"

struct context {
	char version[32]; /* of libmmsim */
	char build[128]; /* compiler and build type */
	char host[256]; /* kernel and CPU model */
	unsigned cpus; /* of the host that the program may use */
	char topology[160]; /* of the machine measured */
	char hugepages[192]; /* of the host */
	char figures[256]; /* virtual: where they are from; empty otherwise */
	char cmdline[1024];
	uint64_t seed;
	char machine[128];
	char config_hash[20];
};

/*
 * Of a virtual machine nothing is told of the host, so that the same command prints the same anywhere:
 * build and host are "virtual", huge pages "none", CPUs the machine's, and the command has no folder.
 */
void context_fill(struct context *context, const struct machine *machine, int argc, char **argv);

/* "0.1.0" */
void context_version(char *buf, size_t len);

#endif
