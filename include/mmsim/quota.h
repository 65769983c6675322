/* SPDX-License-Identifier: MIT */
/*
 * How much CPU time this process may use: for choosing how many threads a job gets.
 *
 * A control group's CPU bandwidth limit (cpu.max; cpu.cfs_quota_us in version 1) stops all threads of
 * the group for the rest of a period once they have used the quota together. Threads beyond what it
 * pays for make a job no faster, and its end later by up to a period.
 */
#ifndef MMSIM_QUOTA_H
#define MMSIM_QUOTA_H

#include <mmsim/api.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/**
 * struct mmsim_cpu_quota - the CPU time and the CPUs that a process may use.
 * @quota_ns:   CPU time that its threads may use together in each period; 0: no limit.
 * @period_ns:  wall-clock time of a period; 0 without a limit.
 * @nr_allowed: online CPUs that it may run on, by its affinity and its cpuset; 0: unknown.
 */
struct mmsim_cpu_quota {
	uint64_t quota_ns;
	uint64_t period_ns;
	uint32_t nr_allowed;
};

/**
 * mmsim_cpu_quota_from_host - the limits of the calling process.
 * @q:    receives them; the caller's.
 * @root: NULL for this host; otherwise a directory that holds copies of proc/ and sys/.
 * @msg, @len: receives which file was wrong and why, or what had to be guessed; empty if nothing. May
 *        be NULL, 0.
 *
 * The group is that of proc/self/cgroup: in the hierarchy of version 1 that has the controller `cpu`,
 * at sys/fs/cgroup/cpu or sys/fs/cgroup/cpu,cpuacct; else in version 2, at sys/fs/cgroup. A parent
 * limits too: of all groups from the process's own up to the root the one with the smallest quota per
 * period counts. Where the group's directory is not there, as in a container that sees only its own
 * groups, the root of the hierarchy stands for it and msg says so. No file means no limit. Hierarchies
 * mounted elsewhere are not found; cpu.max.burst and weights are not looked at.
 *
 * CPUs are those of Cpus_allowed_list in proc/self/status, which is the main thread's, that are also
 * in sys/devices/system/cpu/online, if that is there.
 *
 * Returns 0; -EINVAL when q is NULL or a file makes no sense (a quota or period of 0, negative or above
 * 64 bits of ns; a group whose path is relative, leads through "..", holds a NUL, is not ended by a
 * newline or does not fit PATH_MAX; no CPU); another errno of open(2) or read(2) when a file is there
 * and cannot be read; -ENOENT when root is not; -ENOMEM. On failure *q is unchanged. Context: any;
 * reads files. Cost: 1 to 2 files per level of groups. Since 0.1.
 * Models what the kernel's CPU bandwidth control enforces, as tg_set_cfs_bandwidth() was told.
 */
MMSIM_API int mmsim_cpu_quota_from_host(struct mmsim_cpu_quota *q, const char *root, char *msg,
					size_t len);

/**
 * mmsim_cpu_quota_threads - how many threads the limits leave work for.
 * @q: may be NULL: no limits; filled by mmsim_cpu_quota_from_host() or by hand. A quota or period of 0
 *     is none.
 *
 * Quota per period, rounded up: the last thread runs for part of the time. At most nr_allowed, if that
 * is known. Returns the number, at least 1, or 0 when there is no limit of either kind. Context: any.
 * Cost: O(1). Since 0.1. Models the cap on helpers of padata's RFC of 2022, whose rounding is not known.
 */
MMSIM_API unsigned mmsim_cpu_quota_threads(const struct mmsim_cpu_quota *q);

MMSIM_END_DECLS

#endif
