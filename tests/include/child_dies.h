/* SPDX-License-Identifier: MIT */
/* A child process that must die with a message, or must not. For broken invariants. */
#ifndef TEST_CHILD_DIES_H
#define TEST_CHILD_DIES_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void child_run(int err, void (*fn)(void *arg), void *arg)
{
	struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGABRT, SIG_DFL);
	dup2(err, STDERR_FILENO);
	fn(arg);
	_exit(0);
}

/*
 * Does fn(arg) end by abort() with `text` on stderr? NULL: does it come back? What it said otherwise
 * is printed. Only one thread may be running.
 */
static inline bool child_dies(void (*fn)(void *arg), void *arg, const char *text)
{
	char said[4096];
	size_t len = 0;
	ssize_t got;
	int fds[2], status = 0;
	pid_t child;
	bool good;

	if (pipe(fds))
		return false;
	fflush(NULL);
	child = fork();
	if (!child)
		child_run(fds[1], fn, arg);
	close(fds[1]);
	while ((got = read(fds[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)got;
	said[len] = '\0';
	close(fds[0]);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return false;
	good = text ? WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, text)
		    : WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!good)
		fprintf(stderr, "child: status %#x, wanted \"%s\", said: %s\n", (unsigned)status,
			text ? text : "(life)", said);
	return good;
}

static inline bool child_lives(void (*fn)(void *arg), void *arg)
{
	return child_dies(fn, arg, NULL);
}

#endif
