// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/term/term.c hyp/term/term_wire.c hyp/term/term_input.c hyp/term/term_sbi.c hyp/lib/work.c
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/mmu.h"
#include "arch/sbi_call.h"
#include "arch/timer.h"
#include "platform/driver.h"
#include "term/term.h"

/* --- the machine: a UART with a FIFO, or a firmware's console; time passes when somebody looks ----- */

static char screen[1 << 20];
static size_t screen_len;
static const char *typed = "";

static bool have_uart, have_irq, uart_dead, tx_irq;
static unsigned int fifo_room; /* 0: full until the next interrupt or look */
static unsigned int uart_refusals;
static void (*uart_fn)(void);

static void screen_put(char c)
{
	assert_true(screen_len < sizeof(screen) - 1);
	screen[screen_len++] = c;
	screen[screen_len] = 0;
}

bool host_uart_present(void)
{
	return have_uart;
}

bool host_uart_putc(char c)
{
	if (uart_dead)
		return false;
	if (!fifo_room) {
		/* The wire needs a while; a poller sees room then. */
		if (++uart_refusals % 3 == 0)
			fifo_room = 16;
		return false;
	}
	fifo_room--;
	screen_put(c);
	return true;
}

int host_uart_getc(void)
{
	return *typed ? (unsigned char)*typed++ : -1;
}

bool host_uart_interrupts(void (*fn)(void))
{
	uart_fn = fn;
	return have_irq;
}

void host_uart_tx_interrupt(bool on)
{
	tx_irq = on;
}

static void transmit_all(void)
{
	while (tx_irq) {
		fifo_room = 16;
		uart_fn();
	}
}

hpa_t image_hpa(const void *sym)
{
	return hpa((uint64_t)(uintptr_t)sym);
}

static bool have_dbcn;
static unsigned int legacy_calls;

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t a0, uint64_t a1, uint64_t a2,
				  uint64_t a3, uint64_t a4, uint64_t a5)
{
	struct sbi_call_ret r = { SBI_ERR_NOT_SUPPORTED, 0 };

	(void)a3, (void)a4, (void)a5;
	if (eid == SBI_EXT_LEGACY_CONSOLE_PUTCHAR) {
		legacy_calls++;
		screen_put((char)a0);
	} else if (eid == SBI_EXT_LEGACY_CONSOLE_GETCHAR) {
		r.error = *typed ? (unsigned char)*typed++ : -1;
	} else if (eid == SBI_EXT_DBCN && have_dbcn) {
		char *p = (char *)(uintptr_t)a1;

		assert_int_equal(a2, 0);
		r.error = SBI_SUCCESS;
		if (fid == SBI_DBCN_CONSOLE_WRITE) {
			/* Partial writes are allowed: five bytes at a time. */
			for (; r.value < a0 && r.value < 5; r.value++)
				screen_put(p[r.value]);
		} else if (fid == SBI_DBCN_CONSOLE_READ) {
			for (; r.value < a0 && *typed; r.value++)
				p[r.value] = *typed++;
		}
	}
	return r;
}

static uint64_t now;
static struct timer *polling;

uint64_t timer_now(void)
{
	return now += 1000;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .fn = fn };
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	t->deadline = deadline;
	polling = t;
}

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	(void)a, (void)align;
	return calloc(1, size);
}

/* --- fixtures ------------------------------------------------------------------------------------- */

static struct term_stream *a, *b;
static unsigned int ready_a, ready_b;

static void input_ready(void *arg)
{
	/* Without the lock: reading takes it. */
	(void)term_stream_input_pending(arg == &ready_a ? a : b);
	if (a)
		(void)term_stream_read(a, NULL, 0);
	++*(unsigned int *)arg;
}

static void clear_screen(void)
{
	transmit_all();
	screen_len = 0;
	screen[0] = 0;
}

static void start(bool colour)
{
	term_init(colour);
	a = term_stream_new(NULL, "a", input_ready, &ready_a);
	b = term_stream_new(NULL, "b", input_ready, &ready_b);
	clear_screen();
}

static int setup(void **state)
{
	(void)state;
	have_uart = have_irq = have_dbcn = true;
	uart_dead = tx_irq = false;
	fifo_room = 16;
	ready_a = ready_b = 0;
	legacy_calls = 0;
	polling = NULL;
	typed = "";
	start(false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	uart_dead = false;
	term_focus(NULL);
	term_on_escape(NULL);
	transmit_all();
	free(a);
	free(b);
	a = b = NULL;
	return 0;
}

static void say(struct term_stream *s, const char *text)
{
	term_stream_write(s, text, strlen(text));
	transmit_all();
}

static void focus(struct term_stream *s)
{
	term_focus(s);
	clear_screen();
}

static void type(const char *keys)
{
	typed = keys;
	uart_fn();
	transmit_all();
}

static const char *read_all(struct term_stream *s)
{
	static char buf[1024];
	size_t n = term_stream_read(s, buf, sizeof(buf) - 1);

	buf[n] = 0;
	return buf;
}

#define SCREEN(text) assert_string_equal(screen, text)

/* --- lines ---------------------------------------------------------------------------------------- */

static void lines_of_two_guests_never_mix(void **state)
{
	(void)state;
	say(a, "one ");
	say(b, "two ");
	say(a, "three\n");
	say(b, "four\n");
	SCREEN("[a] one three\r\n[b] two four\r\n");
}

static void the_focused_guest_appears_at_once(void **state)
{
	(void)state;
	focus(a);
	say(a, "~");
	SCREEN("[a] ~");
	say(a, " # ");
	SCREEN("[a] ~ # ");
	say(a, "ls\n");
	SCREEN("[a] ~ # ls\r\n");
}

static void a_prompt_is_repeated_after_another_guests_line(void **state)
{
	(void)state;
	focus(a);
	say(a, "~ # l");
	say(b, "hello\n");
	SCREEN("[a] ~ # l\r\n[b] hello\r\n[a] ~ # l");
	say(a, "s\r\n");
	SCREEN("[a] ~ # l\r\n[b] hello\r\n[a] ~ # ls\r\n");
}

static void a_prompt_is_repeated_once_after_several_lines(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	say(b, "1\n2\n3\n");
	SCREEN("[a] $ \r\n[b] 1\r\n[b] 2\r\n[b] 3\r\n[a] $ ");
}

static void a_log_line_does_not_cut_a_prompt(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	term_log("vm b: off\n", 10);
	transmit_all();
	SCREEN("[a] $ \r\n[hartvisor] vm b: off\r\n[a] $ ");
}

static void without_guests_log_lines_go_straight_out(void **state)
{
	(void)state;
	term_log("one\n", 4);
	term_log("two\n", 4);
	transmit_all();
	SCREEN("[hartvisor] one\r\n[hartvisor] two\r\n");
}

static void an_empty_line_is_a_line(void **state)
{
	(void)state;
	focus(a);
	say(a, "\n\r\n");
	say(b, "\n");
	SCREEN("[a] \r\n[a] \r\n[b] \r\n");
}

static void an_unfocused_prompt_appears_with_the_focus(void **state)
{
	(void)state;
	focus(a);
	say(b, "login: ");
	SCREEN("");
	term_focus(b);
	transmit_all();
	SCREEN("[hartvisor] console: b (^] h for help)\r\n[b] login: ");
	say(b, "x");
	assert_non_null(strstr(screen, "[b] login: x"));
}

static void the_prompt_left_behind_comes_back_with_the_focus(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	focus(b);
	say(a, "still here");
	SCREEN("");
	term_focus(a);
	transmit_all();
	assert_non_null(strstr(screen, "\r\n[a] $ still here"));
}

static void a_held_line_is_cut_at_256_bytes_and_nothing_is_lost(void **state)
{
	char line[301], want[400];

	(void)state;
	memset(line, 'x', 300);
	line[300] = 0;
	say(b, line);
	snprintf(want, sizeof(want), "[b] %.256s\r\n", line);
	SCREEN(want);
	clear_screen();
	say(b, "!\n");
	snprintf(want, sizeof(want), "[b] %.44s!\r\n", line);
	SCREEN(want);
}

static void a_long_focused_line_is_shown_whole(void **state)
{
	char line[1001];

	(void)state;
	focus(a);
	memset(line, 'y', 1000);
	line[1000] = 0;
	say(a, line);
	assert_int_equal(screen_len, 4 + 1000);
	say(b, "z\n");
	assert_non_null(strstr(screen, "y\r\n[b] z\r\n[a] y"));
}

static void a_redrawn_line_keeps_its_prefix(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ abc");
	say(a, "\r$ x\x1b[J");
	SCREEN("[a] $ abc\r[a] $ x\x1b[J");
	clear_screen();
	say(b, "10%\r20%\r\n");
	assert_memory_equal(screen, "\r\n[b] 10%\r[b] 20%\r\n[a] $ abc\r[a] $ x\x1b[J", screen_len);
}

static void a_return_before_the_newline_may_come_apart(void **state)
{
	(void)state;
	focus(a);
	say(a, "one\r");
	SCREEN("[a] one");
	say(b, "two\n");
	say(a, "\n");
	SCREEN("[a] one\r\n[b] two\r\n[a] one\r\n");
	clear_screen();
	say(a, "x\n\ry\n");
	SCREEN("[a] x\r\n[a] y\r\n");
}

static void escape_sequences_and_backspaces_pass_untouched(void **state)
{
	(void)state;
	focus(a);
	say(a, "\x1b[6n");
	SCREEN("[a] \x1b[6n");
	say(a, "ab\b \b\t\x07");
	SCREEN("[a] \x1b[6nab\b \b\t\x07");
	say(b, "\x1b[1;31mred\x1b[0m\n");
	SCREEN("[a] \x1b[6nab\b \b\t\x07\r\n[b] \x1b[1;31mred\x1b[0m\r\n[a] \x1b[6nab\b \b\t\x07");
}

static void start_again(bool colour)
{
	free(a);
	free(b);
	start(colour);
}

static void colours_come_when_a_terminal_answers_and_touch_the_prefix_only(void **state)
{
	(void)state;
	start_again(true);
	focus(b);
	say(a, "text\n");
	SCREEN("[a] text\r\n");
	clear_screen();
	type("\x1b[");
	type("0nx");
	say(a, "text\n");
	assert_memory_equal(screen, "\x1b[0;3", 5);
	assert_non_null(strstr(screen, "m[a]\x1b[0m text\r\n"));
	assert_string_equal(read_all(b), "x");
}

static void the_terminal_is_asked_only_if_colours_are_welcome(void **state)
{
	(void)state;
	term_init(false);
	transmit_all();
	SCREEN("");
	term_init(true);
	transmit_all();
	SCREEN("\x1b[5n");
}

static void what_only_begins_like_an_answer_was_typed(void **state)
{
	(void)state;
	start_again(true);
	focus(a);
	type("\x1b[A");
	assert_string_equal(read_all(a), "\x1b[A");
	type("\x1b[0n");
	assert_string_equal(read_all(a), "\x1b[0n");
	say(a, "text\n");
	SCREEN("[a] text\r\n");
}

static void a_flush_ends_what_a_dead_guest_left_open(void **state)
{
	(void)state;
	say(b, "Power do");
	term_stream_flush(b);
	focus(a);
	term_stream_flush(a);
	say(a, "$ ");
	term_stream_flush(a);
	say(b, "x\n");
	SCREEN("[a] $ \r\n[b] x\r\n");
}

static void a_flushed_unfocused_line_is_printed(void **state)
{
	(void)state;
	say(b, "Power do");
	SCREEN("");
	term_stream_flush(b);
	transmit_all();
	SCREEN("[b] Power do\r\n");
}

static void menu_lines_have_no_prefix_and_hold_the_prompt_back(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	term_hold(true);
	term_printf("%d VMs", 2);
	term_printf("end");
	term_hold(false);
	transmit_all();
	SCREEN("[a] $ \r\n2 VMs\r\nend\r\n[a] $ ");
}

/* --- input ---------------------------------------------------------------------------------------- */

static void what_is_typed_goes_to_the_focus_alone(void **state)
{
	(void)state;
	focus(b);
	type("ls\r");
	assert_int_equal(ready_b, 1);
	assert_int_equal(ready_a, 0);
	assert_true(term_stream_input_pending(b));
	assert_string_equal(read_all(b), "ls\r");
	assert_string_equal(read_all(a), "");
	assert_false(term_stream_input_pending(b));
}

static void a_reader_is_told_again_after_it_found_nothing(void **state)
{
	char c;

	(void)state;
	focus(a);
	type("xy");
	type("z");
	assert_int_equal(ready_a, 1);
	assert_int_equal(term_stream_read(a, &c, 1), 1);
	type("1");
	assert_int_equal(ready_a, 1);
	assert_string_equal(read_all(a), "yz1");
	type("2");
	assert_int_equal(ready_a, 2);
}

static void without_focus_input_goes_nowhere(void **state)
{
	(void)state;
	type("lost");
	focus(a);
	assert_string_equal(read_all(a), "");
	assert_int_equal(ready_a, 0);
}

static void too_much_typing_loses_the_newest(void **state)
{
	static char keys[301];

	(void)state;
	focus(a);
	for (unsigned int i = 0; i < 300; i++)
		keys[i] = (char)('a' + i % 26);
	keys[300] = 0;
	type(keys);
	uart_fn(); /* one interrupt takes 256 */
	keys[256] = 0;
	assert_string_equal(read_all(a), keys);
}

static unsigned int menu_runs;

static void menu_run(struct work *w)
{
	(void)w;
	menu_runs++;
}

static void escape_is_never_seen_by_the_guest(void **state)
{
	static struct work menu;

	(void)state;
	work_init(&menu, menu_run);
	menu_runs = 0;
	term_on_escape(&menu);
	focus(a);
	assert_int_equal(term_menu_key(), -1);
	type("a\x1dlb");
	type("\x1d");
	assert_int_equal(term_menu_key(), 'l');
	type("n");
	assert_int_equal(term_menu_key(), 'n');
	assert_int_equal(term_menu_key(), -1);
	assert_string_equal(read_all(a), "ab");
	assert_true(work_run_one());
	assert_int_equal(menu_runs, 1);
}

static void escape_twice_sends_one(void **state)
{
	(void)state;
	focus(a);
	type("\x1d\x1d"
	     "x");
	assert_string_equal(read_all(a), "\x1d"
					 "x");
	assert_int_equal(term_menu_key(), -1);
}

static void escape_works_before_any_focus(void **state)
{
	struct work menu;

	(void)state;
	work_init(&menu, menu_run);
	term_on_escape(&menu);
	type("\x1dq");
	assert_int_equal(term_menu_key(), 'q');
	assert_true(work_run_one());
}

/* --- the wire ------------------------------------------------------------------------------------- */

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(lines_of_two_guests_never_mix),
		TEST(the_focused_guest_appears_at_once),
		TEST(a_prompt_is_repeated_after_another_guests_line),
		TEST(a_prompt_is_repeated_once_after_several_lines),
		TEST(a_log_line_does_not_cut_a_prompt),
		TEST(without_guests_log_lines_go_straight_out),
		TEST(an_empty_line_is_a_line),
		TEST(an_unfocused_prompt_appears_with_the_focus),
		TEST(the_prompt_left_behind_comes_back_with_the_focus),
		TEST(a_held_line_is_cut_at_256_bytes_and_nothing_is_lost),
		TEST(a_long_focused_line_is_shown_whole),
		TEST(a_redrawn_line_keeps_its_prefix),
		TEST(a_return_before_the_newline_may_come_apart),
		TEST(escape_sequences_and_backspaces_pass_untouched),
		TEST(colours_come_when_a_terminal_answers_and_touch_the_prefix_only),
		TEST(the_terminal_is_asked_only_if_colours_are_welcome),
		TEST(what_only_begins_like_an_answer_was_typed),
		TEST(a_flush_ends_what_a_dead_guest_left_open),
		TEST(a_flushed_unfocused_line_is_printed),
		TEST(menu_lines_have_no_prefix_and_hold_the_prompt_back),
		TEST(what_is_typed_goes_to_the_focus_alone),
		TEST(a_reader_is_told_again_after_it_found_nothing),
		TEST(without_focus_input_goes_nowhere),
		TEST(too_much_typing_loses_the_newest),
		TEST(escape_is_never_seen_by_the_guest),
		TEST(escape_twice_sends_one),
		TEST(escape_works_before_any_focus),
		TEST(nothing_is_lost_when_the_ring_is_full),
		TEST(the_transmit_interrupt_is_on_only_while_needed),
		TEST(a_dead_wire_does_not_stop_the_guests),
		TEST(without_interrupts_output_is_immediate_and_input_polled),
		TEST(the_firmware_serves_when_there_is_no_uart),
		TEST(two_harts_write_whole_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
