/* SPDX-License-Identifier: MIT */
/* Putting a machine together and taking it apart: each part after those that it needs. */
#include "bits.h"
#include "machine.h"
#include "host_memory.h"
#include "prefault.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More than a config will ever have. */
#define MAX_CONFIG_BYTES (1u << 20)

struct part {
	const char *name;
	int (*init)(struct mmsim *m, const struct mmsim_config *cfg);
	void (*fini)(struct mmsim *m);
};

static int topology_init(struct mmsim *m, const struct mmsim_config *cfg)
{
	return mm_sync_topology_init(&m->topology, &m->meta, cfg);
}

static void topology_fini(struct mmsim *m)
{
	mm_sync_topology_fini(&m->topology, &m->meta);
}

static int shape_init(struct mmsim *m, const struct mmsim_config *cfg)
{
	return mm_page_shape_init(&m->shape, &m->meta, cfg);
}

static void shape_fini(struct mmsim *m)
{
	mm_page_shape_fini(&m->shape, &m->meta);
}

/* Will touching the area's memory be more than the host has? Huge pages are taken already. */
static int check_host(struct mmsim *m, const struct mm_area *area, const char *what)
{
	return mm_page_host_check(&m->log, what, area->got.bytes_thp + area->got.bytes_base);
}

/* Whose lines the charges of virtual mode name, and on which node. */
static int describe(struct mmsim *m, const char *base, uint64_t bytes_per_page, unsigned line)
{
	const struct mm_exec_ops *ops = m->exec->ops;
	uint64_t done = 0;
	int err = 0;

	for (unsigned i = 0; ops->region && !err && i < m->shape.nr_ram; i++) {
		const struct mm_span *ram = &m->shape.ram[i];
		/* With the hole below it, which is initialised and cleared with it. */
		uint64_t from = mm_max(mm_round_down(ram->start, MMSIM_PAGES_PER_SECTION), done);

		err = ops->region(m->exec, base + from * bytes_per_page,
				  (ram->end - from) * bytes_per_page, line, ram->node);
		done = ram->end;
	}
	return err;
}

static int memmap_init(struct mmsim *m, const struct mmsim_config *cfg)
{
	bool prefault = !(cfg->flags & MMSIM_NO_PREFAULT);
	int err = mm_page_memmap_init(&m->memmap, &m->meta, &m->shape, cfg->no_huge, &m->fault);

	if (err)
		return err;
	if (prefault || cfg->boot == MMSIM_BOOT_FULL)
		err = check_host(m, &m->memmap.area, "mmsim_create: struct page array");
	if (!err)
		err = describe(m, (const char *)m->memmap.base, sizeof(struct mmsim_page),
			       sizeof(struct mmsim_page));
	if (err)
		mm_page_memmap_fini(&m->memmap, &m->meta);
	if (err || !prefault)
		return err;
	for (uint64_t from = 0, to; mm_page_memmap_next(&m->memmap, &from, &to); from = to)
		mm_page_prefault(&m->memmap.area, &m->padata, from * MM_HUGE_2M, to * MM_HUGE_2M);
	return 0;
}

static void memmap_fini(struct mmsim *m)
{
	mm_page_memmap_fini(&m->memmap, &m->meta);
}

/* Behind each RAM range, rounded outwards to huge pages; ranges that then touch are united. */
static int map_pages(struct mmsim *m)
{
	uint64_t done = 0;

	for (unsigned i = 0; i < m->shape.nr_ram; i++) {
		const struct mm_span *ram = &m->shape.ram[i];
		uint64_t from = mm_round_down(ram->start * MMSIM_PAGE_SIZE, MM_HUGE_2M);
		uint64_t to = mm_round_up(ram->end * MMSIM_PAGE_SIZE, MM_HUGE_2M);
		int err;

		from = mm_max(from, done);
		if (from >= to)
			continue;
		err = mm_page_area_map(&m->pages, from, to);
		if (err)
			return err;
		if (m->shape.nr_nodes > 1)
			mm_page_area_bind(&m->pages, from, to, ram->node);
		done = to;
	}
	return 0;
}

static int touch_pages(struct mmsim *m)
{
	int err = check_host(m, &m->pages, "mmsim_create: pages");

	for (unsigned i = 0; !err && i < m->shape.nr_ram; i++) {
		const struct mm_span *ram = &m->shape.ram[i];

		mm_page_prefault(&m->pages, &m->padata,
				 mm_round_down(ram->start * MMSIM_PAGE_SIZE, MM_HUGE_2M),
				 mm_round_up(ram->end * MMSIM_PAGE_SIZE, MM_HUGE_2M));
	}
	return err;
}

static int pages_init(struct mmsim *m, const struct mmsim_config *cfg)
{
	int err;

	if (!(cfg->flags & MMSIM_BACK_PAGES))
		return 0;
	err = mm_page_area_init(&m->pages, m->shape.max_pfn * MMSIM_PAGE_SIZE, cfg->no_huge,
				&m->fault);
	if (!err)
		err = map_pages(m);
	if (!err)
		err = describe(m, m->pages.base, MMSIM_PAGE_SIZE, MMSIM_PAGE_SIZE);
	if (!err && cfg->flags & MMSIM_PREFAULT_PAGES)
		err = touch_pages(m);
	if (err)
		mm_page_area_fini(&m->pages);
	return err;
}

static void pages_fini(struct mmsim *m)
{
	mm_page_area_fini(&m->pages);
}

static int buddy_init(struct mmsim *m, const struct mmsim_config *cfg)
{
	const struct mm_buddy_config bc = {
		.exec = m->exec,
		.log = &m->log,
		.locks = &m->locks,
		.shape = &m->shape,
		.map = &m->memmap,
		.pages = &m->pages,
		.obs = &m->obs,
		.topology = &m->topology,
		.policy = &cfg->policy,
	};

	return mm_buddy_init(&m->buddy, &bc);
}

static void buddy_fini(struct mmsim *m)
{
	mm_buddy_fini(&m->buddy);
}

static int boot_init(struct mmsim *m, const struct mmsim_config *cfg)
{
	const struct mm_boot_config bc = {
		.exec = m->exec,
		.log = &m->log,
		.locks = &m->locks,
		.shape = &m->shape,
		.map = &m->memmap,
		.buddy = &m->buddy,
		.padata = &m->padata,
		.topology = &m->topology,
	};
	int err = mm_boot_init(&m->boot, &bc);

	if (err)
		return err;
	mm_sync_mutex_init(&m->boot_mutex, &m->locks, MM_RANK_BOOT);
	m->boot.stores = (enum mmsim_stores)cfg->stores;
	m->boot.threads = cfg->init_threads;
	m->boot.use_padata = !(cfg->flags & MMSIM_NO_PADATA);
	m->boot.defer = !(cfg->flags & MMSIM_NO_DEFER);
	return 0;
}

static void boot_fini(struct mmsim *m)
{
	mm_sync_mutex_fini(&m->boot_mutex);
	mm_boot_fini(&m->boot);
}

static int hugetlb_init(struct mmsim *m, const struct mmsim_config *cfg)
{
	(void)cfg;
	m->hugetlb = (struct mm_hugetlb){
		.exec = m->exec,
		.log = &m->log,
		.locks = &m->locks,
		.buddy = &m->buddy,
		.ktask = &m->ktask,
		.padata = &m->padata,
	};
	mm_hugetlb_init(&m->hugetlb);
	return 0;
}

static void hugetlb_fini(struct mmsim *m)
{
	mm_hugetlb_fini(&m->hugetlb);
}

static int mmap_init(struct mmsim *m, const struct mmsim_config *cfg)
{
	const struct mm_mmap_config mc = {
		.exec = m->exec,
		.log = &m->log,
		.locks = &m->locks,
		.buddy = &m->buddy,
		.ktask = &m->ktask,
		.topology = &m->topology,
		.checked =
			cfg->flags & MMSIM_CHECK_TLB || cfg->mode == MMSIM_EXPLORE || MM_DEBUG >= 2,
	};

	return mm_mmap_init(&m->mmap, &mc);
}

static void mmap_fini(struct mmsim *m)
{
	mm_mmap_fini(&m->mmap);
}

static const struct part parts[] = {
	{ "topology", topology_init, topology_fini },
	{ "jobs", mm_machine_jobs_init, mm_machine_jobs_fini },
	{ "shape", shape_init, shape_fini },
	{ "struct page array", memmap_init, memmap_fini },
	{ "pages", pages_init, pages_fini },
	{ "page allocator", buddy_init, buddy_fini },
	{ "boot", boot_init, boot_fini },
	{ "huge pages", hugetlb_init, hugetlb_fini },
	{ "address spaces", mmap_init, mmap_fini },
};

/* As a task of the machine, because parts start tasks and take locks. */
static int init_parts(struct mmsim *m, const struct mmsim_config *cfg)
{
	MM_ON_CPU(m);
	size_t nr = 0;
	int err = 0;

	while (nr < mm_array_size(parts) && !(err = parts[nr].init(m, cfg)))
		nr++;
	if (!err)
		return 0;
	mm_base_log(&m->log, "mmsim_create: %s: %s", parts[nr].name, strerror(-err));
	while (nr-- > 0)
		parts[nr].fini(m);
	return err;
}

static void fini_parts(struct mmsim *m)
{
	MM_ON_CPU(m);

	for (size_t nr = mm_array_size(parts); nr-- > 0;)
		parts[nr].fini(m);
}

static int init_exec(struct mmsim *m, const struct mmsim_config *cfg)
{
	const struct mm_exec_config xc = {
		.mode = (enum mmsim_mode)cfg->mode,
		.nr_cpus = cfg->nr_cpus,
		.pin = !(cfg->flags & MMSIM_NO_PIN),
		.seed = cfg->seed,
		.cpu = cfg->cpu,
		.figure = cfg->figure,
		.explore = cfg->explore,
		.meta = &m->meta,
		.fault = &m->fault,
		.log = &m->log,
	};
	int err = mm_exec_create(&xc, &m->exec);

	if (!err)
		mm_sync_lockset_init(&m->locks, m->exec, cfg->flags & MMSIM_LOCK_TIMES);
	return err;
}

static void fini_exec(struct mmsim *m)
{
	mm_sync_lockset_fini(&m->locks);
	mm_exec_destroy(m->exec);
}

static int init_all(struct mmsim *m, const struct mmsim_config *cfg)
{
	int err = mm_base_meta_init(&m->meta, &m->fault);

	if (err) {
		mm_base_log(&m->log, "mmsim_create: metadata: %s", strerror(-err));
		return err;
	}
	err = init_exec(m, cfg);
	if (!err) {
		err = init_parts(m, cfg);
		if (!err)
			return 0;
		fini_exec(m);
	} else {
		mm_base_log(&m->log, "mmsim_create: CPUs: %s", strerror(-err));
	}
	mm_base_meta_fini(&m->meta);
	return err;
}

/* The handle itself is the one object outside the machine's arena, because the arena is in it. */
int mmsim_create(const struct mmsim_config *cfg, struct mmsim **out)
{
	struct mmsim_config *defaults = NULL;
	char why[MM_LOG_LINE];
	struct mmsim *m;
	int err = -ENOMEM;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!cfg) {
		defaults = malloc(sizeof(*defaults));
		if (!defaults)
			return -ENOMEM;
		mmsim_config_defaults(defaults);
		cfg = defaults;
	}
	/* A config of another version has its log at the same place; anything else is no config. */
	if (cfg->size < offsetof(struct mmsim_config, fault) || cfg->size > MAX_CONFIG_BYTES) {
		err = -EINVAL;
		goto out;
	}
	m = aligned_alloc(MM_CACHE_LINE, mm_round_up(sizeof(*m), MM_CACHE_LINE));
	if (!m)
		goto out;
	memset(m, 0, sizeof(*m));
	mm_base_log_init(&m->log, cfg->log, cfg->log_ctx);
	err = mmsim_config_check(cfg, why, sizeof(why));
	if (err) {
		mm_base_log(&m->log, "mmsim_create: %s", why);
	} else {
		mm_base_fault_init(&m->fault, cfg->fault);
		err = init_all(m, cfg);
	}
	if (!err && cfg->boot == MMSIM_BOOT_FULL)
		mmsim_boot(m);
	if (err)
		free(m);
	else
		*out = m;
out:
	free(defaults);
	return err;
}

void mmsim_destroy(struct mmsim *m)
{
	if (!m)
		return;
	fini_parts(m);
	fini_exec(m);
	mm_base_meta_fini(&m->meta);
	free(m);
}
