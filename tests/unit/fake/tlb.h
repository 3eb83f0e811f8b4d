/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Harts whose TLB forgets nothing but by a fence, and which walk ahead as much as the privileged
 * specification allows: hgatp and vsatp are active in HS-mode, so at every CSR access and every fence,
 * before and after it, the hart caches each translation that these two registers lead to.
 *
 * An entry is a pair of a tag and an answer, and the TLB holds all answers that it was ever given for a tag:
 *
 *	G-stage		VMID, guest-physical page		-> host page
 *	VS-stage	VMID, ASID, Bare or not, virtual page	-> guest-physical page
 *	both		VMID, ASID, Bare or not, virtual page	-> host page
 *
 * A walk may use an entry or memory, whichever is worse: the model takes both, so its TLB holds whatever any
 * hart's TLB may hold, and no schedule of walks need be tried. MODE = Bare of hgatp caches identity
 * translations under VMID 0 that a later mode finds (specification, "hgatp": a change of MODE needs a fence).
 *
 * The world is small: pages are numbers. A guest's page table is one page of its RAM. Floor: the unit
 * test's own sources.
 */
#ifndef FAKE_TLB_H
#define FAKE_TLB_H

#include <stdbool.h>
#include <stdint.h>

#define TLB_HARTS   2
#define TLB_VMS	    3
#define TLB_GVAS    2
#define TLB_GPAS    4
#define TLB_HPAS    (TLB_GPAS * (TLB_VMS + 1)) /* the first TLB_GPAS are hartvisor's own */
#define TLB_NOWHERE 0xff

/* tlb_setup - all harts as after reset: registers 0, nothing cached; VMIDs have @vmidlen bits (0 to 3). Each
 * VM's RAM is its own TLB_GPAS host pages. */
void tlb_setup(unsigned int vmidlen);

/* tlb_root - hgatp's PPN for VM @vm. tlb_vsatp - vsatp for the page table at page @gpa, Sv39. */
uint64_t tlb_root(unsigned int vm);
uint64_t tlb_vsatp(unsigned int gpa, unsigned int asid);

/* tlb_map - VM @vm's G-stage tables say from now on that @gpa is at @hpa, or TLB_NOWHERE. */
void tlb_map(unsigned int vm, unsigned int gpa, uint8_t hpa);

/* tlb_free_tables - the G-stage tables of @vm are other data's memory: no hart may walk them any more. */
void tlb_free_tables(unsigned int vm);

/* tlb_new_tables - @vm has tables again, by tlb_map() others than before. */
void tlb_new_tables(unsigned int vm);

/* tlb_guest_maps - in VM @vm: the page table at @table says that @gva is at @gpa. */
void tlb_guest_maps(unsigned int vm, unsigned int table, unsigned int gva, uint8_t gpa);

/* tlb_guest_uses - the guest on this hart uses every virtual page: each may lead only to where the tables of
 * VM @vm say that it is. */
void tlb_guest_uses(unsigned int vm);

/* tlb_failed - what went wrong since tlb_setup(), or NULL. Only the first is kept. */
const char *tlb_failed(void);

#endif
