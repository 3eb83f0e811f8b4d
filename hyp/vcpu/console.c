/* SPDX-License-Identifier: BSD-2-Clause */
#include "vcpu/console.h"

#include "arch/csr.h"
#include "term/term.h"

/*
 * An interrupt that the guest does not take now must not end the sleep: the instruction would be tried over and over.
 * In VU-mode interrupts are enabled whatever SIE says.
 */
static void sleep_for_room(struct vcpu *v)
{
	bool takes = !(v->regs.sstatus & SSTATUS_SPP) || (csr_read(CSR_VSSTATUS) & SSTATUS_SIE);

	v->halt.again = true;
	vcpu_halt(v, takes ? SLEEP_WFI : SLEEP_PV_WAIT);
}

/* Its bit is set before it looks for the last time, so that the terminal's word finds it. */
static void wait_begins(struct vcpu *v)
{
	vcpu_set_atomic_add(&v->vm->console_waits, v->id);
	fence_full();
}

static void wait_ends(struct vcpu *v)
{
	if (vcpu_set_atomic_has(&v->vm->console_waits, v->id))
		vcpu_set_atomic_remove(&v->vm->console_waits, v->id);
}

size_t vcpu_console_write(struct vcpu *v, const char *buf, size_t len)
{
	struct term_stream *s = v->vm->stream;
	size_t n = term_stream_write(s, buf, len);

	if (n == 0) {
		wait_begins(v);
		n = term_stream_write(s, buf, len);
		if (n == 0) {
			sleep_for_room(v);
			return 0;
		}
	}
	wait_ends(v);
	return n;
}

bool vcpu_console_is_out(struct vcpu *v)
{
	struct term_stream *s = v->vm->stream;

	if (!s || term_stream_want_out(s))
		return true;
	wait_begins(v);
	if (!term_stream_want_out(s)) {
		sleep_for_room(v);
		return false;
	}
	wait_ends(v);
	return true;
}

void vm_console_room(struct vm *vm)
{
	struct vcpu_set set = vcpu_set_atomic_take(&vm->console_waits);

	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		if (vcpu_set_has(set, i))
			vcpu_unhalt(vm->vcpus[i]);
}
