/* SPDX-License-Identifier: MIT */
/*
 * See <linux/cpumask.h>.
 */
#ifndef MMSIM_LINUX_SMP_H
#define MMSIM_LINUX_SMP_H

#include <linux/cpumask.h>
#include <linux/preempt.h>

#endif
