/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world switch, and the one trap vector.
 *
 * While a guest runs sscratch holds its struct guest_regs; while the hypervisor runs it is zero. The
 * vector swaps it with a0 and so knows at once whose trap it is.
 */
#include "arch/asm_offsets.h"
#include "arch/csr.h"

/* what guest_switch leaves on the hypervisor's stack, for this file alone: ra, tp, the struct guest_regs */
#define H_SIZE	  32
#define H_RA	  0
#define H_TP	  8
#define H_REGS	  16

/* what trace_keeping saves: ra, x5 to x17, t3 to t6 */
#define KEEP_SIZE 144

/* what coroutine_switch leaves on the hypervisor's stack, for this file alone: ra, s0 to s11 */
#define K_SIZE	  112

	.macro	for_x11_to_x31 op, base
	.irp	n, 11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	\op	x\n, (\n * 8)(\base)
	.endr
	.endm

	/* What C may change, but for sp, a0, and gp, which the hypervisor never uses. */
	.macro	for_caller_saved op, base
	.irp	n, 1,4,5,6,7,11,12,13,14,15,16,17,28,29,30,31
	\op	x\n, (\n * 8)(\base)
	.endr
	.endm

	.macro	for_callee_saved op, base
	.irp	n, 3,8,9,18,19,20,21,22,23,24,25,26,27
	\op	x\n, (\n * 8)(\base)
	.endr
	.endm

	/* The guest goes on: its callee-saved registers are in place, a0 points to its state. */
	.macro	guest_resume
	for_caller_saved ld, a0
	ld	sp, X_SP(a0)
	ld	a0, X_A0(a0)
	sret
	.endm

	/* The guest has left: guest_switch returns. guest_leave: a0: struct next; a1: struct guest_regs; t0: sepc */
	.macro	guest_left
	ld	ra, H_RA(sp)
	addi	sp, sp, H_SIZE
	ret
	.endm

	.macro	guest_leave
	for_callee_saved sd, a1
	csrr	t1, CSR_SSTATUS
	sd	t0, REGS_SEPC(a1)
	sd	t1, REGS_SSTATUS(a1)
	guest_left
	.endm

/*
 * An event of the timeline (trace.h): \word is the pcpu's word that says which one, and of which vcpu; \a and \b are registers.
 * \at is left behind the event. The exit's room was seen to by the entry before it.
 */
	.macro	trace_event word, at, a, b
	ld	\at, PCPU_TRACE_AT(tp)
	csrr	t3, CSR_TIME
	ld	t4, \word(tp)
	sd	t3, 0(\at)
	sd	t4, 8(\at)
	.ifnb \a
	sd	\a, 16(\at)
	sd	\b, 24(\at)
	.endif
	addi	\at, \at, TRACE_EVENT_SIZE
	sd	\at, PCPU_TRACE_AT(tp)
	.endm

	/* The entry: room is left for an exit and one event more. a0, the struct guest_regs, stays; what C may change is lost. */
	.macro	trace_enter
	ld	t5, PCPU_TRACE_LAST(tp)
	trace_event PCPU_TRACE_ENTER, t6
	bltu	t6, t5, 9f
	call	trace_next_packet
	ld	a0, H_REGS(sp)
9:
	.endm

/* Where times are measured (run/times.h): t1 is scause again, and a0 the struct guest_regs. What C may change is lost. */
	.macro	time_exit
	call	times_left
	ld	a0, H_REGS(sp)
	csrr	t1, CSR_SCAUSE
	.endm

	.macro	time_enter
	call	times_enters
	ld	a0, H_REGS(sp)
	.endm

	/* What the vectors do before the guest goes on. */
	.macro	guest_enters kind
	.ifc	\kind,_traced
	trace_enter
	.endif
	.ifc	\kind,_timed
	time_enter
	.endif
	.endm

	.text
/* guest_enter() in arch/guest.h: a0 is the struct guest_regs. Gives a struct next in a0, and the address back in a1. */
	.globl	guest_switch
	.balign 4
guest_switch:
	addi	sp, sp, -H_SIZE
	sd	ra, H_RA(sp)
	sd	tp, H_TP(sp)
	sd	a0, H_REGS(sp)
	sd	sp, REGS_HOST_SP(a0)
	ld	t0, PCPU_TRACE_EXITS(tp)
	bnez	t0, guest_enters_traced
guest_again:
	csrw	CSR_SSCRATCH, a0
	ld	t0, REGS_SEPC(a0)
	ld	t1, REGS_SSTATUS(a0)
	ld	t2, REGS_HSTATUS(a0)
	csrw	CSR_SEPC, t0
	csrw	CSR_SSTATUS, t1
	csrw	CSR_HSTATUS, t2
	for_callee_saved ld, a0
	guest_resume

guest_enters_traced:
	li	t1, TRACE_EXITS_TIMED
	beq	t0, t1, 1f
	trace_enter
	j	guest_again
1:	time_enter
	j	guest_again

/*
 * What a guest traps with, three times: as trap_vector; as trap_vector_traced, where a hart writes exits and entries to its trace; and as
 * trap_vector_timed, where it measures times. \kind is empty, _traced or _timed.
 */
	.macro	guest_traps kind
	.globl	trap_vector\kind
	.balign 4
trap_vector\kind:
	csrrw	a0, CSR_SSCRATCH, a0
	beqz	a0, host_trap
	for_caller_saved sd, a0
	sd	sp, X_SP(a0)
	csrrw	t0, CSR_SSCRATCH, zero
	csrr	t1, CSR_SCAUSE
	sd	t0, X_A0(a0)
	li	t2, EXC_ECALL_VS
	ld	sp, REGS_HOST_SP(a0)
	ld	tp, H_TP(sp)
	.ifc	\kind,_timed
	time_exit
	li	t2, EXC_ECALL_VS
	.endif
	bne	t1, t2, not_an_ecall\kind
	.ifc	\kind,_traced
	trace_event PCPU_TRACE_SBI, t6, a7, a6
	.endif
	/*
	 * C saves and restores the other registers as it needs them. The mode stays IN_GUEST_MODE, and whatever
	 * interrupt is pending is taken after the sret.
	 */
	call	fast_ecall
	csrr	t0, CSR_SEPC
	addi	t0, t0, 4
	bnez	a0, ecall_leaves\kind
	ld	a0, H_REGS(sp)
	csrw	CSR_SEPC, t0
guest_resumes\kind:
	guest_enters \kind
	csrw	CSR_SSCRATCH, a0
	guest_resume

ecall_leaves\kind:
	li	t1, NEXT_EXIT
	ld	a1, H_REGS(sp)
	bne	a0, t1, guest_leaves\kind
	addi	t0, t0, -4
guest_leaves\kind:
	guest_leave

/* A guest page fault of a load or a store: fast_access(), which needs all registers. Everything else leaves. */
not_an_ecall\kind:
	.ifc	\kind,_traced
	csrr	t2, CSR_SEPC
	trace_event PCPU_TRACE_EXIT, t6, t1, t2
	.endif
	addi	t2, t1, -EXC_VIRTUAL_INSN
	beqz	t2, virtual_insn\kind
	addi	t2, t1, -EXC_LOAD_GUEST_FAULT
	andi	t2, t2, ~(EXC_STORE_GUEST_FAULT - EXC_LOAD_GUEST_FAULT)	/* one bit lies between */
	bnez	t2, trap_leaves\kind
	for_callee_saved sd, a0
	csrr	t0, CSR_SEPC
	sd	t0, REGS_SEPC(a0)
	mv	a1, t1
	call	fast_access
	ld	a1, H_REGS(sp)
	bnez	a0, 1f
	ld	t0, REGS_SEPC(a1)
	mv	a0, a1
	csrw	CSR_SEPC, t0
	j	guest_resumes\kind
1:	addi	t0, a0, -NEXT_GUEST_ALL
	beqz	t0, 2f
	csrr	t1, CSR_SSTATUS
	sd	t1, REGS_SSTATUS(a1)
	guest_left
2:	mv	a0, a1
	guest_enters \kind
	j	guest_again

/* fast_insn(), unless funct3 is 0: what waits is for the run loop (WFI, WRS.NTO), and so is what stval does not say. */
virtual_insn\kind:
	csrr	t2, CSR_STVAL
	srli	t2, t2, 12
	andi	t2, t2, 7
	beqz	t2, trap_leaves\kind
	csrr	t0, CSR_SEPC
	csrr	t1, CSR_SSTATUS
	sd	t0, REGS_SEPC(a0)
	sd	t1, REGS_SSTATUS(a0)
	call	fast_insn
	mv	t2, a0
	ld	a0, H_REGS(sp)
	bnez	t2, trap_leaves\kind
	ld	t0, REGS_SEPC(a0)
	ld	t1, REGS_SSTATUS(a0)
	csrw	CSR_SEPC, t0
	csrw	CSR_SSTATUS, t1
	j	guest_resumes\kind

trap_leaves\kind:
	mv	a1, a0
	csrr	t0, CSR_SEPC
	li	a0, NEXT_EXIT
	guest_leave
	.endm

	guest_traps
	guest_traps _traced
	guest_traps _timed

/* trace_call() in arch/trace.h: t1 is the function, its arguments are on the stack, t0 is where to return. Every other register stays. */
	.globl	trace_keeping
trace_keeping:
	addi	sp, sp, -KEEP_SIZE
	sd	x1, 0(sp)
	.irp	n, 5,7,10,11,12,13,14,15,16,17
	sd	x\n, ((\n - 4) * 8)(sp)
	.endr
	.irp	n, 28,29,30,31
	sd	x\n, ((\n - 14) * 8)(sp)
	.endr
	ld	a0, (KEEP_SIZE + 0)(sp)
	ld	a1, (KEEP_SIZE + 8)(sp)
	ld	a2, (KEEP_SIZE + 16)(sp)
	jalr	t1
	ld	x1, 0(sp)
	.irp	n, 5,7,10,11,12,13,14,15,16,17
	ld	x\n, ((\n - 4) * 8)(sp)
	.endr
	.irp	n, 28,29,30,31
	ld	x\n, ((\n - 14) * 8)(sp)
	.endr
	addi	sp, sp, KEEP_SIZE
	jr	t0

/*
 * A trap of the hypervisor itself: an access that may fault (its fixup is in .ex_table), or our own
 * fault. On the emergency stack, since the ordinary one may be what overflowed.
 */
host_trap:
	csrrw	a0, CSR_SSCRATCH, t0	/* a0 as it was */
	csrr	t0, CSR_SCAUSE
	bltz	t0, coroutine_interrupted
	csrrw	t0, CSR_SSCRATCH, sp
	ld	sp, PCPU_EMERGENCY_SP(tp)
	addi	sp, sp, -FRAME_SIZE
	sd	x1, X_RA(sp)
	.irp	n, 3,4,5,6,7,8,9,10
	sd	x\n, (\n * 8)(sp)
	.endr
	for_x11_to_x31 sd, sp
	csrrw	t0, CSR_SSCRATCH, zero
	sd	t0, X_SP(sp)
	csrr	t0, CSR_SEPC
	csrr	t1, CSR_SSTATUS
	csrr	t2, CSR_SCAUSE
	csrr	t3, CSR_STVAL
	sd	t0, FRAME_SEPC(sp)
	sd	t1, FRAME_SSTATUS(sp)
	sd	t2, FRAME_SCAUSE(sp)
	sd	t3, FRAME_STVAL(sp)
	mv	a0, sp
	call	host_trap_handle
	ld	t0, FRAME_SEPC(sp)
	ld	t1, FRAME_SSTATUS(sp)
	csrw	CSR_SEPC, t0
	csrw	CSR_SSTATUS, t1
	ld	x1, X_RA(sp)
	.irp	n, 3,4,5,6,7,8,9,10
	ld	x\n, (\n * 8)(sp)
	.endr
	for_x11_to_x31 ld, sp
	ld	sp, X_SP(sp)
	sret

/*
 * bool coroutine_switch(struct coroutine *c), arch/coroutine.c. Neither way is tp saved or loaded: it is this hart's.
 * sret goes to HS-mode (SPV = 0, SPP = 1) and turns interrupts on.
 */
	.globl	coroutine_switch
coroutine_switch:
	addi	sp, sp, -K_SIZE
	sd	ra, 0(sp)
	.irp	n, 8,9,18,19,20,21,22,23,24,25,26,27
	sd	x\n, ((\n - 7 - 8 * (\n / 18)) * 8)(sp)
	.endr
	sd	sp, COROUTINE_HOST_SP(a0)
	ld	sp, COROUTINE_SP(a0)
	ld	t0, FRAME_SEPC(sp)
	csrw	CSR_SEPC, t0
	li	t0, HSTATUS_SPV_BIT
	csrc	CSR_HSTATUS, t0
	li	t0, SSTATUS_SPP_SPIE
	csrs	CSR_SSTATUS, t0
	ld	x1, X_RA(sp)
	.irp	n, 5,6,7,8,9,10
	ld	x\n, (\n * 8)(sp)
	.endr
	for_x11_to_x31 ld, sp
	addi	sp, sp, FRAME_SIZE
	sret

	.globl	coroutine_entry
coroutine_entry:
	jalr	s0
	csrci	CSR_SSTATUS, SSTATUS_SIE_BIT
	ld	t0, PCPU_COROUTINE(tp)
	ld	sp, COROUTINE_HOST_SP(t0)
	li	a0, 1
	j	coroutine_leave

/* An interrupt in a coroutine, the only place where one comes; t0 is in sscratch. A full stack is a trap again. */
coroutine_interrupted:
	csrrw	t0, CSR_SSCRATCH, zero
	addi	sp, sp, -FRAME_SIZE
	sd	x1, X_RA(sp)
	.irp	n, 5,6,7,8,9,10
	sd	x\n, (\n * 8)(sp)
	.endr
	for_x11_to_x31 sd, sp
	csrr	t0, CSR_SEPC
	sd	t0, FRAME_SEPC(sp)
	ld	t0, PCPU_COROUTINE(tp)
	sd	sp, COROUTINE_SP(t0)
	ld	sp, COROUTINE_HOST_SP(t0)
	li	a0, 0
coroutine_leave:
	ld	ra, 0(sp)
	.irp	n, 8,9,18,19,20,21,22,23,24,25,26,27
	ld	x\n, ((\n - 7 - 8 * (\n / 18)) * 8)(sp)
	.endr
	addi	sp, sp, K_SIZE
	ret

/* An instruction that may fault, at the label before it; the fixup is where to go on. */
	.macro	ex_entry insn, fixup
	.pushsection .ex_table, "a"
	.balign 8
	.dword	\insn, \fixup
	.popsection
	.endm

/* int guest_hlvx_hu(gva_t a, uint16_t *out): 0, or -1 when it faulted */
	.globl	guest_hlvx_hu
guest_hlvx_hu:
	.option push
	.option arch, +h
1:	hlvx.hu	t0, (a0)
	.option pop
	sh	t0, (a1)
	li	a0, 0
	ret
2:	li	a0, -1
	ret
	ex_entry 1b, 2b

/* int guest_hlv_d(gva_t a, uint64_t *out): 0, or -1 when it faulted */
	.globl	guest_hlv_d
guest_hlv_d:
	.option push
	.option arch, +h
1:	hlv.d	t0, (a0)
	.option pop
	sd	t0, (a1)
	li	a0, 0
	ret
2:	li	a0, -1
	ret
	ex_entry 1b, 2b

/* bool csr_probe_NAME(void): does reading the CSR work on this hart? */
	.macro	csr_probe name, csr
	.globl	csr_probe_\name
csr_probe_\name:
1:	csrr	t0, \csr
	li	a0, 1
	ret
2:	li	a0, 0
	ret
	ex_entry 1b, 2b
	.endm

	csr_probe hstatus, CSR_HSTATUS
	csr_probe senvcfg, CSR_SENVCFG
	csr_probe sstateen0, CSR_SSTATEEN0
	csr_probe henvcfg, CSR_HENVCFG
	csr_probe hstateen0, CSR_HSTATEEN0
	csr_probe vstimecmp, CSR_VSTIMECMP
	csr_probe vlenb, CSR_VLENB
	csr_probe instret, CSR_INSTRET
	csr_probe hstateen1, CSR_HSTATEEN1
	csr_probe hstateen2, CSR_HSTATEEN2
	csr_probe hstateen3, CSR_HSTATEEN3
	csr_probe hvictl, CSR_HVICTL
	csr_probe vsiselect, CSR_VSISELECT
	csr_probe vsctrctl, CSR_VSCTRCTL
	csr_probe scontext, CSR_SCONTEXT
	csr_probe jvt, CSR_JVT

/* void arch_sctrclr(void): SCTRCLR, which assemblers do not know yet */
	.globl	arch_sctrclr
arch_sctrclr:
	.4byte	0x10400073
	ret

/* bool arch_fp_probe(void): is there a D extension? sstatus.FS is not Off. */
	.globl	arch_fp_probe
	.type	arch_fp_probe, @function
arch_fp_probe:
	.option push
	.option arch, +d
1:	fmv.d.x	ft0, zero
	.option pop
	li	a0, 1
	ret
2:	li	a0, 0
	ret
	.size	arch_fp_probe, . - arch_fp_probe
	ex_entry 1b, 2b
