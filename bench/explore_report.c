/* SPDX-License-Identifier: MIT */
/* What `explore` prints. */
#include "explore_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The lines of what the child said that begin with `mark`. */
static void print_lines(const char *said, const char *mark, const char *label)
{
	while (*said) {
		int n = (int)strcspn(said, "\n");

		if (!strncmp(said, mark, strlen(mark)))
			printf("  %-12s %.*s\n", label, n, said);
		said += n + (said[n] == '\n');
	}
}

/*
 * "  condition" and "  at file:line", which follow the name of a broken invariant of the library. A
 * scenario's are all at the same place.
 */
static void print_where(const char *said)
{
	const char *at = strstr(said, "mmsim: broken: ");

	if (strstr(said, "\n  holds after every step\n"))
		return;
	for (unsigned i = 0; at && i < 2; i++) {
		at = strchr(at, '\n');
		if (at && !strncmp(++at, "  ", 2))
			printf("  %-12s %.*s\n", "", (int)strcspn(at + 2, "\n"), at + 2);
	}
}

static void print_replay(const struct explore_finding *f)
{
	if (!f->path)
		return;
	printf("  %-12s %s --test %s --replay %s", "replay", f->options->program,
	       f->search->scenario->name, f->path);
	if (f->options->max_steps)
		printf(" --max-steps %" PRIu64, f->options->max_steps);
	puts(f->options->twice ? " --twice" : "");
}

void explore_report_failure(const struct explore_finding *f)
{
	const struct explore_outcome *out = f->out;
	char policy[EXPLORE_POLICY_LEN];

	explore_policy_print(f->policy, f->depth, policy, sizeof(policy));
	printf("FAILED %s: %s\n", f->search->scenario->name, out->name);
	print_where(out->said);
	print_lines(out->said, "deadlock:", "");
	printf("  %-12s %s\n", "policy", policy);
	printf("  %-12s %" PRIu64 "\n", "seed", out->seed);
	if (f->run)
		printf("  %-12s %" PRIu64 "\n", "run", f->run);
	printf("  %-12s %s\n", "build", f->build);
	printf("  %-12s %016" PRIx64 "\n", "machine", explore_machine_hash(f->search->scenario));
	printf("  %-12s %" PRIu64 "\n", "steps", out->steps);
	printf("  %-12s %016" PRIx64 "\n", "hash", out->hash);
	if (f->minimized)
		printf("  %-12s %zu, minimized %zu\n", "preemptions", f->preemptions_found,
		       f->preemptions);
	else
		printf("  %-12s %zu\n", "preemptions", f->preemptions);
	if (f->minimized)
		printf("  %-12s %zu, minimized %zu\n", "choices", f->choices_found,
		       out->nr_choices);
	else
		printf("  %-12s %zu%s\n", "choices", out->nr_choices,
		       out->cut ? ", too many to be kept" : "");
	print_replay(f);
}

void explore_report_passed(const struct explore_search *search, const struct explore_shared *shared)
{
	char policy[EXPLORE_POLICY_LEN];

	explore_policy_print(search->policy, search->depth, policy, sizeof(policy));
	printf("passed %s: %s, %" PRIu64 " runs, %" PRIu64 " steps%s\n", search->scenario->name,
	       policy, shared->runs, shared->total_steps,
	       shared->exhausted ? ", every schedule within the bound" : "");
	fflush(stdout);
}

void explore_report_list(void)
{
	const struct scenario *s;

	for (unsigned i = 0; (s = scenario_at(i)); i++)
		printf("%-18s %s%s\n", s->name, s->what, s->hidden ? " (not part of all)" : "");
}
