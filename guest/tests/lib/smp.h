/* SPDX-License-Identifier: BSD-2-Clause */
/* The other harts, through SBI HSM. cpus[0] is the boot hart, the others in the device tree's order. */
#ifndef GUEST_SMP_H
#define GUEST_SMP_H

#include "cpu.h"

enum cpu_state { CPU_OFF, CPU_STARTING, CPU_RUNNING, CPU_DONE };

extern struct cpu cpus[MAX_HARTS];
extern unsigned int nr_cpus;

/* smp_start - let @cpu run @fn(@cpu); it stops itself afterwards. Returns SBI's answer. */
long smp_start(struct cpu *cpu, void (*fn)(struct cpu *));

/* smp_start_others - smp_start all but this one, and fail the test if one does not come up in time. */
void smp_start_others(void (*fn)(struct cpu *));

/* smp_wait_stopped - until HSM says that @cpu (or all but this one) has stopped; fails after 60 s. */
void smp_wait_stopped(struct cpu *cpu);
void smp_wait_others_stopped(void);

/*
 * smp_sleep_until_others_done - however long that takes, in WFI: where QEMU gives each hart a tenth of a second
 * in turn, they would get nowhere beside one that spins. Takes the timer; sie is 0 afterwards.
 */
void smp_sleep_until_others_done(void);

/* A meeting point for @n harts, used again and again. */
struct barrier {
	volatile unsigned int waiting;
	volatile unsigned int round;
};

void barrier_wait(struct barrier *b, unsigned int n);

#endif
