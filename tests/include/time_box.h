/* SPDX-License-Identifier: MIT */
/* How long a stress test goes on: bounds work, asserts nothing. Half as long under a sanitizer. */
#ifndef TEST_TIME_BOX_H
#define TEST_TIME_BOX_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TIME_BOX_PART 2
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TIME_BOX_PART 2
#endif
#endif
#ifndef TIME_BOX_PART
#define TIME_BOX_PART 1
#endif

static inline uint64_t time_box_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline uint64_t time_box_open(uint64_t ms)
{
	return time_box_now_ms() + ms / TIME_BOX_PART;
}

static inline bool time_box_over(uint64_t end)
{
	return time_box_now_ms() >= end;
}

#endif
