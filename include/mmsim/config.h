/* SPDX-License-Identifier: MIT */
/*
 * What a machine looks like, before it exists.
 *
 * A config is a plain struct of about 26 KiB that owns nothing: fill it with one of the calls below,
 * change fields, hand it to mmsim_create(), forget it. `size` is its first field and is set by
 * mmsim_config_defaults(), so that a later version knows which header a program was built against;
 * version 0.1 takes its own only.
 *
 * In every field zero means the default that its comment gives.
 */
#ifndef MMSIM_CONFIG_H
#define MMSIM_CONFIG_H

#include <mmsim/api.h>
#include <mmsim/explore.h>
#include <mmsim/jobs.h>
#include <mmsim/policy.h>
#include <mmsim/profile.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

#define MMSIM_MAX_CPUS 1024
#define MMSIM_MAX_NODES 64
#define MMSIM_MAX_RANGES 512

/** Physical addresses end here (64 TiB), as with 4-level page tables on x86-64. */
#define MMSIM_MAX_PHYS (UINT64_C(1) << 46)

/** Who runs the simulated CPUs. */
enum mmsim_mode {
	MMSIM_NATIVE, /* pthreads of this host, its clock */
	MMSIM_SERIAL, /* one thread; tasks take turns only where they wait; a counter for a clock */
	MMSIM_VIRTUAL, /* one thread; CPUs in virtual time, which the figures of a profile advance */
	MMSIM_EXPLORE, /* one thread; an adversary decides who runs, see mmsim/explore.h */
};

enum mmsim_range_kind {
	MMSIM_RANGE_RAM,
	MMSIM_RANGE_RESERVED, /* part of a RAM range that never reaches the allocator */
};

/** Stores with which struct pages are initialised. */
enum mmsim_stores {
	MMSIM_STORES_AUTO, /* streaming from 64 MiB of a node's struct pages on, else ordinary */
	MMSIM_STORES_ORDINARY, /* through the cache, as the kernel */
	MMSIM_STORES_STREAMING, /* past the cache */
};

/** How far mmsim_create() boots the machine. */
enum mmsim_boot_stop {
	MMSIM_BOOT_FULL, /* early and deferred page init: all memory is in the allocator */
	MMSIM_BOOT_COLD, /* memory mapped, nothing initialised: call mmsim_boot() */
};

/** Things that can be made to fail, see mmsim_config.fault. */
enum mmsim_fault_kind {
	MMSIM_FAULT_METADATA, /* an allocation of the library's own memory */
	MMSIM_FAULT_MMAP, /* mapping or advising simulated memory */
	MMSIM_FAULT_SPAWN, /* starting a thread */
	MMSIM_FAULT_TRYLOCK, /* taking a lock that may be refused */
	MMSIM_NR_FAULT_KINDS
};

/** Room in a config for the kinds that are still to come. */
#define MMSIM_MAX_FAULT_KINDS 16

/** Fail the nth such operation (1 is the first; 0: none) and the count - 1 after it (0 means 1). */
struct mmsim_fault {
	uint32_t nth;
	uint32_t count;
};

/** Flags of mmsim_config.flags. */
enum {
	/** Give every RAM page 4096 bytes of memory in this process. */
	MMSIM_BACK_PAGES = 1 << 0,
	/** Leave the first touch of the struct page array to page init. */
	MMSIM_NO_PREFAULT = 1 << 1,
	/** Initialise all struct pages early, on one thread: no deferral. */
	MMSIM_NO_DEFER = 1 << 2,
	/** Deferred init by a plain loop on one thread per node, without the job engine. */
	MMSIM_NO_PADATA = 1 << 3,
	/** Do not bind native threads to host CPUs. */
	MMSIM_NO_PIN = 1 << 4,
	/** Time lock waits and holds (two clock reads per acquisition). */
	MMSIM_LOCK_TIMES = 1 << 5,
	/**
	 * Keep what each simulated TLB holds, and stop the program if something is freed that one of them
	 * still has. On without asking in explore mode and in builds with expensive checks.
	 */
	MMSIM_CHECK_TLB = 1 << 7,
	/** With MMSIM_BACK_PAGES: touch that memory too before the machine is handed out. */
	MMSIM_PREFAULT_PAGES = 1 << 6,
};

/** Page sizes that backing memory may not use; flags of mmsim_config.no_huge. */
enum {
	MMSIM_NO_HUGE_1G = 1 << 0,
	MMSIM_NO_HUGE_2M = 1 << 1,
	MMSIM_NO_HUGE_THP = 1 << 2,
};

/** Where a CPU is. Numbers are machine-wide: two CPUs with the same core are siblings. */
struct mmsim_cpu {
	uint16_t node;
	uint16_t package;
	uint16_t llc; /* last-level cache */
	uint16_t core;
};

struct mmsim_node {
	/* The top of the node's memory that is zone Movable, bytes, rounded down to 4 MiB. */
	uint64_t movable_bytes;
	/* ACPI SLIT distances, 10 to 254; a 0 means 10 to itself and 20 to others. */
	uint8_t distance[MMSIM_MAX_NODES];
};

/** A piece of physical memory, whole pages. */
struct mmsim_range {
	uint64_t start; /* bytes, multiple of 4096 */
	uint64_t bytes; /* bytes, multiple of 4096, not 0 */
	uint32_t node;
	uint32_t kind; /* enum mmsim_range_kind */
};

struct mmsim_config {
	size_t size; /* sizeof(struct mmsim_config) */
	uint32_t mode; /* enum mmsim_mode; 0: native */
	uint32_t flags; /* MMSIM_BACK_PAGES …; 0: none */
	uint32_t boot; /* enum mmsim_boot_stop; 0: full */
	uint32_t stores; /* enum mmsim_stores; 0: auto */
	uint32_t init_threads; /* most threads per node in deferred init; 0: the node's CPUs */
	uint32_t no_huge; /* page sizes not to use; 0: try all, biggest first */
	uint64_t seed; /* of everything random; 0 is a seed like any other */

	/* Receives one line, without a newline, per refusal or warning. NULL: nobody. May be
	 * called from any thread; must not call back into the machine. */
	void (*log)(void *ctx, const char *line);
	void *log_ctx;

	struct mmsim_fault fault[MMSIM_MAX_FAULT_KINDS]; /* by enum mmsim_fault_kind */

	uint32_t nr_cpus; /* 1 to MMSIM_MAX_CPUS */
	uint32_t nr_nodes; /* 1 to MMSIM_MAX_NODES; a node may lack CPUs or memory */
	/* 1 to MMSIM_MAX_RANGES, in any order. RAM ranges do not overlap, and no aligned 4 MiB hold RAM
	 * of two nodes. */
	uint32_t nr_ranges;
	uint32_t pad;

	/* Virtual mode: what things cost, by enum mmsim_figure, in thousandths of the figure's unit.
	 * mmsim_config_defaults() fills in those of a generic x86 server; 0 is a value. */
	uint64_t figure[MMSIM_MAX_FIGURES];
	/* Explore mode: how, and where the results go; needed there, not used elsewhere. */
	struct mmsim_explore *explore;
	/* How the page allocator behaves. */
	struct mmsim_alloc_policy policy;
	/* Helpers of jobs. */
	struct mmsim_job_policy job;

	struct mmsim_cpu cpu[MMSIM_MAX_CPUS];
	struct mmsim_node node[MMSIM_MAX_NODES];
	struct mmsim_range range[MMSIM_MAX_RANGES];
};

/* Each of the calls below returns -EINVAL when a pointer that it needs is NULL. */

/**
 * mmsim_config_defaults - a small machine: 1 node, 2 CPUs, 4 GiB, native, fully booted.
 *
 * Overwrites the whole struct. Context: any. Since 0.1.
 */
MMSIM_API void mmsim_config_defaults(struct mmsim_config *cfg);

/**
 * mmsim_config_set_memory - replace the memory by `bytes` bytes, in the layout of a PC.
 * @bytes: total; a multiple of 4 KiB times nr_nodes is used, at least 4 MiB per node.
 *
 * The memory is spread evenly over the nodes, node 0 lowest, each from a multiple of 4 MiB on. As on a PC
 * the first page, the legacy hole from 640 KiB to 1 MiB and the device hole from 3 to 4 GiB hold no RAM:
 * what falls there follows at the end.
 *
 * Returns 0; -EINVAL when bytes is too small or nr_nodes out of range; -ERANGE when it passes
 * MMSIM_MAX_PHYS. On failure cfg is unchanged. Context: any. Since 0.1.
 */
MMSIM_API int mmsim_config_set_memory(struct mmsim_config *cfg, uint64_t bytes);

/**
 * mmsim_config_add_range - append one piece of memory.
 * @kind: MMSIM_RANGE_RAM or MMSIM_RANGE_RESERVED.
 * @node: the node it belongs to.
 * @start, @bytes: multiples of 4096.
 *
 * Returns 0, or -ENOSPC when MMSIM_MAX_RANGES are there. The values are checked by
 * mmsim_config_check(). Context: any. Since 0.1.
 */
MMSIM_API int mmsim_config_add_range(struct mmsim_config *cfg, enum mmsim_range_kind kind,
				     uint32_t node, uint64_t start, uint64_t bytes);

/**
 * mmsim_config_from_synthetic - CPUs and nodes from an hwloc-style string.
 * @text: levels from the outside in, "name:count" separated by spaces. Names: pack (package), node
 *        (numa), l3 (llc), core, pu (thread). Counts are per parent. `node` may carry its memory:
 *        "pack:2 node:1(memory=384G) core:26 pu:2". Missing levels count 1; pu must be last.
 * @bytes_per_node: used for nodes without memory=; 0: 4 GiB.
 * @msg, @len: receives what was wrong and at which character; may be NULL, 0.
 *
 * Replaces CPUs, nodes and ranges; leaves the rest. Returns 0; -EINVAL for a malformed string;
 * -ERANGE for more CPUs, nodes or memory than a config holds. On failure cfg is unchanged.
 * Context: any. Since 0.1. Models hwloc's synthetic topologies.
 */
MMSIM_API int mmsim_config_from_synthetic(struct mmsim_config *cfg, const char *text,
					  uint64_t bytes_per_node, char *msg, size_t len);

/**
 * mmsim_config_from_host - CPUs, nodes and memory of the machine this runs on.
 * @root: NULL for this host; otherwise a directory that holds copies of proc/ and sys/.
 * @msg, @len: receives which file was wrong or what had to be guessed; may be NULL, 0.
 *
 * Reads sys/devices/system/{node,cpu}, proc/zoneinfo and proc/iomem. Where iomem hides its
 * addresses (no root), RAM is what the memory blocks of sysfs or else the zones span, and msg says
 * so. A populated zone Movable becomes movable_bytes.
 * Replaces CPUs, nodes and ranges; leaves the rest. Returns 0; -ENOENT or another errno of open(2)
 * or read(2) when a file cannot be read; -EINVAL when one makes no sense; -ERANGE when the host is
 * larger than a config; -ENOMEM. On failure cfg is unchanged. Context: any; reads files. Since 0.1.
 */
MMSIM_API int mmsim_config_from_host(struct mmsim_config *cfg, const char *root, char *msg,
				     size_t len);

/**
 * mmsim_config_check - is this a machine that can be built?
 * @msg, @len: receives the offending field and why, e.g. "range[3].start: 0x1001 is not a multiple
 *             of 4096"; may be NULL, 0.
 *
 * mmsim_create() makes the same check. Returns 0, or -EINVAL. Context: any. Cost: O(n log n) in
 * ranges. Since 0.1.
 */
MMSIM_API int mmsim_config_check(const struct mmsim_config *cfg, char *msg, size_t len);

/**
 * mmsim_parse_bytes - "24G", "512 MiB", "4096" as a number of bytes.
 * @text: decimal number, optional fraction ("1.5G"), optional unit B, K, M, G, T, P (powers of
 *        1024, with or without "B" or "iB", any case), nothing after it.
 *
 * Returns 0; -EINVAL when text is not of that form; -ERANGE when it does not fit 64 bits. On failure
 * *bytes is unchanged. Context: any. Since 0.1.
 */
MMSIM_API int mmsim_parse_bytes(const char *text, uint64_t *bytes);

MMSIM_END_DECLS

#endif
