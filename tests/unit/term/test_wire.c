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

#include "fake/log.h"
#include "fake/terminal.h"
#include "lib/work.h"

static void nothing_is_lost_when_the_line_is_slow(void **state)
{
	unsigned int next[2] = { 0, 1 }, lines = 20000;

	(void)state;
	for (unsigned int i = 0; i < lines; i++) {
		char line[32];

		snprintf(line, sizeof(line), "%u\n", i);
		put(i % 2 ? a : b, line, strlen(line));
	}
	term_drain();
	for (const char *p = screen; *p; p = strchr(p, '\n') + 1) {
		unsigned int got;
		char name;

		assert_int_equal(sscanf(p, "[%c] %u\r", &name, &got), 2);
		assert_int_equal(got, next[name == 'a']);
		next[name == 'a'] += 2;
	}
	assert_int_equal(next[0], lines);
	assert_int_equal(next[1], lines + 1);
}

/* Two bytes of "\rX" come to a prefix on the wire. */
static void fill(struct term_stream *s, const char *text, size_t *at)
{
	for (size_t n = 1; n; *at = (*at + n) % strlen(text))
		n = term_stream_write(s, text + *at, strlen(text) - *at);
}

static size_t wire_bytes_of(char name)
{
	size_t n = 0;
	bool counts = false;

	for (const char *p = screen; *p; p++) {
		if (*p == '[' && p[1] && p[2] == ']')
			counts = p[1] == name;
		n += counts;
	}
	return n;
}

static void a_flood_gets_its_half_of_the_wire(void **state)
{
	static const char *const floods[] = {
		"\rX\rX\rX\rX",
		"\n\n\n\n\n\n",
		"\t\t\b\t\r\r\r\n",
		"\x1b[31m\x1b[7mq\x1b[;;;;;;;m",
		"\x9b\x9b\xff\x01\x02\x7f",
		"no line ends here ",
	};

	(void)state;
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(floods); i++) {
		size_t flood, fair, at[2] = { 0, 0 };

		term_focus(i % 2 ? a : NULL); /* the flood may be in focus */
		clear_screen();
		fifo_room = 0;
		while (screen_len < 60000) {
			fill(a, floods[i / 2], &at[0]);
			fill(b, "a line of thirty characters..\n", &at[1]);
			fifo_room = 16;
			uart_fn();
		}
		flood = wire_bytes_of('a');
		fair = wire_bytes_of('b');
		assert_in_range(fair * 100 / (fair + flood), 45, 55);
	}
}

static void a_guest_that_is_not_heard_out_is_told_of_room(void **state)
{
	size_t at = 0;

	(void)state;
	fifo_room = 0;
	fill(a, "0123456789abcdef", &at);
	while (term_stream_write(a, "x", 1))
		;
	assert_false(term_stream_want_room(a, 16));
	assert_int_equal(term_stream_write(b, "b is not held up\n", 17), 17);
	assert_false(work_run_one());
	for (unsigned int i = 0; i < 200 && !room_a; i++) {
		fifo_room = 16;
		uart_fn();
		(void)work_run_one();
	}
	assert_int_equal(room_a, 1);
	assert_true(term_stream_room(a) >= 512);
	assert_int_equal(room_b, 0);
	assert_false(term_stream_want_out(a));
	transmit_all();
	assert_true(work_run_one());
	assert_int_equal(room_a, 2);
	assert_true(term_stream_want_out(a));
}

/* A UART that takes everything at once, as emulated ones do. */
static void no_call_sends_more_than_a_little(void **state)
{
	char flood[256];

	(void)state;
	for (unsigned int i = 0; i < sizeof(flood); i++)
		flood[i] = i % 2 ? 'X' : '\r';
	term_focus(a);
	clear_screen();
	for (unsigned int i = 0; i < 1000; i++) {
		size_t before = screen_len;

		fifo_room = 100000;
		if (i % 3 == 0)
			(void)term_stream_write(a, flood, sizeof(flood));
		else if (i % 3 == 1)
			tick();
		else
			uart_fn();
		assert_in_range(screen_len - before, 0, 128);
	}
	assert_true(screen_len > 10000);
}

/* What @text brings to the wire comes later: its guest has no focus, and its line is held back. */
static void takes_a_little_at_a_time(const char *text, size_t most)
{
	size_t at = 0;

	terminal_teardown(NULL);
	terminal_setup(NULL);
	fifo_room = 0;
	fill(a, "a line that fills the wire\n", &at);
	at = 0;
	fill(b, text, &at);
	for (size_t before = 0, calls = 0; before < 1023; calls++) {
		assert_true(calls < 1000);
		before = term_stream_room(b);
		fifo_room = 16;
		uart_fn();
		assert_in_range(term_stream_room(b) - before, 0, most);
	}
}

static void no_call_takes_more_than_a_little_of_a_line_that_is_held_back(void **state)
{
	(void)state;
	takes_a_little_at_a_time("plain text", 160);
	takes_a_little_at_a_time("\x1b[31m\x1b[32m", 16);
}

static void the_transmit_interrupt_is_on_only_while_needed(void **state)
{
	(void)state;
	say(a, "short\n");
	assert_false(tx_irq);
	fifo_room = 4;
	put(a, "longer than that\n", 17);
	assert_true(tx_irq);
	transmit_all();
	assert_false(tx_irq);
	SCREEN("[a] short\r\n[a] longer than that\r\n");
}

static void a_dead_wire_does_not_stop_the_guests_for_ever(void **state)
{
	char line[1025];
	uint64_t began;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[1024] = '\n';
	uart_dead = true;
	began = now;
	for (unsigned int i = 0; i < 100; i++)
		put(a, line, sizeof(line));
	/* Ten seconds once, not for every queue full; and without polling. */
	assert_in_range(now - began, 10000000000, 12000000000);
	assert_false(work_run_one() && room_a == 0);
	uart_dead = false;
	transmit_all();
	clear_screen();
	fake_log_reset();
	while (work_run_one())
		;
	assert_non_null(strstr(fake_log_last, "bytes of its output were not shown"));
	say(a, "\nalive\n");
	assert_non_null(strstr(screen, "[a] alive\r\n"));
}

static void power_off_waits_a_second_for_a_dead_wire(void **state)
{
	uint64_t began;

	(void)state;
	uart_dead = true;
	put(a, "last words\n", 11);
	began = now;
	term_drain();
	assert_in_range(now - began, 1000000000, 1100000000);
}

static void before_guests_run_all_goes_out_at_once(void **state)
{
	(void)state;
	term_init(TERM_ASK_NEVER);
	for (unsigned int i = 0; i < 1000; i++)
		term_log("a line of the boot, of which there are many\n", 44);
	term_drain();
	assert_null(strstr(screen, "lost"));
	assert_int_equal(screen_len, 1000 * (44 + 12 + 1));
}

static void lines_of_hartvisors_are_counted_when_the_ring_is_full(void **state)
{
	unsigned int lost;
	const char *p;

	(void)state;
	uart_dead = true;
	for (unsigned int i = 0; i < 1000; i++)
		term_log("a line while guests run\n", 24);
	uart_dead = false;
	transmit_all();
	term_log("and one more\n", 13);
	transmit_all();
	p = strstr(screen, " lines are lost here\r\n[hartvisor] and one more\r\n");
	assert_non_null(p);
	while (*p != ']')
		p--;
	assert_int_equal(sscanf(p, "] %u", &lost), 1);
	assert_in_range(lost, 500, 999);
	assert_int_equal((screen_len - strlen(p) - 10) / 37, 1000 - lost);
}

static void without_interrupts_a_timer_does_it(void **state)
{
	(void)state;
	have_irq = false;
	start_again(false);
	assert_non_null(polling);
	say(a, "a line that is longer than the fifo\n");
	SCREEN("[a] a line that is longer than the fifo\r\n");
	term_focus(b);
	typed = "key";
	tick();
	assert_string_equal(read_all(b), "key");
}

static void the_firmware_serves_when_there_is_no_uart(void **state)
{
	(void)state;
	have_uart = false;
	start_again(false);
	say(a, "by the debug console\n");
	SCREEN("[a] by the debug console\r\n");
	term_focus(a);
	typed = "pq";
	tick();
	assert_string_equal(read_all(a), "pq");
	assert_int_equal(legacy_calls, 0);
	clear_screen();
	have_dbcn = false;
	term_log("old firmware\n", 13);
	transmit_all();
	SCREEN("[hartvisor] old firmware\r\n");
	typed = "r";
	tick();
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
		for (const char *p = "the quick brown fox\n"; *p;
		     p += term_stream_write(s, p, strlen(p)))
			uart_fn();
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
	transmit_all();
	for (const char *p = screen; *p; p += 25, n++) {
		assert_true(p[1] == 'a' || p[1] == 'b');
		assert_memory_equal(p + 2, "] the quick brown fox\r\n", 23);
	}
	assert_int_equal(n, 4000);
}

static void every_byte_that_old_firmware_has_is_typed(void **state)
{
	(void)state;
	have_uart = have_dbcn = false;
	start_again(false);
	term_focus(a);
	term_log("legacy\n", 7); /* it finds out that there is no DBCN */
	transmit_all();
	typed = "\xff\xfd\xfcz";
	for (unsigned int i = 0; i < 5; i++)
		tick();
	{
		char buf[8];

		assert_int_equal(term_stream_read(a, buf, sizeof(buf)), 3);
		assert_memory_equal(buf, "\xff\0z", 3);
	}
}

static void without_an_interrupt_no_hart_waits_for_the_wire(void **state)
{
	static const char text[200] = { [0 ... 198] = 'x', '\n' };

	(void)state;
	have_irq = false;
	start_again(false);
	term_focus(a);
	clear_screen();
	fifo_room = 0;
	(void)term_stream_write(a, text, sizeof(text));
	assert_in_range(screen_len, 0, 40);
	transmit_all();
	assert_in_range(screen_len, 200, 300);
}

static void lines_lost_before_a_new_terminal_are_not_told_to_it(void **state)
{
	(void)state;
	fifo_room = 0;
	uart_dead = true;
	for (unsigned int i = 0; i < 2000; i++)
		term_log("a line that fills the ring, and then is lost\n", 45);
	uart_dead = false;
	start_again(false);
	term_log("new\n", 4);
	transmit_all();
	assert_null(strstr(screen, "lost here"));
	assert_non_null(strstr(screen, "[hartvisor] new\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(nothing_is_lost_when_the_line_is_slow),
		TERMINAL_TEST(a_flood_gets_its_half_of_the_wire),
		TERMINAL_TEST(a_guest_that_is_not_heard_out_is_told_of_room),
		TERMINAL_TEST(no_call_sends_more_than_a_little),
		TERMINAL_TEST(no_call_takes_more_than_a_little_of_a_line_that_is_held_back),
		TERMINAL_TEST(the_transmit_interrupt_is_on_only_while_needed),
		TERMINAL_TEST(a_dead_wire_does_not_stop_the_guests_for_ever),
		TERMINAL_TEST(power_off_waits_a_second_for_a_dead_wire),
		TERMINAL_TEST(before_guests_run_all_goes_out_at_once),
		TERMINAL_TEST(lines_of_hartvisors_are_counted_when_the_ring_is_full),
		TERMINAL_TEST(without_interrupts_a_timer_does_it),
		TERMINAL_TEST(the_firmware_serves_when_there_is_no_uart),
		TERMINAL_TEST(a_long_answer_waits_for_the_wire),
		TERMINAL_TEST(two_harts_write_whole_lines),
		TERMINAL_TEST(every_byte_that_old_firmware_has_is_typed),
		TERMINAL_TEST(without_an_interrupt_no_hart_waits_for_the_wire),
		TERMINAL_TEST(lines_lost_before_a_new_terminal_are_not_told_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
