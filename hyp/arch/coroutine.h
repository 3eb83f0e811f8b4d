/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Coroutines: for a long computation that cannot be divided into steps, libfdt's above all.
 *
 * A coroutine has a stack of its own and runs with interrupts on, as nothing else of the hypervisor does. An interrupt
 * is not handled there: it saves the registers on the coroutine's stack and goes back to coroutine_run()'s caller, which
 * looks at interrupts as always, and may go on with the coroutine later, on any hart.
 *
 * What runs in one may therefore be on another hart from each instruction to the next:
 *  - It does not use this_pcpu(), nor anything that does. tp is always that of the hart that it runs on.
 *  - It holds no lock: what waits for the lock would wait for all that runs in between.
 *  - Where it needs either, to write a line of the log for example, it turns interrupts off meanwhile
 *    (arch/interrupts.h), for no longer than a step of other work may take.
 * build/hartvisor-checked.bin panics when a lock is taken, or this_pcpu() used, with interrupts on.
 */
#ifndef ARCH_COROUTINE_H
#define ARCH_COROUTINE_H

#include "lib/types.h"

struct coroutine {
	uint64_t sp;	  /* assembler: its registers are saved there while it does not run */
	uint64_t host_sp; /* assembler: of the hart that runs it */
	uint64_t stack_top;
	uint64_t stack_size;
	uint32_t pcpu; /* where it ran last */
};

/* coroutine_init - with the @size bytes of stack below @stack_top, which are mapped and zero. */
void coroutine_init(struct coroutine *c, uint64_t stack_top, uint64_t size);

/* coroutine_begin - coroutine_run() is to run @fn(@arg). @c has not begun anything that is not done. */
void coroutine_begin(struct coroutine *c, void (*fn)(void *arg), void *arg);

/*
 * coroutine_run - go on with it, on this hart. True: its function has returned, and its stack is zero again. False: an
 * interrupt is pending; look at it, and call again. One hart at a time; what it wrote on another hart is visible.
 */
bool coroutine_run(struct coroutine *c);

/* coroutine_forget - it never goes on. What its function held is the caller's to release. */
void coroutine_forget(struct coroutine *c);

#endif
