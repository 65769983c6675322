/* SPDX-License-Identifier: MIT */
/*
 * As many threads as the memory can feed: its speed is measured, then a buffer is cleared by a ktask that
 * goes by it. What it prints is this host's, and differs from run to run.
 */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER ((size_t)64 << 20)
#define MEASURED ((size_t)64 << 20) /* more than most caches hold */

static int clear(void *start, void *end, void *arg)
{
	(void)arg;
	memset(start, 0, (size_t)((char *)end - (char *)start));
	return 0;
}

static int clear_buffer(struct mmsim *m, char *buffer)
{
	struct mmsim_ktask_thread thread[16];
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = clear,
		.min_chunk = (size_t)1 << 20,
		.flags = MMSIM_KTASK_BY_BANDWIDTH,
		.nr_threads = 16,
		.threads = thread,
	};
	uint64_t began = mmsim_now(m), ns;
	int err = mmsim_ktask_run(m, buffer, BUFFER, &ctl);

	if (err)
		return err;
	ns = mmsim_now(m) - began;
	printf("cleared 64 MiB at %.1f GB/s, threads that came: %u\n", (double)BUFFER / (double)ns,
	       ctl.threads_used);
	for (unsigned i = 0; i < ctl.threads_used && i < ctl.nr_threads; i++)
		printf("  CPU %u: %zu chunks, %zu MiB\n", thread[i].cpu, thread[i].chunks,
		       thread[i].units >> 20);
	return 0;
}

static int measure(struct mmsim *m)
{
	struct mmsim_job_rates rates;
	int err = mmsim_job_measure(m, 0, MEASURED, &rates);

	if (err)
		return err;
	printf("one core stores %.1f GB/s, all %u together %.1f GB/s: %u threads are enough\n",
	       (double)rates.core_bytes_per_s / 1e9, rates.cores,
	       (double)rates.node_bytes_per_s / 1e9, rates.threads);
	return 0;
}

int main(void)
{
	static struct mmsim_config cfg;
	char *buffer = malloc(BUFFER);
	char text[256];
	struct mmsim *m;
	int err;

	mmsim_config_defaults(&cfg); /* natively: on this host's memory */
	cfg.boot = MMSIM_BOOT_COLD;
	if (!buffer || mmsim_create(&cfg, &m)) {
		free(buffer);
		return 1;
	}
	memset(buffer, 1, BUFFER); /* the first touch is the host's work */
	err = measure(m);
	if (!err)
		err = clear_buffer(m, buffer);
	if (err) {
		mmsim_last_message(m, text, sizeof(text));
		fprintf(stderr, "by_bandwidth: %s\n", text);
	}
	mmsim_destroy(m);
	free(buffer);
	return err ? 1 : 0;
}
