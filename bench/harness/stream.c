/* SPDX-License-Identifier: MIT */
/* The memory-bandwidth floor: how fast this host can write a given range at all. */
#include "stream.h"

#include "gate.h"
#include "util.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define STREAM_LINE 64
#define STREAM_BYTE 0xa5

typedef void (*fill_fn)(char *start, size_t bytes);

static void fill_memset(char *start, size_t bytes)
{
	memset(start, STREAM_BYTE, bytes);
	bench_keep(start);
}

#ifdef __x86_64__
static void lines_sse2(char *line, const char *end)
{
	const __m128i value = _mm_set1_epi8((char)STREAM_BYTE);

	for (; line < end; line += STREAM_LINE) {
		_mm_stream_si128((__m128i *)(void *)line, value);
		_mm_stream_si128((__m128i *)(void *)(line + 16), value);
		_mm_stream_si128((__m128i *)(void *)(line + 32), value);
		_mm_stream_si128((__m128i *)(void *)(line + 48), value);
	}
}

__attribute__((target("avx512f"))) static void lines_avx512(char *line, const char *end)
{
	const __m512i value = _mm512_set1_epi32((int)(STREAM_BYTE * 0x01010101u));

	for (; line < end; line += STREAM_LINE)
		_mm512_stream_si512((__m512i *)(void *)line, value);
}

/* Whole cache lines past the cache, what sticks out at the ends through it. */
static void fill_lines(char *start, size_t bytes, void (*lines)(char *line, const char *end))
{
	size_t head = (size_t)(-(uintptr_t)start % STREAM_LINE);
	size_t body;

	if (head > bytes)
		head = bytes;
	body = (bytes - head) / STREAM_LINE * STREAM_LINE;
	memset(start, STREAM_BYTE, head);
	lines(start + head, start + head + body);
	memset(start + head + body, STREAM_BYTE, bytes - head - body);
	_mm_sfence(); /* not written until it has left the write-combining buffers */
	bench_keep(start);
}

static void fill_sse2(char *start, size_t bytes)
{
	fill_lines(start, bytes, lines_sse2);
}

static void fill_avx512(char *start, size_t bytes)
{
	fill_lines(start, bytes, lines_avx512);
}

static fill_fn nontemporal(void)
{
	return __builtin_cpu_supports("avx512f") ? fill_avx512 : fill_sse2;
}

const char *stream_name(void)
{
	return __builtin_cpu_supports("avx512f") ? "AVX-512" : "SSE2";
}
#else
static fill_fn nontemporal(void)
{
	return fill_memset;
}

const char *stream_name(void)
{
	return "memset";
}
#endif

struct worker {
	const struct stream_part *part;
	fill_fn fill;
	struct gate *gate;
	uint64_t start_ns;
	uint64_t end_ns;
};

/* A thread that may not be bound runs where it likes: slower at worst, never wrong. */
static void bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	bind_to(w->part->cpu);
	gate_wait(w->gate);
	w->start_ns = bench_now();
	w->fill(w->part->start, w->part->bytes);
	w->end_ns = bench_now();
	return NULL;
}

static uint64_t span_of(const struct worker *workers, unsigned nr)
{
	uint64_t first = workers[0].start_ns;
	uint64_t last = workers[0].end_ns;

	for (unsigned i = 1; i < nr; i++) {
		if (workers[i].start_ns < first)
			first = workers[i].start_ns;
		if (workers[i].end_ns > last)
			last = workers[i].end_ns;
	}
	return last - first;
}

/* Start all; those that started wait at the gate, so missing ones are made up for there. */
static unsigned start_workers(struct worker *workers, pthread_t *threads, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			return i;
	return nr;
}

uint64_t stream_fill(const struct stream_part *parts, unsigned nr, enum stream_how how)
{
	fill_fn fill = how == STREAM_MEMSET ? fill_memset : nontemporal();
	struct worker *workers = bench_calloc(nr, sizeof(*workers));
	pthread_t *threads = bench_calloc(nr, sizeof(*threads));
	struct gate gate;
	unsigned started;
	uint64_t ns = 0;

	gate_init(&gate, nr);
	for (unsigned i = 0; i < nr; i++)
		workers[i] = (struct worker){ .part = &parts[i], .fill = fill, .gate = &gate };
	started = start_workers(workers, threads, nr);
	for (unsigned i = started; i < nr; i++)
		gate_arrive(&gate);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (started == nr)
		ns = span_of(workers, nr);
	free(threads);
	free(workers);
	return ns;
}
