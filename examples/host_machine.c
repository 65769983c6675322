/* SPDX-License-Identifier: MIT */
/* A machine shaped as this host: its CPUs, nodes and zones. Its memory costs only struct pages. */
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <string.h>

static void print_node_cpus(const struct mmsim_config *cfg, unsigned node)
{
	unsigned nr = 0;

	for (unsigned cpu = 0; cpu < cfg->nr_cpus; cpu++)
		nr += cfg->cpu[cpu].node == node;
	printf("node %u: %u CPUs\n", node, nr);
}

static int print_zones(struct mmsim *m, unsigned node)
{
	for (int type = 0; type < MMSIM_NR_ZONES; type++) {
		struct mmsim_zone_info z;
		int err = mmsim_zone_info(m, node, (enum mmsim_zone_type)type, &z);

		if (err) /* -ENOENT: no such zone here */
			continue;
		printf("  zone %-8s from pfn %#10llx  spanned %10llu  present %10llu\n",
		       mmsim_zone_name(z.type), (unsigned long long)z.start_pfn,
		       (unsigned long long)z.spanned, (unsigned long long)z.present);
		if (z.present > z.spanned)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *root = argc > 1 ? argv[1] : NULL; /* a directory with copies of proc and sys */
	static struct mmsim_config cfg;
	char text[256];
	struct mmsim *m;
	int err;

	mmsim_config_defaults(&cfg);
	err = mmsim_config_from_host(&cfg, root, text, sizeof(text));
	if (err) {
		fprintf(stderr, "host_machine: %s: %s\n", strerror(-err), text);
		return 77; /* nothing is wrong with the library: this host hides its files */
	}
	if (text[0])
		printf("guessed: %s\n", text);
	cfg.boot = MMSIM_BOOT_COLD; /* the shape is there without booting … */
	cfg.flags |= MMSIM_NO_PREFAULT; /* … and the struct pages need not be touched */
	err = mmsim_create(&cfg, &m);
	if (err) {
		fprintf(stderr, "host_machine: create: %s\n", strerror(-err));
		return 1;
	}
	printf("%u nodes, %u CPUs, last pfn %#llx\n", mmsim_nr_nodes(m), mmsim_nr_cpus(m),
	       (unsigned long long)mmsim_max_pfn(m) - 1);
	for (unsigned node = 0; node < mmsim_nr_nodes(m); node++) {
		print_node_cpus(&cfg, node);
		if (print_zones(m, node))
			return 1;
	}
	mmsim_destroy(m);
	return 0;
}
