/* SPDX-License-Identifier: MIT */
/* What the harness asks the machine it runs on: CPUs it may use, memory, one line of a file. */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <stddef.h>
#include <stdint.h>

/* CPUs this process may run on; at least 1. */
unsigned host_cpu_count(void);

/* The number of the i-th CPU this process may run on, counting round and round. */
int host_cpu(unsigned i);

/* Bytes that can be allocated without swapping; 0 if the host does not say. */
uint64_t host_mem_available(void);

/* The first line of a file, without its newline; empty if it cannot be read. */
void host_read_line(const char *path, char *buf, size_t len);

/* The text behind "KEY:" or "KEY\t:" in a file of such lines; empty if there is none. */
void host_read_key(const char *path, const char *key, char *buf, size_t len);

#endif
