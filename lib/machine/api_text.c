/* SPDX-License-Identifier: MIT */
/* Exported calls: the books of zones, as the kernel's files show them. */
#include "text.h"

#include "machine.h"

size_t mmsim_print_buddyinfo(struct mmsim *m, char *buf, size_t len)
{
	MM_ON_CPU(m);

	return mm_replay_print_buddyinfo(&m->buddy, buf, len);
}

size_t mmsim_print_pagetypeinfo(struct mmsim *m, char *buf, size_t len)
{
	MM_ON_CPU(m);

	return mm_replay_print_pagetypeinfo(&m->buddy, buf, len);
}

size_t mmsim_print_zoneinfo(struct mmsim *m, char *buf, size_t len)
{
	MM_ON_CPU(m);

	return mm_replay_print_zoneinfo(&m->buddy, buf, len);
}

size_t mmsim_print_unusable_index(struct mmsim *m, char *buf, size_t len)
{
	MM_ON_CPU(m);

	return mm_replay_print_unusable_index(&m->buddy, buf, len);
}

size_t mmsim_print_extfrag_index(struct mmsim *m, char *buf, size_t len)
{
	MM_ON_CPU(m);

	return mm_replay_print_extfrag_index(&m->buddy, buf, len);
}
