// SPDX-License-Identifier: BSD-2-Clause
/*
 * A kernel that notices only at its first trap that it is not where it is linked to: its trap handler's address comes
 * from the linker. Elsewhere there is nothing but zeros, an illegal instruction at which each trap traps again. With
 * "paged" among its arguments the handler is on a page that is not mapped. In neither case does a trap leave the guest.
 */
#include "csr.h"
#include "fdt.h"
#include "paging.h"
#include "string.h"
#include "test.h"

GUEST("lost");

__attribute__((aligned(4))) static void handler(void)
{
	test_pass();
}

/* Volatile: read from memory, where the linker wrote it, and not computed relative to pc. */
static void (*const volatile linked)(void) = handler;

void guest_main(void)
{
	unsigned long tvec = (unsigned long)linked;

	print("LOST begins\n");
	if (find(machine.bootargs, "paged")) {
		paging_init();
		paging_enable(1);
		tvec = PAGING_VA(0);
	}
	csr_write(stvec, tvec);
	__asm__ volatile("ebreak");
}
