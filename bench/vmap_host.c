/* SPDX-License-Identifier: MIT */
/* The host kernel's own addresses. */
#include "vmap_host.h"

#include "harness/gate.h"
#include "harness/util.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE_BYTES ((size_t)4096)

struct team;

struct mapper {
	_Alignas(128) struct team *team;
	pthread_t thread;
	uint64_t began, ended;
	int error;
};

struct team {
	struct gate gate;
	uint64_t loops;
	struct mapper *mapper;
};

static int map_and_unmap(void)
{
	void *p =
		mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED || munmap(p, PAGE_BYTES) ? -errno : 0;
}

static void *mapper_main(void *arg)
{
	struct mapper *t = arg;

	gate_wait(&t->team->gate);
	t->began = bench_now();
	for (uint64_t i = 0; i < t->team->loops && !t->error; i++)
		t->error = map_and_unmap();
	t->ended = bench_now();
	return NULL;
}

/*
 * The caller is the last. Those that could not be started are counted as arrived: the others wait for them.
 */
static int run_team(struct team *team, unsigned nr)
{
	unsigned started = 0;
	int rc = 0;

	while (started + 1 < nr && !rc) {
		rc = -pthread_create(&team->mapper[started].thread, NULL, mapper_main,
				     &team->mapper[started]);
		started += !rc;
	}
	for (unsigned i = started + 1; i < nr; i++)
		gate_arrive(&team->gate);
	mapper_main(&team->mapper[nr - 1]);
	while (started-- > 0)
		pthread_join(team->mapper[started].thread, NULL);
	return rc;
}

static int collect(struct vmap_host *h, const struct team *team)
{
	uint64_t began = UINT64_MAX, ended = 0;

	h->busy_ns = 0;
	for (unsigned i = 0; i < h->threads; i++) {
		const struct mapper *t = &team->mapper[i];

		if (t->error)
			return t->error;
		began = t->began < began ? t->began : began;
		ended = t->ended > ended ? t->ended : ended;
		h->busy_ns += t->ended - t->began;
	}
	h->ns = ended - began;
	return 0;
}

int vmap_host_run(struct vmap_host *h)
{
	struct team team = { .loops = h->loops };
	int rc;

	team.mapper = aligned_alloc(_Alignof(struct mapper), h->threads * sizeof(*team.mapper));
	if (!team.mapper)
		return -ENOMEM;
	for (unsigned i = 0; i < h->threads; i++)
		team.mapper[i] = (struct mapper){ .team = &team };
	gate_init(&team.gate, h->threads);
	rc = run_team(&team, h->threads);
	if (!rc)
		rc = collect(h, &team);
	free(team.mapper);
	return rc;
}
