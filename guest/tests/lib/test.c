// SPDX-License-Identifier: BSD-2-Clause

#include <stdarg.h>

#include "csr.h"
#include "cpu.h"
#include "fdt.h"
#include "sbi.h"
#include "test.h"
#include "uart.h"

void guest_start(void);

bool guest_is_virtual(void)
{
	return sbi_call(SBI_EXT_BASE, SBI_BASE_GET_IMPL_ID, 0, 0, 0, 0, 0).value ==
	       HARTVISOR_SBI_IMPL_ID;
}

static __attribute__((noreturn)) void end(unsigned long type)
{
	irq_off();
	sbi_call(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, type, SBI_SRST_REASON_NONE, 0, 0, 0);
	print("SRST came back\n");
	for (;;)
		wfi();
}

void test_pass(void)
{
	print("TEST %s PASS\n", guest_name);
	end(SBI_SRST_TYPE_SHUTDOWN);
}

void test_fail(const char *fmt, ...)
{
	static char what[256];
	va_list ap;

	va_start(ap, fmt);
	vformat(what, sizeof(what), fmt, ap);
	va_end(ap);
	print("TEST %s FAIL %s\n", guest_name, what);
	end(SBI_SRST_TYPE_SHUTDOWN);
}

void guest_reboot(void)
{
	end(SBI_SRST_TYPE_COLD_REBOOT);
}

/* Nothing moves meanwhile but this loop: what hartvisor counts can be read in peace. */
static void hold(void)
{
	print("TEST %s HOLD\n", guest_name);
	while (uart_getc() < 0)
		;
}

void guest_start(void)
{
	guest_main();
	if (machine_arg("hold", 0))
		hold();
	test_pass();
}
