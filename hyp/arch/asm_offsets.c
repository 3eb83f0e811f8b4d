// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the assembler files use of C: offsets, sizes, enumerators, bits. This file is compiled to assembler text and never
 * linked. mk/asm_offsets.sed makes build/obj/include/arch/asm_offsets.h of that text: a #define of each DEFINE.
 */
#include "arch/coroutine.h"
#include "arch/csr.h"
#include "arch/guest.h"
#include "arch/next.h"
#include "arch/pcpu.h"
#include "arch/trace.h"
#include "arch/trap.h"

#define DEFINE(name, value)	   __asm__ volatile(".ascii \"-> " #name " %0\"" : : "i"(value))
#define OFFSET(name, type, member) DEFINE(name, offsetof(type, member))

/* The loops over registers take register n from n * 8, whichever structure they are given. */
static_assert(offsetof(struct guest_regs, x) == 0, "switch.S");
static_assert(offsetof(struct host_frame, x) == 0, "switch.S");
static_assert(offsetof(struct guest_fp, f) == 0, "fpu.S");

static_assert(sizeof(struct host_frame) % 16 == 0, "the ABI's alignment of sp");

static void __attribute__((__used__)) asm_offsets(void)
{
	OFFSET(X_RA, struct guest_regs, x[REG_RA]);
	OFFSET(X_SP, struct guest_regs, x[REG_SP]);
	OFFSET(X_A0, struct guest_regs, x[REG_A0]);
	OFFSET(REGS_SEPC, struct guest_regs, sepc);
	OFFSET(REGS_SSTATUS, struct guest_regs, sstatus);
	OFFSET(REGS_HSTATUS, struct guest_regs, hstatus);
	OFFSET(REGS_HOST_SP, struct guest_regs, host_sp);

	OFFSET(FRAME_SEPC, struct host_frame, sepc);
	OFFSET(FRAME_SSTATUS, struct host_frame, sstatus);
	OFFSET(FRAME_SCAUSE, struct host_frame, scause);
	OFFSET(FRAME_STVAL, struct host_frame, stval);
	DEFINE(FRAME_SIZE, sizeof(struct host_frame));

	OFFSET(PCPU_EMERGENCY_SP, struct pcpu, emergency_sp);
	OFFSET(PCPU_STACK_TOP, struct pcpu, stack_top);
	OFFSET(PCPU_COROUTINE, struct pcpu, coroutine);
	OFFSET(PCPU_TRACE_AT, struct pcpu, trace.at);
	OFFSET(PCPU_TRACE_LAST, struct pcpu, trace.last);
	OFFSET(PCPU_TRACE_EXITS, struct pcpu, trace.exits);
	OFFSET(PCPU_TRACE_ENTER, struct pcpu, trace.enter);
	OFFSET(PCPU_TRACE_EXIT, struct pcpu, trace.exit);
	OFFSET(PCPU_TRACE_SBI, struct pcpu, trace.sbi);

	OFFSET(COROUTINE_SP, struct coroutine, sp);
	OFFSET(COROUTINE_HOST_SP, struct coroutine, host_sp);

	OFFSET(FP_FCSR, struct guest_fp, fcsr);
	OFFSET(VECTOR_VSTART, struct guest_vector, vstart);
	OFFSET(VECTOR_VL, struct guest_vector, vl);
	OFFSET(VECTOR_VTYPE, struct guest_vector, vtype);
	OFFSET(VECTOR_VCSR, struct guest_vector, vcsr);
	OFFSET(VECTOR_V, struct guest_vector, v);

	DEFINE(TRACE_EVENT_SIZE, TRACE_EVENT);
	DEFINE(TRACE_EXITS_TIMED, TRACE_EXITS_TIMED);

	DEFINE(NEXT_EXIT, NEXT_EXIT);
	DEFINE(NEXT_GUEST_ALL, NEXT_GUEST_ALL);

	/* With a name of their own: the assembler does not know the suffixes that arch/csr.h has. */
	DEFINE(SSTATUS_SIE_BIT, SSTATUS_SIE);
	DEFINE(SSTATUS_SPP_SPIE, SSTATUS_SPP | SSTATUS_SPIE);
	DEFINE(HSTATUS_SPV_BIT, HSTATUS_SPV);
}
