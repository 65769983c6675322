/* SPDX-License-Identifier: MIT */
/* What the harness asks the machine it runs on. */
#include "host.h"

#include "util.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* False where the mask does not fit, which only a host of more than 1024 CPUs can do. */
static int allowed_cpus(cpu_set_t *set)
{
	CPU_ZERO(set);
	return sched_getaffinity(0, sizeof(*set), set) == 0 && CPU_COUNT(set) > 0;
}

unsigned host_cpu_count(void)
{
	cpu_set_t set;

	return allowed_cpus(&set) ? (unsigned)CPU_COUNT(&set) : 1;
}

int host_cpu(unsigned i)
{
	unsigned wanted = i % host_cpu_count();
	cpu_set_t set;

	if (!allowed_cpus(&set))
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((size_t)cpu, &set) && wanted-- == 0)
			return cpu;
	return 0;
}

void host_read_line(const char *path, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");

	buf[0] = '\0';
	if (!f)
		return;
	if (!fgets(buf, (int)len, f))
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

/* The value in "key   : value", or NULL when the line is about something else. */
static const char *value_of(const char *line, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n) != 0)
		return NULL;
	line += n + strspn(line + n, " \t");
	if (*line != ':')
		return NULL;
	line++;
	return line + strspn(line, " \t");
}

void host_read_key(const char *path, const char *key, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");
	char line[512];

	buf[0] = '\0';
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		const char *value = value_of(line, key);

		if (!value)
			continue;
		bench_copy(buf, len, value);
		buf[strcspn(buf, "\n")] = '\0';
		break;
	}
	fclose(f);
}

uint64_t host_mem_available(void)
{
	char text[64];

	host_read_key("/proc/meminfo", "MemAvailable", text, sizeof(text));
	return strtoull(text, NULL, 10) * 1024;
}
