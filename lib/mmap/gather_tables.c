/* SPDX-License-Identifier: MIT */
/*
 * Tables on their way to be freed: batches of them wait for a grace period, so that who walks page tables
 * under RCU finds tables. Counterpart: tlb_remove_table() and what is below it, mm/mmu_gather.c.
 */
#include "gather.h"

#include "mmap.h"
#include "tlb_cache.h"

static void free_batch(struct mm_rcu_head *head)
{
	struct mm_table_batch *batch = mm_container_of(head, struct mm_table_batch, rcu);
	struct mmsim_page *frame = batch->frame;
	struct mm_buddy *b = batch->table[0]->buddy;

	for (unsigned i = 0; i < MM_TABLE_BATCH_MAX && batch->table[i]; i++)
		mm_mmap_table_free(batch->table[i]);
	mm_buddy_frame_free(b, frame);
}

/* T3, for a table that was unhooked and flushed: from here on nobody can find it but who already has. */
static void check_table(struct mm_gather *g, const struct mm_table *table)
{
	mm_tlb_check_table(&g->mmap->tlb, mm_page_to_pfn(g->mmap->buddy->map, table->page));
}

void mm_mmap_gather_flush_tables(struct mm_gather *g)
{
	struct mm_table_batch *batch = g->tables;

	if (!batch)
		return;
	mm_mmap_gather_flush_merged(g);
	for (unsigned i = 0; i < g->nr_tables; i++)
		check_table(g, batch->table[i]);
	if (g->nr_tables < MM_TABLE_BATCH_MAX)
		batch->table[g->nr_tables] = NULL;
	mm_mm_count(&g->mmap->info.tables, g->nr_tables);
	g->tables = NULL;
	g->nr_tables = 0;
	mm_sync_call_rcu(&g->mmap->rcu, &batch->rcu, free_batch);
}

/* Without memory for a batch. Counterpart: tlb_remove_table_one(). */
static void free_one(struct mm_gather *g, struct mm_table *table)
{
	mm_mmap_gather_flush_merged(g);
	check_table(g, table);
	mm_sync_rcu_synchronize(&g->mmap->rcu);
	mm_mmap_table_free(table);
	mm_mm_count(&g->mmap->info.tables, 1);
	mm_mm_count(&g->mmap->info.single_tables, 1);
}

/* False: no frame is to be had. */
static bool have_batch(struct mm_gather *g)
{
	struct mmsim_page *frame;

	if (g->tables)
		return true;
	frame = mm_buddy_frame_alloc(g->mmap->buddy, MMSIM_GFP_NOWAIT, false);
	if (!frame)
		return false;
	g->tables = mm_frame_data(frame);
	g->tables->frame = frame;
	return true;
}

void mm_mmap_gather_table(struct mm_gather *g, struct mm_table *table, uint64_t addr)
{
	mm_gather_unhooked(g, addr, MMSIM_PAGE_SIZE, table->level + 1);
	g->freed_tables = true;
	if (!have_batch(g)) {
		free_one(g, table);
		return;
	}
	g->tables->table[g->nr_tables++] = table;
	if (g->nr_tables == MM_TABLE_BATCH_MAX)
		mm_mmap_gather_flush_tables(g);
}
