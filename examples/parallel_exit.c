/* SPDX-License-Identifier: MIT */
/* A process of 512 MiB ends, in virtual time: by one thread, by one with workers, by several threads. */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <string.h>

#define BYTES (UINT64_C(1) << 29)

static int fail(const char *what, int err)
{
	fprintf(stderr, "parallel_exit: %s: %s\n", what, strerror(-err));
	return 1;
}

/* A process that has touched all its memory; how long its end takes, ns, or a negative errno. */
static int64_t run_and_exit(struct mmsim *m, const struct mmsim_teardown *how)
{
	const uint32_t flags = MMSIM_PROT_READ | MMSIM_PROT_WRITE | MMSIM_MAP_POPULATE;
	struct mmsim_mm *mm;
	uint64_t began;
	int err = mmsim_set_teardown(m, how);

	if (!err)
		err = mmsim_mm_create(m, NULL, &mm);
	if (err)
		return err;
	err = mmsim_mmap(mm, 0, BYTES, flags, NULL, 0, NULL);
	began = mmsim_now(m);
	mmsim_mm_exit(mm);
	began = mmsim_now(m) - began;
	mmsim_mm_destroy(mm);
	return err ? err : (int64_t)began;
}

int main(void)
{
	static const struct {
		const char *name;
		struct mmsim_teardown how;
	} ways[] = {
		{ "one thread", { .way = MMSIM_TEARDOWN_SERIAL } },
		{ "4 workers free",
		  { .way = MMSIM_TEARDOWN_BATCH_WORKERS,
		    .threshold = 8192,
		    .max_batches = 32,
		    .max_active = 4 } },
		{ "5 threads", { .way = MMSIM_TEARDOWN_RANGE_PARALLEL, .max_threads = 5 } },
	};
	static struct mmsim_config cfg;
	struct mmsim_teardown_info info;
	int64_t took;
	struct mmsim *m;
	int err;

	mmsim_config_defaults(&cfg);
	cfg.mode = MMSIM_VIRTUAL;
	err = mmsim_config_from_synthetic(&cfg, "node:1(memory=2G) core:8 pu:1", 0, NULL, 0);
	if (!err)
		err = mmsim_create(&cfg, &m);
	if (err)
		return fail("the machine", err);
	for (unsigned i = 0; i < 3; i++) {
		took = run_and_exit(m, &ways[i].how);
		if (took < 0)
			return fail(ways[i].name, (int)took);
		printf("%-15s %6.1f ms, %3.0f ns a page\n", ways[i].name, (double)took / 1e6,
		       (double)took / (double)(BYTES / MMSIM_PAGE_SIZE));
	}
	mmsim_teardown_info(m, &info);
	printf("%llu pages freed, %llu chains handed to workers, %llu flushes\n",
	       (unsigned long long)info.freed, (unsigned long long)info.handed,
	       (unsigned long long)info.flushes);
	mmsim_destroy(m);
	return 0;
}
