/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hart states of the SBI HSM extension, on a vcpu (riscv-sbi-doc, "Hart State Management"):
 * STOPPED -> START_PENDING by the starter's compare-and-exchange; -> STARTED by the vcpu itself in its
 * RESET; -> STOPPED by itself; SUSPENDED while it halts in a suspend call. A stopped vcpu is blocked
 * and only a RESET or VM_DEAD request moves it.
 */
#ifndef VCPU_HSM_H
#define VCPU_HSM_H

#include <hartvisor/sbi.h>

#include "vcpu/vcpu.h"

/* STARTED, but for that a debugger holds it (vcpu/debug.h): it sleeps as one that is stopped. The guest sees STARTED. */
#define HSM_HELD UINT32_C(0x100)

/* vcpu_hsm_start - start @v at @pc with a1 = @arg. HV_EEXIST: it is not stopped. */
int vcpu_hsm_start(struct vcpu *v, gpa_t pc, uint64_t arg);

/* vcpu_hsm_prepare - the same, but for the kick: it starts when it is kicked. */
int vcpu_hsm_prepare(struct vcpu *v, gpa_t pc, uint64_t arg);

/* vcpu_hsm_stop - own pcpu: the vcpu stops itself (makes SLEEP; takes effect before re-entry). */
void vcpu_hsm_stop(struct vcpu *v);

/* vcpu_hsm_suspend - own pcpu: retentive suspend: halt until an enabled interrupt, like WFI. */
void vcpu_hsm_suspend(struct vcpu *v);

/* vcpu_hsm_is_started - vcpu_hsm_status() is STARTED, and it is not held. */
static inline bool vcpu_hsm_is_started(const struct vcpu *v)
{
	return atomic_read(&v->hsm.state) == SBI_HSM_STATE_STARTED;
}

/* vcpu_hsm_status - SBI_HSM_STATE_* now. */
uint64_t vcpu_hsm_status(const struct vcpu *v);

#endif
