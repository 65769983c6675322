/* SPDX-License-Identifier: MIT */
/* A multithreaded job: the sum of the numbers below a million, in chunks on all CPUs. */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <string.h>

struct sum {
	struct mmsim *m;
	uint64_t total; /* atomic, as all below */
	uint64_t chunks;
	uint64_t cpus; /* bit per CPU that worked */
};

/* One atomic addition per chunk, not per number: chunks should touch nothing in common. */
static void add_up(unsigned long start, unsigned long end, void *arg)
{
	struct sum *sum = arg;
	uint64_t part = 0;

	for (unsigned long i = start; i < end; i++)
		part += i;
	__atomic_add_fetch(&sum->total, part, __ATOMIC_RELAXED);
	__atomic_add_fetch(&sum->chunks, 1, __ATOMIC_RELAXED);
	__atomic_or_fetch(&sum->cpus, UINT64_C(1) << mmsim_cpu(sum->m), __ATOMIC_RELAXED);
}

int main(void)
{
	static struct mmsim_config cfg;
	struct sum sum = { 0 };
	struct mmsim_padata_mt_job job = {
		.thread_fn = add_up,
		.fn_arg = &sum,
		.start = 0,
		.size = 1000000,
		.align = 4096,
		.min_chunk = 10000,
	};
	char text[256];
	int err;

	mmsim_config_defaults(&cfg);
	cfg.boot = MMSIM_BOOT_COLD; /* jobs need no memory */
	err = mmsim_config_from_synthetic(&cfg, "core:4 pu:1", UINT64_C(64) << 20, text,
					  sizeof(text));
	if (!err)
		err = mmsim_create(&cfg, &sum.m);
	if (err) {
		fprintf(stderr, "padata_job: %s\n", strerror(-err));
		return 1;
	}
	if (mmsim_padata_do_multithreaded(sum.m, &job)) {
		mmsim_last_message(sum.m, text, sizeof(text));
		fprintf(stderr, "padata_job: %s\n", text);
		return 1;
	}
	printf("sum %llu\n", (unsigned long long)sum.total);
	fprintf(stderr, "%llu chunks on %d of %u CPUs\n", (unsigned long long)sum.chunks,
		__builtin_popcountll(sum.cpus), mmsim_nr_cpus(sum.m));
	mmsim_destroy(sum.m);
	return sum.total == UINT64_C(499999500000) && job.size == 0 ? 0 : 1;
}
