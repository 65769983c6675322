/* SPDX-License-Identifier: MIT */
/*
 * The workloads of the allocator benchmark.
 *
 * Every workload is written once, over two functions take and give, and inlined once per
 * implementation with both constant: neither pays for an indirect call that the other does not.
 */
#include "buddy_work.h"

#include "harness/util.h"

#include <dlfcn.h>
#include <jemalloc/jemalloc.h>
#include <stdbool.h>
#include <stdlib.h>

/* As a page fault of a process would ask: no other mobility type's blocks are stolen. */
#define BUDDY_GFP MMSIM_GFP_HIGHUSER_MOVABLE

/* Pairs before the first that counts: the list to take from is filled, the code is cached. */
#define WARM_PAIRS 256

#define TEMPLATE static inline __attribute__((always_inline))

typedef void *(*take_fn)(const struct buddy_job *job);
typedef int (*give_fn)(const struct buddy_job *job, void *block);

/* One thread's view. */
struct worker {
	const struct buddy_job *job;
	struct buddy_thread *self;
	void **blocks;
	uint64_t random;
};

TEMPLATE void *take_mmsim(const struct buddy_job *job)
{
	return mmsim_alloc_pages(job->m, BUDDY_GFP, job->order);
}

TEMPLATE int give_mmsim(const struct buddy_job *job, void *block)
{
	return mmsim_free_pages(job->m, block, job->order);
}

TEMPLATE void *take_jemalloc(const struct buddy_job *job)
{
	void *p = malloc((size_t)MMSIM_PAGE_SIZE << job->order);

	bench_keep(p); /* a compiler may delete a malloc() nobody looks at */
	return p;
}

TEMPLATE int give_jemalloc(const struct buddy_job *job, void *block)
{
	(void)job;
	free(block);
	return 0;
}

/* Of libmimalloc; called through these as the other two are called through the linker's table. */
static void *(*mimalloc_take)(size_t bytes);
static void (*mimalloc_give)(void *block);

TEMPLATE void *take_mimalloc(const struct buddy_job *job)
{
	void *p = mimalloc_take((size_t)MMSIM_PAGE_SIZE << job->order);

	bench_keep(p);
	return p;
}

TEMPLATE int give_mimalloc(const struct buddy_job *job, void *block)
{
	(void)job;
	mimalloc_give(block);
	return 0;
}

/* xorshift64*: cheap enough, at a ns or two, to be inside a measured loop. */
static inline uint64_t next_random(struct worker *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * UINT64_C(0x2545f4914f6cdd1d);
}

/* Below n, n < 2^32. */
static inline size_t random_below(struct worker *w, size_t n)
{
	return (size_t)(((next_random(w) >> 32) * n) >> 32);
}

static void shuffle(struct worker *w)
{
	for (size_t i = w->self->held; i > 1; i--) {
		size_t k = random_below(w, i);
		void *block = w->blocks[k];

		w->blocks[k] = w->blocks[i - 1];
		w->blocks[i - 1] = block;
	}
}

/* Take until enough or until there is nothing left. */
TEMPLATE void fill(struct worker *w, take_fn take)
{
	size_t i;

	for (i = 0; i < w->job->blocks_per_thread; i++) {
		w->blocks[i] = take(w->job);
		if (!w->blocks[i])
			break;
	}
	w->self->held = i;
	w->self->ops = i;
}

TEMPLATE void empty_lifo(struct worker *w, give_fn give)
{
	for (size_t i = w->self->held; i-- > 0;)
		w->self->bad |= give(w->job, w->blocks[i]);
	w->self->ops = w->self->held;
	w->self->held = 0;
}

TEMPLATE void empty_fifo(struct worker *w, give_fn give)
{
	for (size_t i = 0; i < w->self->held; i++)
		w->self->bad |= give(w->job, w->blocks[i]);
	w->self->ops = w->self->held;
	w->self->held = 0;
}

TEMPLATE void repeat(struct worker *w, size_t pairs, take_fn take, give_fn give)
{
	size_t i;

	for (i = 0; i < pairs; i++) {
		void *block = take(w->job);

		if (!block)
			break;
		w->self->bad |= give(w->job, block);
	}
	w->self->ops = i;
}

/* Should there be nothing to take, the hole is closed and the rest goes on with fewer. */
TEMPLATE void churn(struct worker *w, take_fn take, give_fn give)
{
	size_t i;

	for (i = 0; i < w->job->pairs && w->self->held > 0; i++) {
		size_t k = random_below(w, w->self->held);

		w->self->bad |= give(w->job, w->blocks[k]);
		w->blocks[k] = take(w->job);
		if (!w->blocks[k])
			w->blocks[k] = w->blocks[--w->self->held];
	}
	w->self->ops = i;
}

TEMPLATE void prepare(struct worker *w, enum buddy_work work, take_fn take, give_fn give)
{
	if (work == WORK_REPEAT)
		repeat(w, WARM_PAIRS, take, give);
	else if (work != WORK_BULK)
		fill(w, take);
	if (work == WORK_RANDOM)
		shuffle(w);
}

TEMPLATE void measured(struct worker *w, enum buddy_work work, take_fn take, give_fn give)
{
	switch (work) {
	case WORK_REPEAT:
		repeat(w, w->job->pairs, take, give);
		break;
	case WORK_BULK:
		fill(w, take);
		break;
	case WORK_LIFO:
		empty_lifo(w, give);
		break;
	case WORK_FIFO:
	case WORK_RANDOM: /* shuffled before */
		empty_fifo(w, give);
		break;
	case WORK_CHURN:
		churn(w, take, give);
		break;
	case NR_WORKS:
		break;
	}
}

static uint64_t now(const struct buddy_job *job)
{
	return job->virtual_time ? mmsim_now(job->m) : bench_now();
}

TEMPLATE void run_worker(struct worker *w, struct buddy_job *job, take_fn take, give_fn give)
{
	uint64_t start;
	size_t ops;

	prepare(w, job->work, take, give);
	gate_wait(&job->gate);
	start = now(job);
	measured(w, job->work, take, give);
	w->self->ns = now(job) - start;
	gate_wait(&job->end_gate); /* nobody cleans up while another is still measured */
	ops = w->self->ops;
	empty_fifo(w, give);
	w->self->ops = ops;
}

/* Seeds of neighbours must not be neighbours; 0 would stay 0 for ever. */
static uint64_t thread_seed(uint64_t seed, unsigned i)
{
	uint64_t x = (seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return (x ^ (x >> 29)) | 1;
}

static void run_thread(unsigned i, void *arg)
{
	struct buddy_job *job = arg;
	struct worker w = {
		.job = job,
		.self = &job->thread[i],
		.blocks = job->blocks + i * job->blocks_per_thread,
		.random = thread_seed(job->seed, i),
	};

	if (job->impl == IMPL_JEMALLOC)
		run_worker(&w, job, take_jemalloc, give_jemalloc);
	else if (job->impl == IMPL_MIMALLOC)
		run_worker(&w, job, take_mimalloc, give_mimalloc);
	else
		run_worker(&w, job, take_mmsim, give_mmsim);
}

static void measured_begins(void *arg)
{
	struct buddy_job *job = arg;

	job->on_measured(job->arg, true);
}

static void measured_ends(void *arg)
{
	struct buddy_job *job = arg;

	job->on_measured(job->arg, false);
}

static void init_gates(struct buddy_job *job)
{
	gate_init(&job->gate, job->threads);
	gate_init(&job->end_gate, job->threads);
	if (!job->virtual_time)
		return;
	job->gate.m = job->end_gate.m = job->m;
	job->gate.arg = job->end_gate.arg = job;
	job->gate.on_open = job->on_measured ? measured_begins : NULL;
	job->end_gate.on_open = job->on_measured ? measured_ends : NULL;
}

int buddy_job_run(struct buddy_job *job)
{
	init_gates(job);
	for (unsigned i = 0; i < job->threads; i++)
		job->thread[i] = (struct buddy_thread){ .ns = 0 };
	return mmsim_run(job->m, job->threads, run_thread, job);
}

/* Never unloaded: threads that used it run its destructors when they end. */
int buddy_load_mimalloc(void)
{
	void *lib = dlopen("libmimalloc.so.2", RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return 0;
	*(void **)&mimalloc_take = dlsym(lib, "mi_malloc");
	*(void **)&mimalloc_give = dlsym(lib, "mi_free");
	return mimalloc_take && mimalloc_give;
}

int buddy_malloc_is_jemalloc(void)
{
	uint64_t before = 0, after = 0;
	size_t len = sizeof(before);
	void *p;

	if (mallctl("thread.allocated", &before, &len, NULL, 0))
		return 0;
	p = malloc((size_t)MMSIM_PAGE_SIZE);
	bench_keep(p);
	mallctl("thread.allocated", &after, &len, NULL, 0);
	free(p);
	return after > before;
}
