/* SPDX-License-Identifier: MIT */
/*
 * The host to calibrate: CPUs that may be used and where they are, pairs of them, its shape as a topology
 * string.
 *
 * Locking: none.
 */
#ifndef BENCH_CALIBRATE_HOST_H
#define BENCH_CALIBRATE_HOST_H

#include "calibrate_figures.h"

/* How far apart two CPUs are, in the order of the figures line_smt to line_remote. */
enum calibrate_distance {
	DISTANCE_SMT,
	DISTANCE_LLC,
	DISTANCE_NODE,
	DISTANCE_REMOTE,
	NR_DISTANCES
};

struct calibrate_pair {
	unsigned a, b; /* indices into the CPUs that may be used */
};

struct calibrate_host {
	struct mmsim_config shape; /* from the host */
	char note[192]; /* what had to be guessed about it; empty if nothing */
	unsigned nr; /* CPUs that may be used */
	int cpu[MMSIM_MAX_CPUS]; /* their numbers */
	struct mmsim_cpu where[MMSIM_MAX_CPUS]; /* of the same */
	uint64_t core_bytes; /* the largest cache but one, a core's own; 0: not known */
	uint64_t llc_bytes; /* the largest; 0: not known */
};

/* Call before the thread is bound. */
void calibrate_host_read(struct calibrate_host *host);

enum calibrate_distance calibrate_distance(const struct mmsim_cpu *a, const struct mmsim_cpu *b);

/* At most max pairs so far apart, spread over all there are. Returns how many. Cost: O(nr^2). */
unsigned calibrate_pairs(const struct mmsim_cpu *where, unsigned nr,
			 enum calibrate_distance distance, struct calibrate_pair *pair,
			 unsigned max);

/* Usable CPUs of the first one's node: their numbers. With one_per_core, no siblings. */
unsigned calibrate_node_cpus(const struct calibrate_host *host, bool one_per_core, int *cpu);

/*
 * The shape as a string for mmsim_config_from_synthetic(). Returns false when the levels do not divide
 * evenly: then the string has the CPUs and nodes, and no more.
 */
bool calibrate_topology(const struct mmsim_config *shape, char *text, size_t len);

/* Are the first threads of all cores numbered before any second one? */
bool calibrate_siblings_last(const struct mmsim_config *shape);

/* Parses "0-3,8": calls fn for each number; false if it is no such list. */
bool calibrate_cpu_list(const char *text, void (*fn)(unsigned number, void *arg), void *arg);

/* "35.8M", "266240K" of sysfs as bytes; 0 if it is neither. */
uint64_t calibrate_cache_size(const char *text);

#endif
