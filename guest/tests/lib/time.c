// SPDX-License-Identifier: BSD-2-Clause

#include "csr.h"
#include "fdt.h"
#include "sbi.h"
#include "time.h"

unsigned long time_in_us(unsigned long us)
{
	return time_now() + us * machine.timebase / 1000000;
}

unsigned long time_in_ms(unsigned long ms)
{
	return time_in_us(ms * 1000);
}

bool timer_is_sstc(void)
{
	static int has = -1;

	if (has < 0)
		has = machine_has("sstc");
	return has;
}

void timer_set(unsigned long when)
{
	if (timer_is_sstc())
		csr_write(CSR_STIMECMP, when);
	else
		sbi_set_timer(when);
}
