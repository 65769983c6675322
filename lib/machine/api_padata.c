/* SPDX-License-Identifier: MIT */
/* Exported calls: ordered jobs. */
#include "machine.h"
#include "padata_serial.h"
#include <errno.h>
#include <string.h>

/* What is NULL, or no job, names no machine: the caller's is told, if he is on one. */
static int refuse_nobody(const char *call, const char *wrong)
{
	const struct mm_task *me = mm_task_current();

	if (me)
		mm_base_log(me->exec->log, "%s: %s", call, wrong);
	return -EINVAL;
}

static const char *refuse_name(const char *name)
{
	if (!name || !*name)
		return "name: empty";
	return strnlen(name, MMSIM_PADATA_NAME_MAX + 1) > MMSIM_PADATA_NAME_MAX ? "name: too long"
										: NULL;
}

struct mmsim_padata_instance *mmsim_padata_alloc(struct mmsim *m, const char *name)
{
	const struct mm_padata_config cfg = {
		.exec = m->exec,
		.log = &m->log,
		.locks = &m->locks,
		.topology = &m->topology,
		.name = name,
	};
	struct mmsim_padata_instance *pinst = NULL;
	const char *wrong = refuse_name(name);
	MM_ON_CPU(m);

	if (wrong)
		mm_base_log(&m->log, "mmsim_padata_alloc: %s", wrong);
	else
		mm_job_padata_alloc(&cfg, &pinst);
	return pinst;
}

int mmsim_padata_free(struct mmsim_padata_instance *pinst)
{
	char name[MMSIM_PADATA_NAME_MAX + 1];
	struct mm_log *log;
	int err;

	if (!pinst)
		return 0;
	MM_ON_CPU(pinst);

	log = pinst->log;
	memcpy(name, pinst->name, sizeof(name));
	err = mm_job_padata_free(pinst);
	if (err)
		mm_base_log(log, "mmsim_padata_free: %s: %s", name,
			    err == -EBUSY ? "has shells, or jobs of freed shells"
					  : "called from a callback of its own");
	return err;
}

int mmsim_padata_start(struct mmsim_padata_instance *pinst)
{
	int err;

	if (!pinst)
		return refuse_nobody("mmsim_padata_start", "pinst: NULL");
	MM_ON_CPU(pinst);

	err = mm_job_padata_start(pinst);
	if (err)
		mm_base_log(pinst->log, "mmsim_padata_start: %s: a cpumask has no online CPU",
			    pinst->name);
	return err;
}

int mmsim_padata_stop(struct mmsim_padata_instance *pinst)
{
	if (!pinst)
		return refuse_nobody("mmsim_padata_stop", "pinst: NULL");
	MM_ON_CPU(pinst);

	mm_job_padata_stop(pinst);
	return 0;
}

struct mmsim_padata_shell *mmsim_padata_alloc_shell(struct mmsim_padata_instance *pinst)
{
	if (!pinst) {
		refuse_nobody("mmsim_padata_alloc_shell", "pinst: NULL");
		return NULL;
	}
	MM_ON_CPU(pinst);

	return mm_job_padata_alloc_shell(pinst);
}

void mmsim_padata_free_shell(struct mmsim_padata_shell *ps)
{
	if (!ps)
		return;
	MM_ON_CPU(ps->pinst);

	mm_job_padata_free_shell(ps);
}

int mmsim_padata_do_parallel(struct mmsim_padata_shell *ps, struct mmsim_padata_priv *priv,
			     unsigned *cb_cpu)
{
	const char *wrong = priv ? "cb_cpu: NULL" : "priv: NULL";
	struct mmsim_padata_instance *pinst;
	int err = -EINVAL;

	if (!ps)
		return refuse_nobody("mmsim_padata_do_parallel", "ps: NULL");
	pinst = ps->pinst;
	MM_ON_CPU(pinst);

	if (priv && cb_cpu)
		err = mm_job_padata_do_parallel(ps, priv, cb_cpu, &wrong);
	if (err == -EINVAL)
		mm_base_log(pinst->log, "mmsim_padata_do_parallel: %s: %s", pinst->name, wrong);
	return err;
}

int mmsim_padata_do_serial(struct mmsim_padata_priv *priv)
{
	if (!priv || !mm_padata_is_parallel(priv))
		return refuse_nobody("mmsim_padata_do_serial",
				     "priv: not a job in its parallel phase");
	MM_ON_CPU(mm_padata_instance_of(priv));

	return mm_job_padata_do_serial(priv);
}

int mmsim_padata_flush(struct mmsim_padata_instance *pinst)
{
	int err;

	if (!pinst)
		return refuse_nobody("mmsim_padata_flush", "pinst: NULL");
	MM_ON_CPU(pinst);

	err = mm_job_padata_flush(pinst);
	if (err)
		mm_base_log(pinst->log, "mmsim_padata_flush: %s: called from a callback of its own",
			    pinst->name);
	return err;
}

static bool is_type(enum mmsim_padata_cpumask type)
{
	return type == MMSIM_PADATA_CPU_SERIAL || type == MMSIM_PADATA_CPU_PARALLEL;
}

int mmsim_padata_set_cpumask(struct mmsim_padata_instance *pinst, enum mmsim_padata_cpumask type,
			     const struct mmsim_cpumask *mask)
{
	MM_ON_CPU(pinst);

	if (!mask || !is_type(type)) {
		mm_base_log(pinst->log, "mmsim_padata_set_cpumask: %s: %s", pinst->name,
			    mask ? "type: unknown" : "mask: NULL");
		return -EINVAL;
	}
	return mm_job_padata_set_cpumask(pinst, type, mask);
}

size_t mmsim_padata_print_cpumask(struct mmsim_padata_instance *pinst,
				  enum mmsim_padata_cpumask type, bool usable, char *buf,
				  size_t len)
{
	MM_ON_CPU(pinst);

	if (is_type(type))
		return mm_job_padata_print_cpumask(pinst, type, usable, buf, len);
	if (len)
		buf[0] = '\0';
	return 0;
}
