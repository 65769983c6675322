/* SPDX-License-Identifier: MIT */
/* An address space: areas, a fault, a huge page, a fork whose pages are shared until somebody stores. */
#include <mmsim/mmsim.h>
#include <stdio.h>

#define RW (MMSIM_PROT_READ | MMSIM_PROT_WRITE)
#define AT (UINT64_C(1) << 30)

static void print_areas(struct mmsim_mm *mm)
{
	struct mmsim_area_info area;

	for (uint64_t at = 0; mmsim_area_info(mm, at, &area) == 0; at = area.end)
		printf("%012llx-%012llx r%c%s\n", (unsigned long long)area.start,
		       (unsigned long long)area.end, area.flags & MMSIM_PROT_WRITE ? 'w' : '-',
		       area.hugepage ? " hugepage" : "");
}

static void print_info(const char *who, struct mmsim_mm *mm)
{
	struct mmsim_mm_info info;

	if (mmsim_mm_info(mm, &info) == 0)
		printf("%-7s %4llu pages, %llu tables, %llu faults, %llu copied\n", who,
		       (unsigned long long)info.anon_pages, (unsigned long long)info.table_pages,
		       (unsigned long long)info.faults, (unsigned long long)info.cow_copies);
}

static int use(struct mmsim *m, struct mmsim_mm *mm)
{
	struct mmsim_mapping mine, theirs;
	struct mmsim_mm *child;

	if (mmsim_mmap(mm, AT, 4 * MMSIM_PMD_SIZE, RW | MMSIM_MAP_FIXED, NULL, 0, NULL) ||
	    mmsim_madvise(mm, AT + MMSIM_PMD_SIZE, MMSIM_PMD_SIZE, MMSIM_MADV_HUGEPAGE))
		return 1;
	print_areas(mm);
	if (mmsim_touch(mm, AT, true) || mmsim_touch(mm, AT + MMSIM_PMD_SIZE, true))
		return 1;
	print_info("parent", mm);
	if (mmsim_mm_fork(mm, &child))
		return 1;
	if (mmsim_touch(child, AT, true) || mmsim_mm_lookup(mm, AT, &mine) ||
	    mmsim_mm_lookup(child, AT, &theirs))
		return 1;
	printf("the parent's frame is %#llx, the child's %#llx\n",
	       (unsigned long long)mmsim_page_to_pfn(m, mine.page),
	       (unsigned long long)mmsim_page_to_pfn(m, theirs.page));
	print_info("child", child);
	mmsim_mm_destroy(child);
	if (mmsim_munmap(mm, AT + MMSIM_PMD_SIZE, MMSIM_PAGE_SIZE)) /* the huge entry is split */
		return 1;
	print_info("parent", mm);
	return 0;
}

int main(void)
{
	static struct mmsim_config cfg;
	struct mmsim_mm *mm;
	struct mmsim *m;
	int err = 1;

	mmsim_config_defaults(&cfg);
	cfg.mode = MMSIM_SERIAL; /* the same output every time */
	if (mmsim_create(&cfg, &m))
		return 1;
	if (!mmsim_mm_create(m, NULL, &mm)) {
		err = use(m, mm);
		mmsim_mm_destroy(mm);
	}
	mmsim_destroy(m);
	return err;
}
