// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The queues of what guests print: whose turn it is, how much a queue holds, and which owner is told of room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake/log.h"
#include "fake/terminal.h"
#include "lib/work.h"
#include "term/term_internal.h"

#define MS	UINT64_C(1000000)
#define QUANTUM 512

static void run_work(void)
{
	while (work_run_one())
		;
}

/* So much is on its way to the UART that guests get no room in the ring. */
static void block_wire(void)
{
	uart_dead = true;
	for (unsigned int i = 0; i < 300; i++)
		wire_put('x');
	wire_guest_wrote();
	assert_false(wire_guest_room());
}

/* The ring is empty, and the UART takes what comes next at once. */
static void free_wire(void)
{
	uart_dead = false;
	fifo_room = 10000;
	wire_flush();
	screen_len = 0;
	screen[0] = 0;
	fifo_room = 10000;
}

static void attach(struct term_stream *s)
{
	focus(s);
	assert_true(term_attach());
	clear_screen();
}

static bool is_active(const struct term_stream *s)
{
	return !list_empty(&s->active);
}

static void queue(struct term_stream *s, size_t len)
{
	while (len--)
		assert_int_equal(output_put(s, "x", 1), 1);
}

/* What was queued without term_stream_write() goes out. */
static void bring_out(void)
{
	wire_kick();
	transmit_all();
}

/* --- turns --------------------------------------------------------------------------------------------- */

/* The first of the program: no stream has printed before. */
static void the_first_turn_has_a_quantum(void **state)
{
	(void)state;
	output_activate(a);
	assert_int_equal(a->credit, QUANTUM);
	output_pump(1);
	assert_false(is_active(a));
}

static void credit_is_not_kept_and_debt_is_while_another_prints(void **state)
{
	(void)state;
	output_activate(a);
	output_activate(b);
	output_pump(1); /* a has nothing to print */
	assert_false(is_active(a));
	assert_int_equal(a->credit, 0);
	output_activate(a);
	assert_int_equal(a->credit, 0);
	output_pump(1); /* b has nothing, either */
	assert_false(is_active(b));

	/* The row has 11 bytes. */
	assert_int_equal(output_put(a, "hello\n", 6), 6);
	output_activate(b);
	a->credit = 1;
	output_pump(1);
	output_pump(1);
	assert_false(is_active(a));
	assert_true(is_active(b));
	assert_int_equal(a->credit, 1 - 11);
	output_activate(a);
	assert_int_equal(a->credit, 1 - 11);
	output_pump(1000);
	assert_true(output_idle());
	/* All is out, so no stream owes anything. */
	a->credit = -10;
	output_activate(a);
	assert_int_equal(a->credit, QUANTUM);
	output_pump(1);
}

static void one_without_credit_lets_the_next_go_first(void **state)
{
	(void)state;
	output_activate(a);
	output_activate(b);
	a->credit = 0;
	output_pump(1);
	assert_true(is_active(a));
	assert_int_equal(a->credit, QUANTUM);
	assert_false(is_active(b));
	output_pump(1);
	/* One byte is enough. */
	output_activate(a);
	output_activate(b);
	a->credit = 1;
	output_pump(1);
	assert_false(is_active(a));
	assert_true(is_active(b));
	output_pump(1);
}

/* A step costs 8 bytes of a budget, and a byte that goes through the filter 12. */
static void a_budget_counts_what_goes_out_and_the_time_it_takes(void **state)
{
	static char text[64] = { [0 ... 63] = 'x' };

	(void)state;
	fifo_room = 10000;
	for (unsigned int more = 0; more < 2; more++) {
		assert_int_equal(output_put(b, text, 64), 64);
		assert_int_equal(output_put(b, text, 64), 64);
		/* The first 64 go by the short way, and four more by the long way. */
		output_pump(8 + 4 * 12 + more);
		assert_int_equal(output_queued(b), more ? 0 : 60);
		output_pump(10000);
		assert_int_equal(output_put(b, "\n", 1), 1);
		output_pump(10000);
		assert_true(output_idle());
	}
}

static void a_new_terminal_begins_with_nothing_queued_or_due(void **state)
{
	(void)state;
	output_activate(a);
	output_work_due = true;
	term_init(TERM_ASK_NEVER);
	assert_true(output_idle());
	assert_false(output_work_due);
	start_again(false);
}

static void while_one_is_raw_the_others_are_not_waited_for(void **state)
{
	(void)state;
	attach(a);
	assert_int_equal(term_stream_write(b, "later\n", 6), 6);
	assert_true(is_active(b));
	assert_true(output_idle());
	assert_int_equal(term_stream_write(a, "now", 3), 3);
	transmit_all();
	SCREEN("now");
	assert_true(is_active(b));
}

/* --- room ---------------------------------------------------------------------------------------------- */

static void room_is_what_is_not_queued_but_for_one_byte(void **state)
{
	(void)state;
	block_wire();
	assert_int_equal(term_stream_room(b), TERM_OUTPUT_MAX - 1);
	queue(b, 3);
	assert_int_equal(term_stream_room(b), TERM_OUTPUT_MAX - 4);
	assert_true(term_stream_want_room(b, TERM_OUTPUT_MAX - 4));
	assert_false(term_stream_want_room(b, TERM_OUTPUT_MAX - 3));
	queue(b, TERM_OUTPUT_MAX - 4);
	assert_int_equal(term_stream_room(b), 0);
	/* That byte is for the end of the line. */
	output_end_line(b);
	assert_int_equal(output_queued(b), TERM_OUTPUT_MAX);
	assert_int_equal(term_stream_room(b), 0);
}

/* What is lost leaves a line open as well, and each life of the VM ends it again. */
static void a_line_that_ends_twice_does_not_overrun_its_queue(void **state)
{
	static char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text));
	attach(a);
	assert_int_equal(term_stream_write(b, text, sizeof(text)), sizeof(text));
	term_stream_flush(b);
	assert_int_equal(output_queued(b), TERM_OUTPUT_MAX);
	assert_int_equal(term_stream_write(b, "y", 1), 1);
	term_stream_flush(b);
	assert_int_equal(output_queued(b), TERM_OUTPUT_MAX);
}

static void an_owner_is_told_of_room_when_half_of_the_queue_is_free(void **state)
{
	(void)state;
	for (unsigned int more = 0; more < 2; more++) {
		start_again(false);
		attach(a); /* each of its steps takes 64 bytes */
		room_a = 0;
		block_wire();
		queue(a, TERM_OUTPUT_MAX / 2 + 64 + more);
		assert_false(term_stream_want_room(a, TERM_OUTPUT_MAX - 1));
		free_wire();
		output_pump(1);
		assert_int_equal(output_queued(a), TERM_OUTPUT_MAX / 2 + more);
		output_queue_work();
		run_work();
		assert_int_equal(room_a, !more);
		bring_out();
		run_work();
		assert_int_equal(room_a, 1);
	}
}

static void an_owner_is_told_once_that_all_is_out(void **state)
{
	(void)state;
	block_wire();
	queue(b, 1);
	assert_false(term_stream_want_out(b)); /* its line is open, and a byte is queued */
	free_wire();
	bring_out();
	run_work();
	assert_int_equal(room_b, 1);
	say(b, "more\n");
	run_work();
	assert_int_equal(room_b, 1);
}

static void a_whole_line_that_is_not_on_the_wire_is_not_out(void **state)
{
	(void)state;
	assert_int_equal(output_put(b, "x\n", 2), 2);
	output_pump(1);
	assert_int_equal(output_queued(b), 0);
	assert_false(term_stream_want_out(b));
	bring_out();
	run_work();
	assert_true(term_stream_want_out(b));
	SCREEN("[b] x\r\n");
}

static void no_work_is_queued_when_nothing_is_due(void **state)
{
	(void)state;
	block_wire();
	queue(b, 1);
	assert_false(term_stream_want_out(b));
	free_wire();
	bring_out();
	assert_true(work_run_one());
	assert_false(work_run_one());
	say(b, "x\n");
	assert_false(work_run_one());
}

static void only_those_that_wait_are_told_when_one_gets_the_terminal(void **state)
{
	(void)state;
	focus(a);
	block_wire();
	queue(a, 600);
	assert_false(term_stream_want_room(a, 1000));
	assert_true(term_attach());
	run_work();
	assert_int_equal(room_a, 0); /* it waits for its own output, which goes on */
	assert_int_equal(room_b, 0);
	free_wire();
	bring_out();
	run_work();
	assert_int_equal(room_a, 1);
}

static void one_that_waits_until_all_is_out_is_told_as_well(void **state)
{
	(void)state;
	focus(a);
	block_wire();
	queue(b, 1);
	assert_false(term_stream_want_out(b));
	assert_true(term_attach());
	run_work();
	assert_int_equal(room_b, 1);
	/* Once: it waits no longer. */
	assert_false(b->wants_out || b->wants_room);
}

/* --- a UART that takes nothing ------------------------------------------------------------------------- */

static void what_waits_for_a_dead_wire_is_dropped_and_counted(void **state)
{
	(void)state;
	block_wire();
	queue(a, 10);
	queue(b, 600);
	assert_false(term_stream_want_room(b, 1000));
	wire_kick();
	now += 10001 * MS;
	wire_kick();
	assert_true(wire_gives_up());
	output_pump(1);
	output_queue_work();
	run_work();
	assert_int_equal(output_queued(a), 0);
	assert_int_equal(output_queued(b), 0);
	assert_true(output_idle());
	assert_int_equal(room_b, 1);
	fake_log_reset();
	free_wire();
	bring_out();
	output_queue_work();
	run_work();
	assert_non_null(strstr(fake_log_text, "a: 10 bytes of its output were not shown"));
	assert_non_null(strstr(fake_log_text, "b: 600 bytes of its output were not shown"));
	/* Nothing is told twice. */
	output_work_due = true;
	output_queue_work();
	run_work();
	assert_int_equal(fake_log_count, 2);
	assert_int_equal(room_b, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(the_first_turn_has_a_quantum),
		TERMINAL_TEST(credit_is_not_kept_and_debt_is_while_another_prints),
		TERMINAL_TEST(one_without_credit_lets_the_next_go_first),
		TERMINAL_TEST(a_budget_counts_what_goes_out_and_the_time_it_takes),
		TERMINAL_TEST(a_new_terminal_begins_with_nothing_queued_or_due),
		TERMINAL_TEST(while_one_is_raw_the_others_are_not_waited_for),
		TERMINAL_TEST(room_is_what_is_not_queued_but_for_one_byte),
		TERMINAL_TEST(a_line_that_ends_twice_does_not_overrun_its_queue),
		TERMINAL_TEST(an_owner_is_told_of_room_when_half_of_the_queue_is_free),
		TERMINAL_TEST(an_owner_is_told_once_that_all_is_out),
		TERMINAL_TEST(a_whole_line_that_is_not_on_the_wire_is_not_out),
		TERMINAL_TEST(no_work_is_queued_when_nothing_is_due),
		TERMINAL_TEST(only_those_that_wait_are_told_when_one_gets_the_terminal),
		TERMINAL_TEST(one_that_waits_until_all_is_out_is_told_as_well),
		TERMINAL_TEST(what_waits_for_a_dead_wire_is_dropped_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
