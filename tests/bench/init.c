// SPDX-License-Identifier: BSD-2-Clause
/* Linux's first process: says what the time counter was when it began, and powers the machine off. */

enum { SYS_write = 64, SYS_reboot = 142 };

static long syscall3(long nr, long a, long b, long c)
{
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a7 __asm__("a7") = nr;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
	return a0;
}

void _start(void)
{
	static char line[] = "BENCH-INIT time=00000000000000000000\n";
	char *digit = line + sizeof(line) - 2;
	unsigned long now;

	__asm__ volatile("rdtime %0" : "=r"(now));
	for (; now; now /= 10)
		*--digit = (char)('0' + now % 10);
	syscall3(SYS_write, 1, (long)line, sizeof(line) - 1);
	syscall3(SYS_reboot, 0xfee1dead, 0x28121969, 0x4321fedc);
	for (;;)
		;
}
