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
#include "platform/driver.h"

char screen[SCREEN_SIZE];
size_t screen_len;
const char *typed = "";

bool have_uart, have_irq, uart_dead, tx_irq;
unsigned int fifo_room; /* 0: full until the next interrupt or look */
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

void transmit_all(void)
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

bool have_dbcn;
unsigned int legacy_calls;

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

uint64_t now;
struct timer *polling;

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

struct term_stream *a, *b;
unsigned int ready_a, ready_b;

static void input_ready(void *arg)
{
	/* Without the lock: reading takes it. */
	(void)term_stream_input_pending(arg == &ready_a ? a : b);
	if (a)
		(void)term_stream_read(a, NULL, 0);
	++*(unsigned int *)arg;
}

void clear_screen(void)
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

int terminal_setup(void **state)
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

int terminal_teardown(void **state)
{
	(void)state;
	uart_dead = false;
	term_focus(NULL);
	term_on_escape(NULL, NULL);
	transmit_all();
	free(a);
	free(b);
	a = b = NULL;
	return 0;
}

void say(struct term_stream *s, const char *text)
{
	term_stream_write(s, text, strlen(text));
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
	uart_fn();
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
