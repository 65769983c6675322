/* SPDX-License-Identifier: MIT */
/* How much memory the host can still give. */
#include "host_memory.h"

#include "bits.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The beginning of a file as a string; empty if there is none. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static uint64_t number_after(const char *text, const char *key, uint64_t otherwise)
{
	const char *at = strstr(text, key);
	char *end;
	uint64_t value;

	if (!at)
		return otherwise;
	value = strtoull(at + strlen(key), &end, 10);
	return end == at + strlen(key) ? otherwise : value;
}

static uint64_t file_number(const char *path, uint64_t otherwise)
{
	char text[64];

	read_text(path, text, sizeof(text));
	return number_after(text, "", otherwise);
}

/* Of the cgroup that this process sees as its root, as in a container. */
static uint64_t cgroup_left(void)
{
	uint64_t max = file_number("/sys/fs/cgroup/memory.max", UINT64_MAX);
	uint64_t used = file_number("/sys/fs/cgroup/memory.current", 0);

	return max > used ? max - used : 0;
}

uint64_t mm_page_host_available(void)
{
	char text[2048];
	uint64_t kib;

	read_text("/proc/meminfo", text, sizeof(text));
	kib = number_after(text, "MemAvailable:", UINT64_MAX >> 10);
	return mm_min(kib << 10, cgroup_left());
}

int mm_page_host_check(struct mm_log *log, const char *what, uint64_t bytes)
{
	uint64_t available = mm_page_host_available();

	if (bytes <= available)
		return 0;
	mm_base_log(log, "%s: needs %" PRIu64 " MiB, the host has %" PRIu64 " MiB available", what,
		    bytes >> 20, available >> 20);
	return -ENOMEM;
}
