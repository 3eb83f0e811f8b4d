// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/registry.h"

#include <string.h>

#include "lib/bits.h"

static struct spinlock lock =
	SPINLOCK_INIT(LOCK_REGISTRY); /* guards the rest; references are taken under it */
static struct vm *vms[VM_MAX]; /* by id; NULL: it is free, or of a VM that is found no more */
static uint64_t published;     /* bit = id */
static uint64_t taken;	       /* bit = id; also of VMs that are found no more */

static struct vm *find_name(const char *name)
{
	for (unsigned int i = 0; i < VM_MAX; i++)
		if (vms[i] && strcmp(vms[i]->name, name) == 0)
			return vms[i];
	return NULL;
}

int vm_register(struct vm *vm)
{
	int err = HV_OK;

	spin_lock(&lock);
	if (find_name(vm->name)) {
		err = HV_EEXIST;
	} else if (taken == UINT64_MAX >> (64 - VM_MAX)) {
		err = HV_EOVERFLOW;
	} else {
		vm->id = bit_first(~taken);
		atomic_set(&taken, taken | BIT(vm->id));
		atomic_set(&vm->refs, 1);
		vms[index_below(vm->id, VM_MAX)] = vm;
	}
	spin_unlock(&lock);
	return err;
}

void vm_publish(const struct vm *vm)
{
	spin_lock(&lock);
	published |= BIT(vm->id);
	spin_unlock(&lock);
}

void vm_unregister(struct vm *vm)
{
	spin_lock(&lock);
	published &= ~BIT(vm->id);
	vms[index_below(vm->id, VM_MAX)] = NULL;
	spin_unlock(&lock);
	vm_put(vm);
}

void vm_free_id(unsigned int id)
{
	spin_lock(&lock);
	/* Pairs with vm_id_is_taken(): the memory that was freed before is seen as free. */
	atomic_set_release(&taken, taken & ~BIT(id));
	spin_unlock(&lock);
}

bool vm_id_is_taken(unsigned int id)
{
	return id < VM_MAX && (atomic_read_acquire(&taken) & BIT(id));
}

/* The lock is held, so that the registry's reference is still there. */
static struct vm *take(struct vm *vm)
{
	if (!vm || !(published & BIT(vm->id)))
		return NULL;
	(void)atomic_fetch_add(&vm->refs, 1);
	return vm;
}

struct vm *vm_get(unsigned int id)
{
	struct vm *vm = NULL;

	spin_lock(&lock);
	if (id < VM_MAX)
		vm = take(vms[index_below(id, VM_MAX)]);
	spin_unlock(&lock);
	return vm;
}

struct vm *vm_get_by_name(const char *name)
{
	struct vm *vm;

	spin_lock(&lock);
	vm = take(find_name(name));
	spin_unlock(&lock);
	return vm;
}

void vm_put(struct vm *vm)
{
	if (atomic_fetch_sub(&vm->refs, 1) == 1)
		vm->release(vm);
}

struct vm *vm_next(struct vm *vm)
{
	struct vm *next = NULL;

	spin_lock(&lock);
	for (unsigned int i = vm ? vm->id + 1 : 0; i < VM_MAX && !next; i++)
		next = take(vms[i]);
	spin_unlock(&lock);
	if (vm)
		vm_put(vm);
	return next;
}
