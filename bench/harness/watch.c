/* SPDX-License-Identifier: MIT */
/* What is looked at while a virtual machine is measured: its locks, and its timeline. */
#include "watch.h"

#include "bench.h"
#include "grid.h"
#include "report.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_books(struct mmsim *m, struct watch_books *books)
{
	books->nr = 0;
	while (books->nr < WATCH_MAX_LOCKS &&
	       !mmsim_lock_info(m, books->nr, &books->lock[books->nr]))
		books->nr++;
	if (books->nr == WATCH_MAX_LOCKS) {
		fprintf(stderr, "watch: more kinds of locks than WATCH_MAX_LOCKS\n");
		abort();
	}
}

/* By name: a kind that no lock was of before has no fixed place. */
static const struct mmsim_lock_info *find_kind(const struct watch_books *books, const char *name)
{
	for (unsigned i = 0; i < books->nr; i++)
		if (!strcmp(books->lock[i].name, name))
			return &books->lock[i];
	return NULL;
}

void watch_difference(const struct watch_books *before, struct watch_books *after)
{
	for (unsigned i = 0; i < after->nr; i++) {
		struct mmsim_lock_info *lock = &after->lock[i];
		const struct mmsim_lock_info *old = find_kind(before, lock->name);

		if (!old)
			continue;
		lock->acquired -= old->acquired;
		lock->contended -= old->contended;
		lock->wait_ns -= old->wait_ns;
		lock->hold_ns -= old->hold_ns;
	}
}

static void trace_start(struct bench_session *session)
{
	struct watch *w = &session->watch;

	w->trace = fopen(session->opt->trace, "we");
	if (!w->trace) {
		bench_fail(session, BENCH_FAILED, "--trace: '%s': %s", session->opt->trace,
			   strerror(errno));
		w->trace_failed = true;
		return;
	}
	timeline_begin(&w->timeline, w->trace, &session->machine.cfg);
	mmsim_timeline_set(w->m, timeline_mark, &w->timeline);
}

/* Of all the cells that were run, whose timeline is it? */
static void trace_note(struct bench_session *session, unsigned case_index, unsigned threads)
{
	bench_note(session, "timeline in %s: %s, %u thread%s", session->opt->trace,
		   session->bench->cases[case_index].name, threads, threads == 1 ? "" : "s");
}

static void trace_stop(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct watch *w = &session->watch;
	int failed;

	mmsim_timeline_set(w->m, NULL, NULL);
	timeline_end(&w->timeline);
	failed = ferror(w->trace);
	if (fclose(w->trace) || failed) {
		bench_fail(session, BENCH_FAILED, "--trace: '%s': cannot be written",
			   session->opt->trace);
		w->trace_failed = true;
	} else {
		trace_note(session, case_index, threads);
	}
	w->trace = NULL;
}

void watch_start(struct bench_session *session, struct mmsim *m)
{
	struct watch *w = &session->watch;

	if (!session->opt->locks && !session->opt->trace)
		return;
	w->m = m;
	w->has_after = false;
	if (session->opt->trace && session_in_last_cell(session))
		trace_start(session);
	read_books(m, &w->before);
}

static void note_instant(struct watch *w, const char *name)
{
	if (w->trace)
		timeline_instant(&w->timeline, mmsim_now(w->m), name);
}

void watch_measured_begin(struct bench_session *session)
{
	struct watch *w = &session->watch;

	if (!w->m)
		return;
	read_books(w->m, &w->before);
	note_instant(w, "measured from here");
}

void watch_measured_end(struct bench_session *session)
{
	struct watch *w = &session->watch;

	if (!w->m)
		return;
	read_books(w->m, &w->after);
	w->has_after = true;
	note_instant(w, "measured to here");
}

static void keep(struct watch *w, const struct watch_lock *lock)
{
	if (w->nr == w->room) {
		w->room = w->room ? 2 * w->room : 64;
		w->locks = bench_realloc(w->locks, w->room, sizeof(*w->locks));
	}
	w->locks[w->nr++] = *lock;
}

/* What differs between repetitions of a virtual cell is next to nothing: one stands for all. */
static void keep_locks(struct bench_session *session, unsigned case_index, unsigned threads,
		       double cpu_ns)
{
	struct watch *w = &session->watch;

	if (session->warming_up || session->rep > 0)
		return;
	watch_difference(&w->before, &w->after);
	for (unsigned i = 0; i < w->after.nr; i++) {
		struct watch_lock lock = {
			.case_index = case_index,
			.threads = threads,
			.info = w->after.lock[i],
			.share = cpu_ns > 0 ? (double)w->after.lock[i].wait_ns / cpu_ns : 0,
		};

		if (lock.info.acquired)
			keep(w, &lock);
	}
}

void watch_stop(struct bench_session *session, unsigned case_index, unsigned threads, double cpu_ns)
{
	struct watch *w = &session->watch;

	if (!w->m)
		return;
	if (!w->has_after)
		read_books(w->m, &w->after);
	if (w->trace)
		trace_stop(session, case_index, threads);
	keep_locks(session, case_index, threads, cpu_ns);
	w->m = NULL;
}

/* A cell that failed leaves its trace open; the machine may be gone. */
void watch_close(struct watch *watch)
{
	if (watch->trace) {
		timeline_end(&watch->timeline);
		fclose(watch->trace);
	}
	free(watch->locks);
	memset(watch, 0, sizeof(*watch));
}

static void add_row(struct grid *grid, const struct bench *bench, const struct watch_lock *lock)
{
	grid_add(grid, "%s", bench->cases[lock->case_index].name);
	grid_add(grid, "%s", lock->info.name);
	grid_add(grid, "%u", lock->threads);
	grid_add(grid, "%" PRIu64, lock->info.acquired);
	grid_add(grid, "%" PRIu64, lock->info.contended);
	grid_add_figure(grid, (double)lock->info.wait_ns, "ns");
	grid_add_figure(grid, (double)lock->info.hold_ns, "ns");
	grid_add(grid, "%.2f %%", 100 * lock->share);
}

/* As the other tables: by case, then by threads. */
static int by_case_and_threads(const void *a, const void *b)
{
	const struct watch_lock *x = *(const struct watch_lock *const *)a;
	const struct watch_lock *y = *(const struct watch_lock *const *)b;

	if (x->case_index != y->case_index)
		return x->case_index < y->case_index ? -1 : 1;
	if (x->threads != y->threads)
		return x->threads < y->threads ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void add_rows(struct grid *grid, const struct bench *bench, const struct watch *w)
{
	const struct watch_lock **order = bench_calloc(w->nr, sizeof(*order));

	for (size_t i = 0; i < w->nr; i++)
		order[i] = &w->locks[i];
	qsort(order, w->nr, sizeof(*order), by_case_and_threads);
	for (size_t i = 0; i < w->nr; i++)
		add_row(grid, bench, order[i]);
	free(order);
}

void watch_print(const struct report *report, bool markdown, FILE *out)
{
	const struct bench_session *session = report->session;
	static const char *const heading[] = { "case",      "lock", "threads", "acquired",
					       "contended", "wait", "hold",    "wait share" };
	struct grid grid;

	if (session->watch.nr == 0)
		return;
	grid_init(&grid, ARRAY_LEN(heading), 2);
	for (size_t i = 0; i < ARRAY_LEN(heading); i++)
		grid_add(&grid, "%s", heading[i]);
	add_rows(&grid, session->bench, &session->watch);
	fprintf(out, "\n%slocks while measuring\n\n", markdown ? "### " : "");
	if (markdown)
		grid_print_markdown(&grid, out);
	else
		grid_print_text(&grid, out);
	fprintf(out, "\n%swait share: of the time of all CPUs that worked\n",
		markdown ? "- " : "  ");
	grid_free(&grid);
}
