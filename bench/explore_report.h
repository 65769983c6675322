/* SPDX-License-Identifier: MIT */
/* What `explore` prints. The same arguments give the same bytes: no time, no address. */
#ifndef EXPLORE_REPORT_H
#define EXPLORE_REPORT_H

#include "explore_file.h"
#include "explore_run.h"

/* What was found, in the end. */
struct explore_finding {
	const struct explore_options *options;
	const struct explore_search *search;
	const struct explore_outcome *out; /* of the schedule that is kept */
	const char *build;
	const char *path; /* of the schedule's file; NULL: there is none */
	uint64_t first_seed; /* a search: what it began with */
	enum mmsim_policy policy;
	uint32_t depth;
	uint64_t run;
	size_t preemptions_found; /* before minimising */
	size_t choices_found;
	size_t preemptions;
	bool minimized;
};

void explore_report_failure(const struct explore_finding *f);

/* Nothing was found. */
void explore_report_passed(const struct explore_search *search,
			   const struct explore_shared *shared);

void explore_report_list(void);

#endif
