// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The terminal: the wire below it, full, slow, dead, or another one. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"
#include "lib/work.h"

static void nothing_is_lost_when_the_ring_is_full(void **state)
{
	unsigned int next = 0, lines = 20000;
	const char *p;

	(void)state;
	/* The transmit interrupt never comes: writers have to push it all out themselves. */
	for (unsigned int i = 0; i < lines; i++) {
		char line[32];

		snprintf(line, sizeof(line), "%u\n", i);
		term_stream_write(i % 2 ? a : b, line, strlen(line));
	}
	term_drain();
	for (p = screen; *p; next++) {
		unsigned int got;
		char who;

		assert_int_equal(sscanf(p, "[%c] %u\r", &who, &got), 2);
		assert_int_equal(got, next);
		assert_int_equal(who, next % 2 ? 'a' : 'b');
		p = strchr(p, '\n') + 1;
	}
	assert_int_equal(next, lines);
}

static void the_transmit_interrupt_is_on_only_while_needed(void **state)
{
	(void)state;
	say(a, "short\n");
	assert_false(tx_irq);
	fifo_room = 4;
	term_stream_write(a, "longer than that\n", 17);
	assert_true(tx_irq);
	transmit_all();
	assert_false(tx_irq);
	SCREEN("[a] short\r\n[a] longer than that\r\n");
}

static void a_dead_wire_does_not_stop_the_guests(void **state)
{
	char line[1025];
	uint64_t began;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[1024] = '\n';
	uart_dead = true;
	began = now;
	for (unsigned int i = 0; i < 100; i++)
		term_stream_write(a, line, sizeof(line));
	/* One second once, not for every ring full. */
	assert_in_range(now - began, 1000000000, 1100000000);
	uart_dead = false;
	term_drain();
	clear_screen();
	say(a, "alive\n");
	SCREEN("[a] alive\r\n");
}

static void without_interrupts_output_is_immediate_and_input_polled(void **state)
{
	(void)state;
	have_irq = false;
	start_again(false);
	assert_non_null(polling);
	term_stream_write(a, "a line that is longer than the fifo\n", 36);
	SCREEN("[a] a line that is longer than the fifo\r\n");
	term_focus(b);
	typed = "key";
	polling->fn(polling);
	assert_string_equal(read_all(b), "key");
}

static void the_firmware_serves_when_there_is_no_uart(void **state)
{
	(void)state;
	have_uart = false;
	start_again(false);
	term_stream_write(a, "by the debug console\n", 21);
	SCREEN("[a] by the debug console\r\n");
	term_focus(a);
	typed = "pq";
	polling->fn(polling);
	assert_string_equal(read_all(a), "pq");
	assert_int_equal(legacy_calls, 0);
	clear_screen();
	have_dbcn = false;
	term_log("old firmware\n", 13);
	SCREEN("[hartvisor] old firmware\r\n");
	typed = "r";
	polling->fn(polling);
	assert_string_equal(read_all(a), "r");
}

static unsigned int room_told;

static void room_run(struct work *w)
{
	(void)w;
	room_told++;
}

static void a_long_answer_waits_for_the_wire(void **state)
{
	struct work w;
	unsigned int rows = 0;

	(void)state;
	work_init(&w, room_run);
	room_told = 0;
	fifo_room = 0;
	while (term_own_room(&w)) {
		term_printf("%s", "a row of a table that is a hundred times as long as this");
		assert_true(++rows < 100);
	}
	assert_true(rows > 1);
	assert_false(work_run_one());
	transmit_all();
	assert_true(work_run_one());
	assert_int_equal(room_told, 1);
	assert_true(term_own_room(&w));
	assert_false(work_run_one());
}

static void *writer(void *arg)
{
	struct term_stream *s = arg;

	for (unsigned int i = 0; i < 2000; i++) {
		term_stream_write(s, "the quick ", 10);
		term_stream_write(s, "brown fox\n", 10);
	}
	return NULL;
}

static void two_harts_write_whole_lines(void **state)
{
	pthread_t t[2];
	unsigned int n = 0;

	(void)state;
	pthread_create(&t[0], NULL, writer, a);
	pthread_create(&t[1], NULL, writer, b);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	term_drain();
	for (const char *p = screen; *p; p += 25, n++) {
		assert_true(p[1] == 'a' || p[1] == 'b');
		assert_memory_equal(p + 2, "] the quick brown fox\r\n", 23);
	}
	assert_int_equal(n, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(nothing_is_lost_when_the_ring_is_full),
		TERMINAL_TEST(the_transmit_interrupt_is_on_only_while_needed),
		TERMINAL_TEST(a_dead_wire_does_not_stop_the_guests),
		TERMINAL_TEST(without_interrupts_output_is_immediate_and_input_polled),
		TERMINAL_TEST(the_firmware_serves_when_there_is_no_uart),
		TERMINAL_TEST(a_long_answer_waits_for_the_wire),
		TERMINAL_TEST(two_harts_write_whole_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
