/* SPDX-License-Identifier: MIT */
/*
 * Random numbers. Each task has its own sequence, which its number decides: in the modes that are not native
 * a program does the same again each time.
 */
#ifndef MMSIM_LINUX_RANDOM_H
#define MMSIM_LINUX_RANDOM_H

#include <linux/prandom.h>
#include <linux/types.h>

u64 get_random_u64(void);
u32 get_random_u32(void);
void get_random_bytes(void *buf, size_t len);

/* [0, ceil), (floor, U32_MAX], [floor, ceil], all equally likely; an empty range gives 0 or floor. */
u32 get_random_u32_below(u32 ceil);
u32 get_random_u32_above(u32 floor);
u32 get_random_u32_inclusive(u32 floor, u32 ceil);

static inline u8 get_random_u8(void)
{
	return (u8)get_random_u32();
}

static inline u16 get_random_u16(void)
{
	return (u16)get_random_u32();
}

static inline unsigned long get_random_long(void)
{
	return (unsigned long)get_random_u64();
}

static inline unsigned int get_random_int(void) /* to 6.0 */
{
	return get_random_u32();
}

#endif
