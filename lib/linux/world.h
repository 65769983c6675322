/* SPDX-License-Identifier: MIT */
/*
 * libmmsim-linux: the kernel's interface, for a module that is linked into a program of its own.
 *
 * No floor: it uses the public interface only, and keeps what the kernel has one of, the machine, in a
 * global. Its headers for the module are include/mmsim/linux; files here see both those and <mmsim/…>.
 *
 * Invariants
 *  X1: the world is filled in before the first task starts, and constant until the last has ended.
 *  X2: whoever runs code of the module is a task of this library, so mm_linux_self() is not NULL.
 *
 * Counterpart: none; of the kernel it has the parts that <linux/module.h> promises.
 */
#ifndef MM_LINUX_WORLD_H
#define MM_LINUX_WORLD_H

#include <linux/rwsem.h>
#include <linux/sched.h>
#include <mmsim/mmsim.h>

struct mm_linux_world {
	struct mmsim *m;
	struct mmsim_vmap *v;
	u64 start, end; /* of the space */
	u64 seed;
	unsigned int nr_cpus;
	bool native;
};

extern struct mm_linux_world mm_linux_world;

/* What kvfree_rcu() has been given, until a grace period is over. */
struct mm_linux_batch {
	struct rw_semaphore sem; /* its task adds, rcu_barrier() of any task takes */
	const void **ptr;
	size_t nr, room;
};

/* A task: that of init, or a kthread. */
struct mm_linux_task {
	struct task_struct task; /* first: what the module sees */
	struct mmsim_task *handle;
	int (*fn)(void *data);
	void *data;
	int ret; /* of fn, once done */
	u32 stop; /* atomic: kthread_stop() was called */
	u32 done; /* atomic, parkable: fn has returned */
	u64 random; /* state of its sequence, its own */
	unsigned int rcu_depth; /* its own: read sides entered and not left */
	int rcu_idx; /* of the outermost */
	struct mm_linux_batch batch;
	struct mm_linux_task *next; /* of all that are not joined, under mm_linux_tasks_sem */
};

extern struct rw_semaphore mm_linux_tasks_sem;
extern struct mm_linux_task *mm_linux_tasks;

/* kthread.c */
static inline struct mm_linux_task *mm_linux_self(void)
{
	return mmsim_task_arg(mm_linux_world.m);
}

struct mm_linux_task *mm_linux_task_start(int (*fn)(void *data), void *data, const char *name);
int mm_linux_task_join(struct mm_linux_task *t);
int mm_linux_tasks_end(void);

/* kvfree.c: frees after a grace period, which it waits for. */
void mm_linux_batch_drain(struct mm_linux_batch *b);

/* initcall.c: the first return value that is not 0; name says whose, NULL: there is none. */
int mm_linux_initcalls(const char **name);
void mm_linux_exitcalls(void);

/* param.c: 0; -ENOENT, -EINVAL after a line that says why. */
int mm_linux_param_set(const char *program, const char *assignment);
void mm_linux_param_list(void);

/* options.c: MM_LINUX_GO; else the program ends, after --help with 0, after a line that says why with 1. */
enum mm_linux_start { MM_LINUX_GO, MM_LINUX_BAD, MM_LINUX_HELP };

enum mm_linux_start mm_linux_options(int argc, char **argv, const char *program,
				     struct mmsim_config *cfg, struct mmsim_vmap_params *params);

#endif
