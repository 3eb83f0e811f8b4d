/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/mmu.h"
#include "arch/sbi_call.h"
#include "lib/work.h"
#include "platform/driver.h"

char screen[SCREEN_SIZE];
size_t screen_len;
const char *typed = "";

bool have_uart, have_irq, uart_dead, tx_irq, rx_irq;
unsigned int fifo_room; /* 0: full until the next interrupt or look */
uint64_t uart_ns;
static unsigned int uart_refusals;
void (*uart_fn)(void);

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

unsigned int host_uart_write(const char *buf, unsigned int len)
{
	unsigned int n;

	now += uart_ns;
	if (uart_dead)
		return 0;
	if (!fifo_room) {
		/* The wire needs a while; a poller sees room then. */
		if (++uart_refusals % 3 == 0)
			fifo_room = 16;
		return 0;
	}
	for (n = 0; n < len && fifo_room; n++, fifo_room--)
		screen_put(buf[n]);
	return n;
}

int host_uart_getc(void)
{
	getc_calls++;
	if (*typed == '\xfe') {
		typed++;
		return HOST_UART_BREAK;
	}
	return *typed ? (unsigned char)*typed++ : -1;
}

bool host_uart_interrupts(void (*fn)(void))
{
	uart_fn = fn;
	return have_irq;
}

void host_uart_rx_interrupt(bool on)
{
	rx_irq = on;
	rx_irq_calls++;
}

void host_uart_tx_interrupt(bool on)
{
	tx_irq = on;
}

static void run_timer(void)
{
	struct timer *t = polling;

	if (!t)
		return;
	polling = NULL;
	if (now < t->deadline)
		now = t->deadline;
	t->fn(t);
}

void transmit_all(void)
{
	unsigned int steps = 0; /* that bring nothing */

	while (steps < 100 && (tx_irq || polling) && !(uart_dead && steps)) {
		size_t before = screen_len;

		fifo_room = 16;
		if (tx_irq)
			uart_fn();
		else
			run_timer();
		steps = screen_len == before ? steps + 1 : 0;
	}
}

void tick(void)
{
	run_timer();
}

hpa_t image_hpa(const void *sym)
{
	return hpa((uint64_t)(uintptr_t)sym);
}

bool have_dbcn;
unsigned int legacy_calls, rx_irq_calls, getc_calls;
int64_t dbcn_error;
uint64_t dbcn_reads;
static uint64_t
	odd_arguments; /* of calls that take none; the term lock is held, so teardown says it */

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t a0, uint64_t a1, uint64_t a2,
				  uint64_t a3, uint64_t a4, uint64_t a5)
{
	struct sbi_call_ret r = { SBI_ERR_NOT_SUPPORTED, 0 };

	odd_arguments |= a3 | a4 | a5;
	if (eid == SBI_EXT_LEGACY_CONSOLE_PUTCHAR) {
		odd_arguments |= fid | a1 | a2;
		legacy_calls++;
		screen_put((char)a0);
	} else if (eid == SBI_EXT_LEGACY_CONSOLE_GETCHAR) {
		odd_arguments |= fid | a0 | a1 | a2;
		r.error = *typed ? (unsigned char)*typed++ : -1;
		r.error = r.error == 0xfd ? 0 : r.error == 0xfc ? 0x100 : r.error;
	} else if (eid == SBI_EXT_DBCN && have_dbcn) {
		char *p = (char *)(uintptr_t)a1;

		assert_int_equal(a2, 0);
		r.error = dbcn_error;
		if (dbcn_error != SBI_SUCCESS)
			return r;
		if (fid == SBI_DBCN_CONSOLE_WRITE) {
			/* Partial writes are allowed: five bytes at a time. */
			for (; r.value < a0 && r.value < 5; r.value++)
				screen_put(p[r.value]);
		} else if (fid == SBI_DBCN_CONSOLE_READ) {
			for (; r.value < a0 && *typed; r.value++)
				p[r.value] = *typed++;
			if (dbcn_reads)
				r.value = dbcn_reads;
		}
	}
	return r;
}

uint64_t now;
uint64_t ns_per_tick = 1;
struct timer *polling;

uint64_t timer_now(void)
{
	return now += 1000;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns / ns_per_tick;
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

bool no_memory;

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	(void)a, (void)align;
	return no_memory ? NULL : calloc(1, size);
}

struct term_stream *a, *b;
unsigned int ready_a, ready_b;
unsigned int room_a, room_b;

static void input_ready(void *arg)
{
	/* Without the lock: reading takes it. */
	(void)term_stream_input_pending(arg == &ready_a ? a : b);
	if (a)
		(void)term_stream_read(a, NULL, 0);
	++*(unsigned int *)arg;
}

static void output_ready(void *arg)
{
	++*(arg == &ready_a ? &room_a : &room_b);
}

const char *absent_why;
bool absent_keeps;

static const char *absent(void *arg, bool *keeps)
{
	(void)arg;
	*keeps = absent_keeps;
	return absent_why;
}

static const struct term_owner owner = {
	.input_ready = input_ready,
	.output_ready = output_ready,
	.absent = absent,
};

void clear_screen(void)
{
	transmit_all();
	screen_len = 0;
	screen[0] = 0;
}

static void start(bool colour)
{
	term_init(colour ? TERM_ASK_NOW : TERM_ASK_NEVER);
	a = term_stream_new(NULL, "a", &owner, &ready_a);
	b = term_stream_new(NULL, "b", &owner, &ready_b);
	term_guests_run();
	clear_screen();
}

void start_alone(bool prefix)
{
	term_init(TERM_ASK_NEVER);
	free(a);
	free(b);
	term_prefix(prefix);
	a = term_stream_new(NULL, "a", &owner, &ready_a);
	b = NULL;
	term_guests_run();
	clear_screen();
}

int terminal_setup(void **state)
{
	(void)state;
	have_uart = have_irq = have_dbcn = true;
	uart_dead = tx_irq = false;
	uart_ns = 0;
	ns_per_tick = 1;
	no_memory = false;
	rx_irq = true;
	absent_why = NULL;
	absent_keeps = true;
	fifo_room = 16;
	ready_a = ready_b = room_a = room_b = 0;
	legacy_calls = 0;
	dbcn_error = SBI_SUCCESS;
	dbcn_reads = 0;
	odd_arguments = 0;
	polling = NULL;
	typed = "";
	start(false);
	return 0;
}

int terminal_teardown(void **state)
{
	(void)state;
	uart_dead = false;
	uart_ns = 0;
	ns_per_tick = 1;
	term_focus(NULL);
	term_on_escape(NULL, NULL);
	transmit_all();
	while (work_run_one())
		;
	free(a);
	free(b);
	a = b = NULL;
	assert_int_equal(odd_arguments, 0);
	return 0;
}

void put(struct term_stream *s, const char *text, size_t len)
{
	size_t n;

	for (; len; text += n, len -= n) {
		n = term_stream_write(s, text, len);
		if (n == 0) { /* as its owner, which sleeps until there is room */
			transmit_all();
			now += 1000000;
		}
	}
}

void say(struct term_stream *s, const char *text)
{
	put(s, text, strlen(text));
	transmit_all();
}

void focus(struct term_stream *s)
{
	term_focus(s);
	clear_screen();
}

void type(const char *keys)
{
	typed = keys;
	for (size_t left = 0; left != strlen(typed);) {
		left = strlen(typed);
		uart_fn();
	}
	if (*typed == '\0')
		typed = ""; /* @keys may be gone when the next one looks */
	transmit_all();
}

const char *read_all(struct term_stream *s)
{
	static char buf[1024];
	size_t n = term_stream_read(s, buf, sizeof(buf) - 1);

	buf[n] = 0;
	return buf;
}

void start_again(bool colour)
{
	free(a);
	free(b);
	start(colour);
}
