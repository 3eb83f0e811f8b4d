// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/vuart.c hyp/dev/mmio.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c tests/unit/fake/devvm.c tests/unit/fake/pcpu.c
/* The virtual 16550A, as a driver sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dev/vdev.h"
#include "fake/devvm.h"
#include "irqchip/virqchip.h"
#include "term/term.h"
#include "vcpu/console.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = 0, DLL = 0, DLM = 1, FCR = 2 };

static struct vuart *uart;
static bool line;
static unsigned int line_changes;
static char out[256];
static size_t out_len;
static size_t out_room;
static bool wants_room; /* the terminal owes a call of vuart_output_ready() */
static char in[256];
static size_t in_len;
#define BREAK '\xfe'	 /* of what is typed */
static bool found_empty; /* the terminal owes a call of vuart_input_ready() */

static void set_level(struct virqchip *c, unsigned int source, bool high)
{
	(void)c;
	assert_int_equal(source, VUART_IRQ);
	assert_int_not_equal(high, line);
	line = high;
	line_changes++;
}

static struct virqchip chip = { .ops = &(const struct virqchip_ops){ .set_level = set_level } };

size_t term_stream_room(const struct term_stream *s)
{
	(void)s;
	return out_room;
}

bool term_stream_want_room(struct term_stream *s, size_t len)
{
	(void)s;
	wants_room = out_room < len;
	return !wants_room;
}

size_t vcpu_console_write(struct vcpu *v, const char *buf, size_t len)
{
	(void)v;
	if (out_room == 0)
		return 0;
	assert_true(out_len + len < sizeof(out));
	memcpy(out + out_len, buf, len);
	out_len += len;
	out_room -= len;
	return len;
}

size_t term_stream_read_break(struct term_stream *s, char *buf, size_t len, bool *is_break)
{
	const char *at = memchr(in, BREAK, in_len);
	size_t n = at ? (size_t)(at - in) + 1 : in_len;

	(void)s;
	*is_break = at && n <= len;
	n = len < n ? len : n;
	if (*is_break)
		in[n - 1] = 0;
	memcpy(buf, in, n);
	memmove(in, in + n, in_len - n);
	in_len -= n;
	if (in_len == 0)
		found_empty = true;
	return n;
}

/* As the terminal does: told only when the ring was empty before. */
static void type(const char *text)
{
	memcpy(in + in_len, text, strlen(text));
	in_len += strlen(text);
	if (!found_empty)
		return;
	found_empty = false;
	vuart_input_ready(uart);
}

static uint8_t rd(unsigned int reg)
{
	return (uint8_t)guest_read(VUART_BASE + reg, 1);
}

static void wr(unsigned int reg, uint8_t val)
{
	guest_write(VUART_BASE + reg, 1, val);
}

static int setup(void **state)
{
	(void)state;
	line = false;
	line_changes = 0;
	out_len = 0;
	out_room = 1000;
	wants_room = false;
	in_len = 0;
	found_empty = true;
	fake_vm_setup(1);
	fake_vm.irqchip = &chip;
	uart = vuart_new(&fake_vm);
	return uart ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fake_vm_teardown();
	return 0;
}

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

static void without_memory_there_is_no_uart(void **state)
{
	(void)state;
	fake_arena_left = 0;
	assert_null(vuart_new(&fake_vm));
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(registers_after_reset),
		test(a_register_changes_no_other_one),
		test(each_modem_output_is_its_own_input_in_loopback),
		test(a_break_interrupts_only_when_it_is_asked_for),
		test(without_the_fifo_there_is_nothing_to_clear),
		test(without_memory_there_is_no_uart),
		test(written_bytes_go_out_in_order_without_line_changes),
		test(thr_is_full_while_the_terminal_takes_less_than_a_fifo),
		test(a_break_is_told_with_its_byte),
		test(thre_that_is_asked_for_while_full_comes_with_room),
		test(divisor_latch_hides_data_and_ier),
		test(looks_like_a_16550a_to_probing_drivers),
		test(thre_interrupt_comes_with_each_enabling),
		test(thre_interrupt_comes_with_each_byte_sent),
		test(reading_iir_takes_thre_away_only_when_it_is_the_source),
		test(without_fifo_one_byte_at_a_time),
		test(below_the_trigger_level_a_timeout_says_so),
		test(more_input_than_the_fifo_holds_arrives_whole),
		test(clearing_the_fifo_drops_what_is_in_it),
		test(loopback_returns_what_is_sent_and_sends_nothing),
		test(loopback_without_fifo_overwrites),
		test(modem_line_changes_interrupt_until_msr_is_read),
		test(wide_and_far_accesses_are_answered),
		test(reset_lowers_the_line_and_keeps_typed_text),
		test(input_that_came_before_the_uart_is_there),
		test(line_and_iir_agree_whatever_the_guest_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
