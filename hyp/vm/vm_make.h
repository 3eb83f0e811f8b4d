/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making a VM: its vcpus, devices and console, which stay until it is destroyed, and its RAM, which it has from
 * the moment it is to be started until it has ended. Used by lifecycle.c.
 */
#ifndef VM_VM_MAKE_H
#define VM_VM_MAKE_H

#include "vm/config.h"

/*
 * vm_make - everything of @vm but its RAM, as vm->config says; checks the images, too, so that what is wrong with them
 * is said when the VM is made. Sets vm->made, or says in the log why not. Any hart, no locks.
 */
void vm_make(struct vm *vm);

/*
 * vm_make_ram - allocate @vm's RAM and map it, and what its parts have in its memory. HV_E* changes nothing, and
 * *@refused is the part that could not, or NULL. vm_tell_ram - say why in the log.
 */
int vm_make_ram(struct vm *vm, const struct vm_part_of **refused);

/*
 * vm_remake_ram - a step of it for the next life of a VM that may have its RAM still, but for what it has given back. *@done: 0
 * at first, its own. HV_EBUSY: call again.
 */
int vm_remake_ram(struct vm *vm, uint64_t *done, const struct vm_part_of **refused);
void vm_tell_ram(const struct vm *vm, int err, const struct vm_part_of *refused);

#endif
