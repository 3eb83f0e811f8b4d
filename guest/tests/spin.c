// SPDX-License-Identifier: BSD-2-Clause
/* Burns time on every vcpu with interrupts off, for ever. */
#include "csr.h"
#include "smp.h"
#include "test.h"

GUEST("spin");

static void spin(struct cpu *cpu)
{
	(void)cpu;
	for (;;)
		__asm__ volatile("");
}

void guest_main(void)
{
	print("SPIN on %u vcpus\n", nr_cpus);
	smp_start_others(spin);
	spin(this_cpu());
}
