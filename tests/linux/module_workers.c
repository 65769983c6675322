/* SPDX-License-Identifier: MIT */
/*
 * Workers behind a gate, as a test of the kernel's allocator has them: each runs all cases and sums up.
 *
 * OLDER: the spellings of kernels that have no SRCU gate and no kvzalloc_objs().
 */
#define pr_fmt(fmt) "workers: " fmt

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#ifdef OLDER
#include <linux/rwsem.h>
#else
#include <linux/srcu.h>
#endif
#include <linux/slab.h>
#include <linux/vmalloc.h>

static int nr_workers = 12;
module_param(nr_workers, int, 0444);
MODULE_PARM_DESC(nr_workers, "how many at the same time");
static int loops = 200;
module_param(loops, int, 0444);
MODULE_PARM_DESC(loops, "of each case");

#ifdef OLDER
static DECLARE_RWSEM(gate);
#else
DEFINE_STATIC_SRCU(gate);
#endif
static DECLARE_COMPLETION(all_done);
static atomic_t nr_undone = ATOMIC_INIT(0);
static atomic_t nr_through = ATOMIC_INIT(0);

struct worker {
	struct task_struct *task;
	int failed;
	unsigned long start, stop;
	u64 usecs;
};

static struct worker *workers;

static int case_sizes(void)
{
	unsigned long pages = get_random_u32_inclusive(1, 100);
	u8 *area = vmalloc(pages * PAGE_SIZE);

	if (!area)
		return -1;
	*((__u8 *)area) = 1;
	vfree(area);
	return 0;
}

/* All of them are written to, and none into another. */
static int case_apart(void)
{
	u8 *area[8];
	int wrong = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(area); i++) {
		area[i] = __vmalloc_node(PAGE_SIZE, 1UL << get_random_u32_below(16),
					 GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE, NULL);
		if (!area[i] || area[i][0])
			return -1;
		area[i][0] = (u8)(i + 1);
		cond_resched();
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(area); i++) {
		wrong |= area[i][0] != i + 1;
		vfree(area[i]);
	}
	return wrong ? -1 : 0;
}

struct freed_late {
	struct rcu_head rcu;
	u8 bytes[100];
};

static int case_rcu(void)
{
	struct freed_late *p = vmalloc(sizeof(*p));

	if (!p)
		return -1;
	p->bytes[0] = 'a';
	kvfree_rcu(p, rcu);
#ifdef OLDER
	kvfree_rcu(vmalloc(1));
#else
	kvfree_rcu_mightsleep(vmalloc(1));
#endif
	return 0;
}

static int case_percpu(void)
{
	u8 __percpu *p = __alloc_percpu(get_random_u32_inclusive(1, 1024),
					1UL << get_random_u32_inclusive(1, 11));
	int ret = p && !*(u8 *)this_cpu_ptr(p) ? 0 : -1;

	if (p)
		*(u8 *)per_cpu_ptr(p, num_online_cpus() - 1) = 1;
	free_percpu(p);
	return ret;
}

static int (*const cases[])(void) = { case_sizes, case_apart, case_rcu, case_percpu };

static void pass_gate(void)
{
#ifdef OLDER
	down_read(&gate);
	atomic_inc(&nr_through);
	up_read(&gate);
#else
	synchronize_srcu(&gate);
	atomic_inc(&nr_through);
#endif
}

static int work(void *data)
{
	struct worker *w = data;
	ktime_t start;

	pass_gate();
	w->start = get_cycles();
	start = ktime_get();
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		for (int loop = 0; loop < loops; loop++)
			if (cases[i]())
				w->failed++;
	w->usecs = (u64)ktime_us_delta(ktime_get(), start);
	do_div(w->usecs, (u32)loops);
	w->stop = get_cycles();
	if (atomic_dec_and_test(&nr_undone))
		complete(&all_done);
	while (!kthread_should_stop())
		msleep(10);
	return w->failed;
}

static int start_workers(void)
{
	int failed = 0;

	for (int i = 0; i < nr_workers; i++) {
		workers[i].task = kthread_run(work, &workers[i], "worker/%d", i);
		if (IS_ERR(workers[i].task)) {
			pr_err("worker %d: %ld\n", i, PTR_ERR(workers[i].task));
			failed++;
		} else {
			atomic_inc(&nr_undone);
		}
	}
	msleep(20);
	if (atomic_read(&nr_through)) {
		pr_err("%d passed the closed gate\n", atomic_read(&nr_through));
		failed++;
	}
	return failed;
}

static int run_all(void)
{
	int failed;

#ifdef OLDER
	down_write(&gate);
	failed = start_workers();
	up_write(&gate);
#else
	int idx = srcu_read_lock(&gate);

	failed = start_workers();
	srcu_read_unlock(&gate, idx);
#endif
	while (!wait_for_completion_timeout(&all_done, HZ))
		;
	return failed;
}

static int stop_workers(void)
{
	int failed = 0;

	for (int i = 0; i < nr_workers; i++) {
		if (IS_ERR(workers[i].task))
			continue;
		failed += kthread_stop(workers[i].task);
		pr_info("Summary: worker %d failed: %d avg: %llu usec\n", i, workers[i].failed,
			workers[i].usecs);
		pr_info("worker%d=%lu cycles\n", i, workers[i].stop - workers[i].start);
	}
	return failed;
}

static int __init workers_init(void)
{
	int failed;

	nr_workers = clamp(nr_workers, 1, (int)USHRT_MAX);
#ifdef OLDER
	workers = kvcalloc(nr_workers, sizeof(*workers), GFP_KERNEL);
#else
	workers = kvzalloc_objs(*workers, nr_workers);
#endif
	if (!workers)
		return -ENOMEM;
	failed = run_all();
	failed += stop_workers();
	kvfree(workers);
	if (failed)
		return -EIO;
	return IS_BUILTIN(CONFIG_TEST_WORKERS) ? 0 : -EAGAIN;
}

#ifdef MODULE
module_init(workers_init)
#else
late_initcall(workers_init);
#endif

	MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("workers behind a gate");
