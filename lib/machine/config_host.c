/* SPDX-License-Identifier: MIT */
/*
 * The machine that this runs on, or that a copy of its proc and sys came from, as a config.
 */
#include "config_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_root(struct mm_machine_host *host, const char *root)
{
	do
		host->root = open(root ? root : "/", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	while (host->root < 0 && errno == EINTR);
	if (host->root >= 0)
		return 0;
	return mm_machine_refuse(host->note, -errno, "%s: cannot be opened (errno %d)",
				 root ? root : "/", errno);
}

/*
 * Files that are each well-formed may still not make a machine: nodes that share a largest block, more
 * Movable memory than RAM. All that is left to find by now is where zones lie.
 */
static int check_host(struct mm_machine_host *host)
{
	char why[256];
	int err;

	err = mmsim_config_check(&host->cfg, why, sizeof(why));
	return err ? mm_machine_refuse(host->note, err, "proc/zoneinfo: %s", why) : 0;
}

static int read_host(struct mm_machine_host *host, const char *root)
{
	int err;

	err = open_root(host, root);
	if (err)
		return err;
	mmsim_config_defaults(&host->cfg);
	memset(host->cfg.cpu, 0, sizeof(host->cfg.cpu));
	memset(host->cfg.range, 0, sizeof(host->cfg.range));
	err = mm_machine_read_topology(host);
	if (!err)
		err = mm_machine_read_memory(host);
	if (!err)
		err = check_host(host);
	close(host->root);
	return err;
}

static void take_host(struct mmsim_config *cfg, const struct mmsim_config *host)
{
	cfg->nr_cpus = host->nr_cpus;
	cfg->nr_nodes = host->nr_nodes;
	cfg->nr_ranges = host->nr_ranges;
	memcpy(cfg->cpu, host->cpu, sizeof(cfg->cpu));
	memcpy(cfg->node, host->node, sizeof(cfg->node));
	memcpy(cfg->range, host->range, sizeof(cfg->range));
}

int mmsim_config_from_host(struct mmsim_config *cfg, const char *root, char *msg, size_t len)
{
	const struct mm_machine_note note = { msg, len };
	struct mm_machine_host *host;
	int err;

	mm_machine_clear_note(note);
	if (!cfg)
		return mm_machine_refuse(note, -EINVAL, "cfg: NULL");
	host = calloc(1, sizeof(*host));
	if (!host)
		return mm_machine_refuse(note, -ENOMEM, "no memory to read the host");
	host->note = note;
	err = read_host(host, root);
	if (!err) {
		take_host(cfg, &host->cfg);
		if (msg && len)
			snprintf(msg, len, "%s", host->guesses);
	}
	free(host->buffer);
	free(host);
	return err;
}
