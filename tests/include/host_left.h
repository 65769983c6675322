/* SPDX-License-Identifier: MIT */
/* What this process has of the host: threads, and bytes of address space. */
#ifndef TEST_HOST_LEFT_H
#define TEST_HOST_LEFT_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static inline unsigned host_threads(void)
{
	unsigned nr = 0;
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		nr += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return nr;
}

/* The kernel lists a thread for a moment after it could be joined. */
static inline unsigned host_threads_down_to(unsigned want)
{
	unsigned nr = host_threads();

	for (int i = 0; i < 5000 && nr > want; i++) {
		usleep(1000);
		nr = host_threads();
	}
	return nr;
}

/* Bytes mapped without access: reservations, as the library makes one of each area of addresses. */
static inline uint64_t host_reserved_bytes(void)
{
	unsigned long long from, to, sum = 0;
	char line[512], perms[8];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx %7s", &from, &to, perms) == 3 && perms[0] == '-')
			sum += to - from;
	if (maps)
		fclose(maps);
	return sum;
}

/* All bytes mapped. Allocators keep some of what they were given back. */
static inline uint64_t host_mapped_bytes(void)
{
	unsigned long long from, to, sum = 0;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx", &from, &to) == 2)
			sum += to - from;
	if (maps)
		fclose(maps);
	return sum;
}

#endif
