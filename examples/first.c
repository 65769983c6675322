/* SPDX-License-Identifier: MIT */
/* A machine, a block of eight page frames, and a free that is refused. */
#include <mmsim/mmsim.h>
#include <stdio.h>

int main(void)
{
	static struct mmsim_config cfg;
	char text[1024];
	struct mmsim_page *page;
	struct mmsim *m;

	mmsim_config_defaults(&cfg); /* 1 node, 2 CPUs, 4 GiB */
	cfg.mode = MMSIM_SERIAL; /* the same output every time */
	if (mmsim_create(&cfg, &m))
		return 1;
	page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 3);
	if (!page)
		return 1;
	printf("eight pages from pfn %#llx on\n", (unsigned long long)mmsim_page_to_pfn(m, page));
	mmsim_print_buddyinfo(m, text, sizeof(text));
	fputs(text, stdout);
	if (mmsim_free_pages(m, page, 2) == 0)
		return 1;
	mmsim_last_message(m, text, sizeof(text));
	puts(text);
	if (mmsim_free_pages(m, page, 3))
		return 1;
	mmsim_destroy(m);
	return 0;
}
