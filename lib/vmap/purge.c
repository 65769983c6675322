/* SPDX-License-Identifier: MIT */
/* The drain: what waits is flushed, once for all of it, and becomes usable. */
#include "block.h"
#include "vmap.h"

enum { HIGHPRI_NICE = -20 };

/* [start, end) as far as it is known. */
struct span {
	uint64_t start, end;
};

static void extend(struct span *s, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	s->start = s->end ? mm_min(s->start, start) : start;
	s->end = mm_max(s->end, end);
}

void mm_vmap_flush(struct mmsim_vmap *v, uint64_t start, uint64_t end,
		   const struct mm_vmap_gone *gone)
{
	struct span s = { 0, 0 };

	mm_assert(mm_lock_held(&v->purge_lock.lock));
	extend(&s, start, end);
	extend(&s, gone->start, gone->end);
	if (!s.end)
		return;
	mm_stat_add(&v->nr_flushes, 1);
	mm_tlb_flush_kernel(&v->tlb_kernel, s.start, s.end, gone->end != 0);
}

void mm_vmap_put_tables(struct mmsim_vmap *v, mm_list *areas, struct mm_vmap_gone *gone)
{
	if (!v->tables.counted)
		return;
	mm_list_for_each(e, areas)
		mm_vmap_tables_put(&v->tables, mm_va_of_list(e), gone);
}

static void note_peak(struct mmsim_vmap *v, uint64_t lazy)
{
	uint64_t peak = __atomic_load_n(&v->lazy_peak, __ATOMIC_RELAXED);

	if (mm_unlikely(lazy > peak))
		__atomic_store_n(&v->lazy_peak, lazy, __ATOMIC_RELAXED);
}

/* Add to lazy_nr, and have the drain run when it is too much. */
static void add_lazy_nr(struct mmsim_vmap *v, uint64_t pages)
{
	uint64_t lazy;

	mm_exec_point(v->exec, MM_POINT_ATOMIC, &v->lazy_nr);
	lazy = __atomic_add_fetch(&v->lazy_nr, pages, __ATOMIC_RELAXED);
	mm_exec_charge(v->exec, MM_CHARGE_ATOMIC, &v->lazy_line, 0);
	note_peak(v, lazy);
	if (mm_unlikely(lazy > v->params.lazy_max))
		mm_sync_queue_work(v->drain_wq, &v->drain);
}

/* Levels of the tree that the kernel keeps such areas in. */
static void charge_tree(struct mmsim_vmap *v, const struct mm_vmap_node *n)
{
	if (mm_exec_charges(v->exec))
		mm_exec_charge(v->exec, MM_CHARGE_TREE, NULL, mm_fls64(n->nr_lazy));
}

void mm_vmap_add_lazy(struct mmsim_vmap *v, struct mm_vmap_area *va)
{
	int id = mm_va_node_id(va);
	struct mm_vmap_node *n =
		&v->node[id >= 0 ? (unsigned)id : mm_busy_node(&v->busy, va->va_start)];
	uint64_t pages = mm_va_pages(va), tell = pages;

	if (!v->index)
		add_lazy_nr(v, pages);
	mm_spin_lock(&n->lazy_lock);
	mm_list_add_tail(&va->list, &n->lazy);
	n->lazy_start = n->nr_lazy ? mm_min(n->lazy_start, va->va_start) : va->va_start;
	n->lazy_end = n->nr_lazy ? mm_max(n->lazy_end, va->va_end) : va->va_end;
	mm_stat_add(&n->nr_lazy, 1);
	charge_tree(v, n);
	mm_exec_charge(v->exec, MM_CHARGE_LINE, &va->line, 0);
	if (v->index) {
		tell = n->lazy_pages + pages >= v->lazy_share ? n->lazy_pages + pages : 0;
		__atomic_store_n(&n->lazy_pages, tell ? 0 : n->lazy_pages + pages,
				 __ATOMIC_RELAXED);
	}
	mm_spin_unlock(&n->lazy_lock);
	if (v->index && mm_unlikely(tell))
		add_lazy_nr(v, tell);
}

/* Everything that waits in a node, to its purge_list. Returns areas. */
static uint64_t detach(struct mmsim_vmap *v, struct mm_vmap_node *n, struct span *s)
{
	uint64_t untold, nr;

	mm_spin_lock(&n->lazy_lock);
	mm_list_splice_tail(&n->lazy, &n->purge_list);
	nr = n->nr_lazy;
	if (nr)
		extend(s, n->lazy_start, n->lazy_end);
	__atomic_store_n(&n->nr_lazy, 0, __ATOMIC_RELAXED);
	untold = n->lazy_pages;
	__atomic_store_n(&n->lazy_pages, 0, __ATOMIC_RELAXED);
	mm_spin_unlock(&n->lazy_lock);
	if (untold) {
		mm_exec_point(v->exec, MM_POINT_ATOMIC, &v->lazy_nr);
		__atomic_add_fetch(&v->lazy_nr, untold, __ATOMIC_RELAXED);
		mm_exec_charge(v->exec, MM_CHARGE_ATOMIC, &v->lazy_line, 0);
	}
	if (!v->index)
		mm_vmap_sort(&n->purge_list);
	return nr;
}

static bool goes_to_pool(const struct mmsim_vmap *v, const struct mm_vmap_node *n,
			 const struct mm_vmap_area *va)
{
	return !n->skip_populate && mm_vmap_poolable(v, va);
}

/* With counted tables what goes to the free tree is found before the flush, which then is theirs, too. */
static void sort_out(struct mmsim_vmap *v, struct mm_vmap_node *n, struct mm_vmap_gone *gone)
{
	if (!v->tables.counted)
		return;
	mm_list_for_each_safe(e, next, &n->purge_list)
		if (!goes_to_pool(v, n, mm_va_of_list(e))) {
			n->nr_given += mm_va_pages(mm_va_of_list(e));
			mm_list_move_tail(e, &n->give_list);
		}
	mm_vmap_put_tables(v, &n->give_list, gone);
}

/* After the flush. Counterpart: purge_vmap_node(). */
static void purge_node(struct mmsim_vmap *v, struct mm_vmap_node *n)
{
	uint64_t pages = n->nr_given;

	mm_list_for_each_safe(e, next, &n->purge_list) {
		struct mm_vmap_area *va = mm_va_of_list(e);

		__builtin_prefetch(next->next, 1);
		pages += mm_va_pages(va);
		mm_list_del(e);
		mm_exec_charge(v->exec, MM_CHARGE_LINE, &va->line, 0);
		if (goes_to_pool(v, n, va))
			mm_vmap_pool_put(n, va);
		else
			mm_list_add_tail(e, &n->give_list);
	}
	mm_vmap_free_space_give(&v->free, &n->give_list);
	n->nr_given = 0;
	mm_exec_point(v->exec, MM_POINT_ATOMIC, &v->lazy_nr);
	__atomic_sub_fetch(&v->lazy_nr, pages, __ATOMIC_RELAXED);
	mm_exec_charge(v->exec, MM_CHARGE_ATOMIC, &v->lazy_line, 0);
}

static void raise_nice(struct mmsim_vmap *v, int nice)
{
	if (v->params.flags & MMSIM_VMAP_HIGHPRI_DRAIN)
		mm_exec_set_nice(v->exec, mm_task_current(), nice);
}

static void help(struct mm_work *work)
{
	struct mm_vmap_node *n = mm_container_of(work, struct mm_vmap_node, purge_work);

	raise_nice(n->v, HIGHPRI_NICE);
	purge_node(n->v, n);
	raise_nice(n->v, 0);
}

static unsigned nr_helpers(const struct mmsim_vmap *v, unsigned nodes_with_work)
{
	uint64_t lazy = __atomic_load_n(&v->lazy_nr, __ATOMIC_RELAXED) / v->params.lazy_max;

	return (unsigned)mm_min(mm_max(lazy, 1), nodes_with_work) - 1;
}

/* The first nodes with work by helpers, on the CPUs of their numbers, the others here. */
static void purge_nodes(struct mmsim_vmap *v, unsigned with_work)
{
	unsigned helpers = with_work ? nr_helpers(v, with_work) : 0, last = 0;

	mm_stat_add(&v->nr_helpers, helpers);
	for (unsigned i = 0; i < v->nr_nodes; i++) {
		struct mm_vmap_node *n = &v->node[i];

		if (mm_list_empty(&n->purge_list) && mm_list_empty(&n->give_list))
			continue;
		if (helpers) {
			helpers--;
			last = i + 1;
			mm_sync_queue_work_on(v->drain_wq, i % v->exec->nr_cpus, &n->purge_work);
		} else {
			purge_node(v, n);
			mm_exec_resched(v->exec);
		}
	}
	for (unsigned i = 0; i < last; i++)
		mm_sync_flush_work(&v->node[i].purge_work);
}

/* purge_lock is held. Returns areas that waited. Counterpart: __purge_vmap_area_lazy(). */
static uint64_t purge_locked(struct mmsim_vmap *v, struct span s, bool full)
{
	struct mm_vmap_gone gone = { 0 };
	uint64_t purged = 0, nr;
	unsigned with_work = 0;
	mm_list decayed;

	mm_list_init(&decayed);
	for (unsigned i = 0; i < v->nr_nodes; i++) {
		struct mm_vmap_node *n = &v->node[i];

		n->skip_populate = full;
		mm_stat_add(&v->nr_decayed, mm_vmap_pool_decay(v, n, full, &decayed));
		nr = detach(v, n, &s);
		with_work += nr != 0;
		purged += nr;
		sort_out(v, n, &gone);
	}
	mm_vmap_put_tables(v, &decayed, &gone);
	mm_stat_add(&v->nr_drains, 1);
	mm_stat_add(&v->nr_purged, purged);
	mm_vmap_flush(v, s.start, s.end, &gone);
	mm_vmap_tables_free(&v->tables, &gone);
	mm_vmap_free_space_give(&v->free, &decayed);
	purge_nodes(v, with_work);
	return purged;
}

uint64_t mm_vmap_purge(struct mmsim_vmap *v, uint64_t start, uint64_t end, bool full)
{
	uint64_t purged;

	if (v->local)
		return mm_vmap_local_purge(v, full);
	mm_sync_mutex_lock(&v->purge_lock);
	if (full)
		mm_vmap_blocks_give_up(v);
	purged = purge_locked(v, (struct span){ start, end }, full);
	mm_sync_mutex_unlock(&v->purge_lock);
	return purged;
}

/* Counterpart: drain_vmap_area_work(). */
static void drain(struct mm_work *work)
{
	struct mmsim_vmap *v = mm_container_of(work, struct mmsim_vmap, drain);

	raise_nice(v, HIGHPRI_NICE);
	mm_sync_mutex_lock(&v->purge_lock);
	purge_locked(v, (struct span){ 0, 0 }, false);
	mm_sync_mutex_unlock(&v->purge_lock);
	raise_nice(v, 0);
}

uint64_t mm_vmap_shrink_count(struct mmsim_vmap *v)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < v->nr_nodes; i++)
		for (unsigned j = 0; j < MM_VMAP_NR_POOLS; j++)
			nr += __atomic_load_n(&v->node[i].pool[j].nr, __ATOMIC_RELAXED);
	return nr;
}

uint64_t mm_vmap_shrink_scan(struct mmsim_vmap *v)
{
	struct mm_vmap_gone gone = { 0 };
	uint64_t nr = 0;
	mm_list decayed;

	mm_list_init(&decayed);
	mm_sync_mutex_lock(&v->purge_lock);
	for (unsigned i = 0; i < v->nr_nodes; i++)
		nr += mm_vmap_pool_decay(v, &v->node[i], true, &decayed);
	mm_stat_add(&v->nr_decayed, nr);
	mm_vmap_put_tables(v, &decayed, &gone);
	mm_vmap_flush(v, 0, 0, &gone);
	mm_vmap_tables_free(&v->tables, &gone);
	mm_vmap_free_space_give(&v->free, &decayed);
	mm_sync_mutex_unlock(&v->purge_lock);
	return nr;
}

void mm_vmap_purge_init(struct mmsim_vmap *v)
{
	mm_sync_mutex_init(&v->purge_lock, v->site.locks, MM_RANK_VMAP_PURGE);
	mm_work_init(&v->drain, drain);
	for (unsigned i = 0; i < v->nr_nodes; i++)
		mm_work_init(&v->node[i].purge_work, help);
}
