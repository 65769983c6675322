/* SPDX-License-Identifier: MIT */
/*
 * Machine profiles: what a good one becomes, each way to be bad, files, and the profiles that are
 * shipped.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mmsim/config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))
#define GIB(n) (UINT64_C(n) << 30)
#define MACHINES MMSIM_TEST_DATA "/../../bench/machines/"
#define MAX_TEXT 8192
#define FIRST_FIGURE_LINE 8

static struct mmsim_config *new_config(void)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));

	assert_non_null(cfg);
	mmsim_config_defaults(cfg);
	return cfg;
}

/* A good profile; figure i is on line FIRST_FIGURE_LINE + i and has the value i + 1, if it may. */
static void make_text(char *text)
{
	char *at = text;

	at += sprintf(at, "[machine]\nname = small\ncpu = a b c\n"
			  "topology = pack:2 node:1(memory=1G) l3:1 core:2 pu:2\n"
			  "numbering = siblings-last\nsource = s ; t # u\n[figures]\n");
	for (unsigned int i = 0; i < MMSIM_NR_FIGURES; i++) {
		const struct mmsim_figure_info *info = mmsim_figure_info(i);

		if (info->words)
			at += sprintf(at, "%s = ticket ; s\n", info->name);
		else if (!strcmp(info->unit, "ratio"))
			at += sprintf(at, "%s = %s ratio ; s\n", info->name,
				      info->max > 1000 ? "1.5" : "0.75");
		else
			at += sprintf(at, "%s = %u.25 %s ; s; t\n", info->name, i + 1, info->unit);
	}
}

static uint64_t made_value(unsigned int i)
{
	const struct mmsim_figure_info *info = mmsim_figure_info(i);

	if (info->words)
		return MMSIM_LOCK_TICKET * MMSIM_FIGURE_ONE;
	if (!strcmp(info->unit, "ratio"))
		return info->max > 1000 ? 1500 : 750;
	return (i + 1) * 1000 + 250;
}

static void replace(char *text, const char *what, const char *with)
{
	char *at = strstr(text, what);
	char rest[MAX_TEXT];

	if (!at) {
		fail_msg("the good profile lacks \"%s\"", what);
		return;
	}
	strcpy(rest, at + strlen(what));
	sprintf(at, "%s%s", with, rest);
}

static void parse(struct mmsim_config *cfg, const char *text, size_t len)
{
	char msg[256] = "stale";

	if (mmsim_config_from_profile(cfg, text, len, msg, sizeof(msg)))
		fail_msg("%s", msg);
	assert_string_equal(msg, "");
	if (mmsim_config_check(cfg, msg, sizeof(msg)))
		fail_msg("%s", msg);
}

static void assert_made(const struct mmsim_config *cfg)
{
	/* Second threads last: CPU 1 is the second core of node 0, CPU 4 the sibling of CPU 0. */
	static const uint16_t cores[] = { 0, 1, 2, 3, 0, 1, 2, 3 };

	assert_int_equal(cfg->nr_nodes, 2);
	assert_int_equal(cfg->nr_cpus, 8);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(cfg->cpu[i].core, cores[i]);
		assert_int_equal(cfg->cpu[i].node, cores[i] / 2);
		assert_int_equal(cfg->cpu[i].package, cores[i] / 2);
	}
	for (unsigned int i = 0; i < MMSIM_MAX_FIGURES; i++)
		assert_int_equal(cfg->figure[i], i < MMSIM_NR_FIGURES ? made_value(i) : 0);
}

static void a_profile_becomes_a_config(void **state)
{
	struct mmsim_config *cfg = new_config();
	char text[MAX_TEXT];

	(void)state;
	make_text(text);
	cfg->seed = 42;
	cfg->mode = MMSIM_VIRTUAL;
	parse(cfg, text, strlen(text));
	assert_made(cfg);
	assert_int_equal(cfg->seed, 42);
	assert_int_equal(cfg->mode, MMSIM_VIRTUAL);
	free(cfg);
}

static void siblings_may_be_neighbours(void **state)
{
	struct mmsim_config *cfg = new_config();
	char text[MAX_TEXT];

	(void)state;
	make_text(text);
	replace(text, "siblings-last", "siblings-adjacent");
	parse(cfg, text, strlen(text));
	for (uint16_t i = 0; i < 8; i++)
		assert_int_equal(cfg->cpu[i].core, i / 2);
	free(cfg);
}

/* Each of these changes the text and not what it says. */
static void spelling_is_free(void **state)
{
	static const struct {
		const char *what;
		const char *with;
	} same[] = {
		{ "[machine]", "# c\n\n ; c\n\t\n[machine]" },
		{ "[machine]\n", " \t[machine]\t\r\n" },
		{ "name = small", "\tname=small\t" },
		{ "name = small", "name = x ; # [ ] = \303\244" },
		{ " = 1.25 ns ; s", "=1.250ns;s" },
		{ " = 1.25 ns ; s", "\t=\t01.25\tns\t;\ts" },
		{ " = ticket ; s\n", "=ticket;s" }, /* the last line: no newline */
		{ "lock_kind", "\n#\nlock_kind" },
	};
	struct mmsim_config *cfg = new_config();
	char text[MAX_TEXT];

	(void)state;
	for (size_t i = 0; i < NR(same); i++) {
		make_text(text);
		replace(text, same[i].what, same[i].with);
		mmsim_config_defaults(cfg);
		parse(cfg, text, strlen(text));
		assert_made(cfg);
	}
	free(cfg);
}

static void lines_may_end_in_crlf(void **state)
{
	struct mmsim_config *cfg = new_config();
	char text[MAX_TEXT];
	char crlf[2 * MAX_TEXT];
	size_t len = 0;

	(void)state;
	make_text(text);
	for (const char *at = text; *at; at++) {
		if (*at == '\n')
			crlf[len++] = '\r';
		crlf[len++] = *at;
	}
	parse(cfg, crlf, len);
	assert_made(cfg);
	free(cfg);
}

/* The sections may come in either order. */
static void figures_may_come_first(void **state)
{
	struct mmsim_config *cfg = new_config();
	char text[MAX_TEXT];
	char turned[MAX_TEXT + 16];
	char *figures;

	(void)state;
	make_text(text);
	figures = strstr(text, "[figures]");
	sprintf(turned, "%s%.*s", figures, (int)(figures - text), text);
	parse(cfg, turned, strlen(turned));
	assert_made(cfg);
	free(cfg);
}

static const struct {
	const char *what;
	const char *with;
	int err;
	const char *expected;
} bad[] = {
	{ "[machine]", "", -EINVAL, "line 2: name: before any [section]" },
	{ "[machine]", "[machines]", -EINVAL, "line 1: neither [machine] nor [figures]" },
	{ "[machine]", "[machine", -EINVAL, "line 1: neither [machine] nor [figures]" },
	{ "[machine]", "[machine] # x", -EINVAL, "line 1: neither [machine] nor [figures]" },
	{ "[figures]", "[machine]", -EINVAL, "line 7: [machine]: there is one already" },
	{ "[figures]", "", -EINVAL, "line 8: line_smt: no such key in [machine]" },
	{ "name = small\n", "", -EINVAL, "[machine] name: missing" },
	{ "cpu = a b c\n", "", -EINVAL, "[machine] cpu: missing" },
	{ "source = s ; t # u\n", "", -EINVAL, "[machine] source: missing" },
	{ "numbering = siblings-last\n", "", -EINVAL, "[machine] numbering: missing" },
	{ "cpu = a b c", "name = x", -EINVAL, "line 3: name: there is one already" },
	{ "cpu = a b c", "colour = x", -EINVAL, "line 3: colour: no such key in [machine]" },
	{ "cpu = a b c", "cpu =", -EINVAL, "line 3: cpu: nothing follows the =" },
	{ "cpu = a b c", "cpu = \t ", -EINVAL, "line 3: cpu: nothing follows the =" },
	{ "cpu = a b c", "cpu", -EINVAL,
	  "line 3: neither a [section] nor key = value nor a # comment" },
	{ "cpu = a b c", "= a b c", -EINVAL,
	  "line 3: neither a [section] nor key = value nor a # comment" },
	{ "cpu = a b c", "CPU = a b c", -EINVAL,
	  "line 3: neither a [section] nor key = value nor a # comment" },
	{ "cpu = a b c", "cpu = a\033[31m", -EINVAL, "line 3: a control character" },
	{ "cpu = a b c", "cpu = a\rb", -EINVAL, "line 3: a control character" },
	{ "cpu = a b c", "# \177", -EINVAL, "line 3: a control character" },
	{ "cpu = a b c", "a23456789012345678901234567890123456789012345 = x", -EINVAL,
	  "line 3: a234567890123456789012345678901234567890: no such key in [machine]" },
	{ "siblings-last", "siblings", -EINVAL,
	  "line 5: numbering: neither siblings-last nor siblings-adjacent" },
	{ "siblings-last", "siblings-last-", -EINVAL,
	  "line 5: numbering: neither siblings-last nor siblings-adjacent" },
	{ "pack:2 ", "packs:2 ", -EINVAL,
	  "line 4: topology: character 1: not one of pack, node, l3, core, pu" },
	{ "memory=1G", "memory=1X", -EINVAL, "line 4: topology: character 22: not a size" },
	{ "core:2", "core:1000", -ERANGE, "line 4: topology: character 36: more than 1024 CPUs" },
	{ "line_smt = 1.25 ns ; s; t\n", "", -EINVAL, "[figures] line_smt: missing" },
	{ "lock_kind = ticket ; s\n", "", -EINVAL, "[figures] lock_kind: missing" },
	{ "line_llc", "line_smt", -EINVAL, "line 9: line_smt: there is one already" },
	{ "line_llc", "line_l4", -EINVAL, "line 9: line_l4: no such figure" },
	{ "line_llc", "name", -EINVAL, "line 9: name: no such figure" },
	{ "1.25 ns ; s; t", "1.25 ns", -EINVAL, "line 8: line_smt: no source behind a ;" },
	{ "1.25 ns ; s; t", "1.25 ns ;", -EINVAL, "line 8: line_smt: no source behind a ;" },
	{ "1.25 ns ; s; t", "1.25 ns # s", -EINVAL, "line 8: line_smt: no source behind a ;" },
	{ "1.25 ns ; s; t", "; s", -EINVAL, "line 8: line_smt: not a number" },
	{ "1.25 ns", "1.25", -EINVAL, "line 8: line_smt: the unit, ns, is missing" },
	{ "1.25 ns", "1.25 us", -EINVAL, "line 8: line_smt: what follows the number is not ns" },
	{ "1.25 ns", "1.2500 ns", -EINVAL, "line 8: line_smt: more than 3 digits after the point" },
	{ "1.25 ns", "0.5x", -EINVAL, "line 8: line_smt: what follows the number is not ns" },
	{ "1.25 ns", "100000.001 ns", -EINVAL,
	  "line 8: line_smt: 100000.001 is not between 0 and 100000 ns" },
	{ "0.75 ratio", "0.75", -EINVAL, "line 24: loaded_knee: the unit, ratio, is missing" },
	{ "= ticket", "= mutex", -EINVAL, "line 46: lock_kind: not one of \"queued ticket tas\"" },
	{ "= ticket", "= 1", -EINVAL, "line 46: lock_kind: not one of \"queued ticket tas\"" },
};

static void bad_profiles_change_nothing(void **state)
{
	struct mmsim_config *cfg = new_config();
	struct mmsim_config *before = new_config();
	char text[MAX_TEXT];

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		char msg[256] = "";
		int err;

		make_text(text);
		replace(text, bad[i].what, bad[i].with);
		err = mmsim_config_from_profile(cfg, text, strlen(text), msg, sizeof(msg));
		assert_string_equal(msg, bad[i].expected);
		assert_int_equal(err, bad[i].err);
		assert_memory_equal(cfg, before, sizeof(*cfg));
	}
	free(before);
	free(cfg);
}

/* Every line of a good profile is needed, and none may be there twice. */
static void every_line_counts(void **state)
{
	struct mmsim_config *cfg = new_config();
	char text[MAX_TEXT];
	char changed[2 * MAX_TEXT];
	char *line = text;

	(void)state;
	make_text(text);
	while (*line) {
		size_t before = (size_t)(line - text);
		char *next = strchr(line, '\n') + 1;

		memcpy(changed, text, before);
		strcpy(changed + before, next);
		assert_int_equal(mmsim_config_from_profile(cfg, changed, strlen(changed), NULL, 0),
				 -EINVAL);
		memcpy(changed, text, (size_t)(next - text));
		strcpy(changed + (next - text), line);
		assert_int_equal(mmsim_config_from_profile(cfg, changed, strlen(changed), NULL, 0),
				 -EINVAL);
		line = next;
	}
	free(cfg);
}

static void any_bytes_are_answered(void **state)
{
	struct mmsim_config *cfg = new_config();
	char text[MAX_TEXT];
	size_t len;
	char msg[64] = "";

	(void)state;
	make_text(text);
	len = strlen(text);
	text[3] = '\0';
	assert_int_equal(mmsim_config_from_profile(cfg, text, len, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, "line 1: a control character");
	assert_int_equal(mmsim_config_from_profile(cfg, "", 0, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, "[machine] name: missing");
	assert_int_equal(mmsim_config_from_profile(cfg, "\n\r", 2, msg, 9), -EINVAL);
	assert_string_equal(msg, "[machine");
	assert_int_equal(mmsim_config_from_profile(cfg, NULL, 0, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, "text: NULL");
	assert_int_equal(mmsim_config_from_profile(NULL, "", 0, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, "cfg: NULL");
	free(cfg);
}

static void a_topology_has_an_end(void **state)
{
	struct mmsim_config *cfg = new_config();
	char text[MAX_TEXT];
	char topology[300];
	char msg[128];

	(void)state;
	/* 255 characters are taken, 256 are not. */
	memset(topology, ' ', sizeof(topology));
	sprintf(topology + 250, "pu:16");
	memcpy(topology, "node:2 ", 7);
	make_text(text);
	replace(text, "pack:2 node:1(memory=1G) l3:1 core:2 pu:2", topology);
	parse(cfg, text, strlen(text));
	assert_int_equal(cfg->nr_cpus, 32);
	replace(text, "pu:16", " pu:16");
	assert_int_equal(mmsim_config_from_profile(cfg, text, strlen(text), msg, sizeof(msg)),
			 -EINVAL);
	assert_string_equal(msg, "line 4: topology: 256 characters or more");
	free(cfg);
}

/* A good profile with comments up to a length. */
static char *padded_text(size_t len)
{
	char *text = malloc(len + MAX_TEXT);

	assert_non_null(text);
	make_text(text);
	for (size_t i = strlen(text); i < len; i++)
		text[i] = i % 64 ? '#' : '\n';
	return text;
}

static void a_profile_has_at_most_a_mebibyte(void **state)
{
	struct mmsim_config *cfg = new_config();
	char *text = padded_text((1 << 20) + 1);
	char msg[64];

	(void)state;
	parse(cfg, text, 1 << 20);
	assert_made(cfg);
	assert_int_equal(mmsim_config_from_profile(cfg, text, (1 << 20) + 1, msg, sizeof(msg)),
			 -EFBIG);
	assert_string_equal(msg, "more than 1 MiB");
	free(text);
	free(cfg);
}

static char path[64];

static void write_file(const char *text, size_t len)
{
	int fd;

	strcpy(path, "/tmp/mmsim-profile-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void assert_file_refused(const char *name, int expected, const char *reason)
{
	struct mmsim_config *cfg = new_config();
	struct mmsim_config *before = new_config();
	char whole[160];
	char msg[160] = "";

	assert_int_equal(mmsim_config_from_profile_file(cfg, name, msg, sizeof(msg)), expected);
	snprintf(whole, sizeof(whole), "%s: %s", name, reason);
	assert_string_equal(msg, whole);
	assert_memory_equal(cfg, before, sizeof(*cfg));
	free(before);
	free(cfg);
}

static void files_are_read(void **state)
{
	struct mmsim_config *cfg = new_config();
	char *text = padded_text((1 << 20) + 1);
	char msg[160] = "stale";

	(void)state;
	write_file(text, 1 << 20);
	assert_int_equal(mmsim_config_from_profile_file(cfg, path, msg, sizeof(msg)), 0);
	assert_string_equal(msg, "");
	assert_made(cfg);
	unlink(path);
	write_file(text, (1 << 20) + 1);
	assert_file_refused(path, -EFBIG, "more than 1 MiB");
	unlink(path);
	write_file("[machine]\nname\n", 15);
	assert_file_refused(path, -EINVAL,
			    "line 2: neither a [section] nor key = value nor a # comment");
	unlink(path);
	free(text);
	free(cfg);
}

static void files_may_be_unreadable(void **state)
{
	char msg[64];

	(void)state;
	strcpy(path, "/tmp/mmsim-profile-XXXXXX");
	assert_non_null(mkdtemp(path));
	assert_file_refused(path, -EINVAL, "not a regular file");
	strcat(path, "/fifo");
	assert_file_refused(path, -ENOENT, "cannot be opened (errno 2)");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_file_refused(path, -EINVAL, "not a regular file");
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	assert_int_equal(mmsim_config_from_profile_file(NULL, path, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, "cfg: NULL");
}

/* Everything that a shipped profile says about its machine's shape. */
static const struct {
	const char *file;
	uint32_t nr_nodes;
	uint32_t nr_cpus;
	uint32_t nr_cores;
	uint32_t nr_llcs;
	uint64_t node_bytes;
	uint32_t sibling; /* of CPU 0 */
	uint64_t page_init;
	uint64_t clear_bw;
	uint64_t page_pin;
} shipped[] = {
	{ "skylake-8167m.ini", 2, 104, 52, 2, GIB(384), 52, 17064, 6990, 191300 },
	{ "broadwell-2699c.ini", 1, 32, 16, 1, GIB(192), 1, 22060, 5810, 218100 },
	{ "epyc-7551-small.ini", 1, 4, 2, 1, GIB(16), 1, 15310, 10640, 218100 },
	{ "triplett-96.ini", 2, 96, 48, 2, UINT64_C(94489) << 20, 48, 12568, 6990, 191300 },
	{ "threadripper-3970x.ini", 1, 64, 32, 8, GIB(64), 32, 15000, 12770, 200000 },
	{ "haswell-ex.ini", 4, 144, 72, 4, GIB(128), 72, 19387, 2674, 218100 },
	{ "xeon-8895v3.ini", 8, 288, 144, 8, GIB(128), 144, 37581, 2674, 218100 },
	{ "skylake-8160.ini", 2, 96, 48, 2, GIB(377), 48, 17064, 6990, 191300 },
	{ "broadwell-2699v4.ini", 2, 88, 44, 2, UINT64_C(257536) << 20, 44, 88883, 5810, 218100 },
	{ "hugetlb-128c1t.ini", 2, 128, 64, 2, GIB(512), 64, 12568, 9210, 191300 },
	{ "hugetlb-256c2t.ini", 4, 256, 128, 16, GIB(512), 128, 15000, 13700, 200000 },
};

static void check_shape(const struct mmsim_config *cfg, size_t i)
{
	uint32_t last_llc = 0;
	uint32_t last_core = 0;
	uint64_t bytes[MMSIM_MAX_NODES] = { 0 };

	assert_int_equal(cfg->nr_nodes, shipped[i].nr_nodes);
	assert_int_equal(cfg->nr_cpus, shipped[i].nr_cpus);
	for (uint32_t cpu = 0; cpu < cfg->nr_cpus; cpu++) {
		last_core = cfg->cpu[cpu].core > last_core ? cfg->cpu[cpu].core : last_core;
		last_llc = cfg->cpu[cpu].llc > last_llc ? cfg->cpu[cpu].llc : last_llc;
	}
	assert_int_equal(last_core + 1, shipped[i].nr_cores);
	assert_int_equal(last_llc + 1, shipped[i].nr_llcs);
	assert_int_equal(cfg->cpu[shipped[i].sibling].core, cfg->cpu[0].core);
	for (uint32_t r = 0; r < cfg->nr_ranges; r++)
		bytes[cfg->range[r].node] += cfg->range[r].bytes;
	for (uint32_t node = 0; node < cfg->nr_nodes; node++)
		assert_int_equal(bytes[node], shipped[i].node_bytes);
}

static void shipped_profiles_are_machines(void **state)
{
	struct mmsim_config *cfg = new_config();

	(void)state;
	for (size_t i = 0; i < NR(shipped); i++) {
		char name[512];
		char msg[512];

		snprintf(name, sizeof(name), "%s%s", MACHINES, shipped[i].file);
		if (mmsim_config_from_profile_file(cfg, name, msg, sizeof(msg)))
			fail_msg("%s", msg);
		if (mmsim_config_check(cfg, msg, sizeof(msg)))
			fail_msg("%s: %s", name, msg);
		check_shape(cfg, i);
		assert_int_equal(cfg->figure[MMSIM_FIG_PAGE_INIT], shipped[i].page_init);
		assert_int_equal(cfg->figure[MMSIM_FIG_CLEAR_BW], shipped[i].clear_bw);
		assert_int_equal(cfg->figure[MMSIM_FIG_PAGE_PIN], shipped[i].page_pin);
	}
	free(cfg);
}

/* A profile that is not in the table would not be looked at. */
static void every_profile_is_looked_at(void **state)
{
	DIR *dir = opendir(MACHINES);
	struct dirent *entry;
	size_t nr = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		const char *end = strrchr(entry->d_name, '.');
		size_t i = 0;

		if (!end || strcmp(end, ".ini") != 0)
			continue;
		while (i < NR(shipped) && strcmp(entry->d_name, shipped[i].file) != 0)
			i++;
		if (i == NR(shipped))
			fail_msg("%s is in no table", entry->d_name);
		nr++;
	}
	closedir(dir);
	assert_int_equal(nr, NR(shipped));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_profile_becomes_a_config),
		cmocka_unit_test(siblings_may_be_neighbours),
		cmocka_unit_test(spelling_is_free),
		cmocka_unit_test(lines_may_end_in_crlf),
		cmocka_unit_test(figures_may_come_first),
		cmocka_unit_test(bad_profiles_change_nothing),
		cmocka_unit_test(every_line_counts),
		cmocka_unit_test(any_bytes_are_answered),
		cmocka_unit_test(a_topology_has_an_end),
		cmocka_unit_test(a_profile_has_at_most_a_mebibyte),
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(files_may_be_unreadable),
		cmocka_unit_test(shipped_profiles_are_machines),
		cmocka_unit_test(every_profile_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
