// SPDX-License-Identifier: BSD-2-Clause
/*
 * Not a guest: goes before hartvisor when it is to start somewhere else than where QEMU puts a kernel.
 * Jumps to the address in the boot argument tramp= (decimal), as the firmware would have.
 */
#include "csr.h"
#include "fdt.h"
#include "smp.h"
#include "test.h"

GUEST("tramp");

void guest_main(void)
{
	unsigned long to = machine_arg("tramp", 0x84000000);

	print("TRAMP to 0x%lx\n", to);
	csr_write(sie, 0);
	csr_write(stvec, 0);
	fence_i();
	__asm__ volatile("mv a0, %0\n mv a1, %1\n jr %2"
			 :
			 : "r"(this_cpu()->hartid), "r"(machine.fdt), "r"(to)
			 : "a0", "a1");
}
