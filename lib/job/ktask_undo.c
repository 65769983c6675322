/* SPDX-License-Identifier: MIT */
/* ktask: undoing what was finished when something else failed. */
#include "ktask.h"

static bool is_before(const struct mm_ktask_failure *a, const struct mm_ktask_failure *b)
{
	return a->node != b->node ? a->node < b->node : a->start < b->start;
}

/* At most one per thread, and no memory to be had: by insertion. */
static void sort_failures(struct mm_ktask_run *run)
{
	for (unsigned i = 1; i < run->nr_failures; i++) {
		struct mm_ktask_failure f = run->failure[i];
		unsigned at = i;

		for (; at && is_before(&f, &run->failure[at - 1]); at--)
			run->failure[at] = run->failure[at - 1];
		run->failure[at] = f;
	}
}

static void undo_stretch(struct mm_ktask_run *run, unsigned node, unsigned long start,
			 unsigned long end)
{
	struct mmsim_ktask_ctl *ctl = run->ctl;

	if (start == end)
		return;
	if (ctl->undo_fn(mm_ktask_position(run, node, start), mm_ktask_position(run, node, end),
			 ctl->fn_arg))
		ctl->undo_failed++;
	mm_exec_resched(run->exec);
}

/* All that was handed out of a stretch, but for what failed, whose own caller has tidied it up. */
static void undo_node(struct mm_ktask_run *run, unsigned node, unsigned *at)
{
	unsigned long from = 0;

	for (; *at < run->nr_failures && run->failure[*at].node == node; ++*at) {
		undo_stretch(run, node, from, run->failure[*at].start);
		from = run->failure[*at].end;
	}
	undo_stretch(run, node, from, run->range[node].next);
}

void mm_job_ktask_undo(struct mm_ktask_run *run)
{
	unsigned at = 0;

	sort_failures(run);
	for (unsigned node = 0; node < run->nr_nodes; node++)
		undo_node(run, node, &at);
}
