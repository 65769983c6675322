/* SPDX-License-Identifier: MIT */
/* The back end of an adversary who decides which task runs. */
#ifndef MM_EXEC_EXPLORE_H
#define MM_EXEC_EXPLORE_H

#include "exec.h"
#include <mmsim/explore.h>

/* cfg->explore is set and was checked. Returns 0 or -ENOMEM. */
int mm_exec_explore_create(const struct mm_exec_config *cfg, struct mm_exec **out);

#endif
