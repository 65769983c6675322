/* SPDX-License-Identifier: MIT */
/* A machine whose memory has been used for a long time: fragmented as stated, then partly given back. */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <stdlib.h>

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "age: %s\n", what);
	exit(1);
}

static void print(const char *when, const struct mmsim_ageing_report *r)
{
	printf("%s:\n", when);
	printf("  in use: %u of 1000 pages\n", r->fill);
	printf("  unusable index for 2 MiB: %u\n", r->unusable);
	printf("  pageblocks with an unmovable page: %u of 1000\n", r->mixed);
	printf("  free blocks of 2 MiB: %llu, of at best %llu\n", (unsigned long long)r->free_2m,
	       (unsigned long long)r->free / MMSIM_PAGEBLOCK_NR_PAGES);
}

int main(void)
{
	/* 70 % in use, half of what is free in pieces, unmovable pages in 30 % of the pageblocks. */
	const struct mmsim_ageing params = {
		.fill = 700, .unusable = 500, .mixed = 300, .seed = 1
	};
	static struct mmsim_config cfg;
	struct mmsim_ageing_report report;
	struct mmsim_aged *aged;
	struct mmsim *m;

	mmsim_config_defaults(&cfg);
	cfg.mode = MMSIM_SERIAL;
	need(mmsim_create(&cfg, &m) == 0, "no machine");
	need(mmsim_age(m, &params, &aged, &report) == 0, "not aged");
	need(report.met, "not as asked for");
	print("aged", &report);
	need(mmsim_aged_release(m, aged, 500, &report) == 0, "not released");
	print("half of it released", &report);
	need(mmsim_aged_release(m, aged, 1000, &report) == 0, "not released");
	print("all of it released", &report);
	mmsim_aged_free(aged);
	mmsim_destroy(m);
	return 0;
}
