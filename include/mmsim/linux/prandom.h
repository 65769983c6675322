/* SPDX-License-Identifier: MIT */
/*
 * The random numbers of older kernels: no cheaper here.
 */
#ifndef MMSIM_LINUX_PRANDOM_H
#define MMSIM_LINUX_PRANDOM_H

#include <linux/types.h>

u32 prandom_u32(void); /* to 6.0 */
u32 prandom_u32_max(u32 ceil); /* to 6.1: [0, ceil) */
void prandom_bytes(void *buf, size_t len);

#endif
