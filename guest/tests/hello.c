// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest that answers: it says hello once, then returns every line that is typed as "echo: line", by
 * UART interrupts through the PLIC, asleep in between. Lines that do more: quit, reboot, crash
 * (through the test device), time, seed (the device tree's rng-seed).
 */
#include "csr.h"
#include "fdt.h"
#include "plic.h"
#include "smp.h"
#include "string.h"
#include "test.h"
#include "trap.h"
#include "uart.h"

GUEST("hello");

#define TEST_DEVICE ((volatile uint32_t *)0x100000UL)

static char line[128];
static size_t line_len;

static void uart_irq_on(struct cpu *cpu)
{
	unsigned long context = plic_context(cpu->hartid);

	*plic_priority(UART_IRQ) = 1;
	*plic_enable(context, UART_IRQ) = 1U << UART_IRQ;
	*plic_threshold(context) = 0;
	*uart_reg(UART_FCR) = 0x07;
	*uart_reg(UART_IER) = UART_IER_RX;
	csr_set(sie, 1UL << IRQ_EXT);
}

static void print_seed(void)
{
	char hex[2 * 64 + 1] = "";

	for (uint32_t i = 0; i < machine.rng_seed_len && i < 64; i++) {
		hex[2 * i] = "0123456789abcdef"[machine.rng_seed[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[machine.rng_seed[i] & 15];
	}
	print("seed: %u bytes: %s\n", machine.rng_seed_len, hex);
}

static void obey(void)
{
	if (!strcmp(line, "quit"))
		test_pass();
	if (!strcmp(line, "reboot"))
		guest_reboot();
	if (!strcmp(line, "crash"))
		*TEST_DEVICE = 0x3333 | 7U << 16;
	if (!strcmp(line, "time"))
		print("time: %lu\n", time_now() / machine.timebase);
	if (!strcmp(line, "seed"))
		print_seed();
	print("echo: %s\n", line);
}

static void typed(int c)
{
	if (c == '\r' || c == '\n') {
		line[line_len] = '\0';
		if (line_len)
			obey();
		line_len = 0;
	} else if (line_len + 1 < sizeof(line)) {
		line[line_len++] = (char)c;
	}
}

void guest_main(void)
{
	struct cpu *cpu = this_cpu();
	unsigned long context = plic_context(cpu->hartid);

	uart_irq_on(cpu);
	print("HELLO nproc=%u args=\"%s\"\n", nr_cpus, machine.bootargs);
	for (;;) {
		uint32_t source;
		int c;

		wfi(); /* interrupts are off: it only wakes */
		source = *plic_claim(context);
		while ((c = uart_getc()) >= 0)
			typed(c);
		if (source)
			*plic_claim(context) = source;
	}
}
