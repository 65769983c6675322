/* SPDX-License-Identifier: MIT */
/*
 * Checks in three prices. All of them stop the program with the name of what is broken.
 *
 *  - mm_invariant(name, cond): always compiled in. For what would corrupt the books.
 *  - mm_assert(cond): in builds with MM_DEBUG. Preconditions: "this lock is held".
 *  - mm_assert_expensive(cond): with MM_DEBUG >= 2. Walks whole objects.
 *
 * `name` is the tag of the numbered sentence in a header ("B3: …"), so that a report leads to it.
 * Counterpart: BUG_ON, VM_BUG_ON and CONFIG_DEBUG_LIST.
 */
#ifndef MM_BASE_CHECK_H
#define MM_BASE_CHECK_H

#include "compiler.h"

#ifndef MM_DEBUG
#define MM_DEBUG 0
#endif

void mm_base_broken(const char *name, const char *cond, const char *file, int line)
	__attribute__((noreturn, cold));

#define mm_invariant(name, cond)                                         \
	do {                                                             \
		if (mm_unlikely(!(cond)))                                \
			mm_base_broken(name, #cond, __FILE__, __LINE__); \
	} while (0)

/* The condition is compiled in every build, so that it cannot rot. */
#define mm_assert_if(level, cond)                                               \
	do {                                                                    \
		if (MM_DEBUG >= (level) && mm_unlikely(!(cond)))                \
			mm_base_broken("assertion", #cond, __FILE__, __LINE__); \
	} while (0)

#define mm_assert(cond) mm_assert_if(1, cond)
#define mm_assert_expensive(cond) mm_assert_if(2, cond)

#endif
