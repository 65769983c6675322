/* SPDX-License-Identifier: MIT */
/* From --machine, --memory and --scale to the config of the machine to measure. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include "options.h"

#include <mmsim/config.h>

struct machine {
	struct mmsim_config cfg;
	/* "host", the topology, or the profile's file name less ".ini"; but "host.ini" is left whole. */
	char name[128];
	bool is_profile; /* --machine is a file */
	char figures[256]; /* virtual: where the figures are from, which were changed */
	char note[256]; /* what had to be guessed; empty if nothing */
};

/*
 * default_memory is used without --memory; 0: what the shape has. Returns 0, or -1 with a line
 * about the option that is wrong in msg.
 */
int machine_resolve(struct machine *machine, const struct options *opt, uint64_t default_memory,
		    char *msg, size_t len);

/*
 * Change a figure of the machine, which must be virtual: "wake=3000 ns", "wake=0.5x". Returns 0, -ENOENT
 * for an unknown one, or -EINVAL with what is wrong in msg.
 */
int machine_set_figure(struct machine *machine, const char *assignment, char *msg, size_t len);

/* Is there a figure of this name? */
bool machine_has_figure(const char *name);

/* Bytes of RAM. */
uint64_t machine_memory(const struct mmsim_config *cfg);

/* CPUs of a node, or, with node -1, of the node that has most. */
unsigned machine_node_cpus(const struct mmsim_config *cfg, int node);

/* One line: packages, nodes, cores, CPUs, memory. */
void machine_describe(const struct mmsim_config *cfg, char *buf, size_t len);

/* FNV-1a over every field that changes what the machine does; in virtual mode the figures, too. */
uint64_t machine_hash(const struct mmsim_config *cfg);

#endif
