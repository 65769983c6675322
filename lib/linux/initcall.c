/* SPDX-License-Identifier: MIT */
/* What is to be called at the start and at the end of a module. */
#include "world.h"

#include <linux/init.h>

static struct mm_linux_initcall *calls; /* by level */

/* Constructors call it, on one thread. */
void mm_linux_initcall_add(struct mm_linux_initcall *call)
{
	struct mm_linux_initcall **at = &calls;

	while (*at && (*at)->level <= call->level)
		at = &(*at)->next;
	call->next = *at;
	*at = call;
}

int mm_linux_initcalls(const char **name)
{
	int ret = 0;

	*name = NULL;
	for (struct mm_linux_initcall *call = calls; call && !ret; call = call->next) {
		if (!call->fn)
			continue;
		*name = call->name;
		ret = call->fn();
	}
	return ret;
}

void mm_linux_exitcalls(void)
{
	for (struct mm_linux_initcall *call = calls; call; call = call->next)
		if (call->exit)
			call->exit();
}
