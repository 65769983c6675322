/* SPDX-License-Identifier: MIT */
/* A module that stays, is taken out, and forgets a kthread; also one whose init functions have an order. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>

static int ret;
module_param(ret, int, 0);
static bool stubborn;
module_param(stubborn, bool, 0);

static DECLARE_COMPLETION(started);
static char note[] = "data";

static int forgotten(void *data)
{
	complete_all(&started);
	while (!kthread_should_stop() || stubborn)
		msleep(1);
	pr_info("%s: stopped, %s\n", current->comm, (char *)data);
	return 0;
}

static int __init stays_init(void)
{
	DECLARE_COMPLETION_ONSTACK(never);

	pr_info("init\n");
	if (IS_ERR(kthread_run(forgotten, note, "forgotten/%d", 1)))
		return -ENOMEM;
	wait_for_completion(&started);
	wait_for_completion(&started);
	if (wait_for_completion_timeout(&never, 2) || try_wait_for_completion(&never))
		return -EIO;
	complete(&never);
	if (!wait_for_completion_timeout(&never, HZ) || completion_done(&never))
		return -EIO;
	return ret;
}

static void __exit stays_exit(void)
{
	pr_info("exit\n");
}

#ifdef MODULE
module_init(stays_init);
#else
static int __init early(void)
{
	pr_warn("core\n");
	printk("no level\n");
	printk(KERN_NOTICE "not ended");
	printk(KERN_INFO "half ");
	pr_cont("a line\n");
	return 0;
}

late_initcall(stays_init);
core_initcall(early);
#endif
module_exit(stays_exit);

MODULE_LICENSE("GPL");
