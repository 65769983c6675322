/* SPDX-License-Identifier: MIT */
/* Kernel addresses that run out, are cut out of the middle, and are looked up. */
#include "vmap_space.h"

enum { LAZY_MAX = 2 };

/* As many pages as tasks: one in a pool, two that wait. Each gets one. */
static void leave_room(unsigned i, void *arg)
{
	struct vspace *s = arg;
	uint64_t addr[CPUS];

	(void)i;
	for (unsigned k = 0; k < CPUS; k++)
		addr[k] = take(s, 1);
	for (unsigned k = 0; k < CPUS; k++) {
		use(s, addr[k]);
		give(s, addr[k], 1);
		if (!k)
			mmsim_vmap_purge(s->v, 0);
	}
}

static void room_task(unsigned i, void *arg)
{
	struct vspace *s = arg;

	s->slot[i] = take(s, 1);
	use(s, s->slot[i]);
}

static void run_room(struct mmsim *m, const struct mmsim_vmap_params *design, uint64_t lazy_max)
{
	static const unsigned cpu[] = { 1 };
	static struct vspace s;

	open_vspace(&s, m, design, CPUS, lazy_max);
	run_on(&s, cpu, 1, leave_room);
	run_tasks(&s, room_task);
	for (unsigned i = 0; i < CPUS; i++)
		give(&s, s.slot[i], 1);
	close_vspace(&s);
}

static void room_nodes(struct mmsim *m)
{
	MM_ON_CPU(m);
	run_room(m, &vspace_tree, LAZY_MAX);
}

static void room_local(struct mmsim *m)
{
	MM_ON_CPU(m);
	run_room(m, &vspace_local, 0);
}

/* There is room as soon as a free has returned, whoever purges meanwhile. */
static void freed_task(unsigned i, void *arg)
{
	struct vspace *s = arg;
	unsigned taken = 0;

	if (i == 2)
		mmsim_vmap_purge(s->v, 0);
	for (unsigned k = 0; k < 2; k++) {
		if (i == 0) {
			give(s, s->slot[k], 1);
			__atomic_add_fetch(&s->count, 1, __ATOMIC_RELEASE);
		} else if (i == 1) {
			bool room = __atomic_load_n(&s->count, __ATOMIC_ACQUIRE) > taken;
			bool got = try_take(s, 1, 1) != 0;

			expect(got || !room, "what was freed can be had");
			taken += got;
		}
	}
}

static void run_freed(struct mmsim *m, const struct mmsim_vmap_params *design)
{
	static struct vspace s;

	open_vspace(&s, m, design, CPUS, 0);
	for (unsigned k = 0; k < CPUS; k++)
		s.slot[k] = take(&s, 1);
	run_tasks(&s, freed_task);
	for (unsigned k = 0; k < CPUS; k++)
		if (s.owner[k])
			give(&s, START + k * PAGE, 1);
	close_vspace(&s);
}

static void freed_nodes(struct mmsim *m)
{
	MM_ON_CPU(m);
	run_freed(m, &vspace_index);
}

/* Cuts from an edge, which leave a spare, and from the middle, which need one; two tasks share a CPU. */
static void split_task(unsigned i, void *arg)
{
	struct vspace *s = arg;
	uint64_t addr[2];

	(void)i;
	for (unsigned k = 0; k < 2; k++) {
		uint64_t align = k ? 4 : 1;

		addr[k] = try_take(s, 1, align);
		expect(addr[k] && !(addr[k] % (align * PAGE)), "there is room, aligned");
	}
	for (unsigned k = 0; k < 2; k++)
		give(s, addr[k], 1);
}

static void split(struct mmsim *m)
{
	MM_ON_CPU(m);
	static const unsigned cpu[] = { 1, 1, 2 }; /* no spare is there yet */
	static struct vspace s;
	uint64_t first;

	open_vspace(&s, m, &vspace_tree, 64, 0);
	first = take(&s, 1);
	run_on(&s, cpu, CPUS, split_task);
	give(&s, first, 1);
	close_vspace(&s);
}

/* Somebody looks at an area that stays, while others come and go. */

static void find_exceed(struct mm_vmap_area *va, void *ctx)
{
	*(uint64_t *)ctx = va->va_start;
}

static void look(struct vspace *s)
{
	uint64_t fixed = s->slot[0], inner = fixed + 33 * PAGE, found = UINT64_MAX;
	struct mmsim_vm_area_info at;

	expect(!mmsim_find_vm_area(s->v, inner, &at) && at.addr == fixed,
	       "an inner address is found, in any node");
	expect(mm_vmap_busy_find_exceed(&s->v->busy, START, find_exceed, &found) && found <= fixed,
	       "what is there all the time is found, or something lower");
}

static void find_task(unsigned i, void *arg)
{
	struct vspace *s = arg;

	for (unsigned k = 0; k < 2; k++) {
		uint64_t addr;

		if (i == 0) {
			look(s);
			continue;
		}
		addr = mmsim_get_vm_area(s->v, i * PAGE, MMSIM_VM_SPARSE);
		expect(addr, "there is room");
		own(s, addr, i + 1);
		disown(s, addr, i + 1);
		expect(!mmsim_free_vm_area(s->v, addr), "the owner's free is accepted");
	}
}

static void run_find(struct mmsim *m, const struct mmsim_vmap_params *base)
{
	MM_ON_CPU(m);
	struct mmsim_vmap_params design = *base;
	static struct vspace s;
	uint64_t hole;

	design.nodes = CPUS; /* two nodes lie between an inner address and the first */
	open_vspace(&s, m, &design, 128, LAZY_MAX);
	hole = take(&s, 4); /* what comes and goes is above and below */
	s.slot[0] = mmsim_get_vm_area(s.v, 40 * PAGE, MMSIM_VM_NO_GUARD | MMSIM_VM_SPARSE);
	expect(s.slot[0], "there is room");
	own(&s, s.slot[0], 40);
	give(&s, hole, 4);
	mmsim_vmap_purge(s.v, 1);
	run_tasks(&s, find_task);
	expect(!mmsim_free_vm_area(s.v, s.slot[0]), "the owner's free is accepted");
	close_vspace(&s);
}

static void find_tree(struct mmsim *m)
{
	run_find(m, &vspace_tree);
}

static void find_index(struct mmsim *m)
{
	run_find(m, &vspace_index);
}

#define VMAP(n, text, function)                                                            \
	{                                                                                  \
		.name = "vmap-" n, .what = text, .cpus = CPUS, .memory = SCENARIO_GROUPED, \
		.run = function, .invariant = scenario_books                               \
	}

const struct scenario scenarios_vmap_room[] = {
	VMAP("room", "what waits or is in pools is enough for all", room_nodes),
	VMAP("room-local", "the same without a drain", room_local),
	VMAP("freed", "no room until another has freed, a third purges", freed_nodes),
	VMAP("find-tree", "an inner address is looked up while areas come and go", find_tree),
	VMAP("find-index", "the same with an index", find_index),
	VMAP("split", "cuts from the middle by tasks of one CPU", split),
	{ 0 },
};
