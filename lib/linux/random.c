/* SPDX-License-Identifier: MIT */
/* Random numbers, a sequence for each task: splitmix64 of Steele, Lea and Flood. */
#include "world.h"

#include <linux/random.h>
#include <string.h>

u64 get_random_u64(void)
{
	u64 z = mm_linux_self()->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

u32 get_random_u32(void)
{
	return (u32)(get_random_u64() >> 32);
}

void get_random_bytes(void *buf, size_t len)
{
	while (len) {
		u64 word = get_random_u64();
		size_t part = len < sizeof(word) ? len : sizeof(word);

		memcpy(buf, &word, part);
		buf = (char *)buf + part;
		len -= part;
	}
}

/* The high half of a product, drawn again where some values would come once more than others (Lemire). */
u32 get_random_u32_below(u32 ceil)
{
	u64 product = (u64)get_random_u32() * ceil;

	if ((u32)product < ceil) {
		u32 unfair = -ceil % (ceil ? ceil : 1);

		while ((u32)product < unfair)
			product = (u64)get_random_u32() * ceil;
	}
	return (u32)(product >> 32);
}

u32 get_random_u32_above(u32 floor)
{
	return floor == UINT32_MAX ? floor : floor + 1 + get_random_u32_below(UINT32_MAX - floor);
}

u32 get_random_u32_inclusive(u32 floor, u32 ceil)
{
	if (ceil <= floor)
		return floor;
	if (ceil - floor == UINT32_MAX)
		return get_random_u32();
	return floor + get_random_u32_below(ceil - floor + 1);
}

u32 prandom_u32(void)
{
	return get_random_u32();
}

u32 prandom_u32_max(u32 ceil)
{
	return get_random_u32_below(ceil);
}

void prandom_bytes(void *buf, size_t len)
{
	get_random_bytes(buf, len);
}
