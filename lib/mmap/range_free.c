/* SPDX-License-Identifier: MIT */
/*
 * Unhooking and freeing by several threads, each on parts of the range.
 *
 * Addresses are cut into cells that no PTE table crosses, and where there are huge pages no PMD table,
 * whose lock they share. A cell with something in it is given to the node of the first page in it, and each
 * node's cells are a stretch of one ktask: so the threads of a node take the locks of that node's zone and
 * lists, and their lines stay there. A thread takes a cell, unhooks all areas in it, flushes with whoever
 * wants to flush at that moment, frees the pages and the PTE tables. What is above them is left to the
 * caller.
 *
 * Counterpart: none; what the reviewers of "mm: support parallel free of memory" asked for.
 *
 *  V1: each cell with something mapped is taken by one thread, once; two threads never have entries of one
 *      PTE table.
 *
 * Memory: 36 bytes for each cell that has tables. Without it: one thread.
 */
#include "mmap.h"

#include "flush_group.h"

enum { CHUNK_PAGES = 8192, FIRST_ROOM = 64 };

struct cell {
	uint64_t start, end;
	struct mm_vma *vma; /* the first with something in it */
	unsigned node;
};

struct job {
	struct mm_gather *g; /* the caller's */
	mm_list *areas;
	uint64_t floor, ceiling, cell_bytes;
	struct cell *cell; /* by address */
	uint32_t *order; /* [nr]: cells by node */
	size_t nr, room;
	struct mm_flush_group group;
};

static bool grow(struct job *job)
{
	struct mm_meta *meta = job->g->mmap->exec->meta;
	size_t room = job->room ? 2 * job->room : FIRST_ROOM;
	struct cell *more = mm_base_meta_calloc(meta, room, sizeof(*more));

	if (!more)
		return false;
	for (size_t i = 0; i < job->nr; i++)
		more[i] = job->cell[i];
	mm_base_meta_free(meta, job->cell, job->room * sizeof(*more));
	job->cell = more;
	job->room = room;
	return true;
}

/* The first present entry of level PMD at or above addr; end: none. */
static uint64_t next_present(const struct mmsim_mm *mm, uint64_t addr, uint64_t end)
{
	while (addr < end) {
		struct mm_table *table = mm->pgd;
		mm_entry e = mm_entry_read(mm_entry_at(table, addr));

		while (mm_entry_present(e) && table->level > MM_LEVEL_PMD) {
			table = mm_table_of(mm->mmap->buddy, e);
			e = mm_entry_read(mm_entry_at(table, addr));
		}
		if (mm_entry_present(e))
			return addr;
		addr = mm_level_end(addr, end, table->level);
	}
	return end;
}

/*
 * Where the memory behind an entry of level PMD is: of a table, its first page; else the table itself. The
 * reaper may have emptied it since it was found.
 */
static unsigned node_of(struct mmsim_mm *mm, uint64_t addr)
{
	const struct mm_buddy *b = mm->mmap->buddy;
	struct mm_table *pmd = mm_mmap_table_find(mm, addr, MM_LEVEL_PMD), *table;
	mm_entry e;

	mm_exec_point(mm->mmap->exec, MM_POINT_ATOMIC, pmd->entry);
	e = mm_entry_read(mm_entry_at(pmd, addr));
	if (!mm_entry_present(e))
		return mm_page_node(pmd->page);
	if (e & MM_PTE_HUGE)
		return mm_page_node(mm_entry_page(b, e));
	table = mm_table_of(b, e);
	for (unsigned i = 0; i < MM_PTRS_PER_TABLE; i++) {
		e = mm_entry_read(&table->entry[i]);
		if (mm_entry_present(e))
			return mm_page_node(mm_entry_page(b, e));
	}
	return mm_page_node(table->page);
}

static bool is_huge(const struct mmsim_mm *mm, uint64_t addr)
{
	struct mm_table *pmd = mm_mmap_table_find(mm, addr, MM_LEVEL_PMD);

	return pmd && mm_entry_read(mm_entry_at(pmd, addr)) & MM_PTE_HUGE;
}

/* Of the cell that begins at start, where something is at addr. */
static uint64_t cell_end(const struct job *job, uint64_t start, uint64_t addr)
{
	const struct mmsim_mm *mm = job->g->mm;
	uint64_t end = start + job->cell_bytes;

	if (is_huge(mm, addr))
		while (end % mm_level_size(MM_LEVEL_PUD) && is_huge(mm, end))
			end += job->cell_bytes;
	return end;
}

/* The cells of one area that are not the last one's of the area before. False: no memory. */
static bool add_cells(struct job *job, struct mm_vma *vma)
{
	struct mmsim_mm *mm = job->g->mm;
	uint64_t addr = vma->start;

	if (job->nr)
		addr = mm_max(addr, job->cell[job->nr - 1].end);
	while ((addr = next_present(mm, addr, vma->end)) < vma->end) {
		uint64_t start = mm_round_down(addr, job->cell_bytes);
		struct cell cell = { start, cell_end(job, start, addr), vma, node_of(mm, addr) };

		if (job->nr == job->room && !grow(job))
			return false;
		job->cell[job->nr++] = cell;
		addr = cell.end;
	}
	return true;
}

/* One cell: unhook, flush, free, and its PTE tables. */
static void free_cell(struct job *job, const struct cell *cell)
{
	/* A cell may reach into areas that stay, and their huge entries. */
	uint64_t start = mm_max(job->floor, cell->start);
	uint64_t end = job->ceiling ? mm_min(job->ceiling, cell->end) : cell->end;
	struct mm_vma *vma = cell->vma;
	struct mm_gather g;

	mm_mmap_gather_begin(&g, job->g->mm, false);
	/* As the caller's began, whatever was set since. */
	g.group = &job->group;
	g.how = job->g->how;
	g.runs = job->g->runs;
	for (;;) {
		uint64_t from = mm_max(vma->start, start), to = mm_min(vma->end, end);

		mm_mmap_zap(&g, from, to);
		if (vma->detached.next == job->areas)
			break;
		vma = mm_list_entry(vma->detached.next, struct mm_vma, detached);
		if (vma->start >= end)
			break;
	}
	mm_mmap_free_tables(&g, start, end, start, end, MM_LEVEL_PTE);
	mm_mmap_gather_end(&g);
}

/* A chunk of the ktask: [start, end) of order[]. */
static int free_cells(void *start, void *end, void *arg)
{
	struct job *job = arg;

	for (uintptr_t i = (uintptr_t)start; i < (uintptr_t)end; i++) {
		free_cell(job, &job->cell[job->order[i]]);
		mm_exec_resched(job->g->mmap->exec);
	}
	return 0;
}

/* Cells by node, in order of address: order[]. The stretches of the nodes that have any; returns how many. */
static unsigned sort_by_node(struct job *job, struct mmsim_ktask_node *stretch)
{
	size_t count[MMSIM_MAX_NODES] = { 0 }, at = 0;
	unsigned nr = 0;

	for (size_t i = 0; i < job->nr; i++)
		count[job->cell[i].node]++;
	for (unsigned node = 0; node < MMSIM_MAX_NODES; node++) {
		size_t first = at;

		if (count[node])
			stretch[nr++] = (struct mmsim_ktask_node){ .start = (void *)first,
								   .task_size = count[node],
								   .nid = (int)node };
		at += count[node];
		count[node] = first;
	}
	for (size_t i = 0; i < job->nr; i++)
		job->order[count[job->cell[i].node]++] = (uint32_t)i;
	return nr;
}

static void run(struct job *job)
{
	struct mmsim_ktask_node stretch[MMSIM_MAX_NODES];
	uint32_t threads = job->g->how.max_threads;
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = free_cells,
		.fn_arg = job,
		.min_chunk = 1,
		.max_threads = threads ? threads : job->g->mmap->exec->nr_cpus,
		.flags = MMSIM_KTASK_GUIDED,
	};
	unsigned nr = sort_by_node(job, stretch);

	mm_mmap_flush_group_init(&job->group, job->g->mmap->locks, &job->g->mmap->tlb,
				 &job->g->mm->tlb);
	mm_job_ktask_run(job->g->mmap->ktask, stretch, nr, &ctl);
	mm_mmap_flush_group_fini(&job->group);
}

static bool find_cells(struct job *job)
{
	mm_list_for_each(at, job->areas)
		if (!add_cells(job, mm_list_entry(at, struct mm_vma, detached)))
			return false;
	if (job->nr < 2)
		return false;
	job->order = mm_base_meta_calloc(job->g->mmap->exec->meta, job->nr, sizeof(*job->order));
	return job->order != NULL;
}

/* Is there more than one cell between the ends of the areas? Mostly not. */
static bool is_worth_it(const struct mm_gather *g, mm_list *areas, uint64_t cell_bytes)
{
	uint64_t first, end;

	if (g->how.max_threads == 1 || mm_list_empty(areas))
		return false;
	first = mm_list_first(areas, struct mm_vma, detached)->start;
	end = mm_list_last(areas, struct mm_vma, detached)->end;
	return end > mm_round_down(first, cell_bytes) + cell_bytes;
}

bool mm_mmap_zap_parallel(struct mm_gather *g, mm_list *areas, uint64_t floor, uint64_t ceiling)
{
	struct mm_meta *meta = g->mmap->exec->meta;
	uint64_t pages = g->how.chunk_pages ? g->how.chunk_pages : CHUNK_PAGES;
	uint64_t cell_bytes = pages << MMSIM_PAGE_SHIFT;
	struct job *job = NULL;
	bool worth;

	if (is_worth_it(g, areas, cell_bytes))
		job = mm_base_meta_alloc(meta, sizeof(*job));
	if (!job)
		return false;
	*job = (struct job){
		.g = g, .areas = areas, .floor = floor, .ceiling = ceiling, .cell_bytes = cell_bytes
	};
	worth = find_cells(job);
	if (worth)
		run(job);
	mm_base_meta_free(meta, job->order, job->nr * sizeof(*job->order));
	mm_base_meta_free(meta, job->cell, job->room * sizeof(*job->cell));
	mm_base_meta_free(meta, job, sizeof(*job));
	return worth;
}
