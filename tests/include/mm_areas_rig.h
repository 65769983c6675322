/* SPDX-License-Identifier: MIT */
/* A machine, an address space and a file, with areas from AT on. Include cmocka.h first. */
#ifndef TEST_MM_AREAS_RIG_H
#define TEST_MM_AREAS_RIG_H

#include "mm_rig.h"

enum { PAGES = 16384, FILE_PAGES = 64 };

#define AT (UINT64_C(1) << 30)
#define FIXED (RIG_RW | MMSIM_MAP_FIXED)

struct world {
	struct mmsim *m;
	struct mmsim_mm *mm;
	struct mmsim_file *file;
};

static inline void open_world(struct world *w, enum mmsim_thp thp)
{
	w->m = rig_open(MMSIM_SERIAL, 2, PAGES, NULL);
	w->mm = rig_mm(w->m, 4, thp);
	assert_int_equal(mmsim_file_create(w->m, FILE_PAGES, &w->file), 0);
}

static inline void close_world(struct world *w)
{
	mmsim_mm_validate(w->mm);
	mmsim_mm_destroy(w->mm);
	assert_int_equal(mmsim_file_destroy(w->file), 0);
	rig_close(w->m);
}

/* Areas as "start+pages" from AT on, in pages, each with a blank behind it. */
static inline void assert_areas(struct mmsim_mm *mm, const char *want)
{
	struct mmsim_area_info area;
	uint64_t next = 0;
	char text[256] = "";
	size_t len = 0;

	while (mmsim_area_info(mm, next, &area) == 0) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%llu+%llu ",
					(unsigned long long)((area.start - AT) / RIG_PAGE),
					(unsigned long long)((area.end - area.start) / RIG_PAGE));
		next = area.end;
	}
	assert_string_equal(text, want);
}

static inline uint64_t map_file(struct world *w, uint64_t page, uint64_t nr, uint32_t flags,
				uint64_t offset)
{
	uint64_t at = 0;

	assert_int_equal(mmsim_mmap(w->mm, AT + page * RIG_PAGE, nr * RIG_PAGE,
				    flags | MMSIM_MAP_FIXED, w->file, offset * RIG_PAGE, &at),
			 0);
	return at;
}

static inline void touch_all(struct mmsim_mm *mm, uint64_t page, uint64_t nr)
{
	assert_int_equal(mmsim_populate(mm, AT + page * RIG_PAGE, nr * RIG_PAGE, true), 0);
}

#endif
