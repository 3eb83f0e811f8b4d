/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a debugger sees of a vcpu, and does to it (vm/debug.h has the same of a VM).
 *
 * While a vcpu is loaded, part of its state is in its hart alone, also while its VM is paused. SYNC_STATE has it saved; a vcpu
 * that has served it after its VM was paused has done with its last exit, too, and stays as it is until the VM goes on.
 *
 * A vcpu may be held: its VM runs, and it does not. So a debugger lets one vcpu execute one instruction.
 */
#ifndef VCPU_DEBUG_H
#define VCPU_DEBUG_H

#include "vcpu/vm.h"

/* vcpu_debug_ask - @v is to save its state, also if it sleeps. vcpu_debug_ask_sample - the same, unless it sleeps. Return what
 * vcpu_debug_is_synced() wants. Any hart, no locks. */
uint64_t vcpu_debug_ask(struct vcpu *v);
uint64_t vcpu_debug_ask_sample(struct vcpu *v);

/* vcpu_debug_is_synced - has @v done it since it was @asked? Acquires its state. */
bool vcpu_debug_is_synced(const struct vcpu *v, uint64_t asked);

/* vcpu_debug_pc - where it was when it served SYNC_STATE last; *@user: in VU-mode. */
uint64_t vcpu_debug_pc(const struct vcpu *v, bool *user);

/*
 * What follows is for a vcpu of a paused VM, with vm->transition held.
 * vcpu_debug_fp - its FP registers, which are synced. vcpu_debug_set_fp - f@n becomes @value, @n == 32: fcsr. vcpu_debug_ask() is due.
 * vcpu_debug_hold - it does not run when its VM goes on, if its hart is started. vcpu_debug_release - it does; @kick: and its VM may
 * run already.
 * vcpu_debug_pass - the next breakpoint that it executes is the guest's own.
 */
const struct guest_fp *vcpu_debug_fp(const struct vcpu *v);
void vcpu_debug_set_fp(struct vcpu *v, unsigned int n, uint64_t value);
void vcpu_debug_hold(struct vcpu *v);
void vcpu_debug_release(struct vcpu *v);
void vcpu_debug_pass(struct vcpu *v);

/*
 * vcpu_debug_break - own pcpu, in an exit: @v has executed ebreak. True: its VM has a debugger, and is paused; false: the breakpoint is
 * the guest's. vcpu_debug_stopped - has that happened since it was last asked?
 */
bool vcpu_debug_break(struct vcpu *v);
bool vcpu_debug_stopped(struct vcpu *v);

/* vm_break_event - is told of it, with no locks held; NULL: none. Set by the boot hart. */
extern void (*vm_break_event)(const struct vcpu *v);

#endif
