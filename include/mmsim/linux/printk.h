/* SPDX-License-Identifier: MIT */
/*
 * The kernel log: lines of level warning and worse go to standard error, others to standard output.
 *
 * pr_fmt() puts nothing in front unless the module defines it before its first include, as in the kernel.
 */
#ifndef MMSIM_LINUX_PRINTK_H
#define MMSIM_LINUX_PRINTK_H

#include <linux/compiler.h>
#include <linux/types.h>

#ifndef KBUILD_MODNAME
#ifdef __FILE_NAME__
#define KBUILD_MODNAME __FILE_NAME__
#else
#define KBUILD_MODNAME __BASE_FILE__
#endif
#endif

#define KERN_SOH "\001"
#define KERN_EMERG KERN_SOH "0"
#define KERN_ALERT KERN_SOH "1"
#define KERN_CRIT KERN_SOH "2"
#define KERN_ERR KERN_SOH "3"
#define KERN_WARNING KERN_SOH "4"
#define KERN_NOTICE KERN_SOH "5"
#define KERN_INFO KERN_SOH "6"
#define KERN_DEBUG KERN_SOH "7"
#define KERN_CONT KERN_SOH "c"

/* Returns how many characters were printed. */
int printk(const char *fmt, ...) __printf(1, 2);

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif

#define pr_emerg(fmt, ...) printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert(fmt, ...) printk(KERN_ALERT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...) printk(KERN_CRIT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...) printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...) printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...) printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...) printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_cont(fmt, ...) printk(KERN_CONT fmt, ##__VA_ARGS__)
#ifdef DEBUG
#define pr_debug(fmt, ...) printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__)
#else
#define pr_debug(fmt, ...)                                             \
	do {                                                           \
		if (0)                                                 \
			printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__); \
	} while (0)
#endif

#define MM_LINUX_ONCE(statement)                                               \
	do {                                                                   \
		static _Bool mm_linux_done;                                    \
		if (!__atomic_exchange_n(&mm_linux_done, 1, __ATOMIC_RELAXED)) \
			statement;                                             \
	} while (0)

#define pr_err_once(...) MM_LINUX_ONCE(pr_err(__VA_ARGS__))
#define pr_warn_once(...) MM_LINUX_ONCE(pr_warn(__VA_ARGS__))
#define pr_info_once(...) MM_LINUX_ONCE(pr_info(__VA_ARGS__))

#endif
