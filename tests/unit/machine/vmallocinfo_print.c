/* SPDX-License-Identifier: MIT */
/*
 * vmallocinfo_print DESIGN: /proc/vmallocinfo of a space that has been used at random, for
 * vmallocinfo_parse.py.
 *
 * Before it one line with what the library counts, "# name value …".
 */
#include "sim_config.h"
#include <inttypes.h>
#include <mmsim/vmalloc.h>

enum { CPUS = 4, KEPT = 256, ROUNDS = 4000, PAGES = 32768, MOST_RAM = 100 };

enum kind { NONE, VMALLOC, UNGUARDED, VMAP, RAM, IOREMAP, AREA, BARE, NR_KINDS };

struct one {
	enum kind kind;
	uint64_t addr;
	unsigned nr; /* of RAM */
};

struct state {
	struct mmsim *m;
	struct mmsim_vmap *v;
	struct mmsim_page *page[MOST_RAM];
	struct one one[KEPT];
	uint64_t random;
};

static unsigned below(struct state *s, unsigned n)
{
	s->random = s->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(s->random >> 33) % n;
}

static uint64_t request(struct state *s, uint64_t size, uint32_t flags)
{
	const struct mmsim_vmalloc_request r = { .size = size,
						 .gfp = MMSIM_GFP_KERNEL,
						 .node = MMSIM_NUMA_NO_NODE,
						 .vm_flags = flags,
						 .caller = below(s, 2) ? "load_module+0x1f/0x200"
								       : NULL };

	return mmsim_vmalloc_request(s->v, &r);
}

static void make(struct state *s, struct one *o)
{
	uint64_t size = 1 + below(s, below(s, 8) ? 100000 : 4000000);

	o->kind = (enum kind)(1 + below(s, NR_KINDS - 1));
	o->nr = 1 + below(s, MOST_RAM);
	if (o->kind == VMALLOC || o->kind == UNGUARDED)
		o->addr = request(s, size, o->kind == UNGUARDED ? MMSIM_VM_NO_GUARD : 0);
	else if (o->kind == VMAP)
		o->addr = mmsim_vmap_pages(s->v, s->page, o->nr, 0);
	else if (o->kind == RAM)
		o->addr = mmsim_vm_map_ram(s->v, s->page, o->nr);
	else if (o->kind == IOREMAP)
		o->addr = mmsim_ioremap(s->v, 0xfe000000 + below(s, 1 << 20), size);
	else if (o->kind == AREA)
		o->addr = mmsim_get_vm_area(s->v, size, below(s, 2) ? MMSIM_VM_SPARSE : 0);
	else if (mmsim_alloc_vmap_area(s->v, o->nr * (uint64_t)MMSIM_PAGE_SIZE, 1, 0, 0,
				       MMSIM_GFP_KERNEL, &o->addr))
		o->addr = 0;
	if (!o->addr)
		o->kind = NONE;
}

static int unmake(struct state *s, struct one *o)
{
	switch (o->kind) {
	case VMALLOC:
	case UNGUARDED:
		return mmsim_vfree(s->v, o->addr);
	case VMAP:
		return mmsim_vunmap(s->v, o->addr);
	case RAM:
		return mmsim_vm_unmap_ram(s->v, o->addr, o->nr);
	case IOREMAP:
		return mmsim_iounmap(s->v, o->addr);
	case AREA:
		return mmsim_free_vm_area(s->v, o->addr);
	case BARE:
		return mmsim_free_vmap_area(s->v, o->addr);
	case NONE:
	case NR_KINDS:
		break;
	}
	return 0;
}

static int use(struct state *s)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct one *o = &s->one[below(s, KEPT)];

		if (unmake(s, o))
			return 1;
		make(s, o);
	}
	return 0;
}

static void print(struct state *s)
{
	int64_t len = mmsim_vmallocinfo(s->v, NULL, 0);
	char *text = malloc((size_t)len + 1);
	struct mmsim_vmap_info info;
	unsigned nr[NR_KINDS] = { 0 };

	if (!text || mmsim_vmallocinfo(s->v, text, (size_t)len + 1) != len ||
	    mmsim_vmap_info(s->v, &info))
		abort();
	for (unsigned i = 0; i < KEPT; i++)
		nr[s->one[i].kind]++;
	printf("# nodes %" PRIu64 " busy %" PRIu64 " lazy %" PRIu64 " pages %" PRIu64
	       " blocks %" PRIu64 " unguarded %u bare %u\n",
	       info.nodes, info.busy, info.lazy, info.pages, info.blocks, nr[UNGUARDED], nr[BARE]);
	fputs(text, stdout);
	free(text);
}

int main(int argc, char **argv)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 2, 2, CPUS / 2);
	struct mmsim_vmap_params params = { .design = argc > 1 ? (uint32_t)atoi(argv[1]) : 0 };
	struct state s = { .random = 5 };
	int bad;

	for (unsigned node = 0; node < 2; node++)
		sim_ram(cfg, node, SIM_NORMAL + node * 2 * SIM_SECTION, PAGES);
	bad = mmsim_create(cfg, &s.m);
	free(cfg);
	if (bad || mmsim_vmap_create(s.m, &params, &s.v))
		return 1;
	for (unsigned i = 0; i < MOST_RAM; i++)
		s.page[i] = mmsim_alloc_pages(s.m, MMSIM_GFP_KERNEL, 0);
	bad = use(&s);
	if (!bad)
		print(&s);
	mmsim_vmap_destroy(s.v);
	mmsim_destroy(s.m);
	return bad;
}
