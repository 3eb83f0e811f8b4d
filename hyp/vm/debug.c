// SPDX-License-Identifier: BSD-2-Clause
#include "vm/debug.h"

#include <string.h>

#include "arch/guest_state.h"
#include "lib/errno.h"
#include "vcpu/debug.h"
#include "vcpu/registry.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm_mem.h"

#define EBREAK	 0x00100073u
#define C_EBREAK 0x9002u

struct breakpoint {
	gpa_t at;
	uint32_t before; /* what the guest has there */
	uint32_t len;
};

/* A VM that is destroyed is not kept for it: its name leads to it as long as it is there, and vm->debugged says that it is the one. */
static struct {
	char name[VM_NAME_MAX + 1];
	bool stopped; /* it stands still because of the debugger */
	unsigned int nr;
	struct breakpoint breaks[DEBUG_BREAKS];
} debugger;

/* --- memory --------------------------------------------------------------------------------------- */

/* Of a page at most, in a bracket. */
static int read_page(const struct vm *vm, gpa_t a, void *buf, uint64_t len)
{
	if (gstage_may_have_holes(&vm->gstage) && gstage_is_hole(&vm->gstage, a)) {
		memset(buf, 0, len);
		return HV_OK;
	}
	return gstage_read(&vm->gstage, a, buf, len);
}

int vm_debug_read(const struct vm *vm, gpa_t a, void *buf, uint64_t len)
{
	uint8_t *to = buf;

	while (len > 0) {
		uint64_t n = min_u64(len, PAGE_SIZE - a.gpa % PAGE_SIZE);
		int err;

		if (!vm_mem_begin(vm))
			return HV_EFAULT;
		err = read_page(vm, a, to, n);
		vm_mem_end();
		if (err != HV_OK)
			return err;
		to += n;
		len -= n;
		a.gpa += n;
	}
	return HV_OK;
}

int vm_debug_write(struct vm *vm, gpa_t a, const void *buf, uint64_t len)
{
	int err = vm_mem_write(vm, a, buf, len);

	if (err == HV_OK)
		(void)vm_make_all_vcpus_request(vm, REQUEST_FENCE_I);
	return err;
}

/* --- breakpoints ---------------------------------------------------------------------------------- */

static struct breakpoint *find_break(gpa_t a)
{
	for (unsigned int i = 0; i < debugger.nr; i++)
		if (debugger.breaks[index_below(i, DEBUG_BREAKS)].at.gpa == a.gpa)
			return &debugger.breaks[index_below(i, DEBUG_BREAKS)];
	return NULL;
}

static uint32_t code(unsigned int len)
{
	return len == 4 ? EBREAK : C_EBREAK;
}

int vm_debug_set_break(struct vm *vm, gpa_t a, unsigned int len)
{
	struct breakpoint b = { .at = a, .len = len };
	uint32_t ebreak = code(len);
	int err;

	if (find_break(a))
		return HV_OK;
	if (debugger.nr == DEBUG_BREAKS)
		return HV_EOVERFLOW;
	err = vm_debug_read(vm, a, &b.before, len);
	if (err == HV_OK)
		err = vm_debug_write(vm, a, &ebreak, len);
	if (err == HV_OK)
		debugger.breaks[debugger.nr++ % DEBUG_BREAKS] = b;
	return err;
}

/* Where it is not any more, as after a reset, what is there is newer. */
static void take_out(struct vm *vm, const struct breakpoint *b)
{
	uint32_t now = 0;

	if (vm_debug_read(vm, b->at, &now, b->len) == HV_OK && now == code(b->len))
		(void)vm_debug_write(vm, b->at, &b->before, b->len);
}

int vm_debug_clear_break(struct vm *vm, gpa_t a)
{
	struct breakpoint *b = find_break(a);

	if (!b)
		return HV_ENOENT;
	take_out(vm, b);
	*b = debugger.breaks[index_below(--debugger.nr, DEBUG_BREAKS)];
	return HV_OK;
}

/* --- attach and detach ---------------------------------------------------------------------------- */

/* Vcpus that sleep follow, too: their hart keeps what it has loaded. */
static void set_hedeleg(struct vm *vm, bool breakpoints)
{
	atomic_set(&vm->hedeleg,
		   breakpoints ? HEDELEG_GUEST & ~BIT(EXC_BREAKPOINT) : HEDELEG_GUEST);
	(void)vm_make_all_vcpus_request(vm, REQUEST_SYNC_STATE);
}

static enum vm_state state_of(const struct vm *vm)
{
	return atomic_read_acquire(&vm->state);
}

/* Pause @vm. A breakpoint may be at it just now: its hart waits for other harts to leave the guest, and never for this one. */
static bool pause(struct vm *vm)
{
	bool paused = vm_pause(vm);

	while (state_of(vm) == VM_PAUSING)
		;
	return paused;
}

/* A breakpoint may have paused it, and it was not asked for since. */
static void look_for_stop(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		if (vcpu_debug_stopped(vm->vcpus[index_below(i, VM_MAX_VCPUS)]))
			debugger.stopped = true;
}

bool vm_debug_is_attached(const struct vm *vm)
{
	return atomic_read(&vm->debugged);
}

bool vm_debug_attach(struct vm *vm)
{
	struct vm *other = vm_get_by_name(debugger.name);
	bool taken = other && vm_debug_is_attached(other);

	if (other)
		vm_put(other);
	if (taken)
		return false;
	look_for_stop(vm); /* for a debugger that has gone */
	memset(&debugger, 0, sizeof(debugger));
	memcpy(debugger.name, vm->name, sizeof(debugger.name));
	atomic_set(&vm->debugged, 1);
	set_hedeleg(vm, true);
	return true;
}

static void release_all(struct vm *vm)
{
	spin_lock(&vm->transition);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_debug_release(vm->vcpus[index_below(i, VM_MAX_VCPUS)]);
	spin_unlock(&vm->transition);
}

/* No vcpu is to meet half of an instruction, so none runs meanwhile. */
static void detach_from(struct vm *vm)
{
	bool paused = pause(vm);

	for (unsigned int i = 0; i < debugger.nr; i++)
		take_out(vm, &debugger.breaks[index_below(i, DEBUG_BREAKS)]);
	atomic_set(&vm->debugged, 0);
	set_hedeleg(vm, false);
	release_all(vm);
	look_for_stop(vm); /* behind a fence: vcpu_debug_break() */
	if (paused || debugger.stopped)
		(void)vm_resume(vm);
}

void vm_debug_detach(void)
{
	struct vm *vm = vm_get_by_name(debugger.name);

	if (vm && vm_debug_is_attached(vm))
		detach_from(vm);
	if (vm)
		vm_put(vm);
}

/* --- stop and go ---------------------------------------------------------------------------------- */

static bool is_paused(const struct vm *vm)
{
	return state_of(vm) == VM_PAUSED;
}

bool vm_debug_stop(struct vm *vm)
{
	if (pause(vm))
		debugger.stopped = true;
	return is_paused(vm);
}

bool vm_debug_go(struct vm *vm, struct vcpu *only)
{
	bool paused;

	look_for_stop(vm); /* what stopped it before is over */
	spin_lock(&vm->transition);
	paused = is_paused(vm);
	for (unsigned int i = 0; paused && i < vm->nr_vcpus; i++) {
		struct vcpu *v = vm->vcpus[index_below(i, VM_MAX_VCPUS)];

		if (only && v != only)
			vcpu_debug_hold(v);
		else
			vcpu_debug_release(v);
	}
	spin_unlock(&vm->transition);
	if (!paused || !vm_resume(vm))
		return false;
	debugger.stopped = false;
	return true;
}

/* --- registers ------------------------------------------------------------------------------------ */

bool vm_debug_regs(struct vcpu *v, struct vm_debug_regs *out)
{
	struct vm *vm = v->vm;
	bool paused;

	spin_lock(&vm->transition);
	paused = is_paused(vm);
	if (paused)
		*out = (struct vm_debug_regs){ v->regs, v->vs, *vcpu_debug_fp(v) };
	spin_unlock(&vm->transition);
	return paused;
}

static void set_reg(struct vcpu *v, unsigned int n, uint64_t value)
{
	if (n < DEBUG_PC)
		v->regs.x[n & 31] = value;
	else if (n == DEBUG_PC)
		v->regs.sepc = value & ~UINT64_C(1);
	else
		vcpu_debug_set_fp(v, n - DEBUG_F0, value);
}

bool vm_debug_set_reg(struct vcpu *v, unsigned int n, uint64_t value)
{
	struct vm *vm = v->vm;
	bool paused;

	spin_lock(&vm->transition);
	paused = is_paused(vm);
	if (paused)
		set_reg(v, n, value);
	spin_unlock(&vm->transition);
	if (paused && n > DEBUG_PC)
		(void)vcpu_debug_ask(v);
	return paused;
}

bool vm_debug_pass(struct vcpu *v)
{
	struct vm *vm = v->vm;
	bool paused;

	spin_lock(&vm->transition);
	paused = is_paused(vm);
	if (paused)
		vcpu_debug_pass(v);
	spin_unlock(&vm->transition);
	return paused;
}
