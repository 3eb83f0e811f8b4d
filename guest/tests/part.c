// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tests' own device (tests/unit/fake/probe_part.c), found by the device tree: register 0 is the guest's and drives the
 * line, the others tell the level that the configuration gives (boot argument level=N; 0: no device is to be there).
 */
#include "csr.h"
#include "fdt.h"
#include "plic.h"
#include "smp.h"
#include "test.h"
#include "trap.h"

GUEST("part");

static volatile uint32_t *probe_reg(unsigned long offset)
{
	return (volatile uint32_t *)(machine.probe_base + offset);
}

static void test_device(void)
{
	unsigned long context = plic_context(machine.hartids[0]);
	unsigned int irq = machine.probe_irq;

	CHECK_EQ(*probe_reg(4), machine_arg("level", 0));
	CHECK_EQ(*probe_reg(0), 0); /* in the first life and in each later one */
	*plic_priority(irq) = 1;
	*plic_enable(context, irq) = 1U << irq % 32;
	*plic_threshold(context) = 0;
	CHECK_EQ(*plic_claim(context), 0);
	*probe_reg(0) = 0x12345678;
	CHECK_EQ(*probe_reg(0), 0x12345678);
	CHECK_EQ(*plic_claim(context), irq);
	*plic_claim(context) = irq;
	CHECK_EQ(*plic_claim(context), irq); /* the line is high still */
	*probe_reg(0) = 0;
	*plic_claim(context) = irq;
	CHECK_EQ(*plic_claim(context), 0);
	*probe_reg(0) = 1; /* so that a reboot has something to reset */
}

void guest_main(void)
{
	CHECK_EQ(machine.probe_base != 0, machine_arg("level", 0) != 0);
	if (machine.probe_base == 0)
		return;
	print("part: %s, interrupt %u\n", machine.probe_mode, machine.probe_irq);
	test_device();
}
