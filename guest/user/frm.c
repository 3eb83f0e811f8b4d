// SPDX-License-Identifier: BSD-2-Clause
/*
 * A process that sets its rounding mode, and looks for it again after its kernel has been busy for some milliseconds
 * and has, with luck, lost its hart meanwhile. Linux turns FS off when it enters the kernel, and saves the FP
 * registers at its own task switches only; so the mode is in the hart alone. Static, without a C library.
 *
 * frm [ROUNDS]; says "FRM lost L of ROUNDS".
 */
#include <stddef.h>

enum { SYS_OPENAT = 56, SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93 };
enum { AT_FDCWD = -100 };

#define ROUNDS 400
#define MODES  5 /* RNE, RTZ, RDN, RUP, RMM */

_Noreturn void run(const long *stack);

static char buffer[8 << 20];

static long call(long number, long arg0, long arg1, long arg2)
{
	register long a0 __asm__("a0") = arg0;
	register long a1 __asm__("a1") = arg1;
	register long a2 __asm__("a2") = arg2;
	register long a3 __asm__("a3") = 0;
	register long a7 __asm__("a7") = number;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a7) : "memory");
	return a0;
}

static void say(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	call(SYS_WRITE, 1, (long)text, (long)len);
}

static void say_number(unsigned long n)
{
	char digits[21], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	say(at);
}

static unsigned long number(const char *text)
{
	unsigned long n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (unsigned long)(*text - '0');
	return n;
}

/* @stack: argc, then argv, as the kernel leaves them. */
_Noreturn void run(const long *stack)
{
	unsigned long rounds = stack[0] > 1 ? number((const char *)stack[2]) : ROUNDS, lost = 0;
	long zero = call(SYS_OPENAT, AT_FDCWD, (long)"/dev/zero", 0);

	/* From now on the process has FP registers, which are not in their initial state. */
	__asm__ volatile("fmv.d.x ft0, zero");
	for (unsigned long round = 0; round < rounds; round++) {
		unsigned long want = 1 + round % (MODES - 1), got;

		__asm__ volatile("fsrm %0" : : "r"(want));
		if (call(SYS_READ, zero, (long)buffer, sizeof(buffer)) != sizeof(buffer))
			say("FRM cannot read /dev/zero\n");
		__asm__ volatile("frrm %0" : "=r"(got));
		lost += got != want;
	}
	say("FRM lost ");
	say_number(lost);
	say(" of ");
	say_number(rounds);
	say("\n");
	call(SYS_EXIT, 0, 0, 0);
	for (;;)
		;
}

__asm__(".globl _start\n"
	"_start:\n"
	"	mv a0, sp\n"
	"	andi sp, sp, -16\n"
	"	call run\n");
