/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a debugger does to a VM. It reads and writes what the guest would find at its physical addresses; it stops the VM and lets it
 * go on, all of it or one vcpu alone; and it puts breakpoints into the guest's memory.
 *
 * There is one debugger at most. While it is attached to a VM, ebreak in that VM comes to hartvisor and pauses it. A debugger that goes
 * leaves nothing behind: no breakpoint, no vcpu that is held, and no VM that stands still because of it.
 *
 * Context of all: the control channel's work item (so one caller at a time), no locks. The caller has a reference to @vm.
 */
#ifndef VM_DEBUG_H
#define VM_DEBUG_H

#include "arch/guest.h"
#include "vcpu/vm.h"

#define DEBUG_BREAKS 64

/* vm_debug_attach - false: a debugger is attached to a VM already. vm_debug_is_attached - to @vm? */
bool vm_debug_attach(struct vm *vm);
bool vm_debug_is_attached(const struct vm *vm);

/* vm_debug_detach - from whatever VM it is attached to, if any. */
void vm_debug_detach(void);

/*
 * vm_debug_stop - pause @vm, to which it is attached. True also if it is paused already. vm_debug_go - it goes on: @only, or all of its
 * vcpus if that is NULL. False: it is not paused.
 */
bool vm_debug_stop(struct vm *vm);
bool vm_debug_go(struct vm *vm, struct vcpu *only);

/*
 * vm_debug_read - copy what is at guest-physical @a; where RAM has been given back, and not come again, are zeroes. vm_debug_write - the
 * other way; vcpus fetch anew what they execute. HV_EFAULT: not all of it is memory of the guest's, or the VM has no life.
 */
int vm_debug_read(const struct vm *vm, gpa_t a, void *buf, uint64_t len);
int vm_debug_write(struct vm *vm, gpa_t a, const void *buf, uint64_t len);

/*
 * vm_debug_set_break - an ebreak of @len bytes, 2 or 4, at @a of the VM to which it is attached; one that is there already stays.
 * HV_EFAULT as above; HV_EOVERFLOW: there are DEBUG_BREAKS. vm_debug_clear_break - what was there before; HV_ENOENT: there is none.
 */
int vm_debug_set_break(struct vm *vm, gpa_t a, unsigned int len);
int vm_debug_clear_break(struct vm *vm, gpa_t a);

/*
 * vm_debug_regs - the state of a vcpu that is synced (vcpu/debug.h). False: its VM is not paused.
 * vm_debug_set_reg - write register @n of such a vcpu: 1 to 31 are x1 to x31, DEBUG_PC, DEBUG_F0 and so on f0 to f31, DEBUG_FCSR.
 * False: its VM is not paused. vm_debug_pass - the next breakpoint that it meets is the guest's own.
 */
struct vm_debug_regs {
	struct guest_regs regs;
	struct guest_vs_csrs vs;
	struct guest_fp floats;
};

enum { DEBUG_PC = 32, DEBUG_F0 = 33, DEBUG_FCSR = DEBUG_F0 + 32 };

bool vm_debug_regs(struct vcpu *v, struct vm_debug_regs *out);
bool vm_debug_set_reg(struct vcpu *v, unsigned int n, uint64_t value);
bool vm_debug_pass(struct vcpu *v);

#endif
