/* SPDX-License-Identifier: MIT */
/*
 * The back end of fibers that take turns where they wait.
 *
 * A switch happens only in park, relax and yield. Whoever can run waits in one queue, first come first
 * served, whatever its CPU. So the order of everything follows from the order of calls.
 *
 * Time is a counter: 0 at the start, 1 ns more with each now() and each yield (so that loops which
 * wait for time end), and when nobody can run it jumps to the earliest deadline. Deadlines that have
 * passed end their waits at the next switch.
 */
#include "serial.h"

#include "bits.h"
#include "strand.h"
#include <errno.h>

struct serial {
	struct mm_strands s;
	mm_list ready;
	uint64_t clock;
};

static struct serial *to_serial(struct mm_strands *s)
{
	return mm_container_of(s, struct serial, s);
}

/* The scheduler */

static void serial_guest(struct mm_strands *s, struct mm_strand *st)
{
	(void)s;
	(void)st;
}

static void serial_ready(struct mm_strands *s, struct mm_strand *st, enum mm_strand_ready why)
{
	(void)why;
	mm_list_add_tail(&st->link, &to_serial(s)->ready);
}

static struct mm_strand *serial_pick(struct mm_strands *s)
{
	struct serial *ser = to_serial(s);
	struct mm_strand *st;

	if (mm_list_empty(&ser->ready))
		return NULL;
	st = mm_list_first(&ser->ready, struct mm_strand, link);
	mm_list_del(&st->link);
	return st;
}

/* Time comes if nobody else may. */
static bool serial_due(struct mm_strands *s, uint64_t deadline)
{
	struct serial *ser = to_serial(s);

	if (deadline > ser->clock && !mm_list_empty(&ser->ready))
		return false;
	ser->clock = mm_max(ser->clock, deadline);
	return true;
}

static const struct mm_sched serial_sched = {
	.attach = serial_guest,
	.detach = serial_guest,
	.ready = serial_ready,
	.leave = serial_guest,
	.pick = serial_pick,
	.due = serial_due,
};

/* The table */

static int serial_park(struct mm_exec *x, uint32_t *word, uint32_t val, uint64_t deadline)
{
	return mm_exec_strand_park(mm_strands_of(x), word, val, deadline, false);
}

static void serial_relax(struct mm_exec *x, uint32_t *word, uint32_t val, unsigned spin)
{
	(void)spin;
	mm_exec_strand_park(mm_strands_of(x), word, val, MM_NEVER, true);
}

static void serial_yield(struct mm_exec *x)
{
	struct mm_strands *s = mm_strands_of(x);

	to_serial(s)->clock++;
	mm_list_add_tail(&s->running->link, &to_serial(s)->ready);
	mm_exec_strand_reschedule(s);
}

static uint64_t serial_now(struct mm_exec *x)
{
	return to_serial(mm_strands_of(x))->clock++;
}

static void serial_destroy(struct mm_exec *x)
{
	struct serial *ser = to_serial(mm_strands_of(x));
	struct mm_meta *meta = x->meta;

	mm_exec_strands_fini(&ser->s);
	mm_base_meta_free(meta, ser, sizeof(*ser));
}

static const struct mm_exec_ops serial_ops = {
	.name = "serial",
	.attach = mm_exec_strand_attach,
	.detach = mm_exec_strand_detach,
	.spawn = mm_exec_strand_spawn,
	.park = serial_park,
	.unpark = mm_exec_strand_unpark,
	.relax = serial_relax,
	.yield = serial_yield,
	.now = serial_now,
	.destroy = serial_destroy,
};

int mm_exec_serial_create(const struct mm_exec_config *cfg, struct mm_exec **out)
{
	struct serial *ser = mm_base_meta_alloc(cfg->meta, sizeof(*ser));

	if (!ser)
		return -ENOMEM;
	if (mm_exec_strands_init(&ser->s, cfg, &serial_ops, &serial_sched, false)) {
		mm_base_meta_free(cfg->meta, ser, sizeof(*ser));
		return -ENOMEM;
	}
	mm_list_init(&ser->ready);
	*out = &ser->s.x;
	return 0;
}
