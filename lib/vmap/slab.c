/* SPDX-License-Identifier: MIT */
/* Objects of one size. */
#include "slab.h"

#include <errno.h>

enum {
	SHEAF = 32, /* objects of a full one */
	CHUNK = 16 << 10, /* bytes; its first line is its header */
};

/* What an object is while nobody has it. */
struct object {
	struct object *next; /* of its sheaf */
	struct object *next_sheaf; /* of the first in a sheaf in the depot, as nr */
	unsigned nr;
};

struct sheaf {
	struct object *first;
	unsigned nr;
};

static const struct sheaf empty;

struct mm_slab_cpu {
	struct mm_spinlock lock;
	struct sheaf main, spare; /* under lock */
	uint64_t taken; /* under lock: here, less those given back here; the sum over CPUs counts */
};

static void sheaf_push(struct sheaf *s, struct object *o)
{
	o->next = s->first;
	s->first = o;
	s->nr++;
}

static struct object *sheaf_pop(struct sheaf *s)
{
	struct object *o = s->first;

	s->first = o->next;
	s->nr--;
	/* The next who takes it writes to it at once. */
	__builtin_prefetch(s->first, 1);
	return o;
}

static bool sheaf_has(const struct sheaf *s, const struct object *object)
{
	for (const struct object *o = s->first; o; o = o->next)
		if (o == object)
			return true;
	return false;
}

/* The depot */

static void depot_put(struct mm_slab *slab, struct sheaf s)
{
	if (!s.nr)
		return;
	s.first->nr = s.nr;
	mm_spin_lock(&slab->depot_lock);
	s.first->next_sheaf = slab->depot;
	slab->depot = s.first;
	mm_spin_unlock(&slab->depot_lock);
}

static struct sheaf depot_get(struct mm_slab *slab)
{
	struct sheaf s = empty;

	mm_spin_lock(&slab->depot_lock);
	s.first = slab->depot;
	if (s.first) {
		s.nr = s.first->nr;
		slab->depot = s.first->next_sheaf;
	}
	mm_spin_unlock(&slab->depot_lock);
	return s;
}

static void chunk_add(struct mm_slab *slab, void *chunk)
{
	mm_spin_lock(&slab->depot_lock);
	*(void **)chunk = slab->chunks;
	slab->chunks = chunk;
	slab->nr_chunks++;
	mm_spin_unlock(&slab->depot_lock);
}

/* A new chunk: one sheaf of it is the caller's, the rest goes to the depot. Empty: no memory. */
static struct sheaf chunk_make(struct mm_slab *slab)
{
	char *chunk = mm_base_meta_alloc(slab->exec->meta, CHUNK);
	struct sheaf s = empty;

	if (!chunk)
		return empty;
	chunk_add(slab, chunk);
	for (size_t at = MM_CACHE_LINE; at + slab->size <= CHUNK; at += slab->size) {
		if (s.nr == SHEAF) {
			depot_put(slab, s);
			s = empty;
		}
		sheaf_push(&s, (struct object *)(void *)(chunk + at));
	}
	return s;
}

/* A CPU's list */

static inline struct mm_slab_cpu *this_cpu(const struct mm_slab *slab, const struct mm_task *me)
{
	return mm_per_cpu(&slab->cpus, me->cpu);
}

static inline struct object *cpu_pop(struct mm_slab_cpu *c)
{
	if (mm_unlikely(!c->main.nr)) {
		if (!c->spare.nr)
			return NULL;
		c->main = c->spare;
		c->spare = empty;
	}
	mm_stat_add(&c->taken, 1);
	return sheaf_pop(&c->main);
}

/* Returns a sheaf for which there is no room. */
static inline struct sheaf cpu_push(struct mm_slab_cpu *c, struct object *o)
{
	struct sheaf over = empty;

	mm_assert_expensive(!sheaf_has(&c->main, o) && !sheaf_has(&c->spare, o)); /* B1 */
	if (mm_unlikely(c->main.nr == SHEAF)) {
		over = c->spare;
		c->spare = c->main;
		c->main = empty;
	}
	mm_stat_add(&c->taken, (uint64_t)-1);
	sheaf_push(&c->main, o);
	return over;
}

/* Whoever shares the CPU may have filled it meanwhile: then the sheaf goes back. */
static struct sheaf cpu_fill(struct mm_slab_cpu *c, struct sheaf s)
{
	struct sheaf *to = c->main.nr ? &c->spare : &c->main;

	if (to->nr)
		return s;
	*to = s;
	return empty;
}

static __attribute__((noinline)) void *alloc_slow(struct mm_slab *slab, const struct mm_task *me)
{
	struct mm_slab_cpu *c = this_cpu(slab, me);
	struct sheaf s = depot_get(slab);
	struct object *o;
	bool quick;

	if (!s.nr)
		s = chunk_make(slab);
	if (!s.nr)
		return NULL;
	o = sheaf_pop(&s);
	quick = mm_spin_enter(&c->lock, me);
	mm_stat_add(&c->taken, 1);
	s = cpu_fill(c, s);
	mm_spin_leave(&c->lock, me, quick);
	depot_put(slab, s);
	return o;
}

void *mm_vmap_slab_alloc(struct mm_slab *slab)
{
	const struct mm_task *me = mm_task_current();
	struct mm_slab_cpu *c = this_cpu(slab, me);
	bool quick = mm_spin_enter(&c->lock, me);
	struct object *o = cpu_pop(c);

	mm_spin_leave(&c->lock, me, quick);
	return mm_likely(o != NULL) ? o : alloc_slow(slab, me);
}

void mm_vmap_slab_free(struct mm_slab *slab, void *object)
{
	const struct mm_task *me = mm_task_current();
	struct mm_slab_cpu *c = this_cpu(slab, me);
	bool quick = mm_spin_enter(&c->lock, me);
	struct sheaf over = cpu_push(c, object);

	mm_spin_leave(&c->lock, me, quick);
	if (mm_unlikely(over.nr))
		depot_put(slab, over);
}

uint64_t mm_vmap_slab_live(struct mm_slab *slab)
{
	uint64_t live = 0;

	for (unsigned i = 0; i < slab->cpus.nr; i++) {
		const struct mm_slab_cpu *c = mm_per_cpu(&slab->cpus, i);

		live += __atomic_load_n(&c->taken, __ATOMIC_RELAXED);
	}
	return live;
}

int mm_vmap_slab_init(struct mm_slab *slab, struct mm_exec *x, struct mm_lockset *locks,
		      size_t size)
{
	*slab = (struct mm_slab){ .exec = x, .size = mm_round_up(size, MM_CACHE_LINE) };
	mm_assert(slab->size <= CHUNK - MM_CACHE_LINE);
	if (mm_sync_percpu_alloc(&slab->cpus, x, sizeof(struct mm_slab_cpu)))
		return -ENOMEM;
	for (unsigned i = 0; i < slab->cpus.nr; i++) {
		struct mm_slab_cpu *c = mm_per_cpu(&slab->cpus, i);

		mm_sync_spin_init(&c->lock, locks, MM_RANK_SLAB);
	}
	mm_sync_spin_init(&slab->depot_lock, locks, MM_RANK_SLAB);
	return 0;
}

void mm_vmap_slab_fini(struct mm_slab *slab)
{
	struct mm_exec *x = slab->exec;

	mm_invariant("B1: every object is back", !mm_vmap_slab_live(slab));
	for (unsigned i = 0; i < slab->cpus.nr; i++) {
		struct mm_slab_cpu *c = mm_per_cpu(&slab->cpus, i);

		mm_sync_spin_fini(&c->lock);
	}
	mm_sync_spin_fini(&slab->depot_lock);
	mm_sync_percpu_free(&slab->cpus, x);
	for (void *chunk = slab->chunks, *next; chunk; chunk = next) {
		next = *(void **)chunk;
		mm_base_meta_free(x->meta, chunk, CHUNK);
	}
}
