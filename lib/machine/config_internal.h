/* SPDX-License-Identifier: MIT */
/*
 * What the config_*.c files share: messages for the caller, a cursor over text, the layout of a PC,
 * the figures.
 */
#ifndef MM_MACHINE_CONFIG_INTERNAL_H
#define MM_MACHINE_CONFIG_INTERNAL_H

#include <mmsim/config.h>
#include <mmsim/gfp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The (msg, len) pair of a public call; text may be NULL. */
struct mm_machine_note {
	char *text;
	size_t size;
};

/* Make the message empty, so that a caller who prints it after success prints nothing. */
void mm_machine_clear_note(struct mm_machine_note note);

/* Replaces the message and returns err, so that a refusal is one statement. */
__attribute__((format(printf, 3, 4))) int mm_machine_refuse(struct mm_machine_note note, int err,
							    const char *format, ...);

/** What is left of a text. It need not end in a NUL and may contain some. */
struct mm_machine_text {
	const char *at;
	const char *end;
};

/* Each takes something off the front, or leaves the text as it was and returns false or an errno. */
bool mm_machine_take_char(struct mm_machine_text *text, char c);
bool mm_machine_take_string(struct mm_machine_text *text, const char *string);
bool mm_machine_take_line(struct mm_machine_text *text, struct mm_machine_text *line);
size_t mm_machine_take_spaces(struct mm_machine_text *text);
/* Spaces and tabs. */
void mm_machine_take_blanks(struct mm_machine_text *text);
/* Takes them off the end. */
void mm_machine_drop_blanks(struct mm_machine_text *text);
/* "key = value": takes the key, of a-z, 0-9 and _, and leaves the value without blanks around it. */
bool mm_machine_take_key(struct mm_machine_text *text, struct mm_machine_text *key);
/* As much of a key as a message shows: the precision of a "%.*s". */
int mm_machine_shown(struct mm_machine_text key);
/* Returns 0; -EINVAL without a digit; -ERANGE above 64 bits. */
int mm_machine_take_number(struct mm_machine_text *text, unsigned int base, uint64_t *value);
/* Is nothing left but the newline that ends a file of one line? */
bool mm_machine_text_ends(const struct mm_machine_text *text);
bool mm_machine_text_is(const struct mm_machine_text *text, const char *string);

/* Into ascending order. */
void mm_machine_sort(uint64_t *number, size_t nr);

/* Can each of nr_nodes nodes have this many bytes in a PC's layout? 0, -EINVAL or -ERANGE. */
int mm_machine_check_layout(uint32_t nr_nodes, uint64_t bytes_per_node);
/* Replaces all ranges of a config whose layout was found good. */
void mm_machine_lay_out(struct mmsim_config *cfg, uint64_t bytes_per_node);

void mm_machine_default_figures(struct mmsim_config *cfg);
/* An enum mmsim_figure, or -ENOENT. */
int mm_machine_find_figure(struct mm_machine_text name);

/** A number of thousandths as a decimal. */
struct mm_machine_decimal {
	char text[24];
};

struct mm_machine_decimal mm_machine_print_thousandths(uint64_t value);
/* Is the value within the figure's range? 0 or -EINVAL; the message begins with the label. */
int mm_machine_check_figure(struct mm_machine_note note, const char *label, unsigned int figure,
			    uint64_t value);
/* All of a config; the message begins with "figure[". */
int mm_machine_check_figures(const struct mmsim_config *cfg, struct mm_machine_note note);
/* "7.6 ns", or a word of a choice. 0 or -EINVAL; the message begins with the figure's name. */
int mm_machine_parse_figure(struct mm_machine_note note, unsigned int figure,
			    struct mm_machine_text text, bool needs_unit, uint64_t *value);

/* Can the config's explore be explored with, if its mode wants to? 0 or -EINVAL. */
int mm_machine_check_explore(const struct mmsim_config *cfg, struct mm_machine_note note);
int mm_machine_check_policy(const struct mmsim_config *cfg, struct mm_machine_note note);

/** What a profile says, before it becomes part of a config. */
struct mm_machine_profile {
	struct mm_machine_text topology;
	unsigned int topology_line;
	bool siblings_last; /* the second threads of all cores have the highest CPU numbers */
	uint64_t figure[MMSIM_NR_FIGURES];
};

/* 0, or -EINVAL with the line in the message. The topology is not looked into. */
int mm_machine_parse_profile(struct mm_machine_profile *profile, struct mm_machine_text text,
			     struct mm_machine_note note);

#endif
