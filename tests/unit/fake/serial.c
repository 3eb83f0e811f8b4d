/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/serial.h"
#include "term/term.h"
#include "vcpu/console.h"

struct vuart *uart;
bool line;
unsigned int line_changes;
char out[256];
size_t out_len;
size_t out_room;
bool wants_room;
char in[256];
size_t in_len;
bool found_empty;

static void set_level(struct virqchip *c, unsigned int source, bool high)
{
	(void)c;
	assert_int_equal(source, VUART_IRQ);
	assert_int_not_equal(high, line);
	line = high;
	line_changes++;
}

struct virqchip chip = { .ops = &(const struct virqchip_ops){ .set_level = set_level } };

size_t term_stream_room(const struct term_stream *s)
{
	(void)s;
	return out_room;
}

bool term_stream_want_room(struct term_stream *s, size_t len)
{
	(void)s;
	wants_room = out_room < len;
	return !wants_room;
}

size_t vcpu_console_write(struct vcpu *v, const char *buf, size_t len)
{
	(void)v;
	if (out_room == 0)
		return 0;
	assert_true(out_len + len < sizeof(out));
	memcpy(out + out_len, buf, len);
	out_len += len;
	out_room -= len;
	return len;
}

size_t term_stream_read_break(struct term_stream *s, char *buf, size_t len, bool *is_break)
{
	const char *at = memchr(in, BREAK, in_len);
	size_t n = at ? (size_t)(at - in) + 1 : in_len;

	(void)s;
	*is_break = at && n <= len;
	n = len < n ? len : n;
	if (*is_break)
		in[n - 1] = 0;
	memcpy(buf, in, n);
	memmove(in, in + n, in_len - n);
	in_len -= n;
	if (in_len == 0)
		found_empty = true;
	return n;
}

void type(const char *text)
{
	memcpy(in + in_len, text, strlen(text));
	in_len += strlen(text);
	if (!found_empty)
		return;
	found_empty = false;
	vuart_input_ready(uart);
}

uint8_t rd(unsigned int reg)
{
	return (uint8_t)guest_read(VUART_BASE + reg, 1);
}

void wr(unsigned int reg, uint8_t val)
{
	guest_write(VUART_BASE + reg, 1, val);
}

int setup(void **state)
{
	(void)state;
	line = false;
	line_changes = 0;
	out_len = 0;
	out_room = 1000;
	wants_room = false;
	in_len = 0;
	found_empty = true;
	fake_vm_setup(1);
	fake_vm.irqchip = &chip;
	uart = vuart_new(&fake_vm);
	return uart ? 0 : -1;
}

int teardown(void **state)
{
	(void)state;
	fake_vm_teardown();
	return 0;
}
