/* SPDX-License-Identifier: MIT */
/* Read-write semaphores; and pinning: all of a stretch or none of it, each block brought once. */
#include "scenario.h"

#include "completion.h"
#include "machine.h"
#include "rwsem.h"
#include <errno.h>

enum { CPUS = 3, ROUNDS = 2 };

struct shared {
	struct mmsim *m;
	struct mm_rwsem s;
	unsigned writers; /* tasks that write; the others read */
	bool tries; /* the last one only tries */
	unsigned count; /* by writers */
	unsigned inside; /* atomic: readers */
	unsigned refused; /* atomic */
	struct mm_completion in;
};

static void write_inside(struct shared *s)
{
	unsigned seen = s->count;

	expect(!__atomic_load_n(&s->inside, __ATOMIC_RELAXED), "W2: no reader beside a writer");
	mm_exec_resched(s->m->exec);
	s->count = seen + 1;
}

static void read_inside(struct shared *s)
{
	unsigned seen = s->count;

	__atomic_add_fetch(&s->inside, 1, __ATOMIC_RELAXED);
	mm_exec_resched(s->m->exec);
	expect(s->count == seen, "W2: no writer beside a reader");
	__atomic_sub_fetch(&s->inside, 1, __ATOMIC_RELAXED);
}

static void write_turn(struct shared *s, bool try)
{
	if (!try)
		mm_sync_down_write(&s->s);
	else if (!mm_sync_down_write_trylock(&s->s)) {
		__atomic_add_fetch(&s->refused, 1, __ATOMIC_RELAXED);
		return;
	}
	write_inside(s);
	mm_sync_up_write(&s->s);
}

static void read_turn(struct shared *s, bool try)
{
	if (!try)
		mm_down_read(&s->s);
	else if (!mm_sync_down_read_trylock(&s->s))
		return;
	read_inside(s);
	mm_up_read(&s->s);
}

static void rwsem_task(unsigned i, void *arg)
{
	struct shared *s = arg;
	bool try = s->tries && i == CPUS - 1;

	for (unsigned k = 0; k < ROUNDS; k++)
		if (i < s->writers || (try && k))
			write_turn(s, try);
		else
			read_turn(s, try);
}

static void run_rwsem(struct mmsim *m, unsigned writers, bool tries)
{
	MM_ON_CPU(m);
	struct shared s = { .m = m, .writers = writers, .tries = tries };

	mm_sync_rwsem_init(&s.s, &m->locks, MM_RANK_MMAP);
	expect(!mmsim_run(m, CPUS, rwsem_task, &s), "tasks start");
	expect(s.count + s.refused == writers * ROUNDS + tries * (ROUNDS - 1),
	       "W2: a writer is alone");
	expect(!mm_rwsem_is_locked(&s.s), "W1: nobody is left inside");
	mm_sync_rwsem_fini(&s.s);
}

static void rwsem(struct mmsim *m)
{
	run_rwsem(m, 1, false);
}

static void rwsem_writers(struct mmsim *m)
{
	run_rwsem(m, 2, false);
}

static void rwsem_try(struct mmsim *m)
{
	run_rwsem(m, 1, true);
}

/* Who wrote goes on to read what he wrote: no writer comes between. */
static void downgrade_turn(struct shared *s)
{
	unsigned mine;

	mm_sync_down_write(&s->s);
	write_inside(s);
	mine = s->count;
	mm_sync_downgrade_write(&s->s);
	expect(s->count == mine, "W2: no writer comes between");
	read_inside(s);
	mm_up_read(&s->s);
}

static void downgrade_task(unsigned i, void *arg)
{
	struct shared *s = arg;

	for (unsigned k = 0; k < ROUNDS; k++)
		if (i == 0)
			downgrade_turn(s);
		else if (i == 1)
			write_turn(s, false);
		else
			read_turn(s, false);
}

/* The others are let in although he stays, and he stays until they are. */
static void downgrade_and_wait(unsigned i, void *arg)
{
	struct shared *s = arg;

	if (i) {
		mm_down_read(&s->s);
		mm_complete(&s->in);
	} else {
		mm_sync_down_write(&s->s);
		write_inside(s);
		mm_sync_downgrade_write(&s->s);
		for (unsigned k = 1; k < CPUS; k++)
			mm_sync_wait_for_completion(&s->in, MM_NEVER);
	}
	mm_up_read(&s->s);
}

static void rwsem_downgrade(struct mmsim *m)
{
	MM_ON_CPU(m);
	struct shared s = { .m = m };

	mm_sync_rwsem_init(&s.s, &m->locks, MM_RANK_MMAP);
	mm_completion_init(&s.in, m->exec);
	expect(!mmsim_run(m, CPUS, downgrade_task, &s), "tasks start");
	expect(s.count == 2 * ROUNDS, "W2: a writer is alone");
	expect(!mmsim_run(m, CPUS, downgrade_and_wait, &s), "tasks start");
	expect(!mm_rwsem_is_locked(&s.s), "W1: nobody is left inside");
	mm_sync_rwsem_fini(&s.s);
}

/* A stretch of a few pages over the limit between two blocks, in chunks of two. */
enum { FIRST = 508, NR = 8, GUEST = 520 };

static struct mmsim_vfio *open_guest(struct mmsim *m, uint64_t limit)
{
	const struct mmsim_vfio_params params = { .nr_pages = GUEST,
						  .limit = limit,
						  .min_chunk = 2 };
	struct mmsim_vfio *v = NULL;

	expect(!mmsim_vfio_create(m, &params, &v), "a container is made");
	return v;
}

static void expect_pinned(struct mmsim_vfio *v, uint64_t nr)
{
	struct mmsim_vfio_stats stats;

	mmsim_vfio_stats(v, &stats);
	expect(stats.pinned == nr, "F1: all of it is pinned, or none");
	expect(stats.locked_vm == nr, "F2: what is pinned is accounted");
	expect(stats.present <= 1024, "G1: each block comes once");
	expect(!!stats.runs == !!nr, "I1: pages are in runs");
}

static void close_guest(struct mmsim *m, struct mmsim_vfio *v)
{
	mmsim_vfio_destroy(v);
	scenario_all_is_back(m);
}

static void pin_by(struct mmsim *m, uint32_t flags)
{
	struct mmsim_vfio *v = open_guest(m, NR);

	expect(!mmsim_vfio_pin(v, FIRST, NR, flags, CPUS), "it is pinned");
	expect_pinned(v, NR);
	expect(!mmsim_vfio_unpin(v, FIRST + 1, NR - 1), "it is unpinned");
	expect_pinned(v, 1);
	close_guest(m, v);
}

static void pin(struct mmsim *m)
{
	pin_by(m, 0);
}

static void pin_atomic(struct mmsim *m)
{
	pin_by(m, MMSIM_VFIO_ATOMIC);
}

static void pin_undo(struct mmsim *m)
{
	struct mmsim_vfio *v = open_guest(m, NR - 1);

	/* Page by page, so that a chunk of two fails with one accounted. */
	expect(mmsim_vfio_pin(v, FIRST, NR, MMSIM_VFIO_ATOMIC | MMSIM_VFIO_PER_PAGE, CPUS) ==
		       -ENOMEM,
	       "the limit holds");
	expect_pinned(v, 0);
	expect(!mmsim_vfio_pin(v, FIRST, NR - 1, 0, CPUS), "what fits is pinned");
	expect_pinned(v, NR - 1);
	close_guest(m, v);
}

static void pin_hole(struct mmsim *m)
{
	struct mmsim_vfio *v = open_guest(m, NR);

	expect(!mmsim_vfio_set_hole(v, FIRST + NR - 1, true), "there is a hole");
	expect(mmsim_vfio_pin(v, FIRST, NR, 0, CPUS) == -EFAULT, "a hole cannot be pinned");
	expect_pinned(v, 0);
	close_guest(m, v);
}

/* Two callers, one stretch in part the other's; and a third who unpins it if it is there. */
struct callers {
	struct mmsim_vfio *v;
	unsigned pinned, unpinned; /* atomic: pages */
};

static void caller(unsigned i, void *arg)
{
	struct callers *c = arg;

	if (i == 2) {
		if (!mmsim_vfio_unpin(c->v, FIRST + 3, 2))
			c->unpinned = 2;
	} else if (!mmsim_vfio_pin(c->v, FIRST + 4 * i - i, 4, MMSIM_VFIO_BATCHED, 2)) {
		__atomic_add_fetch(&c->pinned, 4, __ATOMIC_RELAXED);
	}
}

static void pin_callers(struct mmsim *m)
{
	struct callers c = { .v = open_guest(m, NR) };

	expect(!mmsim_run(m, CPUS, caller, &c), "tasks start");
	expect(c.pinned == 4 || (c.pinned == 8 && c.unpinned), "of two that overlap one is pinned");
	expect_pinned(c.v, c.pinned - c.unpinned);
	close_guest(m, c.v);
}

#define RWSEM(n, text, function)                                       \
	{                                                              \
		.name = n, .what = text, .cpus = CPUS, .run = function \
	}
#define PIN(n, text, function)                                                     \
	{                                                                          \
		.name = n, .what = text, .cpus = CPUS, .memory = SCENARIO_GROUPED, \
		.run = function, .invariant = scenario_books                       \
	}

const struct scenario scenarios_pin[] = {
	RWSEM("rwsem", "a writer and two readers", rwsem),
	RWSEM("rwsem-writers", "two writers and a reader", rwsem_writers),
	RWSEM("rwsem-try", "a writer, a reader, and one who only tries", rwsem_try),
	RWSEM("rwsem-downgrade",
	      "a writer who becomes a reader, with others and before readers who wait",
	      rwsem_downgrade),
	PIN("pin", "three threads pin a stretch, accounting under mmap_sem", pin),
	PIN("pin-atomic", "the same, accounting atomically", pin_atomic),
	PIN("pin-undo", "one page over the limit", pin_undo),
	PIN("pin-hole", "a stretch that ends in a hole", pin_hole),
	PIN("pin-callers", "two callers whose stretches overlap, one who unpins", pin_callers),
	{ 0 },
};
