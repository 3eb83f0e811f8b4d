/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The explorer from inside: thread.c has the coroutines, memory.c the stores on their way, state.c the
 * copies of the whole state, search.c which order is next, trace.c how it came to this.
 *
 * `model` is part of the state that is copied and restored; `search` lives on the heap and stays.
 */
#ifndef EXPLORER_ENGINE_H
#define EXPLORER_ENGINE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explorer/explorer.h"

#define MAX_THREADS 6
#define MAX_STORES  24
#define MAX_SHADOWS 64
#define MAX_QUIET   16
#define MAX_NAMES   96
#define MAX_TRACE   4096
#define MAX_DEPTH   4096
#define STACK_SIZE  32768
#define SPIN_LOADS  4 /* so many acquiring loads in a row: it waits in a loop */

/* A store that has not arrived yet. */
struct store {
	uintptr_t addr;
	uint64_t val;
	uint32_t size;
	uint32_t epoch; /* release fences before it */
	bool release;
	bool rmw; /* holds its word until it arrives */
};

enum thread_state { READY, WAITING, DONE };

struct thread {
	jmp_buf ctx;
	uintptr_t sp;
	enum thread_state state;
	const char *name;
	struct pcpu *pcpu;
	void (*fn)(void *arg);
	void *arg;
	bool (*ready)(void *arg);
	void *ready_arg;
	unsigned int spins;
	uint32_t epoch;
	unsigned int nr_stores;
	struct store stores[MAX_STORES];
};

/* A word with stores on their way: what arrived so far. The word itself holds the newest store. */
struct shadow {
	uintptr_t addr;
	uint64_t val;
	uint32_t size;
};

/* Part of the state that is copied, as everything in .data and .bss is. */
extern struct model {
	int self; /* the running thread, or -1 */
	unsigned int nr_threads;
	struct thread threads[MAX_THREADS];
	unsigned int nr_shadows;
	struct shadow shadows[MAX_SHADOWS];
	unsigned int choices; /* the running thread wants one of so many */
	unsigned int chosen;
	bool choice_costs; /* any but the first counts as a preemption */
} model;

struct trace {
	int thread;
	const char *what;
	uintptr_t addr;
	uint64_t val;
};

struct snapshot {
	unsigned int trace_len;
	size_t stack_size[MAX_THREADS];
	uint8_t bytes[];
};

struct node {
	struct snapshot *snapshot;
	uint64_t key;
	bool visited; /* key is in the table, marked as on the way here */
	bool choice;
	int last;
	unsigned int left;
	unsigned int n, next;
	uint8_t alternative[MAX_THREADS + 2];
	bool costs[MAX_THREADS + 2];
};

struct seen {
	uint64_t key; /* 0: free */
	uint32_t left;
	uint32_t on_way;
};

/* Not copied: on the heap. */
extern struct search {
	jmp_buf ctx;
	const struct explorer_options *o;
	uint8_t *stacks; /* MAX_THREADS * STACK_SIZE */
	struct node nodes[MAX_DEPTH];
	unsigned int depth;
	unsigned int left;
	bool cut;  /* by the bound on preemptions */
	bool full; /* by the bound on states */
	bool failed;
	char why[256];
	struct trace trace[MAX_TRACE];
	unsigned int trace_len;
	struct seen *seen;
	uint64_t seen_size, seen_used;
	uint64_t steps, ends, solo_checks;
	struct {
		uintptr_t from, to;
	} quiet[MAX_QUIET];
	unsigned int nr_quiet;
	struct {
		uintptr_t addr;
		char text[32];
	} names[MAX_NAMES];
	unsigned int nr_names;
} * search;

/* thread_begin - let thread @i come to where its function begins. */
void thread_begin(unsigned int i);

/* thread_switch_in - thread @i goes on until its next step. thread_switch_out - that step. */
void thread_switch_in(int i);
void thread_switch_out(void);

/* thread_choose - one of [0, n), each in turn; @costs: any but the first is a preemption. */
unsigned int thread_choose(unsigned int n, bool costs);

/* thread_stack_top - where the stack of thread @i begins; it grows downwards. */
uint8_t *thread_stack_top(unsigned int i);

/* thread_runs - are we in one, not in the search or in a scene's set-up? */
static inline bool thread_runs(void)
{
	return model.self >= 0;
}

/* memory_arrives - all stores of @t arrive. memory_all_arrives - those of all threads. */
void memory_arrives(struct thread *t);
void memory_all_arrives(void);

/* state_save - a copy of the state; free() it. state_restore - the state is as it was then. */
struct snapshot *state_save(void);
void state_restore(const struct snapshot *n);

/* state_key - a hash of the state, never 0. */
uint64_t state_key(void);

/* trace_add - the running thread does @what to the word at @addr, which has or gets @val. */
void trace_add(const char *what, const void *addr, uint64_t val);

/* trace_print - the end of the way to here. */
void trace_print(void);

#endif
