/* SPDX-License-Identifier: MIT */
/*
 * The text of proc/zoneinfo, a NUL, and the text of proc/iomem: either is refused with a reason, or
 * the ranges built from both pass the check.
 */
#include "config_host.h"

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
	return 0;
}
