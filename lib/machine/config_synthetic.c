/* SPDX-License-Identifier: MIT */
/*
 * A machine from an hwloc-style string: "pack:2 node:1(memory=384G) core:26 pu:2".
 *
 * Because every object has as many children as its neighbours, the string is no more than a number
 * of objects in the whole machine per level, and a CPU's object at a level is a division.
 */
#include "config_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define GIB(n) (UINT64_C(n) << 30)
#define MAX_SIZE_TEXT 48

enum level { LEVEL_PACK, LEVEL_NODE, LEVEL_LLC, LEVEL_CORE, LEVEL_PU, NR_LEVELS };

static const struct {
	const char *name;
	enum level level;
} level_names[] = {
	{ "pack", LEVEL_PACK }, { "package", LEVEL_PACK }, { "node", LEVEL_NODE },
	{ "numa", LEVEL_NODE }, { "l3", LEVEL_LLC },       { "llc", LEVEL_LLC },
	{ "core", LEVEL_CORE }, { "pu", LEVEL_PU },        { "thread", LEVEL_PU },
};

struct parser {
	const char *start;
	struct mm_machine_text text;
	struct mm_machine_note note;
	uint64_t memory; /* of a node */
	uint32_t total; /* objects in the machine at the innermost level so far */
	uint32_t nr[NR_LEVELS]; /* the same of each level, 0 where the string lacks it */
};

static int refuse_at(const struct parser *p, const char *at, int err, const char *what)
{
	return mm_machine_refuse(p->note, err, "character %zu: %s", (size_t)(at - p->start) + 1,
				 what);
}

static int take_level(struct parser *p, enum level *level)
{
	struct mm_machine_text word = { p->text.at, p->text.at };

	while (word.end != p->text.end && *word.end != ':' && *word.end != ' ')
		word.end++;
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (!mm_machine_text_is(&word, level_names[i].name))
			continue;
		p->text.at = word.end;
		*level = level_names[i].level;
		return 0;
	}
	return refuse_at(p, word.at, -EINVAL, "not one of pack, node, l3, core, pu");
}

/* Nodes may lie above or below packages and caches; the others have one order. */
static int check_order(const struct parser *p, const char *at, enum level level)
{
	enum level inner = level == LEVEL_NODE ? LEVEL_CORE : level;

	if (p->nr[level])
		return refuse_at(p, at, -EINVAL, "this level is there already");
	for (int i = (int)inner; i < NR_LEVELS; i++)
		if (i != LEVEL_NODE && p->nr[i])
			return refuse_at(p, at, -EINVAL, "this level belongs further out");
	return 0;
}

static int take_count(struct parser *p, enum level level)
{
	const char *at = p->text.at;
	uint64_t count;
	int err;

	err = mm_machine_take_number(&p->text, 10, &count);
	if (err == -EINVAL || (!err && !count))
		return refuse_at(p, at, -EINVAL, "a count of 1 or more is missing");
	if (err || count > MMSIM_MAX_CPUS / p->total)
		return refuse_at(p, at, -ERANGE, "more than 1024 CPUs");
	p->total *= (uint32_t)count;
	if (level == LEVEL_NODE && p->total > MMSIM_MAX_NODES)
		return refuse_at(p, at, -ERANGE, "more than 64 nodes");
	p->nr[level] = p->total;
	return 0;
}

/* "(memory=384G)" after a node. */
static int take_memory(struct parser *p)
{
	char size[MAX_SIZE_TEXT];
	const char *from;
	size_t len;
	int err;

	if (!mm_machine_take_char(&p->text, '('))
		return 0;
	if (!mm_machine_take_string(&p->text, "memory="))
		return refuse_at(p, p->text.at, -EINVAL, "not memory=");
	from = p->text.at;
	while (p->text.at != p->text.end && *p->text.at != ')')
		p->text.at++;
	len = (size_t)(p->text.at - from);
	if (!mm_machine_take_char(&p->text, ')'))
		return refuse_at(p, p->text.at, -EINVAL, "a ) is missing");
	if (len >= sizeof(size))
		return refuse_at(p, from, -EINVAL, "not a size");
	memcpy(size, from, len);
	size[len] = '\0';
	err = mmsim_parse_bytes(size, &p->memory);
	if (err)
		return refuse_at(p, from, err, err == -ERANGE ? "too big" : "not a size");
	err = mm_machine_check_layout(1, p->memory & ~(MMSIM_PAGE_SIZE - 1));
	if (err)
		return refuse_at(p, from, err, err == -ERANGE ? "too big" : "less than 4 MiB");
	return 0;
}

static int parse_level(struct parser *p, enum level *level)
{
	const char *at = p->text.at;
	int err;

	err = take_level(p, level);
	if (!err)
		err = check_order(p, at, *level);
	if (err)
		return err;
	if (!mm_machine_take_char(&p->text, ':'))
		return refuse_at(p, p->text.at, -EINVAL, "a : is missing");
	err = take_count(p, *level);
	if (!err && *level == LEVEL_NODE)
		err = take_memory(p);
	if (err || p->text.at == p->text.end || *p->text.at == ' ')
		return err;
	return refuse_at(p, p->text.at, -EINVAL, "a space is missing");
}

static int parse_levels(struct parser *p)
{
	uint32_t above_pu = 1;
	int err;

	mm_machine_take_spaces(&p->text);
	while (p->text.at != p->text.end) {
		enum level level = LEVEL_PU;

		err = parse_level(p, &level);
		if (err)
			return err;
		if (level != LEVEL_PU)
			above_pu = p->total;
		mm_machine_take_spaces(&p->text);
	}
	if (!p->nr[LEVEL_PU])
		return refuse_at(p, p->text.at, -EINVAL, "the last level is not pu");
	if (!p->nr[LEVEL_CORE])
		p->nr[LEVEL_CORE] = above_pu;
	return 0;
}

static void fill_missing(struct parser *p)
{
	if (!p->nr[LEVEL_PACK])
		p->nr[LEVEL_PACK] = 1;
	if (!p->nr[LEVEL_NODE])
		p->nr[LEVEL_NODE] = 1;
	/* A cache is shared no further than the smaller of package and node. */
	if (!p->nr[LEVEL_LLC])
		p->nr[LEVEL_LLC] = p->nr[LEVEL_PACK] > p->nr[LEVEL_NODE] ? p->nr[LEVEL_PACK]
									 : p->nr[LEVEL_NODE];
}

static uint16_t place_cpu(const struct parser *p, uint32_t cpu, enum level level)
{
	return (uint16_t)(cpu / (p->total / p->nr[level]));
}

static void build_config(struct mmsim_config *cfg, const struct parser *p)
{
	memset(cfg->cpu, 0, sizeof(cfg->cpu));
	memset(cfg->node, 0, sizeof(cfg->node));
	cfg->nr_cpus = p->total;
	cfg->nr_nodes = p->nr[LEVEL_NODE];
	for (uint32_t i = 0; i < p->total; i++)
		cfg->cpu[i] = (struct mmsim_cpu){
			.node = place_cpu(p, i, LEVEL_NODE),
			.package = place_cpu(p, i, LEVEL_PACK),
			.llc = place_cpu(p, i, LEVEL_LLC),
			.core = place_cpu(p, i, LEVEL_CORE),
		};
	mm_machine_lay_out(cfg, p->memory);
}

int mmsim_config_from_synthetic(struct mmsim_config *cfg, const char *text, uint64_t bytes_per_node,
				char *msg, size_t len)
{
	struct parser p = {
		.start = text,
		.note = { msg, len },
		.memory = bytes_per_node ? bytes_per_node : GIB(4),
		.total = 1,
	};
	int err;

	mm_machine_clear_note(p.note);
	if (!cfg || !text)
		return mm_machine_refuse(p.note, -EINVAL, "%s: NULL", cfg ? "text" : "cfg");
	p.text = (struct mm_machine_text){ text, text + strlen(text) };
	err = parse_levels(&p);
	if (err)
		return err;
	fill_missing(&p);
	err = mm_machine_check_layout(p.nr[LEVEL_NODE], p.memory & ~(MMSIM_PAGE_SIZE - 1));
	if (err)
		return mm_machine_refuse(
			p.note, err, "%u nodes of %" PRIu64 " bytes are %s", p.nr[LEVEL_NODE],
			p.memory, err == -ERANGE ? "too much memory" : "less than 4 MiB each");
	build_config(cfg, &p);
	return 0;
}
