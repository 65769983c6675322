/* SPDX-License-Identifier: MIT */
/*
 * Page init at boot: one cold machine, booted again and again with different stores and threads.
 *
 * The times are of one run each; bench/pageinit repeats them and measures the limit beside them.
 */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what, int err)
{
	fprintf(stderr, "page_init: %s: %s\n", what, strerror(-err));
	return 1;
}

static int boot_once(struct mmsim *m, enum mmsim_stores stores, unsigned threads, bool padata)
{
	struct mmsim_boot_report r;
	int err;

	mmsim_reset(m);
	err = mmsim_set_init(m, stores, threads, padata);
	if (!err)
		err = mmsim_boot(m);
	if (err)
		return fail("boot", err);
	mmsim_boot_report(m, &r);
	if (!r.deferred_pages)
		return fail("nothing was deferred", 0);
	printf("%-9s  %-5s  %7u  %9llu  %9.3f  %9.3f\n", r.streaming ? "streaming" : "ordinary",
	       padata ? "jobs" : "loop", r.node[0].threads, (unsigned long long)r.deferred_pages,
	       (double)r.deferred_ns / 1e6, (double)r.deferred_ns / (double)r.deferred_pages);
	return 0;
}

int main(void)
{
	static const enum mmsim_stores stores[] = { MMSIM_STORES_ORDINARY, MMSIM_STORES_STREAMING };
	static struct mmsim_config cfg;
	struct mmsim_boot_report r;
	struct mmsim *m;
	int err, failed = 0;

	mmsim_config_defaults(&cfg);
	cfg.boot = MMSIM_BOOT_COLD;
	err = mmsim_create(&cfg, &m);
	if (err)
		return fail("create", err);
	printf("stores     how    threads      pages         ms    ns/page\n");
	failed |= boot_once(m, MMSIM_STORES_ORDINARY, 1, false);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned threads = 1; threads <= mmsim_nr_cpus(m); threads++)
			failed |= boot_once(m, stores[i], threads, true);
	mmsim_boot_report(m, &r);
	printf("early part of the last boot: %llu pages, %.3f ms; array: %llu MiB, "
	       "first touch %.1f ms\n",
	       (unsigned long long)r.early_pages, (double)r.early_ns / 1e6,
	       (unsigned long long)r.memmap_bytes >> 20, (double)r.first_touch_ns / 1e6);
	mmsim_validate(m);
	mmsim_destroy(m);
	return failed;
}
