// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/fdt.c tests/unit/fake/tree.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* The source itself: the driver's one way in is the table entry, and each test begins without a UART. */
#include "platform/ns16550.c"

#include "fake/log.h"
#include "fake/probe.h"
#include "fake/tree.h"

/* --- a 16550 behind registers of some width and spacing ------------------------------------------- */

static struct {
	uint8_t window[0x1000];
	unsigned int shift, width, offset;
	uint8_t ier, iir, fcr, lcr, mcr;
	const char *received;
	char sent[256];
	unsigned int sent_len, in_fifo, overruns, usr_reads, empty_reads;
	uint64_t base, size;
	bool breaks; /* LSR.BI */
	bool is_16450;
} hw;

#define BREAK '!' /* of hw.received: its zero byte */

static unsigned int reg_of(const volatile void *at, unsigned int width)
{
	uint64_t off = (uint64_t)((const volatile uint8_t *)at - hw.window) - hw.offset;

	assert_int_equal(width, hw.width);
	assert_int_equal(off & ((1U << hw.shift) - 1), 0);
	assert_true(off + width <= hw.size);
	return (unsigned int)(off >> hw.shift);
}

static bool has_fifo(void)
{
	return (hw.fcr & 1) && !hw.is_16450;
}

uint32_t fake_io_read(const volatile void *at, unsigned int width)
{
	uint32_t lsr;

	switch (reg_of(at, width)) {
	case UART_DATA:
		if (*hw.received)
			return *hw.received == BREAK ? (hw.received++, 0U) :
						       (uint8_t)*hw.received++;
		hw.empty_reads++;
		return 0;
	case UART_IER:
		return hw.ier;
	case UART_IIR:
		return (uint32_t)hw.iir | (has_fifo() ? 0xc0 : 0);
	case UART_LCR:
		return hw.lcr;
	case UART_MCR:
		return hw.mcr;
	case UART_LSR:
		lsr = (*hw.received ? 1 : 0) | (hw.in_fifo ? 0 : 0x60) | (hw.breaks ? 0x10 : 0);
		hw.breaks = false; /* as QEMU has it, even if the byte is not the next one */
		return lsr;
	case UART_USR:
		hw.usr_reads++;
		return 0;
	default:
		fail();
		return 0;
	}
}

void fake_io_write(volatile void *at, unsigned int width, uint32_t val)
{
	unsigned int reg = reg_of(at, width);

	/* With DLAB set the first two are the divisor: the speed must not change. */
	if (reg <= UART_IER && hw.lcr & LCR_DLAB)
		fail();
	switch (reg) {
	case UART_DATA:
		hw.overruns += hw.in_fifo >= (has_fifo() ? 16 : 1);
		hw.in_fifo++;
		hw.sent[hw.sent_len++] = (char)val;
		break;
	case UART_IER:
		hw.ier = (uint8_t)val;
		break;
	case UART_FCR:
		hw.fcr = (uint8_t)val;
		break;
	case UART_LCR:
		hw.lcr = (uint8_t)val;
		break;
	case UART_MCR:
		hw.mcr = (uint8_t)val;
		break;
	default:
		fail();
	}
}

void *device_map(hpa_t base, uint64_t size)
{
	hw.base = base.hpa;
	hw.size = size;
	return hw.window;
}

/* --- what the rest of platform/ does -------------------------------------------------------------- */

static const struct host_uart *bound;
static void (*irq_fn)(void *arg);
static unsigned int called;

bool host_uart_present(void)
{
	return bound != NULL;
}

int host_bind_uart(const struct host_uart *u)
{
	bound = u;
	return HV_OK;
}

int host_irq_request(const void *fdt, int node, void (*fn)(void *arg), void *arg)
{
	(void)fdt, (void)node, (void)arg;
	irq_fn = fn;
	return HV_OK;
}

static void on_interrupt(void)
{
	called++;
}

static int setup(void **state)
{
	(void)state;
	memset(&hw, 0, sizeof(hw));
	memset(&uart, 0, sizeof(uart));
	hw.width = 1;
	hw.received = "";
	bound = NULL;
	called = 0;
	fake_log_reset();
	return 0;
}

/* --- trees ---------------------------------------------------------------------------------------- */

static uint8_t tree[4096] __attribute__((aligned(8)));

/* One UART more in the open tree; @props: pairs of a name and a value, ended by NULL. */
static void put_uart(const char *name, const char *compatible, uint32_t at, uint32_t size, ...)
{
	va_list ap;
	const char *prop;

	tree_node(tree, name);
	tree_string(tree, "compatible", compatible);
	tree_cells(tree, "reg", 4, 0, at, 0, size);
	va_start(ap, size);
	while ((prop = va_arg(ap, const char *)) != NULL)
		tree_cells(tree, prop, 1, va_arg(ap, uint32_t));
	va_end(ap);
	tree_end_node(tree);
}

static void open_tree(const char *stdout_path)
{
	tree_begin(tree, sizeof(tree));
	tree_cells(tree, "#address-cells", 1, 2);
	tree_cells(tree, "#size-cells", 1, 2);
	tree_node(tree, "aliases");
	tree_string(tree, "serial1", "/serial@2000");
	tree_end_node(tree);
	tree_node(tree, "chosen");
	if (stdout_path)
		tree_string(tree, "stdout-path", stdout_path);
	tree_end_node(tree);
}

static int probe(const char *path)
{
	return probe_path(&driver_ns16550, tree, path);
}

static void close_tree(void)
{
	(void)tree_finish(tree);
}

static void probe_plain(void)
{
	open_tree(NULL);
	put_uart("serial@1000", "ns16550a", 0x1000, 0x100, NULL);
	close_tree();
	assert_int_equal(probe("/serial@1000"), HV_OK);
}

static void probing_keeps_the_speed_and_what_was_typed(void **state)
{
	(void)state;
	hw.lcr = 0x83; /* 8n1, and the firmware forgot DLAB */
	probe_plain();
	assert_non_null(bound);
	assert_int_equal(hw.base, 0x1000);
	assert_int_equal(hw.lcr, 0x03);
	assert_int_equal(hw.fcr, FCR_ENABLE);
	assert_int_equal(hw.ier, 0);
	assert_int_equal(hw.mcr & 8, 8);
}

static bool send(char c)
{
	return bound->write(&c, 1) == 1;
}

static void the_fifo_is_filled_and_never_overrun(void **state)
{
	unsigned int taken = 0;

	(void)state;
	probe_plain();
	while (send((char)('a' + taken)))
		taken++;
	assert_int_equal(taken, 16);
	assert_int_equal(hw.overruns, 0);
	hw.in_fifo = 3;
	assert_false(send('x'));
	hw.in_fifo = 0;
	assert_true(send('x'));
	assert_memory_equal(hw.sent, "abcdefghijklmnopx", 17);
}

static void without_a_fifo_each_byte_waits_for_the_one_before(void **state)
{
	(void)state;
	hw.is_16450 = true;
	hw.iir = 0x01; /* nothing pending */
	probe_plain();
	assert_true(send('a'));
	assert_false(send('b'));
	hw.in_fifo = 0;
	assert_true(send('b'));
	assert_int_equal(hw.overruns, 0);
}

static void a_break_is_told_from_a_zero_byte(void **state)
{
	(void)state;
	probe_plain();
	hw.received = "a!b!";
	hw.breaks = true;
	assert_int_equal(bound->write("", 1), 1); /* which looks at LSR, too */
	assert_int_equal(bound->getc(), 'a');
	assert_int_equal(bound->getc(), HOST_UART_BREAK);
	assert_int_equal(bound->getc(), 'b');
	assert_int_equal(bound->getc(), 0);
}

static void received_bytes_come_until_there_are_none(void **state)
{
	(void)state;
	probe_plain();
	hw.received = "\xff"
		      "b";
	assert_int_equal(bound->getc(), 0xff);
	assert_int_equal(bound->getc(), 'b');
	assert_int_equal(bound->getc(), -1);
	assert_int_equal(hw.empty_reads, 0);
}

static void transmit_interrupts_are_on_when_asked_for(void **state)
{
	(void)state;
	probe_plain();
	assert_true(bound->interrupts(on_interrupt));
	assert_int_equal(hw.ier, IER_RX);
	bound->tx_interrupt(true);
	assert_int_equal(hw.ier, IER_RX | IER_TX);
	bound->rx_interrupt(false);
	assert_int_equal(hw.ier, IER_TX);
	bound->tx_interrupt(false);
	assert_int_equal(hw.ier, 0);
	bound->rx_interrupt(true);
	assert_int_equal(hw.ier, IER_RX);
	irq_fn(NULL);
	assert_int_equal(called, 1);
	/* The byte of a plain interrupt is for the terminal, which reads it itself. */
	assert_int_equal(hw.empty_reads + hw.usr_reads, 0);
}

static void interrupts_begin_with_reception_alone(void **state)
{
	(void)state;
	probe_plain();
	bound->tx_interrupt(true);
	assert_true(bound->interrupts(on_interrupt));
	assert_int_equal(hw.ier, IER_RX);
}

static void stdout_path_chooses_among_several(void **state)
{
	static const char *const paths[] = { "/serial@2000", "/serial@2000:115200n8", "serial1",
					     "serial1:9600" };

	for (unsigned int i = 0; i < ARRAY_SIZE(paths); i++) {
		setup(state);
		open_tree(paths[i]);
		put_uart("serial@1000", "ns16550a", 0x1000, 0x100, NULL);
		put_uart("serial@2000", "ns16550a", 0x2000, 0x100, NULL);
		close_tree();
		assert_int_not_equal(probe("/serial@1000"), HV_OK);
		assert_int_equal(probe("/serial@2000"), HV_OK);
		assert_int_equal(hw.base, 0x2000);
	}
}

static void without_stdout_path_the_first_one_serves(void **state)
{
	(void)state;
	open_tree(NULL);
	put_uart("serial@1000", "ns16550a", 0x1000, 0x100, NULL);
	put_uart("serial@2000", "ns16550a", 0x2000, 0x100, NULL);
	close_tree();
	assert_int_equal(probe("/serial@1000"), HV_OK);
	assert_int_not_equal(probe("/serial@2000"), HV_OK);
	assert_int_equal(hw.base, 0x1000);
}

static void wide_and_spaced_registers_are_reached(void **state)
{
	(void)state;
	open_tree(NULL);
	put_uart("serial@1000", "snps,dw-apb-uart", 0x1000, 0x100, "reg-shift", 2, "reg-io-width",
		 4, NULL);
	close_tree();
	hw.width = 4;
	hw.shift = 2;
	assert_int_equal(probe("/serial@1000"), HV_OK);
	assert_true(send('x'));
	assert_int_equal(hw.sent[0], 'x');
	/* Its own two oddities: busy detect, and a timeout with nothing received. */
	assert_true(bound->interrupts(on_interrupt));
	hw.iir = IIR_DW_BUSY;
	irq_fn(NULL);
	assert_int_equal(hw.usr_reads, 1);
	hw.iir = IIR_RX_TIMEOUT;
	irq_fn(NULL);
	assert_int_equal(hw.empty_reads, 1);
}

static void registers_may_begin_at_an_offset(void **state)
{
	(void)state;
	open_tree(NULL);
	put_uart("serial@1000", "ns16550", 0x1000, 0x100, "reg-offset", 0x20, NULL);
	close_tree();
	hw.offset = 0x20;
	assert_int_equal(probe("/serial@1000"), HV_OK);
}

static void a_wrong_node_is_refused_in_one_line(void **state)
{
	static const struct {
		uint32_t size;
		const char *prop;
		uint32_t value;
	} wrong[] = {
		{ 4, "reg-shift", 0 },	      { 0x100, "reg-shift", 9 },
		{ 0x100, "reg-io-width", 3 }, { 0x100, "reg-io-width", 4 },
		{ 8, "reg-shift", 2 },	      { 0x100, "reg-offset", 0xfffffff8 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		setup(state);
		open_tree(NULL);
		put_uart("serial@1000", "ns16550a", 0x1000, wrong[i].size, wrong[i].prop,
			 wrong[i].value, NULL);
		close_tree();
		assert_int_equal(probe("/serial@1000"), HV_EINVAL);
		assert_null(bound);
		assert_int_equal(fake_log_count, 1);
		assert_non_null(strstr(fake_log_last, "/serial@1000: reg"));
	}
}

static void a_property_of_no_number_is_refused(void **state)
{
	static const char *const props[] = { "reg-shift", "reg-io-width", "reg-offset" };

	for (unsigned int i = 0; i < ARRAY_SIZE(props); i++) {
		setup(state);
		open_tree(NULL);
		tree_node(tree, "serial@1000");
		tree_cells(tree, "reg", 4, 0, 0x1000, 0, 0x100);
		tree_bytes(tree, props[i], "\0\0\1", 3);
		tree_end_node(tree);
		close_tree();
		assert_int_equal(probe("/serial@1000"), HV_EINVAL);
		assert_int_equal(fake_log_count, 1);
		assert_non_null(strstr(fake_log_last, props[i]));
	}
}

static void registers_may_fill_their_window_and_no_more(void **state)
{
	static const struct {
		const char *compatible;
		uint32_t shift, width, offset, size;
	} windows[] = {
		{ "ns16550a", 0, 1, 0, 8 },
		{ "ns16550a", 1, 2, 0x10, 0x20 },
		{ "ns16550a", 4, 4, 0, 0x80 },
		{ "snps,dw-apb-uart", 0, 1, 0, 0x20 },
		{ "snps,dw-apb-uart", 2, 4, 8, 0x88 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(windows); i++) {
		for (uint32_t less = 0; less <= 1; less++) {
			setup(state);
			open_tree(NULL);
			put_uart("serial@1000", windows[i].compatible, 0x1000,
				 windows[i].size - less, "reg-shift", windows[i].shift,
				 "reg-io-width", windows[i].width, "reg-offset", windows[i].offset,
				 NULL);
			close_tree();
			hw.shift = windows[i].shift;
			hw.width = windows[i].width;
			hw.offset = windows[i].offset;
			assert_int_equal(probe("/serial@1000"), less ? HV_EINVAL : HV_OK);
			assert_int_equal(fake_log_count, less);
			if (less)
				continue;
			/* Registers are written in their width. */
			assert_true(send('x'));
			assert_int_equal(hw.sent[0], 'x');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(probing_keeps_the_speed_and_what_was_typed, setup),
		cmocka_unit_test_setup(the_fifo_is_filled_and_never_overrun, setup),
		cmocka_unit_test_setup(without_a_fifo_each_byte_waits_for_the_one_before, setup),
		cmocka_unit_test_setup(received_bytes_come_until_there_are_none, setup),
		cmocka_unit_test_setup(a_break_is_told_from_a_zero_byte, setup),
		cmocka_unit_test_setup(transmit_interrupts_are_on_when_asked_for, setup),
		cmocka_unit_test_setup(interrupts_begin_with_reception_alone, setup),
		cmocka_unit_test_setup(stdout_path_chooses_among_several, setup),
		cmocka_unit_test_setup(without_stdout_path_the_first_one_serves, setup),
		cmocka_unit_test_setup(wide_and_spaced_registers_are_reached, setup),
		cmocka_unit_test_setup(registers_may_begin_at_an_offset, setup),
		cmocka_unit_test_setup(a_wrong_node_is_refused_in_one_line, setup),
		cmocka_unit_test_setup(a_property_of_no_number_is_refused, setup),
		cmocka_unit_test_setup(registers_may_fill_their_window_and_no_more, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
