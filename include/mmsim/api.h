/* SPDX-License-Identifier: MIT */
/*
 * The two attributes that every public header uses, and the conventions they share.
 *
 * Return codes: calls return 0 or a negative errno out of the list in their comment; calls that
 * return a pointer return NULL. Whenever a call refuses an argument it leaves everything as it was
 * and passes one line naming the argument and its value to the machine's log (config.h) and to
 * mmsim_last_message() (machine.h).
 *
 * Pointers must not be NULL where a comment does not allow it. Before version 1.0 a new version may
 * change structs: build programs against the headers of the library they run with.
 *
 * Context: "any" means that the call may be made from every thread, from a task on a simulated CPU
 * or from outside. A thread from outside is put on a simulated CPU for the length of the call. "May
 * wait" means that the caller may be parked; it must hold no mmsim lock, which no caller of this
 * interface can.
 */
#ifndef MMSIM_API_H
#define MMSIM_API_H

#ifdef __cplusplus
#define MMSIM_BEGIN_DECLS extern "C" {
#define MMSIM_END_DECLS }
#else
#define MMSIM_BEGIN_DECLS
#define MMSIM_END_DECLS
#endif

#define MMSIM_API __attribute__((visibility("default")))
#define MMSIM_MUST_CHECK __attribute__((warn_unused_result))

struct mmsim;

#endif
