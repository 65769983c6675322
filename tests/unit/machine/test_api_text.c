/* SPDX-License-Identifier: MIT */
/* The kernel's files of a machine, character by character, and the numbers behind them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alt.h"
#include "machine.h"
#include "restore.h"
#include "sim_config.h"
#include "snapshot.h"
#include "zoneinfo.h"
#include <ctype.h>
#include <mmsim/frag.h>

#define TEXT_MAX 32768

static char text[TEXT_MAX];

static struct mmsim *create(struct mmsim_config *cfg)
{
	struct mmsim *m;

	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

/* Zone DMA all but its first page, and 256 MiB of Normal; 2 CPUs. */
static struct mmsim *small(void)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 1, 1, 2);

	sim_ram(cfg, 0, 1, 4095);
	sim_ram(cfg, 0, SIM_NORMAL, 2 * SIM_SECTION);
	return create(cfg);
}

static struct mm_zone *normal(struct mmsim *m)
{
	return mm_buddy_zone(&m->buddy, 0, MMSIM_ZONE_NORMAL);
}

static void buddyinfo_is_exact(void **state)
{
	struct mmsim *m = small();

	(void)state;
	mmsim_print_buddyinfo(m, text, sizeof(text));
	assert_string_equal(text, "Node 0, zone      DMA      1      1      1      1      1      1 "
				  "     1      1      1      1      3 \n"
				  "Node 0, zone   Normal      0      0      0      0      0      0 "
				  "     0      0      0      0     64 \n");
	mmsim_destroy(m);
}

#define NONE "     0      0      0      0      0      0      0      0      0      0      0 \n"
#define ONES "     1      1      1      1      1      1      1      1      1      1      3 \n"
#define BIG "     0      0      0      0      0      0      0      0      0      0     64 \n"
#define HEAD_FREE                                                                          \
	"Page block order: 9\n"                                                            \
	"Pages per block:  512\n"                                                          \
	"\n"                                                                               \
	"Free pages count per migrate type at order       0      1      2      3      4  " \
	"    5      6      7      8      9     10 \n"
#define HEAD_BLOCKS                                                                         \
	"\n"                                                                                \
	"Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic       " \
	"   CMA      Isolate \n"

static void pagetypeinfo_is_exact(void **state)
{
	struct mmsim *m = small();

	(void)state;
	mmsim_print_pagetypeinfo(m, text, sizeof(text));
	assert_string_equal(text, HEAD_FREE
			    "Node    0, zone      DMA, type    Unmovable " NONE
			    "Node    0, zone      DMA, type      Movable " ONES
			    "Node    0, zone      DMA, type  Reclaimable " NONE
			    "Node    0, zone      DMA, type   HighAtomic " NONE
			    "Node    0, zone      DMA, type          CMA " NONE
			    "Node    0, zone      DMA, type      Isolate " NONE
			    "Node    0, zone   Normal, type    Unmovable " NONE
			    "Node    0, zone   Normal, type      Movable " BIG
			    "Node    0, zone   Normal, type  Reclaimable " NONE
			    "Node    0, zone   Normal, type   HighAtomic " NONE
			    "Node    0, zone   Normal, type          CMA " NONE
			    "Node    0, zone   Normal, type      Isolate " NONE HEAD_BLOCKS
			    "Node 0, zone      DMA            0            8            0 "
			    "           0            0            0 \n"
			    "Node 0, zone   Normal            0          128            0 "
			    "           0            0            0 \n");
	mmsim_destroy(m);
}

/* The counts are put there: nobody looks at them meanwhile. */
static void pagetypeinfo_is_capped(void **state)
{
	struct mmsim *m = small();
	uint64_t *nr = &normal(m)->area[3].nr[MMSIM_MIGRATE_RECLAIMABLE];

	(void)state;
	*nr = 99999;
	mmsim_print_pagetypeinfo(m, text, sizeof(text));
	assert_non_null(
		strstr(text, "Normal, type  Reclaimable      0      0      0  99999      0 "));
	*nr = 100000;
	mmsim_print_pagetypeinfo(m, text, sizeof(text));
	assert_non_null(
		strstr(text, "Normal, type  Reclaimable      0      0      0 >100000      0 "));
	*nr = 123456789;
	mmsim_print_pagetypeinfo(m, text, sizeof(text));
	assert_non_null(
		strstr(text, "Normal, type  Reclaimable      0      0      0 >100000      0 "));
	*nr = 0;
	mmsim_destroy(m);
}

static unsigned count(const char *what)
{
	unsigned nr = 0;

	for (const char *at = text; (at = strstr(at, what)); at++)
		nr++;
	return nr;
}

/* Each node with memory has heads of its own; the third here has none. */
static void nodes_follow_each_other(void **state)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 3, 3, 1);
	struct mmsim *m;

	(void)state;
	sim_ram(cfg, 0, SIM_NORMAL, SIM_SECTION);
	sim_ram(cfg, 1, SIM_NORMAL + SIM_SECTION, SIM_SECTION);
	m = create(cfg);
	mmsim_print_pagetypeinfo(m, text, sizeof(text));
	assert_int_equal(count("Page block order: 9\n"), 2);
	assert_int_equal(count("\nNumber of blocks type "), 2);
	assert_int_equal(count("Node    1, zone   Normal, type "), 6);
	assert_int_equal(count("Node 1, zone   Normal            0           64 "), 1);
	assert_int_equal(count("Node 2"), 0);
	mmsim_print_zoneinfo(m, text, sizeof(text));
	assert_int_equal(count("Node "), 3 * MMSIM_NR_ZONES);
	assert_int_equal(count("  pages free     32768\n"), 2);
	assert_int_equal(count("  pagesets\n"), 2);
	mmsim_destroy(m);
}

/* The text must go on with this; what comes behind it. */
static const char *expect(const char *at, const char *want)
{
	assert_int_equal(strncmp(at, want, strlen(want)), 0);
	return at + strlen(want);
}

static const char *expect_pagesets(struct mmsim *m, const char *at, enum mmsim_zone_type type)
{
	at = expect(at, "  pagesets\n");
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		struct mmsim_pcp_info pcp;
		char want[400];

		assert_int_equal(mmsim_pcp_info(m, 0, type, cpu, &pcp), 0);
		snprintf(want, sizeof(want),
			 "    cpu: %u\n"
			 "              count:    %u\n"
			 "              high:     %u\n"
			 "              batch:    %u\n"
			 "              high_min: %u\n"
			 "              high_max: %u\n"
			 "  vm stats threshold: 0\n",
			 cpu, pcp.count, pcp.high, pcp.batch, pcp.high_min, pcp.high_max);
		at = expect(at, want);
	}
	return at;
}

/* What the kernel gives an empty zone Movable as marks is not this test's business. */
static const char *skip_marks(const char *at)
{
	static const char *const names[] = { "min     ", "low     ", "high    ", "promo   " };

	for (unsigned i = 0; i < 4; i++) {
		at = expect(at, "        ");
		at = expect(at, names[i]);
		at = expect(at, " ");
		assert_true(isdigit((unsigned char)*at));
		at += strspn(at, "0123456789");
		at = expect(at, "\n");
	}
	return at;
}

/*
 * min_free_kbytes is isqrt(16 * 69631 * 4) = 2111, of which 527 pages are shared out: 30 and 496. The
 * gaps are a quarter of the share or a thousandth of the zone. DMA keeps 65536 / 256 from others.
 */
static void zoneinfo_is_exact(void **state)
{
	struct mmsim *m = small();
	const char *at = text;

	(void)state;
	mmsim_print_zoneinfo(m, text, sizeof(text));
	at = expect(at, "Node 0, zone      DMA\n"
			"  pages free     4095\n"
			"        boost    0\n"
			"        min      30\n"
			"        low      37\n"
			"        high     44\n"
			"        promo    51\n"
			"        spanned  4095\n"
			"        present  4095\n"
			"        managed  4095\n"
			"        cma      0\n"
			"        protection: (0, 0, 256, 256)\n"
			"      nr_free_pages 4095\n"
			"      nr_free_pages_blocks 3584\n"
			"      nr_free_cma  0\n");
	at = expect_pagesets(m, at, MMSIM_ZONE_DMA);
	at = expect(at, "  start_pfn:           1\n"
			"  reserved_highatomic: 0\n"
			"  free_highatomic:     0\n"
			"Node 0, zone    DMA32\n"
			"  pages free     0\n"
			"        boost    0\n");
	at = skip_marks(at);
	at = expect(at, "        spanned  0\n"
			"        present  0\n"
			"        managed  0\n"
			"        cma      0\n"
			"        protection: (0, 0, 0, 0)\n"
			"Node 0, zone   Normal\n"
			"  pages free     65536\n"
			"        boost    0\n"
			"        min      496\n"
			"        low      620\n"
			"        high     744\n"
			"        promo    868\n"
			"        spanned  65536\n"
			"        present  65536\n"
			"        managed  65536\n"
			"        cma      0\n"
			"        protection: (0, 0, 0, 0)\n"
			"      nr_free_pages 65536\n"
			"      nr_free_pages_blocks 65536\n"
			"      nr_free_cma  0\n");
	at = expect_pagesets(m, at, MMSIM_ZONE_NORMAL);
	at = expect(at, "  start_pfn:           1048576\n"
			"  reserved_highatomic: 0\n"
			"  free_highatomic:     0\n"
			"Node 0, zone  Movable\n"
			"  pages free     0\n"
			"        boost    0\n");
	at = skip_marks(at);
	at = expect(at, "        spanned  0\n"
			"        present  0\n"
			"        managed  0\n"
			"        cma      0\n"
			"        protection: (0, 0, 0, 0)\n");
	assert_string_equal(at, "");
	mmsim_destroy(m);
}

/* Counters that are not 0: put there, but for the boost's part in the marks. */
static void zoneinfo_of_reserves(void **state)
{
	struct mmsim *m = small();
	struct mm_zone *zone = normal(m);
	struct mmsim_zone_info info;

	(void)state;
	zone->watermark_boost = 1000;
	zone->cma = 2048;
	zone->free_cma = 77;
	zone->nr_reserved_highatomic = 512;
	zone->free_highatomic = 11;
	zone->stat.claims = 5;
	mmsim_print_zoneinfo(m, text, sizeof(text));
	assert_int_equal(count("        boost    1000\n        min      1496\n"), 1);
	assert_int_equal(count("        promo    1868\n"), 1);
	assert_int_equal(count("        cma      2048\n"), 1);
	assert_int_equal(count("      nr_free_cma  77\n"), 1);
	assert_int_equal(count("  reserved_highatomic: 512\n  free_highatomic:     11\n"), 1);
	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_ZONE_NORMAL, &info), 0);
	assert_int_equal(info.boost, 1000);
	assert_int_equal(info.min, 1496);
	assert_int_equal(info.low, 1620);
	assert_int_equal(info.high, 1744);
	assert_int_equal(info.promo, 1868);
	assert_int_equal(info.cma, 2048);
	assert_int_equal(info.free_cma, 77);
	assert_int_equal(info.nr_reserved_highatomic, 512);
	assert_int_equal(info.free_highatomic, 11);
	assert_int_equal(info.stat.claims, 5);
	zone->watermark_boost = zone->cma = zone->free_cma = 0;
	zone->nr_reserved_highatomic = zone->free_highatomic = 0;
	mmsim_destroy(m);
}

/* Lines of a kernel, digits blanked and trailing blanks dropped, so that columns remain. */
static void blank(char *to, const char *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = isdigit((unsigned char)from[i]) ? ' ' : from[i];
	while (len && to[len - 1] == ' ')
		len--;
	to[len] = '\0';
}

static const char *take_line(const char **at, char *line)
{
	size_t len = strcspn(*at, "\n");

	if (!**at)
		return NULL;
	assert_true(len < 200);
	blank(line, *at, len);
	*at += len + ((*at)[len] == '\n');
	return line;
}

/* Printed by Linux 6.18, and by 7.0 the last two lines; the protection has a zone more. */
static const char kernel_zoneinfo[] = "Node 0, zone   Normal\n"
				      "  per-node stats\n"
				      "      nr_inactive_anon 1103\n"
				      "  pages free     5037770\n"
				      "        boost    0\n"
				      "        min      14769\n"
				      "        low      20163\n"
				      "        high     25557\n"
				      "        promo    30951\n"
				      "        spanned  5505024\n"
				      "        present  5505024\n"
				      "        managed  5394266\n"
				      "        cma      0\n"
				      "        protection: (0, 0, 0, 0)\n"
				      "      nr_free_pages 5037770\n"
				      "      nr_free_pages_blocks 4733440\n"
				      "      nr_zone_inactive_anon 1103\n"
				      "      nr_mlock     66226\n"
				      "      nr_free_cma  0\n"
				      "      numa_hit     265315318\n"
				      "  pagesets\n"
				      "    cpu: 0\n"
				      "              count:    9960\n"
				      "              high:     102258\n"
				      "              batch:    63\n"
				      "              high_min: 10081\n"
				      "              high_max: 337141\n"
				      "  vm stats threshold: 36\n"
				      "    cpu: 1\n"
				      "              count:    26455\n"
				      "              high:     176172\n"
				      "              batch:    63\n"
				      "              high_min: 10081\n"
				      "              high_max: 337141\n"
				      "  vm stats threshold: 36\n"
				      "  node_unreclaimable:  0\n"
				      "  start_pfn:           1048576\n"
				      "  reserved_highatomic: 5120\n"
				      "  free_highatomic:     2081\n";

/* Each line that is printed is one of the kernel's, in the kernel's order. */
static void zoneinfo_lies_in_the_kernels_columns(void **state)
{
	struct mmsim *m = small();
	const char *ours, *theirs = kernel_zoneinfo;
	char a[200], b[200];
	unsigned lines = 0;

	(void)state;
	mmsim_print_zoneinfo(m, text, sizeof(text));
	ours = strstr(text, "Node 0, zone   Normal\n");
	assert_non_null(ours);
	while (take_line(&ours, a) && (!lines || strncmp(a, "Node", 4))) {
		do
			assert_non_null(take_line(&theirs, b));
		while (strcmp(a, b));
		lines++;
	}
	assert_int_equal(lines, 33);
	mmsim_destroy(m);
}

static void tables_lie_in_the_kernels_columns(void **state)
{
	static const char *const kernel[] = {
		"Node 0, zone   Normal    322    346    265     90    360   1325    817    579 "
		"   496    449   4398 ",
		"Node    0, zone   Normal, type  Reclaimable    321    344    264     89     95 "
		"    85     42     21      1      1      0 ",
		"Node 0, zone   Normal          477        10233           42            0 "
		"           0            0 ",
	};
	struct mmsim *m = small();
	char a[200], b[200];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const char *at = text, *line;

		if (i)
			mmsim_print_pagetypeinfo(m, text, sizeof(text));
		else
			mmsim_print_buddyinfo(m, text, sizeof(text));
		blank(b, kernel[i], strlen(kernel[i]));
		while ((line = take_line(&at, a)) && strcmp(a, b))
			;
		assert_non_null(line);
	}
	/* Trailing blanks, which the above does not see. */
	assert_int_equal(count("0 \n"), 13);
	mmsim_destroy(m);
}

/* Nothing is free before boot. Then one page, and a page with a block of 4. */
static void extfrag_is_exact(void **state)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 1, 1, 1);
	uint64_t(*nr)[MMSIM_NR_MIGRATETYPES];
	struct mmsim *m;

	(void)state;
	cfg->boot = MMSIM_BOOT_COLD;
	sim_ram(cfg, 0, SIM_NORMAL, SIM_SECTION);
	m = create(cfg);
	mmsim_print_unusable_index(m, text, sizeof(text));
	assert_string_equal(text, "Node 0, zone   Normal 1.000 1.000 1.000 1.000 1.000 1.000 1.000 "
				  "1.000 1.000 1.000 1.000 \n");
	mmsim_print_extfrag_index(m, text, sizeof(text));
	assert_string_equal(text, "Node 0, zone   Normal  0.000  0.000  0.000  0.000  0.000  0.000 "
				  " 0.000  0.000  0.000  0.000  0.000 \n");
	nr = &normal(m)->area[0].nr;
	(*nr)[MMSIM_MIGRATE_MOVABLE] = 1;
	mmsim_print_extfrag_index(m, text, sizeof(text));
	assert_string_equal(text,
			    "Node 0, zone   Normal -1.000  0.-500  0.-250  0.-125  0.-62  0.-31 "
			    " 0.-15  0.-07  0.-03  0.-01  0.000 \n");
	normal(m)->area[2].nr[MMSIM_MIGRATE_UNMOVABLE] = 1;
	mmsim_print_unusable_index(m, text, sizeof(text));
	assert_string_equal(text, "Node 0, zone   Normal 0.000 0.200 0.200 1.000 1.000 1.000 1.000 "
				  "1.000 1.000 1.000 1.000 \n");
	mmsim_print_extfrag_index(m, text, sizeof(text));
	assert_string_equal(text, "Node 0, zone   Normal -1.000 -1.000 -1.000  0.188  0.344  0.422 "
				  " 0.461  0.481  0.491  0.496  0.498 \n");
	(*nr)[MMSIM_MIGRATE_MOVABLE] = normal(m)->area[2].nr[MMSIM_MIGRATE_UNMOVABLE] = 0;
	mmsim_destroy(m);
}

typedef size_t (*print_fn)(struct mmsim *m, char *buf, size_t len);

static const print_fn prints[] = { mmsim_print_buddyinfo, mmsim_print_pagetypeinfo,
				   mmsim_print_zoneinfo, mmsim_print_unusable_index,
				   mmsim_print_extfrag_index };

static void printing_is_as_snprintf(void **state)
{
	struct mmsim *m = small();
	char part[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(prints) / sizeof(prints[0]); i++) {
		size_t len = prints[i](m, NULL, 0);

		assert_true(len < sizeof(text));
		assert_int_equal(prints[i](m, text, sizeof(text)), len);
		assert_int_equal(strlen(text), len);
		for (size_t size = 1; size < len + 2; size += 1 + len / 50) {
			size_t fits = size - 1 < len ? size - 1 : len;

			memset(part, 'x', sizeof(part));
			assert_int_equal(prints[i](m, part, size), len);
			assert_int_equal(strlen(part), fits);
			assert_memory_equal(part, text, fits);
			assert_int_equal(part[size], 'x');
		}
	}
	mmsim_destroy(m);
}

static void numbers_are_the_texts(void **state)
{
	struct mmsim *m = small();
	struct mmsim_page *pages[3];
	struct mmsim_zone_info info;
	uint64_t nr = 0;
	char want[64];

	(void)state;
	pages[0] = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0);
	pages[1] = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE, 0);
	pages[2] = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE, 5);
	assert_true(pages[0] && pages[1] && pages[2]);
	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_ZONE_NORMAL, &info), 0);
	assert_int_equal(info.free + info.pcp + 34, info.managed);
	for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
		nr += info.pageblocks[t];
	assert_int_equal(nr, 128);
	assert_true(info.pageblocks[MMSIM_MIGRATE_UNMOVABLE] > 0);
	assert_true(info.pageblocks[MMSIM_MIGRATE_RECLAIMABLE] > 0);
	assert_int_equal(info.stat.refills, 2);
	mmsim_print_zoneinfo(m, text, sizeof(text));
	snprintf(want, sizeof(want), "  pages free     %lu\n", (unsigned long)info.free);
	assert_int_equal(count(want), 1);
	snprintf(want, sizeof(want), "              count:    %lu\n", (unsigned long)info.pcp);
	assert_int_equal(count(want), 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(mmsim_free_pages(m, pages[i], i == 2 ? 5 : 0), 0);
	mmsim_destroy(m);
}

/* 65536 / 4096 pages make batches of 15; bounds for two CPUs: low / 2, and an eighth of the zone / 2. */
static void pcp_info_tells_the_books(void **state)
{
	struct mmsim *m = small();
	struct mmsim_pcp_info pcp;
	struct mmsim_page *page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 2);

	(void)state;
	assert_non_null(page);
	assert_int_equal(mmsim_pcp_info(m, 0, MMSIM_ZONE_NORMAL, 1, &pcp), 0);
	assert_int_equal(pcp.count, 0);
	assert_int_equal(pcp.batch, 15);
	assert_int_equal(pcp.high_min, 310);
	assert_int_equal(pcp.high_max, 4096);
	assert_int_equal(mmsim_free_pages(m, page, 2), 0);
	assert_int_equal(mmsim_pcp_info(m, 0, MMSIM_ZONE_NORMAL, 0, &pcp), 0);
	assert_true(pcp.count >= 4);
	assert_int_equal(pcp.free_count, 4);
	assert_int_equal(pcp.alloc_factor, 0);
	page = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE, 0);
	assert_int_equal(mmsim_pcp_info(m, 0, MMSIM_ZONE_NORMAL, 0, &pcp), 0);
	assert_int_equal(pcp.free_count, 2);
	assert_int_equal(pcp.alloc_factor, 1);
	assert_int_equal(mmsim_free_pages(m, page, 0), 0);
	mmsim_destroy(m);
}

static void refusals_name_the_call(void **state)
{
	struct mmsim *m = small();
	struct mmsim_pcp_info pcp;
	struct mmsim_frag_info frag;

	(void)state;
	assert_int_equal(mmsim_pcp_info(m, 0, MMSIM_ZONE_NORMAL, 2, &pcp), -EINVAL);
	mmsim_last_message(m, text, sizeof(text));
	assert_string_equal(text, "mmsim_pcp_info(cpu 2): there are 2 CPUs");
	assert_int_equal(mmsim_pcp_info(m, 1, MMSIM_ZONE_NORMAL, 0, &pcp), -EINVAL);
	mmsim_last_message(m, text, sizeof(text));
	assert_string_equal(text, "mmsim_pcp_info(node 1, type 2): no such node or type");
	assert_int_equal(mmsim_pcp_info(m, 0, MMSIM_ZONE_DMA32, 0, &pcp), -ENOENT);
	assert_int_equal(mmsim_frag_info(m, 0, MMSIM_NR_ZONES, &frag), -EINVAL);
	mmsim_last_message(m, text, sizeof(text));
	assert_string_equal(text, "mmsim_frag_info(node 0, type 4): no such node or type");
	assert_int_equal(mmsim_frag_info(m, 0, MMSIM_ZONE_MOVABLE, &frag), -ENOENT);
	mmsim_destroy(m);
}

static uint64_t unmovable(struct mmsim *m)
{
	struct mmsim_frag_info info;

	assert_int_equal(mmsim_frag_info(m, 0, MMSIM_ZONE_NORMAL, &info), 0);
	return info.unmovable_pageblocks;
}

/* Pages on the list of Movable are nobody's; those on other lists are the kernel's. */
static void unmovable_pageblocks_are_counted(void **state)
{
	struct mmsim *m = small();
	struct mmsim_page *movable, *huge, *slab;

	(void)state;
	assert_int_equal(unmovable(m), 0);
	movable = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE, 0);
	assert_non_null(movable);
	assert_int_equal(unmovable(m), 0);
	movable->movable = 0;
	assert_int_equal(unmovable(m), 1);
	movable->flags |= 1u << MMSIM_PG_LRU;
	assert_int_equal(unmovable(m), 0);
	huge = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 10);
	assert_non_null(huge);
	assert_int_equal(unmovable(m), 2);
	slab = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 3);
	assert_non_null(slab);
	assert_int_equal(unmovable(m), 3);
	assert_int_equal(mmsim_free_pages(m, huge, 10), 0);
	assert_int_equal(mmsim_free_pages(m, slab, 3), 0);
	assert_int_equal(unmovable(m), 1);
	mmsim_drain_all_pages(m);
	assert_int_equal(unmovable(m), 0);
	movable->flags &= ~(UINT64_C(1) << MMSIM_PG_LRU);
	assert_int_equal(mmsim_free_pages(m, movable, 0), 0);
	mmsim_destroy(m);
}

/* Holes and reserved pages in zones of several nodes. */
static void frag_info_skips_what_nobody_has(void **state)
{
	const char *name;
	struct mmsim *m = create(sim_config_shape(3, MMSIM_SERIAL, &name));
	struct mmsim_frag_info info;
	uint64_t pageblocks = 0;

	(void)state;
	for (unsigned node = 0; node < 2; node++)
		for (unsigned type = 0; type < MMSIM_NR_ZONES; type++) {
			if (mmsim_frag_info(m, node, (enum mmsim_zone_type)type, &info))
				continue;
			assert_int_equal(info.node, node);
			assert_int_equal(info.type, type);
			assert_int_equal(info.unmovable_pageblocks, 0);
			for (unsigned t = 0; t < MMSIM_MAX_MIGRATETYPES; t++)
				pageblocks += info.pageblocks[t];
		}
	/* 8 of DMA, of Normal 2 * 64 and a bit, twice; what is above node 1's 128 is 600 pages. */
	assert_int_equal(pageblocks, 8 + 129 + 128 + 2);
	mmsim_destroy(m);
}

/* Node 0's zone spans all of node 1's. */
static void interleaved_nodes_keep_their_own(void **state)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 2, 2, 1);
	struct mmsim_frag_info info;
	struct mmsim_page *page;
	struct mmsim *m;

	(void)state;
	sim_ram(cfg, 0, SIM_NORMAL, SIM_SECTION);
	sim_ram(cfg, 1, SIM_NORMAL + SIM_SECTION, SIM_SECTION);
	sim_ram(cfg, 0, SIM_NORMAL + 2 * SIM_SECTION, SIM_SECTION);
	m = create(cfg);
	page = mmsim_alloc_pages_node(m, 1, MMSIM_GFP_KERNEL | MMSIM___GFP_THISNODE, 4);
	assert_non_null(page);
	assert_int_equal(mmsim_frag_info(m, 0, MMSIM_ZONE_NORMAL, &info), 0);
	assert_int_equal(info.pageblocks[MMSIM_MIGRATE_MOVABLE], 128);
	assert_int_equal(info.unmovable_pageblocks, 0);
	assert_int_equal(mmsim_frag_info(m, 1, MMSIM_ZONE_NORMAL, &info), 0);
	assert_int_equal(info.pageblocks[MMSIM_MIGRATE_MOVABLE] +
				 info.pageblocks[MMSIM_MIGRATE_UNMOVABLE],
			 64);
	assert_int_equal(info.unmovable_pageblocks, 1);
	assert_int_equal(mmsim_free_pages(m, page, 4), 0);
	mmsim_destroy(m);
}

/* A machine and a snapshot of it have the same indices. */
static void snapshot_agrees_with_machine(void **state)
{
	struct mmsim *m = small();
	struct mmsim_frag_info of_zone, of_snap;
	struct mmsim_snapshot *snap;
	struct mmsim_page *pages[64];

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		assert_non_null(pages[i] = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, i % 6));
	for (unsigned i = 0; i < 64; i += 2)
		assert_int_equal(mmsim_free_pages(m, pages[i], i % 6), 0);
	assert_int_equal(mm_replay_snapshot_take(&m->buddy, &snap), 0);
	for (unsigned z = 0; z < snap->nr_zones; z++) {
		assert_int_equal(mmsim_snapshot_frag(snap, z, &of_snap), 0);
		assert_int_equal(mmsim_frag_info(m, 0, of_snap.type, &of_zone), 0);
		assert_true(of_snap.unmovable_pageblocks == UINT64_MAX);
		assert_true(of_zone.type == MMSIM_ZONE_DMA || of_zone.unmovable_pageblocks);
		of_snap.unmovable_pageblocks = of_zone.unmovable_pageblocks;
		assert_memory_equal(&of_snap, &of_zone, sizeof(of_zone));
	}
	mm_replay_snapshot_free(snap);
	mmsim_destroy(m);
}

/* What the library prints, it reads: watermarks, sizes, per-CPU lists. */
static void zoneinfo_is_read_back(void **state)
{
	struct mmsim *m = small();
	struct mmsim_snapshot snap = { 0 };
	struct mm_replay_zoneinfo info;
	struct mmsim_replay_error err;
	struct mm_reader r;
	size_t len = mmsim_print_zoneinfo(m, text, sizeof(text));

	(void)state;
	assert_int_equal(mm_replay_reader_open_mem(&r, text, len, "zoneinfo", &err), 0);
	assert_int_equal(mm_replay_zoneinfo_parse(&r, &snap, &info), 0);
	mm_replay_reader_close(&r);
	assert_int_equal(snap.nr_zones, 2);
	assert_int_equal(snap.nr_pcps, 4);
	assert_int_equal(snap.nr_cpus, 2);
	assert_int_equal(snap.zones[0].protection[MMSIM_ZONE_NORMAL], 256);
	assert_int_equal(snap.zones[1].type, MMSIM_ZONE_NORMAL);
	assert_int_equal(snap.zones[1].start_pfn, SIM_NORMAL);
	assert_int_equal(snap.zones[1].promo, 868);
	assert_int_equal(snap.pcps[3].high_max, 4096);
	assert_int_equal(info.threshold[1], 0);
	free(snap.zones);
	free(snap.pcps);
	mmsim_destroy(m);
}

static void count_two(const struct mm_zone *zone, uint64_t nr_free[MMSIM_NR_PAGE_ORDERS])
{
	(void)zone;
	nr_free[0] = 1;
	nr_free[9] = 2;
}

/* Blocks of another allocator are all Movable, and its pages nobody's until they are handed out. */
static void other_allocator_is_counted(void **state)
{
	const struct mm_alt_ops ops = { .count = count_two };
	struct mm_alt alt = { .ops = &ops };
	struct mmsim *m = small();
	struct mmsim_frag_info frag;
	struct mmsim_zone_info info;

	(void)state;
	assert_int_equal(mmsim_free_pages(m, mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0), 0), 0);
	assert_int_equal(unmovable(m), 1);
	normal(m)->alt = &alt;
	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_ZONE_NORMAL, &info), 0);
	assert_int_equal(info.nr_free[0][MMSIM_MIGRATE_MOVABLE], 1);
	assert_int_equal(info.nr_free[9][MMSIM_MIGRATE_MOVABLE], 2);
	assert_int_equal(info.nr_free[10][MMSIM_MIGRATE_MOVABLE], 0);
	assert_int_equal(mmsim_frag_info(m, 0, MMSIM_ZONE_NORMAL, &frag), 0);
	assert_int_equal(frag.free, 1025);
	assert_int_equal(frag.free_huge, 2);
	assert_int_equal(frag.unmovable_pageblocks, 0);
	mmsim_print_buddyinfo(m, text, sizeof(text));
	assert_int_equal(count("Normal      1      0      0      0      0      0      0      0 "
			       "     0      2      0 \n"),
			 1);
	normal(m)->alt = NULL;
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buddyinfo_is_exact),
		cmocka_unit_test(pagetypeinfo_is_exact),
		cmocka_unit_test(pagetypeinfo_is_capped),
		cmocka_unit_test(nodes_follow_each_other),
		cmocka_unit_test(zoneinfo_is_exact),
		cmocka_unit_test(zoneinfo_of_reserves),
		cmocka_unit_test(zoneinfo_lies_in_the_kernels_columns),
		cmocka_unit_test(tables_lie_in_the_kernels_columns),
		cmocka_unit_test(extfrag_is_exact),
		cmocka_unit_test(printing_is_as_snprintf),
		cmocka_unit_test(numbers_are_the_texts),
		cmocka_unit_test(pcp_info_tells_the_books),
		cmocka_unit_test(refusals_name_the_call),
		cmocka_unit_test(unmovable_pageblocks_are_counted),
		cmocka_unit_test(frag_info_skips_what_nobody_has),
		cmocka_unit_test(interleaved_nodes_keep_their_own),
		cmocka_unit_test(snapshot_agrees_with_machine),
		cmocka_unit_test(zoneinfo_is_read_back),
		cmocka_unit_test(other_allocator_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
