/* SPDX-License-Identifier: MIT */
/*
 * A config from a machine profile, and a profile from a file.
 */
#include "config_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PROFILE ((size_t)1 << 20)
#define MAX_TOPOLOGY 256
#define MAX_REASON 256

/*
 * A synthetic machine numbers its CPUs depth first. Firmware mostly lists the first thread of every
 * core before any second one, and the kernel numbers them as they are listed.
 */
static void number_siblings_last(struct mmsim_config *cfg)
{
	struct mmsim_cpu depth_first[MMSIM_MAX_CPUS];
	uint32_t threads = 1;
	uint32_t cores;

	while (threads < cfg->nr_cpus && cfg->cpu[threads].core == cfg->cpu[0].core)
		threads++;
	cores = cfg->nr_cpus / threads;
	memcpy(depth_first, cfg->cpu, cfg->nr_cpus * sizeof(cfg->cpu[0]));
	for (uint32_t i = 0; i < cfg->nr_cpus; i++)
		cfg->cpu[i % threads * cores + i / threads] = depth_first[i];
}

static int apply_profile(struct mmsim_config *cfg, const struct mm_machine_profile *profile,
			 struct mm_machine_note note)
{
	size_t len = (size_t)(profile->topology.end - profile->topology.at);
	char topology[MAX_TOPOLOGY];
	char reason[MAX_REASON];
	int err;

	if (len >= sizeof(topology))
		return mm_machine_refuse(note, -EINVAL, "line %u: topology: %d characters or more",
					 profile->topology_line, MAX_TOPOLOGY);
	memcpy(topology, profile->topology.at, len);
	topology[len] = '\0';
	err = mmsim_config_from_synthetic(cfg, topology, 0, reason, sizeof(reason));
	if (err)
		return mm_machine_refuse(note, err, "line %u: topology: %s", profile->topology_line,
					 reason);
	if (profile->siblings_last)
		number_siblings_last(cfg);
	memcpy(cfg->figure, profile->figure, sizeof(profile->figure));
	return 0;
}

int mmsim_config_from_profile(struct mmsim_config *cfg, const char *text, size_t text_len,
			      char *msg, size_t len)
{
	const struct mm_machine_note note = { msg, len };
	struct mm_machine_profile profile;
	int err;

	mm_machine_clear_note(note);
	if (!cfg || !text)
		return mm_machine_refuse(note, -EINVAL, "%s: NULL", cfg ? "text" : "cfg");
	if (text_len > MAX_PROFILE)
		return mm_machine_refuse(note, -EFBIG, "more than 1 MiB");
	err = mm_machine_parse_profile(&profile, (struct mm_machine_text){ text, text + text_len },
				       note);
	return err ? err : apply_profile(cfg, &profile, note);
}

/* Reads to the end, or one byte more than a profile may have. A length or a negative errno. */
static ssize_t read_all(int fd, char *buffer)
{
	size_t len = 0;

	while (len <= MAX_PROFILE) {
		ssize_t got = read(fd, buffer + len, MAX_PROFILE + 1 - len);

		if (!got)
			break;
		if (got > 0)
			len += (size_t)got;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)len;
}

static int parse_file(struct mmsim_config *cfg, int fd, struct mm_machine_note note)
{
	char *buffer = malloc(MAX_PROFILE + 1);
	ssize_t len;
	int err;

	if (!buffer)
		return mm_machine_refuse(note, -ENOMEM, "no memory to read it into");
	len = read_all(fd, buffer);
	if (len < 0)
		err = mm_machine_refuse(note, (int)len, "cannot be read (errno %d)", (int)-len);
	else
		err = mmsim_config_from_profile(cfg, buffer, (size_t)len, note.text, note.size);
	free(buffer);
	return err;
}

static int open_file(const char *path, struct mm_machine_note note)
{
	struct stat st;
	int fd;

	/* A fifo must not hang the caller. */
	do
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return mm_machine_refuse(note, -errno, "cannot be opened (errno %d)", errno);
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return mm_machine_refuse(note, -EINVAL, "not a regular file");
}

int mmsim_config_from_profile_file(struct mmsim_config *cfg, const char *path, char *msg,
				   size_t len)
{
	const struct mm_machine_note note = { msg, len };
	char reason[MAX_REASON] = "";
	const struct mm_machine_note inner = { reason, sizeof(reason) };
	int err;
	int fd;

	mm_machine_clear_note(note);
	if (!cfg || !path)
		return mm_machine_refuse(note, -EINVAL, "%s: NULL", cfg ? "path" : "cfg");
	fd = open_file(path, inner);
	err = fd < 0 ? fd : parse_file(cfg, fd, inner);
	if (fd >= 0)
		close(fd);
	return err ? mm_machine_refuse(note, err, "%s: %s", path, reason) : 0;
}
