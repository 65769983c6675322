/* SPDX-License-Identifier: MIT */
/* The list of cases. A line here adds one. */
#ifndef BENCH_VMAP_CASES_H
#define BENCH_VMAP_CASES_H

/*
 * X(name, about, by default, work, mask of tests, loops of a worker natively, loops of all workers together
 * in virtual time). The kernel's tests are in the order of the mask's bits.
 */
#define VMAP_CASES(X)                                                                              \
	X("pair-1page", "a page of addresses, nothing behind it", true, AREA, 0, 1 << 19, 1 << 18) \
	X("random-100page", "many areas are held: free one, take another of 1 to 100 pages", true, \
	  RANDOM, 0, 1 << 18, 1 << 17)                                                             \
	X("vmalloc-1page", "a page of memory, not touched", false, VMALLOC, 0, 1 << 18, 1 << 16)   \
	X("host-mmap", "the host's mmap() and munmap() of a page", false, HOST, 0, 1 << 17, 0)     \
	X("fix_size_alloc_test", "nr_pages pages, touched", true, SUITE, 1 << 0, 1 << 17, 1 << 17) \
	X("full_fit_alloc_test", "a page, where all free stretches are a page", false, SUITE,      \
	  1 << 1, 1 << 17, 1 << 16)                                                                \
	X("long_busy_list_alloc_test", "100 pages and one, while 15000 areas are held", true,      \
	  SUITE, 1 << 2, 1 << 12, 1 << 14)                                                         \
	X("random_size_alloc_test", "1 to 100 pages", false, SUITE, 1 << 3, 1 << 14, 1 << 13)      \
	X("fix_align_alloc_test", "5 pages at 32 KiB, zeroed", false, SUITE, 1 << 4, 1 << 16,      \
	  1 << 14)                                                                                 \
	X("random_size_align_alloc_test", "1 to 10 pages at 1 B to 4 MiB", false, SUITE, 1 << 5,   \
	  1 << 15, 1 << 14)                                                                        \
	X("align_shift_alloc_test", "a page at any power of two", false, SUITE, 1 << 6, 1, 1)      \
	X("pcpu_alloc_test", "per-CPU objects", false, SUITE, 1 << 7, 1, 1)                        \
	X("kvfree_rcu_1_arg_vmalloc_test", "a page, freed later", false, SUITE, 1 << 8, 1 << 17,   \
	  1 << 15)                                                                                 \
	X("kvfree_rcu_2_arg_vmalloc_test", "the same by its other name", false, SUITE, 1 << 9,     \
	  1 << 17, 1 << 15)                                                                        \
	X("vm_map_ram_test", "nr_pages pages for a short while", false, SUITE, 1 << 10, 1 << 18,   \
	  1 << 16)                                                                                 \
	X("no_block_alloc_test", "a page, without waiting", false, SUITE, 1 << 11, 1 << 17,        \
	  1 << 15)                                                                                 \
	X("mask-7", "the first three tests, as the kernel by default", false, SUITE, 0x7, 1 << 13, \
	  1 << 17)                                                                                 \
	X("mask-127", "the first seven", false, SUITE, 0x7f, 1 << 12, 1 << 15)                     \
	X("mask-4095", "all twelve", false, SUITE, 0xfff, 1 << 12, 1 << 11)                        \
	X("suite", "those of --set mask", false, SUITE, 0, 1 << 12, 1 << 12)

#endif
