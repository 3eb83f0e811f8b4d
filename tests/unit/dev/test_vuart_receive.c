// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/serial.h
/* The virtual 16550A, as a driver sees it: what is received, also from its own transmitter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/serial.h"

/* LSR says it of the byte that is read next, once (data sheet, "Line Status Register"). */
static void a_break_is_told_with_its_byte(void **state)
{
	(void)state;
	wr(FCR, 0x01);
	wr(IER, 0x04);
	type("a\xfe"
	     "b");
	assert_int_equal(rd(LSR) & 0x11, 0x01);
	assert_false(line);
	assert_int_equal(rd(RBR), 'a');
	assert_true(line);
	assert_int_equal(rd(IIR) & 0x0f, 0x06);
	assert_int_equal(rd(LSR) & 0x11, 0x11);
	assert_false(line);
	assert_int_equal(rd(LSR) & 0x11, 0x01);
	assert_int_equal(rd(RBR), 0);
	assert_int_equal(rd(LSR) & 0x11, 0x01);
	assert_int_equal(rd(RBR), 'b');
	assert_int_equal(rd(LSR) & 0x01, 0);
}

static void without_fifo_one_byte_at_a_time(void **state)
{
	(void)state;
	type("abc");
	assert_false(line);
	assert_int_equal(in_len, 2); /* the rest waits, nothing is lost */
	wr(IER, 0x01);
	assert_true(line);
	for (const char *s = "abc"; *s; s++) {
		assert_int_equal(rd(LSR) & 0x03, 0x01);
		assert_int_equal(rd(RBR), *s);
	}
	assert_int_equal(rd(LSR) & 0x03, 0);
	assert_false(line);
	assert_int_equal(rd(RBR), 0);
}

static void below_the_trigger_level_a_timeout_says_so(void **state)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	(void)state;
	wr(IER, 0x01);
	for (unsigned int i = 0; i < 4; i++) {
		wr(FCR, (uint8_t)(i << 6 | 0x03));
		for (unsigned int n = 1; n <= 16; n++) {
			type("q");
			assert_true(line);
			assert_int_equal(rd(IIR), n >= levels[i] ? 0xc4 : 0xcc);
		}
		wr(FCR, (uint8_t)(i << 6 | 0x03));
		assert_false(line);
		assert_int_equal(rd(LSR) & 1, 0);
	}
}

static void more_input_than_the_fifo_holds_arrives_whole(void **state)
{
	char text[100 + 1];
	char got[100];

	(void)state;
	wr(FCR, 0x81);
	wr(IER, 0x01);
	for (unsigned int i = 0; i < 100; i++)
		text[i] = (char)(' ' + i % 90);
	text[100] = 0;
	type(text);
	for (unsigned int i = 0; i < 100; i++) {
		assert_true(line);
		got[i] = (char)rd(RBR);
	}
	assert_memory_equal(got, text, 100);
	assert_false(line);
	type("!");
	assert_true(line);
	assert_int_equal(rd(RBR), '!');
}

static void clearing_the_fifo_drops_what_is_in_it(void **state)
{
	(void)state;
	wr(FCR, 0x01);
	type("drop");
	wr(FCR, 0x05); /* only the transmitter */
	assert_int_equal(rd(LSR) & 1, 1);
	wr(FCR, 0x03);
	assert_int_equal(rd(LSR) & 1, 0);
	type("x");
	wr(FCR, 0x02); /* FIFO off: empties too */
	assert_int_equal(rd(LSR) & 1, 0);
	type("y");
	assert_int_equal(rd(RBR), 'y');
}

static void loopback_returns_what_is_sent_and_sends_nothing(void **state)
{
	(void)state;
	wr(FCR, 0x01);
	wr(IER, 0x05);
	wr(MCR, 0x10);
	type("wire");
	for (unsigned int i = 0; i < 16; i++)
		wr(THR, (uint8_t)('a' + i));
	assert_int_equal(rd(LSR), 0x61);
	assert_int_equal(rd(IIR), 0xc4);
	wr(THR, 'z'); /* overrun: lost */
	assert_int_equal(rd(IIR), 0xc6);
	assert_int_equal(rd(LSR), 0x63);
	assert_int_equal(rd(LSR), 0x61);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(rd(RBR), 'a' + i);
	assert_false(line);
	assert_int_equal(out_len, 0);
	wr(MCR, 0);
	for (const char *s = "wire"; *s; s++)
		assert_int_equal(rd(RBR), *s);
}

static void loopback_without_fifo_overwrites(void **state)
{
	(void)state;
	wr(MCR, 0x10);
	wr(THR, 'a');
	wr(THR, 'b');
	assert_int_equal(rd(LSR), 0x63);
	assert_int_equal(rd(RBR), 'b');
	assert_int_equal(rd(LSR), 0x60);
}

static void reset_lowers_the_line_and_keeps_typed_text(void **state)
{
	(void)state;
	wr(FCR, 0x01);
	type("0123456789abcdefgh"); /* 16 in the FIFO, 2 still outside */
	wr(IER, 0x0f);
	assert_true(line);
	vuart_reset(uart);
	assert_false(line);
	assert_int_equal(rd(IER), 0);
	assert_int_equal(rd(LSR), 0x61);
	assert_int_equal(rd(RBR), 'g');
	assert_int_equal(rd(RBR), 'h');
	assert_int_equal(rd(LSR), 0x60);
	type("i");
	assert_int_equal(rd(RBR), 'i');
}

static void input_that_came_before_the_uart_is_there(void **state)
{
	(void)state;
	fake_vm_teardown();
	fake_vm_setup(1);
	fake_vm.irqchip = &chip;
	memcpy(in, "early", 5);
	in_len = 5;
	found_empty = false;
	uart = vuart_new(&fake_vm);
	for (const char *s = "early"; *s; s++)
		assert_int_equal(rd(RBR), *s);
	type("x");
	assert_int_equal(rd(RBR), 'x');
}

static void a_break_interrupts_only_when_it_is_asked_for(void **state)
{
	(void)state;
	wr(FCR, 0x01);
	type("\xfe");
	assert_false(line);
	wr(IER, 0x04);
	assert_true(line);
}

/* Data sheet, "FIFO Control Register": the other bits count only with bit 0. */
static void without_the_fifo_there_is_nothing_to_clear(void **state)
{
	(void)state;
	type("a");
	wr(FCR, 0x02);
	assert_int_equal(rd(LSR) & 1, 1);
	assert_int_equal(rd(RBR), 'a');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UART_TEST(a_break_is_told_with_its_byte),
		UART_TEST(without_fifo_one_byte_at_a_time),
		UART_TEST(below_the_trigger_level_a_timeout_says_so),
		UART_TEST(more_input_than_the_fifo_holds_arrives_whole),
		UART_TEST(clearing_the_fifo_drops_what_is_in_it),
		UART_TEST(loopback_returns_what_is_sent_and_sends_nothing),
		UART_TEST(loopback_without_fifo_overwrites),
		UART_TEST(reset_lowers_the_line_and_keeps_typed_text),
		UART_TEST(input_that_came_before_the_uart_is_there),
		UART_TEST(a_break_interrupts_only_when_it_is_asked_for),
		UART_TEST(without_the_fifo_there_is_nothing_to_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
