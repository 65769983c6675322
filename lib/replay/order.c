/* SPDX-License-Identifier: MIT */
/* What comes next in a trace. */
#include "order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* From the end backwards, what was seen last is what comes next. */
static void link_events(struct mm_order *o, uint32_t *last_on_cpu)
{
	for (uint32_t i = o->nr; i-- > 0;) {
		const struct mmsim_trace_event *e = &o->events[i];

		o->next_on_cpu[i] = last_on_cpu[e->cpu];
		o->next_of_page[i] = o->upcoming[e->pfn];
		last_on_cpu[e->cpu] = i;
		o->upcoming[e->pfn] = i;
	}
}

int mm_replay_order_init(struct mm_order *o, const struct mmsim_trace_event *events, size_t nr,
			 uint64_t nr_pages, unsigned nr_cpus)
{
	uint32_t *last_on_cpu = malloc(nr_cpus * sizeof(*last_on_cpu));

	*o = (struct mm_order){ .events = events, .nr = (uint32_t)nr, .nr_pages = nr_pages };
	o->next_on_cpu = malloc((nr + 1) * sizeof(*o->next_on_cpu));
	o->next_of_page = malloc((nr + 1) * sizeof(*o->next_of_page));
	o->upcoming = malloc(nr_pages * sizeof(*o->upcoming));
	if (!last_on_cpu || !o->next_on_cpu || !o->next_of_page || !o->upcoming) {
		free(last_on_cpu);
		mm_replay_order_fini(o);
		return -ENOMEM;
	}
	memset(last_on_cpu, 0xff, nr_cpus * sizeof(*last_on_cpu));
	memset(o->upcoming, 0xff, nr_pages * sizeof(*o->upcoming));
	link_events(o, last_on_cpu);
	free(last_on_cpu);
	return 0;
}

void mm_replay_order_fini(struct mm_order *o)
{
	free(o->next_on_cpu);
	free(o->next_of_page);
	free(o->upcoming);
	*o = (struct mm_order){ 0 };
}
