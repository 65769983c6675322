/* SPDX-License-Identifier: MIT */
/* The text of a profile. */
#include "calibrate_figures.h"

#include "harness/util.h"

#include <inttypes.h>
#include <string.h>

/* One line, whatever firmware calls its CPUs; never empty, as a profile does not allow that. */
static void write_text(FILE *out, const char *key, const char *text)
{
	size_t n = strcspn(text, "\r\n");

	fprintf(out, "%s = ", key);
	for (size_t i = 0; i < n; i++)
		fputc((unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i], out);
	fputs(n ? "\n" : "unknown\n", out);
}

/* "7.6", "0.05", "12": no more digits than there are. */
static void write_thousandths(FILE *out, uint64_t value)
{
	char text[32];
	size_t len;

	snprintf(text, sizeof(text), "%" PRIu64 ".%03" PRIu64, value / MMSIM_FIGURE_ONE,
		 value % MMSIM_FIGURE_ONE);
	len = strlen(text);
	while (text[len - 1] == '0')
		len--;
	if (text[len - 1] == '.')
		len--;
	fprintf(out, "%.*s", (int)len, text);
}

/* The n-th of "queued ticket tas". */
static void write_choice(FILE *out, const char *words, uint64_t n)
{
	while (n--) {
		words += strcspn(words, " ");
		words += *words == ' ';
	}
	fprintf(out, "%.*s", (int)strcspn(words, " "), words);
}

static void write_figure(FILE *out, unsigned i, const struct calibrate_figure *figure)
{
	const struct mmsim_figure_info *info = mmsim_figure_info(i);

	fprintf(out, "%s = ", info->name);
	if (info->words) {
		write_choice(out, info->words, figure->value / MMSIM_FIGURE_ONE);
	} else {
		write_thousandths(out, figure->value);
		fprintf(out, " %s", info->unit);
	}
	fprintf(out, " ; %s\n", figure->source);
}

int calibrate_write(FILE *out, const struct calibrate_machine *machine,
		    const struct calibrate_figure *figure)
{
	fputs("# Written by calibrate: what this host was measured to cost.\n[machine]\n", out);
	write_text(out, "name", machine->name);
	write_text(out, "cpu", machine->cpu);
	write_text(out, "topology", machine->topology);
	write_text(out, "numbering",
		   machine->siblings_last ? "siblings-last" : "siblings-adjacent");
	write_text(out, "source", machine->source);
	fputs("\n[figures]\n", out);
	for (unsigned i = 0; i < MMSIM_NR_FIGURES; i++)
		write_figure(out, i, &figure[i]);
	return fflush(out) || ferror(out) ? -1 : 0;
}
