/* SPDX-License-Identifier: MIT */
/*
 * Which options the kernel was built with: those given as -DCONFIG_X=1, or -DCONFIG_X_MODULE=1.
 *
 * Each of these is 1 or 0, in #if too, and also for an option that nobody has heard of.
 */
#ifndef MMSIM_LINUX_KCONFIG_H
#define MMSIM_LINUX_KCONFIG_H

#define MM_LINUX_SECOND(first, second, ...) second
#define MM_LINUX_IS_1_1 0, 1
#define MM_LINUX_PICK(...) MM_LINUX_SECOND(__VA_ARGS__, 0, 0)
#define MM_LINUX_PASTE(value) MM_LINUX_PICK(MM_LINUX_IS_1_##value)
#define MM_LINUX_IS_1(value) MM_LINUX_PASTE(value)

#define IS_BUILTIN(option) MM_LINUX_IS_1(option)
#define IS_MODULE(option) MM_LINUX_IS_1(option##_MODULE)
#define IS_ENABLED(option) (IS_BUILTIN(option) || IS_MODULE(option))

#endif
