/* SPDX-License-Identifier: MIT */
/* The kernel log on two streams, line by line. */
#include <linux/bug.h>
#include <linux/printk.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LEVEL_WARNING 4

static bool line_open; /* under the lock of stdout: the last line there has no end yet */

/* The digit or letter of a prefix, which is left out then; 0: there is none. */
static char take_level(const char **fmt)
{
	char level = 0;

	if ((*fmt)[0] == KERN_SOH[0] && (*fmt)[1]) {
		level = (*fmt)[1];
		*fmt += 2;
	}
	return level;
}

static void print_out(const char *text, int len, bool more)
{
	flockfile(stdout);
	if (line_open && !more)
		putc_unlocked('\n', stdout);
	fwrite(text, 1, (size_t)len, stdout);
	line_open = len ? text[len - 1] != '\n' : line_open && more;
	fflush(stdout);
	funlockfile(stdout);
}

static void print_err(const char *text, int len)
{
	bool end = len && text[len - 1] == '\n';

	fprintf(stderr, "%.*s%s", len, text, end ? "" : "\n");
}

int printk(const char *fmt, ...)
{
	char level = take_level(&fmt);
	char text[1024]; /* LOG_LINE_MAX: what is longer is cut */
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len >= (int)sizeof(text))
		len = (int)sizeof(text) - 1;
	if (len < 0)
		return 0;
	if (level >= '0' && level <= '0' + LEVEL_WARNING)
		print_err(text, len);
	else
		print_out(text, len, level == 'c');
	return len;
}

void mm_linux_warn(const char *file, int line, const char *func)
{
	pr_err("WARNING: %s:%d at %s()\n", file, line, func);
}

void mm_linux_bug(const char *file, int line, const char *func)
{
	pr_err("kernel BUG at %s:%d, %s()\n", file, line, func);
	abort();
}
