/* SPDX-License-Identifier: MIT */
/* One function per option: read its value, or say what is wrong with it. NULL: nothing is. */
#ifndef BENCH_OPTION_VALUES_H
#define BENCH_OPTION_VALUES_H

#include "options.h"

const char *options_set_threads(struct options *opt, const char *value);
const char *options_set_machine(struct options *opt, const char *value);
const char *options_set_mode(struct options *opt, const char *value);
const char *options_set_memory(struct options *opt, const char *value);
const char *options_set_repeat(struct options *opt, const char *value);
const char *options_set_warmup(struct options *opt, const char *value);
const char *options_set_seed(struct options *opt, const char *value);
const char *options_set_scale(struct options *opt, const char *value);
const char *options_set_case(struct options *opt, const char *value);
const char *options_set_set(struct options *opt, const char *value);
const char *options_set_format(struct options *opt, const char *value);
const char *options_set_progress(struct options *opt, const char *value);
const char *options_set_output(struct options *opt, const char *value);
const char *options_set_report(struct options *opt, const char *value);
const char *options_set_trace(struct options *opt, const char *value);

#endif
