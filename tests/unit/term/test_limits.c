// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The limits of the wire's ring, each at its last byte: for guests, for hartvisor's lines, and for commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"
#include "lib/work.h"
#include "term/term_internal.h"

#define MS	  UINT64_C(1000000)
#define WIRE_RING 16384

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

/* Exactly @left of the queued bytes stay in the ring. */
static void send_all_but(size_t left, size_t queued)
{
	uart_dead = false;
	while (queued > left) {
		size_t before = screen_len;

		fifo_room = (unsigned int)(queued - left < 128 ? queued - left : 128);
		wire_kick();
		queued -= screen_len - before;
	}
	uart_dead = true;
}

static void a_guest_waits_behind_256_bytes_of_guests(void **state)
{
	(void)state;
	uart_dead = true;
	bytes(255);
	wire_guest_wrote();
	assert_true(wire_guest_room());
	bytes(1);
	wire_guest_wrote();
	assert_false(wire_guest_room());
	send_all_but(255, 256);
	assert_true(wire_guest_room());
}

static void a_guest_leaves_its_reserve_free(void **state)
{
	(void)state;
	uart_dead = true;
	bytes(WIRE_RING - 2048);
	assert_true(wire_guest_room());
	bytes(1);
	assert_false(wire_guest_room());
}

static void a_line_of_hartvisors_needs_its_reserve(void **state)
{
	(void)state;
	uart_dead = true;
	bytes(WIRE_RING - 1536);
	assert_true(wire_own_begin());
	bytes(1);
	assert_false(wire_own_begin());
}

static void before_guests_run_a_line_waits_until_half_of_the_ring_is_free(void **state)
{
	(void)state;
	term_init(TERM_ASK_NEVER);
	bytes(WIRE_RING - 1536);
	fifo_room = 16;
	assert_true(wire_own_begin());
	assert_int_equal(screen_len, 0);
	bytes(1536);
	assert_true(wire_own_begin());
	assert_in_range(screen_len, WIRE_RING / 2, WIRE_RING / 2 + 16);
	start_again(false);
}

static void a_command_is_told_once_when_256_bytes_of_its_own_are_left(void **state)
{
	struct work w;

	(void)state;
	work_init(&w, tell);
	told = 0;
	uart_dead = true;
	bytes(600);
	wire_own_wrote();
	assert_false(wire_own_room(&w));
	send_all_but(257, 600);
	wire_tell_own_waiter();
	assert_false(work_run_one());
	send_all_but(256, 257);
	wire_tell_own_waiter();
	assert_true(work_run_one());
	wire_tell_own_waiter();
	assert_false(work_run_one());
	assert_int_equal(told, 1);
}

static void a_ring_that_is_just_full_keeps_its_oldest_byte(void **state)
{
	(void)state;
	fifo_room = 1000;
	bytes(100);
	wire_kick();
	while (wire_position() % WIRE_RING != 100)
		wire_put('x');
	fifo_room = 2 * WIRE_RING;
	wire_flush();
	screen_len = 0;
	wire_put('a');
	bytes(WIRE_RING - 1 - 8);
	wire_write("12345678!", 8);
	fifo_room = 2 * WIRE_RING;
	wire_flush();
	assert_int_equal(screen_len, WIRE_RING);
	assert_int_equal(screen[0], 'a');
	assert_int_equal(screen[1], 'x');
	assert_string_equal(screen + WIRE_RING - 9, "x12345678");
}

static void a_flush_ends_with_the_last_byte(void **state)
{
	(void)state;
	fifo_room = 16;
	bytes(17);
	wire_flush();
	assert_int_equal(screen_len, 17);
}

static void without_interrupts_input_is_looked_at_soon_while_it_comes(void **state)
{
	(void)state;
	have_irq = false;
	start_again(false);
	for (unsigned int soon = 0; soon < 2; soon++) {
		wire_ticked();
		wire_poll_input(soon);
		assert_int_equal(polling->deadline - now, soon ? MS : 10 * MS);
	}
}

/* Times are given to the timer in its own ticks. */
static void paces_are_in_ticks_of_the_machine(void **state)
{
	(void)state;
	ns_per_tick = 100;
	have_irq = false;
	polling = NULL;
	term_init(TERM_ASK_NEVER);
	assert_in_range(polling->deadline - now, 10 * MS / 100 - 10000, 10 * MS / 100);
	term_guests_run();
	fifo_room = 1000;
	bytes(200);
	wire_ticked();
	wire_kick();
	assert_int_equal(polling->deadline - now, MS / 5 / 100);
	wire_ticked();
	wire_poll_input(false);
	assert_int_equal(polling->deadline - now, 10 * MS / 100);
	have_uart = false;
	start_again(false);
	bytes(200);
	wire_ticked();
	wire_kick();
	assert_in_range(polling->deadline - now, MS / 5 / 100 + 2000, MS / 5 / 100 + 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(a_guest_waits_behind_256_bytes_of_guests),
		TERMINAL_TEST(a_guest_leaves_its_reserve_free),
		TERMINAL_TEST(a_line_of_hartvisors_needs_its_reserve),
		TERMINAL_TEST(before_guests_run_a_line_waits_until_half_of_the_ring_is_free),
		TERMINAL_TEST(a_command_is_told_once_when_256_bytes_of_its_own_are_left),
		TERMINAL_TEST(a_ring_that_is_just_full_keeps_its_oldest_byte),
		TERMINAL_TEST(a_flush_ends_with_the_last_byte),
		TERMINAL_TEST(without_interrupts_input_is_looked_at_soon_while_it_comes),
		TERMINAL_TEST(paces_are_in_ticks_of_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
