/* SPDX-License-Identifier: MIT */
/*
 * One scenario in every mode: the books end as they began, and alike. But natively, the events are the
 * same to the last field in every run, wherever the host put its memory.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "page_churn.h"
#include "sim_config.h"

#define SEED UINT64_C(20260701)
#define CPUS 4
#define STEPS 600
#define UNITS 4096

struct scenario {
	struct mmsim *m;
	struct churn task[CPUS];
	uint8_t units[UNITS]; /* atomic: how often the job has done each */
};

/* One writer at a time: not hashed natively. */
struct trace {
	uint64_t hash, events;
};

/* Explored tasks call this in an order that ThreadSanitizer does not see. */
static __attribute__((no_sanitize("thread"))) void hash_event(void *ctx,
							      const struct mmsim_event *event)
{
	struct trace *t = ctx;
	const uint64_t words[] = {
		event->id,  event->cpu, event->pfn, event->order, (uint32_t)event->migratetype,
		event->gfp, event->arg
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		t->hash ^= words[i];
		t->hash *= UINT64_C(0x100000001b3);
		t->hash ^= t->hash >> 29;
	}
	t->events++;
}

/* Waits now and then, for a job of its own: tasks take turns there. */
static void work(unsigned long start, unsigned long end, void *arg)
{
	struct scenario *s = arg;

	for (unsigned long i = start; i < end; i++)
		__atomic_add_fetch(&s->units[i], 1, __ATOMIC_RELAXED);
}

static void run_job(struct scenario *s, unsigned long start, unsigned long size)
{
	struct mmsim_padata_mt_job job = {
		.thread_fn = work,
		.fn_arg = s,
		.start = start,
		.size = size,
		.min_chunk = 16,
	};

	mmsim_padata_do_multithreaded(s->m, &job);
}

static void task(unsigned i, void *arg)
{
	struct scenario *s = arg;
	const unsigned long share = UNITS / CPUS / 2;

	churn_steps(&s->task[i], STEPS);
	run_job(s, i * share, share);
	churn_steps(&s->task[i], STEPS);
	churn_free_all(&s->task[i]);
}

static struct scenario *run_scenario(struct mmsim *m)
{
	struct scenario *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->m = m;
	for (unsigned i = 0; i < CPUS; i++)
		churn_init(&s->task[i], m, SEED, i);
	if (mmsim_run(m, CPUS, task, s))
		s->task[0].wrong = "mmsim_run() failed";
	run_job(s, UNITS / 2, UNITS / 2);
	return s;
}

static void assert_scenario(struct scenario *s)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < CPUS; i++) {
		if (s->task[i].wrong)
			fail_msg("seed %" PRIu64 ", task %u: %s", SEED, i, s->task[i].wrong);
		pages += s->task[i].pages;
	}
	assert_true(pages > CPUS * STEPS);
	for (unsigned i = 0; i < UNITS; i++)
		assert_int_equal(s->units[i], 1);
	free(s);
}

static struct mmsim_explore explore; /* random; one machine at a time */

static struct mmsim *create(unsigned shape, enum mmsim_mode mode)
{
	const char *name;
	struct mmsim_config *cfg = sim_config_shape(shape, mode, &name);
	struct mmsim *m = NULL;

	if (!cfg)
		return NULL;
	cfg->flags |= MMSIM_BACK_PAGES;
	cfg->explore = &explore;
	if (mmsim_create(cfg, &m))
		fprintf(stderr, "%s: cannot be created\n", name);
	free(cfg);
	return m;
}

/* Returns the books of the machine when it was new, which are those at the end. */
static struct sim_books final_books(unsigned shape, enum mmsim_mode mode)
{
	struct mmsim *m = create(shape, mode);
	struct sim_books fresh, books;

	assert_non_null(m);
	sim_books_read(m, &fresh);
	assert_int_equal(fresh.free, fresh.managed);
	assert_scenario(run_scenario(m));
	mmsim_drain_all_pages(m);
	sim_books_read(m, &books);
	assert_true(sim_books_equal(&fresh, &books));
	assert_int_equal(mmsim_validate(m), fresh.managed);
	mmsim_destroy(m);
	return books;
}

static void modes_end_alike(void **state)
{
	const char *name;
	struct mmsim_config *cfg;

	(void)state;
	for (unsigned shape = 0; (cfg = sim_config_shape(shape, MMSIM_NATIVE, &name)); shape++) {
		struct sim_books native = final_books(shape, MMSIM_NATIVE);

		print_message("  %s\n", name);
		for (int mode = MMSIM_SERIAL; mode <= MMSIM_EXPLORE; mode++) {
			struct sim_books books = final_books(shape, (enum mmsim_mode)mode);

			assert_true(sim_books_equal(&native, &books));
		}
		free(cfg);
	}
}

/* From the cold machine on, so that growing and booting are in it. */
static struct trace trace_run(unsigned shape, enum mmsim_mode mode)
{
	struct trace t = { .hash = UINT64_C(0xcbf29ce484222325) };
	struct mmsim_sched_info sched;
	struct mmsim *m = create(shape, mode);

	if (!m)
		return t;
	mmsim_trace_set(m, hash_event, &t);
	free(run_scenario(m));
	mmsim_reset(m);
	if (mmsim_boot_early(m) || !mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 10))
		t.hash = 0;
	free(run_scenario(m));
	t.hash += mmsim_boot(m) ? 1 : mmsim_now(m);
	mmsim_sched_info(m, &sched);
	t.hash += sched.events ^ sched.switches << 32;
	mmsim_destroy(m);
	return t;
}

/* Every shape in every mode but the native one. */
#define TRACES (4 * MMSIM_EXPLORE)

static struct trace trace_nth(unsigned i)
{
	return trace_run(i % 4, (enum mmsim_mode)(MMSIM_SERIAL + i / 4));
}

static void runs_are_identical(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TRACES; i++) {
		struct trace a = trace_nth(i), b = trace_nth(i);

		assert_true(a.events > 2 * CPUS * STEPS);
		if (a.events != b.events || a.hash != b.hash)
			fail_msg("trace %u, seed %" PRIu64 ": %" PRIu64 " events %#" PRIx64
				 ", then %" PRIu64 " events %#" PRIx64,
				 i, SEED, a.events, a.hash, b.events, b.hash);
	}
}

/* A child with its memory elsewhere. */
static void exec_self(int out, bool randomize, const char *pad)
{
	int now = personality(0xffffffff);

	dup2(out, STDOUT_FILENO);
	if (now >= 0)
		personality((unsigned long)(randomize ? now & ~ADDR_NO_RANDOMIZE
						      : now | ADDR_NO_RANDOMIZE));
	execl("/proc/self/exe", "test_parity", "--trace", pad, (char *)NULL);
	_exit(127);
}

static bool child_trace(bool randomize, const char *pad, char *text, size_t len)
{
	int fds[2], status = 1;
	size_t used = 0;
	ssize_t got;
	pid_t child;

	if (pipe(fds))
		return false;
	fflush(NULL);
	child = fork();
	if (!child)
		exec_self(fds[1], randomize, pad);
	close(fds[1]);
	while ((got = read(fds[0], text + used, len - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	close(fds[0]);
	return waitpid(child, &status, 0) == child && !status && used;
}

static void runs_do_not_depend_on_addresses(void **state)
{
	char fixed[1024], other[1024];

	(void)state;
	assert_true(child_trace(false, "0", fixed, sizeof(fixed)));
	for (int i = 0; i < 3; i++) {
		assert_true(child_trace(i != 0, i ? "12345" : "777", other, sizeof(other)));
		assert_string_equal(fixed, other);
	}
}

/* `pad` bytes are taken first, so that nothing lies where it would have lain. */
static int print_traces(const char *pad)
{
	char *shift = malloc((size_t)atoi(pad) + 1);

	for (unsigned i = 0; i < TRACES; i++) {
		struct trace t = trace_nth(i);

		printf("%u %" PRIu64 " %" PRIx64 "\n", i, t.events, t.hash);
	}
	free(shift);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes_end_alike),
		cmocka_unit_test(runs_are_identical),
		cmocka_unit_test(runs_do_not_depend_on_addresses),
	};

	if (argc == 3 && !strcmp(argv[1], "--trace"))
		return print_traces(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
