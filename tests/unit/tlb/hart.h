/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Harts whose TLB forgets nothing but by a fence, and which walk ahead as much as the privileged specification
 * allows: hgatp and vsatp are active in HS-mode, so at every step (a write to one of them, a fence, an allocation, an
 * IPI), before and after it, each hart caches every translation that its two registers lead to, valid or not.
 *
 * An entry is a pair of a tag and an answer, and the TLB holds all answers that it was ever given for a tag:
 *
 *	G-stage		VMID, guest-physical page		-> host page
 *	its tables	VMID, guest-physical page, level	-> page of the table
 *	VS-stage	VMID, ASID, Bare or not, virtual page	-> guest-physical page
 *	both		VMID, ASID, Bare or not, virtual page	-> host page
 *
 * A walk may use an entry or memory, whichever is worse: the model takes both, so its TLB holds whatever any hart's
 * TLB may hold, and no schedule of walks need be tried. MODE = Bare of hgatp caches identity translations under
 * VMID 0 that a later mode finds (specification, "hgatp": a change of MODE needs a fence).
 *
 * G-stage tables are the real ones (mm/pgtable.c) in memory of a few pages (tlb/memory.h), with four entries each
 * (FAKE_PT_INDEX_BITS). A guest's page table is one page of its RAM, whose words say where each virtual page is.
 *
 * The instruction cache is as simple: a guest's code is a number that grows, and a hart holds each number that it
 * found while the guest's tables were in hgatp, until fence.i.
 */
#ifndef TLB_HART_H
#define TLB_HART_H

#include <stdbool.h>
#include <stdint.h>

#include "tlb/memory.h"

#define TLB_HARTS    2
#define TLB_VMS	     3
#define TLB_VMIDS    8 /* that are told apart */
#define TLB_ASIDS    2
#define TLB_GVAS     4
#define TLB_GPAS     8
#define TLB_VERSIONS 32

/*
 * The guest-physical pages that are looked at, as the harts know them. RAM is 16 to 20: one large leaf and a
 * small one. The others have tables of their own, or share those of a RAM page.
 */
enum tlb_gpa {
	RAM_TABLE_A,
	RAM_TABLE_B,
	RAM_DATA_A,
	RAM_OTHER,
	RAM_DATA_B,
	HOLE_NEAR,
	HOLE_BESIDE,
	HOLE_FAR
};

#define TLB_RAM_FIRST 16
#define TLB_RAM_PAGES 5

uint64_t tlb_gpa(enum tlb_gpa i);

/* Of a set of guest-physical pages: there is none. */
#define TLB_NO_GPA BIT(TLB_GPAS)

struct tlb_answers {
	uint8_t n;
	struct tlb_page a[12];
};

void tlb_add(struct tlb_answers *set, struct tlb_page p);
bool tlb_has(const struct tlb_answers *set, struct tlb_page p);

/* tlb_setup - all harts as after reset: registers 0, nothing cached; VMIDs have @vmidlen bits. All memory is free. */
void tlb_setup(unsigned int vmidlen);

/* tlb_vsatp - for the page table at page @table, Sv39. */
uint64_t tlb_vsatp(enum tlb_gpa table, unsigned int asid);

/* tlb_guest_word - how a guest's page table says that a virtual page is at @gpa; TLB_GPAS: nowhere. */
uint64_t tlb_guest_word(unsigned int gpa);

/* tlb_walk - where the G-stage tables with root @hgatp say that @gpa is. */
struct tlb_page tlb_walk(uint64_t hgatp, enum tlb_gpa gpa);

/* tlb_bare_gpa - where virtual page @gva is for a guest without page tables. */
enum tlb_gpa tlb_bare_gpa(unsigned int gva);

/* tlb_step - the harts walk, and the program may let other things happen: *tlb_between is called, unless it is NULL or
 * runs already. tlb_note - by the world, before each walk. */
void tlb_step(void);
void tlb_note(void);
extern void (*tlb_between)(void);

/* tlb_use - to where may an access of the guest on this hart to page @gva go? */
const struct tlb_answers *tlb_use(unsigned int gva);

/* Instructions: version @version is VM @owner's code now. tlb_fetch - what this hart may execute of it (bits). */
void tlb_code(unsigned int owner, unsigned int version);
uint32_t tlb_fetch(unsigned int owner);

/* tlb_fail - something is wrong. tlb_failed - what, since tlb_setup(), or NULL; only the first is kept. */
void tlb_fail(const char *what);
const char *tlb_failed(void);

#endif
