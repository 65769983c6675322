/* SPDX-License-Identifier: MIT */
/* Between the files of published_*.c: finding tables and their predictions. */
#ifndef BENCH_PUBLISHED_FIND_H
#define BENCH_PUBLISHED_FIND_H

#include "published.h"

/* All tables of one machine, by file name; table is to be freed, also after a failure. */
struct published_tables {
	size_t nr;
	struct published_table *table;
};

/* published_summary(), and all tables of the machine. */
int published_collect(struct published_scores *scores, struct published_tables *tables,
		      const struct report *report, char *msg, size_t len);

#endif
