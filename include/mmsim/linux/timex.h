/* SPDX-License-Identifier: MIT */
/*
 * The CPU's counter of cycles: natively on x86 its own, elsewhere the machine's clock in ns.
 */
#ifndef MMSIM_LINUX_TIMEX_H
#define MMSIM_LINUX_TIMEX_H

#include <linux/types.h>

typedef unsigned long long cycles_t;

cycles_t get_cycles(void);

#endif
