/* SPDX-License-Identifier: MIT */
/* Straight-line work in the cache: trees, lists, and arithmetic alone and with others at work. */
#include "calibrate_probe.h"

#include "harness/util.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS 12
#define NODES ((1u << LEVELS) - 1)
#define LOOKUPS 4000
#define ENTRIES 512
#define MOVES 20000

/* Of a line each, in no order in memory. */
struct tree_node {
	_Alignas(64) uint64_t key;
	struct tree_node *child[2];
};

struct entry {
	_Alignas(64) struct entry *next;
	struct entry *prev;
};

struct work {
	struct tree_node node[NODES];
	struct tree_node *root;
	uint64_t random;
	struct entry entry[ENTRIES];
	struct entry head[2];
};

static void shuffle(unsigned *number, unsigned nr, uint64_t *random)
{
	for (unsigned i = 0; i < nr; i++)
		number[i] = i;
	for (unsigned i = nr; i > 1; i--) {
		unsigned k = (unsigned)(calibrate_random(random) % i);
		unsigned keep = number[i - 1];

		number[i - 1] = number[k];
		number[k] = keep;
	}
}

/* The perfect tree of the keys 1, 3, 5, … between low and high. */
static struct tree_node *grow(struct work *w, const unsigned *place, unsigned low, unsigned high)
{
	unsigned middle = low + (high - low) / 2;
	struct tree_node *node;

	if (low == high)
		return NULL;
	node = &w->node[place[middle]];
	node->key = 2 * (uint64_t)middle + 1;
	node->child[0] = grow(w, place, low, middle);
	node->child[1] = grow(w, place, middle + 1, high);
	return node;
}

static void link_before(struct entry *head, struct entry *e)
{
	e->prev = head->prev;
	e->next = head;
	head->prev->next = e;
	head->prev = e;
}

static void *work_start(struct calibrate *c)
{
	struct work *w = aligned_alloc(64, sizeof(*w));
	unsigned place[NODES];

	if (!w) {
		calibrate_lack(&c->raw, SERIES_TREE, "no memory");
		calibrate_lack(&c->raw, SERIES_LIST, "no memory");
		return NULL;
	}
	memset(w, 0, sizeof(*w));
	w->random = 1;
	shuffle(place, NODES, &w->random);
	w->root = grow(w, place, 0, NODES);
	for (unsigned i = 0; i < 2; i++)
		w->head[i].next = w->head[i].prev = &w->head[i];
	shuffle(place, ENTRIES, &w->random);
	for (unsigned i = 0; i < ENTRIES; i++)
		link_before(&w->head[0], &w->entry[place[i]]);
	return w;
}

/* Even keys, which are nowhere: every search goes down to the bottom. */
static void search(void *arg, size_t n)
{
	struct work *w = arg;

	for (size_t i = 0; i < n / LEVELS; i++) {
		uint64_t key = 2 * (calibrate_random(&w->random) % (NODES + 1));
		const struct tree_node *node = w->root;

		while (node) {
			if (key < node->key)
				node = node->child[0];
			else
				node = node->child[1];
		}
		bench_keep(w);
	}
}

static void move(void *arg, size_t n)
{
	struct work *w = arg;
	struct entry *from = &w->head[0], *to = &w->head[1];

	while (n--) {
		struct entry *e = from->next;

		if (e == from) {
			from = to;
			to = e;
			e = from->next;
		}
		e->prev->next = e->next;
		e->next->prev = e->prev;
		link_before(to, e);
		bench_keep(w);
	}
}

static void work_round(struct calibrate *c, void *state)
{
	if (!state)
		return;
	calibrate_add(&c->raw, SERIES_TREE, calibrate_time(search, state, LOOKUPS * LEVELS));
	calibrate_add(&c->raw, SERIES_LIST, calibrate_time(move, state, MOVES));
}

const struct calibrate_probe calibrate_work_probe = {
	.name = "trees and lists",
	.start = work_start,
	.round = work_round,
	.finish = free,
};

/* How fast a CPU is */

#define SPEED_STEPS 1000000

struct speed {
	double ns[MMSIM_MAX_CPUS]; /* per step, of CPU time: preemption is not clock speed */
};

/* Four chains at once, which fill a core's execution units as far as its clock lets them. */
static void compute(unsigned i, void *arg)
{
	struct speed *s = arg;
	uint64_t a = 1, b = 2, c = 3, d = 4;
	uint64_t start = calibrate_cpu_time();

	for (unsigned n = 0; n < SPEED_STEPS; n++) {
		a = (a ^ a >> 7) * 5;
		b = (b ^ b >> 7) * 5;
		c = (c ^ c >> 7) * 5;
		d = (d ^ d >> 7) * 5;
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
	}
	s->ns[i] = (double)(calibrate_cpu_time() - start) / SPEED_STEPS;
}

/* The median of the threads. */
static void measure_speed(struct calibrate *c, unsigned nr, const int *cpu, unsigned series)
{
	struct speed s;

	if (calibrate_team(nr, cpu, compute, &s))
		calibrate_add(&c->raw, series, calibrate_median(s.ns, nr));
}

static void speed_round(struct calibrate *c, void *state)
{
	int cpu[MMSIM_MAX_CPUS];
	unsigned nr = calibrate_node_cpus(&c->host, true, cpu);
	struct calibrate_pair pair;

	(void)state;
	measure_speed(c, 1, cpu, SERIES_SPEED_ONE);
	if (nr > 1)
		measure_speed(c, nr, cpu, SERIES_SPEED_ALL);
	calibrate_lack(&c->raw, SERIES_SPEED_ALL, "one core");
	if (calibrate_pairs(c->host.where, c->host.nr, DISTANCE_SMT, &pair, 1)) {
		cpu[0] = c->host.cpu[pair.a];
		cpu[1] = c->host.cpu[pair.b];
		measure_speed(c, 2, cpu, SERIES_SPEED_SMT);
	}
	calibrate_lack(&c->raw, SERIES_SPEED_SMT, "no siblings to be seen");
}

const struct calibrate_probe calibrate_speed_probe = {
	.name = "speed of the CPUs",
	.round = speed_round,
};
