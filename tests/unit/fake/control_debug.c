// SPDX-License-Identifier: BSD-2-Clause
#include "fake/control_debug.h"

#include <string.h>

#include "fake/control.h"
#include "lib/errno.h"
#include "vcpu/debug.h"
#include "vcpu/vcpu.h"

struct fake_debug debugged;
void (*vm_break_event)(const struct vcpu *v);

bool vm_debug_attach(struct vm *vm)
{
	if (debugged.vm)
		return false;
	debugged.vm = vm;
	return true;
}

bool vm_debug_is_attached(const struct vm *vm)
{
	return debugged.vm == vm;
}

void vm_debug_detach(void)
{
	debugged.vm = NULL;
	debugged.detaches++;
}

bool vm_debug_stop(struct vm *vm)
{
	debugged.stops++;
	return vm->state == VM_RUNNING || vm->state == VM_PAUSED;
}

bool vm_debug_go(struct vm *vm, struct vcpu *only)
{
	debugged.goes++;
	debugged.only = only;
	return vm->state == VM_PAUSED;
}

bool vm_debug_pass(struct vcpu *v)
{
	debugged.passed = v;
	return v->vm->state == VM_PAUSED;
}

static bool is_memory(gpa_t a, uint64_t len)
{
	return a.gpa >= MEMORY_AT && a.gpa - MEMORY_AT <= sizeof(debugged.memory) - len;
}

int vm_debug_read(const struct vm *vm, gpa_t a, void *buf, uint64_t len)
{
	(void)vm;
	if (len > sizeof(debugged.memory) || !is_memory(a, len))
		return HV_EFAULT;
	memcpy(buf, debugged.memory + (a.gpa - MEMORY_AT), len);
	return HV_OK;
}

int vm_debug_write(struct vm *vm, gpa_t a, const void *buf, uint64_t len)
{
	(void)vm;
	if (!is_memory(a, len))
		return HV_EFAULT;
	memcpy(debugged.memory + (a.gpa - MEMORY_AT), buf, len);
	return HV_OK;
}

int vm_debug_set_break(struct vm *vm, gpa_t a, unsigned int len)
{
	(void)vm;
	if (!is_memory(a, len))
		return HV_EFAULT;
	if (debugged.breaks == DEBUG_BREAKS)
		return HV_EOVERFLOW;
	debugged.break_at = a;
	debugged.break_len = len;
	debugged.breaks++;
	return HV_OK;
}

int vm_debug_clear_break(struct vm *vm, gpa_t a)
{
	(void)vm;
	if (a.gpa != debugged.break_at.gpa)
		return HV_ENOENT;
	debugged.breaks--;
	return HV_OK;
}

bool vm_debug_regs(struct vcpu *v, struct vm_debug_regs *out)
{
	if (v->vm->state != VM_PAUSED)
		return false;
	*out = (struct vm_debug_regs){ .regs = v->regs, .vs = v->vs };
	return true;
}

bool vm_debug_set_reg(struct vcpu *v, unsigned int n, uint64_t value)
{
	(void)v;
	debugged.reg = n;
	debugged.value = value;
	return v->vm->state == VM_PAUSED;
}

/* Those that are not deaf have answered at once. */
static uint64_t asked(struct vcpu *v)
{
	debugged.asks++;
	v->debug.pc = v->regs.sepc;
	v->debug.user = !(v->regs.sstatus & SSTATUS_SPP);
	return v->debug.synced++;
}

uint64_t vcpu_debug_ask(struct vcpu *v)
{
	return asked(v);
}

uint64_t vcpu_debug_ask_sample(struct vcpu *v)
{
	return asked(v);
}

bool vcpu_debug_is_synced(const struct vcpu *v, uint64_t before)
{
	return !debugged.deaf && v->debug.synced != before;
}

uint64_t vcpu_debug_pc(const struct vcpu *v, bool *user)
{
	*user = v->debug.user;
	return v->debug.pc;
}
