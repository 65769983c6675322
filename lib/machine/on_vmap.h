/* SPDX-License-Identifier: MIT */
/* What all exported calls on a space of kernel addresses need. */
#ifndef MM_MACHINE_ON_VMAP_H
#define MM_MACHINE_ON_VMAP_H

#include "vmap.h"
#include <errno.h>

/* mm_on_cpu() of machine.h. */
static inline bool mm_on_vmap(const struct mmsim_vmap *v)
{
	const struct mm_task *cur = mm_task_current();

	return mm_likely(cur && cur->exec == v->exec);
}

static inline int mm_vmap_no_place(const struct mmsim_vmap *v, const char *call)
{
	mm_base_log(v->log, "%s: no place for the result", call);
	return -EINVAL;
}

#endif
