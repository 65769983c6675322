/* SPDX-License-Identifier: MIT */
/*
 * Zones are read line by line and judged when the next one begins.
 */
#include "zoneinfo.h"
#include "array.h"
#include "bits.h"
#include "cursor.h"

#include <errno.h>
#include <string.h>

#define MAX_PFN (MMSIM_MAX_PHYS / MMSIM_PAGE_SIZE)

/* A line "key value": where the value belongs. */
struct key {
	const char *name;
	size_t offset;
};

static const struct key zone_keys[] = {
	{ "free", offsetof(struct mmsim_snap_zone, free) },
	{ "min", offsetof(struct mmsim_snap_zone, min) },
	{ "low", offsetof(struct mmsim_snap_zone, low) },
	{ "high", offsetof(struct mmsim_snap_zone, high) },
	{ "spanned", offsetof(struct mmsim_snap_zone, spanned) },
	{ "present", offsetof(struct mmsim_snap_zone, present) },
	{ "managed", offsetof(struct mmsim_snap_zone, managed) },
	{ "start_pfn:", offsetof(struct mmsim_snap_zone, start_pfn) },
#define NR_REQUIRED 8
	{ "boost", offsetof(struct mmsim_snap_zone, boost) },
	{ "promo", offsetof(struct mmsim_snap_zone, promo) },
};

static const struct key pcp_keys[] = {
	{ "count:", offsetof(struct mmsim_snap_pcp, count) },
	{ "high:", offsetof(struct mmsim_snap_pcp, high) },
	{ "batch:", offsetof(struct mmsim_snap_pcp, batch) },
	{ "high_min:", offsetof(struct mmsim_snap_pcp, high_min) },
	{ "high_max:", offsetof(struct mmsim_snap_pcp, high_max) },
};

struct parser {
	struct mm_reader *r;
	struct mmsim_snapshot *snap;
	struct mm_replay_zoneinfo *info;
	bool in_zone;
	bool listing; /* still in the first node */
	struct mmsim_snap_zone zone; /* the current one */
	uint32_t seen; /* its lines, by zone_keys */
	uint32_t threshold;
	struct mmsim_snap_pcp *pcp; /* the current one */
	size_t first_pcp; /* of the current zone */
	/* By zone, with one more for a zone that will not be kept. */
	uint64_t protection[MM_REPLAY_MAX_ZONES + 1][MM_REPLAY_MAX_KERNEL_ZONES];
	uint32_t nr_protection[MM_REPLAY_MAX_ZONES + 1];
};

static const char *const zone_names[] = { "DMA", "DMA32", "Normal", "Movable", "Device" };

int mm_replay_zone_type(const char *name, size_t len)
{
	for (unsigned int i = 0; i < mm_array_size(zone_names); i++)
		if (strlen(zone_names[i]) == len && !memcmp(zone_names[i], name, len))
			return (int)i;
	return -1;
}

const char *mm_replay_zone_name(uint32_t type)
{
	return type < mm_array_size(zone_names) ? zone_names[type] : "?";
}

struct mmsim_snap_pcp *mm_replay_find_pcp(const struct mmsim_snapshot *snap, uint32_t zone,
					  uint64_t cpu)
{
	uint64_t wanted = (uint64_t)zone << 32 | cpu;
	size_t low = 0, high = snap->nr_pcps;

	while (cpu <= UINT32_MAX && low < high) {
		size_t middle = low + (high - low) / 2;
		struct mmsim_snap_pcp *pcp = &snap->pcps[middle];
		uint64_t at = (uint64_t)pcp->zone << 32 | pcp->cpu;

		if (at == wanted)
			return pcp;
		if (at < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int fail_zone(const struct parser *p, const char *why)
{
	return mm_replay_reader_fail(p->r, -EINVAL, "node %u, zone %s: %s", p->zone.node,
				     mm_replay_zone_name(p->zone.type), why);
}

static const char *wrong_with_zone(const struct mmsim_snap_zone *z)
{
	if (z->start_pfn > MAX_PFN || z->spanned > MAX_PFN - z->start_pfn)
		return "it ends past 64 TiB";
	if (z->present > z->spanned)
		return "present is more than spanned";
	if (z->managed > z->present)
		return "managed is more than present";
	if (z->free > z->present)
		return "free is more than present";
	return NULL;
}

/* Z1; zones that were read before are in order. */
static const char *wrong_with_place(const struct parser *p)
{
	const struct mmsim_snapshot *snap = p->snap;
	const struct mmsim_snap_zone *z = &p->zone, *last;

	if (!snap->nr_zones)
		return NULL;
	last = &snap->zones[snap->nr_zones - 1];
	if (z->node < last->node || (z->node == last->node && z->type <= last->type))
		return "it comes twice, or out of order";
	for (size_t i = 0; i < snap->nr_zones; i++)
		if (z->start_pfn < snap->zones[i].start_pfn + snap->zones[i].spanned &&
		    snap->zones[i].start_pfn < z->start_pfn + z->spanned)
			return "it overlaps another zone";
	return NULL;
}

static int keep_zone(struct parser *p)
{
	struct mmsim_snapshot *snap = p->snap;
	struct mmsim_snap_zone *zones =
		mm_replay_array_grow(snap->zones, snap->nr_zones, sizeof(*zones));

	if (!zones)
		return mm_replay_reader_fail(p->r, -ENOMEM, "out of memory");
	snap->zones = zones;
	p->info->threshold[snap->nr_zones] = p->threshold;
	zones[snap->nr_zones++] = p->zone;
	snap->nr_nodes = mm_max(snap->nr_nodes, p->zone.node + 1);
	snap->max_pfn = mm_max(snap->max_pfn, p->zone.start_pfn + p->zone.spanned);
	return 0;
}

/* Judges the zone whose lines have all been read. */
static int finish_zone(struct parser *p)
{
	const char *wrong = NULL;
	unsigned int missing;

	if (!p->in_zone)
		return 0;
	if (!p->zone.spanned || p->zone.type == MMSIM_NR_ZONES) {
		p->snap->nr_pcps = p->first_pcp;
		return 0;
	}
	missing = (unsigned int)__builtin_ctz(~p->seen);
	if (missing < NR_REQUIRED)
		return mm_replay_reader_fail(p->r, -EINVAL, "node %u, zone %s has no line \"%s\"",
					     p->zone.node, mm_replay_zone_name(p->zone.type),
					     zone_keys[missing].name);
	wrong = wrong_with_zone(&p->zone);
	if (!wrong)
		wrong = wrong_with_place(p);
	return wrong ? fail_zone(p, wrong) : keep_zone(p);
}

/* The zones of the first node tell the kernel's zone indices. */
static void list_type(struct parser *p, uint64_t node, int type)
{
	struct mm_replay_zoneinfo *info = p->info;

	if (p->in_zone && p->zone.node != node)
		p->listing = false;
	if (p->listing && info->nr_types < MM_REPLAY_MAX_KERNEL_ZONES)
		info->type[info->nr_types++] = (uint8_t)type;
}

/* "Node 0, zone   Normal" */
static int start_zone(struct parser *p, struct mm_replay_text line)
{
	struct mm_replay_text name;
	uint64_t node;
	int err, type;

	if (!mm_replay_take_decimal(&line, &node) || !mm_replay_take_string(&line, ", zone ") ||
	    !mm_replay_take_word(&line, &name) || !mm_replay_text_empty(&line))
		return mm_replay_reader_fail(p->r, -EINVAL, "not \"Node N, zone NAME\"");
	if (node >= MMSIM_MAX_NODES)
		return mm_replay_reader_fail(p->r, -EINVAL, "node %llu is beyond the last, %u",
					     (unsigned long long)node, MMSIM_MAX_NODES - 1);
	type = mm_replay_zone_type(name.at, (size_t)(name.end - name.at));
	if (type < 0)
		return mm_replay_reader_fail(p->r, -EINVAL, "zone %.*s is not known",
					     mm_replay_shown(&name), name.at);
	err = finish_zone(p);
	if (err)
		return err;
	list_type(p, node, type);
	p->zone = (struct mmsim_snap_zone){ .node = (uint32_t)node, .type = (uint32_t)type };
	p->in_zone = true;
	p->seen = 0;
	p->threshold = 0;
	p->pcp = NULL;
	p->first_pcp = p->snap->nr_pcps;
	p->nr_protection[p->snap->nr_zones] = 0;
	return 0;
}

static int take_value(struct parser *p, struct mm_replay_text *line, uint64_t max, uint64_t *value)
{
	mm_replay_take_blanks(line);
	if (!mm_replay_take_decimal(line, value) || !mm_replay_text_empty(line))
		return mm_replay_reader_fail(p->r, -EINVAL, "a number was expected");
	if (*value > max)
		return mm_replay_reader_fail(p->r, -EINVAL, "%llu is more than %llu",
					     (unsigned long long)*value, (unsigned long long)max);
	return 0;
}

static int find_key(const struct key *keys, size_t nr, const struct mm_replay_text *word)
{
	for (size_t i = 0; i < nr; i++)
		if (mm_replay_text_is(word, keys[i].name))
			return (int)i;
	return -1;
}

static int zone_line(struct parser *p, const struct mm_replay_text *word,
		     struct mm_replay_text *line)
{
	int at = find_key(zone_keys, mm_array_size(zone_keys), word);

	if (at < 0)
		return 0;
	if (p->seen >> at & 1)
		return fail_zone(p, "the line comes twice");
	p->seen |= 1u << at;
	return take_value(p, line, UINT64_MAX,
			  (uint64_t *)(void *)((char *)&p->zone + zone_keys[at].offset));
}

static int pcp_line(struct parser *p, const struct mm_replay_text *word,
		    struct mm_replay_text *line)
{
	int at = find_key(pcp_keys, mm_array_size(pcp_keys), word);
	uint64_t value;
	int err;

	if (at < 0)
		return 0;
	if (!p->pcp)
		return fail_zone(p, "a per-CPU line before \"cpu:\"");
	err = take_value(p, line, UINT32_MAX, &value);
	if (!err)
		*(uint32_t *)(void *)((char *)p->pcp + pcp_keys[at].offset) = (uint32_t)value;
	return err;
}

/* "cpu: 1" */
static int start_pcp(struct parser *p, struct mm_replay_text *line)
{
	struct mmsim_snapshot *snap = p->snap;
	struct mmsim_snap_pcp *pcps;
	uint64_t cpu;
	int err = take_value(p, line, MMSIM_MAX_CPUS - 1, &cpu);

	if (err)
		return err;
	if (p->pcp && cpu <= p->pcp->cpu)
		return fail_zone(p, "a CPU comes twice, or out of order");
	pcps = mm_replay_array_grow(snap->pcps, snap->nr_pcps, sizeof(*pcps));
	if (!pcps)
		return mm_replay_reader_fail(p->r, -ENOMEM, "out of memory");
	snap->pcps = pcps;
	p->pcp = &pcps[snap->nr_pcps++];
	*p->pcp = (struct mmsim_snap_pcp){ .cpu = (uint32_t)cpu, .zone = (uint16_t)snap->nr_zones };
	snap->nr_cpus = mm_max(snap->nr_cpus, (uint32_t)cpu + 1);
	return 0;
}

/* "protection: (0, 3019, 24090)", the numbers by the kernel's zone index */
static int protection_line(struct parser *p, struct mm_replay_text *line)
{
	size_t zone = p->snap->nr_zones;
	uint32_t nr = 0;

	mm_replay_take_blanks(line);
	if (!mm_replay_take_string(line, "("))
		return fail_zone(p, "protection is no list");
	do {
		mm_replay_take_blanks(line);
		if (nr == MM_REPLAY_MAX_KERNEL_ZONES ||
		    !mm_replay_take_decimal(line, &p->protection[zone][nr]))
			return fail_zone(p, "protection is no list of at most 8 numbers");
		nr++;
	} while (mm_replay_take_string(line, ","));
	if (!mm_replay_take_string(line, ")"))
		return fail_zone(p, "protection is no list");
	p->nr_protection[zone] = nr;
	return 0;
}

static int threshold_line(struct parser *p, struct mm_replay_text *line)
{
	uint64_t value;
	int err = take_value(p, line, UINT32_MAX, &value);

	p->threshold = err ? 0 : (uint32_t)value;
	return err;
}

static int parse_line(struct parser *p, struct mm_replay_text line)
{
	struct mm_replay_text word, rest;

	if (mm_replay_take_string(&line, "Node "))
		return start_zone(p, line);
	mm_replay_take_blanks(&line);
	if (!p->in_zone || mm_replay_text_empty(&line))
		return 0;
	if (mm_replay_take_string(&line, "vm stats threshold:"))
		return threshold_line(p, &line);
	mm_replay_take_string(&line, "pages "); /* "pages free" */
	rest = line;
	if (!mm_replay_take_word(&rest, &word))
		return 0;
	if (mm_replay_text_is(&word, "cpu:"))
		return start_pcp(p, &rest);
	if (mm_replay_text_is(&word, "protection:"))
		return protection_line(p, &rest);
	if (word.end[-1] == ':' && !mm_replay_text_is(&word, "start_pfn:"))
		return pcp_line(p, &word, &rest);
	return zone_line(p, &word, &rest);
}

/* Which zone each number of a protection list is about. */
static void settle_types(struct parser *p)
{
	struct mm_replay_zoneinfo *info = p->info;
	uint32_t nr = 0;

	for (size_t i = 0; i < p->snap->nr_zones; i++)
		nr = mm_max(nr, p->nr_protection[i]);
	/* Kernels that list populated zones only: those of the usual configuration. */
	if (info->nr_types < nr) {
		info->nr_types = nr;
		for (uint32_t k = 0; k < nr; k++)
			info->type[k] = (uint8_t)mm_min(k, (uint32_t)MMSIM_NR_ZONES);
	}
	for (size_t i = 0; i < p->snap->nr_zones; i++)
		for (uint32_t k = 0; k < p->nr_protection[i]; k++)
			if (info->type[k] < MMSIM_NR_ZONES)
				p->snap->zones[i].protection[info->type[k]] = p->protection[i][k];
}

static int finish(struct parser *p)
{
	int err = finish_zone(p);

	if (err)
		return err;
	if (!p->snap->nr_zones)
		return mm_replay_reader_fail(p->r, -EINVAL, "there is no zone with memory");
	if (!p->snap->nr_cpus)
		return mm_replay_reader_fail(p->r, -EINVAL, "there is no CPU");
	settle_types(p);
	return 0;
}

int mm_replay_zoneinfo_parse(struct mm_reader *r, struct mmsim_snapshot *snap,
			     struct mm_replay_zoneinfo *info)
{
	struct parser p = { .r = r, .snap = snap, .info = info, .listing = true };
	struct mm_replay_text line;
	size_t len;
	int err;

	*info = (struct mm_replay_zoneinfo){ 0 };
	while ((err = mm_replay_reader_line(r, &line.at, &len)) > 0) {
		line.end = line.at + len;
		err = parse_line(&p, line);
		if (err)
			return err;
	}
	return err ? err : finish(&p);
}
