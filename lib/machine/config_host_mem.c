/* SPDX-License-Identifier: MIT */
/*
 * Which node has which memory: the memory blocks that sysfs links to it, within its zones.
 *
 * Zones alone span holes and, where nodes interleave, each other's memory. Blocks alone are as coarse
 * as 2 GiB, linked to both nodes where a border runs through one, and are there while offline.
 */
#include "config_host.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_BLOCKS ((size_t)1 << 20)
#define MIN_BLOCK_SIZE (UINT64_C(1) << 20)

/** The numbers of a node's memory blocks. */
struct blocks {
	uint64_t *id;
	size_t nr;
	size_t capacity;
};

static int add_block(struct blocks *blocks, uint64_t id)
{
	if (blocks->nr == blocks->capacity) {
		size_t capacity = blocks->capacity ? blocks->capacity * 2 : 256;
		uint64_t *grown;

		if (capacity > MAX_BLOCKS)
			return -ERANGE;
		grown = realloc(blocks->id, capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		blocks->id = grown;
		blocks->capacity = capacity;
	}
	blocks->id[blocks->nr++] = id;
	return 0;
}

/* "memory12"; other entries, "meminfo" among them, are not blocks. */
static bool parse_block(const char *name, uint64_t *id)
{
	struct mm_machine_text text = { name, name + strlen(name) };

	return mm_machine_take_string(&text, "memory") && !mm_machine_take_number(&text, 10, id) &&
	       text.at == text.end;
}

static int list_blocks(struct mm_machine_host *host, DIR *dir, uint64_t block_size,
		       struct blocks *blocks)
{
	struct dirent *entry;

	while (errno = 0, (entry = readdir(dir))) {
		uint64_t id;
		int err;

		if (!parse_block(entry->d_name, &id))
			continue;
		if (id >= MMSIM_MAX_PHYS / block_size)
			return mm_machine_refuse_file(host, -ERANGE, "a block ends past 64 TiB");
		err = add_block(blocks, id);
		if (err)
			return mm_machine_refuse_file(host, err, "too many memory blocks");
	}
	return errno ? mm_machine_refuse_file(host, -errno, "cannot be listed") : 0;
}

static int read_blocks(struct mm_machine_host *host, uint32_t node, uint64_t block_size,
		       struct blocks *blocks)
{
	DIR *dir;
	int err;
	int fd;

	fd = mm_machine_open_dir(host, "sys/devices/system/node/node%u", host->node_id[node]);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return mm_machine_refuse_file(host, -ENOMEM, "no memory to list it");
	}
	err = list_blocks(host, dir, block_size, blocks);
	closedir(dir);
	return err;
}

/* Claims of one node: the part of each of its zones that lies in [start, end). */
static int claim_zones(struct mm_machine_host *host, uint32_t node, uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < host->zones.nr; i++) {
		const struct mm_machine_zone *zone = &host->zones.at[i];
		struct mm_machine_span claim = {
			.start = zone->start > start ? zone->start : start,
			.end = zone->end < end ? zone->end : end,
			.node = node,
		};

		if (zone->node != node || claim.start >= claim.end)
			continue;
		if (mm_machine_add_span(&host->claims, claim))
			return mm_machine_refuse_file(host, -ERANGE,
						      "its memory is in too many pieces");
	}
	return 0;
}

static int claim_blocks(struct mm_machine_host *host, uint32_t node, uint64_t block_size,
			const struct blocks *blocks)
{
	size_t first = 0;
	int err = 0;

	if (!blocks->nr)
		return claim_zones(host, node, 0, MMSIM_MAX_PHYS);
	mm_machine_sort(blocks->id, blocks->nr);
	while (first < blocks->nr && !err) {
		size_t last = first;

		while (last + 1 < blocks->nr && blocks->id[last + 1] <= blocks->id[last] + 1)
			last++;
		err = claim_zones(host, node, blocks->id[first] * block_size,
				  (blocks->id[last] + 1) * block_size);
		first = last + 1;
	}
	return err;
}

/* 0 where the kernel has no memory blocks. The file is in hexadecimal, without 0x. */
static int read_block_size(struct mm_machine_host *host, uint64_t *size)
{
	struct mm_machine_text text;
	int err;

	*size = 0;
	err = mm_machine_read_file(host, &text, "sys/devices/system/memory/block_size_bytes");
	if (err)
		return err == -ENOENT ? 0 : err;
	if (mm_machine_take_number(&text, 16, size) || !mm_machine_text_ends(&text) ||
	    *size < MIN_BLOCK_SIZE || (*size & (*size - 1)))
		return mm_machine_refuse_file(host, -EINVAL, "not the size of a memory block");
	return 0;
}

static int read_claims(struct mm_machine_host *host)
{
	uint64_t block_size;
	int err;

	host->claims.nr = 0;
	err = read_block_size(host, &block_size);
	for (uint32_t node = 0; node < host->nr_nodes && !err; node++) {
		struct blocks blocks = { NULL, 0, 0 };

		if (block_size)
			err = read_blocks(host, node, block_size, &blocks);
		if (!err)
			err = claim_blocks(host, node, block_size, &blocks);
		free(blocks.id);
	}
	return err;
}

/* From the kernel's node numbers to the config's. */
static int renumber_zones(struct mm_machine_host *host)
{
	for (uint32_t i = 0; i < host->zones.nr; i++) {
		uint32_t node = 0;

		while (node < host->nr_nodes && host->node_id[node] != host->zones.at[i].node)
			node++;
		if (node == host->nr_nodes)
			return mm_machine_refuse(
				host->note, -EINVAL,
				"proc/zoneinfo: node %u has memory but is not online",
				host->zones.at[i].node);
		host->zones.at[i].node = node;
	}
	return 0;
}

static int read_zones(struct mm_machine_host *host)
{
	struct mm_machine_text text;
	int err;

	err = mm_machine_read_file(host, &text, "proc/zoneinfo");
	if (!err)
		err = mm_machine_parse_zoneinfo(text, &host->zones, host->note);
	return err ? err : renumber_zones(host);
}

static void guess_ram(struct mm_machine_host *host)
{
	uint64_t spanned = 0;
	uint64_t present = 0;

	for (uint32_t i = 0; i < host->zones.nr; i++) {
		const struct mm_machine_zone *zone = &host->zones.at[i];

		spanned += (zone->end - zone->start) / MMSIM_PAGE_SIZE;
		present += zone->present_pages;
	}
	mm_machine_guess(host,
			 "proc/iomem hides its addresses: RAM is where the zones of proc/zoneinfo "
			 "are, which span %" PRIu64 " pages, %" PRIu64 " of them present",
			 spanned, present);
}

static int read_iomem(struct mm_machine_host *host)
{
	struct mm_machine_text text;
	int err;

	err = mm_machine_read_file(host, &text, "proc/iomem");
	if (!err)
		err = mm_machine_parse_iomem(text, &host->iomem, host->note);
	if (!err && host->iomem.hidden)
		guess_ram(host);
	return err;
}

int mm_machine_read_memory(struct mm_machine_host *host)
{
	int err;

	err = read_zones(host);
	if (!err)
		err = read_iomem(host);
	if (!err)
		err = read_claims(host);
	if (err)
		return err;
	return mm_machine_build_ranges(&host->cfg, &host->claims, &host->zones, &host->iomem,
				       host->note);
}
