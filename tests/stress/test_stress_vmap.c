/* SPDX-License-Identifier: MIT */
/*
 * Native threads at one space of kernel addresses, a small one, in every design: areas, vmalloc, vmap,
 * vm_map_ram, ioremap, deferred frees, drains, the shrinker, and those who look. No two have an address or
 * a page at the same time, whoever has one reaches its own page through his TLB, and in the end every page
 * is back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "first_failure.h"
#include "mm_rig.h"
#include "time_box.h"
#include "vmap_tests.h"

enum { TASKS = 5, CPUS = 4, PAGES = 65536, SPACE = 16384, KEPT = 24, OWN = 80, BOX_MS = 250 };

#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))
#define START MMSIM_VMALLOC_START_4
#define END (START + SPACE * RIG_PAGE)

enum { ALIGN_SHIFT = 64, NO_BLOCK = 2048 }; /* of the mask of the kernel's tests */

enum kind { NOTHING, AREA, VMALLOC, VMAP, MAP_RAM, IOREMAP, NAMED, NR_KINDS };

struct crowd;

/* What a member has at the moment. */
struct kept {
	enum kind kind;
	uint64_t addr;
	uint64_t nr; /* pages, without a guard page */
	uint64_t first; /* of its own pages, where those are mapped */
};

struct member {
	struct crowd *crowd;
	uint64_t random, rounds;
	struct mmsim_page *page[OWN];
	struct kept kept[KEPT];
	char text[1 << 14];
};

struct crowd {
	struct mmsim *m;
	struct mmsim_vmap *v;
	uint64_t end;
	struct first_failure failure;
	unsigned char taken[SPACE]; /* atomic: pages of addresses that somebody has */
	unsigned char used[PAGES]; /* atomic: page frames that are behind somebody's vmalloc() */
	struct member member[TASKS];
};

/* xorshift64 */
static uint64_t below(struct member *b, uint64_t n)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random % n;
}

#define expect(b, cond, got) expect_in_task(&(b)->crowd->failure, cond, got)

/* Whose it is */

static void claim(struct member *b, unsigned char *map, uint64_t i, uint64_t most)
{
	expect(b, i < most && !__atomic_exchange_n(&map[i], 1, __ATOMIC_RELAXED), i);
}

static void disclaim(struct member *b, unsigned char *map, uint64_t i, uint64_t most)
{
	expect(b, i < most && __atomic_exchange_n(&map[i], 0, __ATOMIC_RELAXED), i);
}

static void claim_addresses(struct member *b, const struct kept *k)
{
	for (uint64_t i = 0; i < k->nr; i++)
		claim(b, b->crowd->taken, (k->addr - START) / RIG_PAGE + i, SPACE);
}

static void disclaim_addresses(struct member *b, const struct kept *k)
{
	for (uint64_t i = 0; i < k->nr; i++)
		disclaim(b, b->crowd->taken, (k->addr - START) / RIG_PAGE + i, SPACE);
}

static uint64_t frame(struct member *b, const struct kept *k, uint64_t i)
{
	struct mmsim_page *page = mmsim_vmalloc_to_page(b->crowd->v, k->addr + i * RIG_PAGE);

	expect(b, page, k->addr + i * RIG_PAGE);
	return page ? mmsim_page_to_pfn(b->crowd->m, page) - SIM_NORMAL : 0;
}

static void own_frames(struct member *b, const struct kept *k,
		       void (*change)(struct member *b, unsigned char *map, uint64_t i,
				      uint64_t most))
{
	for (uint64_t i = 0; i < k->nr; i++)
		change(b, b->crowd->used, frame(b, k, i), PAGES);
}

/* Taking */

static void take_vmalloc(struct member *b, struct kept *k)
{
	struct mmsim_vmap *v = b->crowd->v;
	uint64_t bytes = k->nr * RIG_PAGE;

	switch (below(b, 4)) {
	case 0:
		k->addr = mmsim_vmalloc_gfp(v, bytes,
					    below(b, 2) ? MMSIM_GFP_ATOMIC : MMSIM_GFP_NOWAIT);
		break;
	case 1:
		k->addr = mmsim_vmalloc_node(v, bytes, RIG_PAGE << below(b, 6), MMSIM_GFP_KERNEL,
					     (int)below(b, 2));
		break;
	case 2:
		k->addr = mmsim_vmalloc_huge(v, bytes, MMSIM_GFP_KERNEL);
		break;
	default:
		k->addr = mmsim_vmalloc(v, bytes);
	}
	if (k->addr)
		own_frames(b, k, claim);
}

/* The same page may be in several places at once. */
static void take_mapped(struct member *b, struct kept *k)
{
	struct mmsim_vmap *v = b->crowd->v;

	if (k->nr > OWN)
		k->nr = OWN;
	k->first = below(b, OWN - k->nr + 1);
	k->addr = k->kind == VMAP ? mmsim_vmap_pages(v, &b->page[k->first], k->nr, 0)
				  : mmsim_vm_map_ram(v, &b->page[k->first], (unsigned)k->nr);
}

static void take_area(struct member *b, struct kept *k)
{
	static const mmsim_gfp_t gfp[] = { MMSIM_GFP_KERNEL, MMSIM_GFP_NOWAIT };
	bool part = below(b, 4) == 0;
	int err = mmsim_alloc_vmap_area(b->crowd->v, k->nr * RIG_PAGE, RIG_PAGE << below(b, 4),
					part ? START + SPACE / 4 * RIG_PAGE : 0, part ? END : 0,
					gfp[below(b, 2)], &k->addr);

	expect(b, !err || err == -EBUSY, -err);
	k->addr = err ? 0 : k->addr;
}

static void take(struct member *b, struct kept *k)
{
	struct mmsim_vmap *v = b->crowd->v;

	*k = (struct kept){ .kind = (enum kind)(1 + below(b, NR_KINDS - 1)),
			    .nr = 1 + below(b, below(b, 8)    ? 20
					       : below(b, 40) ? 300
							      : 1100) };
	if (k->kind == AREA)
		take_area(b, k);
	else if (k->kind == VMALLOC)
		take_vmalloc(b, k);
	else if (k->kind == IOREMAP)
		k->addr = mmsim_ioremap(v, UINT64_C(1) << 40, k->nr * RIG_PAGE);
	else if (k->kind == NAMED)
		k->addr = mmsim_get_vm_area(v, k->nr * RIG_PAGE, 0);
	else
		take_mapped(b, k);
	if (k->addr)
		claim_addresses(b, k);
	else
		k->kind = NOTHING;
}

/* Looking */

/* The frame that page i of it must lead to; UINT64_MAX: none. */
static uint64_t frame_behind(struct member *b, const struct kept *k, uint64_t i)
{
	switch (k->kind) {
	case VMALLOC:
		return SIM_NORMAL + frame(b, k, i);
	case VMAP:
	case MAP_RAM:
		return mmsim_page_to_pfn(b->crowd->m, b->page[k->first + i]);
	case IOREMAP:
		return (UINT64_C(1) << 40) / RIG_PAGE + i;
	default:
		return UINT64_MAX;
	}
}

static void look_inside(struct member *b, const struct kept *k)
{
	struct mmsim_vm_area_info info;
	uint64_t i = below(b, k->nr), addr = k->addr + i * RIG_PAGE + below(b, RIG_PAGE);
	int err = mmsim_find_vm_area(b->crowd->v, addr, &info);

	if (k->kind == AREA || k->kind == MAP_RAM)
		expect(b, err == -ENOENT, addr);
	else
		expect(b, !err && info.addr == k->addr && info.size > k->nr * RIG_PAGE, addr);
	/* V2: by a translation that is not out of date. */
	expect(b, mmsim_vmalloc_touch(b->crowd->v, addr) == frame_behind(b, k, i), addr);
}

static void read_it(struct member *b, const struct kept *k)
{
	uint64_t bytes = k->nr * RIG_PAGE;
	size_t most = bytes < sizeof(b->text) ? bytes : sizeof(b->text);

	memset(b->text, 1, most);
	mmsim_vread(b->crowd->v, k->addr, b->text, most);
}

static void read_all(struct member *b)
{
	int64_t len = mmsim_vmallocinfo(b->crowd->v, b->text, sizeof(b->text));

	expect(b, len >= 0, -len);
	expect(b, !len || !strncmp(b->text, "0x", 2), len);
}

/* Giving back */

static void refused(struct member *b, const struct kept *k)
{
	struct mmsim_vmap *v = b->crowd->v;

	if (k->kind != VMALLOC)
		expect(b, mmsim_vfree(v, k->addr) == -EINVAL, k->addr);
	if (k->kind != AREA)
		expect(b, mmsim_free_vmap_area(v, k->addr) == -EINVAL, k->addr);
	expect(b, mmsim_vfree(v, k->addr + RIG_PAGE / 2) == -EINVAL, k->addr);
}

static int give_back(struct member *b, const struct kept *k)
{
	struct mmsim_vmap *v = b->crowd->v;

	switch (k->kind) {
	case AREA:
		return mmsim_free_vmap_area(v, k->addr);
	case VMALLOC:
		own_frames(b, k, disclaim);
		return below(b, 4) ? mmsim_vfree(v, k->addr) : mmsim_vfree_atomic(v, k->addr);
	case VMAP:
		return mmsim_vunmap(v, k->addr);
	case MAP_RAM:
		return mmsim_vm_unmap_ram(v, k->addr, (unsigned)k->nr);
	case IOREMAP:
		return mmsim_iounmap(v, k->addr);
	case NAMED:
		return mmsim_free_vm_area(v, k->addr);
	default:
		return -EINVAL;
	}
}

static void give(struct member *b, struct kept *k)
{
	int err;

	disclaim_addresses(b, k);
	err = give_back(b, k);
	expect(b, !err, -err);
	k->kind = NOTHING;
}

/* What a kernel does on the side. */
static void maintain(struct member *b)
{
	struct mmsim_vmap *v = b->crowd->v;
	struct mmsim_vmap_info info;

	switch (below(b, 8)) {
	case 0:
		mmsim_vmap_purge(v, below(b, 2));
		break;
	case 1:
		mmsim_vmap_shrink_count(v);
		mmsim_vmap_shrink_scan(v);
		break;
	case 2:
		mmsim_vm_unmap_aliases(v);
		break;
	case 3:
		mmsim_vfree_flush(v);
		break;
	case 4:
		expect(b, !mmsim_vmap_info(v, &info), 0);
		break;
	default:
		read_all(b);
	}
}

static void step(struct member *b)
{
	struct kept *k = &b->kept[below(b, KEPT)];

	if (below(b, 100) == 0)
		maintain(b);
	else if (k->kind == NOTHING)
		take(b, k);
	else if (below(b, 3) == 0)
		look_inside(b, k);
	else if (below(b, 30) == 0)
		refused(b, k);
	else if (below(b, 30) == 0)
		read_it(b, k);
	else
		give(b, k);
}

static void crowd_task(unsigned i, void *arg)
{
	struct crowd *c = arg;
	struct member *b = &c->member[i];

	do {
		step(b);
		b->rounds++;
	} while (!c->failure.what && !time_box_over(c->end));
	for (unsigned k = 0; k < KEPT; k++)
		if (b->kept[k].kind != NOTHING)
			give(b, &b->kept[k]);
}

/* Rounds */

static void quiet(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

/* checked: what is reached through a TLB is what is mapped now. */
static struct mmsim *create(bool checked)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 2, 2, CPUS / 2);
	struct mmsim *m = NULL;

	sim_ram(cfg, 0, SIM_NORMAL, PAGES / 2);
	sim_ram(cfg, 1, SIM_NORMAL + PAGES / 2, PAGES / 2);
	cfg->flags |= checked ? MMSIM_CHECK_TLB : 0;
	cfg->log = quiet; /* of what is refused */
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void members_begin(struct crowd *c)
{
	for (unsigned i = 0; i < TASKS; i++) {
		struct member *b = &c->member[i];

		b->crowd = c;
		b->random = i + 1;
		for (unsigned p = 0; p < OWN; p++) {
			b->page[p] = mmsim_alloc_pages(c->m, MMSIM_GFP_KERNEL, 0);
			assert_non_null(b->page[p]);
		}
	}
}

static uint64_t members_end(struct crowd *c)
{
	uint64_t rounds = 0;

	for (unsigned i = 0; i < TASKS; i++) {
		for (unsigned p = 0; p < OWN; p++)
			assert_int_equal(mmsim_free_pages(c->m, c->member[i].page[p], 0), 0);
		rounds += c->member[i].rounds;
	}
	return rounds;
}

/* Nobody has anything: nothing is in use, and after a purge nothing waits. */
static void assert_empty(struct mmsim_vmap *v)
{
	struct mmsim_vmap_info info;

	mmsim_vfree_flush(v);
	mmsim_vm_unmap_aliases(v);
	mmsim_vmap_purge(v, true);
	mmsim_vmap_validate(v);
	assert_int_equal(mmsim_vmap_info(v, &info), 0);
	assert_int_equal(info.pages, 0);
	assert_int_equal(info.busy, info.blocks);
	assert_int_equal(info.lazy, 0);
}

static void crowd_of(const char *name, struct mmsim_vmap_params params, bool checked)
{
	struct crowd *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	params.start = START;
	params.end = END;
	c->m = create(checked);
	assert_int_equal(mmsim_vmap_create(c->m, &params, &c->v), 0);
	members_begin(c);
	c->end = time_box_open(BOX_MS);
	assert_int_equal(mmsim_run_on(c->m, TASKS, crowd_task, c), 0);
	assert_no_failure(&c->failure, params.design);
	assert_empty(c->v);
	mmsim_vmap_destroy(c->v);
	print_message("  %s: %llu rounds\n", name, (unsigned long long)members_end(c));
	rig_close(c->m);
	free(c);
}

static const struct {
	const char *name;
	struct mmsim_vmap_params params;
} ways[] = {
	{ "nodes", { .design = MMSIM_VMAP_NODES } },
	{ "nodes, trees",
	  { .design = MMSIM_VMAP_NODES, .busy = MMSIM_VMAP_BUSY_TREE, .lazy_max = 200 } },
	{ "nodes, tables freed, capped, urgent",
	  { .design = MMSIM_VMAP_NODES,
	    .flags = MMSIM_VMAP_FREE_TABLES | MMSIM_VMAP_HIGHPRI_DRAIN,
	    .decay = MMSIM_VMAP_DECAY_UNDERFLOW,
	    .pool_cap = 4,
	    .lazy_max = 100 } },
	{ "one node", { .design = MMSIM_VMAP_NODES, .nodes = 1, .lazy_max = 100 } },
	{ "one lock",
	  { .design = MMSIM_VMAP_ONE_LOCK, .backing = MMSIM_VMAP_BACKING_BULK, .lazy_max = 500 } },
	{ "local", { .design = MMSIM_VMAP_LOCAL, .lazy_max = 400 } },
	{ "local, tables freed",
	  { .design = MMSIM_VMAP_LOCAL, .flags = MMSIM_VMAP_FREE_TABLES, .levels = 4 } },
	{ "local, trees",
	  { .design = MMSIM_VMAP_LOCAL, .busy = MMSIM_VMAP_BUSY_TREE, .lazy_max = 100 } },
};

static void designs(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_WAYS; i++)
		crowd_of(ways[i].name, ways[i].params, i % 2 == 0);
}

/* The kernel's own tests, of each worker in another order */

static void kernels_task(unsigned i, void *arg)
{
	struct vmap_worker *w = arg;

	vmap_worker_run(&w[i]);
}

/* Each test once; there is an alignment that cannot be had, and whoever may not wait may be lucky. */
static void assert_passed(const struct vmap_worker *w)
{
	for (unsigned test = 0; test < VMAP_NR_TESTS; test++) {
		const struct vmap_test_data *data = &w->test[test];
		bool lucky = 1u << test == NO_BLOCK;
		unsigned good = 1u << test == ALIGN_SHIFT ? data->xfailed : data->passed;

		if (good + lucky != 1)
			fail_msg("worker %u: %s: passed %u, failed %u, xfailed %u", w->index,
				 vmap_test_name(test), data->passed, data->failed, data->xfailed);
	}
}

static void kernels_tests_of(const struct mmsim_vmap_params *params)
{
	struct vmap_suite suite = { .m = create(false),
				    .seed = 1 + params->design,
				    .loops = 150,
				    .junk = 400,
				    .held = 600,
				    .pcpu_objects = 500,
				    .mask = (1u << VMAP_NR_TESTS) - 1,
				    .nr_pages = 1, /* bulk requests of more may be short */
				    .repeat = 1,
				    .nr_cpus = CPUS };
	struct vmap_worker *w = aligned_alloc(_Alignof(struct vmap_worker), TASKS * sizeof(*w));

	assert_non_null(w);
	assert_int_equal(mmsim_vmap_create(suite.m, params, &suite.v), 0);
	for (unsigned i = 0; i < TASKS; i++)
		vmap_worker_init(&w[i], &suite, i);
	assert_int_equal(mmsim_run_on(suite.m, TASKS, kernels_task, w), 0);
	for (unsigned i = 0; i < TASKS; i++)
		assert_passed(&w[i]);
	assert_empty(suite.v);
	mmsim_vmap_destroy(suite.v);
	rig_close(suite.m);
	free(w);
}

static void kernels_tests(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_WAYS; i++)
		kernels_tests_of(&ways[i].params);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(designs),
		cmocka_unit_test(kernels_tests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
