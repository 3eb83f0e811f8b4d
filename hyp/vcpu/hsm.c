// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/hsm.h"

#include "lib/errno.h"

int vcpu_hsm_prepare(struct vcpu *v, gpa_t pc, uint64_t arg)
{
	uint32_t stopped = SBI_HSM_STATE_STOPPED;

	if (!atomic_compare_exchange(&v->hsm.state, &stopped, SBI_HSM_STATE_START_PENDING))
		return HV_EEXIST;
	/* No other hart starts it now, and it reads these only after it has seen RESET. */
	v->hsm.start = pc;
	v->hsm.arg = arg;
	vcpu_make_request(REQUEST_RESET, v);
	return HV_OK;
}

int vcpu_hsm_start(struct vcpu *v, gpa_t pc, uint64_t arg)
{
	int err = vcpu_hsm_prepare(v, pc, arg);

	if (err == HV_OK)
		vcpu_kick(v);
	return err;
}

void vcpu_hsm_stop(struct vcpu *v)
{
	atomic_set(&v->hsm.state, SBI_HSM_STATE_STOP_PENDING);
	vcpu_make_request(REQUEST_SLEEP, v);
}

void vcpu_hsm_suspend(struct vcpu *v)
{
	atomic_set(&v->hsm.state, SBI_HSM_STATE_SUSPENDED);
	vcpu_halt(v, SLEEP_SUSPEND);
}

uint64_t vcpu_hsm_status(const struct vcpu *v)
{
	uint32_t state = atomic_read(&v->hsm.state);

	return state == HSM_HELD ? SBI_HSM_STATE_STARTED : state;
}
