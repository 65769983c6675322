/* SPDX-License-Identifier: MIT */
/*
 * THE SEAM. Nothing above this floor touches a thread, a clock, a thread-local or a random source of
 * the host; everything it wants of them it asks here.
 *
 * An exec is bound to one machine and has one back end, chosen when it is made: native (pthreads and
 * futexes), or fibers on one thread that take turns: only where they wait (serial), by virtual time
 * that charges advance (virtual), or as an adversary wants it (explore).
 *
 * What runs is a task. A task is on one simulated CPU from its start to its end. Tasks made by
 * mm_exec_spawn() run a function to its end; a thread from outside becomes a task for the length of
 * an attachment. Several tasks may share a CPU; natively they then run at the same time, so
 * being on a CPU is no lock.
 *
 * Invariants
 *  E1: mm_task_current() is the running task, or NULL outside all machines.
 *  E2: a task's struct is not touched by the exec once mm_exec_join() has returned.
 *  E3: when an exec is destroyed every spawned task has been joined, each exactly once, every
 *      attached thread has detached, and the destroyer is no task of it.
 *  E4: a task's CPU is below nr_cpus: a mask of allowed CPUs contains one that is.
 *  E5: a thread attaches to several serial execs at once, but not twice to one (natively it may).
 *  E6: a resident task's loads and unloads of its CPU take turns, and it has unloaded it when it ends.
 *  E7: a nice value is MM_NICE_HIGHEST to MM_NICE_LOWEST.
 *
 * Locking: every call may be made from any task. Counterpart: kernel/sched, kernel/kthread.c,
 * kernel/futex; no kernel object looks like this one.
 */
#ifndef MM_EXEC_H
#define MM_EXEC_H

#include "check.h"
#include "compiler.h"
#include "cpumask.h"
#include "fault.h"
#include "list.h"
#include "log.h"
#include "meta.h"
#include "rng.h"
#include <mmsim/trace.h>
#include <stdbool.h>
#include <stdint.h>

struct mm_exec;
struct mm_task;

#define MM_NEVER UINT64_MAX
#define MM_TASK_MAX_HELD 8 /* locks one task holds at once */
#define MM_NICE_LOWEST 19 /* MAX_NICE */
#define MM_NICE_HIGHEST (-20) /* MIN_NICE */

/* For a cost that follows whoever wrote last: beside a lock word, in a node of a tree … */
struct mm_line {
	uint32_t writer; /* of the virtual back end: CPU + 1, 0: nobody yet */
	/* Of one that is also only read: whose reading caches tell apart, and which may leave them. */
	uint32_t
		readers; /* last-level caches, by number modulo 32, that have a copy since it was written */
	uint32_t seen; /* its last use, an mm_cached of cache.h; 0: it was never only read */
};

/* For a word that many CPUs change atomically without a lock: they queue for its line. Starts zeroed. */
struct mm_atomic_line {
	uint32_t writer; /* as above */
	uint64_t free_at; /* ps of virtual time: until then the line is on its way to somebody */
};

/*
 * E1. Only this floor and this header use a thread-local. Nobody takes its address: a task of the
 * serial back end may wake up on another OS thread than it went to sleep on.
 */
extern __thread struct mm_task *mm_exec_current_task __attribute__((tls_model("initial-exec")));

static inline struct mm_task *mm_task_current(void)
{
	return mm_exec_current_task;
}

/*
 * What the code above tells about simulated cost, at primitives. Native and serial: nothing happens.
 * Virtual: the CPU's clock advances by what the profile's figures make of it. Explore: nothing.
 */
enum mm_charge {
	MM_CHARGE_LOCK, /* obj: struct mm_line of a lock just taken; n: 1 if its holder never sleeps */
	MM_CHARGE_UNLOCK, /* obj: struct mm_line of a lock about to be released; n: as when taken */
	MM_CHARGE_RMW, /* obj: in a region, about to be changed atomically */
	MM_CHARGE_ATOMIC, /* obj: struct mm_atomic_line, just changed after a point; n: times, 0: once */
	MM_CHARGE_TOUCH, /* obj: in a region, written, n: bytes; under a lock or the caller's own */
	MM_CHARGE_POST, /* the same, but nobody waits for it: a store into a line not read before */
	MM_CHARGE_LINE, /* obj: struct mm_line, written; under a lock or the caller's own */
	MM_CHARGE_READ, /* obj: struct mm_line, read only; the same */
	MM_CHARGE_STREAM, /* obj: first byte, n: bytes stored past the cache */
	MM_CHARGE_PAGE_INIT, /* obj: first struct page, n: struct pages stored through the cache */
	MM_CHARGE_CLEAR, /* obj: struct page of the first page, n: bytes of pages cleared by a core */
	MM_CHARGE_PAGE_OP, /* n: passes through the page allocator */
	MM_CHARGE_PAGE_FREE, /* obj: struct page, n: cold pages freed under the zone lock */
	MM_CHARGE_ZAP, /* n: page table entries cleared */
	MM_CHARGE_TREE, /* n: levels down a tree */
	MM_CHARGE_LIST_MOVE, /* n: entries moved from list to list */
	MM_CHARGE_PAGE_PIN, /* n: pages pinned for a device */
	MM_CHARGE_WORK, /* n: ns of other straight-line work of one core alone */
	MM_CHARGE_SPAWN, /* n: tasks made; 0: one is started that need not be made */
	MM_CHARGE_IPI, /* n: other CPUs interrupted, and waited for */
	MM_CHARGE_TLB_FLUSH, /* n: local flushes */
	MM_NR_CHARGES
};

/* Places where a schedule explorer may switch tasks. */
enum mm_point {
	MM_POINT_LOCK,
	MM_POINT_UNLOCK,
	MM_POINT_ATOMIC,
	MM_POINT_PREEMPT, /* cond_resched() */
};

/*
 * The table. Slow paths only: what is hot is inline below or in the sync floor.
 * "Switches" means: other tasks may run before it returns, also in the serial back end.
 */
struct mm_exec_ops {
	const char *name;

	/*
	 * Make the calling thread, which is no task of this exec, the task `task` (zeroed by the
	 * caller of mm_exec_attach()) and choose task->cpu. May wait for another thread to detach.
	 */
	void (*attach)(struct mm_exec *x, struct mm_task *task);
	void (*detach)(struct mm_exec *x, struct mm_task *task);

	/*
	 * Start a prepared task (fn, arg, cpu, id, rng set) on its CPU. 0 or -EAGAIN: no thread, stack
	 * or memory to be had; then the task never ran. Passes MMSIM_FAULT_SPAWN exactly once, whether
	 * or not a thread or stack could be reused. Does not switch.
	 */
	int (*spawn)(struct mm_exec *x, struct mm_task *task);

	/*
	 * Wait until unparked, as long as *word == val. 0: woken, or the word was different, or for no
	 * reason at all; -ETIMEDOUT: deadline (ns of now(), MM_NEVER for none) passed; -ECHILD: this is
	 * the child of a fork, where natively nobody is left to wake it. Switches. An acquire on *word.
	 */
	int (*park)(struct mm_exec *x, uint32_t *word, uint32_t val, uint64_t deadline);

	/*
	 * Wake at most n tasks parked on word, longest waiting first where an order is known. Does not
	 * read *word, which may be gone (E2), and does not switch: so that it happens at its time, the
	 * caller has a point before the store that it wakes for.
	 */
	void (*unpark)(struct mm_exec *x, uint32_t *word, unsigned n);

	/*
	 * The spin-th turn of a loop that waits for *word, seen as val, to change. Native: pause,
	 * then yield, then sleep, longer each turn. Others: park on the word, see wakes_relaxed, in
	 * virtual time on a CPU that stays busy.
	 * Returns at once if *word != val, and may return for no reason. No acquire. Switches.
	 */
	void (*relax)(struct mm_exec *x, uint32_t *word, uint32_t val, unsigned spin);

	/* Let others run. Switches. */
	void (*yield)(struct mm_exec *x);

	/*
	 * ns since the exec was made; never goes back on one CPU. Serial: a counter that starts at 0,
	 * goes up by 1 with each call and each yield, and jumps to the earliest deadline when no task
	 * can run. Explore: the number of steps, which jumps alike. Virtual: the CPU's clock, which
	 * only charges, yields and waits advance. In these two a loop on now() alone does not end.
	 * Waiting takes no real time in all three.
	 */
	uint64_t (*now)(struct mm_exec *x);

	/* NULL where there is nothing to do. These two switch. */
	void (*charge)(struct mm_exec *x, enum mm_charge what, const void *obj, uint64_t n);
	void (*point)(struct mm_exec *x, enum mm_point kind, const void *obj);

	/*
	 * The lock whose word this is is about to be released: may store the id of a task that waits
	 * in relax() on it into *word, a release, and let that go on; then true. NULL: nobody is handed
	 * a lock, who waits tries for it.
	 */
	bool (*hand_over)(struct mm_exec *x, uint32_t *word, struct mm_line *line);

	/*
	 * Returns when every running task has passed a full memory barrier since the call. Only where
	 * tasks have a flag `quick`; NULL elsewhere.
	 */
	void (*membarrier)(struct mm_exec *x);

	/*
	 * Memory whose lines charges will name: on which node it is, and how many bytes count as one
	 * line. 0 or -ENOMEM. The memory stays until the exec goes. NULL: nobody wants to know.
	 */
	int (*region)(struct mm_exec *x, const void *base, uint64_t bytes, unsigned line,
		      unsigned node);

	/*
	 * task->nice, which is that already, from now on. Of a task that has not ended, or, natively, not
	 * been joined. Can who was made low be made high again? Otherwise nobody is made low. Does not
	 * switch. NULL: a priority means nothing here.
	 */
	void (*set_nice)(struct mm_exec *x, struct mm_task *task, int nice);

	/* Stop and free everything. E3 holds. */
	void (*destroy)(struct mm_exec *x);
};

struct mm_exec_cpu {
	uint32_t nr_tasks; /* atomic: tasks that count as load, E6; attached ones do not */
	uint32_t core_tasks; /* atomic: the sum over the core, kept in the core's first CPU */
	unsigned first; /* constant after init: the first CPU of the same core */
	struct mmsim_cpu where; /* constant after init */
} mm_cacheline_aligned;

/* Common head of every back end's own struct. */
struct mm_exec {
	const struct mm_exec_ops *ops; /* this line: constant after init */
	unsigned nr_cpus;
	bool wakes_relaxed; /* relax() parks: whoever changes a word so waited for must call unpark */
	uint64_t seed;
	struct mm_meta *meta;
	struct mm_fault *fault;
	struct mm_log *log;
	struct mm_exec_cpu *cpu; /* [nr_cpus] */
	mmsim_mark_fn mark; /* NULL: nobody draws a timeline */
	void *mark_ctx;
	uint64_t nr_events, nr_switches; /* of the back ends on one thread */
	uint32_t next_id mm_cacheline_aligned; /* atomic: number of the newest task */
	uint32_t nr_unjoined; /* atomic: spawned and not joined, E3 */
};

/* An execution context. The memory is its creator's; fields are the exec's. */
struct mm_task {
	struct mm_exec *exec;
	unsigned cpu;
	unsigned id; /* 1, 2, …: order of creation; one whose spawn failed leaves a gap */
	void (*fn)(void *arg);
	void *arg;
	uint32_t done; /* atomic, parkable: 1 once fn has returned */
	int nice; /* atomic: E7; 0 at first, whatever its maker's is */
	bool resident; /* constant after spawn */
	bool loaded; /* E6, its own: counts as load */
	bool rested; /* of the back end: has slept, and not run since; see mm_exec_spawn_warm() */
	struct mm_rng rng; /* split by id */
	uint32_t *
		quick; /* atomic: the thread's flag for biased locks, as long as the exec; or NULL */
	struct mm_task *outer; /* what the thread was before an attachment */
	mm_list link; /* of the back end: run queue, idle list … */
	void *backend; /* of the back end: thread, fiber … */
	unsigned nr_held; /* locks held now: debug builds, fibers; see the sync floor */
	const void *held[MM_TASK_MAX_HELD];
	const char *held_name[MM_TASK_MAX_HELD]; /* for reports */
	const char *waits_for; /* for reports: the lock, or whatever it is; NULL: not said */
};

struct mm_exec_config {
	enum mmsim_mode mode;
	unsigned nr_cpus; /* 1 to MMSIM_MAX_CPUS */
	bool pin; /* native: bind CPU i to the i-th host CPU that this process may use, cyclically */
	uint64_t seed;
	const struct mmsim_cpu *cpu; /* [nr_cpus], read during create; NULL: one node, CPU = core */
	const uint64_t *figure; /* [MMSIM_NR_FIGURES], the same; virtual only */
	struct mmsim_explore *explore; /* outlives the exec; explore only */
	struct mm_meta *meta; /* these three outlive the exec */
	struct mm_fault *fault;
	struct mm_log *log;
};

/* Returns 0, -ENOMEM, or -ENOSYS for a mode that was not built; then *out is unchanged. */
int mm_exec_create(const struct mm_exec_config *cfg, struct mm_exec **out);

/* E3. Cached threads end here. */
void mm_exec_destroy(struct mm_exec *x);

/*
 * Make the calling thread a task of x unless it is one already; *guest is the memory for it. Returns
 * true if it was made one: then mm_exec_detach() must follow on the same thread, attachments ending
 * in the reverse order of their beginning. The serial back end has room for one attached thread at a
 * time (a second one waits for it). Tasks still there when it detaches go on with the next one.
 */
bool mm_exec_attach_slow(struct mm_exec *x, struct mm_task *guest);
void mm_exec_detach(struct mm_exec *x, struct mm_task *guest);

/* Is it a thread from outside? */
static inline bool mm_task_is_attached(const struct mm_task *task)
{
	return !task->fn;
}

static inline bool mm_exec_attach(struct mm_exec *x, struct mm_task *guest)
{
	struct mm_task *cur = mm_task_current();

	if (mm_likely(cur && cur->exec == x))
		return false;
	return mm_exec_attach_slow(x, guest);
}

/*
 * Start fn(arg) as a task on the CPU of `allowed` (NULL: any) that has the fewest tasks; among equals one
 * on the core with the fewest, the caller's own CPU last, the lowest number first. `task` stays the exec's
 * until mm_exec_join(). 0, or -EAGAIN: nothing was started and `task` may be reused. The caller is a task
 * of x.
 */
int mm_exec_spawn(struct mm_exec *x, struct mm_task *task, const struct mm_cpumask *allowed,
		  void (*fn)(void *arg), void *arg);

/*
 * The same for one that takes the place of another which has ended, as a kworker that sleeps between its
 * works: nothing is made, nothing charged, and in virtual time it need not wait for the slice of who has
 * the CPU.
 */
int mm_exec_spawn_warm(struct mm_exec *x, struct mm_task *task, const struct mm_cpumask *allowed,
		       void (*fn)(void *arg), void *arg);

/*
 * The same for a task that waits most of its time, as a kworker does: on exactly this CPU, and counted as
 * load of it only between mm_exec_load(x, true) and mm_exec_load(x, false), which it calls itself (E6).
 * Nothing is charged for making it: it has been there since boot.
 */
int mm_exec_spawn_resident(struct mm_exec *x, struct mm_task *task, unsigned cpu,
			   void (*fn)(void *arg), void *arg);
void mm_exec_load(struct mm_exec *x, bool busy);

/* Is no task on this CPU, so far as they count as load? A hint: it may change at once. */
static inline bool mm_exec_cpu_idle(const struct mm_exec *x, unsigned cpu)
{
	return !__atomic_load_n(&x->cpu[cpu].nr_tasks, __ATOMIC_RELAXED);
}

/* The same of all CPUs of a core. */
static inline bool mm_exec_core_idle(const struct mm_exec *x, unsigned cpu)
{
	return !__atomic_load_n(&x->cpu[x->cpu[cpu].first].core_tasks, __ATOMIC_RELAXED);
}

/*
 * Change the priority of a task of x that has not been joined, from any task of x, also of itself. A task
 * that has ended stays as it is. Native: the thread's, as far as the host permits, see native_nice.c;
 * attached threads, which are the program's, keep theirs. Virtual: see V7 in virtual.c. Elsewhere nothing
 * but task->nice. A schedule point. E7. Counterpart: set_user_nice().
 */
void mm_exec_set_nice(struct mm_exec *x, struct mm_task *task, int nice);

/* Wait until the task has ended; exactly once per successful spawn, from any task of x. E2. */
void mm_exec_join(struct mm_exec *x, struct mm_task *task);

/* Returns when now() has reached t. */
void mm_exec_sleep_until(struct mm_exec *x, uint64_t t);

static inline int mm_exec_park(struct mm_exec *x, uint32_t *word, uint32_t val, uint64_t deadline)
{
	return x->ops->park(x, word, val, deadline);
}

static inline void mm_exec_unpark(struct mm_exec *x, uint32_t *word, unsigned n)
{
	x->ops->unpark(x, word, n);
}

static inline uint64_t mm_exec_now(struct mm_exec *x)
{
	return x->ops->now(x);
}

/* Does anybody take charges? For code that would have to work out what to say. */
static inline bool mm_exec_charges(const struct mm_exec *x)
{
	return x->ops->charge != NULL;
}

static inline void mm_exec_charge(struct mm_exec *x, enum mm_charge what, const void *obj,
				  uint64_t n)
{
	if (mm_unlikely(x->ops->charge != NULL))
		x->ops->charge(x, what, obj, n);
}

static inline void mm_exec_point(struct mm_exec *x, enum mm_point kind, const void *obj)
{
	if (mm_unlikely(x->ops->point != NULL))
		x->ops->point(x, kind, obj);
}

/* A mark on the timeline, if somebody draws one. `name` lives as long as the exec. */
void mm_exec_mark_slow(struct mm_exec *x, enum mmsim_mark_kind kind, const char *name,
		       uint64_t value);

static inline void mm_exec_mark(struct mm_exec *x, enum mmsim_mark_kind kind, const char *name,
				uint64_t value)
{
	if (mm_unlikely(x->mark != NULL))
		mm_exec_mark_slow(x, kind, name, value);
}

/* A place in a long loop where others may have the CPU. Counterpart: cond_resched(). */
static inline void mm_exec_resched(struct mm_exec *x)
{
	mm_exec_point(x, MM_POINT_PREEMPT, NULL);
}

/* The simulated CPU of the caller, who must be a task of x. */
static inline unsigned mm_exec_cpu(const struct mm_exec *x)
{
	struct mm_task *cur = mm_task_current();

	mm_assert(cur && cur->exec == x);
	(void)x;
	return cur->cpu;
}

#endif
