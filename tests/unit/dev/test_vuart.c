// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/serial.h
/* The virtual 16550A, as a driver sees it: registers, transmitter, modem lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/serial.h"

static void registers_after_reset(void **state)
{
	(void)state;
	assert_int_equal(rd(IER), 0);
	assert_int_equal(rd(IIR), 0x01);
	assert_int_equal(rd(LCR), 0);
	assert_int_equal(rd(MCR), 0);
	assert_int_equal(rd(LSR), 0x60);
	assert_int_equal(rd(MSR), 0xb0);
	assert_false(line);
}

static void reset_is_as_after_power_on(void **state)
{
	(void)state;
	wr(LCR, 0x80);
	wr(DLL, 0x12);
	wr(DLM, 0x34);
	wr(LCR, 0x1b);
	wr(SCR, 0x5a);
	wr(MCR, 0x1f);
	wr(THR, 'a');
	wr(THR, 'b'); /* an overrun */
	wr(FCR, 0xc1);
	wr(IER, 0x0f);
	assert_true(line);
	vuart_reset(uart);
	assert_false(line);
	assert_int_equal(rd(IER), 0);
	assert_int_equal(rd(IIR), 0x01);
	assert_int_equal(rd(LCR), 0);
	assert_int_equal(rd(MCR), 0);
	assert_int_equal(rd(LSR), 0x60);
	assert_int_equal(rd(MSR), 0xb0);
	assert_int_equal(rd(SCR), 0);
	wr(LCR, 0x80);
	assert_int_equal(rd(DLL), 0);
	assert_int_equal(rd(DLM), 0);
}

static void written_bytes_go_out_in_order_without_line_changes(void **state)
{
	(void)state;
	for (const char *s = "hello\r\n"; *s; s++) {
		assert_int_equal(rd(LSR) & 0x60, 0x60);
		wr(THR, (uint8_t)*s);
	}
	assert_int_equal(out_len, 7);
	assert_memory_equal(out, "hello\r\n", 7);
	assert_int_equal(line_changes, 0);
}

/* A driver that waits for THR writes 16 bytes for each interrupt, and must not be stopped within them. */
static void thr_is_full_while_the_terminal_takes_less_than_a_fifo(void **state)
{
	(void)state;
	out_room = 16;
	wr(IER, 0x02);
	assert_true(line);
	assert_int_equal(rd(IIR) & 0x0f, 0x02);
	assert_int_equal(rd(LSR) & 0x60, 0x60);
	wr(THR, 'x');
	assert_int_equal(rd(LSR) & 0x60, 0);
	assert_false(line);
	assert_true(wants_room);
	vuart_output_ready(uart); /* too early: there is not room enough */
	assert_false(line);
	wants_room = false;
	out_room = 512;
	assert_int_equal(rd(LSR) & 0x60, 0x60);
	vuart_output_ready(uart);
	assert_true(line);
	assert_int_equal(rd(IIR) & 0x0f, 0x02);
	assert_false(line);
	vuart_output_ready(uart);
	assert_false(line);
	/* In loopback the terminal does not matter. */
	out_room = 0;
	wr(MCR, 0x10);
	assert_int_equal(rd(LSR) & 0x60, 0x60);
}

static void thre_that_is_asked_for_while_full_comes_with_room(void **state)
{
	(void)state;
	out_room = 3;
	wr(IER, 0x02);
	assert_false(line);
	assert_true(wants_room);
	out_room = 100;
	vuart_output_ready(uart);
	assert_true(line);
}

static void divisor_latch_hides_data_and_ier(void **state)
{
	(void)state;
	wr(IER, 0x05);
	wr(LCR, 0x83);
	wr(DLL, 0x12);
	wr(DLM, 0x34);
	assert_int_equal(rd(DLL), 0x12);
	assert_int_equal(rd(DLM), 0x34);
	wr(LCR, 0x03);
	assert_int_equal(rd(LCR), 0x03);
	assert_int_equal(rd(IER), 0x05);
	assert_int_equal(out_len, 0);
}

/* What Linux's 8250 probing looks at (autoconfig, autoconfig_16550a). */
static void looks_like_a_16550a_to_probing_drivers(void **state)
{
	(void)state;
	wr(IER, 0xff);
	assert_int_equal(rd(IER), 0x0f);
	wr(IER, 0);
	wr(SCR, 0xa5);
	assert_int_equal(rd(SCR), 0xa5);
	wr(MCR, 0x1a);
	assert_int_equal(rd(MSR) & 0xf0, 0x90);
	wr(MCR, 0);
	assert_int_equal(rd(IIR) & 0xc0, 0);
	wr(FCR, 0x01);
	assert_int_equal(rd(IIR), 0xc1);
	wr(FCR, 0xe7); /* a 16750 would show bit 5 */
	assert_int_equal(rd(IIR), 0xc1);
	wr(LCR, 0xbf);
	assert_int_not_equal(rd(IIR), 0); /* no EFR there */
	wr(LCR, 0);
	wr(FCR, 0);
	assert_int_equal(rd(IIR), 0x01);
}

/* Linux's test for UARTs that do not assert THRE again (serial8250_do_startup). */
static void thre_interrupt_comes_with_each_enabling(void **state)
{
	(void)state;
	wr(IER, 0x02);
	assert_true(line);
	assert_int_equal(rd(IIR), 0x02);
	assert_false(line);
	assert_int_equal(rd(IIR), 0x01);
	wr(IER, 0x02); /* it was on already */
	assert_int_equal(rd(IIR), 0x01);
	wr(IER, 0x00);
	wr(IER, 0x02);
	assert_int_equal(rd(IIR), 0x02);
}

static void thre_interrupt_comes_with_each_byte_sent(void **state)
{
	(void)state;
	wr(IER, 0x02);
	rd(IIR);
	assert_false(line);
	for (unsigned int i = 0; i < 16; i++)
		wr(THR, 'x');
	assert_true(line);
	assert_int_equal(line_changes, 3); /* up, down, and up once for all 16 */
	assert_int_equal(rd(IIR), 0x02);
	assert_false(line);
	wr(THR, 'x');
	wr(IER, 0);
	assert_false(line);
}

static void reading_iir_takes_thre_away_only_when_it_is_the_source(void **state)
{
	(void)state;
	wr(IER, 0x03);
	type("a");
	assert_int_equal(rd(IIR), 0x04);
	assert_int_equal(rd(IIR), 0x04);
	assert_int_equal(rd(RBR), 'a');
	assert_true(line);
	assert_int_equal(rd(IIR), 0x02);
	assert_false(line);
}

static void modem_line_changes_interrupt_until_msr_is_read(void **state)
{
	(void)state;
	wr(IER, 0x08);
	assert_false(line);
	wr(MCR, 0x10 | 0x04); /* CTS, DSR, DCD fall; RI rises, which does not count */
	assert_true(line);
	assert_int_equal(rd(IIR), 0x00);
	assert_int_equal(rd(MSR), 0x4b);
	assert_false(line);
	assert_int_equal(rd(MSR), 0x40);
	wr(MCR, 0x10);
	assert_int_equal(rd(MSR), 0x04);
	wr(MCR, 0);
	assert_int_equal(rd(MSR), 0xbb);
}

static void wide_and_far_accesses_are_answered(void **state)
{
	(void)state;
	guest_write(VUART_BASE, 4, 0x41424344);
	assert_int_equal(out_len, 1);
	assert_int_equal(out[0], 0x44);
	assert_int_equal(guest_read(VUART_BASE + 4, 4), 0);
	wr(SCR, 0x5a);
	assert_int_equal(guest_read(VUART_BASE, 8), 0);
	for (unsigned int off = 8; off < VUART_SIZE; off++) {
		guest_write(VUART_BASE + off, 1, 0xff);
		assert_int_equal(guest_read(VUART_BASE + off, 1), 0);
	}
	wr(LSR, 0xff);
	wr(MSR, 0xff);
	assert_int_equal(rd(LSR), 0x60);
	assert_int_equal(rd(MSR), 0xb0);
}

static void line_and_iir_agree_whatever_the_guest_does(void **state)
{
	uint32_t x = 12345;

	(void)state;
	for (unsigned int i = 0; i < 100000; i++) {
		unsigned int reg;
		bool before;

		x = x * 1664525 + 1013904223;
		reg = x >> 24 & 7;
		out_len = 0;
		if (x >> 30 == 0 && in_len < 100)
			type("some text");
		else if (x >> 30 == 1)
			rd(reg);
		else
			wr(reg, (uint8_t)(x >> 16));
		before = line;
		assert_int_equal(before, !(rd(IIR) & 1));
	}
	wr(LCR, 0); /* and it still works */
	wr(MCR, 0);
	wr(FCR, 3);
	wr(IER, 1);
	while (rd(LSR) & 1)
		rd(RBR);
	type("k");
	assert_true(line);
	assert_int_equal(rd(RBR), 'k');
}

static void a_register_changes_no_other_one(void **state)
{
	static const struct {
		unsigned int reg;
		uint8_t mark;
	} rows[] = { { IER, 0x05 }, { LCR, 0x1b }, { MCR, 0x0b }, { SCR, 0x5a } };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		wr(rows[i].reg, rows[i].mark);
		for (unsigned int k = 0; k < 4; k++)
			assert_int_equal(rd(rows[k].reg), k <= i ? rows[k].mark : 0);
	}
}

static void each_modem_output_is_its_own_input_in_loopback(void **state)
{
	static const struct {
		uint8_t mcr, msr;
	} rows[] = { { 0x01, 0x20 }, { 0x02, 0x10 }, { 0x04, 0x40 }, { 0x08, 0x80 } };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		wr(MCR, 0x10 | rows[i].mcr);
		assert_int_equal(rd(MSR) & 0xf0, rows[i].msr);
	}
}

static void without_memory_there_is_no_uart(void **state)
{
	(void)state;
	fake_arena_left = 0;
	assert_null(vuart_new(&fake_vm));
}

/* What is said without the lock is what a read would say, and says it of registers alone that reading does not change. */
static void a_peek_says_what_a_read_says(void **state)
{
	static const uint8_t lcr[] = { 0x03, 0x9b };
	const struct mmio_region *r = mmio_find(fake_vm.bus, gpa(VUART_BASE), 1);

	(void)state;
	wr(MCR, 0x0b);
	wr(SCR, 0xa5);
	wr(LCR, 0x80);
	wr(DLM, 0x34);
	wr(LCR, 0);
	wr(IER, 0x05);
	for (unsigned int i = 0; i < ARRAY_SIZE(lcr); i++) {
		bool latch = lcr[i] & 0x80;

		wr(LCR, lcr[i]);
		assert_int_equal(r->ops->peek(r->dev, SCR, 1), 0xa5);
		assert_int_equal(r->ops->peek(r->dev, MCR, 1), 0x0b);
		assert_int_equal(r->ops->peek(r->dev, LCR, 1), lcr[i]);
		assert_true(r->ops->peek(r->dev, IER, 1) == (latch ? MMIO_NO_PEEK : 0x05));
		assert_true(r->ops->peek(r->dev, THR, 1) == MMIO_NO_PEEK);
		assert_true(r->ops->peek(r->dev, IIR, 1) == MMIO_NO_PEEK);
		assert_true(r->ops->peek(r->dev, LSR, 1) == MMIO_NO_PEEK);
		assert_true(r->ops->peek(r->dev, MSR, 1) == MMIO_NO_PEEK);
		assert_true(r->ops->peek(r->dev, 8, 1) == MMIO_NO_PEEK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UART_TEST(registers_after_reset),
		UART_TEST(a_peek_says_what_a_read_says),
		UART_TEST(reset_is_as_after_power_on),
		UART_TEST(written_bytes_go_out_in_order_without_line_changes),
		UART_TEST(thr_is_full_while_the_terminal_takes_less_than_a_fifo),
		UART_TEST(thre_that_is_asked_for_while_full_comes_with_room),
		UART_TEST(divisor_latch_hides_data_and_ier),
		UART_TEST(looks_like_a_16550a_to_probing_drivers),
		UART_TEST(thre_interrupt_comes_with_each_enabling),
		UART_TEST(thre_interrupt_comes_with_each_byte_sent),
		UART_TEST(reading_iir_takes_thre_away_only_when_it_is_the_source),
		UART_TEST(modem_line_changes_interrupt_until_msr_is_read),
		UART_TEST(wide_and_far_accesses_are_answered),
		UART_TEST(line_and_iir_agree_whatever_the_guest_does),
		UART_TEST(a_register_changes_no_other_one),
		UART_TEST(each_modem_output_is_its_own_input_in_loopback),
		UART_TEST(without_memory_there_is_no_uart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
