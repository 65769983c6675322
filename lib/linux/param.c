/* SPDX-License-Identifier: MIT */
/* Parameters of a module, set as insmod does. */
#include "world.h"

#include <errno.h>
#include <limits.h>
#include <linux/moduleparam.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
	const char *name; /* of the type */
	s64 min;
	u64 max;
	unsigned int bytes;
};

static const struct range ranges[] = {
	[MM_LINUX_PARAM_byte] = { "byte", 0, UCHAR_MAX, sizeof(char) },
	[MM_LINUX_PARAM_short] = { "short", SHRT_MIN, SHRT_MAX, sizeof(short) },
	[MM_LINUX_PARAM_ushort] = { "ushort", 0, USHRT_MAX, sizeof(short) },
	[MM_LINUX_PARAM_int] = { "int", INT_MIN, INT_MAX, sizeof(int) },
	[MM_LINUX_PARAM_uint] = { "uint", 0, UINT_MAX, sizeof(int) },
	[MM_LINUX_PARAM_long] = { "long", LONG_MIN, LONG_MAX, sizeof(long) },
	[MM_LINUX_PARAM_ulong] = { "ulong", 0, ULONG_MAX, sizeof(long) },
	[MM_LINUX_PARAM_ullong] = { "ullong", 0, ULLONG_MAX, sizeof(long long) },
	[MM_LINUX_PARAM_bool] = { "bool", 0, 1, sizeof(bool) },
	[MM_LINUX_PARAM_charp] = { "charp", 0, 0, sizeof(char *) },
};

static struct mm_linux_param *params, **params_end = &params;

void mm_linux_param_add(struct mm_linux_param *param)
{
	*params_end = param;
	params_end = &param->next;
}

/* The kernel takes '-' for '_' in names. */
static bool same_name(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char x = a[i] == '-' ? '_' : a[i];
		char y = b[i] == '-' ? '_' : b[i];

		if (x != y || !x)
			return false;
	}
	return !a[len];
}

static const struct mm_linux_param *find(const char *name, size_t len)
{
	const struct mm_linux_param *p = params;

	while (p && !(p->var && same_name(p->name, name, len)))
		p = p->next;
	return p;
}

static int set_bool(bool *var, const char *value)
{
	static const char *const names[] = { "0",   "1",  "n", "y", "N", "Y",
					     "off", "on", "f", "t", "F", "T" };

	if (!value) {
		*var = true;
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(value, names[i])) {
			*var = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

/* Little- and big-endian alike: by type, not by the first bytes. */
static void store(void *var, unsigned int bytes, u64 value)
{
	if (bytes == sizeof(u8))
		*(u8 *)var = (u8)value;
	else if (bytes == sizeof(u16))
		*(u16 *)var = (u16)value;
	else if (bytes == sizeof(u32))
		*(u32 *)var = (u32)value;
	else
		*(u64 *)var = value;
}

static int set_number(const struct mm_linux_param *p, const char *value)
{
	const struct range *r = &ranges[p->type];
	bool minus = value && *value == '-';
	u64 magnitude, most;
	char *end;

	if (!value || !*value || (minus && !r->min) || !strchr("0123456789", value[minus]) ||
	    !value[minus])
		return -EINVAL;
	errno = 0;
	magnitude = strtoull(value + minus, &end, 0);
	most = minus ? -(u64)r->min : r->max;
	if (errno || *end || magnitude > most)
		return -EINVAL;
	store(p->var, r->bytes, minus ? -magnitude : magnitude);
	return 0;
}

static int set(const struct mm_linux_param *p, const char *value)
{
	if (p->type == MM_LINUX_PARAM_bool)
		return set_bool(p->var, value);
	if (p->type != MM_LINUX_PARAM_charp)
		return set_number(p, value);
	if (!value)
		return -EINVAL;
	*(const char **)p->var = value; /* of argv: stays */
	return 0;
}

int mm_linux_param_set(const char *program, const char *assignment)
{
	size_t len = strcspn(assignment, "=");
	const char *value = assignment[len] ? assignment + len + 1 : NULL;
	const struct mm_linux_param *p = find(assignment, len);
	int err;

	if (!p) {
		fprintf(stderr, "%s: Unknown parameter `%.*s'\n", program, (int)len, assignment);
		return -ENOENT;
	}
	err = set(p, value);
	if (err)
		fprintf(stderr, "%s: `%s' invalid for parameter `%s', which is of type %s\n",
			program, value ? value : "", p->name, ranges[p->type].name);
	return err;
}

static const char *description(const char *name)
{
	for (const struct mm_linux_param *p = params; p; p = p->next)
		if (p->desc && !strcmp(p->name, name))
			return p->desc;
	return "";
}

void mm_linux_param_list(void)
{
	for (const struct mm_linux_param *p = params; p; p = p->next)
		if (p->var)
			printf("  %s=%s  %s\n", p->name, ranges[p->type].name,
			       description(p->name));
}
