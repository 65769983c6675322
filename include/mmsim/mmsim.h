/* SPDX-License-Identifier: MIT */
/* libmmsim: the Linux memory subsystem as a library. Everything at once. */
#ifndef MMSIM_MMSIM_H
#define MMSIM_MMSIM_H

#include <mmsim/ageing.h>
#include <mmsim/alloc.h>
#include <mmsim/api.h>
#include <mmsim/config.h>
#include <mmsim/cpumask.h>
#include <mmsim/explore.h>
#include <mmsim/filemap.h>
#include <mmsim/frag.h>
#include <mmsim/gfp.h>
#include <mmsim/hugetlb.h>
#include <mmsim/jobs.h>
#include <mmsim/ktask.h>
#include <mmsim/machine.h>
#include <mmsim/mm.h>
#include <mmsim/padata.h>
#include <mmsim/padata_serial.h>
#include <mmsim/page.h>
#include <mmsim/policy.h>
#include <mmsim/profile.h>
#include <mmsim/quota.h>
#include <mmsim/replay.h>
#include <mmsim/task.h>
#include <mmsim/teardown.h>
#include <mmsim/trace.h>
#include <mmsim/vfio.h>
#include <mmsim/version.h>
#include <mmsim/vmalloc.h>
#include <mmsim/vmap.h>
#include <mmsim/zone_device.h>

#endif
