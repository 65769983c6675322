/* SPDX-License-Identifier: MIT */
/*
 * See <linux/ktime.h>.
 */
#ifndef MMSIM_LINUX_TIMEKEEPING_H
#define MMSIM_LINUX_TIMEKEEPING_H

#include <linux/ktime.h>

#endif
