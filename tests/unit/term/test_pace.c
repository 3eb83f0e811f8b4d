// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* When the wire is looked at next: its timer's pace, by the device and by what waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/sbi_call.h"
#include "fake/terminal.h"
#include "lib/work.h"
#include "term/term_internal.h"

#define MS UINT64_C(1000000)

static void goes_on(struct work *w)
{
	(void)w;
}

static struct work waiter = { .fn = goes_on };

/* When the timer is armed for, from the last look at the clock on; 0: it is not. */
static uint64_t armed_in(void)
{
	return polling ? polling->deadline - now : 0;
}

static void kick_anew(void)
{
	polling = NULL;
	wire_ticked();
	wire_kick();
}

static void bytes(unsigned int n)
{
	while (n--)
		wire_put('x');
}

static void what_is_out_needs_no_timer(void **state)
{
	(void)state;
	fifo_room = 1000;
	bytes(10);
	kick_anew();
	assert_int_equal(armed_in(), 0);
	assert_false(tx_irq);
	/* Unless a guest waits for its turn, or a command for room. */
	output_activate(a);
	kick_anew();
	assert_in_range(armed_in(), MS / 5, MS / 5);
	output_pump(1);
	assert_true(output_idle());
	kick_anew();
	assert_int_equal(armed_in(), 0);
	bytes(600);
	wire_own_wrote();
	assert_false(wire_own_room(&waiter));
	fifo_room = 1000;
	while (wire_position() && screen_len < 610)
		kick_anew();
	kick_anew();
	assert_in_range(armed_in(), MS / 5, MS / 5);
}

/* A UART that takes all goes on at a quick pace; one that refuses interrupts when it has room, or is looked at later. */
static void the_pace_is_that_of_the_device(void **state)
{
	(void)state;
	fifo_room = 1000;
	bytes(200);
	kick_anew();
	assert_in_range(armed_in(), MS / 5, MS / 5);
	kick_anew();
	fifo_room = 0;
	bytes(200);
	kick_anew();
	assert_true(tx_irq);
	assert_in_range(armed_in(), 1000 * MS, 1000 * MS);
	have_irq = tx_irq = false;
	start_again(false);
	fifo_room = 0;
	bytes(200);
	kick_anew();
	assert_false(tx_irq);
	assert_in_range(armed_in(), MS, MS);
}

/* The clock of this test goes on by a microsecond with each look: so long the firmware took for its bytes. */
static void the_firmware_has_a_fourth_of_the_time(void **state)
{
	(void)state;
	have_uart = false;
	start_again(false);
	bytes(200);
	kick_anew();
	assert_in_range(armed_in(), MS / 5 + 3 * 1000 - 1000, MS / 5 + 3 * 1000);
}

static void before_guests_run_only_a_uart_without_interrupts_is_waited_for(void **state)
{
	(void)state;
	for (unsigned int irq = 0; irq < 2; irq++) {
		have_irq = irq;
		term_init(TERM_ASK_NEVER);
		screen_len = 0;
		fifo_room = 16;
		bytes(100);
		kick_anew();
		assert_int_equal(screen_len, irq ? 16 : 100);
		transmit_all();
	}
}

static void what_was_queued_is_gone_with_a_new_beginning(void **state)
{
	(void)state;
	uart_dead = true;
	bytes(300);
	wire_guest_wrote();
	assert_false(wire_guest_room());
	term_init(TERM_ASK_NEVER);
	assert_true(wire_guest_room());
	uart_dead = false;
	fifo_room = 1000;
	wire_kick();
	assert_int_equal(screen_len, 0);
}

/* It takes a byte now and then, and never all: that is slow, and not dead. */
static void a_uart_that_takes_a_little_is_not_given_up(void **state)
{
	(void)state;
	bytes(1000);
	for (unsigned int i = 0; i < 60; i++) {
		fifo_room = 0;
		wire_kick();
		now += 500 * MS;
		fifo_room = 1;
		wire_kick();
		now += 500 * MS;
		assert_false(wire_gives_up());
	}
	uart_dead = true;
	wire_kick();
	now += 10001 * MS;
	wire_kick();
	assert_true(wire_gives_up());
	uart_dead = false;
	fifo_room = 1;
	wire_kick();
	assert_false(wire_gives_up());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(what_is_out_needs_no_timer),
		TERMINAL_TEST(the_pace_is_that_of_the_device),
		TERMINAL_TEST(the_firmware_has_a_fourth_of_the_time),
		TERMINAL_TEST(before_guests_run_only_a_uart_without_interrupts_is_waited_for),
		TERMINAL_TEST(what_was_queued_is_gone_with_a_new_beginning),
		TERMINAL_TEST(a_uart_that_takes_a_little_is_not_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
