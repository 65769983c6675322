/* SPDX-License-Identifier: MIT */
/* The results of a session in the form that was asked for. */
#include "report.h"

#include "published.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void report_init(struct report *report, const struct bench_session *session)
{
	report->session = session;
	report->nr = results_aggregate(&session->results, &report->aggregates);
}

void report_free(struct report *report)
{
	free(report->aggregates);
	report->aggregates = NULL;
}

/* Of a virtual run; what is data only has no place for it. */
static void write_tables_behind(const struct report *report, enum bench_format format, FILE *out)
{
	if (format == FORMAT_CSV || format == FORMAT_JSON)
		return;
	watch_print(report, format == FORMAT_MARKDOWN, out);
	whatif_print(report, format == FORMAT_MARKDOWN, out);
}

void report_write(const struct report *report, enum bench_format format, FILE *out)
{
	switch (format) {
	case FORMAT_TABLE:
		report_table(report, out);
		break;
	case FORMAT_CSV:
		report_csv(report, out);
		break;
	case FORMAT_JSON:
		report_json(report, out);
		break;
	case FORMAT_MARKDOWN:
		report_markdown(report, out);
		break;
	case FORMAT_KERNEL:
		report_kernel(report, out);
		break;
	}
	write_tables_behind(report, format, out);
	published_print(report, format, out);
}

/* A full disk shows when the stream is flushed, not when it is written to. */
int report_write_file(const struct report *report, enum bench_format format, const char *path)
{
	FILE *out = fopen(path, "we");
	int failed;

	if (!out) {
		bench_fail(report->session, BENCH_FAILED, "%s: %s", path, strerror(errno));
		return -1;
	}
	report_write(report, format, out);
	failed = ferror(out);
	if (fclose(out) || failed) {
		bench_fail(report->session, BENCH_FAILED, "%s: cannot be written", path);
		return -1;
	}
	return 0;
}
