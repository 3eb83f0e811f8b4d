// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest that has lost its way: stvec points nowhere and so does the next instruction, so each trap
 * traps again, for ever, on every vcpu. With "device" among its arguments stvec points into the PLIC, with
 * "paged" it lies behind a page table that is nowhere.
 */
#include "csr.h"
#include "fdt.h"
#include "paging.h"
#include "plic.h"
#include "smp.h"
#include "string.h"
#include "test.h"

GUEST("wild");

static unsigned long nowhere = 0x1000;

static void run_wild(struct cpu *cpu)
{
	(void)cpu;
	csr_write(stvec, nowhere & ~3UL);
	__asm__ volatile("jr %0" : : "r"(nowhere));
}

void guest_main(void)
{
	print("WILD goes\n");
	if (find(machine.bootargs, "device"))
		nowhere = PLIC_BASE + 0x200000;
	smp_start_others(run_wild);
	if (find(machine.bootargs, "paged")) {
		paging_init();
		for (int i = 0; i < 512; i++)
			paging_root[i] = pte_make(1UL << 50, PTE_V);
		csr_write(satp, SATP_SV39 | (unsigned long)paging_root >> 12);
	}
	run_wild(this_cpu());
}
