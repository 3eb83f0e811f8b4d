/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that has just left its hart, for tests of how each exit is answered: one vcpu with its registers, some pages of
 * guest-virtual memory to fetch instructions from, a device of 4 KiB, and the CSRs that say why it left. What the guest
 * finds afterwards is all that a test looks at: its registers, the exception that it takes, what its device was
 * told, what the operator's table counts.
 *
 * A program of such tests is LIKE this file:
 *
 * SOURCES: hyp/run/exit.c hyp/arch/insn.c hyp/arch/guest.c hyp/dev/mmio.c hyp/vcpu/guest_mem.c
 * SOURCES: tests/unit/fake/exit_world.c tests/unit/fake/csr.c tests/unit/fake/pcpu.c tests/unit/fake/fence.c
 */
#ifndef FAKE_EXIT_WORLD_H
#define FAKE_EXIT_WORLD_H

#include "arch/csr.h"
#include "run/run.h"
#include "vcpu/vm.h"

#define EXIT_PC	     UINT64_C(0x80001100) /* where the guest was, unless a test says another */
#define EXIT_STVEC   UINT64_C(0x80400000)
#define EXIT_DEVICE  UINT64_C(0x10000000) /* guest-physical */
#define EXIT_DEV_GVA UINT64_C(0x3f000000) /* as the guest has it mapped */

struct exit_world {
	struct vm vm;
	struct vcpu v;

	/* The last access to the device. */
	unsigned int reads, writes;
	uint64_t offset, val;
	unsigned int len;
	uint64_t answers;  /* what it reads as */
	bool device_waits; /* the access has to be made again later */

	unsigned int timer_runs, host_irqs, sbi_calls, fetches;
	struct vcpu *yields_to; /* named by the SBI call */
	unsigned int breaks;	/* breakpoints that were asked about */
	bool debugger;		/* and are a debugger's */
};

extern struct exit_world w;

/* exit_setup - a fresh guest in VS-mode, interrupts enabled, all registers different. */
int exit_setup(void **state);

/* exit_code - the 16 or 32 bits @insn stand at guest-virtual @at. Its page can be fetched from then on. */
void exit_code(uint64_t at, uint32_t insn);

/* exit_unmap - @at's page cannot be fetched from any more. */
void exit_unmap(uint64_t at);

/* exit_user - the guest was in VU-mode. */
void exit_user(void);

/* exits - the guest leaves with these CSRs, and its exit is answered. Checks what holds for every exit. exit_next: what came. */
struct exit_why {
	uint64_t cause, stval, htval, htinst;
};

extern struct next exit_next;
enum next_why exits(struct exit_why why);

/* --- what the guest finds; each fails the test when it is something else ------------------------------------- */

/* It goes on @bytes behind where it was, and takes no exception. */
void goes_on(uint64_t bytes);

/* It takes exception @cause with @tval, its pc in vsepc. */
void takes(uint64_t cause, uint64_t tval);

/* Register @reg holds @val, and all others what they held. 0: all do. */
void only_reg(unsigned int reg, uint64_t val);

/* The operator's table has one more of @which, and of nothing else. */
void counted(enum vcpu_exit which);

/* no_device - the device was not touched. */
void no_device(void);

#endif
