/* SPDX-License-Identifier: MIT */
/*
 * Tidy data: one row per bench, case, implementation, parameters, mode, machine, threads,
 * repetition and metric. Every value measured is there, nothing computed from several.
 */
#include "report.h"

#include "json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Quoted only where the text needs it. */
static void put_text(FILE *out, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void put_value(FILE *out, double value, const char *unit)
{
	char buf[32];

	if (!strcmp(unit, "ns"))
		snprintf(buf, sizeof(buf), "%.0f", value);
	else
		json_format_double(buf, sizeof(buf), value);
	fputs(buf, out);
}

static void put_row(const struct report *report, const struct result_run *run,
		    const struct bench_metric *metric, double value, FILE *out)
{
	const struct result_key *key = &run->key;
	const char *const text[] = { key->bench, key->case_name, key->impl, report->session->params,
				     key->mode,  key->machine };

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		put_text(out, text[i]);
		fputc(',', out);
	}
	fprintf(out, "%u,%u,%s,%s,", key->threads, run->rep, metric->name, metric->unit);
	put_value(out, value, metric->unit);
	fputc('\n', out);
}

void report_csv(const struct report *report, FILE *out)
{
	const struct results *r = &report->session->results;

	fputs("bench,case,impl,params,mode,machine,threads,rep,metric,unit,value\n", out);
	for (size_t i = 0; i < r->nr; i++) {
		for (unsigned k = 0; k < r->nr_metrics; k++) {
			double value = results_value(r, i, k);

			if (isfinite(value))
				put_row(report, &r->runs[i], &r->metrics[k], value, out);
		}
	}
}
