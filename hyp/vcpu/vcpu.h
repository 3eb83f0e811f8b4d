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

/* Its state of HSM (riscv-sbi-doc, "Hart State Management"). hsm.c */
struct vcpu_hsm {
	uint32_t state; /* SBI_HSM_STATE_*. Any hart, by compare-and-exchange */
	gpa_t start;	/* for RESET: valid while START_PENDING */
	uint64_t arg;
};

/* Its halts. vcpu.c, wake.h, poll.c */
struct vcpu_halt {
	uint8_t ends; /* own pcpu: what ends its halt (sleep.h); 0: it is not halted */
	bool again;   /* own pcpu: vcpu_tries_again() */
	uint32_t blocked; /* atomic; 1: gives up its hart or has; the hart that clears it wakes the vcpu */
	uint32_t kicked;     /* atomic, sticky: the next halt ends at once (vcpu_unhalt) */
	uint64_t poll_since; /* own pcpu: host time of the halt that polls; 0: none (poll.h) */
	uint64_t poll_ticks; /* own pcpu: how long to poll next time */
};

/* The guest's timer. vtimer.c */
struct vcpu_timer {
	struct timer host; /* kicks the vcpu where its hart does not look at the deadline */
	bool off;	   /* own pcpu: vcpu_timer_block() was called */
	uint64_t deadline; /* without Sstc: guest time of the next timer interrupt */
};

#define VCPU_FENCE_RING 16

struct vcpu_fence {
	gva_t start;   /* whole pages */
	uint64_t size; /* bytes; 0: the whole space */
	uint64_t asid;
	bool by_asid;
};

/* Fences that its siblings want of it. fence.c */
struct vcpu_fences {
	struct spinlock lock; /* LOCK_FENCES */
	unsigned int nr;
	struct vcpu_fence ring[VCPU_FENCE_RING];
};

/* Its translation and its instruction stream on a hart. load.h */
struct vcpu_place {
	struct vmid vmid;
	uint64_t hgatp; /* with that VMID */
	uint32_t pcpu;	/* where it was loaded last; UINT32_MAX: nowhere */
};

/* Its FP and vector registers while no hart holds them. load.h */
struct vcpu_fp {
	uint32_t pcpu;	      /* where the FP registers were restored last; UINT32_MAX: nowhere */
	uint32_t vector_pcpu; /* the same for vector registers */
	bool initial;	      /* f0 to f31, in the hart or saved, hold zero as after a reset */
	struct guest_vector *vector; /* NULL: the machine has none */
	struct guest_fp regs;
};

struct vcpu_timed;
struct hartvisor_magic;
struct hartvisor_pv_lock;
struct sta_struct;

#define PV_OFF gpa(UINT64_MAX)

/* Where the guest is told of this vcpu's time; own pcpu, as what follows. pv/steal.c */
struct vcpu_steal {
	gpa_t at;		/* PV_OFF: none */
	struct sta_struct *ptr; /* the same here, good until TLB_FLUSH; NULL: to be looked up */
	uint64_t base;		/* se.wait_ticks when this life began */
	uint64_t written;	/* se.wait_ticks as the guest knows it */
	uint32_t sequence;
};

/* And whether it is preempted. pv/steal.c */
struct vcpu_pv_lock {
	gpa_t at; /* PV_OFF: none */
	struct hartvisor_pv_lock *ptr;
};

/* The page that the guest reads. pv/magic.c */
struct vcpu_magic {
	struct hartvisor_magic *page;	/* its memory, kept; NULL: never asked for */
	struct hartvisor_magic *mapped; /* the same while the guest has it, at `at` */
	gpa_t at;
	uint64_t run_base, exits_base; /* what an earlier life left */
};

/* The paravirtual interfaces, floor 7's (pv/pv.h). */
struct vcpu_pv {
	struct vcpu_steal steal;
	struct vcpu_pv_lock lock;
	struct vcpu_magic magic;
	bool marked; /* the guest's memory says that it is preempted */
};

/* For a debugger. debug.c */
struct vcpu_debug {
	uint64_t synced;  /* atomic; own pcpu writes: how often it has served SYNC_STATE */
	uint64_t pc;	  /* atomic; own pcpu writes: its pc then */
	uint32_t user;	  /* atomic; own pcpu writes: it was in VU-mode */
	uint32_t pass;	  /* atomic: its next breakpoint is the guest's own */
	uint32_t stopped; /* atomic: it has paused its VM */
	bool fp_written;  /* its VM is paused, or own pcpu: fp.regs are newer than the hart's */
};

struct vcpu {
	struct guest_regs regs; /* first: the world switch takes its address */
	struct guest_vs_csrs vs;
	uint32_t mode;	    /* enum vcpu_mode */
	uint64_t requests;  /* bit n: request n */
	uint64_t guest_seq; /* times it left guest or reading mode */

	struct vm *vm;
	unsigned int id; /* = the guest's hart id */

	struct vcpu_irq irq;
	struct vcpu_hsm hsm;
	struct vcpu_halt halt;
	struct vcpu_timer timer;
	struct sched_entity se;
	struct vcpu_place place;
	struct vcpu_pv pv;
	struct vcpu_fences fences;
	struct vcpu_fp fp;

	struct vcpu_stats stats;
	struct vcpu_timed *timed;   /* atomic; NULL: there is no memory for it (timed.h) */
	struct vcpu_counts counted; /* before what vcpu_stats_read() tells */
	struct vcpu_sample sample;
	struct vcpu_watch watch;
	struct vcpu_debug debug;
};

static_assert(offsetof(struct vcpu, regs) == 0,
	      "from a vcpu to its registers and back costs nothing");
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
	v->halt.ends = sleep_ends(kind);
}

static inline bool vcpu_is_halted(const struct vcpu *v)
{
	return v->halt.ends != 0;
}

/* vcpu_halt_ends - own pcpu: what ends its halt (enum wake_reason); 0: it is not halted. */
static inline unsigned int vcpu_halt_ends(const struct vcpu *v)
{
	return v->halt.ends;
}

/* vcpu_is_kicked - would the next halt end at once? */
static inline bool vcpu_is_kicked(const struct vcpu *v)
{
	return atomic_read(&v->halt.kicked) != 0;
}

/*
 * vcpu_block_begin - own pcpu: it gives up its hart unless the last look finds a reason to stay. From here on a kicker
 * that makes a request afterwards finds it blocked.
 */
static always_inline void vcpu_block_begin(struct vcpu *v)
{
	atomic_set(&v->halt.blocked, 1);
	fence_full(); /* C, request.c */
}

/* vcpu_block_end - own pcpu: it stays, or goes on. False: a kicker was faster, and its sched_wake() is on the way. */
static always_inline bool vcpu_block_end(struct vcpu *v)
{
	return atomic_exchange(&v->halt.blocked, 0) != 0;
}

/* vcpu_is_blocked - has it given up its hart, or is it about to? A hint for all but the hart that clears it. */
static inline bool vcpu_is_blocked(const struct vcpu *v)
{
	return atomic_read(&v->halt.blocked) != 0;
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
