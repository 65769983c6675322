/* SPDX-License-Identifier: MIT */
/*
 * vm_map_ram() and looking at areas: what is mapped stays until it is unmapped, no TLB has it after
 * vm_unmap_aliases(), of two unmaps one is refused, and a look sees nothing that is somebody else's by now.
 *
 * The library checks by itself that nothing is mapped where an entry is, and that addresses are given out
 * anew only after a flush.
 */
#include "scenario.h"

#include <mmsim/vmalloc.h>
#include <stdio.h>
#include <string.h>

enum { CPUS = 3, MOST = 64, BLOCK = 1024, FILLED = 0x11, OTHERS = 0x22, TEXT_MAX = 4096 };

#define PAGE ((uint64_t)MMSIM_PAGE_SIZE)

struct scene {
	struct mmsim *m;
	struct mmsim_vmap *v;
	struct mmsim_page *page[MOST];
	unsigned pages;
	uint64_t kept; /* an address that others know */
	uint32_t refused; /* atomic */
};

static void open_scene(struct scene *s, struct mmsim *m, uint32_t design, unsigned pages)
{
	const struct mmsim_vmap_params params = { .design = design };

	*s = (struct scene){ .m = m, .pages = pages };
	expect(!mmsim_vmap_create(m, &params, &s->v), "a space is made");
	for (unsigned i = 0; i < pages; i++)
		expect((s->page[i] = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0)), "there is memory");
}

static void close_scene(struct scene *s)
{
	mmsim_vmap_validate(s->v);
	mmsim_vmap_destroy(s->v);
	for (unsigned i = 0; i < s->pages; i++)
		expect(!mmsim_free_pages(s->m, s->page[i], 0), "a page is freed");
	scenario_all_is_back(s->m);
}

static void run(struct scene *s, unsigned nr, void (*fn)(unsigned i, void *arg))
{
	expect(!mmsim_run(s->m, nr, fn, s), "tasks start");
}

static uint64_t map(struct scene *s, unsigned first, unsigned nr)
{
	uint64_t addr = mmsim_vm_map_ram(s->v, &s->page[first], nr);

	expect(addr, "there is room");
	expect(mmsim_vmalloc_to_page(s->v, addr) == s->page[first], "what is mapped is there");
	return addr;
}

static void unmap(struct scene *s, uint64_t addr, unsigned nr)
{
	expect(mmsim_vmalloc_to_page(s->v, addr), "what is mapped stays");
	expect(!mmsim_vm_unmap_ram(s->v, addr, nr), "what is mapped can be unmapped");
}

static void touch(struct scene *s, uint64_t addr, const struct mmsim_page *page)
{
	expect(mmsim_vmalloc_touch(s->v, addr) == mmsim_page_to_pfn(s->m, page),
	       "an access finds the page");
}

/* Nobody else maps this page. */
static void expect_gone(struct scene *s, uint64_t addr, const struct mmsim_page *page)
{
	expect(mmsim_vmalloc_touch(s->v, addr) != mmsim_page_to_pfn(s->m, page),
	       "after vm_unmap_aliases() no TLB has what was unmapped before");
}

/* All map, unmap and want to be sure, so that one finds blocks clean that another is about to flush. */
static void aliases_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	for (unsigned k = 0; k < 2; k++) {
		uint64_t addr = map(s, i, 1);

		touch(s, addr, s->page[i]);
		unmap(s, addr, 1);
		mmsim_vm_unmap_aliases(s->v);
		expect_gone(s, addr, s->page[i]);
	}
}

static void aliases(struct mmsim *m, uint32_t design)
{
	struct scene s;

	open_scene(&s, m, design, CPUS);
	run(&s, CPUS, aliases_task);
	close_scene(&s);
}

static void block_aliases(struct mmsim *m)
{
	aliases(m, MMSIM_VMAP_NODES);
}

static void block_aliases_local(struct mmsim *m)
{
	aliases(m, MMSIM_VMAP_LOCAL);
}

/* A block of the first CPU: one mapping and a little room are left of it. */
static void fill_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	(void)i;
	s->kept = map(s, 0, 2);
	for (unsigned k = 0; k < BLOCK / MOST - 1; k++)
		unmap(s, map(s, 0, MOST), MOST);
}

/* Its owner goes on using it, another unmaps the last mapping, the third purges. */
static void fragmented_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	for (unsigned k = 0; !i && k < 5; k++) {
		uint64_t addr = map(s, 4, 16);

		touch(s, addr + 15 * PAGE, s->page[19]);
		unmap(s, addr, 16);
	}
	if (i == 1) {
		touch(s, s->kept, s->page[0]);
		unmap(s, s->kept, 2);
		mmsim_vm_unmap_aliases(s->v);
		expect_gone(s, s->kept, s->page[0]);
	}
	for (unsigned k = 0; i == 2 && k < 3; k++)
		mmsim_vmap_purge(s->v, 1);
}

static void block_purge(struct mmsim *m)
{
	struct scene s;

	open_scene(&s, m, MMSIM_VMAP_NODES, MOST);
	run(&s, 1, fill_task);
	run(&s, CPUS, fragmented_task);
	close_scene(&s);
}

/* Two mappings are left of a block: the first page, and the last. */
static void two_left_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	(void)i;
	s->kept = map(s, 0, 1);
	for (unsigned k = 0; k < BLOCK / MOST - 1; k++)
		unmap(s, map(s, 0, MOST), MOST);
	for (unsigned nr = MOST / 2; nr > 1; nr /= 2)
		unmap(s, map(s, 0, nr), nr);
	expect(map(s, 1, 1) == s->kept + (BLOCK - 1) * PAGE, "a block is given out upwards");
}

/* Who unmaps the last of a block frees it, and its addresses are used again; nothing is left of the other. */
static void last_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	unmap(s, s->kept + i * (BLOCK - 1) * PAGE, 1);
	mmsim_vmap_purge(s->v, 1);
	unmap(s, map(s, 2, 4), 4);
}

static void block_last(struct mmsim *m)
{
	struct scene s;

	open_scene(&s, m, MMSIM_VMAP_NODES, MOST);
	run(&s, 1, two_left_task);
	run(&s, 2, last_task);
	close_scene(&s);
}

/* All want to undo the same mapping; each maps one of its own, too. */
static void twice_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	if (mmsim_vm_unmap_ram(s->v, s->kept, 2))
		__atomic_add_fetch(&s->refused, 1, __ATOMIC_RELAXED);
	unmap(s, map(s, 4 + i, 1), 1);
}

static void block_twice(struct mmsim *m)
{
	struct scene s;

	open_scene(&s, m, MMSIM_VMAP_NODES, MOST);
	run(&s, 1, fill_task);
	run(&s, CPUS, twice_task);
	expect(s.refused == CPUS - 1, "of several unmaps of the same one is done");
	close_scene(&s);
}

static void fill(struct scene *s, struct mmsim_page *page, int byte)
{
	memset(mmsim_page_address(s->m, page), byte, PAGE);
}

/* Pages that somebody else has next. */
static void use_pages(struct scene *s)
{
	struct mmsim_page *page[4];

	for (unsigned k = 0; k < 4; k++) {
		expect((page[k] = mmsim_alloc_pages(s->m, MMSIM_GFP_KERNEL, 0)), "there is memory");
		fill(s, page[k], OTHERS);
	}
	mmsim_cond_resched(s->m);
	for (unsigned k = 0; k < 4; k++)
		expect(!mmsim_free_pages(s->m, page[k], 0), "a page is freed");
}

static void read_all(struct scene *s, uint64_t from)
{
	unsigned char buf[8 * PAGE];

	mmsim_vread(s->v, from, buf, sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i += PAGE / 2)
		expect(buf[i] == 0 || buf[i] == FILLED, "vread() sees what is mapped, or zeros");
}

/* What readers look for. */
static uint64_t make_area(struct scene *s)
{
	uint64_t addr = mmsim_vzalloc(s->v, 3 * PAGE);

	expect(addr, "there is room");
	for (unsigned k = 0; k < 3; k++)
		fill(s, mmsim_vmalloc_to_page(s->v, addr + k * PAGE), FILLED);
	return addr;
}

/* An area is freed, and its pages are used again at once, while two read; then comes another. */
static void vread_task(unsigned i, void *arg)
{
	struct scene *s = arg;
	uint64_t addr = s->kept;

	if (i) {
		read_all(s, addr);
		return;
	}
	expect(!mmsim_vfree(s->v, addr), "it is freed");
	use_pages(s);
	make_area(s);
}

static void vread_vfree(struct mmsim *m)
{
	struct scene s;

	open_scene(&s, m, MMSIM_VMAP_ONE_LOCK, 0);
	s.kept = make_area(&s);
	run(&s, CPUS, vread_task);
	close_scene(&s);
}

/* The same of a block: a page is its owner's again once it is unmapped. */
static void map_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	(void)i;
	for (unsigned k = 0; k < 3; k++)
		fill(s, s->page[k], FILLED);
	s->kept = map(s, 0, 3);
}

static void vread_block_task(unsigned i, void *arg)
{
	struct scene *s = arg;
	uint64_t addr = s->kept;

	if (i) {
		read_all(s, addr);
		return;
	}
	unmap(s, addr, 3);
	for (unsigned k = 0; k < 3; k++)
		fill(s, s->page[k], OTHERS);
}

static void vread_block(struct mmsim *m)
{
	struct scene s;

	open_scene(&s, m, MMSIM_VMAP_NODES, 3);
	run(&s, 1, map_task);
	run(&s, CPUS, vread_block_task);
	close_scene(&s);
}

/* Areas come and go while others print; one stays. */
static void info_task(unsigned i, void *arg)
{
	struct scene *s = arg;
	char text[TEXT_MAX], want[64];
	const char *line;

	for (unsigned k = 0; i < 2 && k < 4; k++) {
		uint64_t addr = mmsim_vmalloc(s->v, (1 + k) * PAGE);

		expect(addr, "there is room");
		expect(!mmsim_vfree(s->v, addr), "it is freed");
		if (k == 2)
			mmsim_vmap_purge(s->v, i);
	}
	for (unsigned k = 0; i == 2 && k < 3; k++) {
		int64_t len = mmsim_vmallocinfo(s->v, text, sizeof(text));

		expect(len > 0 && (size_t)len < sizeof(text) && text[len - 1] == '\n',
		       "lines are whole");
		snprintf(want, sizeof(want), "0x%016llx-", (unsigned long long)s->kept);
		line = strstr(text, want);
		expect(line && !strstr(line + 1, want), "an area that stays has one line");
	}
}

static void info(struct mmsim *m, uint32_t design)
{
	struct scene s;

	open_scene(&s, m, design, 0);
	expect((s.kept = mmsim_vmalloc(s.v, 3 * PAGE)), "there is room");
	run(&s, CPUS, info_task);
	close_scene(&s);
}

static void vmallocinfo(struct mmsim *m)
{
	info(m, MMSIM_VMAP_NODES);
}

static void vmallocinfo_local(struct mmsim *m)
{
	info(m, MMSIM_VMAP_LOCAL);
}

#define SCENARIO(n, text, function, flag)                                              \
	{                                                                              \
		.name = n, .what = text, .cpus = CPUS, .run = function, .flags = flag, \
		.invariant = scenario_books                                            \
	}

const struct scenario scenarios_vmap_block[] = {
	SCENARIO("block-aliases", "three unmap, and flush what any has unmapped", block_aliases, 0),
	SCENARIO("block-aliases-local", "the same where nodes take back by themselves",
		 block_aliases_local, 0),
	SCENARIO("block-purge", "a block is used, becomes dirty, and is purged", block_purge, 0),
	SCENARIO("block-last", "two unmap what is left of a block", block_last, 0),
	SCENARIO("block-twice", "three unmap the same", block_twice, 0),
	SCENARIO("vread-vfree", "an area is read while it is freed", vread_vfree, MMSIM_BACK_PAGES),
	SCENARIO("vread-block", "a block is read while it is unmapped", vread_block,
		 MMSIM_BACK_PAGES),
	SCENARIO("vmallocinfo", "areas are printed while they come and go", vmallocinfo, 0),
	SCENARIO("vmallocinfo-local", "the same where nodes take back by themselves",
		 vmallocinfo_local, 0),
	{ 0 },
};
