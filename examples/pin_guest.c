/* SPDX-License-Identifier: MIT */
/* Pinning a guest for a device, in virtual time: by 1 thread and by 16, in three ways; then one page too many. */
#include <mmsim/mmsim.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define GUEST (UINT64_C(1) << 18) /* pages: 1 GiB */
#define CHUNK 4096 /* 16 MiB, so that a small guest has enough of them */

static int fail(const char *what, int err)
{
	fprintf(stderr, "pin_guest: %s: %s\n", what, strerror(-err));
	return 1;
}

/* A guest that is started anew; ms, or a negative errno. */
static double start_guest(struct mmsim *m, uint64_t limit, uint32_t flags, uint32_t threads)
{
	const struct mmsim_vfio_params params = { .nr_pages = GUEST,
						  .limit = limit,
						  .min_chunk = CHUNK };
	struct mmsim_vfio *v;
	int err = mmsim_vfio_create(m, &params, &v);
	uint64_t began = mmsim_now(m);

	if (err)
		return err;
	err = mmsim_vfio_pin(v, 0, GUEST, flags, threads);
	began = mmsim_now(m) - began;
	mmsim_vfio_destroy(v);
	return err ? err : (double)began / 1e6;
}

int main(void)
{
	static const struct {
		const char *name;
		uint32_t flags;
	} how[] = {
		{ "under mmap_sem", 0 },
		{ "atomic", MMSIM_VFIO_ATOMIC },
		{ "atomic, by block", MMSIM_VFIO_ATOMIC | MMSIM_VFIO_BATCHED },
	};
	static struct mmsim_config cfg;
	struct mmsim *m;
	int err;

	mmsim_config_defaults(&cfg);
	cfg.mode = MMSIM_VIRTUAL;
	err = mmsim_config_from_synthetic(&cfg, "node:1(memory=2G) core:16 pu:1", 0, NULL, 0);
	if (!err)
		err = mmsim_create(&cfg, &m);
	if (err)
		return fail("the machine", err);
	printf("%-18s 1 thread  16 threads\n", "locked_vm");
	for (unsigned i = 0; i < 3; i++)
		printf("%-18s %5.0f ms %8.0f ms\n", how[i].name,
		       start_guest(m, GUEST, how[i].flags, 1),
		       start_guest(m, GUEST, how[i].flags, 16));
	err = (int)start_guest(m, GUEST - 1, MMSIM_VFIO_ATOMIC, 16);
	printf("one page over the limit: %s\n", strerror(-err));
	mmsim_destroy(m);
	return err == -ENOMEM ? 0 : 1;
}
