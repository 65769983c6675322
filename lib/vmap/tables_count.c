/* SPDX-License-Identifier: MIT */
/* Tables that go: who needs one, and the way from the last of them to the page allocator. T2, T3. */
#include "tables.h"

#include <errno.h>

enum {
	SHARED_MOST = 2, /* stretches of 2 MiB that an area may share: its first, its last */
	BARRIERS = 3,
};

#define SLOT (UINT64_C(1) << 21)

/* The addresses of stretches that the area may share. Returns how many. */
static unsigned shared_slots(const struct mm_vmap_area *va, uint64_t *slot)
{
	uint64_t first = va->va_start & ~(SLOT - 1), last = (va->va_end - 1) & ~(SLOT - 1);
	unsigned nr = 0;

	if (first < va->va_start || va->va_end - first < SLOT)
		slot[nr++] = first;
	if (last != first && va->va_end - last < SLOT)
		slot[nr++] = last;
	return nr;
}

unsigned mm_vmap_tables_shares(const struct mm_vmap_area *va)
{
	uint64_t slot[SHARED_MOST];

	return va->flags & MM_VMAP_MAPPED ? shared_slots(va, slot) : 0;
}

/* Who looks at an area in use reads its flags, too. */
static void set_flags(struct mm_vmap_area *va, uint32_t flags)
{
	__atomic_store_n(&va->flags, flags, __ATOMIC_RELAXED);
}

/* What is counted is in the table's struct page. `lock` is held. */
static void add_count(struct mm_vmap_tables *t, mm_entry e, int n)
{
	struct mmsim_page *page = mm_vmap_table_page(t, e);

	page->index += (uint64_t)n;
	mm_exec_charge(t->exec, MM_CHARGE_TOUCH, page, sizeof(page->index));
}

/* Getting */

struct share {
	mm_entry *at; /* where the table is hooked, or is to be */
	struct mmsim_page *spare; /* a table that may be hooked */
};

static bool have_spare(struct mm_vmap_tables *t, struct share *s, mmsim_gfp_t gfp)
{
	if (!s->spare && !mm_entry_present(mm_entry_read(s->at)))
		s->spare = mm_buddy_frame_alloc(t->buddy, gfp, true);
	return s->spare || mm_entry_present(mm_entry_read(s->at));
}

/* False: a table has gone since it was seen, and there is no spare one. `lock` is held. */
static bool are_ready(const struct share *s, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		if (!s[i].spare && !mm_entry_present(mm_entry_read(s[i].at)))
			return false;
	return true;
}

/* All of them or none, so that none has to be taken back. */
static bool try_get(struct mm_vmap_tables *t, struct share *s, unsigned nr)
{
	bool ready;

	mm_spin_lock(&t->lock);
	ready = are_ready(s, nr);
	for (unsigned i = 0; ready && i < nr; i++) {
		mm_entry e = mm_entry_read(s[i].at);

		if (!mm_entry_present(e)) {
			e = mm_vmap_tables_hook(t, s[i].at, s[i].spare);
			s[i].spare = NULL;
		}
		mm_invariant("T2: nobody has the 2 MiB of an area as a huge page",
			     mm_entry_is_table(e));
		add_count(t, e, 1);
	}
	mm_spin_unlock(&t->lock);
	return ready;
}

static int get(struct mm_vmap_tables *t, struct share *s, unsigned nr, mmsim_gfp_t gfp)
{
	do {
		for (unsigned i = 0; i < nr; i++)
			if (!have_spare(t, &s[i], gfp))
				return -ENOMEM;
	} while (!try_get(t, s, nr));
	return 0;
}

int mm_vmap_tables_get(struct mm_vmap_tables *t, struct mm_vmap_area *va, mmsim_gfp_t gfp)
{
	struct share s[SHARED_MOST] = { 0 };
	uint64_t slot[SHARED_MOST];
	unsigned nr;
	int err = 0;

	if (!t->counted || va->flags & MM_VMAP_MAPPED)
		return 0;
	nr = shared_slots(va, slot);
	for (unsigned i = 0; i < nr && !err; i++) {
		s[i].at = mm_vmap_tables_entry(t, slot[i], MM_LEVEL_PMD, gfp);
		err = s[i].at ? 0 : -ENOMEM;
	}
	if (!err)
		err = get(t, s, nr, gfp);
	for (unsigned i = 0; i < nr; i++)
		if (s[i].spare)
			mm_buddy_frame_free(t->buddy, s[i].spare);
	if (!err)
		set_flags(va, va->flags | MM_VMAP_MAPPED);
	return err;
}

/* Putting */

static bool is_empty(const mm_entry *table)
{
	mm_entry any = 0;

	for (unsigned i = 0; i < MM_PTRS_PER_TABLE; i++)
		any |= mm_entry_read(&table[i]);
	return !any;
}

static void add_gone(struct mm_vmap_gone *gone, struct mmsim_page *page, uint64_t slot)
{
	/* The last 2 MiB end at 2^64, less the last page, which no area has. */
	uint64_t end = slot + SLOT ? slot + SLOT : -MMSIM_PAGE_SIZE;
	struct mm_vmap_gone one = { page, page, slot, end };

	page->mapping = NULL;
	mm_vmap_gone_add(gone, &one);
}

/* `lock` is held. */
static void unhook(struct mm_vmap_tables *t, mm_entry *at, uint64_t slot, struct mm_vmap_gone *gone)
{
	mm_entry e = mm_entry_read(at);

	mm_invariant("T3: a table that goes maps nothing", is_empty(mm_vmap_table_data(t, e)));
	mm_entry_set(at, 0);
	mm_stat_add(&t->nr_gone, 1);
	add_gone(gone, mm_vmap_table_page(t, e), slot);
}

static void put_shared(struct mm_vmap_tables *t, mm_entry *at, uint64_t slot,
		       struct mm_vmap_gone *gone)
{
	mm_entry e = mm_entry_read(at);

	mm_invariant("T2: a table counts the areas that touch it",
		     mm_entry_is_table(e) && mm_vmap_table_page(t, e)->index);
	add_count(t, e, -1);
	if (!mm_vmap_table_page(t, e)->index)
		unhook(t, at, slot, gone);
}

/* Nobody else has the 2 MiB: what is there is the area's. */
static void put_whole(struct mm_vmap_tables *t, mm_entry *at, uint64_t slot,
		      struct mm_vmap_gone *gone)
{
	mm_entry e = mm_entry_read(at);

	if (!e)
		return;
	mm_invariant("T3: what goes maps nothing", mm_entry_is_table(e));
	mm_invariant("T2: nobody shares the 2 MiB that an area has whole",
		     !mm_vmap_table_page(t, e)->index);
	unhook(t, at, slot, gone);
}

/* The stretch at slot. Returns bytes up to the next one where there may be a table. */
static uint64_t put_slot(struct mm_vmap_tables *t, const struct mm_vmap_area *va, uint64_t slot,
			 struct mm_vmap_gone *gone)
{
	bool whole = va->va_start <= slot && va->va_end - slot >= SLOT;
	unsigned level = MM_LEVEL_PMD;
	mm_entry *at = mm_vmap_tables_find(t, slot, &level);

	if (level > MM_LEVEL_PMD) {
		mm_invariant("T2: a table counts the areas that touch it", whole);
		return mm_level_size(level) - (slot & (mm_level_size(level) - 1));
	}
	mm_spin_lock(&t->lock);
	if (whole)
		put_whole(t, at, slot, gone);
	else
		put_shared(t, at, slot, gone);
	mm_spin_unlock(&t->lock);
	return SLOT;
}

void mm_vmap_tables_put(struct mm_vmap_tables *t, struct mm_vmap_area *va,
			struct mm_vmap_gone *gone)
{
	uint64_t slot = va->va_start & ~(SLOT - 1), bytes;

	if (!(va->flags & MM_VMAP_MAPPED))
		return;
	set_flags(va, va->flags & ~(uint32_t)MM_VMAP_MAPPED);
	do {
		bytes = put_slot(t, va, slot, gone);
		if (va->va_end - slot <= bytes)
			return;
		slot += bytes;
	} while (true);
}

/* Freeing */

/* Returns how many. */
static uint64_t free_list(struct mm_vmap_tables *t, struct mmsim_page *page)
{
	struct mmsim_page *next;
	uint64_t nr = 0;

	for (; page; page = next, nr++) {
		next = page->mapping;
		page->mapping = NULL;
		mm_buddy_frame_free(t->buddy, page);
	}
	return nr;
}

/* What was flushed waits for the next grace period, unless others wait for one already. `lock` is held. */
static bool begin_waiting(struct mm_vmap_tables *t)
{
	if (t->waiting || !t->flushed)
		return false;
	t->waiting = t->flushed;
	t->flushed = NULL;
	return true;
}

static void after_grace(struct mm_rcu_head *head)
{
	struct mm_vmap_tables *t = mm_container_of(head, struct mm_vmap_tables, rcu_head);
	uint64_t freed = free_list(t, t->waiting);
	bool again;

	mm_spin_lock(&t->lock);
	t->waiting = NULL;
	mm_stat_add(&t->nr_freed, freed);
	mm_stat_add(&t->nr_gone, -freed);
	mm_stat_add(&t->nr, -freed);
	again = begin_waiting(t);
	mm_spin_unlock(&t->lock);
	if (again)
		mm_sync_call_rcu(t->rcu, &t->rcu_head, after_grace);
}

/*
 * A callback may just be about to queue the tables that are next, while others are flushed already: it is
 * over after the first barrier, those that it queues after the second, the others after the third.
 */
void mm_vmap_tables_barrier(struct mm_vmap_tables *t)
{
	for (unsigned i = 0; t->rcu && i < BARRIERS; i++)
		mm_sync_rcu_barrier(t->rcu);
}

void mm_vmap_tables_free(struct mm_vmap_tables *t, struct mm_vmap_gone *gone)
{
	bool begin;

	if (!gone->end)
		return;
	for (struct mmsim_page *page = gone->head; page; page = page->mapping)
		mm_tlb_check_table(t->tlb, mm_page_to_pfn(t->buddy->map, page));
	mm_spin_lock(&t->lock);
	gone->tail->mapping = t->flushed;
	t->flushed = gone->head;
	begin = begin_waiting(t);
	mm_spin_unlock(&t->lock);
	*gone = (struct mm_vmap_gone){ 0 };
	if (begin)
		mm_sync_call_rcu(t->rcu, &t->rcu_head, after_grace);
}
