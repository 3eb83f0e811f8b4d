/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps. Interrupts are counted in this_cpu()->irqs[] and quietened: a soft one is cleared, a timer one
 * is masked in sie, an external one is masked unless trap_on_external is set and serves it. An
 * exception fails the test, unless it happens between trap_expect() and trap_taken(): then it is
 * recorded (the first one; the others are counted) and its instruction skipped; a fetch that failed
 * goes back to ra.
 */
#ifndef GUEST_TRAP_H
#define GUEST_TRAP_H

#include "cpu.h"

void trap_expect(void);
struct trap trap_taken(void);

#define TRAP_TRY(statement)    \
	({                     \
		trap_expect(); \
		statement;     \
		trap_taken();  \
	})

extern void (*trap_on_external)(struct cpu *cpu);

unsigned long user_call(unsigned long (*fn)(unsigned long), unsigned long arg, void *stack_top);

#endif
