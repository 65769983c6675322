/* SPDX-License-Identifier: MIT */
/*
 * The stages of mmsim_config_from_host(), lowest first: files, CPUs and nodes, text of proc/, ranges.
 * The parsers take text rather than files, for the fuzzer.
 */
#ifndef MM_MACHINE_CONFIG_HOST_H
#define MM_MACHINE_CONFIG_HOST_H

#include "config_internal.h"

/** A host whose memory is in more pieces than this does not fit a config. */
#define MM_MACHINE_MAX_SPANS MMSIM_MAX_RANGES
#define MM_MACHINE_MAX_ZONES 512
#define MM_MACHINE_MAX_FILE ((size_t)16 << 20)

/** Whole pages, in bytes; node counts from 0 where a struct says nothing else. */
struct mm_machine_span {
	uint64_t start;
	uint64_t end;
	uint32_t node;
};

struct mm_machine_spans {
	uint32_t nr;
	struct mm_machine_span at[MM_MACHINE_MAX_SPANS];
};

struct mm_machine_zone {
	uint64_t start; /* bytes */
	uint64_t end;
	uint64_t present_pages;
	uint32_t node; /* the kernel's number */
	bool movable;
};

/** The zones of proc/zoneinfo that hold memory. */
struct mm_machine_zones {
	uint32_t nr;
	struct mm_machine_zone at[MM_MACHINE_MAX_ZONES];
};

/** What proc/iomem says; both lists are sorted and the RAM does not overlap. */
struct mm_machine_iomem {
	bool hidden; /* all addresses are 0, as the kernel shows them without CAP_SYS_ADMIN */
	struct mm_machine_spans ram;
	struct mm_machine_spans kernel;
};

struct mm_machine_host {
	int root; /* a directory's descriptor */
	struct mm_machine_note note; /* the caller's: why it failed */
	char guesses[256]; /* reaches the caller only on success */
	char path[128]; /* of the file last opened */
	char *buffer; /* its text */
	size_t capacity;

	uint32_t nr_cpus;
	uint32_t nr_nodes;
	uint32_t cpu_id[MMSIM_MAX_CPUS]; /* the kernel's numbers, ascending */
	uint32_t node_id[MMSIM_MAX_NODES];

	struct mm_machine_zones zones;
	struct mm_machine_iomem iomem;
	struct mm_machine_spans claims; /* which node has what; may overlap */
	struct mmsim_config cfg; /* what is being built */
};

/* config_host_file.c */

/* Appends to what the caller is told after success. */
__attribute__((format(printf, 2, 3))) void mm_machine_guess(struct mm_machine_host *host,
							    const char *format, ...);
/* Refuses the file last opened. */
int mm_machine_refuse_file(struct mm_machine_host *host, int err, const char *why);
/* Reads a file under the root; the text lives until the next call. 0 or the errno of open or read. */
__attribute__((format(printf, 3, 4))) int mm_machine_read_file(struct mm_machine_host *host,
							       struct mm_machine_text *text,
							       const char *format, ...);
/* Opens a directory under the root: a descriptor or a negative errno. */
__attribute__((format(printf, 2, 3))) int mm_machine_open_dir(struct mm_machine_host *host,
							      const char *format, ...);

/* config_host_cpu.c */

/* Takes one "3" or "3-7" of a list; returns 1, 0 at the list's end, or -EINVAL. */
int mm_machine_take_ids(struct mm_machine_text *text, uint64_t *first, uint64_t *last);
/* CPUs, nodes and distances of host->cfg. */
int mm_machine_read_topology(struct mm_machine_host *host);

/* config_host_proc.c */

int mm_machine_parse_zoneinfo(struct mm_machine_text text, struct mm_machine_zones *zones,
			      struct mm_machine_note note);
int mm_machine_parse_iomem(struct mm_machine_text text, struct mm_machine_iomem *iomem,
			   struct mm_machine_note note);

/* config_host_ranges.c */

/* Adds a piece to the end of a list, into its last piece where both touch: 0, or -ERANGE if full. */
int mm_machine_add_span(struct mm_machine_spans *spans, struct mm_machine_span span);
/* Fills cfg's ranges and movable_bytes; the nodes of zones and claims are cfg's. */
int mm_machine_build_ranges(struct mmsim_config *cfg, const struct mm_machine_spans *claims,
			    const struct mm_machine_zones *zones,
			    const struct mm_machine_iomem *iomem, struct mm_machine_note note);

/* config_host_mem.c */

/* Ranges of host->cfg, whose CPUs and nodes are there. */
int mm_machine_read_memory(struct mm_machine_host *host);

#endif
