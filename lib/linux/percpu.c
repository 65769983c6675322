/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory: chunks of one unit per CPU, vmalloc()ed.
 *
 * An object has the same place in each unit. A chunk is filled from its start to its end, and is freed when
 * the last of its objects is: a place is not used twice before. Its head, in the first unit, says where
 * objects begin.
 *
 * Invariants
 *  P1: a chunk is aligned to its size, so an object's address gives its head.
 *  P2: live is the number of bits in `begins`.
 *
 * Counterpart: mm/percpu.c, whose chunks are searched and never moved. Locking: one, which sleeps.
 */
#include "world.h"

#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/vmalloc.h>
#include <string.h>

#define UNIT (2 * PCPU_MIN_UNIT_SIZE)
#define GRAIN 16 /* objects begin at multiples */
#define MAGIC 0x756e697470637075ull

struct chunk {
	u64 magic;
	u32 used; /* bytes of a unit */
	u32 live;
	u64 begins[UNIT / GRAIN / 64]; /* where an object that is not freed does */
};

static DECLARE_RWSEM(lock);
static struct chunk *current_chunk; /* where the next object goes, or NULL */

unsigned long mm_linux_percpu_unit(void)
{
	return UNIT;
}

static unsigned long chunk_bytes(void)
{
	return UNIT * roundup_pow_of_two(mm_linux_world.nr_cpus);
}

static void reset(struct chunk *c)
{
	memset(c, 0, sizeof(*c));
	c->magic = MAGIC;
	c->used = ALIGN((u32)sizeof(*c), GRAIN);
}

static struct chunk *chunk_new(gfp_t gfp)
{
	unsigned long bytes = chunk_bytes();
	struct chunk *c = __vmalloc_node(bytes, bytes, gfp & ~__GFP_ZERO, NUMA_NO_NODE, NULL);

	if (c)
		reset(c);
	return c;
}

static u64 *begin_word(struct chunk *c, u32 offset)
{
	return &c->begins[offset / GRAIN / 64];
}

static u64 begin_bit(u32 offset)
{
	return 1ull << (offset / GRAIN % 64);
}

/* NULL: the chunk is full. */
static void *carve(struct chunk *c, size_t size, size_t align)
{
	size_t offset = ALIGN((size_t)c->used, max(align, (size_t)GRAIN));

	if (offset + size > UNIT)
		return NULL;
	c->used = (u32)(offset + size);
	*begin_word(c, (u32)offset) |= begin_bit((u32)offset);
	c->live++;
	return (char *)c + offset;
}

static void *alloc_locked(size_t size, size_t align, gfp_t gfp)
{
	void *ptr = current_chunk ? carve(current_chunk, size, align) : NULL;
	struct chunk *c;

	if (ptr)
		return ptr;
	c = chunk_new(gfp);
	if (!c)
		return NULL;
	if (current_chunk && !current_chunk->live)
		vfree(current_chunk);
	current_chunk = c;
	return carve(c, size, align);
}

void *__alloc_percpu_gfp(size_t size, size_t align, gfp_t gfp)
{
	void *ptr;
	unsigned int cpu;

	if (!size || size > PCPU_MIN_UNIT_SIZE || align > PAGE_SIZE || !is_power_of_2(align)) {
		pr_warn("illegal size (%zu) or align (%zu) for percpu allocation\n", size, align);
		return NULL;
	}
	down_write(&lock);
	ptr = alloc_locked(size, align, gfp);
	up_write(&lock);
	if (ptr)
		for_each_possible_cpu(cpu) memset(per_cpu_ptr(ptr, cpu), 0, size);
	return ptr;
}

void *__alloc_percpu(size_t size, size_t align)
{
	return __alloc_percpu_gfp(size, align, GFP_KERNEL);
}

/* NULL: there is no such object. */
static struct chunk *chunk_of(const void *ptr)
{
	struct chunk *c = (struct chunk *)ALIGN_DOWN((uintptr_t)ptr, chunk_bytes());
	u32 offset = (u32)((uintptr_t)ptr - (uintptr_t)c);
	struct mmsim_vm_area_info info;

	if (!is_vmalloc_addr(c) || mmsim_find_vm_area(mm_linux_world.v, (uintptr_t)c, &info) ||
	    info.addr != (uintptr_t)c || info.requested != chunk_bytes() || c->magic != MAGIC)
		return NULL;
	if (offset >= UNIT || offset % GRAIN || !(*begin_word(c, offset) & begin_bit(offset)))
		return NULL;
	return c;
}

static bool free_locked(const void *ptr)
{
	struct chunk *c = chunk_of(ptr);
	u32 offset;

	if (!c)
		return false;
	offset = (u32)((uintptr_t)ptr - (uintptr_t)c);
	*begin_word(c, offset) &= ~begin_bit(offset);
	if (--c->live)
		return true;
	if (c == current_chunk)
		reset(c);
	else
		vfree(c);
	return true;
}

void free_percpu(void *ptr)
{
	bool freed;

	if (!ptr)
		return;
	down_write(&lock);
	freed = free_locked(ptr);
	up_write(&lock);
	if (!freed)
		pr_err("free_percpu(%p): no per-CPU object\n", ptr);
}
