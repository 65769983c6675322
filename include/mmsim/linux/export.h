/* SPDX-License-Identifier: MIT */
/*
 * Symbols for other modules. There are no other modules.
 */
#ifndef MMSIM_LINUX_EXPORT_H
#define MMSIM_LINUX_EXPORT_H

#define EXPORT_SYMBOL(sym) struct mm_linux_export;
#define EXPORT_SYMBOL_GPL(sym) struct mm_linux_export;

#endif
