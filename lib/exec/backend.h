/* SPDX-License-Identifier: MIT */
/*
 * What the common part of exec gives its back ends. Nobody else includes this.
 */
#ifndef MM_EXEC_BACKEND_H
#define MM_EXEC_BACKEND_H

#include "exec.h"

/* Fill the common head of a zeroed back end. Returns 0 or -ENOMEM. */
int mm_exec_init(struct mm_exec *x, const struct mm_exec_config *cfg,
		 const struct mm_exec_ops *ops);

/* Undo mm_exec_init(); frees nothing but what it allocated. */
void mm_exec_fini(struct mm_exec *x);

/*
 * E1. Never inlined: a fiber may go to sleep on one OS thread and wake up on another, and compilers
 * keep the address of a thread-local in a register across a call that does that.
 */
void mm_exec_set_current(struct mm_task *task);

/*
 * Give the task its number, which also selects its random numbers. Back ends do so in attach(), where
 * a thread may wait for its turn: turns decide numbers.
 */
void mm_exec_number(struct mm_exec *x, struct mm_task *task);

/* fn of a spawned task has returned: publish it. E2: on return the task may be gone. */
void mm_exec_finish(struct mm_exec *x, struct mm_task *task);

#endif
