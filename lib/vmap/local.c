/* SPDX-License-Identifier: MIT */
/*
 * MMSIM_VMAP_LOCAL: nodes that take back by themselves what they freed, after anybody's flush.
 *
 * An area that is freed goes into the batch that is filled, into the list of its size. Once more than the
 * node's share waits, whoever frees sees to a flush: one that began after the batch was closed serves,
 * whoever made it. Then the batch's lists become the pools' as they are. What no pool takes leaves through
 * the batches, too, and so does what pools do not need if tables are counted: they are put before a flush,
 * and it is free after it.
 */
#include "block.h"
#include "vmap.h"

enum {
	HARD_SHARES = 4, /* so many shares wait at most while somebody else flushes */
	KEPT = 16, /* areas of a size that a pool keeps at least, needed or not */
};

static uint64_t done(const struct mmsim_vmap *v)
{
	return __atomic_load_n(&v->done, __ATOMIC_ACQUIRE);
}

/*
 * After the entries of what is freed were cleared, so that a flush not yet begun comes after that: taking
 * pool_lock, an atomic change, keeps the two in order on x86.
 */
static uint64_t begun(const struct mmsim_vmap *v)
{
	return __atomic_load_n(&v->begun, __ATOMIC_SEQ_CST);
}

static bool is_usable(const struct mmsim_vmap *v, const struct mm_vmap_batch *b)
{
	return __atomic_load_n(&b->areas, __ATOMIC_RELAXED) &&
	       done(v) > __atomic_load_n(&b->begun, __ATOMIC_RELAXED);
}

/*
 * A list becomes a part of a pool's; pool_lock is held. Of what was there all the time a quarter leaves,
 * unless it is less than a share: so much may wait at any time, and be missing here.
 */
static void fill_pool(const struct mmsim_vmap *v, struct mm_vmap_pool *p, uint64_t pages,
		      mm_list *areas, uint32_t nr, mm_list *out)
{
	uint64_t kept = mm_max(v->lazy_share / pages, KEPT);
	uint64_t spare = p->low > kept ? (p->low - kept) / 4 : 0;

	for (uint64_t i = 0; i < spare; i++)
		mm_list_move_tail(p->list.prev, out);
	/* In front: what was freed last is the likeliest to be in a cache. */
	mm_list_splice_tail(&p->list, areas);
	mm_list_splice_tail(areas, &p->list);
	__atomic_store_n(&p->nr, p->nr + nr - spare, __ATOMIC_RELAXED);
	p->low = p->nr;
}

/* What of a node leaves it. */
struct leaving {
	mm_list usable; /* to the free tree now */
	struct mm_vmap_gone gone; /* their tables, to be freed now */
	mm_list unneeded; /* flushed; if tables are counted, first through a batch */
	uint64_t nr;
};

/* pool_lock is held; the batch is usable, or everything is to leave after a flush (full). */
static void empty_batch(const struct mmsim_vmap *v, struct mm_vmap_node *n, struct mm_vmap_batch *b,
			bool full, struct leaving *out)
{
	for (unsigned w = 0; w < MM_VMAP_NR_POOLS / 64; w++)
		for (; b->used[w]; b->used[w] &= b->used[w] - 1) {
			unsigned i = w * 64 + (unsigned)__builtin_ctzll(b->used[w]);

			if (full)
				mm_list_splice_tail(&b->size[i], &out->unneeded);
			else
				fill_pool(v, &n->pool[i], i + 1, &b->size[i], b->nr[i],
					  &out->unneeded);
			b->nr[i] = 0;
		}
	mm_list_splice_tail(&b->other, &out->usable);
	mm_vmap_gone_add(&out->gone, &b->gone);
	out->nr += b->areas;
	__atomic_store_n(&b->areas, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&b->pages, 0, __ATOMIC_RELAXED);
}

static struct mm_vmap_batch *batch_of(struct mm_vmap_node *n, bool filled)
{
	return &n->batch[filled ? n->filled : !n->filled];
}

/*
 * The batch that is filled is closed if a flush began since: what is added from now on needs a later one.
 * The other one is empty then or can be emptied, as it was closed when an earlier one began. pool_lock is
 * held.
 */
static struct mm_vmap_batch *batch_to_fill(struct mmsim_vmap *v, struct mm_vmap_node *n,
					   uint64_t now, struct leaving *out)
{
	struct mm_vmap_batch *b = batch_of(n, true);

	if (mm_likely(!b->areas || b->begun == now))
		return b;
	b = batch_of(n, false);
	if (b->areas) {
		mm_invariant("N3: a batch is usable when the next one is closed", is_usable(v, b));
		empty_batch(v, n, b, false, out);
	}
	n->filled = !n->filled;
	return b;
}

static void add(struct mm_vmap_batch *b, struct mm_vmap_area *va, uint64_t now, bool other)
{
	unsigned i = (unsigned)mm_va_pages(va) - 1;

	if (other) {
		mm_list_add_tail(&va->list, &b->other);
	} else {
		mm_list_add(&va->list, &b->size[i]);
		b->nr[i]++;
		b->used[i / 64] |= UINT64_C(1) << i % 64;
	}
	mm_stat_add(&b->areas, 1);
	mm_stat_add(&b->pages, mm_va_pages(va));
	__atomic_store_n(&b->begun, now, __ATOMIC_RELAXED);
}

static void leaving_init(struct leaving *out)
{
	*out = (struct leaving){ .nr = 0 };
	mm_list_init(&out->usable);
	mm_list_init(&out->unneeded);
}

static uint64_t waiting_pages(const struct mm_vmap_node *n)
{
	return n->batch[0].pages + n->batch[1].pages;
}

static uint64_t waiting_areas(const struct mm_vmap_node *n)
{
	return __atomic_load_n(&n->batch[0].areas, __ATOMIC_RELAXED) +
	       __atomic_load_n(&n->batch[1].areas, __ATOMIC_RELAXED);
}

/* Areas whose tables were put, in *gone, wait for the next flush, to leave then. */
static void add_others(struct mmsim_vmap *v, struct mm_vmap_node *n, mm_list *areas,
		       struct mm_vmap_gone *gone, struct leaving *out)
{
	uint64_t now;
	struct mm_vmap_batch *b;

	mm_spin_lock(&n->pool_lock);
	now = begun(v);
	b = batch_to_fill(v, n, now, out);
	mm_list_for_each_safe(e, next, areas) {
		mm_list_del(e);
		add(b, mm_va_of_list(e), now, true);
	}
	mm_vmap_gone_add(&b->gone, gone);
	mm_spin_unlock(&n->pool_lock);
}

/* What left a node goes where it goes. No lock is held. */
static void leave(struct mmsim_vmap *v, struct mm_vmap_node *n, struct leaving *out)
{
	while (!mm_list_empty(&out->unneeded) || !mm_list_empty(&out->usable)) {
		struct leaving more;
		struct mm_vmap_gone gone = { 0 };

		leaving_init(&more);
		mm_vmap_tables_free(&v->tables, &out->gone);
		if (!v->tables.counted)
			mm_list_splice_tail(&out->unneeded, &out->usable);
		mm_vmap_free_space_give(&v->free, &out->usable);
		if (mm_list_empty(&out->unneeded))
			return;
		mm_vmap_put_tables(v, &out->unneeded, &gone);
		add_others(v, n, &out->unneeded, &gone, &more);
		*out = (struct leaving){ .gone = more.gone };
		mm_list_init(&out->usable);
		mm_list_init(&out->unneeded);
		mm_list_splice_tail(&more.usable, &out->usable);
		mm_list_splice_tail(&more.unneeded, &out->unneeded);
	}
}

void mm_vmap_local_recycle(struct mmsim_vmap *v, struct mm_vmap_node *n)
{
	struct leaving out;

	if (!is_usable(v, &n->batch[0]) && !is_usable(v, &n->batch[1]))
		return; /* as far as can be seen without the lock */
	leaving_init(&out);
	mm_spin_lock(&n->pool_lock);
	for (unsigned i = 0; i < MM_VMAP_NR_BATCHES; i++)
		if (is_usable(v, &n->batch[i]))
			empty_batch(v, n, &n->batch[i], false, &out);
	mm_spin_unlock(&n->pool_lock);
	leave(v, n, &out);
}

/* purge_lock is held: a flush with the next number. */
static void flush_all(struct mmsim_vmap *v)
{
	const struct mm_vmap_gone tables = { .start = v->params.start,
					     .end = v->tables.counted ? v->params.end : 0 };
	uint64_t number = v->begun + 1;

	__atomic_store_n(&v->begun, number, __ATOMIC_SEQ_CST);
	mm_exec_charge(v->exec, MM_CHARGE_LINE, &v->begun_line, 0);
	mm_stat_add(&v->nr_drains, 1);
	mm_vmap_flush(v, v->params.start, v->params.end, &tables);
	__atomic_store_n(&v->done, number, __ATOMIC_RELEASE);
}

/*
 * See to it that a flush with a number above `after` is done, or, if the node can wait longer, under way.
 */
static void need_flush(struct mmsim_vmap *v, uint64_t after, bool can_wait)
{
	if (done(v) > after)
		return;
	if (can_wait && begun(v) != done(v))
		return;
	mm_sync_mutex_lock(&v->purge_lock);
	if (done(v) <= after)
		flush_all(v);
	mm_sync_mutex_unlock(&v->purge_lock);
}

void mm_vmap_local_free(struct mmsim_vmap *v, struct mm_vmap_node *n, struct mm_vmap_area *va)
{
	bool other = !mm_vmap_poolable(v, va);
	struct mm_vmap_gone gone = { 0 };
	struct leaving out;
	uint64_t now, pages;

	leaving_init(&out);
	if (other && v->tables.counted)
		mm_vmap_tables_put(&v->tables, va, &gone);
	mm_spin_lock(&n->pool_lock);
	now = begun(v);
	add(batch_to_fill(v, n, now, &out), va, now, other);
	if (mm_unlikely(other))
		mm_vmap_gone_add(&batch_of(n, true)->gone, &gone);
	mm_exec_charge(v->exec, MM_CHARGE_LINE, &va->line, 0);
	pages = waiting_pages(n);
	mm_spin_unlock(&n->pool_lock);
	leave(v, n, &out);
	if (mm_unlikely(pages > v->lazy_share) && !mm_lock_held(&v->purge_lock.lock)) {
		need_flush(v, now, pages < HARD_SHARES * v->lazy_share);
		mm_vmap_local_recycle(v, n);
	}
}

/* Everything of a node, pools too, to *out. */
static void strip(struct mmsim_vmap *v, struct mm_vmap_node *n, struct leaving *out)
{
	mm_spin_lock(&n->pool_lock);
	for (unsigned i = 0; i < MM_VMAP_NR_BATCHES; i++)
		empty_batch(v, n, &n->batch[i], true, out);
	mm_spin_unlock(&n->pool_lock);
	mm_stat_add(&v->nr_decayed, mm_vmap_pool_decay(v, n, true, &out->unneeded));
}

uint64_t mm_vmap_local_purge(struct mmsim_vmap *v, bool full)
{
	struct leaving out;

	leaving_init(&out);
	mm_sync_mutex_lock(&v->purge_lock);
	if (full)
		mm_vmap_blocks_give_up(v);
	for (unsigned i = 0; i < v->nr_nodes; i++) {
		if (full)
			strip(v, &v->node[i], &out);
		else
			out.nr += waiting_areas(&v->node[i]);
	}
	mm_vmap_put_tables(v, &out.unneeded, &out.gone);
	mm_stat_add(&v->nr_purged, out.nr);
	flush_all(v);
	mm_vmap_tables_free(&v->tables, &out.gone);
	mm_vmap_free_space_give(&v->free, &out.unneeded);
	mm_vmap_free_space_give(&v->free, &out.usable);
	mm_sync_mutex_unlock(&v->purge_lock);
	for (unsigned i = 0; !full && i < v->nr_nodes; i++)
		mm_vmap_local_recycle(v, &v->node[i]);
	return out.nr;
}
