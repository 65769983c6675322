/* SPDX-License-Identifier: MIT */
/*
 * The machine's helpers, and how a job gets some of them.
 *
 * One helper per CPU: a task that watches a slot of its own, for a moment awake and then asleep. Who
 * wants help claims helpers, works out how to cut his work, puts a call into their slots and starts to work
 * himself. A helper joins by changing its slot from "offered" to "busy"; when the work has been handed
 * out, the caller changes back those that are still "offered". Exactly one of the two succeeds.
 *
 * Counterpart: padata's works and ktask's, with the kworkers under them. Difference: those are queued
 * and then waited for, also when they have not started; here the caller waits only for who has joined,
 * so a helper whose CPU somebody else keeps costs nothing.
 *
 *  C1: a helper is claimed by at most one caller; only he offers to it, only he or it ends the offer.
 *  C2: a helper that has joined touches the call for the last time when it counts itself in `gone`.
 *  C3: when mm_job_crew_end() returns, nobody is at the call and nobody will come.
 *  C4: at most one helper of a call runs at a priority that its caller lent.
 *
 * Locking: none; slots are atomic. Cost: claiming O(CPUs of the node); per helper two line transfers.
 */
#ifndef MM_JOB_CREW_H
#define MM_JOB_CREW_H

#include "topology.h"
#include "exec.h"

/* Instead of a node. */
#define MM_ANY_NODE UINT32_MAX

/* Each helper once, and as many more that take the place of one that is inside. */
#define MM_MAX_CALLED (2 * MMSIM_MAX_CPUS)

struct mm_helper;

/* The machine's helpers. */
struct mm_crew {
	struct mm_exec *exec;
	const struct mm_topology *topology;
	unsigned nr;
	struct mm_helper *helper; /* [nr], by CPU */
	uint16_t *order; /* [nr]: CPUs by node; there first threads of cores before second ones */
	unsigned *first; /* [nr_nodes + 1]: where in it a node begins */
	uint32_t off; /* atomic: nobody gets help */
	uint32_t flags; /* constant once set up: MMSIM_JOB_… */
	/* atomic; every job writes here, and every helper reads what is above */
	uint64_t nr_calls mm_cacheline_aligned;
	uint64_t nr_called, nr_joined, nr_lent;
};

/* A helper that was claimed. */
struct mm_called {
	uint32_t
		offered; /* atomic: what its slot says while the offer stands; 0: no thread was to be had */
	uint16_t cpu;
};

/* One caller's wish for help, on his stack: mm_job_call_init(). */
struct mm_call {
	void (*fn)(void *arg, unsigned tag); /* what each helper that joins does, once */
	void *arg;
	void (*tick)(void *arg); /* by the caller, every tick_ns of waiting; NULL: nothing */
	uint64_t tick_ns, tick_at; /* when the next is due; 0: not waiting yet */
	int nice; /* for helpers */
	uint32_t gone; /* atomic, parkable: helpers that have left again; flag, see crew.c */
	struct mm_atomic_line line; /* of it */
	uint32_t reserved, nr; /* atomic: entries of `called` begun, and those filled in */
	struct mm_called called[MM_MAX_CALLED];
};

static inline void mm_job_call_init(struct mm_call *call, void (*fn)(void *arg, unsigned tag),
				    void *arg, int nice)
{
	call->fn = fn;
	call->arg = arg;
	call->tick = NULL;
	call->tick_at = 0;
	call->nice = nice;
	call->gone = call->reserved = call->nr = 0;
	call->line = (struct mm_atomic_line){ 0 };
}

/* 0 or -ENOMEM. */
int mm_job_crew_init(struct mm_crew *crew, struct mm_exec *x, const struct mm_topology *topology);

/* No call is under way. */
void mm_job_crew_fini(struct mm_crew *crew);

/*
 * Claim at most nr helpers for the call, on CPUs of a node or anywhere (the caller's node first): on
 * idle cores, then on idle CPUs, then on any. Each will get the tag. Returns how many.
 */
unsigned mm_job_crew_claim(struct mm_crew *crew, struct mm_call *call, unsigned nr, unsigned nid,
			   unsigned tag);

/* Offer the call to the nr claimed from entry `from` on, which are the caller's of this. */
void mm_job_crew_offer(struct mm_crew *crew, struct mm_call *call, unsigned from, unsigned nr);

/* By a helper that has joined: call one more, on a node. False: none is to be had, or no thread for it. */
bool mm_job_crew_send(struct mm_crew *crew, struct mm_call *call, unsigned nid, unsigned tag);

/* Take back what nobody has taken; wait for those who have joined. C3. */
void mm_job_crew_end(struct mm_crew *crew, struct mm_call *call);

#endif
