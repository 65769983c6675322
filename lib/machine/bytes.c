/* SPDX-License-Identifier: MIT */
/*
 * Sizes as people write them, "1.5 GiB", in integers only: a double would lose bytes above 8 PiB and
 * strtod() would read a comma in half of the world.
 */
#include "config_internal.h"

#include <errno.h>
#include <string.h>

struct size_text {
	struct mm_machine_text whole;
	struct mm_machine_text fraction; /* without its point, maybe empty */
	unsigned int shift;
};

static struct mm_machine_text take_digits(struct mm_machine_text *text)
{
	struct mm_machine_text digits = { text->at, text->at };

	while (digits.end != text->end && *digits.end >= '0' && *digits.end <= '9')
		digits.end++;
	text->at = digits.end;
	return digits;
}

static bool take_letter(struct mm_machine_text *text, char lower)
{
	return mm_machine_take_char(text, lower) ||
	       mm_machine_take_char(text, (char)(lower - 'a' + 'A'));
}

static unsigned int take_unit(struct mm_machine_text *text)
{
	static const char units[] = "kmgtp";
	unsigned int i;

	for (i = 0; units[i]; i++)
		if (take_letter(text, units[i]))
			break;
	if (!units[i]) {
		take_letter(text, 'b');
		return 0;
	}
	/* An "i" counts only before a "B"; left behind, it is refused as something after the unit. */
	if (text->end - text->at == 2)
		take_letter(text, 'i');
	take_letter(text, 'b');
	return 10 * (i + 1);
}

static int split_size(struct mm_machine_text text, struct size_text *size)
{
	size->whole = take_digits(&text);
	if (size->whole.at == size->whole.end)
		return -EINVAL;
	size->fraction = (struct mm_machine_text){ text.at, text.at };
	if (mm_machine_take_char(&text, '.')) {
		size->fraction = take_digits(&text);
		if (size->fraction.at == size->fraction.end)
			return -EINVAL;
	}
	if (mm_machine_take_spaces(&text) && text.at == text.end)
		return -EINVAL;
	size->shift = take_unit(&text);
	return text.at == text.end ? 0 : -EINVAL;
}

/*
 * The fraction times 2^shift, rounded down. From the last digit to the first, each step is
 * floor((digit * 2^shift + rest) / 10); dropping the rest's own fraction before the division cannot
 * change the quotient, so any number of digits gives the exact result.
 */
static uint64_t scale_fraction(struct mm_machine_text fraction, unsigned int shift)
{
	uint64_t sum = 0;

	while (fraction.end != fraction.at) {
		uint64_t digit = (uint64_t)(*--fraction.end - '0');

		sum = ((digit << shift) + sum) / 10;
	}
	return sum;
}

int mmsim_parse_bytes(const char *text, uint64_t *bytes)
{
	struct size_text size;
	uint64_t whole;
	int err;

	if (!text || !bytes)
		return -EINVAL;
	err = split_size((struct mm_machine_text){ text, text + strlen(text) }, &size);
	if (err)
		return err;
	err = mm_machine_take_number(&size.whole, 10, &whole);
	if (err)
		return err;
	if (whole > UINT64_MAX >> size.shift)
		return -ERANGE;
	*bytes = (whole << size.shift) + scale_fraction(size.fraction, size.shift);
	return 0;
}
