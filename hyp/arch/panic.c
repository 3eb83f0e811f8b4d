// SPDX-License-Identifier: BSD-2-Clause
/*
 * The last words. Printed through the firmware, byte by byte, because no lock or driver of ours can be
 * trusted any more.
 */
#include <stdarg.h>
#include <stdio.h>

#include "arch/csr.h"
#include "arch/pcpu.h"
#include "arch/sbi_call.h"
#include "arch/symbols.h"
#include "arch/trap.h"
#include "lib/atomic.h"

extern char __image_start[], __text_end[];
extern const uint8_t __symbols_start[], __symbols_end[];

static void (*panic_hook)(void);
static uint32_t panicking; /* 1 + index of the hart that panicked first */

void panic_set_hook(void (*fn)(void))
{
	panic_hook = fn;
}

static void put_char(char c)
{
	(void)sbi_call_host(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, (uint8_t)c, 0, 0, 0, 0, 0);
}

/* Lines of printable ASCII. A string that is damaged, or was a guest's, must not drive the terminal. */
static void put(const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			put_char('\r');
		put_char(*s == '\n' || (*s >= ' ' && *s <= '~') ? *s : '?');
	}
}

void panic_print(const char *fmt, ...)
{
	char buf[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	put(buf);
}

/* False: @a is no address of our text. */
static bool find_function(uint64_t a, char name[SYMBOL_NAME_MAX], uint64_t *offset)
{
	uint64_t start = (uintptr_t)__image_start;

	if (a < start || a >= (uintptr_t)__text_end)
		return false;
	return symbol_find(__symbols_start, (size_t)(__symbols_end - __symbols_start), a - start,
			   name, offset);
}

static void put_address(uint64_t a)
{
	char name[SYMBOL_NAME_MAX];
	uint64_t offset = 0;
	bool found = find_function(a, name, &offset);

	panic_print("[hartvisor]   %#lx %s+%#lx\n", a, found ? name : "?", offset);
}

/* Return addresses on the stack: every word that points into our text. Some may be stale. */
static void put_stack(const uint64_t *sp)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < 512 && found < 24; i++) {
		char name[SYMBOL_NAME_MAX];
		uint64_t offset;

		if (find_function(sp[i], name, &offset) && offset != 0) {
			put_address(sp[i]);
			found++;
		}
		if (((uintptr_t)&sp[i + 1] & (PAGE_SIZE - 1)) == 0)
			break; /* the next page may be a guard */
	}
}

static const struct host_frame *trapped; /* NULL: panic() was called */

void panic_set_frame(const struct host_frame *f)
{
	trapped = f;
}

void panic(const char *fmt, ...)
{
	char buf[256];
	va_list ap;
	uint32_t none = 0;
	const struct pcpu *p = this_pcpu();

	csr_write(CSR_SIE, 0);
	if (!atomic_compare_exchange(&panicking, &none, p->index + 1) && none != p->index + 1)
		for (;;) /* another hart is printing */
			__asm__ volatile("wfi");
	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (panic_hook) {
		void (*hook)(void) = panic_hook;

		panic_hook = NULL;
		hook();
	}
	panic_print("\n[hartvisor] panic on hart %lu: ", p->hartid);
	put(buf);
	put("\n[hartvisor] where, and the return addresses on the stack:\n");
	if (trapped) {
		put_address(trapped->sepc);
		put_address(trapped->x[1]);
		put_stack((const uint64_t *)(trapped->x[2] & ~7UL));
	} else {
		put_stack((const uint64_t *)__builtin_frame_address(0));
	}
	sbi_host_shutdown(SBI_SRST_TYPE_SHUTDOWN);
	for (;;)
		__asm__ volatile("wfi");
}
