/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vcpu: one hart of a guest.
 *
 * Its state is in three places: regs, which every exit saves; vs, the VS-level CSRs, which stay in the
 * hart's own CSRs while the vcpu is loaded (pcpu->current) and are saved only when another vcpu is
 * loaded there; and FP/vector registers, which stay in the hart until another vcpu needs them.
 * Writers:
 *   mode                      the vcpu's pcpu, and the first kicker (IN -> EXITING)
 *   requests, irq.inject      any hart, by atomic OR; consumed by the vcpu's pcpu
 *   irq.levels                the device models, each its own bit
 *   irq.shadow, halt_ends, .. the vcpu's pcpu only
 *   hsm                       any hart, by compare-and-exchange (vcpu/hsm.h)
 * Life: made STOPPED and BLOCKED by floor 7; vcpu_hsm_start() of vcpu 0 begins the guest; RESET (a
 * request) sets registers; a VM_DEAD request ends it for good.
 */
#ifndef VCPU_VCPU_H
#define VCPU_VCPU_H

#include "arch/guest.h"
#include "arch/timer.h"
#include "lib/atomic.h"
#include "lib/spinlock.h"
#include "mm/vmid.h"
#include "sched/sched.h"
#include "vcpu/request.h"
#include "vcpu/stats.h"
#include "vcpu/sleep.h"
#include "vcpu/watch.h"

/* Pending interrupts, as bits of hvip. One kind of writer for each word (design, "Interrupts"). */
struct vcpu_irq {
	uint64_t inject; /* atomic; producers OR bits in, flush takes all */
	uint64_t levels; /* atomic; lines that are high now: VSEIP from the interrupt controller */
	uint64_t shadow; /* own pcpu: latched bits of hvip, i.e. VSSIP */
	uint64_t hvip;	 /* own pcpu: what the CSR holds while loaded */
};

#define VCPU_FENCE_RING 16

struct vcpu_fence {
	uint64_t start; /* guest-virtual; whole pages */
	uint64_t size;	/* bytes; 0: the whole space */
	uint64_t asid;
	bool by_asid;
};

struct hartvisor_magic;

struct vcpu {
	struct guest_regs regs; /* first: the world switch takes its address */
	struct guest_vs_csrs vs;
	uint32_t mode;	    /* enum vcpu_mode */
	uint64_t requests;  /* bit n: request n */
	uint64_t guest_seq; /* times it left guest or reading mode */

	struct vm *vm;
	unsigned int id; /* = the guest's hart id */

	struct vcpu_irq irq;
	uint32_t hsm;	   /* SBI_HSM_STATE_*; see vcpu/hsm.h */
	uint64_t start_pc; /* for RESET: valid while START_PENDING */
	uint64_t start_arg;
	uint64_t halted_at;  /* own pcpu: host time of the halt that polls; 0: none (vcpu/poll.h) */
	uint64_t poll_ticks; /* own pcpu: how long to poll next time */
	uint8_t halt_ends;   /* own pcpu: what ends its halt (vcpu/sleep.h); 0: it is not halted */
	bool tries_again;    /* own pcpu: see vcpu/console.h */
	bool fp_initial; /* own pcpu: f0 to f31, in the hart or saved, hold zero as after a reset */
	uint32_t blocked; /* atomic; 1: gives up its hart or has; the hart that clears it wakes the vcpu */
	uint32_t kicked; /* atomic, sticky: the next halt ends at once (vcpu_unhalt) */

	struct timer timer;	 /* stands in for the guest's timer while it is off its hart */
	bool timer_off;		 /* own pcpu: the stand-in's turn: vcpu_timer_block() was called */
	uint64_t timer_deadline; /* without Sstc: guest time of the next timer interrupt */

	struct sched_entity se;
	struct vmid vmid;
	uint64_t hgatp;	    /* with that VMID */
	uint32_t last_pcpu; /* where it was loaded last; UINT32_MAX: nowhere */

	struct spinlock fence_lock; /* innermost but for the log */
	unsigned int nr_fences;
	struct vcpu_fence fences[VCPU_FENCE_RING];

	uint32_t fp_pcpu;     /* where its FP registers were restored last; UINT32_MAX: nowhere */
	uint32_t vector_pcpu; /* the same for vector registers */
	/* SBI STA and the PV-lock structure, own pcpu only: vcpu/steal.h */
	uint64_t steal_at;	      /* guest-physical; STEAL_OFF: none */
	struct sta_struct *steal_ptr; /* the same here, good until TLB_FLUSH; NULL: to be looked up */
	uint64_t steal_base;	      /* se.wait_ticks when this life began */
	uint64_t steal_written;	      /* se.wait_ticks as the guest knows it */
	uint64_t lock_at; /* guest-physical, of its PV-lock structure; STEAL_OFF: none */
	struct hartvisor_pv_lock *lock_ptr; /* as steal_ptr */
	uint32_t steal_sequence;
	bool steal_marked; /* `preempted` is set in the guest's memory */

	/* The magic page, own pcpu only: vcpu/magic.h */
	struct hartvisor_magic *magic;	    /* while it is mapped, at magic_at */
	struct hartvisor_magic *magic_page; /* its memory, kept; NULL: never asked for */
	gpa_t magic_at;
	uint64_t magic_run_base, magic_exits_base; /* what an earlier life left */

	struct guest_fp fp;
	struct guest_vector *vector; /* NULL: the machine has none */
	struct vcpu_stats stats;
	struct vcpu_counts counted; /* before what vcpu_stats_read() tells */
	struct vcpu_sample sample;
	struct vcpu_watch watch;
};

static_assert(offsetof(struct vcpu, regs) == 0, "switch.S");
static_assert(_Alignof(struct vcpu) > NEXT_WHY, "a struct next keeps its why in the lowest bits");

/*
 * vcpu_new - a vcpu of @vm with hart id @id, from the VM's arena: STOPPED, not known to the scheduler
 * until vcpu_power_on(). NULL: no memory.
 */
struct vcpu *vcpu_new(struct vm *vm, unsigned int id, const struct sched_params *sched);

/* vcpu_power_on - forget everything of an earlier life. @v is not running, and is neither kicked nor asked. */
void vcpu_power_on(struct vcpu *v);

enum vcpu_verdict {
	VCPU_MAY_RUN,
	VCPU_MUST_BLOCK, /* halted or stopped */
	VCPU_IS_DEAD,	 /* VM_DEAD was seen: never runs again in this life of its VM */
};

/*
 * vcpu_handle_requests - own pcpu, loaded: do what is asked, end a halt that has a reason to end, and
 * say whether the guest may be entered.
 */
enum vcpu_verdict vcpu_handle_requests(struct vcpu *v);

/* vcpu_halt - own pcpu: a halt of @kind (WFI, SUSPEND, PV_WAIT, PV_WAIT_IRQ). Takes effect before the next
 * entry. */
static inline void vcpu_halt(struct vcpu *v, enum vcpu_sleep kind)
{
	v->halt_ends = sleep_ends(kind);
}

static inline bool vcpu_is_halted(const struct vcpu *v)
{
	return v->halt_ends != 0;
}

/*
 * vcpu_block - own pcpu, when it must block: true when it may leave the hart (the next kick wakes it
 * through the scheduler); false when something came meanwhile: handle requests again.
 */
bool vcpu_block(struct vcpu *v);

/* vcpu_inject_exception - the loaded @v takes exception @cause with @tval at its next instruction. */
void vcpu_inject_exception(struct vcpu *v, uint64_t cause, uint64_t tval);

/* The vcpu whose state this pcpu holds: whose trap is being handled. */
static inline struct vcpu *this_vcpu(void)
{
	return this_pcpu()->current;
}

static inline uint32_t vcpu_mode(const struct vcpu *v)
{
	return atomic_read(&v->mode);
}

/* What vcpu/request.h has as functions, for where a call would be most of the cost. */
static inline uint64_t request_bit(enum vcpu_request req)
{
	return UINT64_C(1) << (req & REQUEST_MASK & 63);
}

static inline bool request_test(enum vcpu_request req, const struct vcpu *v)
{
	return (atomic_read(&v->requests) & request_bit(req)) != 0;
}

static inline void request_clear(enum vcpu_request req, struct vcpu *v)
{
	(void)atomic_fetch_and(&v->requests, ~request_bit(req));
}

static inline bool request_check(enum vcpu_request req, struct vcpu *v)
{
	if (!request_test(req, v))
		return false;
	request_clear(req, v);
	fence_full(); /* pairs with the release in request_make() */
	return true;
}

static inline void request_make(enum vcpu_request req, struct vcpu *v)
{
	fence_release();
	(void)atomic_fetch_or(&v->requests, request_bit(req));
}

/*
 * vcpu_ask_outside - make @v, another one than the caller, the request @req, which has NO_WAKEUP. True: @v was outside guest
 * mode afterwards, so that it looks before it enters, and nothing else is to be done. False: vcpus_make_request() is to be
 * called, which may well make it again.
 */
static always_inline bool vcpu_ask_outside(struct vcpu *v, enum vcpu_request req)
{
	request_make(req, v);
	fence_full(); /* A, vcpu/request.c */
	/* Acquire: what is found outside has done all that it did inside. */
	if (atomic_read_acquire(&v->mode) != OUTSIDE_GUEST_MODE)
		return false;
	counter_inc_shared(&v->stats.kicks_asked);
	counter_inc_shared(&v->stats.ipis_saved);
	return true;
}

/* vcpu_request_pending - is any request set? */
static inline bool vcpu_request_pending(const struct vcpu *v)
{
	return atomic_read(&v->requests) != 0;
}

/*
 * vcpu_leave - own pcpu: guest or reading mode is over. Write mode before guest_seq: otherwise a waiter could pair
 * the new count with the old mode, and wait for a stay that no IPI will end.
 */
static inline void vcpu_leave(struct vcpu *v)
{
	atomic_set_release(&v->mode, OUTSIDE_GUEST_MODE);
	atomic_set_release(&v->guest_seq, v->guest_seq + 1);
}

#endif
