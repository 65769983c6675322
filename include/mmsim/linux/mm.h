/* SPDX-License-Identifier: MIT */
/*
 * Pages and their numbers. struct page is the library's struct mmsim_page.
 */
#ifndef MMSIM_LINUX_MM_H
#define MMSIM_LINUX_MM_H

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/types.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(addr) ALIGN(addr, PAGE_SIZE)
#define PAGE_ALIGNED(addr) IS_ALIGNED((unsigned long)(addr), PAGE_SIZE)
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)

#define PMD_SHIFT 21
#define PMD_SIZE (1UL << PMD_SHIFT)

#define MAX_PAGE_ORDER 10

unsigned long page_to_pfn(const struct page *page);
struct page *pfn_to_page(unsigned long pfn);
unsigned long totalram_pages(void);
int get_order(unsigned long size);

bool is_vmalloc_addr(const void *addr);
void kvfree(const void *addr);

#endif
