/* SPDX-License-Identifier: MIT */
/*
 * The text of proc/zoneinfo and proc/iomem, as far as it tells where memory is.
 */
#include "config_host.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MAX_LINE 1024
#define MAX_PFN (MMSIM_MAX_PHYS / MMSIM_PAGE_SIZE)
#define MAX_KERNEL_NODES 1024

/** One proc file on its way through, for messages. */
struct reader {
	const char *file;
	struct mm_machine_text text;
	struct mm_machine_note note;
	unsigned int line;
};

static int refuse_line(const struct reader *r, int err, const char *why)
{
	return mm_machine_refuse(r->note, err, "%s: line %u: %s", r->file, r->line, why);
}

/* Returns 1, 0 at the end, or a negative errno. */
static int next_line(struct reader *r, struct mm_machine_text *line)
{
	if (!mm_machine_take_line(&r->text, line))
		return 0;
	r->line++;
	if (line->end - line->at > MAX_LINE)
		return refuse_line(r, -EINVAL, "too long");
	return 1;
}

/** The zone whose lines are being read; pages are UINT64_MAX until their line was seen. */
struct zone_lines {
	bool in_zone;
	bool device;
	bool movable;
	uint32_t node;
	uint64_t start_pfn;
	uint64_t spanned;
	uint64_t present;
};

static int finish_zone(const struct reader *r, const struct zone_lines *lines,
		       struct mm_machine_zones *zones)
{
	struct mm_machine_zone *zone;

	/* Empty zones have no start_pfn; the pages of zone Device are not RAM. */
	if (!lines->in_zone || lines->device || !lines->spanned || lines->spanned == UINT64_MAX ||
	    !lines->present || lines->present == UINT64_MAX)
		return 0;
	if (lines->start_pfn == UINT64_MAX)
		return refuse_line(r, -EINVAL, "the zone above has no start_pfn");
	if (lines->present > lines->spanned)
		return refuse_line(r, -EINVAL, "the zone above has more pages than it spans");
	if (lines->start_pfn > MAX_PFN || lines->spanned > MAX_PFN - lines->start_pfn)
		return refuse_line(r, -ERANGE, "the zone above ends past 64 TiB");
	if (zones->nr == MM_MACHINE_MAX_ZONES)
		return refuse_line(r, -ERANGE, "too many zones");
	zone = &zones->at[zones->nr++];
	zone->start = lines->start_pfn * MMSIM_PAGE_SIZE;
	zone->end = zone->start + lines->spanned * MMSIM_PAGE_SIZE;
	zone->present_pages = lines->present;
	zone->node = lines->node;
	zone->movable = lines->movable;
	return 0;
}

/* "Node 0, zone   Normal" */
static int start_zone(const struct reader *r, struct mm_machine_text line, struct zone_lines *lines)
{
	uint64_t node;

	if (mm_machine_take_number(&line, 10, &node) || !mm_machine_take_string(&line, ", zone") ||
	    !mm_machine_take_spaces(&line))
		return refuse_line(r, -EINVAL, "not \"Node N, zone NAME\"");
	if (node >= MAX_KERNEL_NODES)
		return refuse_line(r, -ERANGE, "a node above 1023");
	*lines = (struct zone_lines){
		.in_zone = true,
		.device = mm_machine_text_is(&line, "Device"),
		.movable = mm_machine_text_is(&line, "Movable"),
		.node = (uint32_t)node,
		.start_pfn = UINT64_MAX,
		.spanned = UINT64_MAX,
		.present = UINT64_MAX,
	};
	return 0;
}

/* "        spanned  4095" and "  start_pfn:           1"; other lines are none of our business. */
static int take_zone_line(const struct reader *r, struct mm_machine_text line,
			  struct zone_lines *lines)
{
	uint64_t *value;

	mm_machine_take_spaces(&line);
	if (mm_machine_take_string(&line, "spanned "))
		value = &lines->spanned;
	else if (mm_machine_take_string(&line, "present "))
		value = &lines->present;
	else if (mm_machine_take_string(&line, "start_pfn:"))
		value = &lines->start_pfn;
	else
		return 0;
	mm_machine_take_spaces(&line);
	if (mm_machine_take_number(&line, 10, value) || line.at != line.end)
		return refuse_line(r, -EINVAL, "not a number");
	return 0;
}

int mm_machine_parse_zoneinfo(struct mm_machine_text text, struct mm_machine_zones *zones,
			      struct mm_machine_note note)
{
	struct reader r = { "proc/zoneinfo", text, note, 0 };
	struct zone_lines lines = { .in_zone = false };
	struct mm_machine_text line;
	int err;

	zones->nr = 0;
	while ((err = next_line(&r, &line)) > 0) {
		if (mm_machine_take_string(&line, "Node ")) {
			err = finish_zone(&r, &lines, zones);
			if (!err)
				err = start_zone(&r, line, &lines);
		} else {
			err = take_zone_line(&r, line, &lines);
		}
		if (err)
			return err;
	}
	if (!err)
		err = finish_zone(&r, &lines, zones);
	if (!err && !zones->nr)
		err = refuse_line(&r, -EINVAL, "no zone has memory");
	return err;
}

/** What proc/iomem lines above the one being read matter for it. */
struct iomem_state {
	bool in_ram;
	bool any_ram;
	bool any_address;
};

static uint64_t round_down(uint64_t address)
{
	return address & ~(MMSIM_PAGE_SIZE - 1);
}

static bool is_kernel(const struct mm_machine_text *name)
{
	return mm_machine_text_is(name, "Kernel code") ||
	       mm_machine_text_is(name, "Kernel rodata") ||
	       mm_machine_text_is(name, "Kernel data") || mm_machine_text_is(name, "Kernel bss");
}

/* Addresses in iomem are inclusive. A page that is only partly RAM is none. */
static int add_ram(const struct reader *r, struct mm_machine_iomem *iomem, uint64_t first,
		   uint64_t last)
{
	struct mm_machine_spans *ram = &iomem->ram;
	struct mm_machine_span span;

	if (last >= MMSIM_MAX_PHYS)
		return refuse_line(r, -ERANGE, "RAM ends past 64 TiB");
	span.start = round_down(first + MMSIM_PAGE_SIZE - 1);
	span.end = round_down(last + 1);
	span.node = 0;
	if (span.start >= span.end)
		return 0;
	if (ram->nr && span.start < ram->at[ram->nr - 1].end)
		return refuse_line(r, -EINVAL, "starts below the end of the RAM above");
	if (mm_machine_add_span(ram, span))
		return refuse_line(r, -ERANGE, "too many pieces of RAM");
	return 0;
}

/* A page that is only partly the kernel's is gone. Neighbours may share one: that is not an overlap. */
static int add_kernel(const struct reader *r, struct mm_machine_iomem *iomem, uint64_t first,
		      uint64_t last)
{
	struct mm_machine_spans *kernel = &iomem->kernel;
	struct mm_machine_span span;

	if (last >= MMSIM_MAX_PHYS)
		return refuse_line(r, -EINVAL, "the kernel ends past 64 TiB");
	span.start = round_down(first);
	span.end = round_down(last) + MMSIM_PAGE_SIZE;
	span.node = 0;
	if (kernel->nr && span.start < kernel->at[kernel->nr - 1].end) {
		span.start = kernel->at[kernel->nr - 1].end;
		if (span.start >= span.end)
			return 0;
	}
	if (mm_machine_add_span(kernel, span))
		return refuse_line(r, -ERANGE, "too many pieces of the kernel");
	return 0;
}

/* "00100000-bfffffff : System RAM", indented by two spaces per level of nesting. */
static int take_iomem_line(const struct reader *r, struct mm_machine_text line,
			   struct iomem_state *state, struct mm_machine_iomem *iomem)
{
	bool nested = mm_machine_take_spaces(&line) > 0;
	uint64_t first;
	uint64_t last;

	if (mm_machine_take_number(&line, 16, &first) || !mm_machine_take_char(&line, '-') ||
	    mm_machine_take_number(&line, 16, &last) || !mm_machine_take_string(&line, " : "))
		return refuse_line(r, -EINVAL, "not \"START-END : NAME\"");
	if (last < first)
		return refuse_line(r, -EINVAL, "ends below its start");
	state->any_address |= last > 0;
	if (!nested)
		state->in_ram = mm_machine_text_is(&line, "System RAM");
	if (!state->in_ram)
		return 0;
	state->any_ram = true;
	if (!nested)
		return add_ram(r, iomem, first, last);
	return is_kernel(&line) && last ? add_kernel(r, iomem, first, last) : 0;
}

int mm_machine_parse_iomem(struct mm_machine_text text, struct mm_machine_iomem *iomem,
			   struct mm_machine_note note)
{
	struct reader r = { "proc/iomem", text, note, 0 };
	struct iomem_state state = { false, false, false };
	struct mm_machine_text line;
	int err;

	iomem->ram.nr = 0;
	iomem->kernel.nr = 0;
	while ((err = next_line(&r, &line)) > 0) {
		err = take_iomem_line(&r, line, &state, iomem);
		if (err)
			return err;
	}
	if (err)
		return err;
	if (!state.any_ram)
		return refuse_line(&r, -EINVAL, "no System RAM");
	iomem->hidden = !state.any_address;
	if (!iomem->hidden && !iomem->ram.nr)
		return refuse_line(&r, -EINVAL, "no System RAM of a page or more");
	return 0;
}
