/* SPDX-License-Identifier: MIT */
/* Exported calls: files in the page cache. */
#include "filemap.h"

#include "machine.h"
#include <errno.h>
#include <inttypes.h>

static int refuse(struct mm_log *log, const char *call, const char *wrong)
{
	mm_base_log(log, "%s: %s", call, wrong);
	return -EINVAL;
}

int mmsim_file_create(struct mmsim *m, uint64_t nr_pages, struct mmsim_file **out)
{
	if (out)
		*out = NULL;
	if (!m)
		return -EINVAL;
	MM_ON_CPU(m);
	if (!out)
		return refuse(&m->log, "mmsim_file_create", "no place for the result");
	if (nr_pages && nr_pages <= MMSIM_FILE_MAX_PAGES)
		return mm_mmap_file_create(&m->mmap, nr_pages, out);
	mm_base_log(&m->log, "mmsim_file_create: nr_pages %" PRIu64 ": must be 1 to 2^32",
		    nr_pages);
	return -EINVAL;
}

int mmsim_file_destroy(struct mmsim_file *file)
{
	int err;

	if (!file)
		return 0;
	MM_ON_CPU(file->mmap);
	err = mm_mmap_file_destroy(file);
	if (err)
		mm_base_log(file->mmap->log, "mmsim_file_destroy: areas map the file");
	return err;
}

static const char *refuse_range(const struct mmsim_file *file, uint64_t first, uint64_t nr)
{
	if (!nr)
		return "no pages";
	return first >= file->nr_pages || nr > file->nr_pages - first ? "not inside the file"
								      : NULL;
}

int mmsim_file_read(struct mmsim_file *file, uint64_t first, uint64_t nr)
{
	const char *wrong;
	int err = -EINVAL;

	if (!file)
		return -EINVAL;
	MM_ON_CPU(file->mmap);
	wrong = refuse_range(file, first, nr);
	if (!wrong && !mm_buddy_is_open(file->mmap->buddy)) {
		wrong = "the machine is not booted";
		err = -EBUSY;
	}
	if (!wrong)
		return mm_mmap_file_read(file, first, nr);
	mm_base_log(file->mmap->log, "mmsim_file_read(first %" PRIu64 ", nr %" PRIu64 "): %s",
		    first, nr, wrong);
	return err;
}

uint64_t mmsim_file_sync(struct mmsim_file *file)
{
	if (!file)
		return 0;
	MM_ON_CPU(file->mmap);
	return mm_mmap_file_sync(file);
}

uint64_t mmsim_file_drop(struct mmsim_file *file)
{
	if (!file)
		return 0;
	MM_ON_CPU(file->mmap);
	return mm_mmap_file_drop(file);
}

int mmsim_file_info(struct mmsim_file *file, struct mmsim_file_info *out)
{
	if (!file)
		return -EINVAL;
	MM_ON_CPU(file->mmap);
	if (!out)
		return refuse(file->mmap->log, "mmsim_file_info", "no place for the result");
	mm_mmap_file_info(file, out);
	return 0;
}
