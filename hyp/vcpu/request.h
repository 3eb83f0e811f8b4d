/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests: how one hart asks a vcpu for something.
 *
 * A vcpu carries one bitmap of requests and one mode word. The requester sets a bit, then looks at the
 * mode (vcpu_kick); the vcpu sets its mode, then looks at the bitmap (last check before entry). With a
 * full fence between the two steps on either side, at least one of them sees the other, so no request
 * waits for the next exit by luck (Dekker; vcpu-requests.rst, "Ensuring Requests Are Seen").
 *
 * The modes:
 *   OUTSIDE_GUEST_MODE   in the hypervisor, or nowhere; looks at requests before it enters
 *   IN_GUEST_MODE        in the guest, or past the last check: only an IPI gets it out
 *   EXITING_GUEST_MODE   was IN, and that IPI has been sent already
 *   READING_SHADOW_PAGE_TABLES  in the hypervisor, walking G-stage tables without a lock: a WAIT
 *                        request waits for it, so that tables are not freed under the reader
 *
 * guest_seq counts the times that a vcpu left IN/EXITING/READING: a waiter that saw such a mode is
 * done when the mode is OUTSIDE or the count has moved. Leaving is the acknowledgement; the target
 * need not serve anything, so waiting cannot deadlock: a waiter's own mode is OUTSIDE throughout.
 */
#ifndef VCPU_REQUEST_H
#define VCPU_REQUEST_H

#include "lib/types.h"
#include "vcpu/vcpu_set.h"

struct vcpu;
struct vm;

enum vcpu_mode {
	OUTSIDE_GUEST_MODE,
	IN_GUEST_MODE,
	EXITING_GUEST_MODE,
	READING_SHADOW_PAGE_TABLES,
};

#define REQUEST_MASK	  0xffu	     /* the bit number */
#define REQUEST_NO_WAKEUP (1u << 8)  /* do not wake a blocked vcpu for it */
#define REQUEST_WAIT	  (1u << 9)  /* wait until every vcpu that would get an IPI acknowledged */
#define REQUEST_NO_ACTION (1u << 10) /* log nothing: only get them out */

enum vcpu_request {
	/* 0 to 7: architecture independent */
	REQUEST_TLB_FLUSH = 0 | REQUEST_WAIT | REQUEST_NO_WAKEUP,
	REQUEST_VM_DEAD = 1,
	REQUEST_UPDATE_CLOCK = 2, /* the guest's clock was moved: vm_resume() */
	REQUEST_UNHALT = 3,
	REQUEST_OUTSIDE_GUEST_MODE = 4 | REQUEST_NO_ACTION | REQUEST_WAIT | REQUEST_NO_WAKEUP,
	/* from 8: RISC-V */
	REQUEST_SLEEP = 8 | REQUEST_NO_WAKEUP,
	REQUEST_RESET = 9,
	REQUEST_UPDATE_HGATP = 10 | REQUEST_NO_WAKEUP,
	REQUEST_FENCE_I = 11 | REQUEST_WAIT | REQUEST_NO_WAKEUP,
	REQUEST_HFENCE = 12 | REQUEST_WAIT | REQUEST_NO_WAKEUP,
	REQUEST_HFENCE_VVMA_ALL = 13 | REQUEST_WAIT | REQUEST_NO_WAKEUP,
	REQUEST_HFENCE_GVMA_ALL = 14 | REQUEST_WAIT | REQUEST_NO_WAKEUP,
	REQUEST_STEAL_UPDATE = 15 | REQUEST_NO_WAKEUP,
	REQUEST_WATCH = 16 | REQUEST_NO_WAKEUP, /* a sample, for vcpu/watch.h */
	REQUEST_SYNC_STATE = 17,		/* for vcpu/debug.h */
};

/* vcpu_test_request - is @req set? Leaves it. */
bool vcpu_test_request(enum vcpu_request req, const struct vcpu *v);

/* vcpu_clear_request - clears @req. */
void vcpu_clear_request(enum vcpu_request req, struct vcpu *v);

/*
 * vcpu_check_request - was @req set? Clears it, and what the caller reads afterwards is at least as
 * new as what the requester wrote before it made the request.
 */
bool vcpu_check_request(enum vcpu_request req, struct vcpu *v);

/*
 * vcpu_make_request - ask @v for @req, before its next entry at the latest.
 *
 * What the caller wrote before is visible to the vcpu that finds the bit by vcpu_check_request().
 * Does not interrupt the guest: follow it by vcpu_kick() when it should not wait.
 * Context: any hart, any locks.
 */
void vcpu_make_request(enum vcpu_request req, struct vcpu *v);

/*
 * vcpu_kick - get @v to look at its requests: an IPI when it is in guest mode (once per entry: the
 * first kicker moves IN to EXITING and alone sends it), a wake-up when it is blocked, else nothing.
 * Context: any hart; takes a runq lock when it wakes.
 */
void vcpu_kick(struct vcpu *v);

/*
 * vcpu_unhalt - end @v's halt; one that is not halted finds its next halt ended at once. What the caller
 * wrote before, @v sees after that halt. Kicks before one halt are one; RESET forgets them. Never sends
 * an IPI: a vcpu that is in the guest looks before it halts.
 * Context: as vcpu_kick().
 */
void vcpu_unhalt(struct vcpu *v);

/*
 * vcpu_kick_claim, vcpu_unhalt_claim - the same for a caller that hands its hart to @v at once (next_yield()). True: @v was
 * blocked, and its wake is left to the caller: sched_switch_to() does it, or sched_wake(); nothing else will.
 * Take no lock.
 */
bool vcpu_kick_claim(struct vcpu *v);
bool vcpu_unhalt_claim(struct vcpu *v);

/*
 * vcpus_make_request - vcpu_make_request() and vcpu_kick() for each vcpu of @vm in @set, with one SBI IPI call
 * for all that are in guest mode. Honours the flags of @req: NO_WAKEUP, WAIT, NO_ACTION. The vcpu
 * that is loaded here may be in @set: it is not sent an IPI and not waited for (and woken as others
 * are: it may be asleep, and the caller the console).
 * Returns whether any was kicked.
 * Context: with WAIT the caller holds no lock that the way out of a guest needs, and is in no vcpu's
 * READING_SHADOW_PAGE_TABLES bracket.
 */
bool vcpus_make_request(struct vm *vm, struct vcpu_set set, enum vcpu_request req);

/* vm_make_all_vcpus_request - vcpus_make_request() for every vcpu of @vm. */
bool vm_make_all_vcpus_request(struct vm *vm, enum vcpu_request req);

#endif
