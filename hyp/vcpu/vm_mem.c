// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/vm_mem.h"

#include "arch/smp.h"
#include "lib/errno.h"

/* Odd: in a bracket. */
static inline void begin(void)
{
	struct pcpu *p = this_pcpu();

	atomic_set(&p->mem_uses, p->mem_uses + 1);
	fence_full(); /* D: pairs with the one in vm_mem_wait() */
}

void vm_mem_begin_for_any(void)
{
	begin();
}

bool vm_mem_begin(const struct vm *vm)
{
	begin();
	if (atomic_read_acquire(&vm->mem_open))
		return true;
	vm_mem_end();
	return false;
}

void vm_mem_end(void)
{
	struct pcpu *p = this_pcpu();

	atomic_set_release(&p->mem_uses, p->mem_uses + 1);
}

int vm_mem_read(const struct vm *vm, gpa_t a, void *buf, uint64_t len)
{
	int err;

	if (!vm_mem_begin(vm))
		return HV_EFAULT;
	err = gstage_read(&vm->gstage, a, buf, len);
	vm_mem_end();
	return err;
}

int vm_mem_write(const struct vm *vm, gpa_t a, const void *buf, uint64_t len)
{
	int err;

	if (!vm_mem_begin(vm))
		return HV_EFAULT;
	err = gstage_write(&vm->gstage, a, buf, len);
	vm_mem_end();
	return err;
}

void vm_mem_open(struct vm *vm)
{
	vm_mem_change_begins(vm);
	vm_mem_change_ends(vm);
	atomic_set_release(&vm->mem_open, 1);
}

void vm_mem_close(struct vm *vm)
{
	atomic_set(&vm->mem_open, 0);
	vm_mem_wait();
}

void vm_mem_wait(void)
{
	fence_full(); /* D */
	for (unsigned int i = 0; i < nr_pcpus; i++) {
		const struct pcpu *p = pcpus[i];
		uint64_t uses = atomic_read_acquire(&p->mem_uses);

		while ((uses & 1) && atomic_read_acquire(&p->mem_uses) == uses)
			;
	}
}
