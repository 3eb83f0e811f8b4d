/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's processor state and the world switch.
 *
 * guest_enter() runs the guest until the next trap into HS-mode; interrupts are off before and after
 * and on while the guest runs. What the trap was is then still in scause, stval, htval and htinst.
 * An ecall may be answered without leaving (a light exit), for what needs neither the whole state nor
 * a look at what else there is to do.
 */
#ifndef ARCH_GUEST_H
#define ARCH_GUEST_H

#include "arch/pcpu.h"
#include "lib/types.h"

/* General registers and what every entry writes and every exit reads; offsets used by switch.S. */
struct guest_regs {
	uint64_t x[32]; /* x[0] is unused */
	uint64_t sepc;
	uint64_t sstatus;
	uint64_t hstatus; /* for the next entry; what a trap leaves in the CSR is not kept */
	uint64_t host_sp; /* hypervisor's stack while the guest runs */
};

static_assert(offsetof(struct guest_regs, sepc) == 256, "switch.S");
static_assert(offsetof(struct guest_regs, sstatus) == 264, "switch.S");
static_assert(offsetof(struct guest_regs, hstatus) == 272, "switch.S");
static_assert(offsetof(struct guest_regs, host_sp) == 280, "switch.S");

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

/* What a light exit comes to; numbers used by switch.S. */
enum light_verdict {
	LIGHT_DONE = 0,	 /* the guest goes on behind the ecall */
	LIGHT_LEAVE = 1, /* the same, but something else wants it to leave */
	LIGHT_NOT = 2,	 /* an exit like others: nothing has been done */
	LIGHT_DONE_ALL =
		3, /* as DONE, with any register, sstatus and hstatus changed; of fast_trap() alone */
};

/* What switch.S goes on with, so that it need not remember: the registers' address, and in its lowest bits the
 * verdict. */
struct light_end {
	uintptr_t regs_and_verdict;
};

#define LIGHT_VERDICT 3 /* mask; number used by switch.S */

static inline struct light_end light_ends(struct guest_regs *r, enum light_verdict verdict)
{
	return (struct light_end){ (uintptr_t)r | verdict };
}

static inline enum light_verdict light_verdict(struct light_end end)
{
	return end.regs_and_verdict & LIGHT_VERDICT;
}

typedef struct light_end light_fn(struct guest_regs *r);

/*
 * guest_enter - run the guest in @r until it traps. Own pcpu, interrupts off. @light is called first for
 * each ecall from VS-mode, with only sp and the caller-saved registers in *@r: it must look at no others,
 * and at no field but x[]. True: that ecall was the trap, and has been handled. @r is given back: what the
 * caller finds by it, it need not keep elsewhere.
 */
#ifdef __riscv
/* In line, so that the caller keeps what it needs afterwards, and no register is saved for nothing. */
static always_inline bool guest_enter(struct guest_regs **r, light_fn *light)
{
	register struct guest_regs *a0 __asm__("a0") = *r;
	register uint64_t a1 __asm__("a1") = (uintptr_t)light;

	__asm__ volatile("call guest_switch"
			 : "+r"(a0), "+r"(a1)
			 :
			 : "memory", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a2", "a3",
			   "a4", "a5", "a6", "a7", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7",
			   "s8", "s9", "s10", "s11");
	*r = a0;
	return a1 != 0;
}
#else
bool guest_enter(struct guest_regs **r, light_fn *light);
#endif

#endif
