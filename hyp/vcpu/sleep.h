/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeps: the reasons for which a vcpu does not want its hart, and what ends each of them.
 *
 * This table is the one place that says it. Every way into a sleep asks it by vcpu_sleep_is_over()
 * (vcpu/wake.h), and every reason is looked at in its source, never by a message: a message may have come
 * and gone while the vcpu still ran. A vcpu sleeps in one of three ways, which do not matter here: it is
 * blocked (vcpu_block), it rests on its own hart (vcpu_rest), or its pcpu polls for it (vcpu_poll).
 *
 * tests/system/test_wake.py reads this file and tries every cell of the table, those that must not end a
 * sleep included.
 */
#ifndef VCPU_SLEEP_H
#define VCPU_SLEEP_H

#include "lib/types.h"

/* Where each reason has its source. */
enum wake_reason {
	WAKE_REQUEST = 1 << 0, /* v->requests: VM_DEAD, UPDATE_CLOCK (resume), RESET (start), ... */
	WAKE_KICK = 1 << 1,    /* v->kicked */
	WAKE_IRQ = 1 << 2,     /* irq.inject, irq.shadow, irq.levels: what vsie enables of them */
	WAKE_TIMER = 1 << 3,   /* the deadline of the guest's timer is due, and vsie enables it */
};

/* X(kind, name, what ends it) */
#define VCPU_SLEEPS(X)                                                                  \
	X(WFI, "wfi", WAKE_REQUEST | WAKE_KICK | WAKE_IRQ | WAKE_TIMER)                 \
	X(SUSPEND, "suspend", WAKE_REQUEST | WAKE_KICK | WAKE_IRQ | WAKE_TIMER)         \
	X(PV_WAIT, "pv-wait", WAKE_REQUEST | WAKE_KICK)                                 \
	X(PV_WAIT_IRQ, "pv-wait-irq", WAKE_REQUEST | WAKE_KICK | WAKE_IRQ | WAKE_TIMER) \
	X(STOPPED, "stopped", WAKE_REQUEST)                                             \
	X(PAUSED, "paused", WAKE_REQUEST)

enum vcpu_sleep {
#define X(kind, name, ends) SLEEP_##kind,
	VCPU_SLEEPS(X)
#undef X
		NR_VCPU_SLEEPS,
};

/* sleep_ends - the reasons (enum wake_reason) that end a sleep of @kind; a constant where @kind is one. */
static inline uint8_t sleep_ends(enum vcpu_sleep kind)
{
	switch (kind) {
#define X(kind, name, ends) \
	case SLEEP_##kind:  \
		return ends;
		VCPU_SLEEPS(X)
#undef X
	case NR_VCPU_SLEEPS:
		break;
	}
	return 0;
}

#endif
