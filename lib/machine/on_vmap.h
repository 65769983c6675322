/* SPDX-License-Identifier: MIT */
/* mm_on_cpu() of machine.h, of a space of kernel addresses. */
#ifndef MM_MACHINE_ON_VMAP_H
#define MM_MACHINE_ON_VMAP_H

#include "vmap.h"

static inline bool mm_on_vmap(const struct mmsim_vmap *v)
{
	const struct mm_task *cur = mm_task_current();

	return mm_likely(cur && cur->exec == v->exec);
}

#endif
