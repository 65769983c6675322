/* SPDX-License-Identifier: MIT */
/*
 * What is behind kernel addresses against a naive map of pages, through the public calls: areas of every
 * kind come and go, in all designs; what a walk, a CPU and mmsim_vread() find at any address is what the
 * map has there, a page of an area is nobody else's, guard pages are there, and every page comes back.
 *
 * Areas are of 512 pages at most, so that no array of pages is an area of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm_rig.h"
#include "time_box.h"

enum {
	CPUS = 3,
	PAGES = 65536, /* of the space: blocks of vm_map_ram() must find room */
	MEMORY = 16384, /* pages of the machine */
	HUGE = 512,
	OWN = 200, /* pages that are mapped, not given */
	MOST_LIVE = 128,
	CALLS = 32,
	GROUPS = 300 / TIME_BOX_PART,
	DRAIN_PAGES = 800,
	WINDOW = 5, /* pages that are read at once */
};

#define BASE MMSIM_VMALLOC_START_4
#define ADDR(page) (BASE + (uint64_t)(page)*RIG_PAGE)
#define PHYS (UINT64_C(1) << 44) /* of devices: no memory is there */

enum { DESIGNS = MMSIM_NR_VMAP_DESIGNS - 1 }; /* from the first after AUTO on */

enum kind { VMALLOC, PUT, VMAP, RAM, IO, BARE, NR_KINDS };

struct area {
	enum kind kind;
	uint32_t page, nr; /* without its guard page */
	uint32_t vm_flags;
	uint64_t stamp; /* first word of its first page, and one more for each page after */
};

/* What a page of the space is. */
struct slot {
	struct mmsim_page *page; /* NULL: none of the machine */
	uint64_t pfn; /* what an access reaches; UINT64_MAX: nothing */
	uint32_t area; /* + 1; 0: a hole */
};

struct how {
	enum mmsim_mode mode;
	struct mmsim_vmap_params params;
};

struct world {
	struct mmsim *m;
	struct mmsim_vmap *v;
	struct sim_log log;
	uint64_t random; /* state */
	unsigned cpu, calls;
	uint64_t stamps;
	struct mmsim_page *own[OWN];
	struct slot slot[PAGES];
	struct area area[MOST_LIVE]; /* nr 0: not there */
	unsigned live;
	uint64_t live_pages;
	bool blocks; /* vm_map_ram() is used: there may be areas that nobody here knows of */
	unsigned char buf[WINDOW * MMSIM_PAGE_SIZE], want[WINDOW * MMSIM_PAGE_SIZE];
	const char *failed; /* what was not so, the first time */
	int line;
};

/* On no main stack: noted, for the main stack to assert. */
#define expect(w, cond)                        \
	do {                                   \
		if (!(cond) && !(w)->failed) { \
			(w)->failed = #cond;   \
			(w)->line = __LINE__;  \
		}                              \
	} while (0)

/* xorshift64*: 0 to n - 1. */
static unsigned below(struct world *w, unsigned n)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (unsigned)((w->random * UINT64_C(2685821657736338717)) >> 33) % n;
}

static bool is_owner(const struct area *a)
{
	return a->kind == VMALLOC || a->kind == PUT;
}

static uint32_t guard_of(const struct area *a)
{
	return a->kind != RAM && !(a->vm_flags & MMSIM_VM_NO_GUARD);
}

static uint64_t *first_word(struct world *w, const struct mmsim_page *page)
{
	return mmsim_page_address(w->m, page);
}

/* The map */

static void set_slots(struct world *w, const struct area *a, uint32_t id)
{
	for (uint32_t i = a->page; i < a->page + a->nr + guard_of(a); i++) {
		expect(w, !id != !w->slot[i].area); /* nobody else has it */
		w->slot[i] = (struct slot){ .pfn = UINT64_MAX, .area = id };
	}
}

/* It has appeared at addr; slots are empty yet. NULL: there was nothing to be had, or it is wrong. */
static struct area *appear(struct world *w, const struct area *what, uint64_t addr)
{
	uint64_t page = (addr - BASE) / RIG_PAGE;
	struct area *a = w->area;

	if (!addr)
		return NULL;
	while (a->nr)
		a++;
	*a = *what;
	a->page = (uint32_t)page;
	a->stamp = w->stamps += PAGES;
	expect(w, addr % RIG_PAGE == 0 && page + a->nr + guard_of(a) <= PAGES);
	if (w->failed)
		return NULL;
	set_slots(w, a, (uint32_t)(a - w->area) + 1);
	w->live++;
	w->live_pages += a->nr;
	return w->failed ? NULL : a;
}

static void disappear(struct world *w, struct area *a)
{
	set_slots(w, a, 0);
	w->live--;
	w->live_pages -= a->nr;
	a->nr = 0;
}

static void set_page(struct world *w, const struct area *a, uint32_t i, struct mmsim_page *page)
{
	expect(w, page != NULL);
	if (!page)
		return;
	w->slot[a->page + i].page = page;
	w->slot[a->page + i].pfn = mmsim_page_to_pfn(w->m, page);
	if (is_owner(a))
		*first_word(w, page) = a->stamp + i;
}

/* Whoever else had one of its pages would have stamped it. */
static void expect_stamps(struct world *w, const struct area *a)
{
	for (uint32_t i = 0; is_owner(a) && i < a->nr; i++)
		expect(w, *first_word(w, w->slot[a->page + i].page) == a->stamp + i);
}

/* What comes */

static bool is_zero(struct world *w, const struct area *a)
{
	const uint64_t *word;

	for (uint32_t i = 0; i < a->nr; i++) {
		word = first_word(w, mmsim_vmalloc_to_page(w->v, ADDR(a->page + i)));
		for (unsigned j = 0; j < RIG_PAGE / sizeof(*word); j++)
			if (word[j])
				return false;
	}
	return true;
}

static uint64_t ask(struct world *w, const struct area *a, unsigned how)
{
	struct mmsim_vmalloc_request request = { .size = a->nr * RIG_PAGE - below(w, 4000),
						 .align = RIG_PAGE << below(w, 4),
						 .gfp = MMSIM_GFP_KERNEL,
						 .node = MMSIM_NUMA_NO_NODE,
						 .vm_flags = a->vm_flags };

	if (a->vm_flags)
		return mmsim_vmalloc_request(w->v, &request);
	switch (how) {
	case 0:
		return mmsim_vzalloc(w->v, request.size);
	case 1:
		return mmsim_vmalloc_huge(w->v, request.size, MMSIM_GFP_KERNEL);
	case 2:
		return mmsim_vmalloc_node(w->v, request.size, request.align, MMSIM_GFP_KERNEL, 0);
	case 3:
		return mmsim_vmalloc_gfp(w->v, request.size, MMSIM_GFP_NOWAIT);
	default:
		return mmsim_vmalloc(w->v, request.size);
	}
}

static void call_vmalloc(struct world *w)
{
	unsigned how = below(w, 8);
	struct area what = { .kind = VMALLOC,
			     .nr = how == 1 && below(w, 2) ? HUGE : 1 + below(w, 40) };
	struct area *a;

	what.vm_flags = below(w, 8) ? 0 : MMSIM_VM_NO_GUARD;
	a = appear(w, &what, ask(w, &what, how));
	expect(w, a || what.nr == HUGE || how == 3);
	if (!a)
		return;
	expect(w, how || a->vm_flags || is_zero(w, a));
	for (uint32_t i = 0; i < a->nr; i++)
		set_page(w, a, i, mmsim_vmalloc_to_page(w->v, ADDR(a->page + i)));
}

/* Pages that are there, any of them and any number of times. */
static void map_own(struct world *w, enum kind kind, uint32_t nr)
{
	const struct area what = { .kind = kind, .nr = nr };
	struct mmsim_page *pages[OWN];
	struct area *a;
	uint64_t addr;

	for (uint32_t i = 0; i < nr; i++)
		pages[i] = w->own[below(w, OWN)];
	addr = kind == VMAP ? mmsim_vmap_pages(w->v, pages, nr, 0)
			    : mmsim_vm_map_ram(w->v, pages, nr);
	a = appear(w, &what, addr);
	expect(w, a != NULL);
	for (uint32_t i = 0; a && i < nr; i++)
		set_page(w, a, i, pages[i]);
}

static void call_vmap(struct world *w)
{
	map_own(w, VMAP, 1 + below(w, 100));
}

static void call_map_ram(struct world *w)
{
	map_own(w, w->blocks ? RAM : VMAP, 1 + below(w, below(w, 8) ? 64 : 100));
}

static void call_put(struct world *w)
{
	const struct area what = { .kind = PUT, .nr = 1 + below(w, 20) };
	struct mmsim_page *pages[20];
	struct area *a;

	for (uint32_t i = 0; i < what.nr; i++) {
		pages[i] = mmsim_alloc_pages(w->m, MMSIM_GFP_KERNEL, 0);
		expect(w, pages[i] != NULL);
	}
	a = appear(w, &what, mmsim_vmap_pages(w->v, pages, what.nr, MMSIM_VM_MAP_PUT_PAGES));
	expect(w, a != NULL);
	for (uint32_t i = 0; a && i < what.nr; i++)
		set_page(w, a, i, pages[i]);
}

static void call_ioremap(struct world *w)
{
	const struct area what = { .kind = IO, .nr = below(w, 8) ? 1 + below(w, 30) : HUGE };
	uint64_t phys = PHYS + (what.nr == HUGE ? below(w, 9) * HUGE : below(w, 5000)) * RIG_PAGE;
	unsigned inside = below(w, 100);
	struct area *a;
	uint64_t addr = mmsim_ioremap(w->v, phys + inside, what.nr * RIG_PAGE - inside);

	expect(w, !addr || addr % RIG_PAGE == inside);
	a = appear(w, &what, addr ? addr - inside : 0);
	expect(w, a != NULL);
	for (uint32_t i = 0; a && i < a->nr; i++)
		w->slot[a->page + i].pfn = phys / RIG_PAGE + i;
}

static void call_bare(struct world *w)
{
	const struct area what = { .kind = BARE,
				   .nr = 1 + below(w, 50),
				   .vm_flags = below(w, 2) ? MMSIM_VM_SPARSE : MMSIM_VM_NO_GUARD };

	expect(w, appear(w, &what, mmsim_get_vm_area(w->v, what.nr * RIG_PAGE, what.vm_flags)));
}

/* What goes */

static int let_go(struct world *w, const struct area *a)
{
	uint64_t addr = ADDR(a->page);

	switch (a->kind) {
	case VMALLOC:
	case PUT:
		if (below(w, 4))
			return mmsim_vfree(w->v, addr);
		expect(w, mmsim_vfree_atomic(w->v, addr) == 0);
		mmsim_vfree_flush(w->v);
		return 0;
	case VMAP:
		return mmsim_vunmap(w->v, addr);
	case RAM:
		return mmsim_vm_unmap_ram(w->v, addr, a->nr);
	case IO:
		return mmsim_iounmap(w->v, addr + below(w, 4000));
	case BARE:
		return mmsim_free_vm_area(w->v, addr);
	default:
		return -ENOSYS;
	}
}

/* By a call that is not for it: nothing must change. */
static void let_go_wrongly(struct world *w, const struct area *a)
{
	uint64_t addr = ADDR(a->page);

	expect(w, is_owner(a) || mmsim_vfree(w->v, addr) == -EINVAL);
	expect(w, a->kind == VMAP || a->kind == PUT || mmsim_vunmap(w->v, addr) == -EINVAL);
	expect(w, a->kind == IO || mmsim_iounmap(w->v, addr) == -EINVAL);
	expect(w, a->kind == RAM || mmsim_vm_unmap_ram(w->v, addr, a->nr) == -EINVAL);
	expect(w, a->nr == 1 || mmsim_vfree(w->v, addr + RIG_PAGE) == -EINVAL);
	expect(w, mmsim_free_vmap_area(w->v, addr) == -EINVAL);
}

static struct area *any_area(struct world *w)
{
	unsigned i = below(w, MOST_LIVE);

	while (!w->area[i].nr)
		i = (i + 1) % MOST_LIVE;
	return &w->area[i];
}

static void call_free(struct world *w)
{
	struct area *a = any_area(w);

	expect_stamps(w, a);
	if (!below(w, 10))
		let_go_wrongly(w, a);
	expect(w, let_go(w, a) == 0);
	disappear(w, a);
}

/* What is seen */

/* As far as areas are readable; 0: none is there. */
static size_t naive_read(struct world *w, uint64_t addr, size_t count)
{
	size_t readable = 0, nr;

	for (size_t at = 0; at < count; at += nr) {
		const struct slot *s = &w->slot[(addr + at - BASE) / RIG_PAGE];
		const struct area *a = s->area ? &w->area[s->area - 1] : NULL;
		size_t inside = (addr + at) % RIG_PAGE;

		nr = RIG_PAGE - inside < count - at ? RIG_PAGE - inside : count - at;
		if (s->page)
			memcpy(w->want + at, (char *)first_word(w, s->page) + inside, nr);
		else
			memset(w->want + at, 0, nr);
		if (a && s < &w->slot[a->page + a->nr])
			readable = at + nr;
	}
	return readable;
}

static void call_vread(struct world *w)
{
	uint64_t addr = ADDR(below(w, PAGES - WINDOW)) + below(w, (unsigned)RIG_PAGE);
	size_t count = 1 + below(w, (WINDOW - 1) * (unsigned)RIG_PAGE), got, naive;

	if (w->live && below(w, 4))
		addr = ADDR(any_area(w)->page) + below(w, (unsigned)RIG_PAGE);
	memset(w->buf, 0xee, count);
	got = mmsim_vread(w->v, addr, w->buf, count);
	naive = naive_read(w, addr, count);
	expect(w, w->blocks ? got >= naive : got == naive);
	expect(w, memcmp(w->buf, w->want, got) == 0);
}

/* A page of an area, its guard, or anything: what a walk finds, and what an access reaches. */
static void call_look(struct world *w)
{
	const struct area *a = w->live ? any_area(w) : NULL;
	uint64_t page = a ? a->page + below(w, a->nr + guard_of(a)) : below(w, PAGES);
	const struct slot *s = &w->slot[page];
	struct mmsim_vm_area_info info;
	int err = mmsim_find_vm_area(w->v, ADDR(page) + below(w, 4096), &info);

	if (!s->area) /* what is not mapped any more may still be in a TLB */
		return;
	expect(w, mmsim_vmalloc_to_page(w->v, ADDR(page)) == s->page);
	expect(w, mmsim_vmalloc_touch(w->v, ADDR(page)) == s->pfn);
	expect(w, err == (a->kind == RAM ? -ENOENT : 0));
	if (err)
		return;
	expect(w, info.addr == ADDR(a->page));
	expect(w, info.size == (a->nr + guard_of(a)) * RIG_PAGE);
	expect(w, info.nr_pages == (is_owner(a) ? a->nr : 0));
}

static void call_purge(struct world *w)
{
	if (below(w, 2))
		mmsim_vmap_purge(w->v, below(w, 3) == 0);
	else
		mmsim_vm_unmap_aliases(w->v);
}

static void call_any(struct world *w)
{
	static void (*const come[])(struct world *) = { call_vmalloc, call_vmalloc, call_vmap,
							call_map_ram, call_map_ram, call_put,
							call_ioremap, call_bare };
	unsigned which = below(w, 200);

	w->calls++;
	if (which < 2)
		call_purge(w);
	else if (which < 40)
		call_vread(w);
	else if (which < 80)
		call_look(w);
	else if (w->live &&
		 (w->live == MOST_LIVE || w->live_pages > MEMORY / 4 || below(w, 100) < 48))
		call_free(w);
	else
		come[below(w, 8)](w);
}

static void group(unsigned cpu, void *arg)
{
	struct world *w = arg;

	for (unsigned i = 0; cpu == w->cpu && i < CALLS && !w->failed; i++)
		call_any(w);
}

/* Worlds */

static struct mmsim *open_machine(enum mmsim_mode mode, struct sim_log *log)
{
	struct mmsim_config *cfg = sim_config_new(mode, 1, 1, CPUS);
	struct mmsim *m = NULL;

	sim_ram(cfg, 0, SIM_NORMAL, MEMORY);
	cfg->flags |= MMSIM_BACK_PAGES | (mode == MMSIM_NATIVE ? 0 : MMSIM_CHECK_TLB);
	sim_log_into(cfg, log);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static struct world *open_world(const struct how *how, unsigned seed)
{
	struct world *w = calloc(1, sizeof(*w));
	struct mmsim_vmap_params params = how->params;

	assert_non_null(w);
	w->random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	w->blocks = seed % 4 > 1;
	w->m = open_machine(how->mode, &w->log);
	params.start = ADDR(0);
	params.end = ADDR(PAGES);
	params.lazy_max = DRAIN_PAGES;
	assert_int_equal(mmsim_vmap_create(w->m, &params, &w->v), 0);
	for (unsigned i = 0; i < OWN; i++) {
		w->own[i] = mmsim_alloc_pages(w->m, MMSIM_GFP_KERNEL, 0);
		assert_non_null(w->own[i]);
		memset(first_word(w, w->own[i]), (int)i, RIG_PAGE);
	}
	return w;
}

/* Areas that are left go with the space; then every page is back. */
static void close_world(struct world *w, bool leave)
{
	for (struct area *a = w->area; !leave && a < w->area + MOST_LIVE; a++)
		if (a->nr)
			assert_int_equal(let_go(w, a), 0);
	mmsim_vmap_validate(w->v);
	mmsim_vmap_destroy(w->v);
	for (unsigned i = 0; i < OWN; i++)
		assert_int_equal(mmsim_free_pages(w->m, w->own[i], 0), 0);
	rig_close(w->m);
	free(w);
}

static void run(const struct how *how, unsigned seed)
{
	struct world *w = open_world(how, seed);

	for (unsigned g = 1; g <= GROUPS; g++) {
		w->cpu = below(w, CPUS + 1);
		if (w->cpu < CPUS)
			assert_int_equal(mmsim_run(w->m, w->cpu + 1, group, w), 0);
		else
			group(CPUS, w);
		if (w->failed)
			fail_msg("mode %d, design %u, busy %u, seed %u, call %u: not so in line "
				 "%d: %s; log: %s",
				 how->mode, how->params.design, how->params.busy, seed, w->calls,
				 w->line, w->failed, w->log.line);
	}
	close_world(w, seed % 2);
}

/* Each design with areas found either way, and with tables that stay or go. */
static void run_mode(enum mmsim_mode mode)
{
	for (unsigned i = 0; i < DESIGNS * 4; i++) {
		const struct how how = {
			mode,
			{ .design = 1 + i % DESIGNS,
			  .busy = i / DESIGNS % 2 ? MMSIM_VMAP_BUSY_TREE : MMSIM_VMAP_BUSY_INDEX,
			  .flags = i / DESIGNS / 2 ? MMSIM_VMAP_FREE_TABLES : 0,
			  .backing = i % 2 ? MMSIM_VMAP_BACKING_BULK : MMSIM_VMAP_BACKING_LARGE,
			  .levels = 4 }
		};

		run(&how, i + 1);
	}
}

static void serially(void **state)
{
	(void)state;
	run_mode(MMSIM_SERIAL);
}

static void natively(void **state)
{
	(void)state;
	run_mode(MMSIM_NATIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serially),
		cmocka_unit_test(natively),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
