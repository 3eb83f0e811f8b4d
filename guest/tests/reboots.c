// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs for ms= of its own clock with all its harts asleep, or with busy=1 all of them spinning, then reboots. And so on
 * for ever, since a guest remembers nothing of its former life. off=1: it powers off instead.
 */
#include "csr.h"
#include "fdt.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("reboots");

static void stay(struct cpu *cpu)
{
	(void)cpu;
	csr_write(sie, 0);
	for (;;)
		if (!machine_arg("busy", 0))
			wfi();
}

void guest_main(void)
{
	unsigned long until = time_in_ms(machine_arg("ms", 20));

	smp_start_others(stay);
	csr_write(sie, 1UL << IRQ_TIMER);
	timer_set(until);
	while (time_now() < until)
		if (!machine_arg("busy", 0))
			wfi();
	if (!machine_arg("off", 0))
		guest_reboot();
}
