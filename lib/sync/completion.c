/* SPDX-License-Identifier: MIT */
/* Completion. */
#include "completion.h"

int mm_sync_wait_for_completion(struct mm_completion *c, uint64_t deadline)
{
	uint32_t done = __atomic_load_n(&c->done, __ATOMIC_RELAXED);

	for (;;) {
		while (done)
			if (__atomic_compare_exchange_n(&c->done, &done, done - 1, false,
							__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return 0;
		int err;

		mm_task_current()->waits_for = "a completion";
		err = mm_exec_park(c->exec, &c->done, 0, deadline);
		mm_task_current()->waits_for = NULL;
		done = __atomic_load_n(&c->done, __ATOMIC_RELAXED);
		if (err && !done)
			return err;
	}
}
