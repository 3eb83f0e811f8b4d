/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room of VMs as a whole: from what the user has written to a guest that runs, and back to free memory.
 *
 *   config.h      what was asked for: struct vm_config, read from a bundle (bundle.h) or the host's tree, with all errors
 *   vm_make.h     the objects of a VM, in its arena, and its RAM
 *   parts.h       its devices and interfaces, each a part that describes itself (vcpu/vm_part.h)
 *   loader.h      kernel, ramdisk and device tree (guest_fdt.h, and the user's overlay) into its RAM
 *   lifecycle.h   when all that happens: below
 *   boot_order.h  which VM is loaded first
 *   destroy.h     a VM goes for good; shutdown.c: the machine does
 *   console.h     the VM as the owner of its console
 *   state_list.h  all that a guest can see or change, and what becomes of it at a reset
 *
 * struct vm itself is floor 5's (vcpu/vm.h), and so are its state and transitions. struct vm_life (life.h) is this room's:
 * the VM's task writes it, so one hart at a time. vm->lock guards the G-stage's tables; while a VM has no life its task
 * needs no lock.
 *
 * The life of a VM: made from its configuration, filled, started, ended, started again.
 *
 *   vm_create()           objects, and RAM if it starts by itself; BUILDING, else OFF
 *   task: build           RAM, clear, load, in bounded steps and when it is its turn (vm/boot_order.h); then RUNNING
 *   vm_stop() (floor 5)   STOPPING: every vcpu sees VM_DEAD and leaves; one that is built has none that could
 *   task                  wakes the sleeping ones; once the last vcpu has left: OFF, CRASHED, or build again, with the RAM that it has
 *   task: wipe            of one that has ended: its RAM is cleared in such steps, too, and only then freed
 *   vm_start() (floor 5)  of one that has ended: build again
 *   vm_destroy()          ends it, if need be, and takes it away for good (vm/destroy.h)
 *
 * vm->state says what a VM's task (vm->task) has to do, so an operator changes the state and wakes the task; only
 * the task takes steps. No vcpu exists for the scheduler between the last one's leaving and the start, so these steps
 * touch the VM without locks.
 */
#ifndef VM_LIFECYCLE_H
#define VM_LIFECYCLE_H

#include "vm/config.h"

/*
 * vm_create - make the VM of @cfg, of which it takes a copy; strings, images and the tree stay where they are. A VM that
 * cannot be made is there as FAILED, with its reason in the log. NULL, after a message: there is no memory at all, another
 * VM has the name, or there are VM_MAX. The boot hart before lifecycle_begin(), which starts it; or any hart later, in a
 * work item, and then it is built at once. Without a reference, so of use until this pcpu is back in its loop.
 */
struct vm *vm_create(const struct vm_config *cfg);

/* lifecycle_begin - all VMs are made: build those that start by themselves. Boot hart, once. */
void lifecycle_begin(void);

/* vm_state_name - for the console. */
const char *vm_state_name(enum vm_state state);

/* lifecycle_trace - a line of the log for each transition of a VM's state. Boot hart, before the first VM. */
void lifecycle_trace(void);

/* lifecycle_stay - is the machine to stay on when all VMs have ended? Boot hart, before lifecycle_begin(). */
void lifecycle_stay(bool stay);

/*
 * lifecycle_check_all_ended - when no VM lives or is going to: power the machine off, unless it is to stay on, or a VM
 * that does not start by itself has not been started yet.
 */
void lifecycle_check_all_ended(void);

/* lifecycle_shutdown_machine - end everything now: what the terminal holds goes out, then the power. */
void lifecycle_shutdown_machine(void);

#endif
