/* SPDX-License-Identifier: MIT */
/*
 * What scenarios of kernel addresses share: a small space, a map of who owns which page of it, accesses.
 *
 * An access leaves a translation in the TLB of the CPU. When addresses are given out anew no TLB may have
 * one: that is asked for each that is taken (V2 of lib/vmap), and by the library for each that is mapped.
 */
#ifndef TESTS_SCHED_VMAP_SPACE_H
#define TESTS_SCHED_VMAP_SPACE_H

#include "scenario.h"

#include "machine.h"
#include "vmap.h"
#include <errno.h>
#include <string.h>

enum { CPUS = 3, MOST_PAGES = 1024 };

#define PAGE ((uint64_t)MMSIM_PAGE_SIZE)
#define START MMSIM_VMALLOC_START_4

struct vspace {
	struct mmsim *m;
	struct mmsim_vmap *v;
	uint64_t slot[CPUS]; /* atomic: an address that a task lets others know */
	struct mmsim_page *page; /* that a scenario maps */
	uint64_t unit; /* of an area: pages */
	uint32_t count; /* atomic: of whatever a scenario counts */
	uint8_t owner[MOST_PAGES]; /* atomic: of each page: CPU + 1, or 0 */
};

/* A design as a scenario names it. */
static const struct mmsim_vmap_params
	vspace_tree = { .design = MMSIM_VMAP_NODES, .busy = MMSIM_VMAP_BUSY_TREE, .nodes = 2 },
	vspace_index = { .design = MMSIM_VMAP_NODES, .busy = MMSIM_VMAP_BUSY_INDEX, .nodes = 2 },
	vspace_one = { .design = MMSIM_VMAP_ONE_LOCK, .busy = MMSIM_VMAP_BUSY_TREE },
	vspace_local = { .design = MMSIM_VMAP_LOCAL, .busy = MMSIM_VMAP_BUSY_INDEX, .nodes = 2 };

/* pages: from START on; 0: the layout of x86-64, without a map of owners. lazy_max: pages; 0: very many. */
static inline void open_vspace(struct vspace *s, struct mmsim *m,
			       const struct mmsim_vmap_params *design, uint64_t pages,
			       uint64_t lazy_max)
{
	struct mmsim_vmap_params params = *design;

	memset(s, 0, sizeof(*s));
	s->m = m;
	params.lazy_max = lazy_max;
	if (pages) {
		params.start = START;
		params.end = START + pages * PAGE;
	}
	expect(!mmsim_vmap_create(m, &params, &s->v), "a space is made");
}

static inline struct mmsim_vmap_info info_of(struct vspace *s)
{
	struct mmsim_vmap_info info;

	expect(!mmsim_vmap_info(s->v, &info), "there is information");
	return info;
}

/* Nothing is in use: everything comes back, and is counted as that. */
static inline void close_vspace(struct vspace *s)
{
	struct mmsim_vmap_info info;

	mmsim_vmap_validate(s->v);
	mmsim_vmap_purge(s->v, 1);
	mmsim_vmap_validate(s->v);
	info = info_of(s);
	expect(!info.busy && !info.lazy && !info.pooled, "every area is free in the end");
	expect(!info.lazy_pages, "V3: nothing waits, and that is what is counted");
	expect(info.free_blocks == 1, "F1: what is free is one stretch again");
	mmsim_vmap_destroy(s->v);
	scenario_all_is_back(s->m);
}

static inline void run_tasks(struct vspace *s, void (*fn)(unsigned i, void *arg))
{
	expect(!mmsim_run(s->m, CPUS, fn, s), "tasks start");
}

/* Tasks that may share CPUs. */
struct vspace_player {
	struct vspace *s;
	void (*fn)(unsigned i, void *arg);
	unsigned i;
	struct mm_task task;
};

static inline void vspace_play(void *arg)
{
	struct vspace_player *p = arg;

	p->fn(p->i, p->s);
}

/* Task i on CPU cpu[i]; at most CPUS. */
static inline void run_on(struct vspace *s, const unsigned *cpu, unsigned nr,
			  void (*fn)(unsigned i, void *arg))
{
	struct vspace_player p[CPUS];

	for (unsigned i = 0; i < nr; i++) {
		const struct mm_cpumask where = mm_cpumask_of(cpu[i]);

		p[i] = (struct vspace_player){ .s = s, .fn = fn, .i = i };
		expect(!mm_exec_spawn(s->m->exec, &p[i].task, &where, vspace_play, &p[i]),
		       "tasks start");
	}
	while (nr-- > 0)
		mm_exec_join(s->m->exec, &p[nr].task);
}

/* Whose addresses are they? */

static inline void own(struct vspace *s, uint64_t addr, uint64_t pages)
{
	uint64_t first = (addr - START) / PAGE;

	expect(addr >= START && first + pages <= MOST_PAGES && !(addr % PAGE),
	       "addresses are of the space");
	for (uint64_t i = first; i < first + pages; i++)
		expect(!__atomic_exchange_n(&s->owner[i], (uint8_t)(mmsim_cpu(s->m) + 1),
					    __ATOMIC_ACQ_REL),
		       "V1: addresses have one owner");
}

static inline void disown(struct vspace *s, uint64_t addr, uint64_t pages)
{
	uint64_t first = (addr - START) / PAGE;

	for (uint64_t i = first; i < first + pages; i++)
		expect(__atomic_exchange_n(&s->owner[i], 0, __ATOMIC_ACQ_REL),
		       "V1: an owner has his addresses");
}

/* Addresses alone. 0: there is no room. */
static inline uint64_t try_take(struct vspace *s, uint64_t pages, uint64_t align)
{
	uint64_t addr = 0;
	int err = mmsim_alloc_vmap_area(s->v, pages * PAGE, align * PAGE, 0, 0, MMSIM_GFP_KERNEL,
					&addr);

	expect(!err || err == -EBUSY, "there are addresses, or no room");
	if (err)
		return 0;
	own(s, addr, pages);
	mm_tlb_check_kernel(&s->v->tlb_kernel, addr, addr + pages * PAGE);
	return addr;
}

static inline uint64_t take(struct vspace *s, uint64_t pages)
{
	uint64_t addr = try_take(s, pages, 1);

	expect(addr, "there is room");
	return addr;
}

static inline void give(struct vspace *s, uint64_t addr, uint64_t pages)
{
	disown(s, addr, pages);
	expect(!mmsim_free_vmap_area(s->v, addr), "the owner's free is accepted");
}

/* An access as if something were mapped at addr, by the caller's CPU. */
static inline void use(struct vspace *s, uint64_t addr)
{
	struct mm_tlb_kernel *k = &s->v->tlb_kernel;
	const struct mm_tlb_entry what = {
		.start = addr,
		.end = addr + PAGE,
		.pfn = (UINT64_C(1) << 30) + (addr - START) / PAGE,
		.write = true,
	};
	struct mm_tlb_cpu *c = mm_tlb_kernel_begin(k);

	mm_tlb_kernel_fill(k, c, &what);
	mm_tlb_access_end(c);
}

/* With memory behind. */

static inline void touch(struct vspace *s, uint64_t addr)
{
	struct mmsim_page *page = mmsim_vmalloc_to_page(s->v, addr);

	expect(page, "what is mapped is found by a walk");
	expect(mmsim_vmalloc_touch(s->v, addr) == mmsim_page_to_pfn(s->m, page),
	       "V2: an access reaches one's own page");
}

/* An access that may find nothing, or what is no more. */
static inline void stray(struct vspace *s, unsigned slot)
{
	uint64_t addr = __atomic_load_n(&s->slot[slot], __ATOMIC_ACQUIRE);

	if (addr)
		mmsim_vmalloc_touch(s->v, addr);
}

static inline void publish(struct vspace *s, unsigned slot, uint64_t addr)
{
	__atomic_store_n(&s->slot[slot], addr, __ATOMIC_RELEASE);
}

/* One page; its guard is one's own, too. */
static inline uint64_t map_one(struct vspace *s, unsigned i)
{
	uint64_t addr = mmsim_vmalloc(s->v, PAGE);

	expect(addr, "there is memory");
	own(s, addr, 2);
	touch(s, addr);
	publish(s, i, addr);
	return addr;
}

static inline void unmap_one(struct vspace *s, uint64_t addr)
{
	touch(s, addr);
	disown(s, addr, 2);
	expect(!mmsim_vfree(s->v, addr), "the owner's free is accepted");
}

#endif
