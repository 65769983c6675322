/* SPDX-License-Identifier: MIT */
/* Where a broken invariant ends. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

void mm_base_broken(const char *name, const char *cond, const char *file, int line)
{
	fprintf(stderr, "mmsim: broken: %s\n  %s\n  at %s:%d\n", name, cond, file, line);
	abort();
}
