/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Halt polling: a vcpu whose halts are short, on a hart that has nothing else to do, is waited for
 * instead of being put to sleep. The time adapts: it doubles from 10 us up to the VM's limit as long as
 * polling for so long would have been enough, and is halved when halts are longer than the limit.
 */
#ifndef VCPU_POLL_H
#define VCPU_POLL_H

#include "vcpu/vcpu.h"

/*
 * vcpu_poll - own pcpu, before vcpu_block(), in a VM that has a halt_poll_max: wait a little. True: it need not
 * block, or this pcpu has something else to look at; handle requests again.
 */
bool vcpu_poll(struct vcpu *v);

/* vcpu_poll_adapt - what vcpu_poll_end() does after a halt that polled. */
void vcpu_poll_adapt(struct vcpu *v);

/* vcpu_poll_end - own pcpu, it runs again: how long did the halt last? */
static inline void vcpu_poll_end(struct vcpu *v)
{
	if (v->halt.poll_since)
		vcpu_poll_adapt(v);
}

#endif
