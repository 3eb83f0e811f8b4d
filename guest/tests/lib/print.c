// SPDX-License-Identifier: BSD-2-Clause

#include "print.h"
#include "sbi.h"
#include "string.h"
#include "uart.h"

struct out {
	char *buf;
	size_t size;
	size_t len;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len++] = c;
}

static void put_number(struct out *o, unsigned long v, unsigned int base, bool negative, char pad,
		       int width)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (negative)
		put(o, '-');
	for (int i = n; i < width; i++)
		put(o, pad);
	while (n)
		put(o, digits[--n]);
}

size_t vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };

	for (; *fmt; fmt++) {
		char pad = ' ';
		int width = 0;
		bool is_long = false;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		if (*++fmt == '0')
			pad = *fmt++;
		while (*fmt >= '0' && *fmt <= '9')
			width = width * 10 + *fmt++ - '0';
		for (; *fmt == 'l' || *fmt == 'z'; fmt++)
			is_long = true;
		switch (*fmt) {
		case 's': {
			const char *s = va_arg(ap, const char *);

			while (*s)
				put(&o, *s++);
			break;
		}
		case 'c':
			put(&o, (char)va_arg(ap, int));
			break;
		case 'd': {
			long v = is_long ? va_arg(ap, long) : va_arg(ap, int);

			put_number(&o, v < 0 ? 0UL - (unsigned long)v : (unsigned long)v, 10, v < 0,
				   pad, width);
			break;
		}
		case 'u':
			put_number(&o,
				   is_long ? va_arg(ap, unsigned long) : va_arg(ap, unsigned int),
				   10, false, pad, width);
			break;
		case 'x':
			put_number(&o,
				   is_long ? va_arg(ap, unsigned long) : va_arg(ap, unsigned int),
				   16, false, pad, width);
			break;
		case '\0':
			fmt--;
			break;
		default:
			put(&o, *fmt);
			break;
		}
	}
	if (size)
		buf[o.len] = '\0';
	return o.len;
}

static void write_text(const char *text, size_t len)
{
	static int have_dbcn = -1;

	if (have_dbcn < 0)
		have_dbcn = sbi_probe(SBI_EXT_DBCN) != 0;
	while (len) {
		size_t n = 0;

		if (have_dbcn) {
			struct sbiret r = sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, len,
						   (unsigned long)text, 0, 0, 0);

			if (r.error)
				have_dbcn = 0;
			else
				n = (size_t)r.value;
		} else {
			uart_putc(*text);
			n = 1;
		}
		text += n;
		len -= n;
	}
}

void print(const char *fmt, ...)
{
	char line[320];
	va_list ap;

	va_start(ap, fmt);
	write_text(line, vformat(line, sizeof(line), fmt, ap));
	va_end(ap);
}
