/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry: which VMs there are. A VM is found by its id or its name, and may be used as long as the finder holds
 * a reference to it. VMs come and go at any time; the id and the name of one that is gone are given to another.
 *
 * What belongs to a VM (its vcpus, its task, its devices) needs no reference: the VM is not gone before these have ended
 * (vm/destroy.h). All else that remembers a VM beyond one run of the pcpu loop holds one.
 *
 * Lock: one spinlock inside, LOCK_REGISTRY.
 */
#ifndef VCPU_REGISTRY_H
#define VCPU_REGISTRY_H

#include "lib/errno.h"
#include "vcpu/vm.h"

static_assert(VM_MAX <= 64, "one word holds the ids");

/*
 * vm_register - vm->name, and the lowest id that is free, are @vm's from now on; the id becomes vm->id. The VM has one
 * reference, the registry's, and is not found yet. HV_EEXIST: another VM has the name; HV_EOVERFLOW: there are VM_MAX.
 * vm_publish - it has been made, and is found from now on.
 */
int vm_register(struct vm *vm);
void vm_publish(const struct vm *vm);

/* vm_unregister - @vm is found no more, its name is free, and the registry's reference is given up (vm_put). */
void vm_unregister(struct vm *vm);

/* vm_free_id - @id, of a VM that is found no more and has no memory left, may be given to another. */
void vm_free_id(unsigned int id);

/* vm_id_is_taken - it is a VM's, even of one that is found no more. */
bool vm_id_is_taken(unsigned int id);

/* vm_get - the VM with @id, or with @name, and a reference to it; NULL: there is none. Any context. */
struct vm *vm_get(unsigned int id);
struct vm *vm_get_by_name(const char *name);

/* vm_put - gives a reference up. After the last one vm->release is called, in this context. Any context. */
void vm_put(struct vm *vm);

/*
 * vm_next - the VM with the next higher id than @vm, and a reference to it; the one to @vm is given up. @vm NULL: the VM
 * with the lowest id. NULL: there are no more. A loop that stops before the end calls vm_put().
 */
struct vm *vm_next(struct vm *vm);

#define for_each_vm(each) for (struct vm * (each) = vm_next(NULL); (each); (each) = vm_next(each))

#endif
