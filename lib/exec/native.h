/* SPDX-License-Identifier: MIT */
/* The back end of real threads. */
#ifndef MM_EXEC_NATIVE_H
#define MM_EXEC_NATIVE_H

#include "exec.h"

/* Returns 0 or -ENOMEM. */
int mm_exec_native_create(const struct mm_exec_config *cfg, struct mm_exec **out);

#endif
