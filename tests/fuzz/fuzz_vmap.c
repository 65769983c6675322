/* SPDX-License-Identifier: MIT */
/*
 * Operation streams against a space of kernel addresses, on a machine of two CPUs and 24 MiB in the serial
 * mode, with checked TLBs. Whatever the stream: no two areas overlap, an access reaches one's own page,
 * refused calls change nothing, and the books balance.
 *
 * Bytes 1 to 4 choose the space and a fault. Then four bytes for each operation:
 *  1: bits 0-4 the operation, bit 7 which CPU.
 *  2: which of the areas that are remembered. An operation that makes one frees the one that is there.
 *  3: how many pages.
 *  4: alignment, range, and what the operation wants besides.
 */
#include <mmsim/mmsim.h>

#include <errno.h>
#include <stdlib.h>

enum {
	NR_AREAS = 64,
	NR_PAGES = 8,
	MAX_BYTES = 4 * 1024,
	RANGE_PAGES = 3000,
	MEMORY_MIB = 24,
	HEAD = 4
};

#define PAGE ((uint64_t)MMSIM_PAGE_SIZE)

enum what { NOTHING, ADDRESSES, MEMORY, MAPPED, PUT, RAM, IO, AREA };

struct area {
	enum what what;
	uint64_t addr, bytes; /* a guard page included */
	unsigned pages;
};

struct world {
	struct mmsim *m;
	struct mmsim_vmap *v;
	struct mmsim_page *page[NR_PAGES]; /* ours, to be mapped */
	struct area area[NR_AREAS];
	bool faulty; /* looking at everything wants memory, which there may not be */
};

struct op {
	struct world *w;
	struct area *area;
	unsigned nr, cpu, pages;
	uint8_t more;
};

static void check(bool right)
{
	if (!right)
		abort();
}

/* NULL: the fault that was asked for came before there was a machine. */
static struct mmsim *make_machine(const uint8_t *data)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));
	struct mmsim *m = NULL;
	int err;

	check(cfg != NULL);
	mmsim_config_defaults(cfg);
	cfg->mode = MMSIM_SERIAL;
	cfg->flags = MMSIM_NO_PREFAULT | MMSIM_CHECK_TLB;
	if (data[0] & 0x20) {
		cfg->fault[MMSIM_FAULT_METADATA].nth = 64 + data[3];
		cfg->fault[MMSIM_FAULT_METADATA].count = 1 + data[2] % 32;
	}
	err = mmsim_config_set_memory(cfg, (uint64_t)MEMORY_MIB << 20);
	if (!err)
		err = mmsim_create(cfg, &m);
	check(!err || (err == -ENOMEM && data[0] & 0x20));
	free(cfg);
	return m;
}

static int make_space(struct world *w, const uint8_t *data)
{
	struct mmsim_vmap_params params = {
		.design = (data[0] & 3) % MMSIM_NR_VMAP_DESIGNS,
		.busy = (data[0] >> 2 & 3) % MMSIM_NR_VMAP_BUSY,
		.backing = data[1] >> 4 & 1,
		.decay = (data[1] >> 5 & 3) % MMSIM_NR_VMAP_DECAYS,
		.levels = data[0] & 0x80 ? 5 : 4,
		.flags = data[0] & 0x10 ? MMSIM_VMAP_FREE_TABLES : 0,
		.pool_cap = data[3] & 7,
		.lazy_max = data[2],
	};

	if (params.design != MMSIM_VMAP_ONE_LOCK)
		params.nodes = data[1] & 3;
	if (data[0] & 0x40) {
		params.start = MMSIM_VMALLOC_START_4;
		params.end = params.start + RANGE_PAGES * PAGE;
	}
	return mmsim_vmap_create(w->m, &params, &w->v);
}

/* What was made is remembered; it is nobody else's. addr 0: nothing was made. */
static void made(const struct op *o, enum what what, uint64_t addr, uint64_t bytes)
{
	struct area *a = o->area;

	if (!addr)
		return;
	for (unsigned i = 0; i < NR_AREAS; i++) {
		const struct area *b = &o->w->area[i];

		check(!b->what || addr >= b->addr + b->bytes || b->addr >= addr + bytes);
	}
	*a = (struct area){ .what = what, .addr = addr, .bytes = bytes, .pages = o->pages };
	check(what == IO || !(addr % PAGE));
}

static int free_as(const struct op *o, enum what what, uint64_t addr, unsigned pages)
{
	struct mmsim_vmap *v = o->w->v;

	switch (what) {
	case ADDRESSES:
		return mmsim_free_vmap_area(v, addr);
	case MEMORY:
	case PUT:
		return mmsim_vfree(v, addr);
	case MAPPED:
		return mmsim_vunmap(v, addr);
	case RAM:
		return mmsim_vm_unmap_ram(v, addr, pages);
	case IO:
		return mmsim_iounmap(v, addr);
	case AREA:
		return mmsim_free_vm_area(v, addr);
	default:
		return 0;
	}
}

static void forget(const struct op *o)
{
	struct area *a = o->area, was = *a;

	if (!a->what)
		return;
	check(!free_as(o, a->what, a->addr, a->pages));
	a->what = NOTHING;
	check(free_as(o, was.what, was.addr, was.pages) == -EINVAL);
}

/* Making */

static void take_addresses(const struct op *o)
{
	struct mmsim_vmap_params p;
	uint64_t align = PAGE << (o->more & 7), addr = 0, start = 0, end = 0, bytes;
	unsigned pages = o->pages * (o->more & 8 ? 16 : 1);
	mmsim_gfp_t gfp = o->more & 0x80 ? MMSIM_GFP_NOWAIT : MMSIM_GFP_KERNEL;
	int err;

	check(!mmsim_vmap_params_of(o->w->v, &p));
	if (o->more & 0x10) {
		start = p.start + (o->more >> 5 & 3) * 500 * PAGE;
		end = start + 700 * PAGE;
	}
	bytes = pages * PAGE;
	err = mmsim_alloc_vmap_area(o->w->v, bytes, align, start, end, gfp, &addr);
	check(!err || err == -EBUSY || err == -ENOMEM);
	check(err || (!(addr % align) && addr >= start && (!end || addr + bytes <= end)));
	if (!err)
		made(o, ADDRESSES, addr, bytes);
}

static void take_memory(const struct op *o)
{
	struct mmsim_vmalloc_request r = {
		.size = o->pages * PAGE - (o->more & 0x40 ? 123 : 0),
		.align = o->more & 0x20 ? PAGE << (o->more & 7) : 0,
		.gfp = o->more & 8 ? MMSIM_GFP_ATOMIC : MMSIM_GFP_KERNEL,
		.node = MMSIM_NUMA_NO_NODE,
		.vm_flags = o->more & 0x10 ? MMSIM_VM_NO_GUARD : 0,
		.caller = "fuzz",
	};

	if (o->more & 0x80) {
		r.vm_flags |= MMSIM_VM_ALLOW_HUGE_VMAP;
		r.size += (uint64_t)512 * PAGE;
	}
	made(o, MEMORY, mmsim_vmalloc_request(o->w->v, &r),
	     (r.size + PAGE - 1) / PAGE * PAGE + (r.vm_flags & MMSIM_VM_NO_GUARD ? 0 : PAGE));
	o->area->pages = (unsigned)((r.size + PAGE - 1) / PAGE);
}

static void map_pages(const struct op *o)
{
	struct mmsim_page *page[256];

	for (unsigned i = 0; i < o->pages; i++)
		page[i] = o->w->page[(i + o->more) % NR_PAGES];
	if (o->nr & 1)
		made(o, RAM, mmsim_vm_map_ram(o->w->v, page, o->pages), o->pages * PAGE);
	else
		made(o, MAPPED, mmsim_vmap_pages(o->w->v, page, o->pages, 0),
		     (o->pages + 1) * PAGE);
}

/* Pages that the area owns then. */
static void put_pages(const struct op *o)
{
	struct mmsim_page *page[NR_PAGES];
	unsigned nr = 0;

	if (o->pages > NR_PAGES)
		return;
	while (nr < o->pages && (page[nr] = mmsim_alloc_pages(o->w->m, MMSIM_GFP_KERNEL, 0)))
		nr++;
	if (nr == o->pages)
		made(o, PUT, mmsim_vmap_pages(o->w->v, page, nr, MMSIM_VM_MAP_PUT_PAGES),
		     (nr + 1) * PAGE);
	while (!o->area->what && nr--)
		check(!mmsim_free_pages(o->w->m, page[nr], 0));
}

static void take_others(const struct op *o)
{
	uint64_t phys = UINT64_C(0xfe000000) + o->more * 0x200, bytes = o->pages * PAGE;

	if (o->more & 1)
		made(o, AREA,
		     mmsim_get_vm_area(o->w->v, bytes, MMSIM_VM_SPARSE | MMSIM_VM_NO_GUARD), bytes);
	else
		made(o, IO, mmsim_ioremap(o->w->v, phys, bytes), bytes);
}

/* Looking */

static bool has_pages(const struct area *a)
{
	return a->what == MEMORY || a->what == MAPPED || a->what == PUT || a->what == RAM;
}

static void touch(const struct op *o)
{
	const struct area *a = o->area;
	uint64_t addr = a->addr + (a->pages ? o->pages % a->pages : 0) * PAGE;
	uint64_t pfn = mmsim_vmalloc_touch(o->w->v, addr);
	struct mmsim_page *page = mmsim_vmalloc_to_page(o->w->v, addr);

	if (has_pages(a))
		check(page && mmsim_page_to_pfn(o->w->m, page) == pfn);
	if (a->what == RAM || a->what == MAPPED) {
		bool ours = false;

		for (unsigned i = 0; i < NR_PAGES; i++)
			ours |= page == o->w->page[i];
		check(ours);
	}
	if (a->what == ADDRESSES || a->what == AREA)
		check(!page && pfn == UINT64_MAX);
}

static void find(const struct op *o)
{
	const struct area *a = o->area;
	uint64_t first = a->addr / PAGE * PAGE;
	uint64_t addr = first + (a->what ? o->pages * PAGE % a->bytes / PAGE * PAGE : 0);
	struct mmsim_vm_area_info at;
	int err = mmsim_find_vm_area(o->w->v, addr, &at);

	check(!err || err == -ENOENT);
	if (a->what == ADDRESSES || a->what == RAM)
		check(err == -ENOENT);
	else if (a->what)
		check(!err && at.addr == first && at.size >= a->bytes);
}

static void read_some(const struct op *o)
{
	char *buf = malloc(16 * PAGE);
	uint64_t bytes = o->pages % 16 * PAGE + o->more;
	size_t got;

	check(buf != NULL);
	got = mmsim_vread(o->w->v, o->area->addr - o->more, buf,
			  bytes <= 16 * PAGE ? bytes : 16 * PAGE);
	check(got <= bytes);
	free(buf);
}

static void list(const struct op *o)
{
	int64_t all = mmsim_vmallocinfo(o->w->v, NULL, 0);
	char text[700];

	check(all >= 0 || all == -ENOMEM);
	if (all >= 0 && mmsim_vmallocinfo(o->w->v, text, sizeof(text)) == all &&
	    (size_t)all < sizeof(text))
		check(!text[all]);
}

/* Going */

static void validate(const struct world *w)
{
	if (!w->faulty)
		mmsim_vmap_validate(w->v);
}

/* As something else, not from its beginning, or with what cannot be. */
static void wrong(const struct op *o)
{
	const struct area *a = o->area;
	struct mmsim_vmap *v = o->w->v;
	uint64_t addr;

	for (unsigned as = ADDRESSES; as <= AREA; as++)
		if (as != a->what && !(as == MAPPED && a->what == PUT) &&
		    !(a->what == MEMORY && as == PUT) && !(a->what == PUT && as == MEMORY))
			check(!a->what || free_as(o, (enum what)as, a->addr, a->pages) == -EINVAL);
	if (a->what && a->what != IO && a->bytes > PAGE)
		check(free_as(o, a->what, a->addr + PAGE, a->pages) == -EINVAL);
	check(mmsim_alloc_vmap_area(v, PAGE * o->pages + 1 + o->more, PAGE, 0, 0, 0, &addr) ==
	      -EINVAL);
	check(mmsim_alloc_vmap_area(v, PAGE, 3 * PAGE, 0, 0, 0, &addr) == -EINVAL);
	check(mmsim_alloc_vmap_area(v, PAGE, 0, 2 * PAGE, PAGE, 0, &addr) == -EINVAL);
	check(!mmsim_vmalloc(v, UINT64_MAX - o->more) && !mmsim_vmalloc(v, 0));
}

static void defer(const struct op *o)
{
	if ((o->area->what == MEMORY || o->area->what == PUT) &&
	    !mmsim_vfree_atomic(o->w->v, o->area->addr))
		o->area->what = NOTHING;
}

static void make(const struct op *o)
{
	forget(o);
	switch (o->nr) {
	case 0 ... 3:
		take_addresses(o);
		break;
	case 4 ... 7:
		take_memory(o);
		break;
	case 8 ... 11:
		map_pages(o);
		break;
	case 12:
		put_pages(o);
		break;
	default:
		take_others(o);
	}
}

static void operate(const struct op *o)
{
	struct mmsim_vmap *v = o->w->v;

	switch (o->nr) {
	case 0 ... 14:
		make(o);
		break;
	case 15 ... 18:
		forget(o);
		break;
	case 19:
		defer(o);
		break;
	case 20:
		mmsim_vfree_flush(v);
		break;
	case 21 ... 22:
		touch(o);
		break;
	case 23:
		find(o);
		break;
	case 24:
		read_some(o);
		break;
	case 25:
		list(o);
		break;
	case 26:
		wrong(o);
		break;
	case 27:
		mmsim_vmap_purge(v, o->more & 1);
		break;
	case 28:
		mmsim_vmap_shrink_scan(v);
		break;
	case 29:
		mmsim_vm_unmap_aliases(v);
		break;
	default:
		validate(o->w);
	}
}

static void run_on(unsigned cpu, void *arg)
{
	const struct op *o = arg;

	if (cpu == o->cpu)
		operate(o);
}

static void step(struct world *w, const uint8_t *b)
{
	struct op o = {
		.w = w,
		.area = &w->area[b[1] % NR_AREAS],
		.nr = b[0] & 31,
		.cpu = b[0] >> 7,
		.pages = 1 + b[2] % 200u,
		.more = b[3],
	};

	mmsim_run(w->m, 2, run_on, &o);
}

/* What is left is the space's to free, but for our pages. */
static void end(struct world *w, uint64_t before)
{
	validate(w);
	mmsim_vmap_destroy(w->v);
	for (unsigned i = 0; i < NR_PAGES; i++)
		check(!mmsim_free_pages(w->m, w->page[i], 0));
	mmsim_drain_all_pages(w->m);
	check(mmsim_validate(w->m) == before);
	mmsim_destroy(w->m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { 0 };
	uint64_t before;

	if (size < HEAD)
		return 0;
	w.faulty = data[0] & 0x20;
	w.m = make_machine(data);
	if (!w.m)
		return 0;
	before = mmsim_validate(w.m);
	if (make_space(&w, data)) {
		mmsim_destroy(w.m);
		return 0;
	}
	for (unsigned i = 0; i < NR_PAGES; i++) {
		w.page[i] = mmsim_alloc_pages(w.m, MMSIM_GFP_KERNEL, 0);
		check(w.page[i] != NULL);
	}
	for (size_t i = HEAD; i + 4 <= size && i < MAX_BYTES; i += 4)
		step(&w, data + i);
	end(&w, before);
	return 0;
}
