/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The explorer: runs a few threads of compiled hypervisor code in every order that differs, and looks
 * at each state.
 *
 * Threads are coroutines; every access to a shared word (lib/atomic.h, lib/spinlock.h) is a point where
 * another may go on. The whole state (.data, .bss and the threads' stacks) is copied at each point
 * with a choice and restored for the next one, and a state that was seen before is not entered again.
 *
 * Memory is weaker than the machine's, as weak as what C11 promises for stores: a store of one thread
 * reaches the others at any later time, stores to different words in any order (PSO); a release store
 * only after all earlier ones; stores behind a release fence after those before it; a full fence waits
 * for all. A read-modify-write reads the latest value and holds its word until its own store has
 * arrived, which may be later than the thread's next loads (as with LL/SC): code that needs store-load
 * order has to write a fence. Loads are not reordered with each other: the threads program, under TSan,
 * is for that.
 *
 * Outside of threads (set-up) the accesses are plain ones.
 */
#ifndef EXPLORER_EXPLORER_H
#define EXPLORER_EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pcpu;

enum explorer_op { EXPLORER_OR, EXPLORER_AND, EXPLORER_ADD, EXPLORER_SUB, EXPLORER_SWAP };

uint64_t explorer_load(const void *p, size_t size, bool acquire);
void explorer_store(void *p, size_t size, uint64_t val, bool release);
uint64_t explorer_rmw(void *p, size_t size, enum explorer_op op, uint64_t val);
bool explorer_cas(void *p, size_t size, uint64_t *old, uint64_t val);
void explorer_fence_full(void);
void explorer_fence_release(void);
void explorer_lock(uint32_t *l);
bool explorer_trylock(uint32_t *l);
void explorer_unlock(uint32_t *l);

/* --- scenarios ------------------------------------------------------------------------------------ */

/* explorer_begin - no threads, nothing quiet. */
void explorer_begin(void);

/* explorer_thread - one more thread, on pcpu @p, to run @fn(@arg). */
void explorer_thread(const char *name, struct pcpu *p, void (*fn)(void *), void *arg);

/* explorer_quiet - accesses to [p, p+size) are no steps: counters. They do nothing. */
void explorer_quiet(const void *p, size_t size);

/* explorer_name - what a trace calls the word at @p. */
void explorer_name(const void *p, const char *name);

struct explorer_options {
	const char *name;
	unsigned int preemptions; /* bound; each step of it is explored after the one below */
	uint64_t max_states;	  /* then it is cut off, and says so */
	void (*tidy)(void);	  /* after each step: make equal what differs and does not matter */
	void (*final)(void);	  /* at each end: every thread is done or waits */
};

/* explorer_run - true: no order broke anything. Says on stdout what was explored, or how it broke. */
bool explorer_run(const struct explorer_options *o);

/* --- for the model's own code, in threads ---------------------------------------------------------- */

/* explorer_step - others may go on here. */
void explorer_step(void);

/* explorer_choose - each of [0, n), in turn. */
unsigned int explorer_choose(unsigned int n);

/* explorer_wait - others go on until @ready(@arg), which only looks. */
void explorer_wait(bool (*ready)(void *arg), void *arg);

/* explorer_drain - the calling thread's stores arrive now, as before a call of the firmware. */
void explorer_drain(void);

/* explorer_fail - this order is wrong. From threads: does not return. From final(): the first counts. */
void explorer_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* explorer_in_thread - is the caller one? Not the search, which asks the waiting ones, nor a scene's set-up. */
bool explorer_in_thread(void);

/* explorer_done - has the thread made as number @i ended? (0 is the first) */
bool explorer_done(unsigned int i);

#endif
