/* SPDX-License-Identifier: MIT */
/* What is running and how long it will still take. */
#include "progress.h"

#include "util.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

void progress_start(struct progress *p, enum progress_mode mode, uint64_t total)
{
	memset(p, 0, sizeof(*p));
	p->terminal = isatty(STDERR_FILENO) == 1;
	p->on = mode == PROGRESS_ALWAYS || (mode == PROGRESS_AUTO && p->terminal);
	p->total = total;
	p->start_ns = bench_now();
}

/* Cells differ in length, but repetitions are alike: the mean gets better with each. */
static void format_eta(const struct progress *p, char *buf, size_t len)
{
	double seconds = (double)(bench_now() - p->start_ns) / 1e9;

	if (p->done == 0)
		bench_copy(buf, len, "?");
	else
		snprintf(buf, len, "%.0f s",
			 seconds / (double)p->done * (double)(p->total - p->done));
}

void progress_cell(struct progress *p, const char *bench, const char *case_name, unsigned threads)
{
	char eta[24];

	if (!p->on)
		return;
	format_eta(p, eta, sizeof(eta));
	fprintf(stderr, "%s[%" PRIu64 "/%" PRIu64 "] %s %s, %u thread%s, ETA %s%s",
		p->terminal ? "\r\033[K" : "", p->done + 1, p->total, bench, case_name, threads,
		threads == 1 ? "" : "s", eta, p->terminal ? "" : "\n");
	fflush(stderr);
}

void progress_done(struct progress *p)
{
	p->done++;
}

void progress_end(struct progress *p)
{
	if (p->on && p->terminal)
		fputs("\r\033[K", stderr);
}
