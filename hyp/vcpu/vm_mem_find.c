// SPDX-License-Identifier: BSD-2-Clause
#include "arch/memmap.h"
#include "vcpu/vm_mem.h"

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
