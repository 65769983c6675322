/* SPDX-License-Identifier: MIT */
/* The list of cases. A line here adds one. */
#ifndef BENCH_UNMAP_CASES_H
#define BENCH_UNMAP_CASES_H

/* X(name, about, by default, threads, way, what). The host first: others are compared with it. */
#define UNMAP_CASES(X)                                                                             \
	X("host-munmap-4k", "the host's kernel, threads unmap a part each", true, 0, HOST, 0)      \
	X("host-munmap-thp", "the same with huge pages", true, 0, HOST, UNMAP_THP)                 \
	X("host-processes-4k", "the host's kernel, a process each", false, 0, HOST_PROCESSES, 0)   \
	X("host-processes-thp", "the same with huge pages", false, 0, HOST_PROCESSES, UNMAP_THP)   \
	PAIR(X, "serial", "the caller does all (the kernel)", true, 1, SERIAL, 0)                  \
	PAIR(X, "batch-workers", "threads: workers that free, max_active", true, 0, BATCH_WORKERS, \
	     0)                                                                                    \
	PAIR(X, "range-parallel", "threads: at parts of the range", true, 0, RANGE_PARALLEL, 0)    \
	PAIR(X, "processes", "threads: processes at once, each serially", false, 0, PROCESSES, 0)  \
	WAYS(X, "exit", "the end of the process", UNMAP_EXIT)                                      \
	WAYS(X, "one-zone", "all from one zone", UNMAP_ONE_ZONE)                                   \
	SMALL(X, "file-mix", "half of it a shared file's", UNMAP_FILE_MIX)                         \
	SMALL(X, "shuffled", "touched in random order", UNMAP_SHUFFLED)                            \
	X("serial-sliced-4k", "a batch per zone lock", false, 1, SERIAL, UNMAP_SLICED)             \
	X("batch-workers-sliced-4k", "a batch per zone lock", false, 0, BATCH_WORKERS, UNMAP_SLICED)

#define PAIR(X, name, about, by_default, threads, way, what) \
	X(name "-4k", about, by_default, threads, way, what) \
	X(name "-thp", about ", huge pages", by_default, threads, way, (what) | UNMAP_THP)
#define WAYS(X, name, about, what)                                           \
	PAIR(X, "serial-" name, about, false, 1, SERIAL, what)               \
	PAIR(X, "batch-workers-" name, about, false, 0, BATCH_WORKERS, what) \
	PAIR(X, "range-parallel-" name, about, false, 0, RANGE_PARALLEL, what)
#define SMALL(X, name, about, what)                                          \
	X("serial-" name "-4k", about, false, 1, SERIAL, what)               \
	X("batch-workers-" name "-4k", about, false, 0, BATCH_WORKERS, what) \
	X("range-parallel-" name "-4k", about, false, 0, RANGE_PARALLEL, what)

#endif
