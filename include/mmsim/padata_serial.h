/* SPDX-License-Identifier: MIT */
/*
 * Ordered jobs: work in parallel, finish in the order of submission.
 *
 * A job goes to mmsim_padata_do_parallel(). Its parallel() runs on some CPU of the parallel cpumask, beside
 * those of other jobs, and hands the job to mmsim_padata_do_serial() when it is done, then or later, from
 * anywhere. Its serial() then runs on the CPU that was asked for, after those of all jobs of its shell that
 * were submitted before it for that CPU. On different CPUs they may run at the same time.
 *
 * An instance has cpumasks and queues; each of its shells is an order of its own. The memory of a job is its
 * owner's: struct mmsim_padata_priv is embedded in it, and no call on a job allocates. From
 * do_parallel() on it is the library's, until serial() is called: that may free it or submit it again.
 *
 * Every job that was submitted must reach do_serial(): until it does, those behind it in its shell wait.
 *
 * Models the serialized jobs of kernel/padata.c: objects, calls and error codes, padata_start() and
 * padata_stop() as up to v5.8. Differences: callbacks may wait; the order holds across a change of
 * cpumasks; a change that runs out of memory changes no shell; setting a cpumask does not start an
 * instance that was stopped; there is a call that waits for all jobs; what would hang is refused. CPUs
 * are online as long as the machine lives.
 */
#ifndef MMSIM_PADATA_SERIAL_H
#define MMSIM_PADATA_SERIAL_H

#include <mmsim/api.h>
#include <mmsim/cpumask.h>
#include <mmsim/page.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

struct mmsim_padata_instance;
struct mmsim_padata_shell;

/** Longest name of an instance, bytes. */
#define MMSIM_PADATA_NAME_MAX 31

/** Which CPUs a cpumask is about. */
enum mmsim_padata_cpumask {
	MMSIM_PADATA_CPU_SERIAL = 1, /* may be a job's callback CPU */
	MMSIM_PADATA_CPU_PARALLEL = 2, /* run parallel() */
};

/**
 * struct mmsim_padata_priv - one job; to be embedded in its owner's.
 * @parallel: called once, on a CPU of the parallel cpumask, or on the submitter's when the instance has
 *            no work item left (one per CPU of the machine). Hands the job to mmsim_padata_do_serial(),
 *            or has that done by somebody else. May wait, but not for another job's parallel().
 * @serial:   called once, on the callback CPU, in the order of submission. May wait; the other jobs of
 *            that CPU, of whatever shell, wait then too. May free the job or submit it again.
 * @info:     the owner's: for an error that parallel() has for serial(). Not touched by the library.
 *
 * The rest is the library's. It need not be initialised.
 */
struct mmsim_padata_priv {
	void (*parallel)(struct mmsim_padata_priv *priv);
	void (*serial)(struct mmsim_padata_priv *priv);
	int info;

	uint32_t state;
	struct mmsim_list_head list;
	void *pd;
	uint64_t seq_nr;
	uint32_t cb_cpu;
	uint32_t pad;
};

/**
 * mmsim_padata_alloc - make an instance, stopped, with all CPUs of the machine in both cpumasks.
 * @name: 1 to MMSIM_PADATA_NAME_MAX bytes, copied; messages carry it.
 *
 * Returns the instance, the caller's until mmsim_padata_free(), which must come before mmsim_destroy();
 * NULL when out of memory, or, with a message, for a bad name. Context: any. Cost: O(CPUs). Since 0.1.
 * Models padata_alloc_possible() of v5.8.
 */
MMSIM_API struct mmsim_padata_instance *mmsim_padata_alloc(struct mmsim *m, const char *name);

/**
 * mmsim_padata_free - unmake an instance.
 * @pinst: NULL is allowed. No other call on it or its shells may be under way, but for callbacks.
 *
 * Waits for callbacks of freed shells that have begun. Returns 0; -EBUSY, with a message, when it has
 * shells, or jobs whose serial() has not begun (of shells freed before: see mmsim_padata_flush());
 * -EDEADLK, with a message, from a callback of its own jobs. When refused, all is as before.
 * Context: any; waits. Cost: O(CPUs). Since 0.1.
 * Models padata_free(), which warns about shells and goes on.
 */
MMSIM_API int mmsim_padata_free(struct mmsim_padata_instance *pinst);

/**
 * mmsim_padata_start - let jobs be submitted.
 *
 * Returns 0, also when it is started; -EINVAL, with a message, when a cpumask has no online CPU, or for a
 * NULL @pinst: then the message is that of the machine whose task the caller is, if any.
 * Context: any; may wait for another change of the instance. Since 0.1. Models padata_start() of v5.8.
 */
MMSIM_API int mmsim_padata_start(struct mmsim_padata_instance *pinst);

/**
 * mmsim_padata_stop - let no more jobs be submitted.
 *
 * Jobs that are on their way go on. After it returns none is accepted. Returns 0; -EINVAL for a NULL
 * @pinst, as mmsim_padata_start(). Context: any; may wait for another change of the instance.
 * Cost: O(shells). Since 0.1. Models padata_stop() of v5.8.
 */
MMSIM_API int mmsim_padata_stop(struct mmsim_padata_instance *pinst);

/**
 * mmsim_padata_alloc_shell - an order of its own.
 *
 * Returns the shell, the caller's until mmsim_padata_free_shell(); NULL when out of memory, or for a NULL
 * @pinst, with a message as mmsim_padata_start(). Context: any; may wait for a change of the instance.
 * Cost: O(CPUs). Since 0.1. Models padata_alloc_shell().
 */
MMSIM_API struct mmsim_padata_shell *mmsim_padata_alloc_shell(struct mmsim_padata_instance *pinst);

/**
 * mmsim_padata_free_shell - no more jobs for this shell.
 * @ps: NULL is allowed. No mmsim_padata_do_parallel() on it may be under way or follow.
 *
 * Does not wait: jobs that are on their way go on in their order, and the last one takes the shell with it.
 * Context: any, also a callback of its own jobs; may wait for a change of the instance. Since 0.1.
 * Models padata_free_shell().
 */
MMSIM_API void mmsim_padata_free_shell(struct mmsim_padata_shell *ps);

/**
 * mmsim_padata_do_parallel - submit a job.
 * @ps:     the shell in whose order it is.
 * @priv:   the job, with parallel and serial set; not on its way already.
 * @cb_cpu: where serial() shall run. Any number: one that is not in the usable serial cpumask is replaced
 *          by the (cb_cpu mod weight)-th CPU of that mask, and written back.
 *
 * The order is that in which calls on the shell take its number; a call that returned came before one that
 * began later. Without a free work item parallel() has run when the call returns.
 *
 * Returns 0; -EBUSY while a cpumask is being replaced: try again; -EINVAL, with a message, when the
 * instance is not started, one of its cpumasks has no online CPU, the job is on its way already, or
 * parallel, serial, @ps, @priv or @cb_cpu is NULL. When refused, job and *cb_cpu are untouched. Context: any,
 * also callbacks; may wait. Allocates nothing. Cost: O(words of a cpumask), a lock of the shell and two of
 * the instance. Since 0.1. Models padata_do_parallel().
 */
MMSIM_API int mmsim_padata_do_parallel(struct mmsim_padata_shell *ps,
				       struct mmsim_padata_priv *priv, unsigned *cb_cpu);

/**
 * mmsim_padata_do_serial - parallel() is done with this job.
 *
 * Once per job that was submitted, from parallel() or later from anywhere. The job may be gone
 * when the call returns. Who calls it may be the one to pass on other jobs of the shell, those that waited
 * for this one; serial() itself is never run here.
 *
 * Returns 0, or -EINVAL when the job's parallel() has not begun or this is not the first call for it; with
 * a message if the caller is a task of a machine. Context: any; does not wait for jobs. Cost: O(later jobs
 * that wait for theirs). Since 0.1. Models padata_do_serial().
 */
MMSIM_API int mmsim_padata_do_serial(struct mmsim_padata_priv *priv);

/**
 * mmsim_padata_flush - wait until the instance has no job on its way, and their callbacks have returned.
 *
 * Jobs submitted meanwhile are waited for too. What the host has no thread for is run by the caller, in
 * order, on a thread that is not the CPU's: who wants all his jobs to end, whatever happens, flushes.
 * Returns 0; -EDEADLK, with a message, from a callback of the instance; -EINVAL for a NULL @pinst,
 * as mmsim_padata_start(). Waits for ever if a job never
 * reaches mmsim_padata_do_serial(). Context: any; waits. Cost: O(CPUs), and looking again every 20 us.
 * Since 0.1. Models nothing: kernel users count their own jobs.
 */
MMSIM_API int mmsim_padata_flush(struct mmsim_padata_instance *pinst);

/**
 * mmsim_padata_set_cpumask - replace a cpumask, while jobs are on their way.
 * @type: which.
 * @mask: copied. CPUs that the machine has not are not usable; without any usable CPU jobs are
 *        refused until a mask has one again.
 *
 * Jobs submitted before go by the old masks, jobs after by the new ones. Returns 0; -EINVAL, with a
 * message, for an unknown type or a NULL mask; -ENOMEM: nothing has changed. Context: any, also
 * callbacks; may wait for another change of the instance. Cost: O(shells * CPUs). Since 0.1.
 * Models padata_set_cpumask().
 */
MMSIM_API int mmsim_padata_set_cpumask(struct mmsim_padata_instance *pinst,
				       enum mmsim_padata_cpumask type,
				       const struct mmsim_cpumask *mask);

/**
 * mmsim_padata_print_cpumask - a cpumask as text, as set by the user or as far as it is usable.
 * @type: which; an unknown one prints nothing.
 *
 * Hex, 32 bits a group, commas between them, a newline: "ff\n", "3,ffffffff\n"; as wide as the machine has
 * CPUs, or as the highest bit wants. Writes to @buf as snprintf() does: at most @len bytes with the final
 * NUL, none if @len is 0; returns the length of the whole text. Context: any; may wait for a change of the
 * instance. Since 0.1. Models parallel_cpumask and serial_cpumask in sysfs, which show the user's.
 */
MMSIM_API size_t mmsim_padata_print_cpumask(struct mmsim_padata_instance *pinst,
					    enum mmsim_padata_cpumask type, bool usable, char *buf,
					    size_t len);

MMSIM_END_DECLS

#endif
