// SPDX-License-Identifier: BSD-2-Clause
#include "arch/trap.h"

#include "arch/csr.h"
#include "arch/pcpu.h"

struct ex_entry {
	uint64_t insn;
	uint64_t fixup;
};

extern const struct ex_entry __ex_table_start[], __ex_table_end[];

void host_trap_handle(struct host_frame *f)
{
	struct pcpu *p = this_pcpu();

	for (const struct ex_entry *e = __ex_table_start; e < __ex_table_end; e++) {
		if (e->insn == f->sepc) {
			f->sepc = e->fixup;
			return;
		}
	}
	if (p->in_trap) /* a fault in the handler: nothing can be trusted any more */
		for (;;)
			__asm__ volatile("wfi");
	p->in_trap = 1;
	panic_set_frame(f);
	panic("trap in the hypervisor: scause %#lx stval %#lx sepc %#lx ra %#lx sp %#lx", f->scause,
	      f->stval, f->sepc, f->x[1], f->x[2]);
}
