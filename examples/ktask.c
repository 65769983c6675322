/* SPDX-License-Identifier: MIT */
/* A ktask that fails half-way: what its threads had finished is undone, and each says how it went. */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <string.h>

enum { UNITS = 1000000, BAD = 700000, CHUNK = 10000, THREADS = 4 };

/* Add one to each byte; a byte that is 255 cannot take it. */
static int add_one(void *start, void *end, void *arg)
{
	(void)arg;
	for (unsigned char *at = start; at < (unsigned char *)end; at++) {
		if (*at != 255) {
			++*at;
			continue;
		}
		/* Who fails tidies up his own chunk; the rest is undone for him. */
		while (at-- > (unsigned char *)start)
			--*at;
		return -1;
	}
	return 0;
}

static int take_one(void *start, void *end, void *arg)
{
	(void)arg;
	for (unsigned char *at = start; at < (unsigned char *)end; at++)
		--*at;
	return 0;
}

int main(void)
{
	static struct mmsim_config cfg;
	static unsigned char bytes[UNITS];
	struct mmsim_ktask_thread thread[THREADS];
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = add_one,
		.undo_fn = take_one,
		.min_chunk = CHUNK,
		.max_threads = THREADS,
		.threads = thread,
		.nr_threads = THREADS,
	};
	unsigned changed = 0;
	struct mmsim *m;
	int err;

	mmsim_config_defaults(&cfg);
	cfg.boot = MMSIM_BOOT_COLD; /* tasks need no memory */
	err = mmsim_create(&cfg, &m);
	if (err) {
		fprintf(stderr, "ktask: %s\n", strerror(-err));
		return 1;
	}
	bytes[BAD] = 255;
	err = mmsim_ktask_run(m, bytes, UNITS, &ctl);
	for (unsigned i = 0; i < UNITS; i++)
		changed += bytes[i] != (i == BAD ? 255 : 0);
	printf("error %d, %u bytes changed\n", err, changed);
	for (unsigned i = 0; i < THREADS && thread[i].chunks; i++)
		fprintf(stderr, "cpu %u: %zu chunks, %zu units, error %d\n", thread[i].cpu,
			thread[i].chunks, thread[i].units, thread[i].error);
	mmsim_destroy(m);
	return err == -1 && !changed ? 0 : 1;
}
