// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/host.c
/* What the rest of the hypervisor asks of the machine's devices reaches the first driver of each kind, and is safe without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "platform/driver.h"
#include "platform/host.h"

/* What the drivers were asked, as text. */
static char asked[256];

static void note(const char *what)
{
	strncat(asked, what, sizeof(asked) - strlen(asked) - 1);
	strncat(asked, " ", sizeof(asked) - strlen(asked) - 1);
}

#define assert_asked(text)                            \
	do {                                          \
		assert_string_equal(asked, text " "); \
		asked[0] = '\0';                      \
	} while (0)

static const char tree[] = "a tree";
static int argument;
static void on_irq(void *arg)
{
	(void)arg;
}
static void on_uart(void)
{
}

static int chip_request(const void *fdt, int node, void (*fn)(void *arg), void *arg)
{
	assert_ptr_equal(fdt, tree);
	assert_int_equal(node, 42);
	assert_true(fn == on_irq);
	assert_ptr_equal(arg, &argument);
	note("request");
	return HV_EINVAL;
}

static void chip_off(const void *arg)
{
	assert_ptr_equal(arg, &argument);
	note("off");
}

static void chip_handle(void)
{
	note("handle");
}

static void chip_init_pcpu(void)
{
	note("init");
}

static void chip_balance(void)
{
	note("balance");
}

static unsigned int uart_write(const char *buf, unsigned int len)
{
	assert_string_equal(buf, "text");
	note("write");
	return len - 1;
}

static int uart_getc(void)
{
	note("getc");
	return HOST_UART_BREAK;
}

static bool uart_takes;

static bool uart_interrupts(void (*fn)(void))
{
	assert_true(fn == on_uart);
	note("interrupts");
	return uart_takes;
}

static void uart_tx(bool on)
{
	note(on ? "tx" : "no-tx");
}

static void uart_rx(bool on)
{
	note(on ? "rx" : "no-rx");
}

static uint64_t rtc_now(void)
{
	note("now");
	return 0x123456789abcdef0;
}

static const struct host_irqchip chip = { chip_request, chip_off, chip_handle, chip_init_pcpu,
					  chip_balance };
static const struct host_uart uart = { uart_write, uart_getc, uart_interrupts, uart_tx, uart_rx };
static const struct host_rtc rtc = { rtc_now };

/* The tests run in this order, on one machine that gets its devices one by one. */

static void a_machine_without_devices_answers(void **state)
{
	(void)state;
	assert_int_equal(host_irq_request(tree, 42, on_irq, &argument), HV_ENXIO);
	host_irq_off(&argument);
	host_irq_handle();
	host_irq_init_pcpu();
	host_irq_balance();
	assert_false(host_uart_present());
	assert_int_equal(host_uart_write("text", 4), 0);
	assert_int_equal(host_uart_getc(), -1);
	assert_false(host_uart_interrupts(on_uart));
	host_uart_tx_interrupt(true);
	host_uart_rx_interrupt(true);
	assert_int_equal(host_rtc_now(), 0);
}

static void the_controller_is_asked(void **state)
{
	(void)state;
	assert_int_equal(host_bind_irqchip(&chip), HV_OK);
	assert_int_equal(host_irq_request(tree, 42, on_irq, &argument), HV_EINVAL);
	assert_asked("request");
	host_irq_off(&argument);
	assert_asked("off");
	host_irq_handle();
	assert_asked("handle");
	host_irq_init_pcpu();
	assert_asked("init");
	host_irq_balance();
	assert_asked("balance");
}

static void the_uart_is_asked(void **state)
{
	(void)state;
	assert_int_equal(host_bind_uart(&uart), HV_OK);
	assert_true(host_uart_present());
	assert_int_equal(host_uart_write("text", 4), 3);
	assert_int_equal(host_uart_getc(), HOST_UART_BREAK);
	assert_asked("write getc");
	assert_false(host_uart_interrupts(on_uart));
	uart_takes = true;
	assert_true(host_uart_interrupts(on_uart));
	assert_asked("interrupts interrupts");
	host_uart_tx_interrupt(true);
	host_uart_tx_interrupt(false);
	host_uart_rx_interrupt(true);
	host_uart_rx_interrupt(false);
	assert_asked("tx no-tx rx no-rx");
}

static void the_clock_is_asked(void **state)
{
	(void)state;
	assert_int_equal(host_bind_rtc(&rtc), HV_OK);
	assert_int_equal(host_rtc_now(), 0x123456789abcdef0);
	assert_asked("now");
}

static void the_first_of_each_kind_stays(void **state)
{
	static const struct host_irqchip other_chip;
	static const struct host_uart other_uart;
	static const struct host_rtc other_rtc;

	(void)state;
	assert_int_equal(host_bind_irqchip(&other_chip), HV_EBUSY);
	assert_int_equal(host_bind_uart(&other_uart), HV_EBUSY);
	assert_int_equal(host_bind_rtc(&other_rtc), HV_EBUSY);
	host_irq_handle();
	assert_int_equal(host_uart_getc(), HOST_UART_BREAK);
	assert_int_equal(host_rtc_now(), 0x123456789abcdef0);
	assert_asked("handle getc now");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_without_devices_answers),
		cmocka_unit_test(the_controller_is_asked),
		cmocka_unit_test(the_uart_is_asked),
		cmocka_unit_test(the_clock_is_asked),
		cmocka_unit_test(the_first_of_each_kind_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
