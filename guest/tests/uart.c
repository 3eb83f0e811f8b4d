// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ns16550a: its registers, the transmit interrupt through the PLIC, and the receive interrupt: it
 * asks for a line to be typed ("UART-TYPE") and says what came ("UART-GOT ...").
 */
#include "csr.h"
#include "fdt.h"
#include "plic.h"
#include "smp.h"
#include "string.h"
#include "test.h"
#include "time.h"
#include "trap.h"
#include "uart.h"

GUEST("uart");

#define IIR_NONE 1
#define IIR_THRE 2
#define IIR_RX	 4
#define LCR_DLAB 0x80

static unsigned long context;
static volatile unsigned int thre_irqs, rx_irqs;
static char line[64];
static volatile size_t line_len;
static volatile bool line_whole;
static const char *volatile text;

static unsigned int iir(void)
{
	return *uart_reg(UART_IIR) & 0x0f;
}

static void test_registers(void)
{
	*uart_reg(UART_IER) = 0;
	*uart_reg(UART_LCR) = 3;
	for (unsigned int i = 0; i < 256; i += 15) {
		*uart_reg(UART_SCR) = (uint8_t)i;
		CHECK_EQ(*uart_reg(UART_SCR), i);
	}
	CHECK_EQ(*uart_reg(UART_LSR) & (UART_LSR_THRE | UART_LSR_DR), UART_LSR_THRE);
	*uart_reg(UART_FCR) = 0x07;
	CHECK_EQ(*uart_reg(UART_IIR) & 0xc0, 0xc0);
	CHECK_EQ(iir(), IIR_NONE);

	/* With DLAB the first two registers are the divisor, and the interrupts stay what they were. */
	*uart_reg(UART_LCR) = LCR_DLAB | 3;
	*uart_reg(0) = 0x0d;
	*uart_reg(1) = 0x01;
	CHECK_EQ(*uart_reg(0), 0x0d);
	CHECK_EQ(*uart_reg(1), 0x01);
	*uart_reg(1) = 0;
	*uart_reg(UART_LCR) = 3;
	CHECK_EQ(*uart_reg(UART_LCR), 3);
	CHECK_EQ(*uart_reg(UART_IER), 0);
	*uart_reg(UART_IER) = 0x0f;
	CHECK_EQ(*uart_reg(UART_IER), 0x0f);
	*uart_reg(UART_IER) = 0;
}

static void test_thre_in_iir(void)
{
	/* Enabling it while the register is empty raises it; reading IIR takes it back. */
	*uart_reg(UART_IER) = UART_IER_THRE;
	CHECK_EQ(iir(), IIR_THRE);
	CHECK_EQ(iir(), IIR_NONE);
	*uart_reg(UART_IER) = 0;
	CHECK_EQ(iir(), IIR_NONE);
}

static void receive(void)
{
	int c;

	while ((c = uart_getc()) >= 0) {
		if (c == '\r' || c == '\n')
			line_whole = true;
		else if (line_len + 1 < sizeof(line))
			line[line_len++] = (char)c;
	}
}

static void transmit(void)
{
	if (*text)
		*uart_reg(UART_THR) = (uint8_t)*text++;
	else
		*uart_reg(UART_IER) = 0;
}

static void on_external(struct cpu *cpu)
{
	uint32_t source = *plic_claim(context);

	(void)cpu;
	if (!source)
		return;
	CHECK_EQ(source, UART_IRQ);
	for (unsigned int why = iir(); why != IIR_NONE; why = iir()) {
		if ((why & 0x0e) == IIR_THRE) {
			thre_irqs++;
			transmit();
		} else {
			rx_irqs++;
			receive();
		}
	}
	*plic_claim(context) = UART_IRQ;
}

static void test_transmit(void)
{
	unsigned long limit = time_in_ms(30000);

	text = "UART-SENT by interrupts\n";
	*uart_reg(UART_IER) = UART_IER_THRE;
	while (*text) {
		CHECK(time_now() < limit);
		wfi();
		irq_on();
		irq_off();
	}
	CHECK(thre_irqs > 0);
	*uart_reg(UART_IER) = 0;
}

static void test_receive(void)
{
	*uart_reg(UART_IER) = UART_IER_RX;
	print("UART-TYPE\n");
	while (!line_whole) {
		wfi();
		irq_on();
		irq_off();
	}
	line[line_len] = '\0';
	print("UART-GOT %s\n", line);
	CHECK(rx_irqs > 0);
	*uart_reg(UART_IER) = 0;
}

void guest_main(void)
{
	context = plic_context(this_cpu()->hartid);
	test_registers();
	test_thre_in_iir();
	trap_on_external = on_external;
	*plic_priority(UART_IRQ) = 1;
	*plic_enable(context, UART_IRQ) = 1U << UART_IRQ;
	*plic_threshold(context) = 0;
	csr_write(sie, 1UL << IRQ_EXT);
	test_transmit();
	test_receive();
}
