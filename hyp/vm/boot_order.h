/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which VMs are loaded, before their first start: strictly by boot-priority, ties in tree order, so that the first VM does not
 * wait for all. At most one load goes on for each hart that it may use; the others have not begun. A load whose turn it
 * is competes with the vcpus of VMs that have started by its weight, and without a cap, since the cap is for what the VM
 * does and not for how soon it is there.
 *
 * Later loads, of VMs that reboot or were off, need no turn.
 */
#ifndef VM_BOOT_ORDER_H
#define VM_BOOT_ORDER_H

#include "vm/config.h"

/* boot_order_add - @vm, BUILDING, is to be loaded at boot. Boot hart, in tree order, before boot_order_begin(). */
void boot_order_add(struct vm *vm);

/* boot_order_begin - all are there: the first ones begin. */
void boot_order_begin(void);

/* boot_order_is_turn - may @vm be loaded now? One that was never added may. */
bool boot_order_is_turn(const struct vm *vm);

/*
 * boot_order_done - the first load of @vm is over, or it is not to be loaded any more: its cap holds, and the next one
 * begins. In a step of @vm's task. No effect when there is none.
 */
void boot_order_done(struct vm *vm);

#endif
