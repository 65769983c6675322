/* SPDX-License-Identifier: MIT */
/* Per-CPU objects. */
#include "vmap_pcpu.h"

#include <stdbool.h>
#include <stdlib.h>

#define GRANULES (VMAP_PCPU_UNIT / VMAP_PCPU_GRANULE)

struct vmap_pcpu_chunk {
	struct vmap_pcpu_chunk *next;
	uint64_t addr;
	uint32_t free; /* granules */
	uint32_t first_free; /* none below it is free */
	bool used[GRANULES];
};

void vmap_pcpu_init(struct vmap_pcpu *p, struct mmsim_vmap *v, unsigned nr_cpus)
{
	*p = (struct vmap_pcpu){ .v = v, .nr_cpus = nr_cpus };
}

static struct vmap_pcpu_chunk *add_chunk(struct vmap_pcpu *p)
{
	struct vmap_pcpu_chunk *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->addr = mmsim_vmalloc(p->v, (uint64_t)p->nr_cpus * VMAP_PCPU_UNIT);
	if (!c->addr) {
		free(c);
		return NULL;
	}
	c->free = GRANULES;
	if (p->last)
		p->last->next = c;
	else
		p->first = c;
	p->last = c;
	return c;
}

static bool is_free(const struct vmap_pcpu_chunk *c, uint32_t at, uint32_t nr)
{
	for (uint32_t i = at; i < at + nr; i++)
		if (c->used[i])
			return false;
	return true;
}

static void mark(struct vmap_pcpu_chunk *c, uint32_t at, uint32_t nr, bool used)
{
	for (uint32_t i = at; i < at + nr; i++)
		c->used[i] = used;
	c->free = used ? c->free - nr : c->free + nr;
	if (!used && at < c->first_free)
		c->first_free = at;
	while (c->first_free < GRANULES && c->used[c->first_free])
		c->first_free++;
}

/* GRANULES: there is no place. */
static uint32_t find_place(const struct vmap_pcpu_chunk *c, uint32_t nr, uint32_t step)
{
	if (c->free < nr)
		return GRANULES;
	for (uint32_t at = (c->first_free + step - 1) / step * step; at + nr <= GRANULES;
	     at += step)
		if (is_free(c, at, nr))
			return at;
	return GRANULES;
}

int vmap_pcpu_alloc(struct vmap_pcpu *p, size_t size, size_t align, struct vmap_pcpu_object *out)
{
	uint32_t nr = (uint32_t)((size + VMAP_PCPU_GRANULE - 1) / VMAP_PCPU_GRANULE);
	uint32_t step = align > VMAP_PCPU_GRANULE ? (uint32_t)(align / VMAP_PCPU_GRANULE) : 1;
	struct vmap_pcpu_chunk *c = p->first;
	uint32_t at = GRANULES;

	while (c && (at = find_place(c, nr, step)) == GRANULES)
		c = c->next;
	if (!c) {
		c = add_chunk(p);
		at = 0;
	}
	if (!c)
		return -1;
	mark(c, at, nr, true);
	*out = (struct vmap_pcpu_object){ c, at, nr };
	return 0;
}

void vmap_pcpu_free(struct vmap_pcpu_object *o)
{
	if (o->chunk)
		mark(o->chunk, o->granule, o->granules, false);
	o->chunk = NULL;
}

int vmap_pcpu_fini(struct vmap_pcpu *p)
{
	int rc = 0;

	while (p->first) {
		struct vmap_pcpu_chunk *c = p->first;

		p->first = c->next;
		if (mmsim_vfree(p->v, c->addr))
			rc = -1;
		free(c);
	}
	p->last = NULL;
	return rc;
}
