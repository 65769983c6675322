/* SPDX-License-Identifier: MIT */
/* The page allocator: orders, migratetypes, bulk, refused frees, and the books. */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <stdlib.h>

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "page_alloc: %s\n", what);
	exit(1);
}

static void print_free_lists(struct mmsim *m, const char *when)
{
	char text[1024];

	need(mmsim_print_buddyinfo(m, text, sizeof(text)) < sizeof(text), "buddyinfo is longer");
	printf("%s:\n%s", when, text);
}

/* A wrong free changes nothing and says what it found. */
static void wrong_free(struct mmsim *m, uint64_t pfn, unsigned order)
{
	char text[256];

	need(mmsim_free_pfn(m, pfn, order) != 0, "a wrong free was accepted");
	mmsim_last_message(m, text, sizeof(text));
	printf("  %s\n", text);
}

static void every_order(struct mmsim *m)
{
	struct mmsim_page *page[MMSIM_NR_PAGE_ORDERS];

	for (unsigned order = 0; order <= MMSIM_MAX_PAGE_ORDER; order++) {
		page[order] = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE, order);
		need(page[order] != NULL, "no block");
		need(mmsim_page_to_pfn(m, page[order]) % (1u << order) == 0, "not aligned");
	}
	print_free_lists(m, "one block of each order taken");
	for (unsigned order = 0; order <= MMSIM_MAX_PAGE_ORDER; order++)
		need(mmsim_free_pages(m, page[order], order) == 0, "a free was refused");
}

int main(void)
{
	static struct mmsim_config cfg;
	struct mmsim_page *movable, *fixed, *many[32];
	struct mmsim *m;
	size_t got;

	mmsim_config_defaults(&cfg);
	cfg.mode = MMSIM_SERIAL;
	need(mmsim_create(&cfg, &m) == 0, "no machine");
	every_order(m);

	/* All pageblocks begin Movable; the first other request turns some of them over. */
	movable = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE, 0);
	fixed = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 4);
	need(movable && fixed, "no block");
	got = mmsim_alloc_pages_bulk(m, MMSIM_GFP_KERNEL, 32, many);
	printf("bulk: %zu pages of 32\nrefused:\n", got);
	wrong_free(m, mmsim_page_to_pfn(m, fixed), 3);
	wrong_free(m, mmsim_page_to_pfn(m, fixed) + 1, 0);
	wrong_free(m, 0, 0);
	need(mmsim_free_pages(m, fixed, 4) == 0, "a free was refused");
	wrong_free(m, mmsim_page_to_pfn(m, fixed), 4);
	while (got-- > 0)
		need(mmsim_free_pages(m, many[got], 0) == 0, "a free was refused");
	need(mmsim_free_pages(m, movable, 0) == 0, "a free was refused");
	mmsim_drain_all_pages(m);
	print_free_lists(m, "all freed and drained");
	printf("%llu pages free\n", (unsigned long long)mmsim_validate(m));
	mmsim_destroy(m);
	return 0;
}
