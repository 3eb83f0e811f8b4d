/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Posted interrupts: two injectors, and a guest that clears VSSIP itself.
 *
 * vcpu_inject() ORs into `inject` and kicks; the vcpu's own pcpu takes all of it into hvip at entry
 * (vcpu_irq_flush) and reads back at exit what the guest has cleared (vcpu_irq_sync). There is no
 * request bit here: `inject` plays its part, and mode/fence/flush is the Dekker pair.
 *
 * Each injector queues a piece of work for the guest and injects; the guest, in its handler, clears
 * VSSIP first and then takes all the work; without VSSIP it halts (WFI) until something is posted, or
 * spins until the interrupt comes.
 *
 * Safety: no interrupt is undone, i.e. VSSIP never comes back without a new inject after the guest
 * cleared it (every trap is for bits that were injected since).
 * Liveness: no cycle; every run ends with all work done. Every other end, i.e. any interrupt lost, is an
 * invalid end state.
 *
 * Mutants: FENCE_A, FENCE_B, FLUSH_EARLY (before mode = IN), SYNC_OVERWRITES (sync writes what it has read back over inject), KVM_TWO_WORDS (KVM's
 * irqs_pending and irqs_pending_mask, which sync writes as well), NO_SYNC (the shadow is not
 * read back: undoes), KICK_EARLY.
 */
#include "modes.h"
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef EXITS
#define EXITS 1
#endif

/* memory */
byte mode;
bool inject; /* VSSIP's bit in it; with KVM_TWO_WORDS: in irqs_pending_mask */
bool value;  /* KVM_TWO_WORDS: irqs_pending */
byte work;   /* the guest's queue: bit i: injector i's */
bool ipi;

/* the hart */
bool hvip;   /* VSSIP */

/* ghosts */
bool token;  /* the bit in inject is not taken */
bool fresh;  /* the bit in hvip was injected since the guest cleared it last */
byte asked;
byte nr_done;

#define MODE 0
#define OR_INJECT 1
#define OR_WORK 2
#define OR_VALUE 3

inline apply(w, x)
{
	if
	:: w == MODE -> mode = x
	:: w == OR_INJECT -> inject = 1; token = 1
	:: w == OR_WORK -> work = work | x
	:: w == OR_VALUE -> value = x
	fi
}
#include "buffer.h"
BUFFER(buf_v);
BUFFER(buf_0);
BUFFER(buf_1);

inline claim_and_send()
{
	if
	:: atomic { mode == IN -> mode = EXITING }; ipi = 1
	:: mode != IN
	fi
}

inline fence_a(c)
{
#ifndef FENCE_A
	FENCE(c)
#else
	skip
#endif
}

inline post(c)
{
#ifdef KVM_TWO_WORDS
	atomic { empty(c) -> value = 1 };
#endif
	OR(c, OR_INJECT, 1)
}

proctype injector(byte i; chan c)
{
	byte round;

	do
	:: round < ROUNDS ->
		atomic { round++; asked = asked | (1 << i); OR(c, OR_WORK, 1 << i) };
#ifdef KICK_EARLY
		fence_a(c);
		claim_and_send();
		post(c);
#else
		post(c);
		fence_a(c);
		claim_and_send();
#endif
		!(asked & (1 << i)) /* the guest's queue is one deep */
	:: else -> break
	od;
	nr_done++
}

/* vcpu_irq_flush() */
inline flush()
{
	if
	:: inject ->
#ifdef KVM_TWO_WORDS
		inject = 0; /* xchg(&irqs_pending_mask, 0) */
		if
		:: value -> atomic { shadow = 1; fresh = 1; token = 0 }
		:: else -> shadow = 0
		fi
#else
		atomic { inject = 0; shadow = 1; fresh = fresh | token; token = 0 }
#endif
	:: !inject
	fi;
	hvip = shadow
}

/* vcpu_irq_sync() */
inline sync()
{
#ifdef KVM_TWO_WORDS
	if
	:: hvip != shadow && hvip ->
		if
		:: atomic { !inject -> inject = 1 }; value = 1
		:: inject
		fi
	:: hvip != shadow && !hvip ->
		if
		:: atomic { !inject -> inject = 1 }; value = 0 /* test_and_set_bit(mask), clear_bit(pending) */
		:: inject
		fi
	:: hvip == shadow
	fi;
	shadow = hvip
#else
#ifdef NO_SYNC
	skip
#else
#ifdef SYNC_OVERWRITES
	inject = hvip;
#endif
	shadow = hvip
#endif
#endif
}

proctype vcpu()
{
	byte exits = EXITS, todo;
	bool shadow, halted, spins;

outside:
	if
	:: halted -> /* blocked, until something is posted (block.pml), or for good */
		if
		:: inject || shadow -> halted = 0
		:: !inject && !shadow && nr_done == 2 && !work -> goto good_end
		fi
	:: else
	fi;
#ifdef FLUSH_EARLY
	flush();
#endif
	STORE(buf_v, MODE, IN);
#ifndef FENCE_B
	FENCE(buf_v);
#endif
#ifndef FLUSH_EARLY
	flush();
#endif
	/* This time the guest waits by WFI, or spins: then nothing but the interrupt gets it on. */
	if
	:: true -> spins = 1
	:: true -> spins = 0
	fi;
guest:
	if
	:: atomic { ipi -> ipi = 0 }
	:: atomic { !ipi && exits > 0 -> exits-- }
	:: atomic { !ipi && hvip -> assert(fresh); hvip = 0; fresh = 0 };
		/* the handler; it may be interrupted, which changes nothing here */
		atomic { asked = asked & ~work; work = 0 };
		goto guest
	:: atomic { !ipi && !hvip && !spins -> halted = 1 } /* WFI */
	:: atomic { !ipi && !hvip && spins && !inject && nr_done == 2 && !work -> goto good_end }
	fi;
	STORE(buf_v, MODE, OUTSIDE);
	sync();
	goto outside;
good_end:
	skip
}

init
{
	atomic {
		run drain(buf_v); run drain(buf_0); run drain(buf_1);
		run vcpu(); run injector(0, buf_0); run injector(1, buf_1)
	}
}
