/* SPDX-License-Identifier: MIT */
/* The command line that every benchmark program has: the list of options and the loop over argv. */
#include "options.h"

#include "option_values.h"
#include "util.h"

#include <getopt.h>
#include <string.h>

struct option_kind {
	const char *name;
	const char *(*set)(struct options *opt, const char *value);
	bool has_value;
};

static const char *set_list(struct options *opt, const char *value)
{
	(void)value;
	opt->action = ACTION_LIST;
	return NULL;
}

static const char *set_help(struct options *opt, const char *value)
{
	(void)value;
	opt->action = ACTION_HELP;
	return NULL;
}

static const char *set_version(struct options *opt, const char *value)
{
	(void)value;
	opt->action = ACTION_VERSION;
	return NULL;
}

static const char *set_what_if(struct options *opt, const char *value)
{
	(void)value;
	opt->what_if = true;
	return NULL;
}

static const char *set_locks(struct options *opt, const char *value)
{
	(void)value;
	opt->locks = true;
	return NULL;
}

/* --report is last: programs that do not take it see a shorter list. */
static const struct option_kind kinds[] = {
	{ "threads", options_set_threads, true },
	{ "machine", options_set_machine, true },
	{ "mode", options_set_mode, true },
	{ "memory", options_set_memory, true },
	{ "repeat", options_set_repeat, true },
	{ "warmup", options_set_warmup, true },
	{ "seed", options_set_seed, true },
	{ "scale", options_set_scale, true },
	{ "case", options_set_case, true },
	{ "set", options_set_set, true },
	{ "format", options_set_format, true },
	{ "output", options_set_output, true },
	{ "what-if", set_what_if, false },
	{ "locks", set_locks, false },
	{ "trace", options_set_trace, true },
	{ "progress", options_set_progress, true },
	{ "list", set_list, false },
	{ "help", set_help, false },
	{ "version", set_version, false },
	{ "report", options_set_report, true },
};

void options_init(struct options *opt)
{
	memset(opt, 0, sizeof(*opt));
	opt->machine = "host";
	opt->repeat = 5;
	opt->warmup = 1;
	opt->seed = 1;
	opt->scale = 1;
}

/* getopt's own form of the list; its val is the index into kinds, out of the range of letters. */
#define VAL_BASE 1000

static void getopt_list(const struct options *opt, struct option *list)
{
	size_t nr = ARRAY_LEN(kinds) - (opt->takes_report ? 0 : 1);

	for (size_t i = 0; i < nr; i++) {
		list[i] = (struct option){
			.name = kinds[i].name,
			.has_arg = kinds[i].has_value ? required_argument : no_argument,
			.val = VAL_BASE + (int)i,
		};
	}
	memset(&list[nr], 0, sizeof(list[nr]));
}

/* optopt: 0 for an unknown long option, the val of a known one that is misused, or a letter. */
static int refuse(char *const *argv, int result, char *msg, size_t len)
{
	if (result == ':')
		snprintf(msg, len, "--%s: a value is missing", kinds[optopt - VAL_BASE].name);
	else if (optopt >= VAL_BASE)
		snprintf(msg, len, "%s: takes no value", argv[optind - 1]);
	else if (optopt)
		snprintf(msg, len, "-%c: no such option, try --help", optopt);
	else
		snprintf(msg, len, "%s: no such option, try --help", argv[optind - 1]);
	return -1;
}

static int apply(struct options *opt, const struct option_kind *kind, char *msg, size_t len)
{
	const char *wrong = kind->set(opt, optarg);

	if (!wrong)
		return 0;
	snprintf(msg, len, "--%s: '%s': %s", kind->name, optarg, wrong);
	return -1;
}

/* What holds between options, in whatever order they came. */
static const char *settle(struct options *opt)
{
	bool data_only = opt->format == FORMAT_CSV || opt->format == FORMAT_JSON;

	if (opt->virtual_time) {
		opt->repeat = opt->repeat_given ? opt->repeat : 1;
		opt->warmup = opt->warmup_given ? opt->warmup : 0;
	} else if (opt->what_if || opt->locks || opt->trace) {
		return "add --mode virtual: there is nothing of the kind in native mode";
	}
	if (data_only && (opt->what_if || opt->locks))
		return "prints a table: --format csv and json have no place for it";
	return NULL;
}

static int check_together(struct options *opt, char *msg, size_t len)
{
	const char *wrong = settle(opt);

	if (!wrong)
		return 0;
	snprintf(msg, len, "%s: %s",
		 opt->what_if ? "--what-if"
		 : opt->locks ? "--locks"
			      : "--trace",
		 wrong);
	return -1;
}

int options_parse(struct options *opt, int argc, char **argv, char *msg, size_t len)
{
	struct option list[ARRAY_LEN(kinds) + 1];
	int result;

	getopt_list(opt, list);
	opterr = 0;
	optind = 0; /* glibc: start over */
	while ((result = getopt_long(argc, argv, ":", list, NULL)) != -1) {
		if (result < VAL_BASE)
			return refuse(argv, result, msg, len);
		if (apply(opt, &kinds[result - VAL_BASE], msg, len))
			return -1;
	}
	if (optind < argc) {
		snprintf(msg, len, "'%s': no argument is expected, try --help", argv[optind]);
		return -1;
	}
	return check_together(opt, msg, len);
}

bool options_has_case(const struct options *opt, const char *name)
{
	for (unsigned i = 0; i < opt->nr_cases; i++)
		if (!strcmp(opt->case_name[i], name))
			return true;
	return false;
}

const char *options_help(void)
{
	return "  --threads LIST      1,2,4 | 1..64:x2 | 25%,50%,100%, or a mixture\n"
	       "  --machine SHAPE     host, a topology such as "
	       "'pack:2 node:1(memory=64G) core:4 pu:2',\n"
	       "                      or a profile such as bench/machines/skylake-8167m.ini\n"
	       "  --mode MODE         native, or virtual: many CPUs in modelled time (native)\n"
	       "  --memory SIZE       memory of the machine, such as 24G\n"
	       "  --repeat N          measured repetitions (5; virtual 1)\n"
	       "  --warmup N          repetitions before, not counted (1; virtual 0)\n"
	       "  --seed N            of everything random (1)\n"
	       "  --scale SHARE       do this share of the work, such as 1/100\n"
	       "  --case NAME[,NAME]  only these cases, see --list\n"
	       "  --set KEY=VALUE     change a figure, see --list; one of the machine's also by a\n"
	       "                      factor: wake=0.5x\n"
	       "  --format FORMAT     table, csv, json, markdown or kernel (table)\n"
	       "  --output FILE       write the data there instead of to stdout\n"
	       "  --what-if           virtual: which figure of the machine, 10 % cheaper, helps "
	       "most;\n"
	       "                      every case at its largest thread count\n"
	       "  --locks             virtual: how often and how long locks were waited for\n"
	       "  --trace FILE        virtual: timeline of the last cell for Perfetto or "
	       "chrome://tracing;\n"
	       "                      implies --locks\n"
	       "  --progress WHEN     auto, always or never (auto: if stderr is a terminal)\n"
	       "  --list              cases, metrics and figures of this program\n"
	       "  --help, --version\n";
}
