/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's processor state and the world switch.
 *
 * guest_enter() runs the guest until the next trap into HS-mode; interrupts are off before and after
 * and on while the guest runs. What the trap was is then still in scause, stval, htval and htinst.
 * Many traps are answered without leaving (run/fastpath.c).
 */
#ifndef ARCH_GUEST_H
#define ARCH_GUEST_H

#include "arch/next.h"
#include "arch/pcpu.h"
#include "lib/types.h"

/* General registers and what every entry writes and every exit reads. */
struct guest_regs {
	uint64_t x[32]; /* x[0] is unused */
	uint64_t sepc;
	uint64_t sstatus;
	uint64_t hstatus; /* for the next entry; what a trap leaves in the CSR is not kept */
	uint64_t host_sp; /* hypervisor's stack while the guest runs */
};

/* ABI names of x[] for the SBI and for reset. */
enum {
	REG_RA = 1,
	REG_SP = 2,
	REG_A0 = 10,
	REG_A1,
	REG_A2,
	REG_A3,
	REG_A4,
	REG_A5,
	REG_A6,
	REG_A7
};

/* VS-level CSRs, and the S-level ones without a VS copy: switched when another vcpu is loaded. */
struct guest_vs_csrs {
	uint64_t vsstatus, vsie, vstvec, vsscratch, vsepc, vscause, vstval, vsatp;
	uint64_t vstimecmp;
	uint64_t scounteren, senvcfg, sstateen0;
};

struct guest_fp {
	uint64_t f[32];
	uint64_t fcsr;
};

struct guest_vector {
	uint64_t vstart, vl, vtype, vcsr;
	uint8_t v[]; /* 32 * vlenb bytes */
};

/*
 * The fast path (run/fastpath.c), called by the vector with the guest's caller-saved registers in @r and the others in the
 * hart. Interrupts are off, the mode is IN_GUEST_MODE.
 * fast_ecall - an ecall from VS-mode. It looks at no field of @r but x[]. Unless it says EXIT the guest goes on behind
 * the ecall.
 * fast_insn - a virtual instruction with funct3 other than 0, which stval holds. Of @r it may change sepc and sstatus, too.
 * GUEST or EXIT.
 * fast_access - a guest page fault of a load or a store, @cause. It has all registers and sepc in @r; GUEST_ALL takes
 * sstatus from there, too.
 */
struct next fast_ecall(struct guest_regs *r);
struct next fast_insn(struct guest_regs *r);
struct next fast_access(struct guest_regs *r, uint64_t cause);

/*
 * guest_enter - run the guest in @r until a trap that the fast path has not answered by GUEST. Own pcpu, interrupts off.
 * EXIT: the trap is still to be handled; else it has been. @r is given back: what the caller finds by it, it need not keep
 * elsewhere.
 */
#ifdef __riscv
/* In line, so that the caller keeps what it needs afterwards, and no register is saved for nothing. */
static always_inline struct next guest_enter(struct guest_regs **r)
{
	register uintptr_t a0 __asm__("a0") = (uintptr_t)*r;
	register struct guest_regs *a1 __asm__("a1");

	__asm__ volatile("call guest_switch"
			 : "+r"(a0), "=r"(a1)
			 :
			 : "memory", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a2", "a3",
			   "a4", "a5", "a6", "a7", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7",
			   "s8", "s9", "s10", "s11");
	*r = a1;
	return (struct next){ a0 };
}
#else
struct next guest_enter(struct guest_regs **r);
#endif

#endif
