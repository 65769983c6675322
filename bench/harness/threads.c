/* SPDX-License-Identifier: MIT */
/* Lists of thread counts. */
#include "threads.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More threads than this in one entry is a typing error. */
#define THREADS_HIGHEST 65536

struct parser {
	const char *at;
	unsigned cpus;
	struct thread_list *list;
	char *msg;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->msg, p->len, fmt, ap);
	va_end(ap);
	return -1;
}

/* Put a count where it belongs, unless it is there. */
static int insert(struct parser *p, unsigned count)
{
	struct thread_list *list = p->list;
	unsigned i = list->nr;

	while (i > 0 && list->count[i - 1] > count)
		i--;
	if (i > 0 && list->count[i - 1] == count)
		return 0;
	if (list->nr == THREADS_MAX)
		return fail(p, "more than %d thread counts", THREADS_MAX);
	memmove(&list->count[i + 1], &list->count[i], (list->nr - i) * sizeof(list->count[0]));
	list->count[i] = count;
	list->nr++;
	return 0;
}

static int parse_number(struct parser *p, unsigned *out)
{
	char *end;
	unsigned long value;

	if (!isdigit((unsigned char)*p->at))
		return fail(p, "a thread count is missing at '%s'", p->at);
	value = strtoul(p->at, &end, 10);
	if (value == 0 || value > THREADS_HIGHEST)
		return fail(p, "%.*s is not between 1 and %d", (int)(end - p->at), p->at,
			    THREADS_HIGHEST);
	p->at = end;
	*out = (unsigned)value;
	return 0;
}

/* A count, or a percentage of the CPUs turned into one. */
static int parse_point(struct parser *p, unsigned *out)
{
	if (parse_number(p, out))
		return -1;
	if (*p->at != '%')
		return 0;
	p->at++;
	if (*out > 100)
		return fail(p, "%u%% is more than all CPUs", *out);
	*out = (*out * p->cpus + 50) / 100;
	if (*out == 0)
		*out = 1;
	return 0;
}

/* ":x2" or ":+2"; without one, +1. */
static int parse_step(struct parser *p, unsigned *add, unsigned *multiply)
{
	char how;

	*add = 1;
	*multiply = 1;
	if (*p->at != ':')
		return 0;
	how = p->at[1];
	if (how != 'x' && how != '+')
		return fail(p, "a step is ':x2' or ':+2', not '%s'", p->at);
	p->at += 2;
	if (parse_number(p, how == 'x' ? multiply : add))
		return -1;
	if (how == 'x')
		*add = 0;
	if (how == 'x' && *multiply == 1)
		return fail(p, "a range never ends in steps of x1");
	return 0;
}

static int parse_range(struct parser *p, unsigned from)
{
	unsigned to, add, multiply;

	p->at += 2;
	if (parse_point(p, &to) || parse_step(p, &add, &multiply))
		return -1;
	if (from > to)
		return fail(p, "%u..%u runs backwards", from, to);
	for (unsigned n = from; n < to; n = n * multiply + add)
		if (insert(p, n))
			return -1;
	return insert(p, to);
}

static int parse_entry(struct parser *p)
{
	unsigned from;

	if (parse_point(p, &from))
		return -1;
	if (strncmp(p->at, "..", 2) == 0)
		return parse_range(p, from);
	return insert(p, from);
}

int threads_parse(const char *text, unsigned cpus, struct thread_list *list, char *msg, size_t len)
{
	struct parser p = { .at = text, .cpus = cpus, .list = list, .msg = msg, .len = len };

	list->nr = 0;
	for (;;) {
		if (parse_entry(&p))
			return -1;
		if (*p.at == '\0')
			return 0;
		if (*p.at != ',')
			return fail(&p, "expected ',' at '%s'", p.at);
		p.at++;
	}
}
