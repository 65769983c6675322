/* SPDX-License-Identifier: MIT */
/* Exported calls: ageing. */
#include "ageing.h"
#include "machine.h"
#include <errno.h>

static bool is_booted(struct mmsim *m)
{
	bool booted;

	mm_sync_mutex_lock(&m->boot_mutex);
	booted = m->booted;
	mm_sync_mutex_unlock(&m->boot_mutex);
	return booted;
}

static int refuse(struct mmsim *m, const char *call, const char *what, int err)
{
	mm_base_log(&m->log, "%s: %s", call, what);
	return err;
}

/* 0, or -EINVAL with a message. */
static int check_params(struct mmsim *m, const struct mmsim_ageing *params)
{
	const char *field;

	if (!params)
		return refuse(m, "mmsim_age", "no parameters", -EINVAL);
	field = mm_replay_ageing_check(params);
	if (!field)
		return 0;
	mm_base_log(&m->log, "mmsim_age: %s: out of range", field);
	return -EINVAL;
}

int mmsim_age(struct mmsim *m, const struct mmsim_ageing *params, struct mmsim_aged **out,
	      struct mmsim_ageing_report *report)
{
	MM_ON_CPU(m);
	struct mmsim_ageing_report unused;
	int err;

	if (!out)
		return refuse(m, "mmsim_age", "no place for the result", -EINVAL);
	*out = NULL;
	err = check_params(m, params);
	if (err)
		return err;
	if (!is_booted(m))
		return -EBUSY;
	return mm_replay_age(&m->buddy, params, out, report ? report : &unused);
}

int mmsim_aged_release(struct mmsim *m, struct mmsim_aged *aged, uint32_t thousandths,
		       struct mmsim_ageing_report *report)
{
	MM_ON_CPU(m);
	struct mmsim_ageing_report unused;
	bool all;

	if (!aged || aged->buddy != &m->buddy)
		return refuse(m, "mmsim_aged_release", "pages of another machine", -EINVAL);
	if (thousandths > 1000)
		return refuse(m, "mmsim_aged_release", "thousandths: out of range", -EINVAL);
	if (!is_booted(m))
		return -EBUSY;
	all = mm_replay_aged_release(aged, thousandths);
	report = report ? report : &unused;
	mm_replay_ageing_report(aged, report);
	report->met = all;
	return 0;
}

void mmsim_aged_free(struct mmsim_aged *aged)
{
	mm_replay_aged_delete(aged);
}
