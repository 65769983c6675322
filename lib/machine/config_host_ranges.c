/* SPDX-License-Identifier: MIT */
/*
 * From who claims which memory, and what of it is RAM, to the ranges of a config.
 *
 * Claims overlap: the zones of interleaved nodes span each other's memory, and a memory block at the
 * border of two nodes is linked to both. Between two neighbouring edges of claims nothing changes, so
 * each such piece goes to the smallest claim over it, which is the one that says most.
 */
#include "config_host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct build {
	struct mmsim_config *cfg;
	struct mm_machine_note note;
};

int mm_machine_add_span(struct mm_machine_spans *spans, struct mm_machine_span span)
{
	struct mm_machine_span *last = spans->nr ? &spans->at[spans->nr - 1] : NULL;

	if (last && last->end == span.start && last->node == span.node) {
		last->end = span.end;
		return 0;
	}
	if (spans->nr == MM_MACHINE_MAX_SPANS)
		return -ERANGE;
	spans->at[spans->nr++] = span;
	return 0;
}

static uint32_t sort_edges(const struct mm_machine_spans *claims, uint64_t *edge)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < claims->nr; i++) {
		edge[nr++] = claims->at[i].start;
		edge[nr++] = claims->at[i].end;
	}
	mm_machine_sort(edge, nr);
	return nr;
}

static const struct mm_machine_span *find_owner(const struct mm_machine_spans *claims,
						uint64_t start, uint64_t end)
{
	const struct mm_machine_span *owner = NULL;

	for (uint32_t i = 0; i < claims->nr; i++) {
		const struct mm_machine_span *claim = &claims->at[i];

		if (claim->start > start || claim->end < end)
			continue;
		if (!owner || claim->end - claim->start < owner->end - owner->start)
			owner = claim;
	}
	return owner;
}

static int settle_claims(const struct mm_machine_spans *claims, struct mm_machine_spans *owned)
{
	uint64_t edge[2 * MM_MACHINE_MAX_SPANS];
	uint32_t nr = sort_edges(claims, edge);

	owned->nr = 0;
	for (uint32_t i = 1; i < nr; i++) {
		const struct mm_machine_span *owner;
		struct mm_machine_span piece = { edge[i - 1], edge[i], 0 };

		owner = piece.start < piece.end ? find_owner(claims, piece.start, piece.end) : NULL;
		if (!owner)
			continue;
		piece.node = owner->node;
		if (mm_machine_add_span(owned, piece))
			return -ERANGE;
	}
	return 0;
}

static int add_range(const struct build *b, enum mmsim_range_kind kind,
		     const struct mm_machine_span *span)
{
	if (!mmsim_config_add_range(b->cfg, kind, span->node, span->start, span->end - span->start))
		return 0;
	return mm_machine_refuse(b->note, -ERANGE, "proc/iomem: more than %d ranges of memory",
				 MMSIM_MAX_RANGES);
}

/* Adds what of the RAM is owned; what no node owns the kernel does not use either. */
static int add_ram(const struct build *b, const struct mm_machine_spans *owned,
		   const struct mm_machine_spans *ram)
{
	uint32_t i = 0;
	uint32_t j = 0;
	int err = 0;

	while (i < owned->nr && j < ram->nr && !err) {
		const struct mm_machine_span *o = &owned->at[i];
		const struct mm_machine_span *r = &ram->at[j];
		struct mm_machine_span piece = {
			.start = o->start > r->start ? o->start : r->start,
			.end = o->end < r->end ? o->end : r->end,
			.node = o->node,
		};

		if (piece.start < piece.end)
			err = add_range(b, MMSIM_RANGE_RAM, &piece);
		if (o->end < r->end)
			i++;
		else
			j++;
	}
	return err;
}

static int add_reserved(const struct build *b, const struct mm_machine_spans *kernel)
{
	uint32_t nr_ram = b->cfg->nr_ranges;
	int err = 0;

	for (uint32_t i = 0; i < kernel->nr; i++)
		for (uint32_t j = 0; j < nr_ram && !err; j++) {
			const struct mmsim_range *ram = &b->cfg->range[j];
			uint64_t ram_end = ram->start + ram->bytes;
			struct mm_machine_span piece = kernel->at[i];

			piece.node = ram->node;
			if (piece.start < ram->start)
				piece.start = ram->start;
			if (piece.end > ram_end)
				piece.end = ram_end;
			if (piece.start < piece.end)
				err = add_range(b, MMSIM_RANGE_RESERVED, &piece);
		}
	return err;
}

/* A config's Movable zone is the top of its node: all RAM from where the host's starts. */
static void set_movable(struct mmsim_config *cfg, const struct mm_machine_zones *zones)
{
	for (uint32_t i = 0; i < zones->nr; i++) {
		const struct mm_machine_zone *zone = &zones->at[i];

		for (uint32_t j = 0; j < cfg->nr_ranges && zone->movable; j++) {
			const struct mmsim_range *r = &cfg->range[j];
			uint64_t end = r->start + r->bytes;

			if (r->node != zone->node || r->kind != MMSIM_RANGE_RAM ||
			    end <= zone->start)
				continue;
			cfg->node[r->node].movable_bytes +=
				end - (r->start > zone->start ? r->start : zone->start);
		}
	}
}

int mm_machine_build_ranges(struct mmsim_config *cfg, const struct mm_machine_spans *claims,
			    const struct mm_machine_zones *zones,
			    const struct mm_machine_iomem *iomem, struct mm_machine_note note)
{
	const struct build b = { cfg, note };
	struct mm_machine_spans *owned;
	int err;

	owned = malloc(sizeof(*owned));
	if (!owned)
		return mm_machine_refuse(note, -ENOMEM, "no memory for the ranges");
	cfg->nr_ranges = 0;
	err = settle_claims(claims, owned);
	if (err)
		mm_machine_refuse(note, err,
				  "proc/zoneinfo: the nodes' memory is in too many pieces");
	if (!err)
		err = add_ram(&b, owned, iomem->hidden ? owned : &iomem->ram);
	free(owned);
	if (!err && !cfg->nr_ranges)
		err = mm_machine_refuse(note, -EINVAL, "proc/iomem: no System RAM is in any zone");
	if (!err)
		err = add_reserved(&b, &iomem->kernel);
	if (!err)
		set_movable(cfg, zones);
	return err;
}
