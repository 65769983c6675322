/* SPDX-License-Identifier: MIT */
/* What stands under the harness's table: one recording after the other, kernel | simulated. */
#include "harness/grid.h"
#include "harness/util.h"
#include "replay.h"

#include <inttypes.h>
#include <math.h>
#include <mmsim/machine.h>

static void print_grid(struct grid *grid, bool markdown, FILE *out)
{
	if (markdown)
		grid_print_markdown(grid, out);
	else
		grid_print_text(grid, out);
	grid_free(grid);
}

static void heading(bool markdown, FILE *out, const char *name, const char *what)
{
	fprintf(out, "\n%s%s: %s\n\n", markdown ? "### " : "", name, what);
}

/* A zone's heading. */
static void zone_heading(bool markdown, FILE *out, const char *name, const struct replay_zone *z)
{
	char what[64];

	snprintf(what, sizeof(what), "node %u, zone %s", z->node, mmsim_zone_name(z->type));
	heading(markdown, out, name, what);
}

/* "1234 of 1240" says what 0.99677 does not; five digits, as 0.9996 is not 1. */
static void add_share(struct grid *grid, const char *what, uint64_t part, uint64_t whole)
{
	if (!whole)
		return;
	grid_add(grid, "%s", what);
	grid_add(grid, "%.5f", replay_share(part, whole));
	grid_add(grid, "%" PRIu64 " of %" PRIu64, part, whole);
}

static void add_distance(struct grid *grid, const char *what, double value)
{
	if (isnan(value))
		return;
	grid_add(grid, "%s", what);
	grid_add(grid, "%.5f", value);
	grid_add(grid, "%s", "");
}

static void add_count(struct grid *grid, const char *what, uint64_t count)
{
	grid_add(grid, "%s", what);
	grid_add(grid, "%s", "");
	grid_add(grid, "%" PRIu64, count);
}

static void add_requests(struct grid *grid, const struct mmsim_replay_report *r)
{
	add_share(grid, "allocations of the kernel's page", r->exact, r->allocs);
	add_count(grid, "  of them told after a later one", r->late);
	add_count(grid, "  longest run", r->longest_run);
	add_share(grid, "refilled pages", r->refilled_exact, r->refilled);
	add_share(grid, "drained pages", r->drained_exact, r->drained);
	add_share(grid, "fallbacks", r->extfrags_exact, r->extfrags);
	add_count(grid, "frees", r->frees);
	add_count(grid, "  past the per-CPU list", r->direct_frees);
	add_count(grid, "pages gone without an event", r->unseen_allocs);
}

static void add_end(struct grid *grid, const struct replay_outcome *o, double free_tv)
{
	const struct mmsim_snapshot_diff *d = &o->diff;

	add_share(grid, "blocks at the end in the same list", d->in_list, d->blocks);
	if (o->has_order)
		add_share(grid, "  and in the same order", d->in_order, d->blocks);
	if (o->has_order)
		add_share(grid, "lists alike", d->lists_equal, d->lists);
	add_share(grid, "pages of per-CPU lists, in order", d->pcp_in_order, d->pcp_blocks);
	add_count(grid, "pageblocks of another type", d->pageblocks_different);
	add_distance(grid, "distance", d->tv_distance);
	add_distance(grid, "  free-running", free_tv);
}

static void print_summary(const struct replay_outcome *o, double free_tv, const char *name,
			  bool markdown, FILE *out)
{
	struct grid grid;

	if (!o->replayed && !o->has_kernel)
		return;
	grid_init(&grid, 3, 1);
	grid_add(&grid, "what");
	grid_add(&grid, "share");
	grid_add(&grid, "count");
	if (o->replayed)
		add_requests(&grid, &o->report);
	if (o->has_kernel)
		add_end(&grid, o, free_tv);
	heading(markdown, out, name, o->free_running ? "exactness, free-running" : "exactness");
	print_grid(&grid, markdown, out);
}

static void print_mismatches(const struct replay_outcome *o, const char *name, bool markdown,
			     FILE *out)
{
	struct grid grid;

	if (!o->replayed)
		return;
	grid_init(&grid, 3, 2);
	grid_add(&grid, "mismatch");
	grid_add(&grid, "the kernel's page, or what was done with it");
	grid_add(&grid, "count");
	for (unsigned i = 0; i < MMSIM_NR_MISMATCHES; i++) {
		grid_add(&grid, "%s", mmsim_mismatch_name(i));
		grid_add(&grid, "%s", replay_mismatch_about(i));
		grid_add(&grid, "%" PRIu64, o->report.mismatch[i]);
	}
	heading(markdown, out, name, "mismatches");
	print_grid(&grid, markdown, out);
}

static bool has_type(const struct replay_zone *z, unsigned type)
{
	uint64_t nr = 0;

	for (unsigned side = 0; side < NR_SIDES; side++)
		for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
			nr += z->nr_free[side][o][type];
	return mmsim_migratetype_name((enum mmsim_migratetype)type) && nr;
}

/* One column of a side, or two. */
static void add_heads(struct grid *grid, const char *what, bool both)
{
	if (both)
		grid_add(grid, "%s, kernel", what);
	grid_add(grid, "%s", both ? "simulated" : what);
}

static void add_blocks(struct grid *grid, const struct replay_zone *z, unsigned order, bool both)
{
	grid_add(grid, "%u", order);
	for (unsigned t = 0; t < MMSIM_MAX_MIGRATETYPES; t++)
		for (unsigned side = both ? SIDE_KERNEL : SIDE_SIMULATED;
		     has_type(z, t) && side < NR_SIDES; side++)
			grid_add(grid, "%" PRIu64, z->nr_free[side][order][t]);
	for (unsigned side = both ? SIDE_KERNEL : SIDE_SIMULATED; side < NR_SIDES; side++)
		grid_add(grid, "%.3f", z->frag[side].order[order].unusable / 1000.0);
}

static void print_free(const struct replay_zone *z, bool both, bool markdown, FILE *out)
{
	unsigned columns = 1;
	struct grid grid;

	for (unsigned t = 0; t < MMSIM_MAX_MIGRATETYPES; t++)
		columns += has_type(z, t);
	grid_init(&grid, both ? 2 * columns + 1 : columns + 1, 1);
	grid_add(&grid, "order");
	for (unsigned t = 0; t < MMSIM_MAX_MIGRATETYPES; t++)
		if (has_type(z, t))
			add_heads(&grid, mmsim_migratetype_name((enum mmsim_migratetype)t), both);
	add_heads(&grid, "unusable", both);
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		add_blocks(&grid, z, o, both);
	print_grid(&grid, markdown, out);
}

static void add_sides(struct grid *grid, const char *what, uint64_t kernel, uint64_t simulated,
		      bool both)
{
	grid_add(grid, "%s", what);
	if (both)
		grid_add(grid, "%" PRIu64, kernel);
	grid_add(grid, "%" PRIu64, simulated);
}

/* Not every snapshot has the types of the kernel's pageblocks. */
static bool types_known(const struct mmsim_frag_info *info)
{
	uint64_t nr = 0;

	for (unsigned t = 0; t < MMSIM_MAX_MIGRATETYPES; t++)
		nr += info->pageblocks[t];
	return nr != 0;
}

static void print_zone_counts(const struct replay_zone *z, bool both, bool markdown, FILE *out)
{
	const struct mmsim_frag_info *k = &z->frag[SIDE_KERNEL];
	const struct mmsim_frag_info *s = &z->frag[SIDE_SIMULATED];
	struct grid grid;
	char what[48];

	grid_init(&grid, both ? 3 : 2, 1);
	grid_add(&grid, "zone");
	if (both)
		grid_add(&grid, "kernel");
	grid_add(&grid, "simulated");
	add_sides(&grid, "free pages", k->free, s->free, both);
	add_sides(&grid, "free blocks of 2 MiB", k->free_huge, s->free_huge, both);
	add_sides(&grid, "  at best", k->optimal_huge, s->optimal_huge, both);
	for (unsigned t = 0; (types_known(k) || !both) && t < MMSIM_MAX_MIGRATETYPES; t++) {
		if (!mmsim_migratetype_name((enum mmsim_migratetype)t) ||
		    !(k->pageblocks[t] + s->pageblocks[t]))
			continue;
		snprintf(what, sizeof(what), "pageblocks %s",
			 mmsim_migratetype_name((enum mmsim_migratetype)t));
		add_sides(&grid, what, k->pageblocks[t], s->pageblocks[t], both);
	}
	fputc('\n', out);
	print_grid(&grid, markdown, out);
}

/* A zone without memory has nothing to say. */
static bool is_empty(const struct replay_zone *z)
{
	uint64_t nr = 0;

	for (unsigned side = 0; side < NR_SIDES; side++) {
		nr += z->frag[side].free;
		for (unsigned t = 0; t < MMSIM_MAX_MIGRATETYPES; t++)
			nr += z->frag[side].pageblocks[t];
	}
	return nr == 0;
}

static void print_zones(const struct replay_outcome *o, const char *name, bool markdown, FILE *out)
{
	for (unsigned i = 0; i < o->nr_zones; i++) {
		if (is_empty(&o->zone[i]))
			continue;
		zone_heading(markdown, out, name, &o->zone[i]);
		print_free(&o->zone[i], o->has_kernel, markdown, out);
		print_zone_counts(&o->zone[i], o->has_kernel, markdown, out);
	}
}

void replay_print(const struct bench_session *session, bool markdown, FILE *out)
{
	const struct replay *r = session->priv;

	for (unsigned i = 0; i < r->bench.nr_cases; i++) {
		const char *name = r->source[i].name;

		if (!session->selected[i])
			continue;
		print_summary(&r->outcome[i], r->free_tv[i], name, markdown, out);
		print_mismatches(&r->outcome[i], name, markdown, out);
		print_zones(&r->outcome[i], name, markdown, out);
		if (r->list.most && r->outcome[i].replayed) {
			heading(markdown, out, name, "the first mismatches");
			fputs(markdown ? "```\n" : "", out);
			replay_list_print(&r->list, i, out);
			fputs(markdown ? "```\n" : "", out);
		}
	}
}
