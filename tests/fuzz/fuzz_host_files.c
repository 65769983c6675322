/* SPDX-License-Identifier: MIT */
/*
 * The text of proc/zoneinfo, a NUL, and the text of proc/iomem: either is refused with a reason, or
 * the ranges built from both pass the check. The whole is also read as each of the texts that limit
 * CPU time.
 */
#include "config_host.h"
#include "config_host_quota.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct host {
	struct mm_machine_zones zones;
	struct mm_machine_iomem iomem;
	struct mm_machine_spans claims;
	struct mmsim_config cfg;
};

static void require(int condition)
{
	if (!condition)
		abort();
}

/* The claims of a host without memory blocks. Returns whether they fit. */
static bool claim_zones(struct host *host)
{
	host->claims.nr = 0;
	for (uint32_t i = 0; i < host->zones.nr; i++) {
		struct mm_machine_zone *zone = &host->zones.at[i];

		require(zone->start < zone->end && zone->end <= MMSIM_MAX_PHYS);
		zone->node %= MMSIM_MAX_NODES;
		if (mm_machine_add_span(
			    &host->claims,
			    (struct mm_machine_span){ zone->start, zone->end, zone->node }))
			return false;
	}
	return true;
}

static void build_host(struct host *host, struct mm_machine_text zoneinfo,
		       struct mm_machine_text iomem)
{
	char msg[128] = "";
	const struct mm_machine_note note = { msg, sizeof(msg) };
	int err;

	err = mm_machine_parse_zoneinfo(zoneinfo, &host->zones, note);
	require(!err == !msg[0]);
	if (err || !claim_zones(host))
		return;
	err = mm_machine_parse_iomem(iomem, &host->iomem, note);
	require(!err == !msg[0]);
	if (err)
		return;
	mmsim_config_defaults(&host->cfg);
	host->cfg.nr_nodes = MMSIM_MAX_NODES;
	err = mm_machine_build_ranges(&host->cfg, &host->claims, &host->zones, &host->iomem, note);
	require(!err == !msg[0]);
	/*
	 * Two Movable zones over the same RAM, and two nodes in one largest block, are left to the
	 * check, as in mmsim_config_from_host().
	 */
	if (!err && mmsim_config_check(&host->cfg, msg, sizeof(msg)))
		require(strstr(msg, "].movable_bytes: ") || strstr(msg, "in a 4 MiB block"));
}

/* A group that is taken leads nowhere but down. */
static void check_group(const struct mm_machine_cpu_group *group)
{
	if (!group->known)
		return;
	require(group->path[0] == '/' && strlen(group->path) < sizeof(group->path));
	for (const char *name = group->path; name; name = strchr(name, '/')) {
		name++;
		require(strcspn(name, "/") <= NAME_MAX);
		require(strcspn(name, "/") != 2 || memcmp(name, "..", 2) != 0);
	}
}

static void read_limits(struct mm_machine_text text)
{
	struct mm_machine_cpu_group *group = malloc(sizeof(*group));
	struct mm_machine_cpu_set *set = malloc(sizeof(*set));
	struct mmsim_cpu_quota q = { 0 };
	char msg[128] = "";
	const struct mm_machine_note note = { msg, sizeof(msg) };
	int err;

	require(group && set);
	err = mm_machine_parse_cpu_group(text, group, note);
	require(!err == !msg[0]);
	if (!err)
		check_group(group);
	msg[0] = '\0';
	err = mm_machine_parse_cpus_allowed(text, set, note);
	require((err >= 0) == !msg[0]);
	require(err <= 0 || mm_machine_count_cpus(set, set));
	msg[0] = '\0';
	err = mm_machine_parse_cpu_max(text, &q, note);
	require(!err == !msg[0]);
	require(err || (q.period_ns && (!q.quota_ns || mmsim_cpu_quota_threads(&q))));
	require(mm_machine_parse_cfs_us(text, &q.quota_ns) || q.quota_ns % 1000 == 0);
	free(set);
	free(group);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *nul = size ? memchr(text, '\0', size) : NULL;
	const char *end = text + size;
	struct host *host = malloc(sizeof(*host));

	require(host != NULL);
	build_host(host, (struct mm_machine_text){ text, nul ? nul : end },
		   (struct mm_machine_text){ nul ? nul + 1 : end, end });
	free(host);
	read_limits((struct mm_machine_text){ text, end });
	return 0;
}
