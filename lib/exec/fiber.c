/* SPDX-License-Identifier: MIT */
/* Stackful contexts. */
#include "fiber.h"

#include "bits.h"
#include "check.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if MM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if MM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#define MAX_IDLE 256

/* In the topmost bytes of an idle stack, in a page that has been touched anyway. */
struct mm_fiber_stack {
	struct mm_fiber_stack *next;
	void *base;
};

/* Stacks */

static size_t guard_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void *stack_map(size_t bytes)
{
	size_t guard = guard_bytes();
	char *map = mmap(NULL, guard + bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	/* Splitting a mapping fails when the process has too many of them. */
	if (mprotect(map, guard, PROT_NONE)) {
		munmap(map, guard + bytes);
		return NULL;
	}
	return map + guard;
}

static void stack_unmap(void *stack, size_t bytes)
{
	munmap((char *)stack - guard_bytes(), guard_bytes() + bytes);
}

static void *stack_get(struct mm_fiber_stacks *stacks)
{
	struct mm_fiber_stack *idle = stacks->idle;

	if (mm_base_fault_hit(stacks->fault, MMSIM_FAULT_SPAWN))
		return NULL;
	if (!idle)
		return stack_map(stacks->bytes);
	stacks->idle = idle->next;
	stacks->nr_idle--;
	return idle->base;
}

static void stack_put(struct mm_fiber_stacks *stacks, void *stack)
{
	struct mm_fiber_stack *idle;

	if (stacks->nr_idle == MAX_IDLE) {
		stack_unmap(stack, stacks->bytes);
		return;
	}
#if MM_ASAN
	/* Frames that were left for good never took their marks away. */
	ASAN_UNPOISON_MEMORY_REGION(stack, stacks->bytes);
#endif
	idle = (void *)((char *)stack + stacks->bytes - sizeof(*idle));
	*idle = (struct mm_fiber_stack){ .next = stacks->idle, .base = stack };
	stacks->idle = idle;
	stacks->nr_idle++;
}

void mm_exec_stacks_init(struct mm_fiber_stacks *stacks, size_t bytes, struct mm_fault *fault)
{
	*stacks = (struct mm_fiber_stacks){
		.bytes = mm_round_up(bytes, guard_bytes()),
		.fault = fault,
	};
}

void mm_exec_stacks_fini(struct mm_fiber_stacks *stacks)
{
	while (stacks->idle) {
		void *base = stacks->idle->base;

		stacks->idle = stacks->idle->next;
		stack_unmap(base, stacks->bytes);
	}
	stacks->nr_idle = 0;
}

/* Fibers */

/* First thing after a switch: the stack we come from becomes known. */
static inline __attribute__((always_inline)) void landed(struct mm_fiber *self)
{
#if MM_ASAN
	__sanitizer_finish_switch_fiber(self->san_fake, &self->before->san_bottom,
					&self->before->san_bytes);
#else
	(void)self;
#endif
}

/* makecontext() passes ints. */
static void entry(unsigned high, unsigned low)
{
	struct mm_fiber *self = (struct mm_fiber *)(uintptr_t)((uint64_t)high << 32 | low);

	landed(self);
	self->fn(self->arg);
	mm_base_broken("fiber", "fn left by mm_exec_fiber_exit()", __FILE__, __LINE__);
}

int mm_exec_fiber_create(struct mm_fiber *f, struct mm_fiber_stacks *stacks, void (*fn)(void *arg),
			 void *arg)
{
	uint64_t self = (uintptr_t)f;
	void *stack = stack_get(stacks);

	if (!stack)
		return -EAGAIN;
	memset(f, 0, sizeof(*f));
	f->fn = fn;
	f->arg = arg;
	f->stacks = stacks;
	f->stack = stack;
	f->san_bottom = stack;
	f->san_bytes = stacks->bytes;
	getcontext(&f->uc);
	f->uc.uc_stack = (stack_t){ .ss_sp = stack, .ss_size = stacks->bytes };
	makecontext(&f->uc, (void (*)(void))entry, 2, (unsigned)(self >> 32), (unsigned)self);
	/* Or AddressSanitizer takes all marks off the stack whenever it is switched to. */
	f->uc.uc_stack.ss_size = 0;
#if MM_TSAN
	f->tsan = __tsan_create_fiber(0);
#endif
	return 0;
}

void mm_exec_fiber_adopt(struct mm_fiber *f)
{
	memset(f, 0, sizeof(*f));
#if MM_TSAN
	f->tsan = __tsan_get_current_fiber();
#endif
}

/*
 * One function, nothing between telling the sanitizers and switching: ThreadSanitizer counts calls
 * and returns per fiber.
 */
static inline __attribute__((always_inline)) void go(struct mm_fiber *from, struct mm_fiber *to,
						     void **save_fake)
{
	to->before = from;
#if MM_ASAN
	__sanitizer_start_switch_fiber(save_fake, to->san_bottom, to->san_bytes);
#else
	(void)save_fake;
#endif
#if MM_TSAN
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
	swapcontext(&from->uc, &to->uc);
}

__attribute__((noinline)) void mm_exec_fiber_switch(struct mm_fiber *from, struct mm_fiber *to)
{
	go(from, to, &from->san_fake);
	landed(from);
}

void mm_exec_fiber_exit(struct mm_fiber *from, struct mm_fiber *to)
{
	go(from, to, NULL); /* NULL: the frames kept elsewhere are freed */
	mm_base_broken("fiber", "a fiber left for the last time stays away", __FILE__, __LINE__);
}

void mm_exec_fiber_destroy(struct mm_fiber *f)
{
#if MM_TSAN
	__tsan_destroy_fiber(f->tsan);
#endif
	stack_put(f->stacks, f->stack);
}
