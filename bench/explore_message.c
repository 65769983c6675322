/* SPDX-License-Identifier: MIT */
/* What the end of a child says. Sanitizers print addresses and process ids: names leave them out. */
#include "explore_run.h"

#include "harness/util.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* How a line that names a failure is known, and where the name ends, besides the line's end. */
static const struct {
	const char *mark;
	bool keep_mark;
	const char *stop;
} kinds[] = {
	{ "mmsim: broken: ", false, NULL },
	{ "ThreadSanitizer: ", true, " (pid" },
	{ "AddressSanitizer: ", true, " on " },
	{ "runtime error: ", true, " 0x" },
};

static bool find_name(const char *said, unsigned kind, char *name, size_t len)
{
	const char *at = strstr(said, kinds[kind].mark), *stop;
	size_t n;

	if (!at)
		return false;
	if (!kinds[kind].keep_mark)
		at += strlen(kinds[kind].mark);
	n = strcspn(at, "\n");
	stop = kinds[kind].stop ? strstr(at, kinds[kind].stop) : NULL;
	if (stop && (size_t)(stop - at) < n)
		n = (size_t)(stop - at);
	snprintf(name, len, "%.*s", (int)n, at);
	return true;
}

/* All assertions have the same name: the condition, on the next line, tells them apart. */
static void add_condition(const char *said, char *name, size_t len)
{
	const char *at = strstr(said, "broken: assertion\n  ");

	if (at && !strcmp(name, "assertion")) {
		at = strchr(at, '\n') + 3;
		bench_append(name, len, " %.*s", (int)strcspn(at, "\n"), at);
	}
}

void explore_name_failure(const char *said, int status, char *name, size_t len)
{
	for (unsigned kind = 0; kind < ARRAY_LEN(kinds); kind++)
		if (find_name(said, kind, name, len)) {
			add_condition(said, name, len);
			return;
		}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		bench_copy(name, len, "no step for a minute");
	else if (WIFSIGNALED(status))
		snprintf(name, len, "signal %s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(name, len, "exit code %d", WEXITSTATUS(status));
}
