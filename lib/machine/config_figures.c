/* SPDX-License-Identifier: MIT */
/*
 * The figures: what each is, within which range, and how one is changed. All arithmetic is on whole
 * thousandths: a run must not depend on how a host rounds.
 */
#include "config_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ONE MMSIM_FIGURE_ONE
#define DIGITS 3 /* of a thousandth */

/* Ranges, wide: they keep sums and quotients of figures sane, and are no opinion on hardware. */
#define NS(most) "ns", 0, (most)*ONE
#define LINE_NS NS(100000)
#define WORK_NS NS(1000000)
#define SCHED_NS NS(UINT64_C(10000000000))
#define GB_S "GB/s", ONE / 10, 100000 * ONE
#define SIZE(unit) unit, 0, 1000000 * ONE
#define RATIO(least, most) "ratio", least, most

#define FIGURE(id, name, range, value, about) [MMSIM_FIG_##id] = FIGURE_(name, range, value, about)
#define FIGURE_(...) FIGURE__(__VA_ARGS__)
#define FIGURE__(name, unit, least, most, value, about)     \
	{                                                   \
		name, unit, about, NULL, least, most, value \
	}

/* The values are those of a generic two-socket x86 server of about 2020: nobody's machine. */
static const struct mmsim_figure_info figures[MMSIM_NR_FIGURES] = {
	FIGURE(LINE_SMT, "line_smt", LINE_NS, 7600, "a line that the sibling wrote last"),
	FIGURE(LINE_LLC, "line_llc", LINE_NS, 47000,
	       "a line that a core under the same last-level cache wrote last"),
	FIGURE(LINE_NODE, "line_node", LINE_NS, 47000,
	       "a line written last under another last-level cache of the node"),
	FIGURE(LINE_REMOTE, "line_remote", LINE_NS, 134000, "a line that another node wrote last"),
	FIGURE(LINE_OWN, "line_own", LINE_NS, 1500, "a line that this CPU wrote last"),
	FIGURE(LLC_HIT, "llc_hit", LINE_NS, 20000, "a line that only the last-level cache has"),
	FIGURE(ATOMIC, "atomic", LINE_NS, 8000, "one atomic read-modify-write of an own line"),
	FIGURE(CORE_CACHE, "core_cache", SIZE("KiB"), 1024 * ONE,
	       "a core's own cache; 0: holds everything, and nothing is fetched ahead"),
	FIGURE(LLC_SIZE, "llc_size", SIZE("MiB"), 32 * ONE,
	       "a last-level cache; 0: holds everything"),
	FIGURE(DRAM_LOCAL, "dram_local", LINE_NS, 90000, "a line from the node's own memory"),
	FIGURE(DRAM_REMOTE, "dram_remote", LINE_NS, 140000, "a line from another node's memory"),
	FIGURE(DRAM_BW, "dram_bw", GB_S, 80000,
	       "bandwidth of one node's memory, reads and writes mixed one to one"),
	FIGURE(CORE_BW, "core_bw", GB_S, 12000, "streaming stores of one core"),
	FIGURE(CLEAR_BW, "clear_bw", GB_S, 7000, "one core clearing pages, through the cache"),
	FIGURE(LINK_BW, "link_bw", GB_S, 35000, "bandwidth between two nodes, one direction"),
	FIGURE(WRITE_ALLOCATE, "write_allocate", RATIO(ONE, 4 * ONE), 2000,
	       "bytes moved per byte stored through the cache"),
	FIGURE(LOADED_KNEE, "loaded_knee", RATIO(0, 990), 600,
	       "share of dram_bw from which on latency rises"),
	FIGURE(LOADED_LATENCY, "loaded_latency", RATIO(ONE, 100 * ONE), 1600,
	       "latency at full bandwidth / latency of an idle memory"),
	FIGURE(SMT_FACTOR, "smt_factor", RATIO(100, ONE), 600,
	       "speed of a CPU while its sibling works too"),
	FIGURE(TURBO_ALL, "turbo_all", RATIO(100, ONE), 850,
	       "clock with all cores of a package busy / with one"),
	FIGURE(PAGE_INIT, "page_init", WORK_NS, 15000,
	       "one struct page, stored through the cache, freed to the buddy"),
	FIGURE(PAGE_OP, "page_op", WORK_NS, 5000,
	       "one pass through the page allocator, besides locks and lines"),
	FIGURE(PAGE_FREE, "page_free", WORK_NS, 37900,
	       "one block put back under the zone lock, without the lines that it touches"),
	FIGURE(ZAP, "zap", WORK_NS, 30500, "one page table entry cleared, without its struct page"),
	FIGURE(TREE_LEVEL, "tree_level", WORK_NS, 3000, "one level down a search tree"),
	FIGURE(LIST_MOVE, "list_move", WORK_NS, 2000,
	       "one entry taken off a list and put on another"),
	FIGURE(PAGE_PIN, "page_pin", WORK_NS, 200000,
	       "one page pinned for a device: found, referenced, put into the IOMMU's tables"),
	FIGURE(WAKE, "wake", SCHED_NS, 5000 * ONE,
	       "from a wake-up to running, on a CPU idle for a short time"),
	FIGURE(WAKE_DEEP, "wake_deep", SCHED_NS, 135000 * ONE, "the same from a deep idle state"),
	FIGURE(DEEP_AFTER, "deep_after", SCHED_NS, 600000 * ONE,
	       "idle so long, a CPU is in the deep state"),
	FIGURE(WAKER, "waker", SCHED_NS, 1000 * ONE, "what waking somebody costs the waker"),
	FIGURE(WORKER_CREATE, "worker_create", SCHED_NS, 10000 * ONE,
	       "making a thread, for its maker"),
	FIGURE(SWITCH, "switch", SCHED_NS, 1200 * ONE, "from one task to another on a CPU"),
	FIGURE(SLICE, "slice", SCHED_NS, 3000000 * ONE,
	       "how long a task keeps a CPU that others wait for"),
	FIGURE(TIMER, "timer", SCHED_NS, 50000 * ONE, "from a deadline to its handler"),
	FIGURE(IPI_FIRST, "ipi_first", WORK_NS, 775000,
	       "interrupting one CPU, until it has answered"),
	FIGURE(IPI_NEXT, "ipi_next", WORK_NS, 68000, "interrupting each further CPU"),
	FIGURE(TLB_FLUSH, "tlb_flush", WORK_NS, 100000, "a local flush"),
	[MMSIM_FIG_LOCK_KIND] = { "lock_kind", "",
				  "how a contended spin lock finds its next holder",
				  "queued ticket tas", 0, MMSIM_LOCK_TAS *ONE,
				  MMSIM_LOCK_QUEUED *ONE },
};

_Static_assert(MMSIM_NR_FIGURES <= MMSIM_MAX_FIGURES, "a config must hold every figure");

const struct mmsim_figure_info *mmsim_figure_info(unsigned figure)
{
	return figure < MMSIM_NR_FIGURES ? &figures[figure] : NULL;
}

void mm_machine_default_figures(struct mmsim_config *cfg)
{
	for (unsigned i = 0; i < MMSIM_NR_FIGURES; i++)
		cfg->figure[i] = figures[i].value;
}

int mm_machine_find_figure(struct mm_machine_text name)
{
	for (int i = 0; i < MMSIM_NR_FIGURES; i++)
		if (mm_machine_text_is(&name, figures[i].name))
			return i;
	return -ENOENT;
}

struct mm_machine_decimal mm_machine_print_thousandths(uint64_t value)
{
	struct mm_machine_decimal out;
	int len = snprintf(out.text, sizeof(out.text), "%" PRIu64 ".%03u", value / ONE,
			   (unsigned int)(value % ONE));

	while (out.text[len - 1] == '0')
		len--;
	if (out.text[len - 1] == '.')
		len--;
	out.text[len] = '\0';
	return out;
}

int mm_machine_check_figure(struct mm_machine_note note, const char *label, unsigned int figure,
			    uint64_t value)
{
	const struct mmsim_figure_info *info = &figures[figure];

	if (value >= info->min && value <= info->max && !(info->words && value % ONE))
		return 0;
	if (info->words)
		return mm_machine_refuse(note, -EINVAL, "%s: %s is none of the choices \"%s\"",
					 label, mm_machine_print_thousandths(value).text,
					 info->words);
	return mm_machine_refuse(note, -EINVAL, "%s: %s is not between %s and %s %s", label,
				 mm_machine_print_thousandths(value).text,
				 mm_machine_print_thousandths(info->min).text,
				 mm_machine_print_thousandths(info->max).text, info->unit);
}

/* Returns NULL, or what is wrong with the number; then the text is as it was. */
static const char *take_thousandths(struct mm_machine_text *text, uint64_t *value)
{
	struct mm_machine_text rest = *text;
	unsigned int digits = 0;
	uint64_t whole;
	uint64_t part = 0;
	int err;

	err = mm_machine_take_number(&rest, 10, &whole);
	if (err)
		return err == -ERANGE ? "too large" : "not a number";
	if (mm_machine_take_char(&rest, '.')) {
		for (; rest.at != rest.end && *rest.at >= '0' && *rest.at <= '9'; rest.at++) {
			if (digits++ == DIGITS)
				return "more than 3 digits after the point";
			part = part * 10 + (uint64_t)(*rest.at - '0');
		}
		if (!digits)
			return "no digit after the point";
	}
	for (; digits < DIGITS; digits++)
		part *= 10;
	if (whole > (UINT64_MAX - part) / ONE)
		return "too large";
	*value = whole * ONE + part;
	*text = rest;
	return NULL;
}

static int parse_choice(struct mm_machine_note note, const struct mmsim_figure_info *info,
			struct mm_machine_text text, uint64_t *value)
{
	struct mm_machine_text words = { info->words, info->words + strlen(info->words) };

	for (uint64_t choice = 0; words.at != words.end; choice += ONE) {
		const char *word = words.at;
		size_t len;

		while (words.at != words.end && *words.at != ' ')
			words.at++;
		len = (size_t)(words.at - word);
		if ((size_t)(text.end - text.at) == len && !memcmp(text.at, word, len)) {
			*value = choice;
			return 0;
		}
		mm_machine_take_spaces(&words);
	}
	return mm_machine_refuse(note, -EINVAL, "%s: not one of \"%s\"", info->name, info->words);
}

int mm_machine_parse_figure(struct mm_machine_note note, unsigned int figure,
			    struct mm_machine_text text, bool needs_unit, uint64_t *value)
{
	const struct mmsim_figure_info *info = &figures[figure];
	const char *wrong;
	uint64_t number;
	int err;

	if (info->words)
		return parse_choice(note, info, text, value);
	wrong = take_thousandths(&text, &number);
	if (wrong)
		return mm_machine_refuse(note, -EINVAL, "%s: %s", info->name, wrong);
	mm_machine_take_blanks(&text);
	if (text.at == text.end && needs_unit)
		return mm_machine_refuse(note, -EINVAL, "%s: the unit, %s, is missing", info->name,
					 info->unit);
	if (text.at != text.end && !mm_machine_text_is(&text, info->unit))
		return mm_machine_refuse(note, -EINVAL, "%s: what follows the number is not %s",
					 info->name, info->unit);
	err = mm_machine_check_figure(note, info->name, figure, number);
	if (!err)
		*value = number;
	return err;
}

/* "0.5x": of choices there are no factors. */
static bool is_factor(const struct mmsim_figure_info *info, struct mm_machine_text text,
		      uint64_t *factor)
{
	return !info->words && !take_thousandths(&text, factor) && mm_machine_text_is(&text, "x");
}

static int scale_figure(struct mm_machine_note note, unsigned int figure, uint64_t factor,
			uint64_t *value)
{
	uint64_t product;
	int err;

	if (__builtin_mul_overflow(*value, factor, &product) || product > UINT64_MAX - ONE / 2)
		return mm_machine_refuse(note, -EINVAL, "%s: too large", figures[figure].name);
	product = (product + ONE / 2) / ONE;
	err = mm_machine_check_figure(note, figures[figure].name, figure, product);
	if (!err)
		*value = product;
	return err;
}

int mmsim_config_set_figure(struct mmsim_config *cfg, const char *assignment, char *msg, size_t len)
{
	const struct mm_machine_note note = { msg, len };
	struct mm_machine_text name;
	struct mm_machine_text text;
	uint64_t factor;
	int figure;

	mm_machine_clear_note(note);
	if (!cfg || !assignment)
		return mm_machine_refuse(note, -EINVAL, "%s: NULL", cfg ? "assignment" : "cfg");
	text = (struct mm_machine_text){ assignment, assignment + strlen(assignment) };
	if (!mm_machine_take_key(&text, &name))
		return mm_machine_refuse(note, -EINVAL, "figure: not of the form name=value");
	figure = mm_machine_find_figure(name);
	if (figure < 0)
		return mm_machine_refuse(note, -ENOENT, "%.*s: no such figure",
					 mm_machine_shown(name), name.at);
	if (is_factor(&figures[figure], text, &factor))
		return scale_figure(note, (unsigned int)figure, factor, &cfg->figure[figure]);
	return mm_machine_parse_figure(note, (unsigned int)figure, text, false,
				       &cfg->figure[figure]);
}
