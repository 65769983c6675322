/* SPDX-License-Identifier: MIT */
/*
 * What the config_*.c files share: messages for the caller, a cursor over text, the layout of a PC.
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
/* Returns 0; -EINVAL without a digit; -ERANGE above 64 bits. */
int mm_machine_take_number(struct mm_machine_text *text, unsigned int base, uint64_t *value);
/* Is nothing left but the newline that ends a file of one line? */
bool mm_machine_text_ends(const struct mm_machine_text *text);
bool mm_machine_text_is(const struct mm_machine_text *text, const char *string);

/* Can each of nr_nodes nodes have this many bytes in a PC's layout? 0, -EINVAL or -ERANGE. */
int mm_machine_check_layout(uint32_t nr_nodes, uint64_t bytes_per_node);
/* Into ascending order. */
void mm_machine_sort(uint64_t *number, size_t nr);

/* Replaces all ranges of a config whose layout was found good. */
void mm_machine_lay_out(struct mmsim_config *cfg, uint64_t bytes_per_node);

#endif
