// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The wire before guests run, and after a new beginning: what it waits for, and what it remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"
#include "lib/work.h"
#include "term/term_internal.h"

#define SECOND UINT64_C(1000000000)

static unsigned int told;

static void tell(struct work *w)
{
	(void)w;
	told++;
}

static void bytes(unsigned int n)
{
	while (n--)
		wire_put('x');
}

/* --- before guests run --------------------------------------------------------------------------------- */

static void what_is_polled_goes_out_to_the_last_byte(void **state)
{
	(void)state;
	have_irq = false;
	term_init(TERM_ASK_NEVER);
	fifo_room = 16;
	bytes(17);
	wire_kick();
	assert_int_equal(screen_len, 17);
	start_again(false);
}

/* Afterwards it is 128 bytes at a time, so that no guest's hart is kept for long. */
static void one_that_interrupts_gets_all_that_it_takes(void **state)
{
	(void)state;
	term_init(TERM_ASK_NEVER);
	fifo_room = 1000;
	bytes(500);
	wire_kick();
	assert_int_equal(screen_len, 500);
	term_guests_run();
	bytes(500);
	wire_kick();
	assert_int_equal(screen_len, 500 + 128);
	start_again(false);
}

static void a_wire_that_is_slow_loses_nothing(void **state)
{
	(void)state;
	fifo_room = 16;
	uart_ns = SECOND / 20;
	bytes(600);
	wire_flush();
	assert_int_equal(screen_len, 600);
}

static void a_dead_wire_is_waited_for_once(void **state)
{
	uint64_t began = now;

	(void)state;
	uart_dead = true;
	bytes(10);
	wire_flush();
	assert_in_range(now - began, SECOND, SECOND + SECOND / 10);
	began = now;
	bytes(10);
	wire_flush();
	assert_in_range(now - began, 0, SECOND / 10);
	/* It has taken something: it is waited for again. */
	uart_dead = false;
	fifo_room = 16;
	bytes(10);
	wire_flush();
	assert_int_equal(screen_len, 10);
	uart_dead = true;
	began = now;
	bytes(10);
	wire_flush();
	assert_in_range(now - began, SECOND, SECOND + SECOND / 10);
}

/* --- a new beginning ----------------------------------------------------------------------------------- */

/* With a question in the ring, so that no empty ring hides what was before. */
static void a_wire_that_was_given_up_is_tried_anew(void **state)
{
	(void)state;
	for (uint64_t after = 9; after <= 11; after += 2) {
		uart_dead = true;
		bytes(10);
		wire_kick();
		now += after * SECOND;
		wire_kick();
		assert_int_equal(wire_gives_up(), after > 10);
		term_init(TERM_ASK_NOW);
		assert_false(wire_gives_up());
		now += 2 * SECOND;
		wire_kick();
		assert_false(wire_gives_up());
		uart_dead = false;
		start_again(false);
	}
}

static void a_wire_that_was_stuck_is_waited_for_anew(void **state)
{
	uint64_t began;

	(void)state;
	uart_dead = true;
	bytes(10);
	wire_flush();
	have_irq = false;
	began = now;
	term_init(TERM_ASK_NOW);
	assert_in_range(now - began, SECOND, SECOND + SECOND / 10);
	uart_dead = false;
	start_again(false);
}

static void what_the_uart_was_told_is_told_anew(void **state)
{
	unsigned int calls;

	(void)state;
	fifo_room = 0;
	bytes(10);
	wire_kick();
	assert_true(tx_irq);
	wire_hold_input(true);
	term_init(TERM_ASK_NEVER);
	tx_irq = false;
	fifo_room = 0;
	bytes(10);
	wire_kick();
	assert_true(tx_irq);
	calls = rx_irq_calls;
	wire_hold_input(true);
	assert_int_equal(rx_irq_calls, calls + 1);
	wire_hold_input(false);
	start_again(false);
}

static void one_that_waited_for_an_old_wire_is_not_told(void **state)
{
	struct work w;

	(void)state;
	work_init(&w, tell);
	told = 0;
	uart_dead = true;
	bytes(600);
	wire_own_wrote();
	assert_false(wire_own_room(&w));
	term_init(TERM_ASK_NEVER);
	wire_tell_own_waiter();
	assert_false(work_run_one());
	assert_int_equal(told, 0);
	uart_dead = false;
	start_again(false);
}

static void a_uart_without_interrupts_is_looked_at_from_the_beginning(void **state)
{
	(void)state;
	have_irq = false;
	polling = NULL;
	term_init(TERM_ASK_NEVER);
	assert_non_null(polling);
	assert_in_range(polling->deadline - now, 9900000, 10000000);
	start_again(false);
}

static void a_later_reason_does_not_put_off_the_timer(void **state)
{
	uint64_t due;

	(void)state;
	fifo_room = 1000;
	bytes(200);
	wire_ticked();
	wire_kick();
	due = polling->deadline;
	fifo_room = 0;
	bytes(10);
	wire_kick();
	assert_true(tx_irq);
	assert_int_equal(polling->deadline, due);
}

/* --- the end ------------------------------------------------------------------------------------------- */

static void what_guests_have_queued_is_out_when_all_ends(void **state)
{
	static char line[601];
	uint64_t began;

	(void)state;
	now += 10 * SECOND;
	bytes(300);
	wire_guest_wrote();
	memset(line, 'x', 600);
	line[599] = '\n';
	assert_int_equal(output_put(b, line, 600), 600);
	began = now;
	term_drain();
	assert_in_range(now - began, 0, SECOND);
	assert_true(output_idle());
	assert_int_equal(screen_len, 300 + 599 + 3 * (4 + 2)); /* in three rows */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(what_is_polled_goes_out_to_the_last_byte),
		TERMINAL_TEST(one_that_interrupts_gets_all_that_it_takes),
		TERMINAL_TEST(a_wire_that_is_slow_loses_nothing),
		TERMINAL_TEST(a_dead_wire_is_waited_for_once),
		TERMINAL_TEST(a_wire_that_was_given_up_is_tried_anew),
		TERMINAL_TEST(a_wire_that_was_stuck_is_waited_for_anew),
		TERMINAL_TEST(what_the_uart_was_told_is_told_anew),
		TERMINAL_TEST(one_that_waited_for_an_old_wire_is_not_told),
		TERMINAL_TEST(a_uart_without_interrupts_is_looked_at_from_the_beginning),
		TERMINAL_TEST(a_later_reason_does_not_put_off_the_timer),
		TERMINAL_TEST(what_guests_have_queued_is_out_when_all_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
