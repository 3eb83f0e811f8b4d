// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/vm_mem.h"

#include "arch/memmap.h"
#include "arch/smp.h"
#include "lib/errno.h"

/* Odd: in a bracket. */
bool vm_mem_begin(const struct vm *vm)
{
	struct pcpu *p = this_pcpu();

	atomic_set(&p->mem_uses, p->mem_uses + 1);
	fence_full(); /* D: pairs with the one in vm_mem_wait() */
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

uint8_t *vm_mem_find_anew(const struct vm *vm, struct vm_mem_window *w, gpa_t a,
			  enum gstage_right right, uint64_t *len)
{
	struct gstage_ram piece = { 0 };
	uint64_t gen = vm_mem_generation(vm);
	uint64_t off;

	/* While the list of pieces is changed the tables alone decide. */
	if ((gen & 1) == 0)
		piece = gstage_piece(&vm->gstage, a);
	fence_acquire();
	off = a.gpa - piece.gpa.gpa;
	if (off >= piece.size || vm_mem_generation(vm) != gen)
		return gstage_leaf(&vm->gstage, a, right, len);
	*w = (struct vm_mem_window){ piece.gpa, piece.size, hpa_to_ptr(piece.hpa), gen };
	*len = min_u64(*len, piece.size - off);
	return w->host + off;
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
