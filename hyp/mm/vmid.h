/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMIDs are hart-local names (Xen's generation scheme), one per vcpu and pcpu.
 *
 * Sibling vcpus that share a hart get different VMIDs, so each keeps private TLB entries, as real harts
 * do; a vcpu that comes to another pcpu, or whose entries must go while it does not run, takes a fresh
 * VMID there. The pcpu hands them out in order; when they run out it flushes all its own entries once
 * and starts a new 64-bit generation, which makes every VMID of older generations stale by comparison.
 * With VMIDLEN = 0 there is only VMID 0 and every allocation is such a flush: slow, and right.
 *
 * No locks: a pcpu's state is touched by that pcpu only.
 */
#ifndef MM_VMID_H
#define MM_VMID_H

#include "arch/pcpu.h"

struct vmid {
	uint64_t generation; /* 0: none */
	uint16_t pcpu;	     /* on which pcpu it is valid */
	uint16_t id;
};

/* The generation of each pcpu, touched by that one only; 0: not probed yet. */
extern uint64_t vmid_generation[MAX_PCPUS];

/* vmid_init_pcpu - probe VMIDLEN (with a valid mode in hgatp) on this hart; @limit_bits caps it
 * (tests: 0 forces the one-VMID case; pass 14 for no cap). Returns the number of bits in use. */
unsigned int vmid_init_pcpu(unsigned int pcpu, unsigned int limit_bits);

/* vmid_is_current - may @v be used on @pcpu as it is? */
static inline bool vmid_is_current(const struct vmid *v, unsigned int pcpu)
{
	return v->generation != 0 && v->pcpu == pcpu && v->generation == vmid_generation[pcpu];
}

/*
 * vmid_alloc - give @v a fresh VMID on @pcpu (the caller's own). Returns true when the number was used
 * in an older generation, so that the caller must fence VS-stage entries (hfence.vvma) once hgatp
 * holds it; G-stage entries have been fenced here at the roll-over.
 */
bool vmid_alloc(struct vmid *v, unsigned int pcpu);

/* vmid_drop - forget: the next entry takes a fresh one. Only by the vcpu's own pcpu. */
static inline void vmid_drop(struct vmid *v)
{
	v->generation = 0;
}

#endif
