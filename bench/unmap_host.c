/* SPDX-License-Identifier: MIT */
/* The host kernel's own munmap(). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* affinity */
#endif
#include "unmap_host.h"

#include "harness/gate.h"
#include "harness/host.h"
#include "harness/util.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE_BYTES ((size_t)2 << 20)
#define PAGE_BYTES ((size_t)4096)

/* Of a thread or a process. */
struct part {
	struct team *team;
	int cpu;
	char *addr;
	size_t bytes;
	uint64_t began, ended, touch_ns, huge_bytes;
	int error;
};

/* Shared by processes. */
struct team {
	struct unmap_host *h;
	struct gate gate;
	struct part part[];
};

static size_t team_bytes(unsigned nr)
{
	return sizeof(struct team) + nr * sizeof(struct part);
}

/* Shared with children, and of pages of its own, which unmapping does not touch. */
static struct team *make_team(struct unmap_host *h)
{
	struct team *team = mmap(NULL, team_bytes(h->nr), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (team == MAP_FAILED)
		return NULL;
	team->h = h;
	gate_init(&team->gate, h->nr);
	for (unsigned i = 0; i < h->nr; i++)
		team->part[i] = (struct part){
			.team = team,
			.cpu = host_cpu(i),
			.bytes = h->bytes / h->nr,
		};
	return team;
}

/* What may not be bound runs where it likes. */
static void bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Whole huge pages: what is cut off at both ends is given back at once. */
static char *map_aligned(size_t bytes)
{
	size_t all = bytes + HUGE_BYTES, head;
	char *p = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	head = -(uintptr_t)p % HUGE_BYTES;
	if (head)
		munmap(p, head);
	munmap(p + head + bytes, HUGE_BYTES - head);
	return p + head;
}

static uint64_t count_huge(void)
{
	char text[64];

	host_read_key("/proc/self/smaps_rollup", "AnonHugePages", text, sizeof(text));
	return strtoull(text, NULL, 10) * 1024;
}

/* Its memory, every page written to; huge_bytes: what it got more of than it had. */
static int touch(struct part *p, size_t bytes)
{
	uint64_t huge = count_huge(), start;

	p->addr = map_aligned(bytes);
	if (!p->addr)
		return -errno;
	madvise(p->addr, bytes, p->team->h->thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	start = bench_now();
	for (size_t at = 0; at < bytes; at += PAGE_BYTES)
		*(volatile char *)(p->addr + at) = 1;
	p->touch_ns = bench_now() - start;
	p->huge_bytes = count_huge() - huge;
	return 0;
}

static void unmap(struct part *p)
{
	gate_wait(&p->team->gate);
	p->began = bench_now();
	if (p->addr && munmap(p->addr, p->bytes))
		p->error = -errno;
	p->ended = bench_now();
}

static int collect(struct team *team)
{
	struct unmap_host *h = team->h;
	uint64_t began = UINT64_MAX, ended = 0;
	int error = 0;

	h->touch_ns = 0;
	for (unsigned i = 0; i < h->nr; i++) {
		const struct part *p = &team->part[i];

		began = p->began < began ? p->began : began;
		ended = p->ended > ended ? p->ended : ended;
		h->touch_ns += p->touch_ns;
		error = error ? error : p->error;
	}
	h->ns = ended - began;
	return error;
}

/* Threads */

static void *unmap_part(void *arg)
{
	struct part *p = arg;

	bind_to(p->cpu);
	unmap(p);
	return NULL;
}

/* Those that could not be started are made up for at the gate. */
static unsigned start_others(struct team *team, pthread_t *thread)
{
	unsigned nr = 1;

	while (nr < team->h->nr && !pthread_create(&thread[nr], NULL, unmap_part, &team->part[nr]))
		nr++;
	for (unsigned i = nr; i < team->h->nr; i++)
		gate_arrive(&team->gate);
	return nr;
}

/* The first thread: touches all of it, before the others are there to wait for it. */
static void *run_threads(void *arg)
{
	struct team *team = arg;
	struct part *first = &team->part[0];
	pthread_t *thread = bench_calloc(team->h->nr, sizeof(*thread));
	unsigned started;

	bind_to(first->cpu);
	first->error = touch(first, team->h->bytes);
	for (unsigned i = 1; i < team->h->nr && first->addr; i++)
		team->part[i].addr = first->addr + i * first->bytes;
	started = start_others(team, thread);
	unmap(first);
	for (unsigned i = 1; i < started; i++)
		pthread_join(thread[i], NULL);
	if (started < team->h->nr)
		first->error = -EAGAIN;
	for (unsigned i = started; i < team->h->nr && first->addr; i++)
		munmap(team->part[i].addr, first->bytes);
	team->h->huge_bytes = first->huge_bytes;
	free(thread);
	return NULL;
}

int unmap_host_threads(struct unmap_host *h)
{
	struct team *team = make_team(h);
	pthread_t thread;
	int error;

	if (!team)
		return -ENOMEM;
	error = -pthread_create(&thread, NULL, run_threads, team);
	if (!error) {
		pthread_join(thread, NULL);
		error = collect(team);
	}
	munmap(team, team_bytes(h->nr));
	return error;
}

/* Processes */

_Noreturn static void run_child(struct part *p)
{
	bind_to(p->cpu);
	p->error = touch(p, p->bytes);
	unmap(p);
	_exit(0);
}

static void forget(pid_t *child, unsigned nr, pid_t ended)
{
	for (unsigned i = 0; i < nr; i++)
		if (child[i] == ended)
			child[i] = 0;
}

static int wait_for(pid_t *child, unsigned nr)
{
	for (unsigned left = nr; left > 0; left--) {
		int status;
		pid_t ended = wait(&status);

		forget(child, nr, ended);
		if (ended < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
			return -ENOMEM;
	}
	return 0;
}

/* They wait at the gate for one that was killed, or was never there. */
static void kill_rest(const pid_t *child, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		if (child[i] == 0)
			continue;
		kill(child[i], SIGKILL);
		waitpid(child[i], NULL, 0);
	}
}

static int run_children(struct team *team)
{
	pid_t *child = bench_calloc(team->h->nr, sizeof(*child));
	unsigned nr;
	int error;

	for (nr = 0; nr < team->h->nr; nr++) {
		child[nr] = fork();
		if (child[nr] == 0)
			run_child(&team->part[nr]);
		if (child[nr] < 0)
			break;
	}
	error = nr == team->h->nr ? wait_for(child, nr) : -EAGAIN;
	kill_rest(child, nr);
	free(child);
	return error;
}

int unmap_host_processes(struct unmap_host *h)
{
	struct team *team = make_team(h);
	int error;

	if (!team)
		return -ENOMEM;
	error = run_children(team);
	if (!error)
		error = collect(team);
	h->huge_bytes = team->part[0].huge_bytes * h->nr;
	munmap(team, team_bytes(h->nr));
	return error;
}
