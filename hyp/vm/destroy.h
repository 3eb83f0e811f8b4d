/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a VM for good. vm_destroy() ends its life, if it has one; its task wipes and frees its RAM as after any end,
 * and then takes it out of the registry. When the last reference is given up, the reaper frees everything else: it runs as
 * work, in bounded steps.
 *
 *   its output is on the terminal     ->  its console is closed
 *   each pcpu has been in its loop    ->  no hart is in the middle of a call that came from outside of the VM
 *   its parts and timers are stopped
 *   each pcpu has been in its loop    ->  no function of a timer of its runs any more, and nothing wakes a vcpu or the task
 *   its vcpus and its task sleep
 *   each pcpu has been in its loop    ->  no hart looks at one of them any more
 *   they leave the scheduler, the VM's arena is erased and freed, its id is free
 */
#ifndef VM_DESTROY_H
#define VM_DESTROY_H

#include "vcpu/vm.h"

/*
 * vm_destroy - begin to take @vm away, in whatever state it is. The caller has a reference, and gives it up afterwards.
 * Returns at once. False: that has been begun before. Context: any hart, no locks.
 */
bool vm_destroy(struct vm *vm);

/* vm_released - vm->release of each VM: nothing refers to @vm any more. Any hart, no locks. */
void vm_released(struct vm *vm);

#endif
