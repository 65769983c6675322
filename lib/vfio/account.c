/* SPDX-License-Identifier: MIT */
/* Locked memory, and its limit. Counterpart: vfio_lock_acct(). */
#include "vfio.h"

#include <errno.h>

/* Nobody else changes it now, or all change it as here: F2. */
static int add(struct mmsim_vfio *v, uint64_t nr)
{
	uint64_t locked = __atomic_load_n(&v->locked_vm, __ATOMIC_RELAXED);

	do {
		if (nr > v->limit || locked > v->limit - nr)
			return -ENOMEM;
	} while (!__atomic_compare_exchange_n(&v->locked_vm, &locked, locked + nr, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return 0;
}

static void sub(struct mmsim_vfio *v, uint64_t nr)
{
	uint64_t locked = __atomic_fetch_sub(&v->locked_vm, nr, __ATOMIC_RELAXED);

	mm_invariant("F2: what is given back was accounted", locked >= nr);
}

static void begin(struct mmsim_vfio *v, uint32_t flags)
{
	if (flags & MMSIM_VFIO_ATOMIC)
		mm_exec_point(v->exec, MM_POINT_ATOMIC, &v->locked_vm);
	else
		mm_sync_down_write(&v->mmap_sem);
}

static void end(struct mmsim_vfio *v, uint32_t flags)
{
	if (flags & MMSIM_VFIO_ATOMIC)
		mm_exec_charge(v->exec, MM_CHARGE_ATOMIC, &v->locked_vm_line, 1);
	else
		mm_sync_up_write(&v->mmap_sem);
}

int mm_vfio_lock_acct(struct mmsim_vfio *v, uint64_t nr, uint32_t flags)
{
	int err;

	begin(v, flags);
	err = add(v, nr);
	end(v, flags);
	return err;
}

void mm_vfio_unlock_acct(struct mmsim_vfio *v, uint64_t nr, uint32_t flags)
{
	begin(v, flags);
	sub(v, nr);
	end(v, flags);
}
