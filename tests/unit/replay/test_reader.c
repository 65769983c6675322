/* SPDX-License-Identifier: MIT */
/* lib/replay/reader.h: lines of files and memory, plain and compressed, whole and broken. */
#include "reader.h"
#include "replay_files.h"

#include <errno.h>
#if MM_ZSTD
#include <zstd.h>
#endif

/* More than the reader's buffer, so that lines straddle its end. */
#define MANY 60000

static char dir[64];
static struct mmsim_replay_error err;

static int setup(void **state)
{
	(void)state;
	memset(&err, 0, sizeof(err));
	make_dir(dir, sizeof(dir));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	remove_dir(dir);
	return 0;
}

static void path_of(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", dir, name);
}

static void put_file(const char *name, const void *data, size_t len)
{
	char path[128];

	path_of(path, sizeof(path), name);
	write_file(path, data, len);
}

static int open_file(struct mm_reader *r, const char *name)
{
	char path[128];

	path_of(path, sizeof(path), name);
	return mm_replay_reader_open(r, path, &err);
}

static void expect_line(struct mm_reader *r, const void *text, size_t len, uint64_t number)
{
	const char *line;
	size_t got;

	assert_int_equal(mm_replay_reader_line(r, &line, &got), 1);
	assert_int_equal(got, len);
	assert_memory_equal(line, text, len);
	assert_int_equal(r->line, number);
}

static void expect_end(struct mm_reader *r, int result)
{
	const char *line;
	size_t len;

	assert_int_equal(mm_replay_reader_line(r, &line, &len), result);
	assert_int_equal(mm_replay_reader_line(r, &line, &len), 0);
	mm_replay_reader_close(r);
}

static void open_mem(struct mm_reader *r, const char *text)
{
	assert_int_equal(mm_replay_reader_open_mem(r, text, strlen(text), "mem", &err), 0);
}

static void test_lines(void **state)
{
	static const char text[] = "one\n\na\0b\nlast";
	struct mm_reader r;

	(void)state;
	assert_int_equal(mm_replay_reader_open_mem(&r, text, sizeof(text) - 1, "mem", &err), 0);
	assert_int_equal(r.line, 0);
	expect_line(&r, "one", 3, 1);
	expect_line(&r, "", 0, 2);
	expect_line(&r, "a\0b", 3, 3);
	expect_line(&r, "last", 4, 4);
	expect_end(&r, 0);
	open_mem(&r, "");
	expect_end(&r, 0);
	open_mem(&r, "\n");
	expect_line(&r, "", 0, 1);
	expect_end(&r, 0);
}

/* R1 */
static void test_long_line(void **state)
{
	static char text[3 * MM_REPLAY_MAX_LINE];
	struct mm_reader r;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[1] = '\n';
	text[2 + MM_REPLAY_MAX_LINE] = '\n';
	put_file("fits", text, 3 + MM_REPLAY_MAX_LINE);
	assert_int_equal(open_file(&r, "fits"), 0);
	expect_line(&r, "x", 1, 1);
	expect_line(&r, text + 2, MM_REPLAY_MAX_LINE, 2);
	expect_end(&r, 0);

	text[2 + MM_REPLAY_MAX_LINE] = 'x';
	text[3 + MM_REPLAY_MAX_LINE] = '\n';
	for (size_t len = 3 + MM_REPLAY_MAX_LINE; len < 5 + MM_REPLAY_MAX_LINE; len++) {
		put_file("long", text, len);
		assert_int_equal(open_file(&r, "long"), 0);
		expect_line(&r, "x", 1, 1);
		expect_end(&r, -EINVAL);
		assert_non_null(strstr(err.text, "/long:2: the line is longer than 4096 bytes"));
	}
	put_file("long", text, sizeof(text));
	assert_int_equal(open_file(&r, "long"), 0);
	expect_line(&r, "x", 1, 1);
	expect_end(&r, -EINVAL);
}

/* Numbers, one a line. */
static size_t make_numbers(char **text)
{
	size_t len = 0;

	*text = malloc(MANY * 12);
	assert_non_null(*text);
	for (int i = 0; i < MANY; i++)
		len += (size_t)sprintf(*text + len, "%d\n", i * 7);
	return len;
}

static void expect_numbers(struct mm_reader *r)
{
	char number[16];

	for (int i = 0; i < MANY; i++) {
		int len = sprintf(number, "%d", i * 7);

		expect_line(r, number, (size_t)len, (uint64_t)i + 1);
	}
	expect_end(r, 0);
}

static void test_many_lines(void **state)
{
	struct mm_reader r;
	char *text;
	size_t len = make_numbers(&text);

	(void)state;
	put_file("plain", text, len);
	assert_int_equal(open_file(&r, "plain"), 0);
	expect_numbers(&r);
	assert_int_equal(mm_replay_reader_open_mem(&r, text, len, "mem", &err), 0);
	expect_numbers(&r);
	free(text);
}

static void test_bytes(void **state)
{
	struct mm_reader r;
	char *text, *copy;
	const char *bytes;
	size_t len = make_numbers(&text), got, at = 0;

	(void)state;
	copy = malloc(len);
	put_file("plain", text, len);
	assert_int_equal(open_file(&r, "plain"), 0);
	while (mm_replay_reader_bytes(&r, &bytes, &got) == 1) {
		assert_true(got <= len - at);
		memcpy(copy + at, bytes, got);
		at += got;
	}
	assert_int_equal(at, len);
	assert_memory_equal(copy, text, len);
	assert_int_equal(mm_replay_reader_bytes(&r, &bytes, &got), 0);
	mm_replay_reader_close(&r);
	free(copy);
	free(text);
}

static void test_cannot_open(void **state)
{
	char fifo[128];
	struct mm_reader r;

	(void)state;
	assert_int_equal(open_file(&r, "missing"), -ENOENT);
	assert_non_null(strstr(err.text, "/missing: cannot be read: No such file"));
	assert_int_equal(mm_replay_reader_open(&r, dir, &err), -EINVAL);
	assert_non_null(strstr(err.text, "not a regular file"));
	path_of(fifo, sizeof(fifo), "fifo");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(mm_replay_reader_open(&r, fifo, NULL), -EINVAL);
}

static void test_either(void **state)
{
	struct mm_reader r;

	(void)state;
	assert_int_equal(mm_replay_reader_open_either(&r, &err, "%s/%s", dir, "x"), -ENOENT);
	assert_non_null(strstr(err.text, "/x.zst: neither this nor a file without .zst is there"));
	put_file("x.zst", "packed", 6);
	assert_int_equal(mm_replay_reader_open_either(&r, &err, "%s/%s", dir, "x"), 0);
	expect_line(&r, "packed", 6, 1);
	expect_end(&r, 0);
	put_file("x", "plain", 5);
	assert_int_equal(mm_replay_reader_open_either(&r, &err, "%s/%s", dir, "x"), 0);
	expect_line(&r, "plain", 5, 1);
	expect_end(&r, 0);
}

static void test_long_path(void **state)
{
	char path[2 * MM_REPLAY_MAX_PATH];
	struct mm_reader r;

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(mm_replay_reader_open(&r, path, &err), -EINVAL);
	assert_non_null(strstr(err.text, ": the path is too long"));
	assert_int_equal(mm_replay_reader_open_either(&r, &err, "%s", path), -EINVAL);
	assert_non_null(strstr(err.text, ": the path is too long"));
}

static void test_messages(void **state)
{
	char path[300];
	struct mm_reader r;

	(void)state;
	mm_replay_fail(&err, "file", 7, "bad\n%s\t", "thing");
	assert_string_equal(err.text, "file:7: bad?thing?");
	mm_replay_fail(&err, "file", 0, "%400s", "x");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	mm_replay_fail(NULL, "file", 0, "nobody listens");
	memset(path, 'd', sizeof(path) - 1);
	memcpy(path + sizeof(path) - 6, "/name", 6);
	mm_replay_fail(&err, path, UINT64_MAX, "the reason");
	assert_non_null(strstr(err.text, "d/name:18446744073709551615: the reason"));
	open_mem(&r, "x\n");
	expect_line(&r, "x", 1, 1);
	assert_int_equal(mm_replay_reader_fail(&r, -ERANGE, "no"), -ERANGE);
	assert_string_equal(err.text, "mem:1: no");
	mm_replay_reader_close(&r);
}

#if MM_ZSTD
/* What a frame begins with. */
enum { MAGIC_LEN = 4 };

static size_t compress(const char *text, size_t len, char **packed)
{
	size_t bound = ZSTD_compressBound(len), size;

	*packed = malloc(bound);
	assert_non_null(*packed);
	size = ZSTD_compress(*packed, bound, text, len, 1);
	assert_false(ZSTD_isError(size));
	return size;
}

static void test_compressed(void **state)
{
	struct mm_reader r;
	char *text, *packed;
	size_t len = make_numbers(&text), size = compress(text, len, &packed);

	(void)state;
	put_file("named-otherwise", packed, size);
	assert_int_equal(open_file(&r, "named-otherwise"), 0);
	expect_numbers(&r);
	assert_int_equal(mm_replay_reader_open_mem(&r, packed, size, "mem", &err), 0);
	expect_numbers(&r);
	free(packed);
	free(text);
}

/*
 * What decompresses to much more than a buffer from little input; the end is still in the decompressor
 * when all input has been used.
 */
static void test_dense(void **state)
{
	static char text[512 << 10];
	struct mm_reader r;
	char *packed;
	size_t size;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 99; i < sizeof(text); i += 100)
		text[i] = '\n';
	size = compress(text, sizeof(text), &packed);
	assert_true(size < 128 << 10);
	put_file("dense", packed, size);
	assert_int_equal(open_file(&r, "dense"), 0);
	for (size_t i = 0; i < sizeof(text) / 100; i++)
		expect_line(&r, text, 99, i + 1);
	expect_line(&r, text, sizeof(text) % 100, sizeof(text) / 100 + 1);
	expect_end(&r, 0);
	free(packed);
}

/* Two frames with one that says nothing before each, as parallel compressors write them. */
static void test_frames(void **state)
{
	static const char skip[] = { 0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'x', 'y' };
	struct mm_reader r;
	char file[256], *packed;
	size_t size = compress("one\ntwo", 7, &packed), len = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		memcpy(file + len, skip, sizeof(skip));
		memcpy(file + len + sizeof(skip), packed, size);
		len += sizeof(skip) + size;
	}
	free(packed);
	assert_int_equal(mm_replay_reader_open_mem(&r, file, len, "mem", &err), 0);
	expect_line(&r, "one", 3, 1);
	expect_line(&r, "twoone", 6, 2);
	expect_line(&r, "two", 3, 3);
	expect_end(&r, 0);
}

/* Every place where a small file can be cut off. */
static void test_cut_off(void **state)
{
	struct mm_reader r;
	char *packed;
	const char *line;
	size_t size = compress("one\ntwo\n", 8, &packed), len;
	int ret;

	(void)state;
	for (size_t cut = MAGIC_LEN; cut < size; cut++) {
		assert_int_equal(mm_replay_reader_open_mem(&r, packed, cut, "mem", &err), 0);
		while ((ret = mm_replay_reader_line(&r, &line, &len)) == 1)
			;
		assert_int_equal(ret, -EINVAL);
		assert_non_null(strstr(err.text, ": the compressed data end too early"));
		mm_replay_reader_close(&r);
	}
	free(packed);
}

static void test_cut_off_large(void **state)
{
	struct mm_reader r;
	char *text, *packed;
	const char *line;
	size_t len = make_numbers(&text), size = compress(text, len, &packed);
	int ret;

	(void)state;
	put_file("cut", packed, size / 2);
	assert_int_equal(open_file(&r, "cut"), 0);
	while ((ret = mm_replay_reader_line(&r, &line, &len)) == 1)
		;
	assert_int_equal(ret, -EINVAL);
	snprintf(text, 64, "/cut:%llu: the compressed", (unsigned long long)r.line + 1);
	assert_non_null(strstr(err.text, text));
	mm_replay_reader_close(&r);
	free(packed);
	free(text);
}

static void test_broken(void **state)
{
	struct mm_reader r;
	char *packed;
	size_t size = compress("one\ntwo\n", 8, &packed);

	(void)state;
	packed[4] = (char)0xff;
	assert_int_equal(mm_replay_reader_open_mem(&r, packed, size, "mem", &err), 0);
	expect_end(&r, -EINVAL);
	assert_non_null(strstr(err.text, "mem:1: the compressed data are broken: "));
	free(packed);
}
#else
static void test_no_zstd(void **state)
{
	static const unsigned char magic[] = { 0x28, 0xb5, 0x2f, 0xfd };
	struct mm_reader r;

	(void)state;
	put_file("packed", magic, sizeof(magic));
	assert_int_equal(open_file(&r, "packed"), -ENOTSUP);
	assert_non_null(strstr(err.text, "built without zstd"));
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines),
		TEST(test_long_line),
		TEST(test_many_lines),
		TEST(test_bytes),
		TEST(test_cannot_open),
		TEST(test_either),
		TEST(test_long_path),
		TEST(test_messages),
#if MM_ZSTD
		TEST(test_compressed),
		TEST(test_dense),
		TEST(test_frames),
		TEST(test_cut_off),
		TEST(test_cut_off_large),
		TEST(test_broken),
#else
		TEST(test_no_zstd),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
