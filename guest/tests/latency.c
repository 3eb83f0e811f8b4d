// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sleeps until its timer and says how late it came out of WFI: n= times, some 700 us to 1.3 ms each; in
 * between it works for work= us. Under -icount shift=0 a nanosecond is an instruction.
 */
#include "csr.h"
#include "fdt.h"
#include "random.h"
#include "test.h"
#include "time.h"

GUEST("latency");

static unsigned long sleep_until(unsigned long when)
{
	unsigned long now;

	timer_set(when);
	while ((now = time_now()) < when)
		wfi(); /* interrupts are off: it only wakes */
	return now - when;
}

void guest_main(void)
{
	unsigned long n = machine_arg("n", 300), busy = machine_arg("work", 20), random = 4711;
	unsigned long sum = 0, worst = 0, ns = 1000000000 / machine.timebase;

	csr_write(sie, 1UL << IRQ_TIMER);
	(void)sleep_until(time_in_ms(machine_arg("settle", 300)));
	for (unsigned long i = 0; i < n; i++) {
		unsigned long late = sleep_until(time_in_us(700 + random_next(&random) % 600));
		unsigned long until = time_in_us(busy);

		sum += late;
		worst = late > worst ? late : worst;
		while (time_now() < until)
			;
	}
	timer_set(~0UL);
	print("LATENCY of %lu wake-ups: mean %lu ns, worst %lu ns\n", n, sum * ns / n, worst * ns);
}
