/* SPDX-License-Identifier: MIT */
/*
 * What must not be: said on standard error; BUG() ends the program.
 */
#ifndef MMSIM_LINUX_BUG_H
#define MMSIM_LINUX_BUG_H

#include <linux/compiler.h>
#include <linux/printk.h>
#include <linux/types.h>

void mm_linux_bug(const char *file, int line, const char *func) __attribute__((noreturn));
void mm_linux_warn(const char *file, int line, const char *func);

#define BUG() mm_linux_bug(__FILE__, __LINE__, __func__)
#define BUG_ON(condition)                \
	do {                             \
		if (unlikely(condition)) \
			BUG();           \
	} while (0)

#define WARN_ON(condition)                                           \
	__extension__({                                              \
		_Bool mm_linux_is = !!(condition);                   \
		if (unlikely(mm_linux_is))                           \
			mm_linux_warn(__FILE__, __LINE__, __func__); \
		unlikely(mm_linux_is);                               \
	})

#define WARN_ON_ONCE(condition)                                                     \
	__extension__({                                                             \
		_Bool mm_linux_is = !!(condition);                                  \
		if (unlikely(mm_linux_is))                                          \
			MM_LINUX_ONCE(mm_linux_warn(__FILE__, __LINE__, __func__)); \
		unlikely(mm_linux_is);                                              \
	})

#define BUILD_BUG_ON(condition) _Static_assert(!(condition), "BUILD_BUG_ON: " #condition)

#endif
