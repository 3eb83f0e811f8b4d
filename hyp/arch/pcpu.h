/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room of the architecture: all that knows CSRs, traps and the SBI of the firmware below. What it gives to others is
 * a few types.
 *
 *   struct pcpu (here)          a hart as the hypervisor sees it
 *   struct guest_regs (guest.h) what every exit saves and every entry loads; struct next (next.h) what comes after a trap
 *   guest_state.h               what stays in the hart until another vcpu needs it: VS-level CSRs, FP and vector registers
 *   struct timer (timer.h)      calls a function at a host time, on the pcpu that armed it
 *   features.h, isa.h           what the harts have, and what guests are told of it
 *
 * In which order it comes alive: entry.S builds the boot tables (boot_map.h), turns translation on and calls C with a
 * pcpu and a stack; the boot hart probes features, reads the host tree (platform/) and starts the others (smp.h), which
 * come in by the same entry.S and must have the same features. There is one trap vector (switch.S): what a guest traps
 * with goes to hyp/run, what the hypervisor itself traps with to trap.h, and ends in a panic (panic.c).
 *
 * A pcpu's fields are its own hart's, but for those that say atomic. There is one lock, that of a pcpu's
 * timer queue (timer.c).
 *
 * tp points to the pcpu of the running hart from its first C instruction on. The hypervisor runs with
 * sstatus.SIE = 0: interrupts leave a guest (they are enabled whenever a guest runs), end a WFI or leave a
 * coroutine (arch/coroutine.h), and are then looked for in sip; no handler ever interrupts hypervisor code.
 */
#ifndef ARCH_PCPU_H
#define ARCH_PCPU_H

#include "arch/features.h"
#include "lib/types.h"

#ifndef MAX_PCPUS /* the simulator of the scheduler has more */
#define MAX_PCPUS 64
#endif

enum pcpu_online {
	PCPU_AWAITED,
	PCPU_ONLINE,
	PCPU_LEFT_OUT, /* it did not come in time; if it comes later, it stops itself */
	PCPU_UNFIT, /* it came and differs from the boot hart: misfit says in what; it stops itself */
};

/* The hart's part of the timeline (arch/trace.h). Own pcpu, but for what says atomic. */
struct pcpu_trace {
	uint64_t *at;	/* assembler: the next event's place; NULL: off */
	uint64_t *last; /* assembler: from here on there is no room for two events */
	uint64_t exits; /* assembler: enum trace_exits */
	uint64_t enter, exit,
		sbi;	/* assembler: the second word of such an event, of the vcpu that runs */
	uint32_t label; /* of that vcpu */
	uint32_t is_asked; /* atomic: to write to `asked` from now on, or to look whether it is to measure times */
	uint32_t timed;		  /* it measures what it does with its time (run/times.h) */
	struct trace_ring *ring;  /* NULL: off */
	uintptr_t asked, follows; /* atomic: the address of such a ring, or 0 */
};

struct pcpu {
	uint64_t emergency_sp;	     /* assembler: the stack for traps of the hypervisor itself */
	uint64_t stack_top;	     /* assembler: the ordinary stack */
	struct coroutine *coroutine; /* assembler: what runs here now, or NULL */
	uint64_t hartid;
	uint32_t index;	       /* 0 is the boot hart */
	uint32_t need_resched; /* atomic; set by any hart, looked at in the last check before entry */
	uint32_t idle;	       /* atomic; 1: in WFI or about to be */
	uint32_t online;       /* atomic: enum pcpu_online */
	uint32_t in_trap;      /* a trap of the hypervisor itself is being handled */
	struct vcpu *current;  /* whose guest state is loaded in the CSRs, or NULL */
	struct vcpu *fp_owner; /* whose FP registers the hart holds, or NULL */
	bool fp_initial;       /* f0 to f31 hold zero, as after a reset: vcpu/load.h */
	struct vcpu *vector_owner;
	struct runq *runq;	    /* what waits for it: sched/runq.h */
	volatile uint32_t *setssip; /* writing 1 raises its SSIP; NULL: kicked by SBI (arch/smp.h) */
	uint64_t work_at;	    /* own pcpu, host time: until then no work item; 0: at once */
	uint64_t ipis_sent;	    /* SBI calls, and sets of stores to setssip */
	uint64_t ipis_taken;	    /* atomic, own pcpu: smp_ipi_taken() */
	uint64_t mem_uses;	    /* atomic, own pcpu: vcpu/vm_mem.h */
	struct hart_misfit misfit;  /* when online is PCPU_UNFIT */
	struct pcpu_trace trace;
};

extern struct pcpu *pcpus[MAX_PCPUS]; /* [0, nr_pcpus); fixed once main.c has started the harts */
extern unsigned int nr_pcpus;

#if defined(__cppcheck__) /* after such a register it understands no asm any more */
struct pcpu *this_pcpu(void);
#elif defined(__riscv)
register struct pcpu *pcpu_in_tp __asm__("tp");

static inline struct pcpu *this_pcpu(void)
{
	return pcpu_in_tp;
}
#endif

#if defined(__riscv) && defined(HARTVISOR_CHECKED) && !defined(ARCH_CHECKED_C)
/* arch/checked.h */
void checked_interrupts_off(void);
#define this_pcpu() (checked_interrupts_off(), pcpu_in_tp)
#endif

#endif
