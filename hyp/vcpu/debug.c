// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/debug.h"

#include "vcpu/hsm.h"
#include "vcpu/vcpu.h"

void (*vm_break_event)(const struct vcpu *v);

static uint64_t ask(struct vcpu *v, enum vcpu_request req)
{
	uint64_t before = atomic_read(&v->debug.synced);

	(void)vcpus_make_request(v->vm, vcpu_set_of(v->id), req);
	return before;
}

uint64_t vcpu_debug_ask(struct vcpu *v)
{
	return ask(v, REQUEST_SYNC_STATE);
}

uint64_t vcpu_debug_ask_sample(struct vcpu *v)
{
	return ask(v, REQUEST_SYNC_STATE | REQUEST_NO_WAKEUP);
}

bool vcpu_debug_is_synced(const struct vcpu *v, uint64_t asked)
{
	return atomic_read_acquire(&v->debug.synced) != asked;
}

uint64_t vcpu_debug_pc(const struct vcpu *v, bool *user)
{
	*user = atomic_read(&v->debug.user);
	return atomic_read(&v->debug.pc);
}

const struct guest_fp *vcpu_debug_fp(const struct vcpu *v)
{
	return &v->fp.regs;
}

void vcpu_debug_set_fp(struct vcpu *v, unsigned int n, uint64_t value)
{
	if (n < 32)
		v->fp.regs.f[n & 31] = value;
	else
		v->fp.regs.fcsr = value;
	v->debug.fp_written = true;
}

void vcpu_debug_hold(struct vcpu *v)
{
	uint32_t started = SBI_HSM_STATE_STARTED;

	(void)atomic_compare_exchange(&v->hsm.state, &started, HSM_HELD);
}

/* The request, so that one which has slept since its VM runs looks again. */
void vcpu_debug_release(struct vcpu *v)
{
	uint32_t held = HSM_HELD;

	if (atomic_compare_exchange(&v->hsm.state, &held, SBI_HSM_STATE_STARTED))
		(void)vcpu_debug_ask(v);
}

void vcpu_debug_pass(struct vcpu *v)
{
	atomic_set(&v->debug.pass, 1);
}

/*
 * A vcpu that pauses its VM itself is outside of the guest, so nothing waits for it. If another one was faster, it meets the breakpoint
 * again once the VM goes on. The debugger may go at the same time: it sees `stopped`, or its going is seen here (it stores `debugged`, and
 * makes requests, which has a fence, before it looks). The one that takes `stopped` away lets the VM go on.
 */
bool vcpu_debug_break(struct vcpu *v)
{
	if (!atomic_read(&v->vm->debugged))
		return false;
	if (atomic_read(&v->debug.pass)) {
		atomic_set(&v->debug.pass, 0);
		return false;
	}
	if (!vm_pause(v->vm))
		return true;
	atomic_set(&v->debug.stopped, 1);
	fence_full();
	if (!atomic_read(&v->vm->debugged) && vcpu_debug_stopped(v))
		(void)vm_resume(v->vm);
	else if (vm_break_event)
		vm_break_event(v);
	return true;
}

bool vcpu_debug_stopped(struct vcpu *v)
{
	return atomic_read(&v->debug.stopped) && atomic_exchange(&v->debug.stopped, 0);
}
