/* SPDX-License-Identifier: MIT */
/*
 * CPU limits from made-up copies of proc and sys.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <mmsim/quota.h>
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
#define MS UINT64_C(1000000)
#define MAX_FILES 8

#define CGROUP "proc/self/cgroup"
#define STATUS "proc/self/status"
#define ONLINE "sys/devices/system/cpu/online"
#define V2 "sys/fs/cgroup"
#define V1 "sys/fs/cgroup/cpu"
#define V1_PAIR "sys/fs/cgroup/cpu,cpuacct"

/** A file of a host; a path that ends in / is a directory. */
struct host_file {
	const char *path;
	const char *text;
};

/** Without err these limits are read; with it the host is refused. */
struct made_host {
	const char *what;
	struct host_file file[MAX_FILES];
	uint64_t quota_ms;
	uint64_t period_ms;
	uint32_t nr_allowed;
	int err;
	const char *msg;
};

static const struct made_host readable[] = {
	{ .what = "nothing", .msg = "" },
	{ .what = "no hierarchy", .file = { { CGROUP, "" } }, .msg = "" },
	{ .what = "none with cpu",
	  .file = { { CGROUP, "3:memory:/a\n2:name=cpu:/a\n" },
		    { V1 "/a/cpu.cfs_quota_us", "1000\n" },
		    { V1 "/a/cpu.cfs_period_us", "1000\n" } },
	  .msg = "" },
	{ .what = "CPUs only",
	  .file = { { STATUS, "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-3,8,10-11\nMems:"
			      "\t0\n" } },
	  .nr_allowed = 7,
	  .msg = "" },
	{ .what = "CPUs that the machine never had",
	  .file = { { STATUS, "Cpus_allowed_list:\t1-127\n" }, { ONLINE, "0-1,3-4,100\n" } },
	  .nr_allowed = 4,
	  .msg = "" },
	{ .what = "version 2",
	  .file = { { CGROUP, "0::/a\n" },
		    { V2 "/a/cpu.max", "250000 100000\n" },
		    { STATUS, "Cpus_allowed_list:\t5\n" } },
	  .quota_ms = 250,
	  .period_ms = 100,
	  .nr_allowed = 1,
	  .msg = "" },
	{ .what = "version 2 without a limit",
	  .file = { { CGROUP, "0::/a/b\n" },
		    { V2 "/a/cpu.max", "max 100000\n" },
		    { V2 "/a/b/cpu.max", "max 50000" } },
	  .msg = "" },
	/* 1.5 CPUs below 1.2: the smaller number of us is the larger limit. */
	{ .what = "a parent limits",
	  .file = { { CGROUP, "0::/a/b/c\n" },
		    { V2 "/a/cpu.max", "max 100000\n" },
		    { V2 "/a/b/cpu.max", "120000 100000\n" },
		    { V2 "/a/b/c/cpu.max", "15000 10000\n" } },
	  .quota_ms = 120,
	  .period_ms = 100,
	  .msg = "" },
	{ .what = "the group limits",
	  .file = { { CGROUP, "0::/a/b/c\n" },
		    { V2 "/a/cpu.max", "200000 100000\n" },
		    { V2 "/a/b/c/cpu.max", "15000 10000\n" } },
	  .quota_ms = 15,
	  .period_ms = 10,
	  .msg = "" },
	{ .what = "the group of the root",
	  .file = { { CGROUP, "0::/\n" }, { V2 "/cpu.max", "4000 2000\n" } },
	  .quota_ms = 4,
	  .period_ms = 2,
	  .msg = "" },
	{ .what = "a colon and a double slash",
	  .file = { { CGROUP, "0::/a:b//c\n" }, { V2 "/a:b/c/cpu.max", "4000 2000\n" } },
	  .quota_ms = 4,
	  .period_ms = 2,
	  .msg = "" },
	{ .what = "version 1",
	  .file = { { CGROUP, "9:cpuset:/other\n4:cpu,cpuacct:/a/b\n1:name=systemd:/a\n" },
		    { V1 "/cpu.cfs_quota_us", "-1\n" },
		    { V1 "/cpu.cfs_period_us", "100000\n" },
		    { V1 "/a/cpu.cfs_quota_us", "50000\n" },
		    { V1 "/a/cpu.cfs_period_us", "100000\n" },
		    { V1 "/a/b/cpu.cfs_quota_us", "-1\n" },
		    { V1 "/a/b/cpu.cfs_period_us", "100000\n" } },
	  .quota_ms = 50,
	  .period_ms = 100,
	  .msg = "" },
	{ .what = "version 1 without the link",
	  .file = { { CGROUP, "4:cpuacct,cpu:/a\n" },
		    { V1_PAIR "/a/cpu.cfs_quota_us", "300000\n" },
		    { V1_PAIR "/a/cpu.cfs_period_us", "100000\n" } },
	  .quota_ms = 300,
	  .period_ms = 100,
	  .msg = "" },
	/* The controller is in version 1; a cpu.max in version 2 is not looked at, whichever is first. */
	{ .what = "hybrid",
	  .file = { { CGROUP, "0::/b\n4:cpu:/a\n" },
		    { V2 "/b/cpu.max", "1000 1000\n" },
		    { V1 "/a/cpu.cfs_quota_us", "9000\n" },
		    { V1 "/a/cpu.cfs_period_us", "3000\n" } },
	  .quota_ms = 9,
	  .period_ms = 3,
	  .msg = "" },
	{ .what = "hybrid, the other order",
	  .file = { { CGROUP, "4:cpu:/a\n0::/b\n" },
		    { V2 "/b/cpu.max", "1000 1000\n" },
		    { V1 "/a/cpu.cfs_quota_us", "9000\n" },
		    { V1 "/a/cpu.cfs_period_us", "3000\n" } },
	  .quota_ms = 9,
	  .period_ms = 3,
	  .msg = "" },
	{ .what = "no hierarchy mounted", .file = { { CGROUP, "4:cpu:/a\n0::/b\n" } }, .msg = "" },
	/* What is called /docker here is a group of ours, not the one that we are in. */
	{ .what = "a container's view",
	  .file = { { CGROUP, "4:cpu:/docker/f00\n" },
		    { V1 "/cpu.cfs_quota_us", "60000\n" },
		    { V1 "/cpu.cfs_period_us", "20000\n" },
		    { V1 "/docker/cpu.cfs_quota_us", "1000\n" },
		    { V1 "/docker/cpu.cfs_period_us", "20000\n" },
		    { STATUS, "Cpus_allowed_list:\t0-1\n" } },
	  .quota_ms = 60,
	  .period_ms = 20,
	  .nr_allowed = 2,
	  .msg = V1 ": group /docker/f00 is not there: its root taken instead" },
	/* The most us that are ns; more than 64 bits in the comparison. */
	{ .what = "large numbers",
	  .file = { { CGROUP, "0::/a\n" },
		    { V2 "/cpu.max", "18446744073709551 18446744073709550\n" },
		    { V2 "/a/cpu.max", "18446744073708551 18446744073708551\n" } },
	  .quota_ms = 18446744073708,
	  .period_ms = 18446744073708,
	  .msg = "" },
	{ .what = "large numbers, the other way round",
	  .file = { { CGROUP, "0::/a\n" },
		    { V2 "/cpu.max", "18446744073708551 18446744073708551\n" },
		    { V2 "/a/cpu.max", "18446744073709551 18446744073709550\n" } },
	  .quota_ms = 18446744073708,
	  .period_ms = 18446744073708,
	  .msg = "" },
};

#define REFUSED_GROUP(text, why)                                                                   \
	{                                                                                          \
		.what = text, .file = { { CGROUP, text } }, .err = -EINVAL, .msg = CGROUP ": " why \
	}
#define REFUSED_MAX(text)                                                                   \
	{                                                                                   \
		.what = text, .file = { { CGROUP, "0::/a\n" }, { V2 "/a/cpu.max", text } }, \
		.err = -EINVAL,                                                             \
		.msg = V2 "/a: cpu.max: not \"max\" or a quota, and a period, in us"        \
	}
#define REFUSED_CFS(quota, period, name)                                   \
	{                                                                  \
		.what = quota " of " period,                               \
		.file = { { CGROUP, "1:cpu:/a/b\n" },                      \
			  { V1 "/a/cpu.cfs_quota_us", quota },             \
			  { V1 "/a/cpu.cfs_period_us", period } },         \
		.err = -EINVAL, .msg = V1 "/a: " name ": not a time in us" \
	}
#define REFUSED_CPUS(list)                                                              \
	{                                                                               \
		.what = list, .file = { { STATUS, "Cpus_allowed_list:\t" list "\n" } }, \
		.err = -EINVAL, .msg = STATUS ": Cpus_allowed_list: not a list of CPUs" \
	}

static const struct made_host refused[] = {
	REFUSED_GROUP("0::/..\n", "line 1: a path through . or .."),
	REFUSED_GROUP("3:memory:/\n0::/a/../../../../etc\n", "line 2: a path through . or .."),
	REFUSED_GROUP("1:cpu:/a/./b\n", "line 1: a path through . or .."),
	REFUSED_GROUP("1:cpu:a\n", "line 1: a path that does not begin with /"),
	REFUSED_GROUP("1:cpu:\n", "line 1: a path that does not begin with /"),
	REFUSED_GROUP("2:memory:/\n1:cpu:/a", "line 2: not ended by a newline"),
	REFUSED_GROUP("2:memory:/", "line 1: not ended by a newline"),
	REFUSED_GROUP("\n", "line 1: not \"number:controllers:path\""),
	REFUSED_GROUP(":cpu:/a\n", "line 1: not \"number:controllers:path\""),
	REFUSED_GROUP("cpu:/a\n", "line 1: not \"number:controllers:path\""),
	REFUSED_GROUP("1:cpu\n", "line 1: not \"number:controllers:path\""),
	REFUSED_GROUP("99999999999999999999:cpu:/\n", "line 1: not \"number:controllers:path\""),
	REFUSED_MAX(""),
	REFUSED_MAX("max\n"),
	REFUSED_MAX("maximum 100000\n"),
	REFUSED_MAX("0 100000\n"),
	REFUSED_MAX("-1 100000\n"),
	REFUSED_MAX("100000 0\n"),
	REFUSED_MAX("100000 -5\n"),
	REFUSED_MAX("100000\n"),
	REFUSED_MAX("100000 100000 1\n"),
	REFUSED_MAX("18446744073709552 100000\n"),
	REFUSED_MAX("max 99999999999999999999\n"),
	REFUSED_CFS("0\n", "100000\n", "cpu.cfs_quota_us"),
	REFUSED_CFS("-2\n", "100000\n", "cpu.cfs_quota_us"),
	REFUSED_CFS("-10\n", "100000\n", "cpu.cfs_quota_us"),
	REFUSED_CFS("max\n", "100000\n", "cpu.cfs_quota_us"),
	REFUSED_CFS("18446744073709552\n", "100000\n", "cpu.cfs_quota_us"),
	REFUSED_CFS("5\n", "0\n", "cpu.cfs_period_us"),
	REFUSED_CFS("5\n", "-1\n", "cpu.cfs_period_us"),
	REFUSED_CFS("5\n", "", "cpu.cfs_period_us"),
	REFUSED_CPUS(""),
	REFUSED_CPUS("0-"),
	REFUSED_CPUS("1,2-"),
	REFUSED_CPUS("3-1"),
	REFUSED_CPUS("0-3,2-5"),
	REFUSED_CPUS("0,x"),
	REFUSED_CPUS("0-65536"),
	{ .what = "online is no list",
	  .file = { { STATUS, "Cpus_allowed_list:\t0\n" }, { ONLINE, "all\n" } },
	  .err = -EINVAL,
	  .msg = ONLINE ": not a list of CPUs" },
	{ .what = "none online",
	  .file = { { STATUS, "Cpus_allowed_list:\t65535\n" }, { ONLINE, "0-65534\n" } },
	  .err = -EINVAL,
	  .msg = ONLINE ": none of the CPUs allowed" },
	{ .what = "a quota without a period",
	  .file = { { CGROUP, "1:cpu:/a\n" }, { V1 "/cpu.cfs_quota_us", "5000\n" } },
	  .err = -EINVAL,
	  .msg = V1 ": cpu.cfs_period_us: cannot be read (errno 2)" },
	{ .what = "a group that is a file",
	  .file = { { CGROUP, "0::/a/b\n" }, { V2 "/a", "" } },
	  .err = -ENOTDIR,
	  .msg = V2 "/a: cannot be opened (errno 20)" },
	{ .what = "a hierarchy that is a file",
	  .file = { { CGROUP, "0::/a/b\n" }, { V2, "" } },
	  .err = -ENOTDIR,
	  .msg = V2 ": cannot be opened (errno 20)" },
	{ .what = "a limit that is a directory",
	  .file = { { CGROUP, "0::/a\n" }, { V2 "/a/cpu.max/", NULL } },
	  .err = -EINVAL,
	  .msg = V2 "/a: cpu.max: not a regular file" },
};

/** A directory that becomes a host file by file. */
struct scratch {
	char root[64];
};

static void make_scratch(struct scratch *s)
{
	strcpy(s->root, "/tmp/mmsim-quota-XXXXXX");
	assert_non_null(mkdtemp(s->root));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_scratch(const struct scratch *s)
{
	assert_int_equal(nftw(s->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* The full name of a file, whose directories are made. */
static void make_dirs(const struct scratch *s, const char *path, char full[PATH_MAX])
{
	snprintf(full, PATH_MAX, "%s/%s", s->root, path);
	for (char *slash = full + strlen(s->root); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(!mkdir(full, 0700) || errno == EEXIST);
		*slash = '/';
	}
}

static void write_file(const struct scratch *s, const char *path, const char *text, size_t len)
{
	char full[PATH_MAX];
	FILE *file;

	make_dirs(s, path, full);
	file = fopen(full, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void put(const struct scratch *s, const char *path, const char *text)
{
	char full[PATH_MAX];

	if (text)
		write_file(s, path, text, strlen(text));
	else
		make_dirs(s, path, full);
}

static void make_host(struct scratch *s, const struct made_host *host)
{
	make_scratch(s);
	for (size_t i = 0; i < MAX_FILES && host->file[i].path; i++)
		put(s, host->file[i].path, host->file[i].text);
}

static void assert_refused(const struct scratch *s, const char *what, int err, const char *why)
{
	struct mmsim_cpu_quota q = { 7, 8, 9 };
	char msg[300] = "stale";

	if (mmsim_cpu_quota_from_host(&q, s->root, msg, sizeof(msg)) != err ||
	    strcmp(msg, why) != 0)
		fail_msg("%s: \"%s\"", what, msg);
	assert_int_equal(q.quota_ns, 7);
	assert_int_equal(q.period_ns, 8);
	assert_int_equal(q.nr_allowed, 9);
}

static void assert_limits(const struct scratch *s, const struct made_host *host)
{
	struct mmsim_cpu_quota q = { 7, 8, 9 };
	char msg[300] = "stale";

	if (mmsim_cpu_quota_from_host(&q, s->root, msg, sizeof(msg)) || strcmp(msg, host->msg) != 0)
		fail_msg("%s: \"%s\"", host->what, msg);
	if (q.quota_ns / MS != host->quota_ms || q.period_ns / MS != host->period_ms ||
	    q.nr_allowed != host->nr_allowed)
		fail_msg("%s: %llu ns of %llu ns, %u CPUs", host->what,
			 (unsigned long long)q.quota_ns, (unsigned long long)q.period_ns,
			 q.nr_allowed);
}

static void reads_made_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR(readable); i++) {
		struct scratch s;

		make_host(&s, &readable[i]);
		assert_limits(&s, &readable[i]);
		remove_scratch(&s);
	}
}

static void refuses_hostile_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR(refused); i++) {
		struct scratch s;

		make_host(&s, &refused[i]);
		assert_refused(&s, refused[i].what, refused[i].err, refused[i].msg);
		remove_scratch(&s);
	}
}

static void refuses_a_nul_in_a_path(void **state)
{
	static const char text[] = "0::/a\0b\n";
	struct scratch s;

	(void)state;
	make_scratch(&s);
	put(&s, V2 "/a/cpu.max", "1000 1000\n");
	write_file(&s, CGROUP, text, sizeof(text) - 1);
	assert_refused(&s, "a NUL", -EINVAL, CGROUP ": line 1: a NUL in a path");
	remove_scratch(&s);
}

/* Names of `len` characters each, as many as `total` bytes with their slashes take. */
static void put_long_path(const struct scratch *s, size_t len, size_t total)
{
	char *text = malloc(total + 8);

	assert_non_null(text);
	strcpy(text, "0::");
	memset(text + 3, 'n', total);
	for (size_t i = 0; i < total; i += len + 1)
		text[3 + i] = '/';
	strcpy(text + 3 + total, "\n");
	put(s, CGROUP, text);
	free(text);
}

static void refuses_paths_that_are_too_long(void **state)
{
	struct mmsim_cpu_quota q;
	struct scratch s;

	(void)state;
	make_scratch(&s);
	put(&s, V2 "/cpu.max", "1000 1000\n");
	put_long_path(&s, NAME_MAX, PATH_MAX - 1);
	assert_int_equal(mmsim_cpu_quota_from_host(&q, s.root, NULL, 0), 0);
	put_long_path(&s, NAME_MAX, PATH_MAX);
	assert_refused(&s, "path", -EINVAL, CGROUP ": line 1: a path that is too long");
	put_long_path(&s, NAME_MAX + 1, NAME_MAX + 2);
	assert_refused(&s, "name", -EINVAL, CGROUP ": line 1: a name that is too long");
	remove_scratch(&s);
}

/* A name that does not fit the reader's buffer for paths is not cut. */
static void reads_a_group_of_the_longest_name(void **state)
{
	struct mmsim_cpu_quota q;
	char path[NAME_MAX + 64];
	struct scratch s;
	char msg[16];

	(void)state;
	make_scratch(&s);
	put_long_path(&s, NAME_MAX, NAME_MAX + 1);
	strcpy(path, V2 "/");
	memset(path + strlen(V2 "/"), 'n', NAME_MAX);
	strcpy(path + strlen(V2 "/") + NAME_MAX, "/cpu.max");
	put(&s, path, "3000 1000\n");
	assert_int_equal(mmsim_cpu_quota_from_host(&q, s.root, msg, sizeof(msg)), 0);
	assert_string_equal(msg, "");
	assert_int_equal(mmsim_cpu_quota_threads(&q), 3);
	remove_scratch(&s);
}

/* A group that is a link could lead out of the tree; the mount of version 1 is one, as systemd makes it. */
static void follows_links_to_hierarchies_only(void **state)
{
	struct mmsim_cpu_quota q;
	char full[PATH_MAX];
	struct scratch s;

	(void)state;
	make_scratch(&s);
	put(&s, CGROUP, "1:cpu,cpuacct:/a\n");
	put(&s, V1_PAIR "/a/cpu.cfs_quota_us", "2000\n");
	put(&s, V1_PAIR "/a/cpu.cfs_period_us", "1000\n");
	make_dirs(&s, V1, full);
	assert_int_equal(symlink("cpu,cpuacct", full), 0);
	assert_int_equal(mmsim_cpu_quota_from_host(&q, s.root, NULL, 0), 0);
	assert_int_equal(q.quota_ns, 2 * MS);
	put(&s, CGROUP, "1:cpu,cpuacct:/link\n");
	make_dirs(&s, V1_PAIR "/link", full);
	assert_int_equal(symlink("a", full), 0);
	assert_refused(&s, "a link", -ENOTDIR, V1 "/link: cannot be opened (errno 20)");
	remove_scratch(&s);
}

static int lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

static void closes_what_it_opens(void **state)
{
	static const struct made_host host = {
		.file = { { CGROUP, "0::/a/b/c\n" }, { V2 "/a/cpu.max", "1000 1000\n" } },
	};
	int before = lowest_free_fd();
	struct mmsim_cpu_quota q;
	struct scratch s;

	(void)state;
	make_host(&s, &host);
	assert_int_equal(mmsim_cpu_quota_from_host(&q, s.root, NULL, 0), 0);
	assert_int_equal(lowest_free_fd(), before);
	put(&s, V2 "/a/b/cpu.max", "no\n");
	assert_int_equal(mmsim_cpu_quota_from_host(&q, s.root, NULL, 0), -EINVAL);
	assert_int_equal(lowest_free_fd(), before);
	remove_scratch(&s);
}

static void refuses_bad_arguments(void **state)
{
	struct mmsim_cpu_quota q;
	char msg[64];

	(void)state;
	assert_int_equal(mmsim_cpu_quota_from_host(NULL, NULL, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, "q: NULL");
	assert_int_equal(mmsim_cpu_quota_from_host(&q, "/nowhere/at/all", msg, sizeof(msg)),
			 -ENOENT);
	assert_string_equal(msg, "/nowhere/at/all: cannot be opened (errno 2)");
	assert_int_equal(mmsim_cpu_quota_from_host(NULL, NULL, NULL, 0), -EINVAL);
}

/* Whatever its limits are, there is at least one CPU and a whole quota. */
static void reads_this_host(void **state)
{
	struct mmsim_cpu_quota q = { 0 };
	char msg[300];

	(void)state;
	if (mmsim_cpu_quota_from_host(&q, NULL, msg, sizeof(msg)))
		fail_msg("%s", msg);
	assert_int_equal(!q.quota_ns, !q.period_ns);
	assert_in_range(q.nr_allowed, 1, (unsigned)sysconf(_SC_NPROCESSORS_CONF));
	assert_in_range(mmsim_cpu_quota_threads(&q), 1, q.nr_allowed);
}

static void counts_threads(void **state)
{
	static const struct {
		struct mmsim_cpu_quota q;
		unsigned int threads;
	} expected[] = {
		{ { 0, 0, 0 }, 0 },
		{ { 0, 0, 6 }, 6 },
		{ { 0, 100, 6 }, 6 },
		{ { 100, 0, 6 }, 6 },
		{ { 1, 100, 0 }, 1 },
		{ { 100, 100, 0 }, 1 },
		{ { 101, 100, 0 }, 2 },
		{ { 250, 100, 8 }, 3 },
		{ { 300, 100, 8 }, 3 },
		{ { 900, 100, 8 }, 8 },
		{ { UINT64_MAX, 1, 0 }, UINT_MAX },
		{ { UINT64_C(1) << 32, 1, 0 }, UINT_MAX },
		{ { UINT64_MAX, 1, 4 }, 4 },
		{ { UINT64_MAX, UINT64_MAX, 4 }, 1 },
	};

	(void)state;
	assert_int_equal(mmsim_cpu_quota_threads(NULL), 0);
	for (size_t i = 0; i < NR(expected); i++)
		assert_int_equal(mmsim_cpu_quota_threads(&expected[i].q), expected[i].threads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_made_hosts),
		cmocka_unit_test(refuses_hostile_hosts),
		cmocka_unit_test(refuses_a_nul_in_a_path),
		cmocka_unit_test(refuses_paths_that_are_too_long),
		cmocka_unit_test(reads_a_group_of_the_longest_name),
		cmocka_unit_test(follows_links_to_hierarchies_only),
		cmocka_unit_test(closes_what_it_opens),
		cmocka_unit_test(refuses_bad_arguments),
		cmocka_unit_test(reads_this_host),
		cmocka_unit_test(counts_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
