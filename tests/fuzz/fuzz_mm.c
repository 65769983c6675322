/* SPDX-License-Identifier: MIT */
/*
 * Operation streams against address spaces: three of them and a file, on a machine of two CPUs and 24 MiB
 * in the serial mode, with checked TLBs. Whatever the stream, refused calls change nothing, what is
 * unmapped is gone, what was stored to is there, and the books balance.
 *
 * Bytes 1 to 3 choose the machine. Then four bytes for each operation:
 *  1: bits 0-4 the operation, bits 5-6 which address space, bit 7 which CPU.
 *  2: where: 64 KiB each, from below a multiple of 1 GiB on, or up to the last page.
 *  3: how many pages; with bit 7 32 times as many.
 *  4: rights, which of the two places, and what the operation wants besides.
 */
#include <mmsim/mmsim.h>

#include <errno.h>
#include <stdlib.h>

enum { NR_MM = 3, FILE_PAGES = 200, MAX_BYTES = 4 * 1024 };

#define STEP UINT64_C(0x10000)
#define LOW ((UINT64_C(1) << 30) - 128 * STEP)
#define RIGHTS (MMSIM_PROT_READ | MMSIM_PROT_WRITE)

struct world {
	struct mmsim *m;
	struct mmsim_mm *mm[NR_MM]; /* NULL: it has gone */
	struct mmsim_file *file;
	struct mmsim_mm_params params;
};

struct op {
	struct world *w;
	struct mmsim_mm *mm;
	unsigned nr, which, cpu;
	uint64_t addr, length;
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
	if (data[0] & 0x10)
		cfg->policy.allocator = MMSIM_ALLOCATOR_BITMAP;
	if (data[0] & 0x20) {
		cfg->fault[MMSIM_FAULT_METADATA].nth = 64 + data[1] * 4u;
		cfg->fault[MMSIM_FAULT_METADATA].count = 1 + data[2] % 32;
	}
	err = mmsim_config_set_memory(cfg, UINT64_C(24) << 20);
	if (!err)
		err = mmsim_create(cfg, &m);
	check(!err || (err == -ENOMEM && data[0] & 0x20));
	free(cfg);
	return m;
}

/* Areas and accesses */

static bool is_mapped(const struct op *o, uint64_t addr)
{
	struct mmsim_mapping at;

	return mmsim_mm_lookup(o->mm, addr, &at) == 0;
}

static void map(const struct op *o)
{
	static const uint32_t how[] = { MMSIM_MAP_FIXED, 0, MMSIM_MAP_FIXED_NOREPLACE,
					MMSIM_MAP_FIXED | MMSIM_MAP_POPULATE };
	bool file = o->nr & 1;
	uint32_t flags = (o->more & RIGHTS) | how[o->more >> 3 & 3];
	struct mmsim_area_info area;
	uint64_t at = 0;

	if (file && o->more & 0x20)
		flags |= MMSIM_MAP_SHARED;
	if (mmsim_mmap(o->mm, o->addr, o->length, flags, file ? o->w->file : NULL,
		       file ? (uint64_t)(o->more >> 6) * 16 * MMSIM_PAGE_SIZE : 0, &at))
		return;
	check(!(flags & (MMSIM_MAP_FIXED | MMSIM_MAP_FIXED_NOREPLACE)) || at == o->addr);
	check(!mmsim_area_info(o->mm, at, &area) && area.start <= at &&
	      area.end >= at + o->length && area.file == (file ? o->w->file : NULL));
}

static void unmap(const struct op *o)
{
	struct mmsim_area_info area;

	if (mmsim_munmap(o->mm, o->addr, o->length))
		return;
	check(!is_mapped(o, o->addr) && !is_mapped(o, o->addr + o->length - 1));
	check(mmsim_area_info(o->mm, o->addr, &area) || area.start >= o->addr + o->length);
}

static void touch(const struct op *o)
{
	bool write = o->more & MMSIM_PROT_WRITE;
	struct mmsim_mapping at;
	uint64_t end = o->addr + o->length;

	for (uint64_t addr = o->addr; addr < end; addr += MMSIM_PAGE_SIZE) {
		int err = mmsim_touch(o->mm, addr, write);

		check(!err || err == -EFAULT || err == -ENOMEM);
		if (err)
			return;
		check(!mmsim_mm_lookup(o->mm, addr, &at) && at.accessed);
		check(!write || (at.writable && at.dirty));
	}
}

static void advise(const struct op *o)
{
	mmsim_madvise(o->mm, o->addr, o->length, o->more >> 4 & 3);
}

/* Whole address spaces */

static void gone(const struct op *o)
{
	mmsim_mm_destroy(o->mm);
	o->w->mm[o->which] = NULL;
}

static void fork_to(const struct op *o)
{
	unsigned to = (o->which + 1 + (o->more & 1)) % NR_MM;
	struct mmsim_mm *child;

	if (mmsim_mm_fork(o->mm, &child))
		return;
	mmsim_mm_destroy(o->w->mm[to]);
	o->w->mm[to] = child;
}

static void reap(const struct op *o)
{
	struct mmsim_mm_info info;
	uint64_t pages;

	if (mmsim_oom_reap(o->mm, &pages))
		return;
	check(!mmsim_mm_info(o->mm, &info) && !info.anon_pages);
}

static void leave(const struct op *o)
{
	struct mmsim_mm_info info;

	mmsim_mm_exit(o->mm);
	check(!mmsim_mm_info(o->mm, &info) && info.table_pages == 1 && !info.map_count);
	check(mmsim_mmap(o->mm, 0, STEP, RIGHTS, NULL, 0, NULL) != 0);
}

/* The machine and the file */

static void set_teardown(const struct op *o)
{
	const struct mmsim_teardown how = {
		.way = o->more & 3,
		.free = o->more >> 2 & 3,
		.threshold = o->length / MMSIM_PAGE_SIZE,
		.max_batches = o->more >> 4,
		.chunk_pages = 512 * (o->addr / STEP % 4),
	};

	check((mmsim_set_teardown(o->w->m, &how) == -EINVAL) ==
	      ((o->more & 3) == 3 || (o->more & 12) == 12));
}

static void use_file(const struct op *o)
{
	switch (o->more & 3) {
	case 0:
		mmsim_file_sync(o->w->file);
		break;
	case 1:
		mmsim_file_drop(o->w->file);
		break;
	case 2:
		mmsim_file_read(o->w->file, o->addr / STEP % 256, o->length / MMSIM_PAGE_SIZE);
		break;
	default:
		if (!mmsim_file_destroy(o->w->file))
			mmsim_file_create(o->w->m, FILE_PAGES, &o->w->file);
	}
}

static void operate(const struct op *o)
{
	switch (o->nr) {
	case 0 ... 5:
		map(o);
		break;
	case 6 ... 9:
		unmap(o);
		break;
	case 10 ... 15:
		touch(o);
		break;
	case 16 ... 18:
		advise(o);
		break;
	case 19:
	case 20:
		mmsim_populate(o->mm, o->addr, o->length, o->more & MMSIM_PROT_WRITE);
		break;
	case 21:
	case 22:
		fork_to(o);
		break;
	case 23:
		reap(o);
		break;
	case 24:
		leave(o);
		break;
	case 25:
		gone(o);
		break;
	case 26:
		set_teardown(o);
		break;
	case 27:
	case 28:
		use_file(o);
		break;
	case 29:
		mmsim_mm_enter_lazy(o->w->m);
		break;
	case 30:
		mmsim_drain_all_pages(o->w->m);
		break;
	default:
		mmsim_mm_validate(o->mm);
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
	unsigned which = (b[0] >> 5 & 3) % NR_MM;
	uint64_t top = w->params.levels == 5 ? MMSIM_TASK_SIZE_5 : MMSIM_TASK_SIZE_4;
	uint64_t low = b[3] & 4 ? top - 256 * STEP : LOW;
	struct op o = {
		.w = w,
		.nr = b[0] & 31,
		.which = which,
		.cpu = b[0] >> 7,
		.addr = low + b[1] * STEP,
		.length = (b[2] & 0x80 ? (b[2] & 0x7f) * 32u : b[2]) * MMSIM_PAGE_SIZE,
		.more = b[3],
	};

	if (!w->mm[which] && mmsim_mm_create(w->m, &w->params, &w->mm[which]))
		return;
	o.mm = w->mm[which];
	mmsim_run(w->m, 2, run_on, &o);
}

static void end(struct world *w, uint64_t before)
{
	for (unsigned i = 0; i < NR_MM; i++) {
		if (w->mm[i])
			mmsim_mm_validate(w->mm[i]);
		mmsim_mm_destroy(w->mm[i]);
	}
	check(!mmsim_file_destroy(w->file));
	mmsim_drain_all_pages(w->m);
	check(mmsim_validate(w->m) == before);
	mmsim_destroy(w->m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { 0 };
	uint64_t before;

	if (size < 3)
		return 0;
	w.m = make_machine(data);
	if (!w.m)
		return 0;
	w.params.levels = data[0] & 1 ? 5 : 4;
	w.params.thp = (data[0] >> 1 & 3) % MMSIM_NR_THP;
	before = mmsim_validate(w.m);
	mmsim_file_create(w.m, FILE_PAGES, &w.file);
	for (size_t i = 3; i + 4 <= size && i < MAX_BYTES; i += 4)
		step(&w, data + i);
	end(&w, before);
	return 0;
}
