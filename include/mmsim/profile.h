/* SPDX-License-Identifier: MIT */
/*
 * What things cost on a machine: the figures that virtual mode charges.
 *
 * A profile is a text file (INI) that holds a topology and every figure with its unit and its source.
 * A config holds the figures as integers in thousandths of the unit, so that a virtual run computes the
 * same on every host and with every compiler.
 */
#ifndef MMSIM_PROFILE_H
#define MMSIM_PROFILE_H

#include <mmsim/api.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

struct mmsim_config;

/** Thousandths: 7.6 ns is the figure 7600. */
#define MMSIM_FIGURE_ONE UINT64_C(1000)

/** Room in a config for the figures that are still to come. */
#define MMSIM_MAX_FIGURES 64

/** How a contended spin lock finds its next holder: the values of MMSIM_FIG_LOCK_KIND. */
enum mmsim_lock_kind {
	MMSIM_LOCK_QUEUED, /* first come, first served, each waiter spins on a line of its own */
	MMSIM_LOCK_TICKET, /* first come, first served, all spin on one line */
	MMSIM_LOCK_TAS, /* test-and-set: whoever is lucky */
};

/** The figures. Units and ranges: mmsim_figure_info(). */
enum mmsim_figure {
	/* A line that another CPU wrote last comes to this one: ns. */
	MMSIM_FIG_LINE_SMT, /* from the sibling on the same core */
	MMSIM_FIG_LINE_LLC, /* from a core under the same last-level cache */
	MMSIM_FIG_LINE_NODE, /* from another last-level cache of the node */
	MMSIM_FIG_LINE_REMOTE, /* from another node */
	MMSIM_FIG_LINE_OWN, /* a line that this CPU wrote last */
	MMSIM_FIG_LLC_HIT, /* a line that only the last-level cache still has */
	MMSIM_FIG_ATOMIC, /* one atomic read-modify-write of an own line */
	/* Sizes: a core's own cache in KiB, a last-level cache in MiB; 0: it holds everything. */
	MMSIM_FIG_CORE_CACHE,
	MMSIM_FIG_LLC_SIZE,
	/* A line that no cache has comes from memory: ns. */
	MMSIM_FIG_DRAM_LOCAL,
	MMSIM_FIG_DRAM_REMOTE,
	/* Bandwidth: GB/s, 10^9 bytes. */
	MMSIM_FIG_DRAM_BW, /* of one node's memory, reads and writes mixed one to one */
	MMSIM_FIG_CORE_BW, /* one core's streaming stores */
	MMSIM_FIG_CLEAR_BW, /* one core clearing pages, through the cache */
	MMSIM_FIG_LINK_BW, /* between two nodes, one direction */
	/* Ratios. */
	MMSIM_FIG_WRITE_ALLOCATE, /* bytes moved per byte stored through the cache */
	MMSIM_FIG_LOADED_KNEE, /* share of dram_bw from which on latency rises */
	MMSIM_FIG_LOADED_LATENCY, /* latency at full bandwidth / latency of an idle memory */
	MMSIM_FIG_SMT_FACTOR, /* speed of a CPU while its sibling works too */
	MMSIM_FIG_TURBO_ALL, /* clock with all cores of a package busy / with one */
	/* Straight-line work of one core, data in reach: ns. */
	MMSIM_FIG_PAGE_INIT, /* one struct page, stored through the cache, freed to the buddy */
	MMSIM_FIG_PAGE_OP, /* one pass through the page allocator, besides locks and lines */
	MMSIM_FIG_PAGE_FREE, /* one block put back under the zone lock, without the lines that it touches */
	MMSIM_FIG_ZAP, /* one page table entry cleared, without its struct page */
	MMSIM_FIG_TREE_LEVEL, /* one level down a search tree */
	MMSIM_FIG_LIST_MOVE, /* one entry taken off a list and put on another */
	MMSIM_FIG_PAGE_PIN, /* one page pinned for a device: found, referenced, put into the IOMMU's tables */
	/* Scheduling: ns. */
	MMSIM_FIG_WAKE, /* from a wake-up to running, on a CPU idle for a short time */
	MMSIM_FIG_WAKE_DEEP, /* the same from a deep idle state */
	MMSIM_FIG_DEEP_AFTER, /* idle so long, a CPU is in the deep state */
	MMSIM_FIG_WAKER, /* what waking somebody costs the waker */
	MMSIM_FIG_WORKER_CREATE, /* making a thread, for its maker */
	MMSIM_FIG_SWITCH, /* from one task to another on a CPU */
	MMSIM_FIG_SLICE, /* how long a task keeps a CPU that others wait for */
	MMSIM_FIG_TIMER, /* from a deadline to its handler */
	/* Interrupting other CPUs, TLBs: ns. */
	MMSIM_FIG_IPI_FIRST, /* to one CPU, until it has answered */
	MMSIM_FIG_IPI_NEXT, /* for each further CPU */
	MMSIM_FIG_TLB_FLUSH, /* a local flush */
	/* A choice. */
	MMSIM_FIG_LOCK_KIND, /* enum mmsim_lock_kind, in thousandths as all figures */
	MMSIM_NR_FIGURES
};

struct mmsim_figure_info {
	const char *name; /* "line_smt", as in profiles */
	const char *unit; /* "ns", "GB/s", "ratio", or "" for a choice */
	const char *about; /* one line */
	const char *words; /* of a choice: "queued ticket tas"; else NULL */
	uint64_t min, max, value; /* thousandths; value: that of mmsim_config_defaults() */
};

/**
 * mmsim_figure_info - what a figure is.
 * @figure: enum mmsim_figure.
 *
 * Returns a constant that lives as long as the library, or NULL for an unknown figure. Context: any.
 * Cost: O(1). Since 0.1.
 */
MMSIM_API const struct mmsim_figure_info *mmsim_figure_info(unsigned figure);

/**
 * mmsim_config_from_profile - CPUs, nodes, memory and figures from the text of a profile.
 * @text, @text_len: the profile; need not end with a NUL.
 * @msg, @len: receives what was wrong, with the line; may be NULL, 0.
 *
 * A profile looks like this. Every key and every figure must be there, once:
 *
 *   # A comment has a line of its own.
 *   [machine]
 *   name = skylake-8167m
 *   cpu = 2x Intel Xeon Platinum 8167M
 *   topology = pack:2 node:1(memory=384G) core:26 pu:2
 *   numbering = siblings-last
 *   source = where the machine is known from
 *   [figures]
 *   line_smt = 7.6 ns ; where the figure is from
 *   lock_kind = queued ; of a choice the word, without a unit
 *
 * The topology is what mmsim_config_from_synthetic() takes. Numbering says which CPU numbers the
 * threads of a core have: neighbouring ones (siblings-adjacent), or second threads come after the
 * first threads of all cores (siblings-last), as mostly on servers. Values are decimals of at most 3
 * digits after the point. Lines end in LF or CR LF.
 *
 * Replaces CPUs, nodes, ranges and figures; leaves the rest. Returns 0; -EINVAL for a malformed text,
 * an unknown or missing or repeated key, a unit that is not the figure's, a value out of range, or a
 * figure without a source; -ERANGE for more CPUs, nodes or memory than a config holds; -EFBIG for a
 * text of more than 1 MiB. On failure cfg is unchanged. Context: any. Cost: O(text). Since 0.1.
 */
MMSIM_API int mmsim_config_from_profile(struct mmsim_config *cfg, const char *text, size_t text_len,
					char *msg, size_t len);

/**
 * mmsim_config_from_profile_file - the same from a file.
 * @path: a regular file.
 * @msg, @len: as for mmsim_config_from_profile().
 *
 * Returns as mmsim_config_from_profile(), -ENOMEM, or an errno of open(2) or read(2); -EINVAL also for
 * what is no regular file. The message begins with the path. On failure cfg is unchanged. Context: any;
 * reads a file. Cost: O(file). Since 0.1.
 */
MMSIM_API int mmsim_config_from_profile_file(struct mmsim_config *cfg, const char *path, char *msg,
					     size_t len);

/**
 * mmsim_config_set_figure - change one figure.
 * @assignment: "name=value", value in the figure's unit, the unit may follow ("wake=3000 ns"); a
 *              factor of what it is now ("wake=0.5x", rounded to the nearest thousandth); or one of a
 *              choice's words ("lock_kind=ticket"). At most 3 digits after the point.
 * @msg, @len: receives what was wrong; may be NULL, 0.
 *
 * Returns 0; -ENOENT for an unknown name; -EINVAL for anything else that is wrong, also a result out
 * of the figure's range. On failure cfg is unchanged. Context: any. Cost: O(1). Since 0.1.
 */
MMSIM_API int mmsim_config_set_figure(struct mmsim_config *cfg, const char *assignment, char *msg,
				      size_t len);

MMSIM_END_DECLS

#endif
