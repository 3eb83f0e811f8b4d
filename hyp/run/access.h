/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's access to a device: what the fast path (fastpath.c) and the long way (exit.c) do alike, in line. */
#ifndef RUN_ACCESS_H
#define RUN_ACCESS_H

#include "arch/csr.h"
#include "arch/insn.h"
#include "vcpu/console.h"
#include "vcpu/irq.h"
#include "vcpu/stats.h"
#include "vcpu/vcpu.h"

/*
 * access_address - where a guest page fault was. htval is the guest-physical address without its two lowest bits; those
 * are stval's (privileged specification, "htval").
 */
static inline gpa_t access_address(uint64_t htval, uint64_t stval)
{
	return gpa((htval << 2) | (stval & 3));
}

/* access_value - what the store @m writes; the bytes beyond its width are not its. */
static inline uint64_t access_value(const struct vcpu *v, const struct insn_mem *m)
{
	return m->reg ? v->regs.x[m->reg & 31] : 0;
}

/* access_done - the device has answered: @val to a load, 0 beyond its width. The guest goes on, or tries again. */
static inline void access_done(struct vcpu *v, const struct insn_mem *m, uint64_t val)
{
	const unsigned int unused = 64U - 8U * m->len;

	if (!m->store && m->reg)
		v->regs.x[m->reg & 31] =
			m->sign_extend ? (uint64_t)((int64_t)(val << unused) >> unused) : val;
	if (!m->store || !vcpu_tries_again(v)) /* no load waits */
		v->regs.sepc += m->insn_len;
	counter_inc(&v->stats.exits[EXIT_MMIO]);
}

/* access_fault - no device has the address: what a real machine says of one without memory. @cause: of the guest page fault. */
static inline void access_fault(struct vcpu *v, uint64_t cause, uint64_t stval)
{
	uint64_t access = cause == EXC_INSN_GUEST_FAULT ? EXC_INSN_ACCESS :
			  cause == EXC_LOAD_GUEST_FAULT ? EXC_LOAD_ACCESS :
							  EXC_STORE_ACCESS;

	counter_inc(&v->stats.exits[EXIT_GUEST_FAULT]);
	vcpu_inject_exception(v, access, stval);
}

#endif
