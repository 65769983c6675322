/* SPDX-License-Identifier: MIT */
/* Reading a published table. */
#include "published.h"

#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE 65536
#define MAX_LINE 1024
#define MAX_THREADS 65535
#define COLUMNS "threads,value,sd"

struct reader {
	struct published_table *table;
	const char *path;
	unsigned line;
	unsigned calibrated_line;
	unsigned given; /* keys so far, a bit each */
	bool in_rows;
	char *msg;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct reader *r, const char *fmt,
							...)
{
	va_list ap;

	snprintf(r->msg, r->len, "%s:%u: ", r->path, r->line);
	if (r->len == 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(r->msg + strlen(r->msg), r->len - strlen(r->msg), fmt, ap);
	va_end(ap);
	return -1;
}

/* A plain decimal, as tables print them: no sign, exponent, hexadecimal or space. */
static int parse_decimal(const char *text, double *value, int *decimals)
{
	size_t whole = strspn(text, "0123456789");
	size_t rest = text[whole] == '.' ? 1 + strspn(text + whole + 1, "0123456789") : 0;

	if (whole == 0 || rest == 1 || text[whole + rest] != '\0' || whole + rest > 18)
		return -1;
	*value = strtod(text, NULL);
	*decimals = rest ? (int)rest - 1 : 0;
	return 0;
}

/* Returns what follows the number, or NULL. */
static const char *parse_threads(const char *text, unsigned *threads)
{
	size_t n = strspn(text, "0123456789");
	unsigned long value;

	if (n == 0 || n > 5)
		return NULL;
	value = strtoul(text, NULL, 10);
	if (value > MAX_THREADS)
		return NULL;
	*threads = (unsigned)value;
	return text + n;
}

static int set_sd(struct reader *r, const char *value)
{
	r->table->sd_percent = true;
	return strcmp(value, "%") ? refuse(r, "sd: '%s': must be %%", value) : 0;
}

static int set_better(struct reader *r, const char *value)
{
	r->table->more_is_better = !strcmp(value, "more");
	if (r->table->more_is_better || !strcmp(value, "less"))
		return 0;
	return refuse(r, "better: '%s': must be more or less", value);
}

static int set_resolution(struct reader *r, const char *value)
{
	int decimals;

	if (parse_decimal(value, &r->table->resolution, &decimals) || r->table->resolution <= 0)
		return refuse(r, "resolution: '%s': must be a number above 0", value);
	return 0;
}

static int set_calibrated(struct reader *r, const char *value)
{
	const char *rest = parse_threads(value, &r->table->calibrated);

	if (!rest || (*rest && strncmp(rest, " of ", 4) != 0))
		return refuse(r, "calibrated: '%s': must be a row, or a row and ' of VERSION'",
			      value);
	bench_copy(r->table->calibrated_of, sizeof(r->table->calibrated_of), *rest ? rest + 4 : "");
	r->calibrated_line = r->line;
	return 0;
}

/* "CASE; what it is" */
static int set_row0(struct reader *r, const char *value)
{
	struct published_table *t = r->table;
	size_t n = strcspn(value, "; ");

	if (n == 0 || n >= sizeof(t->row0_case) || strncmp(value + n, "; ", 2) != 0)
		return refuse(r, "row0: '%s': must be 'CASE; what it is', CASE may be none", value);
	bench_copy(t->row0_case, n + 1, value);
	if (!strcmp(t->row0_case, "none"))
		t->row0_case[0] = '\0';
	bench_copy(t->row0, sizeof(t->row0), value + n + 2);
	return 0;
}

static int set_row0_threads(struct reader *r, const char *value)
{
	const char *rest = parse_threads(value, &r->table->row0_threads);

	if (!rest || *rest || !r->table->row0_threads)
		return refuse(r, "row0-threads: '%s': must be a number from 1 to %d", value,
			      MAX_THREADS);
	return 0;
}

static int set_note(struct reader *r, const char *value)
{
	(void)r;
	(void)value;
	return 0;
}

#define TEXT_KEY(name, field, needed)                                              \
	{                                                                          \
		name, offsetof(struct published_table, field),                     \
			sizeof(((struct published_table *)0)->field), needed, NULL \
	}
#define CALL_KEY(name, call)            \
	{                               \
		name, 0, 0, false, call \
	}

static const struct {
	const char *name;
	size_t at; /* of its text in the table */
	size_t len;
	bool needed;
	int (*set)(struct reader *r, const char *value); /* instead of the text */
} keys[] = {
	TEXT_KEY("title", title, true),
	TEXT_KEY("source", source, true),
	TEXT_KEY("machine", machine, true),
	TEXT_KEY("bench", bench, true),
	TEXT_KEY("case", case_name, false),
	TEXT_KEY("threads", threads, true),
	TEXT_KEY("unit", unit, true),
	TEXT_KEY("table", table, false),
	TEXT_KEY("version", version, false),
	TEXT_KEY("metric", metric, false),
	TEXT_KEY("impl", impl, false),
	TEXT_KEY("row0-impl", row0_impl, false),
	CALL_KEY("row0", set_row0),
	CALL_KEY("row0-threads", set_row0_threads),
	CALL_KEY("sd", set_sd),
	CALL_KEY("better", set_better),
	CALL_KEY("resolution", set_resolution),
	CALL_KEY("calibrated", set_calibrated),
	CALL_KEY("note", set_note), /* the last: may be repeated */
};

static int set_key(struct reader *r, size_t key, const char *value)
{
	if ((r->given & 1u << key) && key + 1 < ARRAY_LEN(keys))
		return refuse(r, "%s: is there twice", keys[key].name);
	r->given |= 1u << key;
	if (*value == '\0')
		return refuse(r, "%s: is empty", keys[key].name);
	if (keys[key].set)
		return keys[key].set(r, value);
	if (strlen(value) >= keys[key].len)
		return refuse(r, "%s: longer than %zu characters", keys[key].name,
			      keys[key].len - 1);
	bench_copy((char *)r->table + keys[key].at, keys[key].len, value);
	return 0;
}

static int read_header(struct reader *r, const char *line)
{
	const char *text = line + 2;
	const char *colon = strchr(line, ':');

	if (strncmp(line, "# ", 2) != 0 || !colon || colon < text)
		return refuse(r, "must be '# KEY: TEXT' or '%s'", COLUMNS);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strlen(keys[i].name) == (size_t)(colon - text) &&
		    !strncmp(keys[i].name, text, strlen(keys[i].name)))
			return set_key(r, i, colon + 1 + strspn(colon + 1, " "));
	return refuse(r, "'%.*s': no such key", (int)(colon - text), text);
}

bool published_has_bench(const struct published_table *table)
{
	return strncmp(table->bench, "none yet: ", 10) != 0;
}

/* A file name in bench/machines: what a session compares with its own. */
static bool is_machine(const char *name)
{
	size_t n = strlen(name);

	if (!strcmp(name, "none"))
		return true;
	return n > 4 && !strcmp(name + n - 4, ".ini") && !strchr(name, '/');
}

static int end_header(struct reader *r)
{
	const struct published_table *t = r->table;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].needed && !(r->given & 1u << i))
			return refuse(r, "no '# %s:' line before the rows", keys[i].name);
	if (!is_machine(t->machine))
		return refuse(r, "machine: '%s': must be NAME.ini or none", t->machine);
	if (published_has_bench(t) != (t->case_name[0] != '\0'))
		return refuse(r, "case: %s with bench '%s'",
			      t->case_name[0] ? "must not be given" : "is missing", t->bench);
	if (t->version[0] && !t->table[0])
		return refuse(r, "version: needs a '# table:' line");
	if ((t->row0_impl[0] || t->row0_threads) && !t->row0_case[0])
		return refuse(r, "row0-impl, row0-threads: need a '# row0: CASE; …' line");
	r->in_rows = true;
	return 0;
}

static int add_row(struct reader *r, const struct published_row *row)
{
	struct published_table *t = r->table;

	if (t->nr_rows == PUBLISHED_MAX_ROWS)
		return refuse(r, "more than %d rows", PUBLISHED_MAX_ROWS);
	if (t->nr_rows && t->row[t->nr_rows - 1].threads >= row->threads)
		return refuse(r, "threads: %u after %u: must ascend", row->threads,
			      t->row[t->nr_rows - 1].threads);
	if (row->threads == 0 && !t->row0[0])
		return refuse(r, "row 0 without a '# row0:' line");
	t->row[t->nr_rows++] = *row;
	return 0;
}

static int read_row(struct reader *r, char *line)
{
	struct published_row row = { .sd = NAN };
	char *value = strchr(line, ',');
	char *sd = value ? strchr(value + 1, ',') : NULL;
	const char *rest;
	int decimals;

	if (!sd)
		return refuse(r, "must be '%s'", COLUMNS);
	*value++ = '\0';
	*sd++ = '\0';
	rest = parse_threads(line, &row.threads);
	if (!rest || *rest)
		return refuse(r, "threads: '%s': must be a number from 0 to %d", line, MAX_THREADS);
	if (*sd && parse_decimal(sd, &row.sd, &decimals))
		return refuse(r, "sd: '%s': must be a plain number, or nothing", sd);
	if (parse_decimal(value, &row.value, &decimals) || row.value <= 0)
		return refuse(r, "value: '%s': must be a plain number above 0", value);
	if (decimals > r->table->decimals)
		r->table->decimals = decimals;
	if (r->table->sd_percent)
		row.sd *= row.value / 100;
	return add_row(r, &row);
}

static int read_line(struct reader *r, const char *text, size_t n)
{
	char line[MAX_LINE];

	r->line++;
	if (n > 0 && text[n - 1] == '\r')
		n--;
	if (n >= sizeof(line))
		return refuse(r, "longer than %d characters", MAX_LINE - 1);
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)text[i]))
			return refuse(r, "a control character, byte %zu", i + 1);
	memcpy(line, text, n);
	line[n] = '\0';
	if (r->in_rows)
		return read_row(r, line);
	return strcmp(line, COLUMNS) ? read_header(r, line) : end_header(r);
}

static int end_file(struct reader *r)
{
	const struct published_table *t = r->table;

	if (!r->in_rows || t->nr_rows == 0)
		return refuse(r, "ends without %s", r->in_rows ? "a row" : "'" COLUMNS "'");
	for (unsigned i = 0; i < t->nr_rows; i++)
		if (t->row[i].threads == t->calibrated)
			return 0;
	if (t->calibrated == PUBLISHED_NONE)
		return 0;
	r->line = r->calibrated_line;
	return refuse(r, "calibrated: no row has %u threads", t->calibrated);
}

int published_parse(struct published_table *table, const char *path, const char *text,
		    size_t text_len, char *msg, size_t len)
{
	struct reader r = { .table = table, .path = path, .msg = msg, .len = len };
	const char *slash = strrchr(path, '/');

	memset(table, 0, sizeof(*table));
	table->calibrated = PUBLISHED_NONE;
	bench_copy(table->file, sizeof(table->file), slash ? slash + 1 : path);
	while (text_len > 0) {
		const char *end = memchr(text, '\n', text_len);
		size_t n = end ? (size_t)(end - text) : text_len;

		if (read_line(&r, text, n))
			return -1;
		n += end != NULL;
		text += n;
		text_len -= n;
	}
	return end_file(&r);
}

int published_read(struct published_table *table, const char *path, char *msg, size_t len)
{
	FILE *in = fopen(path, "re");
	char *text;
	size_t n;
	int rc = -1;

	if (!in) {
		snprintf(msg, len, "%s: %s", path, strerror(errno));
		return -1;
	}
	text = bench_calloc(MAX_FILE + 1, 1);
	errno = 0;
	n = fread(text, 1, MAX_FILE + 1, in);
	if (ferror(in))
		snprintf(msg, len, "%s: %s", path, strerror(errno));
	else if (n > MAX_FILE)
		snprintf(msg, len, "%s: longer than %d bytes", path, MAX_FILE);
	else
		rc = published_parse(table, path, text, n, msg, len);
	fclose(in);
	free(text);
	return rc;
}
