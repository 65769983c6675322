/* SPDX-License-Identifier: MIT */
/* The timeline of an explored run as a Perfetto trace. */
#ifndef EXPLORE_TRACE_H
#define EXPLORE_TRACE_H

#include "explore_run.h"

/* What the run that shared describes left of marks; `end` says how it ended. 0, or -1 with a line. */
int explore_trace_write(const char *path, const struct explore_search *search,
			const struct explore_shared *shared, const char *end, char *msg,
			size_t len);

#endif
