/* SPDX-License-Identifier: MIT */
/* The back end of virtual CPUs in virtual time. */
#ifndef MM_EXEC_VIRTUAL_H
#define MM_EXEC_VIRTUAL_H

#include "exec.h"

/* Returns 0 or -ENOMEM. */
int mm_exec_virtual_create(const struct mm_exec_config *cfg, struct mm_exec **out);

#endif
