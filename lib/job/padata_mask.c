/* SPDX-License-Identifier: MIT */
/* Sets of CPUs. */
#include "padata_mask.h"

#include "bits.h"
#include "check.h"
#include <inttypes.h>
#include <stdio.h>

enum { WORDS = MMSIM_MAX_CPUS / 64, GROUP_BITS = 32 };

struct mmsim_cpumask mm_job_mask_all(unsigned nr)
{
	struct mmsim_cpumask mask = { { 0 } };

	for (unsigned cpu = 0; cpu < nr; cpu++)
		mmsim_cpumask_set(&mask, cpu);
	return mask;
}

struct mmsim_cpumask mm_job_mask_and(const struct mmsim_cpumask *a, const struct mmsim_cpumask *b)
{
	struct mmsim_cpumask mask;

	for (unsigned w = 0; w < WORDS; w++)
		mask.bits[w] = a->bits[w] & b->bits[w];
	return mask;
}

unsigned mm_job_mask_weight(const struct mmsim_cpumask *mask)
{
	unsigned weight = 0;

	for (unsigned w = 0; w < WORDS; w++)
		weight += (unsigned)__builtin_popcountll(mask->bits[w]);
	return weight;
}

unsigned mm_job_mask_nth(const struct mmsim_cpumask *mask, unsigned n)
{
	unsigned w = 0;
	uint64_t word;

	for (; w < WORDS; w++) {
		unsigned here = (unsigned)__builtin_popcountll(mask->bits[w]);

		if (n < here)
			break;
		n -= here;
	}
	mm_assert(w < WORDS);
	for (word = mask->bits[w]; n; n--)
		word &= word - 1;
	return w * 64 + (unsigned)__builtin_ctzll(word);
}

static unsigned width(const struct mmsim_cpumask *mask, unsigned nr_cpus)
{
	unsigned most = nr_cpus;

	for (unsigned w = 0; w < WORDS; w++)
		if (mask->bits[w])
			most = mm_max(most, w * 64 + mm_fls64(mask->bits[w]));
	return most;
}

size_t mm_job_mask_print(const struct mmsim_cpumask *mask, unsigned nr_cpus, char *buf, size_t len)
{
	/* Eight digits and a comma or newline for every group. */
	char text[MMSIM_MAX_CPUS / GROUP_BITS * 9 + 1];
	unsigned bits = width(mask, nr_cpus), at = 0;

	for (unsigned group = (unsigned)mm_div_round_up(bits, GROUP_BITS); group-- > 0;) {
		unsigned here = mm_min(bits - group * GROUP_BITS, (unsigned)GROUP_BITS);
		uint32_t value = (uint32_t)(mask->bits[group / 2] >> group % 2 * GROUP_BITS);

		at += (unsigned)snprintf(text + at, sizeof(text) - at, "%0*" PRIx32 "%c",
					 (int)((here + 3) / 4), value, group ? ',' : '\n');
	}
	return (size_t)snprintf(buf, len, "%s", text);
}
