/* SPDX-License-Identifier: MIT */
/* Schedules as files. */
#include "explore_file.h"

#include "explore_run.h"
#include "harness/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LINE = 128, MAX_TASK = INT32_MAX };

int explore_file_write(const char *path, const struct explore_file *file, char *msg, size_t len)
{
	char policy[EXPLORE_POLICY_LEN];
	FILE *out = fopen(path, "w");
	bool bad;

	if (!out) {
		snprintf(msg, len, "%s: %s", path, strerror(errno));
		return -1;
	}
	explore_policy_print(file->policy, file->depth, policy, sizeof(policy));
	fprintf(out, "mmsim-schedule 1\nbuild %s\ntest %s\npolicy %s\nseed %" PRIu64 "\n",
		file->build, file->test, policy, file->seed);
	fprintf(out, "machine %016" PRIx64 "\nsteps %" PRIu64 "\nhash %016" PRIx64 "\n",
		file->machine, file->steps, file->hash);
	for (size_t i = 0; i < file->nr; i++)
		fprintf(out, "%" PRIu64 " %u %u\n", file->choice[i].step, file->choice[i].task,
			file->choice[i].preempted);
	fputs("end\n", out);
	bad = ferror(out);
	if (fclose(out) || bad) {
		snprintf(msg, len, "%s: cannot be written", path);
		return -1;
	}
	return 0;
}

struct reader {
	const char *path;
	FILE *in;
	unsigned line;
	char text[MAX_LINE];
	char *msg;
	size_t len;
};

static int wrong(struct reader *r, const char *what)
{
	snprintf(r->msg, r->len, "%s: line %u: %s", r->path, r->line, what);
	return -1;
}

/* The next line, without its end. */
static int next_line(struct reader *r)
{
	size_t n;

	r->line++;
	if (!fgets(r->text, sizeof(r->text), r->in))
		return wrong(r, "the file ends here");
	n = strlen(r->text);
	if (!n || r->text[n - 1] != '\n')
		return wrong(r, "too long, or cut off");
	r->text[n - 1] = '\0';
	return 0;
}

/* The next line must be "key value". */
static int next_value(struct reader *r, const char *key, char *value, size_t room)
{
	char expected[MAX_LINE];
	size_t n = strlen(key);

	if (next_line(r))
		return -1;
	if (strncmp(r->text, key, n) || r->text[n] != ' ' || !r->text[n + 1] ||
	    strlen(r->text + n + 1) >= room) {
		snprintf(expected, sizeof(expected), "not '%s' and a value", key);
		return wrong(r, expected);
	}
	bench_copy(value, room, r->text + n + 1);
	return 0;
}

static int next_number(struct reader *r, const char *key, uint64_t *number)
{
	char value[MAX_LINE];

	if (next_value(r, key, value, sizeof(value)))
		return -1;
	return explore_parse_number(value, UINT64_MAX, number) ? 0 : wrong(r, "not a number");
}

static int next_hex(struct reader *r, const char *key, uint64_t *number)
{
	char value[MAX_LINE];

	if (next_value(r, key, value, sizeof(value)))
		return -1;
	if (strlen(value) != 16 || strspn(value, "0123456789abcdef") != 16)
		return wrong(r, "not 16 hexadecimal digits");
	*number = strtoull(value, NULL, 16);
	return 0;
}

static int read_head(struct reader *r, struct explore_file *file)
{
	char value[MAX_LINE];

	if (next_value(r, "mmsim-schedule", value, sizeof(value)))
		return -1;
	if (strcmp(value, "1"))
		return wrong(r, "not version 1");
	if (next_value(r, "build", file->build, sizeof(file->build)) ||
	    next_value(r, "test", file->test, sizeof(file->test)) ||
	    next_value(r, "policy", value, sizeof(value)))
		return -1;
	if (!explore_policy_parse(value, &file->policy, &file->depth))
		return wrong(r, "no such policy");
	if (next_number(r, "seed", &file->seed) || next_hex(r, "machine", &file->machine) ||
	    next_number(r, "steps", &file->steps))
		return -1;
	return next_hex(r, "hash", &file->hash);
}

/* "step task preempted" in r->text. */
static int parse_choice(struct reader *r, struct mmsim_choice *choice)
{
	char *word[3] = { r->text, NULL, NULL };
	uint64_t number[3];

	for (unsigned i = 1; i < 3; i++) {
		word[i] = strchr(word[i - 1], ' ');
		if (!word[i])
			return wrong(r, "not 'step task preempted'");
		*word[i]++ = '\0';
	}
	if (!explore_parse_number(word[0], UINT64_MAX, &number[0]) ||
	    !explore_parse_number(word[1], MAX_TASK, &number[1]) || !number[1] ||
	    !explore_parse_number(word[2], 1, &number[2]))
		return wrong(r, "not 'step task preempted'");
	*choice = (struct mmsim_choice){
		.step = number[0],
		.task = (uint32_t)number[1],
		.preempted = (uint32_t)number[2],
	};
	return 0;
}

static int read_choices(struct reader *r, struct explore_file *file)
{
	uint64_t last = 0;

	for (;;) {
		struct mmsim_choice choice;

		if (next_line(r))
			return -1;
		if (!strcmp(r->text, "end"))
			return 0;
		if (file->nr == EXPLORE_MAX_CHOICES)
			return wrong(r, "too many choices");
		if (parse_choice(r, &choice))
			return -1;
		if (choice.step <= last)
			return wrong(r, "steps do not ascend");
		last = choice.step;
		file->choice[file->nr++] = choice;
	}
}

static int read_all(struct reader *r, struct explore_file *file)
{
	if (read_head(r, file) || read_choices(r, file))
		return -1;
	r->line++;
	return fgetc(r->in) == EOF ? 0 : wrong(r, "something follows the end");
}

/* Opening a FIFO would wait for who writes it, and so would reading: neither is tried. */
static FILE *open_regular(const char *path, char *msg, size_t len)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *in = NULL;
	struct stat is;

	if (fd < 0 || fstat(fd, &is))
		snprintf(msg, len, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(is.st_mode))
		snprintf(msg, len, "%s: not a regular file", path);
	else if (!(in = fdopen(fd, "r")))
		snprintf(msg, len, "%s: %s", path, strerror(errno));
	if (!in && fd >= 0)
		close(fd);
	return in;
}

int explore_file_read(const char *path, struct explore_file *file, char *msg, size_t len)
{
	struct reader r = { .path = path, .msg = msg, .len = len };
	int err;

	memset(file, 0, sizeof(*file));
	r.in = open_regular(path, msg, len);
	if (!r.in)
		return -1;
	file->choice = bench_calloc(EXPLORE_MAX_CHOICES, sizeof(*file->choice));
	err = read_all(&r, file);
	fclose(r.in);
	if (err)
		free(file->choice);
	return err;
}
