/* SPDX-License-Identifier: MIT */
/* Stackful contexts. */
#include "fiber.h"

#include "bits.h"
#include "check.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#if MM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if MM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* Else valgrind guesses which changes of the stack pointer are changes of the stack. */
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id) (void)(id)
#endif

#define MAX_IDLE 256
#define HEAD_BYTES 64 /* what is above them keeps the alignment of stacks */

/* In the topmost bytes of each stack, in a page that is touched anyway. */
struct mm_fiber_stack {
	struct mm_fiber_stack *next; /* idle */
	void *base; /* lowest byte */
	unsigned valgrind; /* its name for the stack */
};

/* Stacks */

static size_t guard_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static MM_NO_TSAN struct mm_fiber_stack *head_of(const struct mm_fiber_stacks *stacks, void *stack)
{
	return (void *)((char *)stack + stacks->bytes - HEAD_BYTES);
}

static MM_NO_TSAN void *stack_map(const struct mm_fiber_stacks *stacks)
{
	size_t guard = guard_bytes();
	char *map = mmap(NULL, guard + stacks->bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	/* Splitting a mapping fails when the process has too many of them. */
	if (mprotect(map, guard, PROT_NONE)) {
		munmap(map, guard + stacks->bytes);
		return NULL;
	}
	map += guard;
	head_of(stacks, map)->valgrind = VALGRIND_STACK_REGISTER(map, map + stacks->bytes);
	return map;
}

static MM_NO_TSAN void stack_unmap(const struct mm_fiber_stacks *stacks, void *stack)
{
	VALGRIND_STACK_DEREGISTER(head_of(stacks, stack)->valgrind);
	munmap((char *)stack - guard_bytes(), guard_bytes() + stacks->bytes);
}

static MM_NO_TSAN void *stack_get(struct mm_fiber_stacks *stacks)
{
	struct mm_fiber_stack *idle = stacks->idle;

	if (mm_base_fault_hit(stacks->fault, MMSIM_FAULT_SPAWN))
		return NULL;
	if (!idle)
		return stack_map(stacks);
	stacks->idle = idle->next;
	stacks->nr_idle--;
	return idle->base;
}

/*
 * Nothing orders the accesses of two fibers that had the same stack one after the other, if switches
 * do not; ThreadSanitizer forgets them only with the mapping.
 */
static MM_NO_TSAN bool is_kept(const struct mm_fiber_stacks *stacks)
{
	return stacks->nr_idle < MAX_IDLE && !(MM_TSAN && stacks->unordered);
}

static MM_NO_TSAN void stack_put(struct mm_fiber_stacks *stacks, void *stack)
{
	struct mm_fiber_stack *idle = head_of(stacks, stack);

#if MM_ASAN
	/* Frames that were left for good never took their marks away. */
	ASAN_UNPOISON_MEMORY_REGION(stack, stacks->bytes);
#endif
	if (!is_kept(stacks)) {
		stack_unmap(stacks, stack);
		return;
	}
	idle->next = stacks->idle;
	idle->base = stack;
	stacks->idle = idle;
	stacks->nr_idle++;
}

void mm_exec_stacks_init(struct mm_fiber_stacks *stacks, size_t bytes, struct mm_fault *fault,
			 bool unordered)
{
	*stacks = (struct mm_fiber_stacks){
		.bytes = mm_round_up(bytes, guard_bytes()),
		.fault = fault,
		.unordered = unordered,
	};
}

MM_NO_TSAN void mm_exec_stacks_fini(struct mm_fiber_stacks *stacks)
{
	while (stacks->idle) {
		void *base = stacks->idle->base;

		stacks->idle = stacks->idle->next;
		stack_unmap(stacks, base);
	}
	stacks->nr_idle = 0;
}

/* Switching by Boost.Context, whose two functions are C in all but their header, … */

#define FLAT static inline __attribute__((always_inline)) MM_NO_TSAN

static __attribute__((noreturn)) void run(struct mm_fiber *self);

#if MM_FCONTEXT
struct transfer {
	void *ctx; /* where the fiber stopped that was left */
	void *data;
};

struct transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *top, size_t bytes, void (*fn)(struct transfer));

#if defined(__x86_64__)
/*
 * The processor foretells where a return goes from the calls it has seen, and jump_fcontext() is
 * called but does not return: every return after a switch would be foretold wrongly, which costs
 * more than the switch. Here it comes back to a return, for which the call of this is the match.
 */
__asm__(".pushsection .text\n"
	".globl mm_exec_fiber_jump\n"
	".hidden mm_exec_fiber_jump\n"
	".type mm_exec_fiber_jump, @function\n"
	"mm_exec_fiber_jump:\n"
	".cfi_startproc\n"
	"leaq 1f(%rip), %rax\n"
	"pushq %rax\n"
	".cfi_adjust_cfa_offset 8\n"
	"jmp jump_fcontext@PLT\n"
	"1:\n"
	".cfi_adjust_cfa_offset -8\n"
	"ret\n"
	".cfi_endproc\n"
	".size mm_exec_fiber_jump, . - mm_exec_fiber_jump\n"
	".popsection\n");
struct transfer mm_exec_fiber_jump(void *to, void *data);
#else
#define mm_exec_fiber_jump jump_fcontext
#endif

/* The first word of a fiber after a switch: only now it is known where the other one stopped. */
FLAT void arrive(struct transfer t)
{
	struct mm_fiber *self = t.data;

	self->before->ctx = t.ctx;
}

static MM_NO_TSAN void entry(struct transfer t)
{
	arrive(t);
	run(t.data);
}

static MM_NO_TSAN void prepare(struct mm_fiber *f, size_t bytes)
{
	f->ctx = make_fcontext((char *)f->stack + bytes, bytes, entry);
}

FLAT void jump(struct mm_fiber *from, struct mm_fiber *to)
{
	(void)from;
	arrive(mm_exec_fiber_jump(to->ctx, to));
}

/* … or by the C library. */

#else
/* makecontext() passes ints. */
static MM_NO_TSAN void entry(unsigned high, unsigned low)
{
	run((struct mm_fiber *)(uintptr_t)((uint64_t)high << 32 | low));
}

static MM_NO_TSAN void prepare(struct mm_fiber *f, size_t bytes)
{
	uint64_t self = (uintptr_t)f;

	getcontext(&f->ctx);
	f->ctx.uc_stack = (stack_t){ .ss_sp = f->stack, .ss_size = bytes };
	f->ctx.uc_link = NULL;
	makecontext(&f->ctx, (void (*)(void))entry, 2, (unsigned)(self >> 32), (unsigned)self);
	/* Or AddressSanitizer takes all marks off the stack whenever it is switched to. */
	f->ctx.uc_stack.ss_size = 0;
}

FLAT void jump(struct mm_fiber *from, struct mm_fiber *to)
{
	swapcontext(&from->ctx, &to->ctx);
}
#endif

/* Fibers */

/* First thing after a switch: the stack we come from becomes known. */
FLAT void landed(struct mm_fiber *self)
{
#if MM_ASAN
	__sanitizer_finish_switch_fiber(self->san_fake, &self->before->san_bottom,
					&self->before->san_bytes);
#else
	(void)self;
#endif
}

static MM_NO_TSAN void run(struct mm_fiber *self)
{
	landed(self);
	self->fn(self->arg);
	mm_base_broken("fiber", "fn left by mm_exec_fiber_exit()", __FILE__, __LINE__);
}

MM_NO_TSAN int mm_exec_fiber_create(struct mm_fiber *f, struct mm_fiber_stacks *stacks,
				    void (*fn)(void *arg), void *arg)
{
	size_t bytes = stacks->bytes - HEAD_BYTES;
	void *stack = stack_get(stacks);

	if (!stack)
		return -EAGAIN;
	f->fn = fn;
	f->arg = arg;
	f->stacks = stacks;
	f->stack = stack;
	f->before = NULL;
	f->san_bottom = stack;
	f->san_bytes = bytes;
	f->san_fake = NULL;
	prepare(f, bytes);
#if MM_TSAN
	f->tsan = __tsan_create_fiber(0); /* orders what was before it, as pthread_create() does */
#endif
	return 0;
}

MM_NO_TSAN void mm_exec_fiber_adopt(struct mm_fiber *f, struct mm_fiber_stacks *stacks)
{
	f->stacks = stacks;
	f->stack = NULL;
	f->san_fake = NULL;
#if MM_TSAN
	f->tsan = __tsan_get_current_fiber();
#endif
}

/*
 * One function, nothing between telling the sanitizers and switching: ThreadSanitizer counts calls
 * and returns per fiber.
 */
FLAT void go(struct mm_fiber *from, struct mm_fiber *to, void **save_fake)
{
	to->before = from;
#if MM_ASAN
	__sanitizer_start_switch_fiber(save_fake, to->san_bottom, to->san_bytes);
#else
	(void)save_fake;
#endif
#if MM_TSAN
	__tsan_switch_to_fiber(to->tsan,
			       to->stacks->unordered ? __tsan_switch_to_fiber_no_sync : 0);
#endif
	jump(from, to);
}

__attribute__((noinline)) MM_NO_TSAN void mm_exec_fiber_switch(struct mm_fiber *from,
							       struct mm_fiber *to)
{
	go(from, to, &from->san_fake);
	landed(from);
}

MM_NO_TSAN void mm_exec_fiber_exit(struct mm_fiber *from, struct mm_fiber *to)
{
	go(from, to, NULL); /* NULL: the frames kept elsewhere are freed */
	mm_base_broken("fiber", "a fiber left for the last time stays away", __FILE__, __LINE__);
}

MM_NO_TSAN void mm_exec_fiber_destroy(struct mm_fiber *f)
{
#if MM_TSAN
	__tsan_destroy_fiber(f->tsan);
#endif
	stack_put(f->stacks, f->stack);
}
