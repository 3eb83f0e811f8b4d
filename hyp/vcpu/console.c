/* SPDX-License-Identifier: BSD-2-Clause */
#include "vcpu/console.h"

#include "term/term.h"

static void sleep_for_room(struct vcpu *v)
{
	vcpu_try_again(v);
	vcpu_sleep_to_try(v);
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

size_t vcpu_stream_write(struct vcpu *v, struct term_stream *s, const char *buf, size_t len)
{
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

size_t vcpu_console_write(struct vcpu *v, const char *buf, size_t len)
{
	return vcpu_stream_write(v, v->vm->stream, buf, len);
}

void vcpu_stream_wait(struct vcpu *v, struct term_stream *s)
{
	if (vcpu_is_halted(v)) /* for another one, and then it tries again */
		return;
	wait_begins(v);
	if (!term_stream_want_room(s, 1)) {
		sleep_for_room(v);
		return;
	}
	wait_ends(v);
	vcpu_try_again(v);
}

/* Each that has something queued tells when it is out. */
static bool all_is_out(const struct vm *vm)
{
	struct term_stream *s;
	bool out = true;

	vm_for_each_stream(s, vm) out &= term_stream_want_out(s);
	return out;
}

bool vcpu_console_is_out(struct vcpu *v)
{
	if (all_is_out(v->vm))
		return true;
	wait_begins(v);
	if (!all_is_out(v->vm)) {
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
