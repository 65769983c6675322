/* SPDX-License-Identifier: MIT */
/* Kernel addresses: areas, what is behind them, how freed ones come back. */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <string.h>

static void print_info(const char *when, struct mmsim_vmap *v)
{
	struct mmsim_vmap_info i;

	if (mmsim_vmap_info(v, &i) == 0)
		printf("%-13s %llu in use, %llu wait, %llu pooled, %llu pages, %llu tables\n", when,
		       (unsigned long long)i.busy, (unsigned long long)i.lazy,
		       (unsigned long long)i.pooled, (unsigned long long)i.pages,
		       (unsigned long long)i.tables);
}

static void print_areas(struct mmsim_vmap *v)
{
	char text[1024];

	if (mmsim_vmallocinfo(v, text, sizeof(text)) >= 0)
		printf("%s", text);
}

static void use(struct mmsim_vmap *v)
{
	const struct mmsim_vmalloc_request request = {
		.size = 3 * MMSIM_PAGE_SIZE,
		.gfp = MMSIM_GFP_KERNEL,
		.node = MMSIM_NUMA_NO_NODE,
		.caller = "use+0x1/0x2",
	};
	uint64_t a = mmsim_vmalloc_request(v, &request), b = mmsim_ioremap(v, 0xfed00000, 0x400);

	print_areas(v);
	print_info("allocated", v);
	mmsim_vfree(v, a);
	mmsim_iounmap(v, b);
	print_info("freed", v);
	mmsim_vmap_purge(v, 0);
	print_info("drained", v);
	printf("again %s\n",
	       mmsim_vmalloc(v, 3 * MMSIM_PAGE_SIZE) == a ? "the same address" : "another address");
	printf("twice: %s\n", strerror(-mmsim_vfree(v, b)));
}

int main(void)
{
	static struct mmsim_config cfg;
	struct mmsim_vmap *v;
	struct mmsim *m;

	mmsim_config_defaults(&cfg);
	cfg.mode = MMSIM_SERIAL;
	if (mmsim_create(&cfg, &m))
		return 1;
	if (mmsim_vmap_create(m, NULL, &v))
		return 1;
	use(v);
	mmsim_vmap_destroy(v);
	mmsim_destroy(m);
	return 0;
}
