/* SPDX-License-Identifier: MIT */
/* From what was measured to the figures of a profile. */
#include "calibrate_figures.h"

#include "harness/stats.h"
#include "harness/util.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

/* Faster than this share of perfect scaling, the threads have not met memory's limit. */
#define SATURATED 0.7
/* Slower by this factor after a long idle time, a CPU has a deep idle state. */
#define DEEPER 1.5
/*
 * What an allocation and a free of one page, from and to a per-CPU list, are charged together besides twice
 * page_op: twice a lock (an atomic and a line), an unlock (a line) and the struct page (a line); and once
 * taking the page from its owner (an atomic and a line).
 */
#define PAIR_ATOMICS 3
#define PAIR_LINES 7

/* Figures that are the median of one series. */
static const struct {
	enum mmsim_figure figure;
	enum calibrate_series series;
	const char *how;
} plain[] = {
	{ MMSIM_FIG_LINE_SMT, SERIES_LINE_SMT, "half a round trip of compare-and-swap" },
	{ MMSIM_FIG_LINE_LLC, SERIES_LINE_LLC, "half a round trip of compare-and-swap" },
	{ MMSIM_FIG_LINE_NODE, SERIES_LINE_NODE, "half a round trip of compare-and-swap" },
	{ MMSIM_FIG_LINE_REMOTE, SERIES_LINE_REMOTE, "half a round trip of compare-and-swap" },
	{ MMSIM_FIG_LINE_OWN, SERIES_LINE_OWN, "follow and write lines in the nearest cache" },
	{ MMSIM_FIG_LLC_HIT, SERIES_LLC_HIT,
	  "pointer chase over four times a core's cache, huge pages" },
	{ MMSIM_FIG_CORE_CACHE, SERIES_CORE_CACHE, "the second largest cache in sysfs" },
	{ MMSIM_FIG_LLC_SIZE, SERIES_LLC_SIZE, "the largest cache in sysfs" },
	{ MMSIM_FIG_DRAM_LOCAL, SERIES_DRAM_LOCAL, "pointer chase over flushed lines, huge pages" },
	{ MMSIM_FIG_DRAM_REMOTE, SERIES_DRAM_REMOTE, "the same chase from another node" },
	{ MMSIM_FIG_CORE_BW, SERIES_STREAM_ONE, "streaming stores of one thread" },
	{ MMSIM_FIG_CLEAR_BW, SERIES_CLEAR,
	  "memset() of one 4 KiB page after the other, one thread" },
	{ MMSIM_FIG_LINK_BW, SERIES_LINK, "streaming stores from all CPUs of another node" },
	{ MMSIM_FIG_PAGE_INIT, SERIES_PAGE_INIT,
	  "this library's deferred init, one thread, ordinary stores" },
	{ MMSIM_FIG_ZAP, SERIES_ZAP, "madvise(DONTNEED) of pages of a file in memory, each" },
	{ MMSIM_FIG_TREE_LEVEL, SERIES_TREE, "binary tree of 4095 lines, keys at random" },
	{ MMSIM_FIG_LIST_MOVE, SERIES_LIST, "from list to list, 512 lines" },
	{ MMSIM_FIG_WAKER, SERIES_WAKER, "futex wake of a thread on an idle CPU" },
	{ MMSIM_FIG_WORKER_CREATE, SERIES_CREATE, "pthread_create()" },
	{ MMSIM_FIG_SLICE, SERIES_SLICE, "two busy threads on one CPU" },
	{ MMSIM_FIG_IPI_FIRST, SERIES_IPI_FIRST, "membarrier(2), one other CPU at work less none" },
	{ MMSIM_FIG_IPI_NEXT, SERIES_IPI_NEXT,
	  "membarrier(2), all CPUs at work less one, per CPU" },
	{ MMSIM_FIG_TLB_FLUSH, SERIES_TLB,
	  "mprotect(2) of a page that is there less one that is not" },
};

/* Figures that are made of several, and those that nobody can see from here. */
static const struct {
	enum mmsim_figure figure;
	const char *how;
} made[] = {
	{ MMSIM_FIG_ATOMIC, "atomic add to one line, less line_own" },
	{ MMSIM_FIG_DRAM_BW, "all CPUs of a node: streaming stores, or ordinary ones times "
			     "write_allocate, whichever is greater" },
	{ MMSIM_FIG_WRITE_ALLOCATE, "streaming / ordinary stores, if both saturate memory" },
	{ MMSIM_FIG_SMT_FACTOR, "arithmetic alone / with the sibling busy" },
	{ MMSIM_FIG_TURBO_ALL, "arithmetic alone / with every core of the node busy" },
	{ MMSIM_FIG_PAGE_OP, "half of an order-0 allocation and free by this library, less an "
			     "atomic and three line_own" },
	{ MMSIM_FIG_WAKE, "futex wake to running on another CPU, less waker" },
	{ MMSIM_FIG_WAKE_DEEP, "the same after the longest idle time, or wake if that is more" },
	{ MMSIM_FIG_DEEP_AFTER, "the idle time from which on wake-ups take longer" },
	{ MMSIM_FIG_SWITCH, "two threads hand one CPU over by futex, one way, less the call" },
	{ MMSIM_FIG_TIMER, "lateness of clock_nanosleep(), less wake" },
	{ MMSIM_FIG_LOADED_KNEE, "not measured" },
	{ MMSIM_FIG_LOADED_LATENCY, "not measured" },
	{ MMSIM_FIG_PAGE_FREE, "not measured" },
	{ MMSIM_FIG_PAGE_PIN, "not measured" },
	{ MMSIM_FIG_LOCK_KIND, "not measured" },
};

/* All series at once, and where the figures go. */
struct derivation {
	const struct calibrate_raw *raw;
	struct calibrate_figure *figure;
	struct stats stats[NR_SERIES];
};

void calibrate_list(FILE *out)
{
	for (unsigned i = 0; i < MMSIM_NR_FIGURES; i++) {
		const struct mmsim_figure_info *info = mmsim_figure_info(i);
		const char *how = "not measured";

		for (size_t k = 0; k < ARRAY_LEN(plain); k++)
			how = plain[k].figure == i ? plain[k].how : how;
		for (size_t k = 0; k < ARRAY_LEN(made); k++)
			how = made[k].figure == i ? made[k].how : how;
		fprintf(out, "%-15s %-6s %s\n", info->name, info->unit, how);
	}
}

void calibrate_add(struct calibrate_raw *raw, unsigned series, double value)
{
	struct calibrate_series_data *s = &raw->series[series];

	if (isfinite(value) && s->nr < CALIBRATE_MAX_ROUNDS)
		s->value[s->nr++] = value;
}

void calibrate_lack(struct calibrate_raw *raw, unsigned series, const char *why)
{
	struct calibrate_series_data *s = &raw->series[series];

	if (!s->why[0])
		bench_copy(s->why, sizeof(s->why), why);
}

uint64_t calibrate_thousandths(unsigned figure, double value)
{
	const struct mmsim_figure_info *info = mmsim_figure_info(figure);
	double scaled = round(value * (double)MMSIM_FIGURE_ONE);

	if (!(scaled > (double)info->min))
		return info->min;
	if (scaled >= (double)info->max)
		return info->max;
	return (uint64_t)scaled;
}

static bool has(const struct derivation *d, unsigned series)
{
	return d->stats[series].n > 0;
}

static double median(const struct derivation *d, unsigned series)
{
	return d->stats[series].median;
}

/* For "%.*f": four digits, or all that are in front of the point. */
static int decimals(double value)
{
	double size = fabs(value);

	return size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
}

#define FOUR_DIGITS(value) decimals(value), (value)

/* "12.34 (12.10..13.90)" behind what is in buf. */
static void append_spread(char *buf, size_t len, const struct stats *s)
{
	bench_append(buf, len, "%.*f (%.*f..%.*f)", FOUR_DIGITS(s->median), FOUR_DIGITS(s->min),
		     FOUR_DIGITS(s->max));
}

__attribute__((format(printf, 4, 5))) static void
set(struct derivation *d, enum mmsim_figure figure, double value, const char *fmt, ...)
{
	struct calibrate_figure *f = &d->figure[figure];
	size_t used;
	va_list ap;

	f->value = calibrate_thousandths(figure, value);
	f->measured = true;
	bench_copy(f->source, sizeof(f->source), "measured: ");
	used = strlen(f->source);
	va_start(ap, fmt);
	vsnprintf(f->source + used, sizeof(f->source) - used, fmt, ap);
	va_end(ap);
}

/* F2 */
static void leave(struct derivation *d, enum mmsim_figure figure, const char *why)
{
	struct calibrate_figure *f = &d->figure[figure];

	f->value = mmsim_figure_info(figure)->value;
	f->measured = false;
	snprintf(f->source, sizeof(f->source), "not measurable here (%s): generic default", why);
}

/* The default, because this series is empty. */
static void leave_for(struct derivation *d, enum mmsim_figure figure, unsigned series)
{
	const char *why = d->raw->series[series].why;

	leave(d, figure, why[0] ? why : "no round gave a value");
}

static void derive_plain(struct derivation *d)
{
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		const struct stats *s = &d->stats[plain[i].series];

		if (s->n)
			set(d, plain[i].figure, s->median, "%s; median of %zu, %.*f..%.*f",
			    plain[i].how, s->n, FOUR_DIGITS(s->min), FOUR_DIGITS(s->max));
		else
			leave_for(d, plain[i].figure, plain[i].series);
	}
}

/*
 * The difference of two series, or what is missing. The text says what, then the two medians with their
 * spread.
 */
static void derive_less(struct derivation *d, enum mmsim_figure figure, unsigned series,
			unsigned less, const char *how)
{
	char spread[128] = "";

	if (!has(d, series) || !has(d, less)) {
		leave_for(d, figure, has(d, series) ? less : series);
		return;
	}
	append_spread(spread, sizeof(spread), &d->stats[series]);
	bench_append(spread, sizeof(spread), " less ");
	append_spread(spread, sizeof(spread), &d->stats[less]);
	set(d, figure, median(d, series) - median(d, less), "%s: %s", how, spread);
}

static void derive_atomic(struct derivation *d)
{
	struct calibrate_figure *f = &d->figure[MMSIM_FIG_ATOMIC];

	derive_less(d, MMSIM_FIG_ATOMIC, SERIES_RMW, SERIES_LINE_OWN, "atomic add less line_own");
	if (f->measured && has(d, SERIES_LOCK_PAIR)) {
		bench_append(f->source, sizeof(f->source), "; a lock and its unlock: ");
		append_spread(f->source, sizeof(f->source), &d->stats[SERIES_LOCK_PAIR]);
	}
}

static double from_thousandths(const struct derivation *d, enum mmsim_figure figure)
{
	return (double)d->figure[figure].value / (double)MMSIM_FIGURE_ONE;
}

static void derive_page_op(struct derivation *d)
{
	double charged = PAIR_ATOMICS * from_thousandths(d, MMSIM_FIG_ATOMIC) / 2 +
			 PAIR_LINES * from_thousandths(d, MMSIM_FIG_LINE_OWN) / 2;
	char spread[64] = "";

	if (!has(d, SERIES_PAGE_PAIR)) {
		leave_for(d, MMSIM_FIG_PAGE_OP, SERIES_PAGE_PAIR);
		return;
	}
	append_spread(spread, sizeof(spread), &d->stats[SERIES_PAGE_PAIR]);
	set(d, MMSIM_FIG_PAGE_OP, median(d, SERIES_PAGE_PAIR) / 2 - charged,
	    "order-0 allocation and free by this library, %s, half of it less what is "
	    "charged besides (%.*f)%s",
	    spread, FOUR_DIGITS(charged),
	    median(d, SERIES_PAGE_PAIR) / 2 < charged ? ", which is below 0 and taken as 0" : "");
}

/* Have several threads together met a limit that one alone has not? */
static bool saturated(const struct derivation *d, unsigned one, unsigned all)
{
	return d->raw->cpus > 1 && has(d, one) && has(d, all) &&
	       median(d, all) < SATURATED * d->raw->cpus * median(d, one);
}

static bool memory_saturated(const struct derivation *d)
{
	return saturated(d, SERIES_STREAM_ONE, SERIES_STREAM_ALL) &&
	       saturated(d, SERIES_ORDINARY_ONE, SERIES_ORDINARY_ALL);
}

static void derive_write_allocate(struct derivation *d)
{
	char why[96];

	if (!has(d, SERIES_STREAM_ALL) || !has(d, SERIES_ORDINARY_ALL)) {
		leave_for(d, MMSIM_FIG_WRITE_ALLOCATE, SERIES_STREAM_ALL);
		return;
	}
	if (memory_saturated(d)) {
		set(d, MMSIM_FIG_WRITE_ALLOCATE,
		    median(d, SERIES_STREAM_ALL) / median(d, SERIES_ORDINARY_ALL),
		    "streaming %.*f GB/s / ordinary %.*f GB/s of %u CPUs",
		    FOUR_DIGITS(median(d, SERIES_STREAM_ALL)),
		    FOUR_DIGITS(median(d, SERIES_ORDINARY_ALL)), d->raw->cpus);
		return;
	}
	snprintf(why, sizeof(why), "%u CPU%s cannot saturate memory", d->raw->cpus,
		 d->raw->cpus == 1 ? "" : "s");
	leave(d, MMSIM_FIG_WRITE_ALLOCATE, why);
}

static void derive_bandwidth(struct derivation *d)
{
	double streaming = median(d, SERIES_STREAM_ALL);
	double allocate = from_thousandths(d, MMSIM_FIG_WRITE_ALLOCATE);
	double ordinary = median(d, SERIES_ORDINARY_ALL);
	char spread[128] = "";

	if (!has(d, SERIES_STREAM_ALL) || !has(d, SERIES_ORDINARY_ALL)) {
		leave_for(d, MMSIM_FIG_DRAM_BW, SERIES_STREAM_ALL);
		return;
	}
	append_spread(spread, sizeof(spread), &d->stats[SERIES_STREAM_ALL]);
	bench_append(spread, sizeof(spread), ", ordinary ");
	append_spread(spread, sizeof(spread), &d->stats[SERIES_ORDINARY_ALL]);
	set(d, MMSIM_FIG_DRAM_BW, fmax(streaming, ordinary * allocate),
	    "the greater of streaming %s times write_allocate, %u CPUs%s", spread, d->raw->cpus,
	    memory_saturated(d) ? "" : "; they may not saturate memory: a lower bound");
}

static void derive_ratio(struct derivation *d, enum mmsim_figure figure, unsigned with,
			 const char *how)
{
	char spread[128] = "";

	if (!has(d, SERIES_SPEED_ONE) || !has(d, with)) {
		leave_for(d, figure, has(d, with) ? SERIES_SPEED_ONE : with);
		return;
	}
	append_spread(spread, sizeof(spread), &d->stats[SERIES_SPEED_ONE]);
	bench_append(spread, sizeof(spread), " / ");
	append_spread(spread, sizeof(spread), &d->stats[with]);
	set(d, figure, median(d, SERIES_SPEED_ONE) / median(d, with), "%s: %s ns per step", how,
	    spread);
}

/* The index of the first idle time after which waking takes as long as after the longest. */
static unsigned first_deep(const struct derivation *d)
{
	unsigned last = CALIBRATE_IDLE_STEPS - 1, i = last;
	double limit = (median(d, SERIES_WAKE) + median(d, SERIES_WAKE + last)) / 2;

	while (i > 0 && median(d, SERIES_WAKE + i - 1) > limit)
		i--;
	return i;
}

static bool has_wakes(const struct derivation *d)
{
	bool all = has(d, SERIES_WAKER);

	for (unsigned i = 0; i < CALIBRATE_IDLE_STEPS; i++)
		all &= has(d, SERIES_WAKE + i);
	return all;
}

static void set_wake(struct derivation *d, enum mmsim_figure figure, unsigned step)
{
	char how[96];

	snprintf(how, sizeof(how), "futex wake to running, less waker, after %" PRIu64 " us idle",
		 d->raw->idle_ns[step] / 1000);
	derive_less(d, figure, SERIES_WAKE + step, SERIES_WAKER, how);
}

/* A CPU that slept longer wakes no faster: what says so is noise. */
static void raise_deep(struct derivation *d)
{
	const struct calibrate_figure *wake = &d->figure[MMSIM_FIG_WAKE];
	struct calibrate_figure *deep = &d->figure[MMSIM_FIG_WAKE_DEEP];

	if (deep->value >= wake->value)
		return;
	deep->value = wake->value;
	bench_append(deep->source, sizeof(deep->source), ", which is below wake: wake is taken");
}

/* Waking charges the waker first: what is left is from then on. */
static void derive_wake(struct derivation *d)
{
	unsigned last = CALIBRATE_IDLE_STEPS - 1, deep;

	if (!has_wakes(d)) {
		leave_for(d, MMSIM_FIG_WAKE, SERIES_WAKE);
		leave_for(d, MMSIM_FIG_WAKE_DEEP, SERIES_WAKE);
		leave_for(d, MMSIM_FIG_DEEP_AFTER, SERIES_WAKE);
		return;
	}
	set_wake(d, MMSIM_FIG_WAKE, 0);
	set_wake(d, MMSIM_FIG_WAKE_DEEP, last);
	raise_deep(d);
	if (median(d, SERIES_WAKE + last) < DEEPER * median(d, SERIES_WAKE)) {
		leave(d, MMSIM_FIG_DEEP_AFTER, "no slower wake-up after any idle time tried");
		return;
	}
	deep = first_deep(d);
	set(d, MMSIM_FIG_DEEP_AFTER, (double)d->raw->idle_ns[deep],
	    "wake-ups %.*f ns after %" PRIu64 " us idle, %.*f ns after %" PRIu64 " us",
	    FOUR_DIGITS(median(d, SERIES_WAKE + deep - 1)), d->raw->idle_ns[deep - 1] / 1000,
	    FOUR_DIGITS(median(d, SERIES_WAKE + deep)), d->raw->idle_ns[deep] / 1000);
}

static void derive_timer(struct derivation *d)
{
	double wake = from_thousandths(d, MMSIM_FIG_WAKE);
	char spread[64] = "";

	if (!has(d, SERIES_TIMER)) {
		leave_for(d, MMSIM_FIG_TIMER, SERIES_TIMER);
		return;
	}
	append_spread(spread, sizeof(spread), &d->stats[SERIES_TIMER]);
	set(d, MMSIM_FIG_TIMER, median(d, SERIES_TIMER) - wake,
	    "clock_nanosleep(), slack included, late by %s, less wake (%.*f)", spread,
	    FOUR_DIGITS(wake));
}

static void derive_unseen(struct derivation *d)
{
	leave(d, MMSIM_FIG_LOADED_KNEE, "no probe for it");
	leave(d, MMSIM_FIG_LOADED_LATENCY, "no probe for it");
	leave(d, MMSIM_FIG_PAGE_FREE, "a lock of the kernel's");
	leave(d, MMSIM_FIG_PAGE_PIN, "it would take a device and its IOMMU");
	leave(d, MMSIM_FIG_LOCK_KIND, "a choice: the kernel queues");
}

void calibrate_derive(const struct calibrate_raw *raw, struct calibrate_figure *figure)
{
	struct derivation d = { .raw = raw, .figure = figure };

	for (unsigned i = 0; i < NR_SERIES; i++)
		d.stats[i] = stats_of(raw->series[i].value, raw->series[i].nr);
	derive_plain(&d);
	derive_unseen(&d);
	derive_atomic(&d);
	derive_page_op(&d);
	derive_write_allocate(&d);
	derive_bandwidth(&d);
	derive_ratio(&d, MMSIM_FIG_SMT_FACTOR, SERIES_SPEED_SMT, "alone / with the sibling busy");
	derive_ratio(&d, MMSIM_FIG_TURBO_ALL, SERIES_SPEED_ALL, "alone / with every core busy");
	derive_wake(&d);
	derive_less(&d, MMSIM_FIG_SWITCH, SERIES_HANDOVER, SERIES_EMPTY_WAKE,
		    "one CPU handed over by futex, one way, less a call that wakes nobody");
	derive_timer(&d);
}
