/* SPDX-License-Identifier: MIT */
/*
 * The text of a machine profile. Every key must be there exactly once, so that no figure of a machine
 * is a default by oversight, and every figure must say where it is from.
 */
#include "config_internal.h"

#include <errno.h>
#include <stdint.h>

#define MAX_REASON 160

enum section { SECTION_NONE, SECTION_MACHINE, SECTION_FIGURES, NR_SECTIONS };

static const char *const section_names[NR_SECTIONS] = { "", "machine", "figures" };

enum machine_key { KEY_NAME, KEY_CPU, KEY_TOPOLOGY, KEY_NUMBERING, KEY_SOURCE, NR_KEYS };

static const char *const key_names[NR_KEYS] = { "name", "cpu", "topology", "numbering", "source" };

struct parser {
	struct mm_machine_profile *profile;
	struct mm_machine_note note;
	unsigned int line; /* number of the current one */
	enum section section;
	unsigned int sections_seen; /* these three: bits */
	unsigned int keys_seen;
	uint64_t figures_seen;
};

_Static_assert(MMSIM_MAX_FIGURES <= 64, "one bit for each figure");

#define REFUSE(p, format, ...) \
	mm_machine_refuse((p)->note, -EINVAL, "line %u: " format, (p)->line, __VA_ARGS__)

static bool is_empty(const struct mm_machine_text *text)
{
	return text->at == text->end;
}

/* Everything that could break a message's line, or hide from a reader of the profile. */
static bool has_control_char(struct mm_machine_text line)
{
	for (; !is_empty(&line); line.at++)
		if (((unsigned char)*line.at < ' ' && *line.at != '\t') || *line.at == 0x7f)
			return true;
	return false;
}

static int parse_section(struct parser *p, struct mm_machine_text line)
{
	for (enum section i = SECTION_MACHINE; i < NR_SECTIONS; i++) {
		struct mm_machine_text rest = line;

		if (!mm_machine_take_char(&rest, '[') ||
		    !mm_machine_take_string(&rest, section_names[i]) ||
		    !mm_machine_text_is(&rest, "]"))
			continue;
		if (p->sections_seen & 1U << i)
			return REFUSE(p, "[%s]: there is one already", section_names[i]);
		p->sections_seen |= 1U << i;
		p->section = i;
		return 0;
	}
	return REFUSE(p, "%s", "neither [machine] nor [figures]");
}

static int parse_numbering(struct parser *p, struct mm_machine_text value)
{
	p->profile->siblings_last = mm_machine_text_is(&value, "siblings-last");
	if (p->profile->siblings_last || mm_machine_text_is(&value, "siblings-adjacent"))
		return 0;
	return REFUSE(p, "%s", "numbering: neither siblings-last nor siblings-adjacent");
}

static int parse_machine_key(struct parser *p, struct mm_machine_text key,
			     struct mm_machine_text value)
{
	unsigned int i = 0;

	while (i < NR_KEYS && !mm_machine_text_is(&key, key_names[i]))
		i++;
	if (i == NR_KEYS)
		return REFUSE(p, "%.*s: no such key in [machine]", mm_machine_shown(key), key.at);
	if (p->keys_seen & 1U << i)
		return REFUSE(p, "%s: there is one already", key_names[i]);
	p->keys_seen |= 1U << i;
	if (is_empty(&value))
		return REFUSE(p, "%s: nothing follows the =", key_names[i]);
	if (i == KEY_TOPOLOGY) {
		p->profile->topology = value;
		p->profile->topology_line = p->line;
	}
	return i == KEY_NUMBERING ? parse_numbering(p, value) : 0;
}

/* Cuts "7.6 ns ; source" into two; false: there is no source. */
static bool split_source(struct mm_machine_text *value)
{
	struct mm_machine_text source = *value;

	while (!is_empty(&source) && *source.at != ';')
		source.at++;
	value->end = source.at;
	mm_machine_drop_blanks(value);
	if (!mm_machine_take_char(&source, ';'))
		return false;
	mm_machine_take_blanks(&source);
	return !is_empty(&source);
}

static int parse_figure_key(struct parser *p, struct mm_machine_text key,
			    struct mm_machine_text value)
{
	int figure = mm_machine_find_figure(key);
	char reason[MAX_REASON];
	uint64_t bit;

	if (figure < 0)
		return REFUSE(p, "%.*s: no such figure", mm_machine_shown(key), key.at);
	bit = UINT64_C(1) << figure;
	if (p->figures_seen & bit)
		return REFUSE(p, "%s: there is one already",
			      mmsim_figure_info((unsigned int)figure)->name);
	p->figures_seen |= bit;
	if (!split_source(&value))
		return REFUSE(p, "%s: no source behind a ;",
			      mmsim_figure_info((unsigned int)figure)->name);
	if (mm_machine_parse_figure((struct mm_machine_note){ reason, sizeof(reason) },
				    (unsigned int)figure, value, true, &p->profile->figure[figure]))
		return REFUSE(p, "%s", reason);
	return 0;
}

static int parse_line(struct parser *p, struct mm_machine_text line)
{
	struct mm_machine_text key;

	if (!is_empty(&line) && line.end[-1] == '\r')
		line.end--;
	if (has_control_char(line))
		return REFUSE(p, "%s", "a control character");
	mm_machine_take_blanks(&line);
	mm_machine_drop_blanks(&line);
	if (is_empty(&line) || *line.at == '#' || *line.at == ';')
		return 0;
	if (*line.at == '[')
		return parse_section(p, line);
	if (!mm_machine_take_key(&line, &key))
		return REFUSE(p, "%s", "neither a [section] nor key = value nor a # comment");
	if (p->section == SECTION_NONE)
		return REFUSE(p, "%.*s: before any [section]", mm_machine_shown(key), key.at);
	return p->section == SECTION_MACHINE ? parse_machine_key(p, key, line)
					     : parse_figure_key(p, key, line);
}

static int check_complete(const struct parser *p)
{
	for (unsigned int i = 0; i < NR_KEYS; i++)
		if (!(p->keys_seen & 1U << i))
			return mm_machine_refuse(p->note, -EINVAL, "[machine] %s: missing",
						 key_names[i]);
	for (unsigned int i = 0; i < MMSIM_NR_FIGURES; i++)
		if (!(p->figures_seen & UINT64_C(1) << i))
			return mm_machine_refuse(p->note, -EINVAL, "[figures] %s: missing",
						 mmsim_figure_info(i)->name);
	return 0;
}

int mm_machine_parse_profile(struct mm_machine_profile *profile, struct mm_machine_text text,
			     struct mm_machine_note note)
{
	struct parser p = { .profile = profile, .note = note };
	struct mm_machine_text line;

	while (mm_machine_take_line(&text, &line)) {
		int err;

		p.line++;
		err = parse_line(&p, line);
		if (err)
			return err;
	}
	return check_complete(&p);
}
