/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A test guest's hart. tp points to its struct cpu in S-mode, sscratch always.
 *
 * A test guest is one C file beside this folder: GUEST("name"), then void guest_main(void), which runs
 * on the boot hart with interrupts off; when it returns the test has passed. Everything of lib/ works
 * on hartvisor and natively on OpenSBI; where the two must differ, ask guest_is_virtual().
 */
#ifndef GUEST_CPU_H
#define GUEST_CPU_H

#define MAX_HARTS  64
#define STACK_SIZE 8192

/* Offsets for assembly, asserted in trap.c. */
#define CPU_TRAP_SP   0
#define CPU_STACK_SP  8
#define CPU_USER_SP   16
#define CPU_FRAME     24
#define FRAME_SEPC    256
#define FRAME_SSTATUS 264

#ifndef __ASSEMBLY__

#include <stdbool.h>
#include <stdint.h>

struct frame {
	unsigned long x[32]; /* x[0] is not used */
	unsigned long sepc;
	unsigned long sstatus;
};

/* What an expected exception said; count 0: there was none. */
struct trap {
	unsigned long count;
	unsigned long cause;
	unsigned long stval;
	unsigned long sepc;
};

struct cpu {
	unsigned long trap_sp;
	unsigned long stack_sp;
	unsigned long user_sp; /* where user_call() waits; 0: no user code runs */
	struct frame frame;
	unsigned long hartid;
	unsigned long index; /* 0: the boot hart */
	bool in_trap;
	bool expecting;
	struct trap trap;
	volatile unsigned long irqs[16]; /* taken, by cause */
	void (*fn)(struct cpu *);
	volatile int state; /* enum cpu_state, see smp.h */
};

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__("mv %0, tp" : "=r"(cpu));
	return cpu;
}

#endif
#endif
