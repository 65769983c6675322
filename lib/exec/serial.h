/* SPDX-License-Identifier: MIT */
/* The back end of fibers that take turns. */
#ifndef MM_EXEC_SERIAL_H
#define MM_EXEC_SERIAL_H

#include "exec.h"

/* Returns 0 or -ENOMEM. */
int mm_exec_serial_create(const struct mm_exec_config *cfg, struct mm_exec **out);

#endif
