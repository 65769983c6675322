/* SPDX-License-Identifier: MIT */
/*
 * Struct pages for 16 GiB of persistent memory: as the kernel writes them, on one thread, and with more.
 *
 * In virtual time, on a server of two sockets that need not be there.
 */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <string.h>

#define DEVICE_PAGES (UINT64_C(16) << 30 >> MMSIM_PAGE_SHIFT)
#define DEVICE_NODE 1

static struct mmsim *open_machine(void)
{
	static struct mmsim_config cfg;
	struct mmsim *m = NULL;
	char msg[256];

	mmsim_config_defaults(&cfg);
	cfg.mode = MMSIM_VIRTUAL;
	cfg.boot = MMSIM_BOOT_COLD; /* the device needs no RAM to be there */
	if (mmsim_config_from_synthetic(&cfg, "pack:2 node:1(memory=256M) core:16 pu:2", 0, msg,
					sizeof(msg)))
		fprintf(stderr, "device_memmap: %s\n", msg);
	else if (mmsim_create(&cfg, &m))
		fprintf(stderr, "device_memmap: no machine\n");
	return m;
}

static void show_page(const struct mmsim_dev_pagemap *pgmap)
{
	struct mmsim_dev_pagemap_info info;
	const struct mmsim_page *page;

	mmsim_dev_pagemap_info(pgmap, &info);
	page = mmsim_dev_pagemap_page(pgmap, info.start_pfn);
	printf("pfn %#llx: node %u, %s, %s, %d reference, %s\n",
	       (unsigned long long)mmsim_dev_pagemap_pfn(pgmap, page), mmsim_page_node(page),
	       mmsim_page_zone_type(page) == MMSIM_ZONE_DEVICE ? "zone Device" : "RAM",
	       page->flags >> MMSIM_PG_RESERVED & 1 ? "reserved" : "not reserved", page->refcount,
	       mmsim_page_pgmap(page) == pgmap ? "of this pagemap" : "of another");
}

/* A device that is bound again. */
static int bind_again(struct mmsim *m, struct mmsim_dev_pagemap *pgmap, unsigned threads,
		      uint32_t flags)
{
	struct mmsim_dev_pagemap_info info;
	int err = mmsim_memmap_init_zone_device(m, pgmap, threads, flags);

	if (err)
		return err;
	mmsim_dev_pagemap_info(pgmap, &info);
	printf("%2u threads, %-9s %7.3f ms\n", threads,
	       flags & MMSIM_MEMMAP_STREAMING ? "streaming" : "ordinary",
	       (double)info.init_ns / 1e6);
	return 0;
}

int main(void)
{
	static const unsigned threads[] = { 1, 2, 4, 8, 16 };
	struct mmsim_dev_pagemap *pgmap;
	struct mmsim *m = open_machine();
	int err;

	if (!m)
		return 1;
	err = mmsim_memremap_pages(m, DEVICE_NODE, DEVICE_PAGES, 1, 0, &pgmap);
	if (err) {
		fprintf(stderr, "device_memmap: %s\n", strerror(-err));
		mmsim_destroy(m);
		return 1;
	}
	show_page(pgmap);
	for (unsigned i = 0; i < 2 * sizeof(threads) / sizeof(threads[0]); i++)
		err |= bind_again(m, pgmap, threads[i / 2], i % 2 ? MMSIM_MEMMAP_STREAMING : 0);
	mmsim_memunmap_pages(m, pgmap);
	mmsim_destroy(m);
	return err ? 1 : 0;
}
