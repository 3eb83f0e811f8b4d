/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a VM: made from its configuration, filled, started, ended, started again.
 *
 *   vm_create()           objects and RAM; BUILDING
 *   work: clear, load     in steps of about a millisecond on whichever pcpu has time; then RUNNING
 *   vm_stop() (floor 5)   STOPPING: every vcpu sees VM_DEAD and leaves
 *   work                  once the last vcpu has left: OFF, CRASHED, or clear and load again
 *   work: wipe            of one that is off: its RAM is cleared in such steps, too, and only then freed
 *
 * No vcpu exists for the scheduler between the last one's leaving and the start, so these steps touch
 * the VM without locks.
 */
#ifndef VM_LIFECYCLE_H
#define VM_LIFECYCLE_H

#include "vm/config.h"

/* Host time at hartvisor's first instructions, for the log. */
extern uint64_t boot_time;

/*
 * vm_create - make the VM of @cfg and queue its loading. A VM that cannot be made is there as FAILED,
 * with its reason in the log. NULL only without any memory. Boot hart.
 */
struct vm *vm_create(const struct vm_config *cfg);

/* vm_state_name - for the console. */
const char *vm_state_name(enum vm_state state);

/* lifecycle_check_all_ended - when no VM lives or is going to: power the machine off. */
void lifecycle_check_all_ended(void);

/* lifecycle_shutdown_machine - end everything now: what the terminal holds goes out, then the power. */
void lifecycle_shutdown_machine(void);

#endif
