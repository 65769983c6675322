/* SPDX-License-Identifier: MIT */
/*
 * The parsers of proc/zoneinfo and proc/iomem against text that is odd or hostile.
 */
#include "config_host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))

struct bad_text {
	const char *text;
	int err;
	const char *expected;
};

static struct mm_machine_text text_of(const char *string)
{
	return (struct mm_machine_text){ string, string + strlen(string) };
}

#define ZONE "Node 0, zone Normal\n"

static void refuses_bad_zoneinfo(void **state)
{
	static const struct bad_text bad[] = {
		{ "", -EINVAL, "no zone has memory" },
		{ "\0\0", -EINVAL, "no zone has memory" },
		{ "Node x, zone Normal\n", -EINVAL, "line 1: not \"Node N, zone NAME\"" },
		{ "Node 0\n", -EINVAL, "line 1: not \"Node N, zone NAME\"" },
		{ "Node 1024, zone Normal\n", -ERANGE, "line 1: a node above 1023" },
		{ ZONE " spanned 1x\n", -EINVAL, "line 2: not a number" },
		{ ZONE " spanned -1\n", -EINVAL, "line 2: not a number" },
		{ ZONE " present 99999999999999999999\n", -EINVAL, "line 2: not a number" },
		{ ZONE " spanned 8\n present 8\n", -EINVAL, "line 3: the zone above has no" },
		{ ZONE " spanned 8\n present 9\n start_pfn: 1\n" ZONE, -EINVAL,
		  "line 5: the zone above has more pages" },
		{ ZONE " spanned 8\n present 8\n start_pfn: 17179869177\n", -ERANGE,
		  "the zone above ends past 64 TiB" },
		{ ZONE " spanned 18446744073709551614\n present 8\n start_pfn: 8\n", -ERANGE,
		  "the zone above ends past 64 TiB" },
		{ "Node 0, zone Device\n spanned 8\n present 8\n start_pfn: 1\n", -EINVAL,
		  "no zone has memory" },
		{ ZONE " spanned 8\n present 0\n", -EINVAL, "no zone has memory" },
	};
	struct mm_machine_zones *zones = malloc(sizeof(*zones));

	(void)state;
	assert_non_null(zones);
	for (size_t i = 0; i < NR(bad); i++) {
		char msg[128] = "";
		int err = mm_machine_parse_zoneinfo(text_of(bad[i].text), zones,
						    (struct mm_machine_note){ msg, sizeof(msg) });

		if (err != bad[i].err || !strstr(msg, bad[i].expected))
			fail_msg("\"%s\" gave %d, \"%s\"", bad[i].text, err, msg);
	}
	free(zones);
}

static void refuses_bad_iomem(void **state)
{
	static const struct bad_text bad[] = {
		{ "", -EINVAL, "no System RAM" },
		{ "00000000-00000000 : Reserved\n", -EINVAL, "no System RAM" },
		{ "1000-1ffe : System RAM\n", -EINVAL, "no System RAM of a page" },
		{ "1000-1fff : Reserved\n  1000-1fff : System RAM\n", -EINVAL, "no System RAM" },
		{ "1000 : System RAM\n", -EINVAL, "line 1: not" },
		{ "1000-1fff System RAM\n", -EINVAL, "line 1: not" },
		{ "1000-1fff :System RAM\n", -EINVAL, "line 1: not" },
		{ "\n", -EINVAL, "line 1: not" },
		{ "2000-1fff : System RAM\n", -EINVAL, "line 1: ends below its start" },
		{ "1000-10000000000000000 : System RAM\n", -EINVAL, "line 1: not" },
		{ "1000-400000000000 : System RAM\n", -ERANGE, "line 1: RAM ends past 64 TiB" },
		{ "1000-4fff : System RAM\n4000-8fff : System RAM\n", -EINVAL, "line 2: starts" },
		{ "4000-8fff : System RAM\n1000-2fff : System RAM\n", -EINVAL, "line 2: starts" },
		{ "1000-4fff : System RAM\n  1000-ffffffffffffffff : Kernel code\n", -EINVAL,
		  "line 2: the kernel ends past 64 TiB" },
	};
	struct mm_machine_iomem *iomem = malloc(sizeof(*iomem));
	char line[1100];
	char msg[128] = "";

	(void)state;
	assert_non_null(iomem);
	for (size_t i = 0; i < NR(bad); i++) {
		int err = mm_machine_parse_iomem(text_of(bad[i].text), iomem,
						 (struct mm_machine_note){ msg, sizeof(msg) });

		if (err != bad[i].err || !strstr(msg, bad[i].expected))
			fail_msg("\"%s\" gave %d, \"%s\"", bad[i].text, err, msg);
	}
	memset(line, ' ', sizeof(line));
	assert_int_equal(mm_machine_parse_iomem((struct mm_machine_text){ line, line + 1100 },
						iomem, (struct mm_machine_note){ msg, 128 }),
			 -EINVAL);
	assert_string_equal(msg, "proc/iomem: line 1: too long");
	free(iomem);
}

/* The last line may lack its newline, devices may lie anywhere, and the kernel only within RAM. */
static void takes_odd_iomem(void **state)
{
	static const char text[] = "1001-4FFF : System RAM\n"
				   "5000-6fff : System RAM\n"
				   "  1800-27ff : Kernel code\n"
				   "  2800-2fff : Kernel data\n"
				   "  6000-6fff : Crash kernel\n"
				   "8000-8fff : Kernel\n"
				   "  8000-8fff : Kernel code\n"
				   "f000000000000-ffffffffffffffff : PCI\n"
				   "9000-9fff : System RAM";
	struct mm_machine_iomem *iomem = malloc(sizeof(*iomem));

	(void)state;
	assert_non_null(iomem);
	assert_int_equal(
		mm_machine_parse_iomem(text_of(text), iomem, (struct mm_machine_note){ NULL, 0 }),
		0);
	assert_false(iomem->hidden);
	assert_int_equal(iomem->ram.nr, 2);
	assert_int_equal(iomem->ram.at[0].start, 0x2000);
	assert_int_equal(iomem->ram.at[0].end, 0x7000);
	assert_int_equal(iomem->ram.at[1].start, 0x9000);
	assert_int_equal(iomem->ram.at[1].end, 0xa000);
	assert_int_equal(iomem->kernel.nr, 1);
	assert_int_equal(iomem->kernel.at[0].start, 0x1000);
	assert_int_equal(iomem->kernel.at[0].end, 0x3000);
	free(iomem);
}

/* RAM in 513 pieces is more than a config holds. */
static void refuses_too_many_pieces(void **state)
{
	struct mm_machine_iomem *iomem = malloc(sizeof(*iomem));
	static char text[(MMSIM_MAX_RANGES + 1) * 32];
	char msg[128] = "";
	size_t len = 0;

	(void)state;
	assert_non_null(iomem);
	for (unsigned int i = 0; i <= MMSIM_MAX_RANGES; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%x-%x : System RAM\n",
					i * 0x2000, i * 0x2000 + 0xfff);
	assert_int_equal(mm_machine_parse_iomem((struct mm_machine_text){ text, text + len }, iomem,
						(struct mm_machine_note){ msg, 128 }),
			 -ERANGE);
	assert_string_equal(msg, "proc/iomem: line 513: too many pieces of RAM");
	free(iomem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_zoneinfo),
		cmocka_unit_test(refuses_bad_iomem),
		cmocka_unit_test(takes_odd_iomem),
		cmocka_unit_test(refuses_too_many_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
