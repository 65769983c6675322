/* SPDX-License-Identifier: MIT */
/* The timeline of a virtual run as a trace for Perfetto and chrome://tracing. */
#include "timeline.h"

#include "util.h"

#include <stdlib.h>
#include <string.h>

static void put_text(struct timeline *t, const char *key, const char *text)
{
	json_key(&t->json, key);
	json_string(&t->json, text);
}

static void put_uint(struct timeline *t, const char *key, uint64_t value)
{
	json_key(&t->json, key);
	json_uint(&t->json, value);
}

/* Open an event: what all kinds have. */
static void event_begin(struct timeline *t, const char *kind, uint64_t pid, uint64_t tid)
{
	json_begin(&t->json, '{');
	put_text(t, "ph", kind);
	put_uint(t, "pid", pid);
	put_uint(t, "tid", tid);
}

static void event_time(struct timeline *t, uint64_t ns)
{
	json_key(&t->json, "ts");
	json_thousandths(&t->json, ns);
	if (ns > t->last_ns)
		t->last_ns = ns;
}

/* Names of processes and threads are events, too. */
static void put_name(struct timeline *t, const char *what, uint64_t pid, uint64_t tid,
		     const char *name)
{
	event_begin(t, "M", pid, tid);
	put_text(t, "name", what);
	json_key(&t->json, "args");
	json_begin(&t->json, '{');
	put_text(t, "name", name);
	json_end(&t->json, '}');
	json_end(&t->json, '}');
}

static void put_order(struct timeline *t, uint64_t pid, uint64_t tid)
{
	event_begin(t, "M", pid, tid);
	put_text(t, "name", "thread_sort_index");
	json_key(&t->json, "args");
	json_begin(&t->json, '{');
	put_uint(t, "sort_index", tid);
	json_end(&t->json, '}');
	json_end(&t->json, '}');
}

static void put_names(struct timeline *t)
{
	const struct mmsim_config *cfg = t->cfg;
	char name[48];

	for (unsigned i = 0; i < cfg->nr_nodes; i++) {
		snprintf(name, sizeof(name), "node %u", i);
		put_name(t, "process_name", i, 0, name);
	}
	put_name(t, "process_name", cfg->nr_nodes, 0, "counters");
	for (unsigned i = 0; i < cfg->nr_cpus; i++) {
		snprintf(name, sizeof(name), "CPU %u (core %u)", i, cfg->cpu[i].core);
		put_name(t, "thread_name", cfg->cpu[i].node, i, name);
		put_order(t, cfg->cpu[i].node, i);
	}
}

void timeline_begin(struct timeline *t, FILE *out, const struct mmsim_config *cfg)
{
	memset(t, 0, sizeof(*t));
	json_init(&t->json, out);
	t->cfg = cfg;
	json_begin(&t->json, '{');
	put_text(t, "displayTimeUnit", "ns");
	json_key(&t->json, "traceEvents");
	json_begin(&t->json, '[');
	put_names(t);
}

static void slice_begin(struct timeline *t, unsigned cpu, uint64_t ns, const char *name,
			uint64_t value)
{
	event_begin(t, "B", t->cfg->cpu[cpu].node, cpu);
	event_time(t, ns);
	put_text(t, "name", name);
	if (value) {
		json_key(&t->json, "args");
		json_begin(&t->json, '{');
		put_uint(t, "size", value);
		json_end(&t->json, '}');
	}
	json_end(&t->json, '}');
}

static void slice_end(struct timeline *t, unsigned cpu, uint64_t ns)
{
	event_begin(t, "E", t->cfg->cpu[cpu].node, cpu);
	event_time(t, ns);
	json_end(&t->json, '}');
}

static unsigned drawn(const struct timeline_task *task)
{
	return task->depth < TIMELINE_MAX_DEPTH ? task->depth : TIMELINE_MAX_DEPTH;
}

/* T1. Slices that stay open while others run would take their ends. */
static void stop(struct timeline *t, struct timeline_task *task, uint64_t ns)
{
	if (!task->running)
		return;
	for (unsigned i = 0; i <= drawn(task); i++)
		slice_end(t, task->cpu, ns);
	task->running = false;
}

/* T1. Whoever ran there has stopped, told or not. */
static void stop_others(struct timeline *t, const struct timeline_task *task, uint64_t ns)
{
	for (size_t i = 0; i < t->nr; i++)
		if (t->tasks[i].cpu == task->cpu && &t->tasks[i] != task)
			stop(t, &t->tasks[i], ns);
}

/* T1. The task's slice, and in it those that it had open when it stopped. */
static void run(struct timeline *t, struct timeline_task *task, uint64_t ns)
{
	char name[24];

	if (task->running)
		return;
	stop_others(t, task, ns);
	snprintf(name, sizeof(name), "task %u", task->task);
	slice_begin(t, task->cpu, ns, name, 0);
	for (unsigned i = 0; i < drawn(task); i++)
		slice_begin(t, task->cpu, ns, task->open[i].name, task->open[i].value);
	task->running = true;
}

/* Few at a time: those that run, and those that stopped in the middle of something. */
static struct timeline_task *find(struct timeline *t, const struct mmsim_mark *mark)
{
	for (size_t i = 0; i < t->nr; i++)
		if (t->tasks[i].task == mark->task)
			return &t->tasks[i];
	if (t->nr == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->tasks = bench_realloc(t->tasks, t->room, sizeof(*t->tasks));
	}
	t->tasks[t->nr] = (struct timeline_task){ .task = mark->task, .cpu = mark->cpu };
	return &t->tasks[t->nr++];
}

static void forget_if_idle(struct timeline *t, struct timeline_task *task)
{
	if (!task->running && task->depth == 0)
		*task = t->tasks[--t->nr];
}

/* A task that ran before there was a timeline did not tell that it runs. */
static void begin(struct timeline *t, struct timeline_task *task, const struct mmsim_mark *mark)
{
	run(t, task, mark->ns);
	if (task->depth < TIMELINE_MAX_DEPTH) {
		task->open[task->depth].name = mark->name;
		task->open[task->depth].value = mark->value;
		slice_begin(t, task->cpu, mark->ns, mark->name, mark->value);
	}
	task->depth++;
}

static void end(struct timeline *t, struct timeline_task *task, uint64_t ns)
{
	if (task->depth == 0) /* begun before there was a timeline */
		return;
	task->depth--;
	if (task->running && task->depth < TIMELINE_MAX_DEPTH)
		slice_end(t, task->cpu, ns);
}

static struct timeline_counter *find_counter(struct timeline *t, const char *name)
{
	struct timeline_counter *c = t->counters;

	for (; c < &t->counters[t->nr_counters]; c++)
		if (!strcmp(c->name, name))
			return c;
	if (t->nr_counters == TIMELINE_MAX_COUNTERS)
		return NULL;
	*c = (struct timeline_counter){ .name = name, .value = UINT64_MAX };
	t->nr_counters++;
	return c;
}

/* Clocks of CPUs are apart: only what is later than all before can say that nothing changed. */
static bool stays(struct timeline *t, const struct mmsim_mark *mark)
{
	struct timeline_counter *c = find_counter(t, mark->name);

	if (!c || mark->ns < c->ns)
		return false;
	if (c->value == mark->value)
		return true;
	c->ns = mark->ns;
	c->value = mark->value;
	return false;
}

static void counter(struct timeline *t, const struct mmsim_mark *mark)
{
	if (stays(t, mark))
		return;
	event_begin(t, "C", t->cfg->nr_nodes, 0);
	event_time(t, mark->ns);
	put_text(t, "name", mark->name);
	json_key(&t->json, "args");
	json_begin(&t->json, '{');
	put_uint(t, "value", mark->value);
	json_end(&t->json, '}');
	json_end(&t->json, '}');
}

void timeline_mark(void *ctx, const struct mmsim_mark *mark)
{
	struct timeline *t = ctx;
	struct timeline_task *task;

	if (mark->kind == MMSIM_MARK_COUNTER) {
		counter(t, mark);
		return;
	}
	task = find(t, mark);
	if (mark->kind == MMSIM_MARK_RUN)
		run(t, task, mark->ns);
	else if (mark->kind == MMSIM_MARK_STOP)
		stop(t, task, mark->ns);
	else if (mark->kind == MMSIM_MARK_BEGIN)
		begin(t, task, mark);
	else
		end(t, task, mark->ns);
	forget_if_idle(t, task);
}

void timeline_instant(struct timeline *t, uint64_t ns, const char *name)
{
	event_begin(t, "i", 0, 0);
	event_time(t, ns);
	put_text(t, "s", "g");
	put_text(t, "name", name);
	json_end(&t->json, '}');
}

void timeline_end(struct timeline *t)
{
	for (size_t i = 0; i < t->nr; i++)
		stop(t, &t->tasks[i], t->last_ns);
	json_end(&t->json, ']');
	json_end(&t->json, '}');
	free(t->tasks);
	t->tasks = NULL;
	t->nr = t->room = 0;
}
