/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMIDs are hart-local names (Xen's generation scheme), one per vcpu and pcpu.
 *
 * Sibling vcpus that share a hart get different VMIDs, so each keeps private TLB entries, as real harts
 * do; a vcpu that comes to another pcpu, or whose entries must go while it does not run, takes a fresh
 * VMID there. The pcpu hands them out in order; when they run out it starts a new 64-bit generation,
 * which makes every VMID of older generations stale by comparison, and its first user fences all.
 * With VMIDLEN = 0 there is only VMID 0 and every allocation is such a flush: slow, and right.
 *
 * Order: first hgatp with the new number, then the fence. hgatp and vsatp are active in HS-mode
 * (privileged specification, "hgatp", "vsatp"), so the hart may walk at any time from what they hold.
 * A fence that comes before the write leaves time to cache the former vcpu's translations again, under
 * a number that the new generation gives to another VM. After the write only the new vcpu's
 * translations can be cached. The same order covers the change from MODE = Bare, where VMID 0 may have
 * identity translations: "if hgatp.MODE is changed for a given VMID, an HFENCE.GVMA must be executed".
 * A new generation needs a fence of all VMIDs before the write as well. The hart may remember where G-stage tables of a
 * VM that has ended were, under the number that is written now, and would walk there until the fence after the write.
 * That memory holds other data by then.
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

/*
 * vmid_init_pcpu - probe VMIDLEN on this hart, with a valid mode and @root in hgatp, as
 * gstage_probe() does. @limit_bits caps it (tests: 0 forces the one-VMID case; pass 14
 * for no cap). Returns the number of bits in use. hgatp is 0 afterwards.
 */
unsigned int vmid_init_pcpu(unsigned int pcpu, unsigned int limit_bits, hpa_t root);

/* vmid_is_current - may @v be used on @pcpu as it is? */
static inline bool vmid_is_current(const struct vmid *v, unsigned int pcpu)
{
	return v->generation != 0 && v->pcpu == pcpu && v->generation == vmid_generation[pcpu];
}

/* vmid_number - what goes into hgatp, while it is current. */
static inline uint16_t vmid_number(const struct vmid *v)
{
	return v->id;
}

/* What is to be fenced once hgatp holds a fresh VMID, and before the guest is entered. ALL: before that, too. */
enum vmid_fence {
	VMID_FENCE_NONE,
	VMID_FENCE_VVMA, /* hfence.vvma: an older generation used the number */
	VMID_FENCE_ALL,	 /* hfence.gvma of all VMIDs, too: the first number of a generation */
};

/*
 * vmid_alloc - give @v a fresh VMID on @pcpu (the caller's own). The caller writes it to hgatp, with
 * vsatp = 0 or the vcpu's own, and executes the fences that are returned.
 */
enum vmid_fence vmid_alloc(struct vmid *v, unsigned int pcpu);

/*
 * vmid_park - no guest is loaded on @pcpu (the caller's own): hgatp = 0. From then on the hart does not
 * walk the tables of the VM that was loaded last, and they may be freed. All VMIDs of @pcpu become stale,
 * since MODE = Bare uses VMID 0.
 */
void vmid_park(unsigned int pcpu);

/* vmid_drop - forget: the next entry takes a fresh one. Only by the vcpu's own pcpu. */
static inline void vmid_drop(struct vmid *v)
{
	v->generation = 0;
}

#endif
