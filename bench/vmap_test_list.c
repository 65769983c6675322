/* SPDX-License-Identifier: MIT */
/* The twelve tests. */
#include "vmap_test_list.h"

#include "vmap_pcpu.h"

#include <stdlib.h>

/* x86-64, with stacks that are mapped. */
#define THREAD_ALIGN (UINT64_C(16) << 10)

/* Frees that are under way at most, T1. */
#define RCU_BATCH 4096

#define PAGES(n) ((uint64_t)(n) << MMSIM_PAGE_SHIFT)
#define GFP_ZEROED (MMSIM_GFP_KERNEL | MMSIM___GFP_ZERO)

static uint8_t random_byte(struct vmap_worker *w)
{
	return (uint8_t)(vmap_next_random(w) >> 56);
}

static void loop_begins(struct vmap_worker *w)
{
	w->loop_began = mmsim_now(w->suite->m);
}

static void loop_ends(struct vmap_worker *w, uint64_t pairs)
{
	w->now->loop_ns += mmsim_now(w->suite->m) - w->loop_began;
	w->now->pairs += pairs;
}

/* T6. */
static uint64_t zero(struct vmap_worker *w, uint64_t addr, uint64_t pages)
{
	if (addr && w->suite->zero_ns)
		mmsim_ndelay(w->suite->m, pages * w->suite->zero_ns);
	return addr;
}

/* What all but a few do: an area, a store to it. */

static uint64_t take(struct vmap_worker *w, uint64_t pages)
{
	const struct vmap_suite *s = w->suite;

	if (!s->zeroed)
		return mmsim_vmalloc(s->v, PAGES(pages));
	if (s->zero_ns)
		return zero(w, mmsim_vmalloc(s->v, PAGES(pages)), pages);
	return mmsim_vmalloc_gfp(s->v, PAGES(pages), GFP_ZEROED);
}

/* Those that want zeroes in any case. */
static uint64_t take_aligned(struct vmap_worker *w, uint64_t pages, uint64_t align)
{
	mmsim_gfp_t gfp = w->suite->zero_ns ? MMSIM_GFP_KERNEL : GFP_ZEROED;

	return zero(w, mmsim_vmalloc_node(w->suite->v, PAGES(pages), align, gfp, 0), pages);
}

static int touch(struct vmap_worker *w, uint64_t addr)
{
	return mmsim_vmalloc_touch(w->suite->v, addr) == UINT64_MAX ? -1 : 0;
}

/* The store, and the end. */
static int touch_and_free(struct vmap_worker *w, uint64_t addr)
{
	if (!addr || touch(w, addr))
		return -1;
	return mmsim_vfree(w->suite->v, addr);
}

static int touch_and_free_later(struct vmap_worker *w, uint64_t addr, uint64_t turn)
{
	if (!addr || touch(w, addr) || mmsim_vfree_atomic(w->suite->v, addr))
		return -1;
	if ((turn + 1) % RCU_BATCH == 0)
		mmsim_vfree_flush(w->suite->v);
	return 0;
}

/* Pointers that are kept in an area, as there; the host keeps what they point to. */

struct pointers {
	uint64_t area;
	uint64_t nr;
	uint64_t *addr;
};

static int pointers_make(struct vmap_worker *w, struct pointers *p, uint64_t nr)
{
	p->nr = nr;
	p->addr = calloc(nr ? nr : 1, sizeof(*p->addr));
	p->area = mmsim_vmalloc(w->suite->v, (nr ? nr : 1) * sizeof(*p->addr));
	return p->addr && p->area ? 0 : -1;
}

static int pointers_free_areas(struct vmap_worker *w, struct pointers *p)
{
	int rc = 0;

	for (uint64_t i = 0; p->addr && i < p->nr; i++) {
		if (mmsim_vfree(w->suite->v, p->addr[i]))
			rc = -1;
		p->addr[i] = 0;
	}
	return rc;
}

static int pointers_end(struct vmap_worker *w, struct pointers *p)
{
	int rc = pointers_free_areas(w, p);

	if (mmsim_vfree(w->suite->v, p->area))
		rc = -1;
	free(p->addr);
	return rc;
}

static int take_into(struct vmap_worker *w, struct pointers *p, uint64_t i)
{
	p->addr[i] = take(w, 1);
	return p->addr[i] ? 0 : -1;
}

/* The tests */

static int fix_size_alloc_test(struct vmap_worker *w)
{
	const struct vmap_suite *s = w->suite;
	int rc = 0;

	loop_begins(w);
	for (uint64_t i = 0; i < s->loops && !rc; i++)
		rc = touch_and_free(
			w, s->huge ? mmsim_vmalloc_huge(s->v, PAGES(s->nr_pages), MMSIM_GFP_KERNEL)
				   : take(w, s->nr_pages));
	loop_ends(w, s->loops);
	return rc;
}

static int one_page_loop(struct vmap_worker *w)
{
	int rc = 0;

	loop_begins(w);
	for (uint64_t i = 0; i < w->suite->loops && !rc; i++)
		rc = touch_and_free(w, take(w, 1));
	loop_ends(w, w->suite->loops);
	return rc;
}

/* Every free stretch is as long as what is asked for. */
static int full_fit_alloc_test(struct vmap_worker *w)
{
	struct pointers kept = { 0 }, junk = { 0 };
	int rc = pointers_make(w, &kept, w->suite->junk);

	if (!rc)
		rc = pointers_make(w, &junk, w->suite->junk);
	for (uint64_t i = 0; i < w->suite->junk && !rc; i++) {
		rc = take_into(w, &kept, i);
		if (!rc)
			rc = take_into(w, &junk, i);
	}
	if (!rc)
		rc = pointers_free_areas(w, &junk);
	if (!rc)
		rc = one_page_loop(w);
	if (pointers_end(w, &junk) | pointers_end(w, &kept))
		rc = -1;
	return rc;
}

static int two_sizes(struct vmap_worker *w)
{
	uint64_t large = take(w, 100), small = large ? take(w, 1) : 0;

	if (!small) {
		mmsim_vfree(w->suite->v, large);
		return -1;
	}
	if (touch(w, large) || touch(w, small))
		return -1;
	return mmsim_vfree(w->suite->v, large) | mmsim_vfree(w->suite->v, small) ? -1 : 0;
}

static int long_busy_list_alloc_test(struct vmap_worker *w)
{
	struct pointers held = { 0 };
	int rc = pointers_make(w, &held, w->suite->held);

	for (uint64_t i = 0; i < w->suite->held && !rc; i++)
		rc = take_into(w, &held, i);
	loop_begins(w);
	for (uint64_t i = 0; i < w->suite->loops && !rc; i++)
		rc = two_sizes(w);
	loop_ends(w, 2 * w->suite->loops);
	return pointers_end(w, &held) ? -1 : rc;
}

static int random_size_alloc_test(struct vmap_worker *w)
{
	int rc = 0;

	loop_begins(w);
	for (uint64_t i = 0; i < w->suite->loops && !rc; i++)
		rc = touch_and_free(w, take(w, 1 + vmap_random_below(w, 100)));
	loop_ends(w, w->suite->loops);
	return rc;
}

static int free_if_there(struct vmap_worker *w, uint64_t addr)
{
	return addr ? mmsim_vfree(w->suite->v, addr) : -1;
}

static int fix_align_alloc_test(struct vmap_worker *w)
{
	int rc = 0;

	loop_begins(w);
	for (uint64_t i = 0; i < w->suite->loops && !rc; i++)
		rc = free_if_there(w, take_aligned(w, 5, 2 * THREAD_ALIGN));
	loop_ends(w, w->suite->loops);
	return rc;
}

static int random_size_align_alloc_test(struct vmap_worker *w)
{
	int rc = 0;

	loop_begins(w);
	for (uint64_t i = 0; i < w->suite->loops && !rc; i++) {
		uint8_t r = random_byte(w);

		rc = free_if_there(w, take_aligned(w, r % 10 + 1, UINT64_C(1) << r % 23));
	}
	loop_ends(w, w->suite->loops);
	return rc;
}

/* Until no address space has such an address. */
static int align_shift_alloc_test(struct vmap_worker *w)
{
	unsigned shift = 0;
	int rc = 0;

	loop_begins(w);
	for (; shift < 64 && !rc; shift++)
		rc = free_if_there(w, take_aligned(w, 1, UINT64_C(1) << shift));
	loop_ends(w, shift);
	return rc;
}

static int pcpu_objects(struct vmap_worker *w, struct vmap_pcpu *p, struct vmap_pcpu_object *o)
{
	uint64_t nr = w->suite->pcpu_objects;
	int rc = 0;

	loop_begins(w);
	for (uint64_t i = 0; i < nr && !rc; i++) {
		size_t size = 1 + vmap_random_below(w, 1024);

		rc = vmap_pcpu_alloc(p, size, (size_t)1 << (1 + vmap_random_below(w, 11)), &o[i]);
	}
	for (uint64_t i = 0; i < nr; i++)
		vmap_pcpu_free(&o[i]);
	if (vmap_pcpu_fini(p))
		rc = -1;
	loop_ends(w, nr);
	return rc;
}

static int pcpu_alloc_test(struct vmap_worker *w)
{
	struct vmap_pcpu_object *o = calloc(w->suite->pcpu_objects + 1, sizeof(*o));
	struct vmap_pcpu p;
	int rc;

	vmap_pcpu_init(&p, w->suite->v, w->suite->nr_cpus);
	rc = o ? pcpu_objects(w, &p, o) : -1;
	free(o);
	return rc;
}

/* Both forms: what tells them apart is how the pointer is handed over. */
static int kvfree_rcu_test(struct vmap_worker *w)
{
	int rc = 0;

	loop_begins(w);
	for (uint64_t i = 0; i < w->suite->loops && !rc; i++)
		rc = touch_and_free_later(w, take(w, 1), i);
	mmsim_vfree_flush(w->suite->v);
	loop_ends(w, w->suite->loops);
	return rc;
}

static int map_and_unmap(struct vmap_worker *w, struct mmsim_page *const *pages)
{
	const struct vmap_suite *s = w->suite;
	uint64_t addr = mmsim_vm_map_ram(s->v, pages, s->nr_pages);
	int rc;

	if (!addr)
		return -1;
	rc = touch(w, addr);
	return mmsim_vm_unmap_ram(s->v, addr, s->nr_pages) ? -1 : rc;
}

static int vm_map_ram_test(struct vmap_worker *w)
{
	const struct vmap_suite *s = w->suite;
	struct mmsim_page **pages = calloc(s->nr_pages, sizeof(struct mmsim_page *));
	size_t got = pages ? mmsim_alloc_pages_bulk(s->m, MMSIM_GFP_KERNEL, s->nr_pages, pages) : 0;
	int rc = got == s->nr_pages ? 0 : -1;

	loop_begins(w);
	for (uint64_t i = 0; i < s->loops && !rc; i++)
		rc = map_and_unmap(w, pages);
	loop_ends(w, s->loops);
	while (got-- > 0)
		if (mmsim_free_pages(s->m, pages[got], 0))
			rc = -1;
	free(pages);
	return rc;
}

static int no_block_alloc_test(struct vmap_worker *w)
{
	const struct vmap_suite *s = w->suite;
	int rc = 0;

	loop_begins(w);
	for (uint64_t i = 0; i < s->loops && !rc; i++)
		rc = free_if_there(w, mmsim_vmalloc_gfp(s->v, PAGES(s->nr_pages),
							random_byte(w) % 2 ? MMSIM_GFP_ATOMIC
									   : MMSIM_GFP_NOWAIT));
	loop_ends(w, s->loops);
	return rc;
}

const struct vmap_test vmap_tests[VMAP_NR_TESTS] = {
	{ "fix_size_alloc_test", fix_size_alloc_test, false },
	{ "full_fit_alloc_test", full_fit_alloc_test, false },
	{ "long_busy_list_alloc_test", long_busy_list_alloc_test, false },
	{ "random_size_alloc_test", random_size_alloc_test, false },
	{ "fix_align_alloc_test", fix_align_alloc_test, false },
	{ "random_size_align_alloc_test", random_size_align_alloc_test, false },
	{ "align_shift_alloc_test", align_shift_alloc_test, true },
	{ "pcpu_alloc_test", pcpu_alloc_test, false },
	{ "kvfree_rcu_1_arg_vmalloc_test", kvfree_rcu_test, false },
	{ "kvfree_rcu_2_arg_vmalloc_test", kvfree_rcu_test, false },
	{ "vm_map_ram_test", vm_map_ram_test, false },
	{ "no_block_alloc_test", no_block_alloc_test, true },
};
