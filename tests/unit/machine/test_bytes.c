/* SPDX-License-Identifier: MIT */
/*
 * Sizes as text: what is accepted, what is refused, and that fractions are exact.
 */
#include <errno.h>
#include <mmsim/config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))
#define UNTOUCHED UINT64_C(0x1234)

static void accepts_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "0007", 7 },
		{ "12B", 12 },
		{ "12 b", 12 },
		{ "1K", 1024 },
		{ "1k", 1024 },
		{ "3KB", 3072 },
		{ "3kib", 3072 },
		{ "512 MiB", UINT64_C(512) << 20 },
		{ "24G", UINT64_C(24) << 30 },
		{ "2T", UINT64_C(2) << 40 },
		{ "1PiB", UINT64_C(1) << 50 },
		{ "1.5G", UINT64_C(3) << 29 },
		{ "0.5", 0 },
		{ "2.999", 2 },
		{ "1.0009765625K", 1025 },
		{ "1.0009765624K", 1024 },
		{ "18446744073709551615", UINT64_MAX },
		{ "16383.99999999999999999P", UINT64_MAX },
		{ "16383.9999999999999P", UINT64_MAX - 112 },
	};

	(void)state;
	for (size_t i = 0; i < NR(good); i++) {
		uint64_t bytes = UNTOUCHED;

		if (mmsim_parse_bytes(good[i].text, &bytes) || bytes != good[i].bytes)
			fail_msg("\"%s\" gave %llu, not %llu", good[i].text,
				 (unsigned long long)bytes, (unsigned long long)good[i].bytes);
	}
}

static void refuses_what_is_no_size(void **state)
{
	static const char *const bad[] = {
		"",     " ",   "G",    ".5G",  "1.",    "1.G",  "-1",   "+1",    " 1",   "1 ",
		"1 G ", "1GG", "1GiX", "1Gi",  "1iB",   "1BB",  "1KBB", "1KiBi", "1,5G", "0x10",
		"1e3",  "1_0", "1E",   "1..5", "1.5.5", "1G\n", "1\tG", "1 KiBs"
	};

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		uint64_t bytes = UNTOUCHED;
		int err = mmsim_parse_bytes(bad[i], &bytes);

		if (err != -EINVAL || bytes != UNTOUCHED)
			fail_msg("\"%s\" gave %d", bad[i], err);
	}
	assert_int_equal(mmsim_parse_bytes(NULL, NULL), -EINVAL);
	assert_int_equal(mmsim_parse_bytes("1", NULL), -EINVAL);
}

static void refuses_what_does_not_fit(void **state)
{
	static const char *const bad[] = {
		"18446744073709551616", "99999999999999999999999999", "16384P",
		"18014398509481984K",   "17592186044416.5 MiB",
	};

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		uint64_t bytes = UNTOUCHED;
		int err = mmsim_parse_bytes(bad[i], &bytes);

		if (err != -ERANGE || bytes != UNTOUCHED)
			fail_msg("\"%s\" gave %d", bad[i], err);
	}
	/* Malformed comes before too big. */
	assert_int_equal(mmsim_parse_bytes("99999999999999999999999999X", &(uint64_t){ 0 }),
			 -EINVAL);
}

/* 2^-50 has 50 decimal digits: only all of them make one byte of a PiB. */
static void fractions_are_exact(void **state)
{
	static const char byte_of_pib[] = "0.00000000000000088817841970012523233890533447265625P";
	char text[sizeof(byte_of_pib) + 1000];
	uint64_t bytes = 0;

	(void)state;
	assert_int_equal(mmsim_parse_bytes(byte_of_pib, &bytes), 0);
	assert_int_equal(bytes, 1);
	memcpy(text, byte_of_pib, sizeof(byte_of_pib));
	text[sizeof(byte_of_pib) - 3]--;
	assert_int_equal(mmsim_parse_bytes(text, &bytes), 0);
	assert_int_equal(bytes, 0);
	/* A thousand nines after that last digit still are less than the next. */
	memset(text + sizeof(byte_of_pib) - 2, '9', 1000);
	strcpy(text + sizeof(byte_of_pib) - 2 + 1000, "P");
	assert_int_equal(mmsim_parse_bytes(text, &bytes), 0);
	assert_int_equal(bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_sizes),
		cmocka_unit_test(refuses_what_is_no_size),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(fractions_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
