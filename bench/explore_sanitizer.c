/* SPDX-License-Identifier: MIT */
/*
 * What the sanitizers do when they find something: end the run at once, as its schedule is the one that
 * shows it. Read by their runtimes before main().
 */

#if defined(__has_feature)
#define HAS(what) __has_feature(what)
#else
#define HAS(what) 0
#endif

#if defined(__SANITIZE_THREAD__) || HAS(thread_sanitizer)
const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
	return "halt_on_error=1:report_signal_unsafe=0";
}
#endif

#if defined(__SANITIZE_ADDRESS__) || HAS(address_sanitizer)
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* A leak of the library's is found by the machine's own count. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

const char *__ubsan_default_options(void)
{
	return "halt_on_error=1";
}
#endif

/* ISO C wants a file to declare something. */
extern int explore_sanitizer_unused;
