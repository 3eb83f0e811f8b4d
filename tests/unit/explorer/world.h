/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scenes of the explorer look at: one VM, what its guests do and have seen, what was asked of
 * them. world.c is what the sources call, guest.c the guests and their exits, actors.c the threads that ask.
 */
#ifndef EXPLORER_WORLD_H
#define EXPLORER_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "fake/hart.h"
#include "lib/work.h"
#include "vcpu/vm.h"

#define VCPUS_MAX 3

enum guest_op {
	END,	   /* run on; whatever comes is only looked at */
	TAKE,	   /* for ever: as IDLE, but wait in the guest */
	IDLE,	   /* for ever: take each interrupt; wait for the next in WFI */
	NOP,	   /* an exit for nothing */
	WFI,	   /* halt once */
	YIELD,	   /* WRS.NTO */
	READ,	   /* an SBI call that reads guest memory */
	STOP,	   /* hart_stop */
	ENABLE,	   /* vsie.SSIE */
	ARM,	   /* the timer, for later */
	ARM_LATE,  /* the same, for so late that it is never due */
	CLAIM,	   /* the external interrupt was taken: a store to the device lowers its line */
	TICK,	   /* the timer's interrupt was taken; without Sstc a call cancels it */
	WAIT_KICK, /* for ever: look for a message of the other; wait for a kick, and nothing else */
	WAIT_KICK_IDLE, /* the same, and as IDLE */
	/* SBI calls by the fast path; FENCE_OTHERS by the long way */
	KICK_OTHER, /* a message to the other vcpu, and KICK_CPU: it gets the hart if it waits or sleeps there */
	HAND_OVER,    /* KICK_CPU alone */
	FENCE_OTHERS, /* remote fence.i to all other vcpus */
	FAST_FENCE,   /* the same */
	FAST_SFENCE,  /* remote sfence.vma of a page to the other vcpu */
	FAST_IPI,     /* VSSIP to all others */
	RAISE,	      /* a store by which a device raises its own vcpu's line */
	SLEEP,	      /* once, as guest->sleep says, without a look at what is pending */
};

struct guest {
	const enum guest_op *script;
	unsigned int at;
	enum guest_op op; /* why it left */
	unsigned int entries;
	bool armed;		 /* by ARM */
	unsigned int ticks;	 /* timer interrupts that it took */
	uint64_t posted, seen;	 /* interrupts for it: made by others, taken notice of */
	uint64_t thrown, caught; /* with kicks: by others into its memory, and seen by it */
	unsigned int calls;	 /* of others on their way to it */
	unsigned int resets;
	enum vcpu_sleep sleep;
	unsigned int slept,
		woken;	 /* times that it executed SLEEP; of these, those that have ended */
	bool must_sleep; /* nothing here may end its sleep */
	bool masked;	 /* ARM does not enable the interrupt */
	uint64_t asked[NR_HART_FENCES], returned[NR_HART_FENCES], fenced[NR_HART_FENCES];
};

#define TIMER_TICKS 1000 /* from ARM to the interrupt */
#define POLL_STEP   100	 /* from one look to the next of a vcpu that polls */

extern struct world {
	struct vm vm;
	struct guest guests[VCPUS_MAX];
	unsigned int ipis;   /* sent, for whatever reason */
	bool only_kicks;     /* no vcpu sleeps in this scene: an IPI is for a stay in the guest */
	bool must_not_run;   /* no vcpu may enter */
	unsigned int buried; /* lives of the VM that its task has seen to the end */
	uint32_t table;	     /* the G-stage's one entry; 0: unmapped */
	bool freed;	     /* what it points to */
	struct work *work;
	void (*work_fn)(void);
	uint64_t vmids;
	uint64_t time; /* the host's */
	uint64_t lag[HARTS_MAX]; /* by so much a hart's clock is behind: one tick at most, as of the specification */
	uint64_t newest; /* the guest's, as it was seen last */
	unsigned int harts;
} world;

/* world_begin - nothing is there, and @harts pcpus that run guests and @others more. */
void world_begin(unsigned int harts, unsigned int others);

static inline struct guest *guest_of(const struct vcpu *v)
{
	return &world.guests[v->id];
}

static inline struct vcpu *vcpu(unsigned int i)
{
	return world.vm.vcpus[i];
}

/* calls - @n calls more, or fewer, are on their way to the vcpus of @set: they may still run as before. */
void calls(uint64_t set, int n);

/* fence_i - the vcpus of @set have fenced when it returns. */
void fence_i(uint64_t set);

/* posts_to - VSSIP to vcpu @i. throws_to - what it waits for with a kick: a word of its memory, then the call. */
void posts_to(unsigned int i);
void throws_without_kick(unsigned int i);
void throws_to(unsigned int i);

/* world_task_step - the step of the VM's task. */
bool world_task_step(struct sched_entity *se);

/* The bus of the guests' device, guest.c. */
struct mmio_bus *explorer_bus(void);

#endif
