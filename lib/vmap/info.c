/* SPDX-License-Identifier: MIT */
/* /proc/vmallocinfo, and who has an address. */
#include "info.h"

#include "vmalloc.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { MAX_NODES = MMSIM_MAX_NODES };

struct text {
	char *buf;
	size_t len, used;
};

/* I1: goes on counting when the buffer is full. */
static void mm_printf(2, 3) append(struct text *t, const char *format, ...)
{
	size_t left = t->used < t->len ? t->len - t->used : 0;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(left ? t->buf + t->used : NULL, left, format, args);
	va_end(args);
	t->used += n > 0 ? (size_t)n : 0;
}

static void print_range(struct text *t, uint64_t start, uint64_t end)
{
	append(t, "0x%016" PRIx64 "-0x%016" PRIx64 " %7" PRIu64, start, end, end - start);
}

static void print_flags(struct text *t, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} words[] = {
		{ MMSIM_VM_IOREMAP, "ioremap" }, { MMSIM_VM_SPARSE, "sparse" },
		{ MMSIM_VM_ALLOC, "vmalloc" },   { MMSIM_VM_MAP, "vmap" },
		{ MMSIM_VM_USERMAP, "user" },    { MMSIM_VM_DMA_COHERENT, "dma-coherent" },
	};

	for (size_t i = 0; i < mm_array_size(words); i++)
		if (flags & words[i].flag)
			append(t, " %s", words[i].word);
}

/* How many pages on each node. Counterpart: show_numa_info(). */
static void print_nodes(struct text *t, const struct mm_vm_struct *vm)
{
	uint64_t nr[MAX_NODES] = { 0 };

	for (uint64_t i = 0; i < vm->nr_pages; i += UINT64_C(1) << vm->page_order)
		nr[mmsim_page_node(vm->pages[i])] += UINT64_C(1) << vm->page_order;
	for (unsigned node = 0; node < MAX_NODES; node++)
		if (nr[node])
			append(t, " N%u=%" PRIu64, node, nr[node]);
}

static bool has_pages(uint32_t flags)
{
	return flags & (MMSIM_VM_ALLOC | MMSIM_VM_MAP_PUT_PAGES);
}

static void print_vm(struct text *t, const struct mm_vm_struct *vm)
{
	uint32_t flags = mm_vm_flags(vm);

	if (flags & MMSIM_VM_UNINITIALIZED)
		return;
	print_range(t, vm->addr, vm->addr + vm->size);
	if (vm->caller)
		append(t, " %s", vm->caller);
	if (has_pages(flags) && vm->nr_pages)
		append(t, " pages=%" PRIu64, vm->nr_pages);
	if (vm->phys_addr)
		append(t, " phys=0x%016" PRIx64, vm->phys_addr);
	print_flags(t, flags);
	if (vm->array_area)
		append(t, " vpages");
	if (has_pages(flags))
		print_nodes(t, vm);
	append(t, "\n");
}

/* Under the busy lock. */
static void print_area(struct mm_vmap_area *va, void *ctx)
{
	struct text *t = ctx;

	if (va->vm) {
		print_vm(t, va->vm);
	} else if (mm_va_flags(va) & MM_VMAP_RAM) {
		print_range(t, va->va_start, va->va_end);
		append(t, " vm_map_ram\n");
	}
}

static void print_waiting(struct text *t, const mm_list *areas)
{
	mm_list_for_each(e, areas) {
		const struct mm_vmap_area *va = mm_va_of_list(e);

		print_range(t, va->va_start, va->va_end);
		append(t, " unpurged vm_area\n");
	}
}

static void print_batch(struct text *t, const struct mm_vmap_batch *b)
{
	for (unsigned i = 0; i < MM_VMAP_NR_POOLS; i++)
		print_waiting(t, &b->size[i]);
	print_waiting(t, &b->other);
}

/* Counterpart: show_purge_info(). */
static void print_node(struct text *t, struct mmsim_vmap *v, struct mm_vmap_node *n)
{
	if (v->local) {
		mm_spin_lock(&n->pool_lock);
		for (unsigned i = 0; i < MM_VMAP_NR_BATCHES; i++)
			print_batch(t, &n->batch[i]);
		mm_spin_unlock(&n->pool_lock);
	} else {
		mm_spin_lock(&n->lazy_lock);
		/*
		 * As a drain will; with an index it does not, and pools give what was freed last: looking
		 * changes nothing.
		 */
		if (!v->index)
			mm_vmap_sort(&n->lazy);
		print_waiting(t, &n->lazy);
		mm_spin_unlock(&n->lazy_lock);
	}
}

int64_t mm_vmap_text(struct mmsim_vmap *v, char *buf, size_t len)
{
	struct text t = { buf, len, 0 };
	int err = mm_vmap_busy_each(&v->busy, print_area, &t);

	if (err)
		return err;
	for (unsigned i = 0; i < v->nr_nodes; i++) {
		print_node(&t, v, &v->node[i]);
		mm_exec_resched(v->exec);
	}
	if (len && !t.used)
		*buf = '\0';
	return (int64_t)t.used;
}

struct found {
	struct mmsim_vm_area_info *out;
	bool found;
};

static void copy_info(struct mm_vmap_area *va, void *ctx)
{
	struct found *f = ctx;
	const struct mm_vm_struct *vm = va->vm;
	uint32_t flags = vm ? mm_vm_flags(vm) : MMSIM_VM_UNINITIALIZED;

	if (flags & MMSIM_VM_UNINITIALIZED)
		return;
	*f->out = (struct mmsim_vm_area_info){
		.addr = vm->addr,
		.size = vm->size,
		.requested = vm->requested_size,
		.phys = vm->phys_addr,
		.flags = flags,
		.nr_pages = (uint32_t)vm->nr_pages,
		.page_order = vm->page_order,
	};
	f->found = true;
}

int mm_vmap_find_vm_area(struct mmsim_vmap *v, uint64_t addr, struct mmsim_vm_area_info *out)
{
	struct found f = { .out = out };

	mm_vmap_busy_find(&v->busy, addr, copy_info, &f);
	return f.found ? 0 : -ENOENT;
}
