/* SPDX-License-Identifier: MIT */
/* What things cost in virtual time. */
#include "cost.h"

#include "bits.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define PIECE (UINT64_C(256) << 10)
#define ONE MMSIM_FIGURE_ONE
#define LINE UINT64_C(64)
#define KIB UINT64_C(1024)
#define PS_US UINT64_C(1000000) /* ps for a byte at 1 MB/s */
#define FIRST_REGIONS 8

/* a * b / by; what does not fit is a long time, not a short one. */
static uint64_t scaled(uint64_t a, uint64_t b, uint64_t by)
{
	unsigned __int128 result = (unsigned __int128)a * b / by;

	return result > UINT64_MAX ? UINT64_MAX : (uint64_t)result;
}

/* The same for a sum. */
static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* How fast the CPU is */

void mm_exec_cost_busy(struct mm_cost *c, unsigned cpu, bool busy)
{
	const struct mm_exec_cpu *at = &c->x->cpu[cpu];
	unsigned *core = &c->core_busy[at->first];

	if (busy) {
		c->package_busy[at->where.package] += !*core;
		++*core;
	} else {
		--*core;
		c->package_busy[at->where.package] -= !*core;
	}
}

static uint64_t siblings_slow(const struct mm_cost *c, unsigned cpu, uint64_t ps)
{
	if (c->core_busy[c->x->cpu[cpu].first] < 2)
		return ps;
	return scaled(ps, ONE, c->figure[MMSIM_FIG_SMT_FACTOR]);
}

/* With one busy core the clock is 1, with all of them turbo_all. */
static uint64_t clock_slow(const struct mm_cost *c, unsigned cpu, uint64_t ps)
{
	unsigned package = c->x->cpu[cpu].where.package;
	uint64_t others = c->package_busy[package] ? c->package_busy[package] - 1 : 0;
	uint64_t cores = c->package_cores[package], all = c->figure[MMSIM_FIG_TURBO_ALL];

	if (!others || cores < 2 || all >= ONE)
		return ps;
	return scaled(ps, ONE, ONE - (ONE - all) * others / (cores - 1));
}

static uint64_t work(const struct mm_cost *c, unsigned cpu, enum mmsim_figure figure, uint64_t n)
{
	return clock_slow(c, cpu, siblings_slow(c, cpu, scaled(c->figure[figure], n, 1)));
}

/* Pipes */

static void expire(struct mm_pipe *p, uint64_t now)
{
	for (unsigned i = 0; i < p->nr;) {
		if (p->flow[i].until > now) {
			i++;
			continue;
		}
		p->demand -= p->flow[i].demand;
		p->flow[i] = p->flow[--p->nr];
	}
}

/* Stretch a time by what the pipe cannot give. */
static uint64_t stretch(const struct mm_pipe *p, uint64_t demand, uint64_t ps)
{
	uint64_t all = p->demand + demand;

	if (all <= p->bandwidth)
		return ps;
	return scaled(ps, all, p->bandwidth);
}

static void join(struct mm_pipe *p, uint64_t demand, uint64_t until)
{
	p->flow[p->nr++] = (struct mm_flow){ .until = until, .demand = demand };
	p->demand += demand;
}

/* Lines */

uint64_t mm_exec_cost_line(const struct mm_cost *c, unsigned from, unsigned to)
{
	const struct mmsim_cpu *a = &c->x->cpu[from].where, *b = &c->x->cpu[to].where;

	if (from == to)
		return c->figure[MMSIM_FIG_LINE_OWN];
	if (a->core == b->core)
		return c->figure[MMSIM_FIG_LINE_SMT];
	if (a->llc == b->llc)
		return c->figure[MMSIM_FIG_LINE_LLC];
	return c->figure[a->node == b->node ? MMSIM_FIG_LINE_NODE : MMSIM_FIG_LINE_REMOTE];
}

/*
 * The demand at time now. Nothing is forgotten here: only flows begin in the order of time (C1), and the
 * next may begin earlier than now.
 */
static uint64_t demand_at(const struct mm_pipe *p, uint64_t now)
{
	uint64_t demand = p->demand;

	for (unsigned i = 0; i < p->nr; i++)
		demand -= p->flow[i].until > now ? 0 : p->flow[i].demand;
	return demand;
}

/* Flat up to the knee, then straight up to its value at full bandwidth. */
static uint64_t loaded(const struct mm_cost *c, const struct mm_pipe *p, uint64_t now, uint64_t ps)
{
	uint64_t knee = c->figure[MMSIM_FIG_LOADED_KNEE];
	uint64_t most = c->figure[MMSIM_FIG_LOADED_LATENCY], share;

	share = mm_min(scaled(demand_at(p, now), ONE, p->bandwidth), ONE);
	if (share <= knee || most <= ONE)
		return ps;
	return ps * (ONE + (most - ONE) * (share - knee) / (ONE - knee)) / ONE;
}

static uint64_t from_memory(struct mm_cost *c, unsigned cpu, unsigned node, uint64_t now)
{
	bool local = c->x->cpu[cpu].where.node == node;

	return loaded(c, &c->memory[node], now,
		      c->figure[local ? MMSIM_FIG_DRAM_LOCAL : MMSIM_FIG_DRAM_REMOTE]);
}

static struct mm_region *region_of(struct mm_cost *c, const void *obj)
{
	uintptr_t at = (uintptr_t)obj;
	unsigned low = 0, high = c->nr_regions;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (c->region[middle].end <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->nr_regions && c->region[low].start <= at ? &c->region[low] : NULL;
}

/* A miss, unless it was fetched ahead or nobody waits for it: then memory's pace is what counts. */
static uint64_t missed(struct mm_cost *c, unsigned cpu, uint64_t line, uint64_t ps, bool posted)
{
	bool ahead = mm_exec_cache_ahead(&c->caches, cpu, line);

	if (!ahead && !posted)
		return ps;
	return mm_min(ps, LINE * PS_US / c->figure[MMSIM_FIG_CORE_BW]);
}

static uint64_t fetch(struct mm_cost *c, unsigned cpu, uint64_t now, const struct mm_region *r,
		      size_t i, bool posted)
{
	mm_cached line = r->line[i];
	uint64_t number = r->number + i;
	unsigned by;

	switch (mm_exec_cache_find(&c->caches, line)) {
	case MM_IN_CORE:
		return mm_exec_cost_line(c, mm_cached_by(line), cpu);
	case MM_IN_SHARED:
		by = mm_cached_by(line);
		if (c->x->cpu[by].where.llc != c->x->cpu[cpu].where.llc)
			return mm_exec_cost_line(c, by, cpu);
		return missed(c, cpu, number, c->figure[MMSIM_FIG_LLC_HIT], posted);
	case MM_IN_MEMORY:
		break;
	}
	return missed(c, cpu, number, from_memory(c, cpu, r->node, now), posted);
}

static bool is_own(const struct mm_cost *c, unsigned cpu, mm_cached line)
{
	return mm_exec_cache_find(&c->caches, line) == MM_IN_CORE &&
	       c->x->cpu[mm_cached_by(line)].first == c->x->cpu[cpu].first;
}

/* Memory of no region is the caller's own: stacks, metadata. */
static uint64_t touch(struct mm_cost *c, unsigned cpu, uint64_t now, const void *obj, uint64_t n,
		      bool posted)
{
	struct mm_region *r = region_of(c, obj);
	uintptr_t at = (uintptr_t)obj, end;
	uint64_t ps = 0;

	if (!r)
		return c->figure[MMSIM_FIG_LINE_OWN];
	end = at + mm_min(mm_max(n, UINT64_C(1)), r->end - at);
	for (size_t i = (at - r->start) >> r->shift; i <= (end - 1 - r->start) >> r->shift; i++) {
		ps += fetch(c, cpu, now, r, i, posted);
		if (!is_own(c, cpu, r->line[i]))
			mm_exec_cache_insert(&c->caches, cpu, 1);
		r->line[i] = mm_exec_cache_use(&c->caches, cpu);
	}
	return ps;
}

static uint32_t cache_bit(const struct mm_cost *c, unsigned cpu)
{
	return UINT32_C(1) << c->x->cpu[cpu].where.llc % 32;
}

/* The way to a line that is read by many, as to one of a region; *line is up to date then. */
static uint64_t see(struct mm_cost *c, unsigned cpu, uint64_t now, struct mm_line *line,
		    uint64_t cached)
{
	bool gone = line->seen && mm_exec_cache_find(&c->caches, line->seen) == MM_IN_MEMORY;

	if (gone || cached > c->figure[MMSIM_FIG_LINE_OWN])
		mm_exec_cache_insert(&c->caches, cpu, 1);
	line->seen = mm_exec_cache_use(&c->caches, cpu);
	return gone ? from_memory(c, cpu, c->x->cpu[cpu].where.node, now) : cached;
}

/* Copies that others read since it was written are taken away, which takes as long as to one of them. */
static uint64_t take_line(struct mm_cost *c, unsigned cpu, uint64_t now, const void *obj)
{
	/* The caller's: const only because most charges leave their object alone. */
	struct mm_line *line = (struct mm_line *)(uintptr_t)obj;
	uint32_t writer = line->writer, readers = line->readers;
	uint64_t way = mm_exec_cost_line(c, writer ? writer - 1 : cpu, cpu);

	line->writer = cpu + 1;
	line->readers = 0;
	if (readers)
		way = mm_max(way, c->figure[readers == cache_bit(c, cpu) ? MMSIM_FIG_LINE_LLC
									 : MMSIM_FIG_LINE_NODE]);
	return line->seen ? see(c, cpu, now, line, way) : way;
}

/* The first CPU of a last-level cache to read what another one wrote fetches it for all of them. */
static uint64_t read_line(struct mm_cost *c, unsigned cpu, uint64_t now, const void *obj)
{
	struct mm_line *line = (struct mm_line *)(uintptr_t)obj;
	uint32_t bit = cache_bit(c, cpu);
	uint64_t way = c->figure[MMSIM_FIG_LINE_OWN];

	if (line->writer && line->writer != cpu + 1 && !(line->readers & bit)) {
		line->readers |= bit;
		way = mm_exec_cost_line(c, line->writer - 1, cpu);
	}
	return see(c, cpu, now, line, way);
}

/* C3. Those after the first change, of n in a row, find the line where it is, and keep it there. */
static uint64_t change(const struct mm_cost *c, unsigned cpu, uint64_t now, const void *obj,
		       uint64_t n)
{
	struct mm_atomic_line *line = (struct mm_atomic_line *)(uintptr_t)obj;
	uint64_t way = mm_exec_cost_line(c, line->writer ? line->writer - 1 : cpu, cpu);
	uint64_t atomic = c->figure[MMSIM_FIG_ATOMIC];
	uint64_t again = scaled(n ? n - 1 : 0, atomic + c->figure[MMSIM_FIG_LINE_OWN], 1);

	line->writer = cpu + 1;
	line->free_at = sum(sum(mm_max(now, line->free_at), way), again);
	return sum(line->free_at - now, atomic);
}

/* Charges */

static uint64_t ipi(const struct mm_cost *c, uint64_t n)
{
	if (!n)
		return 0;
	return sum(c->figure[MMSIM_FIG_IPI_FIRST], scaled(n - 1, c->figure[MMSIM_FIG_IPI_NEXT], 1));
}

uint64_t mm_exec_cost_of(struct mm_cost *c, unsigned cpu, uint64_t now, enum mm_charge what,
			 const void *obj, uint64_t n)
{
	switch (what) {
	case MM_CHARGE_LOCK:
		return c->figure[MMSIM_FIG_ATOMIC] + take_line(c, cpu, now, obj);
	case MM_CHARGE_UNLOCK:
	case MM_CHARGE_LINE:
		return take_line(c, cpu, now, obj);
	case MM_CHARGE_READ:
		return read_line(c, cpu, now, obj);
	case MM_CHARGE_RMW:
		return c->figure[MMSIM_FIG_ATOMIC] + touch(c, cpu, now, obj, 1, false);
	case MM_CHARGE_ATOMIC:
		return change(c, cpu, now, obj, n);
	case MM_CHARGE_TOUCH:
	case MM_CHARGE_POST:
		return touch(c, cpu, now, obj, n, what == MM_CHARGE_POST);
	case MM_CHARGE_PAGE_OP:
		return work(c, cpu, MMSIM_FIG_PAGE_OP, n);
	case MM_CHARGE_PAGE_FREE:
		return work(c, cpu, MMSIM_FIG_PAGE_FREE, n);
	case MM_CHARGE_ZAP:
		return work(c, cpu, MMSIM_FIG_ZAP, n);
	case MM_CHARGE_TREE:
		return work(c, cpu, MMSIM_FIG_TREE_LEVEL, n);
	case MM_CHARGE_LIST_MOVE:
		return work(c, cpu, MMSIM_FIG_LIST_MOVE, n);
	case MM_CHARGE_PAGE_PIN:
		return work(c, cpu, MMSIM_FIG_PAGE_PIN, n);
	case MM_CHARGE_WORK: /* ns are given */
		return clock_slow(c, cpu, siblings_slow(c, cpu, scaled(ONE, n, 1)));
	case MM_CHARGE_SPAWN:
		return work(c, cpu, MMSIM_FIG_WORKER_CREATE, n);
	case MM_CHARGE_IPI:
		return ipi(c, n);
	case MM_CHARGE_TLB_FLUSH:
		return work(c, cpu, MMSIM_FIG_TLB_FLUSH, n);
	case MM_CHARGE_STREAM:
	case MM_CHARGE_PAGE_INIT:
	case MM_CHARGE_CLEAR:
	case MM_NR_CHARGES:
		break;
	}
	mm_invariant("a charge is one of the list", false);
	return 0;
}

/* Flows */

/* The lines of a piece are this CPU's, or, stored past the cache, nobody's. */
static void claim(struct mm_cost *c, unsigned cpu, struct mm_region *r, const void *obj,
		  uint64_t bytes, bool cached)
{
	size_t first = ((uintptr_t)obj - r->start) >> r->shift;
	size_t last = (mm_min((uintptr_t)obj + bytes, r->end) - 1 - r->start) >> r->shift;
	mm_cached line;

	if (cached)
		mm_exec_cache_insert(&c->caches, cpu, last - first + 1);
	line = cached ? mm_exec_cache_use(&c->caches, cpu) : 0;
	for (size_t i = first; i <= last; i++)
		r->line[i] = line;
}

/*
 * The node of the memory that a piece stores to; that of no region is the caller's own. What is cleared has
 * no lines here, and its struct pages, which have, are not touched.
 */
static unsigned store(struct mm_cost *c, unsigned cpu, enum mm_charge what, const void *obj,
		      uint64_t bytes)
{
	struct mm_region *r = region_of(c, obj);

	if (!r)
		return c->x->cpu[cpu].where.node;
	if (what != MM_CHARGE_CLEAR)
		claim(c, cpu, r, obj, bytes, what == MM_CHARGE_PAGE_INIT);
	return r->node;
}

/* ps for bytes at MB/s. */
static uint64_t time_of(uint64_t bytes, uint64_t rate)
{
	return bytes * PS_US / rate;
}

static void mark_memory(const struct mm_cost *c, unsigned node)
{
	const struct mm_pipe *p = &c->memory[node];

	mm_exec_mark(c->x, MMSIM_MARK_COUNTER, c->counter[node], mm_min(p->demand, p->bandwidth));
}

/* How long n takes if nobody else stores; never nothing. */
static uint64_t time_alone(const struct mm_cost *c, unsigned cpu, enum mm_charge what, uint64_t n)
{
	enum mmsim_figure rate = what == MM_CHARGE_CLEAR ? MMSIM_FIG_CLEAR_BW : MMSIM_FIG_CORE_BW;
	uint64_t ps = what == MM_CHARGE_PAGE_INIT
			      ? work(c, cpu, MMSIM_FIG_PAGE_INIT, n)
			      : siblings_slow(c, cpu, time_of(n, c->figure[rate]));

	return mm_max(ps, UINT64_C(1));
}

/* By memory, for so many bytes stored. */
static uint64_t bytes_moved(const struct mm_cost *c, enum mm_charge what, uint64_t bytes)
{
	if (what == MM_CHARGE_STREAM)
		return bytes;
	return bytes * c->figure[MMSIM_FIG_WRITE_ALLOCATE] / ONE;
}

uint64_t mm_exec_cost_flow(struct mm_cost *c, unsigned cpu, uint64_t now, enum mm_charge what,
			   const void *obj, uint64_t *n)
{
	uint64_t unit = mm_cost_flow_unit(what);
	uint64_t nr = mm_min(*n, PIECE / unit), bytes = nr * unit, ps;
	uint64_t alone = time_alone(c, cpu, what, nr);
	uint64_t demand = time_of(bytes_moved(c, what, bytes), 1) / alone;
	/* A line that is read before it is written back crosses a link once in each direction. */
	uint64_t crossing = time_of(bytes, 1) / alone;
	unsigned own = c->x->cpu[cpu].where.node, node = store(c, cpu, what, obj, bytes);

	*n = nr;
	expire(&c->memory[node], now);
	ps = stretch(&c->memory[node], demand, alone);
	if (node != own) {
		expire(&c->link[node], now);
		ps = mm_max(ps, stretch(&c->link[node], crossing, alone));
		join(&c->link[node], crossing, now + ps);
	}
	join(&c->memory[node], demand, now + ps);
	mark_memory(c, node);
	return ps;
}

/* Making and unmaking */

int mm_exec_cost_region(struct mm_cost *c, const void *base, uint64_t bytes, unsigned line,
			unsigned node)
{
	struct mm_region r = { .start = (uintptr_t)base,
			       .end = (uintptr_t)base + bytes,
			       .node = node };
	unsigned i = c->nr_regions;

	mm_assert(line && !(line & (line - 1)) && node < c->nr_nodes);
	r.shift = (unsigned)__builtin_ctz(line);
	r.number = c->nr_lines;
	r.bytes = ((bytes >> r.shift) + 1) * sizeof(*r.line);
	if (c->nr_regions == c->room) {
		struct mm_region *more =
			mm_base_meta_calloc(c->x->meta, 2 * (size_t)c->room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		memcpy(more, c->region, c->nr_regions * sizeof(*more));
		mm_base_meta_free(c->x->meta, c->region, c->room * sizeof(*more));
		c->region = more;
		c->room *= 2;
	}
	/* Large, and mostly never written: pages that come when they are. */
	r.line = mmap(NULL, r.bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r.line == MAP_FAILED)
		return -ENOMEM;
	for (; i && c->region[i - 1].start > r.start; i--)
		c->region[i] = c->region[i - 1];
	c->region[i] = r;
	c->nr_regions++;
	c->nr_lines += (bytes >> r.shift) + 3; /* no walk goes on from one region to another */
	return 0;
}

static int pipe_init(struct mm_cost *c, struct mm_pipe *p, enum mmsim_figure bandwidth)
{
	p->bandwidth = c->figure[bandwidth];
	p->flow = mm_base_meta_calloc(c->x->meta, c->x->nr_cpus, sizeof(*p->flow));
	return p->flow ? 0 : -ENOMEM;
}

static void count_topology(struct mm_cost *c)
{
	for (unsigned i = 0; i < c->x->nr_cpus; i++) {
		c->nr_nodes = mm_max(c->nr_nodes, c->x->cpu[i].where.node + 1u);
		c->nr_packages = mm_max(c->nr_packages, c->x->cpu[i].where.package + 1u);
	}
}

/* Nodes may have no CPU, so they are not all known from the CPUs. */
static int init_pipes(struct mm_cost *c)
{
	int err = 0;

	c->nr_nodes = mm_max(c->nr_nodes, (unsigned)MMSIM_MAX_NODES);
	c->memory = mm_base_meta_calloc(c->x->meta, c->nr_nodes, sizeof(*c->memory));
	c->link = mm_base_meta_calloc(c->x->meta, c->nr_nodes, sizeof(*c->link));
	c->counter = mm_base_meta_calloc(c->x->meta, c->nr_nodes, sizeof(*c->counter));
	if (!c->memory || !c->link || !c->counter)
		return -ENOMEM;
	for (unsigned i = 0; i < c->nr_nodes && !err; i++) {
		snprintf(c->counter[i], sizeof(*c->counter), "node %u MB/s", i);
		err = pipe_init(c, &c->memory[i], MMSIM_FIG_DRAM_BW);
		if (!err)
			err = pipe_init(c, &c->link[i], MMSIM_FIG_LINK_BW);
	}
	return err;
}

int mm_exec_cost_init(struct mm_cost *c, struct mm_exec *x, const uint64_t *figure)
{
	c->x = x;
	memcpy(c->figure, figure, sizeof(c->figure));
	count_topology(c);
	c->room = FIRST_REGIONS;
	c->region = mm_base_meta_calloc(x->meta, c->room, sizeof(*c->region));
	c->core_busy = mm_base_meta_calloc(x->meta, x->nr_cpus, sizeof(unsigned));
	c->package_busy = mm_base_meta_calloc(x->meta, c->nr_packages, sizeof(unsigned));
	c->package_cores = mm_base_meta_calloc(x->meta, c->nr_packages, sizeof(unsigned));
	if (mm_exec_cache_init(&c->caches, x, c->figure[MMSIM_FIG_CORE_CACHE] * KIB / ONE,
			       c->figure[MMSIM_FIG_LLC_SIZE] * KIB * KIB / ONE) ||
	    !c->region || !c->core_busy || !c->package_busy || !c->package_cores || init_pipes(c)) {
		mm_exec_cost_fini(c);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < x->nr_cpus; i++)
		c->package_cores[x->cpu[i].where.package] += x->cpu[i].first == i;
	return 0;
}

static void free_pipes(struct mm_cost *c, struct mm_pipe *pipes)
{
	for (unsigned i = 0; pipes && i < c->nr_nodes; i++)
		mm_base_meta_free(c->x->meta, pipes[i].flow,
				  c->x->nr_cpus * sizeof(*pipes[i].flow));
	mm_base_meta_free(c->x->meta, pipes, c->nr_nodes * sizeof(*pipes));
}

void mm_exec_cost_fini(struct mm_cost *c)
{
	struct mm_meta *meta = c->x->meta;

	for (unsigned i = 0; c->region && i < c->nr_regions; i++)
		munmap(c->region[i].line, c->region[i].bytes);
	mm_base_meta_free(meta, c->region, c->room * sizeof(*c->region));
	mm_base_meta_free(meta, c->core_busy, c->x->nr_cpus * sizeof(unsigned));
	mm_base_meta_free(meta, c->package_busy, c->nr_packages * sizeof(unsigned));
	mm_base_meta_free(meta, c->package_cores, c->nr_packages * sizeof(unsigned));
	mm_exec_cache_fini(&c->caches);
	free_pipes(c, c->memory);
	free_pipes(c, c->link);
	mm_base_meta_free(meta, c->counter, c->nr_nodes * sizeof(*c->counter));
}
