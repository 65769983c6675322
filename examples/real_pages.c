/* SPDX-License-Identifier: MIT */
/* Pages with memory behind them: write to them, free them, get them back cleared. */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <string.h>

#define ORDER 9 /* 2 MiB */

static int fail(const char *what)
{
	fprintf(stderr, "real_pages: %s\n", what);
	return 1;
}

static void print_backing(const char *what, const struct mmsim_backing *b)
{
	printf("%-13s %5llu MiB in 1G pages, %llu in 2M, %llu in THP, %llu in 4K\n", what,
	       (unsigned long long)b->bytes_1g >> 20, (unsigned long long)b->bytes_2m >> 20,
	       (unsigned long long)b->bytes_thp >> 20, (unsigned long long)b->bytes_base >> 20);
	if (b->why[0])
		printf("%-13s nothing bigger because %s\n", "", b->why);
}

static int is_clear(const char *bytes, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (bytes[i])
			return 0;
	return 1;
}

int main(void)
{
	const size_t nr = (size_t)MMSIM_PAGE_SIZE << ORDER;
	static struct mmsim_config cfg;
	struct mmsim_backing backing;
	struct mmsim_page *page;
	struct mmsim *m;
	char *bytes;
	int err;

	mmsim_config_defaults(&cfg);
	cfg.flags |= MMSIM_BACK_PAGES; /* memory that is never touched costs the host nothing */
	err = mmsim_config_set_memory(&cfg, UINT64_C(256) << 20);
	if (!err)
		err = mmsim_create(&cfg, &m);
	if (err)
		return fail(strerror(-err));

	mmsim_memmap_backing(m, &backing);
	print_backing("struct pages", &backing);
	mmsim_pages_backing(m, &backing);
	print_backing("pages", &backing);

	page = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE, ORDER);
	bytes = page ? mmsim_page_address(m, page) : NULL;
	if (!bytes)
		return fail("no block with memory behind it");
	memset(bytes, 0x5a, nr);
	if (mmsim_free_pages(m, page, ORDER))
		return fail("the free was refused");

	/* The block freed last is the first to be taken; ZERO clears it. */
	page = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE | MMSIM___GFP_ZERO, ORDER);
	if (!page || mmsim_page_address(m, page) != bytes)
		return fail("not the block that was freed last");
	if (!is_clear(bytes, nr))
		return fail("not cleared");
	printf("2 MiB written, freed, taken again and found cleared\n");
	if (mmsim_free_pages(m, page, ORDER))
		return fail("the free was refused");
	mmsim_destroy(m);
	return 0;
}
