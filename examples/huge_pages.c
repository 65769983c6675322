/* SPDX-License-Identifier: MIT */
/*
 * Huge pages: a pool, a hugetlbfs file that several CPUs fill and clear, and what happens when the pool is
 * too small for it.
 */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <string.h>

#define ORDER MMSIM_HUGE_2M_ORDER
#define POOL 12
#define SLOTS 16
#define THREADS 2

static int fail(const char *what)
{
	fprintf(stderr, "huge_pages: %s\n", what);
	return 1;
}

static void print_pool(struct mmsim *m)
{
	struct mmsim_hugetlb_info info;

	if (mmsim_hugetlb_info(m, ORDER, &info) == 0)
		printf("pool: %llu pages of 2 MiB, %llu free\n",
		       (unsigned long long)info.nr_huge_pages,
		       (unsigned long long)info.free_huge_pages);
}

static void print_slots(struct mmsim_hugetlb_file *file)
{
	for (unsigned i = 0; i < SLOTS; i++)
		putchar(mmsim_hugetlb_file_page(file, i) ? '#' : '.');
	putchar('\n');
}

static int fill(struct mmsim_hugetlb_file *file, unsigned first, unsigned nr)
{
	int err = mmsim_hugetlb_fallocate(file, first, nr, THREADS, 1);

	printf("fallocate %2u + %2u: %-24s ", first, nr, err ? strerror(-err) : "done");
	print_slots(file);
	return err;
}

static int is_clear(struct mmsim *m, struct mmsim_hugetlb_file *file, unsigned slot)
{
	const char *bytes = mmsim_page_address(m, mmsim_hugetlb_file_page(file, slot));

	for (size_t i = 0; i < (size_t)MMSIM_PAGE_SIZE << ORDER; i++)
		if (bytes[i])
			return 0;
	return 1;
}

static int use_file(struct mmsim *m, struct mmsim_hugetlb_file *file)
{
	if (fill(file, 4, 4))
		return fail("the first fallocate");
	memset(mmsim_page_address(m, mmsim_hugetlb_file_page(file, 5)), 0x5a, MMSIM_PAGE_SIZE);
	/* Twelve pages for sixteen slots: what this call filled before it failed is empty again. */
	if (!fill(file, 0, SLOTS))
		return fail("more pages than the pool has");
	if (fill(file, 0, 12))
		return fail("the second fallocate");
	if (is_clear(m, file, 5) || !is_clear(m, file, 6) || !is_clear(m, file, 0))
		return fail("what was there was cleared, or what is new was not");
	if (mmsim_hugetlb_punch_hole(file, 2, 6))
		return fail("punching a hole");
	printf("punch hole 2 + 6:                           ");
	print_slots(file);
	return 0;
}

int main(void)
{
	static struct mmsim_config cfg;
	struct mmsim_hugetlb_file *file;
	struct mmsim *m;
	int err;

	mmsim_config_defaults(&cfg);
	cfg.flags |= MMSIM_BACK_PAGES;
	err = mmsim_config_set_memory(&cfg, UINT64_C(128) << 20);
	if (!err)
		err = mmsim_create(&cfg, &m);
	if (err)
		return fail(strerror(-err));
	if (mmsim_hugetlb_boot(m, ORDER, POOL, 0))
		return fail("no memory for the pool");
	print_pool(m);
	if (mmsim_hugetlb_file_create(m, ORDER, SLOTS, &file))
		return fail("no memory for a file");
	err = use_file(m, file);
	mmsim_hugetlb_file_destroy(file);
	print_pool(m);
	mmsim_destroy(m);
	return err;
}
