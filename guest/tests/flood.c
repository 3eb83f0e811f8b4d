// SPDX-License-Identifier: BSD-2-Clause
/*
 * mode=1 and so on: prints without end; the table says what and how. Some of it comes to many bytes on the wire for each
 * that is printed. mode=0: prints a numbered line every ms, n= of them, and says how long that took.
 */
#include <string.h>

#include "csr.h"
#include "fdt.h"
#include "sbi.h"
#include "test.h"
#include "time.h"
#include "uart.h"

GUEST("flood");

#define PIECE 256

static char piece[PIECE];

static void by_uart(void)
{
	for (unsigned int i = 0; i < PIECE; i++)
		*uart_reg(UART_THR) = (uint8_t)piece[i];
}

static void by_dbcn(void)
{
	for (long at = 0; at < PIECE;) {
		struct sbiret r = sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE,
					   (unsigned long)(PIECE - at),
					   (unsigned long)piece + (unsigned long)at, 0, 0, 0);

		CHECK_EQ(r.error, SBI_SUCCESS);
		at += r.value;
	}
}

static void by_putchar(void)
{
	for (unsigned int i = 0; i < PIECE; i++)
		(void)sbi_call(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, (unsigned char)piece[i], 0, 0, 0,
			       0);
}

static const struct mode {
	void (*print)(void);
	const char *text; /* repeated */
} modes[] = {
	{ by_uart, "no line ends here " },
	{ by_uart, "\rX" },
	{ by_uart, "\n" },
	{ by_dbcn, "\rX" },
	{ by_dbcn, "a line that is as long as many are, and then there is another one\n" },
	{ by_dbcn, "\033[31m\033[7mq\033[;;;;;;;;;;m\x9b\001" },
	{ by_dbcn, "\t\t\b\r" },
	{ by_putchar, "\rX" },
};

static void lines(unsigned long n)
{
	unsigned long began = time_now(), next = began;

	for (unsigned long i = 0; i < n; i++) {
		while (time_now() < next)
			;
		print("FLOOD line %lu ............\n", i);
		next += machine.timebase / 1000;
	}
	print("FLOOD took %lu us\n", (time_now() - began) * 1000000 / machine.timebase);
}

void guest_main(void)
{
	unsigned long mode = machine_arg("mode", 0), len;

	if (mode == 0) {
		lines(machine_arg("n", 1000));
		return;
	}
	CHECK(mode <= sizeof(modes) / sizeof(modes[0]));
	len = strlen(modes[mode - 1].text);
	for (unsigned int i = 0; i < PIECE; i++)
		piece[i] = modes[mode - 1].text[i % len];
	for (;;)
		modes[mode - 1].print();
}
