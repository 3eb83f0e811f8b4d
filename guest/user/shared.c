// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program that talks to another VM by memory that both have (docs/devices.md, "Shared memory"). It finds the first such memory in
 * the device tree, and maps it by /dev/mem. Static, without a C library.
 *
 * shared PEER ask COUNT   sends COUNT numbers to the VM of the other program, and waits for each answer: the number plus 1
 * shared PEER answer      answers for ever
 *
 * PEER: of the other one. Programs poll, as Debian's kernel has no driver that gives them the interrupt; the doorbell is rung all
 * the same, for a kernel that has one.
 */
#include <stddef.h>
#include <stdint.h>

#include <hartvisor/shared.h>

enum {
	SYS_OPENAT = 56,
	SYS_READ = 63,
	SYS_WRITE = 64,
	SYS_EXIT = 93,
	SYS_YIELD = 124,
	SYS_MMAP = 222
};
enum { AT_FDCWD = -100, O_RDWR = 2, PROT_READ_WRITE = 3, MAP_SHARED = 1 };

static const char reg_path[] = "/proc/device-tree/soc/shared@10009000/reg";

_Noreturn void run(long argc, char **argv);

static long call(long number, long arg0, long arg1, long arg2, long arg3, long arg4, long arg5)
{
	register long a0 __asm__("a0") = arg0;
	register long a1 __asm__("a1") = arg1;
	register long a2 __asm__("a2") = arg2;
	register long a3 __asm__("a3") = arg3;
	register long a4 __asm__("a4") = arg4;
	register long a5 __asm__("a5") = arg5;
	register long a7 __asm__("a7") = number;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7)
			 : "memory");
	return a0;
}

static void say(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	call(SYS_WRITE, 1, (long)text, (long)len, 0, 0, 0);
}

_Noreturn static void end(const char *text, const char *more)
{
	say(text);
	say(more);
	say("\n");
	call(SYS_EXIT, 0, 0, 0, 0, 0, 0);
	for (;;)
		;
}

static uint64_t number(const char *s)
{
	uint64_t n = 0;

	while (*s >= '0' && *s <= '9')
		n = 10 * n + (uint64_t)(*s++ - '0');
	return n;
}

/* Numbers of a tree are big-endian. */
static uint64_t from_tree(const uint8_t *cell)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | cell[i];
	return v;
}

static void *map(long fd, uint64_t at, uint64_t size)
{
	long p = call(SYS_MMAP, 0, (long)size, PROT_READ_WRITE, MAP_SHARED, fd, (long)at);

	if (p < 0 && p > -4096)
		end("SHARED FAIL mmap", "");
	return (void *)p;
}

_Noreturn void run(long argc, char **argv)
{
	uint8_t reg[32];
	long fd = call(SYS_OPENAT, AT_FDCWD, (long)reg_path, 0, 0, 0, 0);
	volatile uint32_t *regs;
	volatile uint64_t *word;
	uint64_t peer, count;

	if (argc < 3 || call(SYS_READ, fd, (long)reg, sizeof(reg), 0, 0, 0) != sizeof(reg))
		end("SHARED FAIL ", reg_path);
	fd = call(SYS_OPENAT, AT_FDCWD, (long)"/dev/mem", O_RDWR, 0, 0, 0);
	regs = map(fd, from_tree(reg), from_tree(reg + 8));
	word = map(fd, from_tree(reg + 16), from_tree(reg + 24));
	if (regs[HARTVISOR_SHARED_MAGIC / 4] != HARTVISOR_SHARED_IS)
		end("SHARED FAIL magic", "");
	peer = number(argv[1]);
	count = argc > 3 ? number(argv[3]) : UINT64_MAX;
	/* Odd numbers are questions, even ones answers. */
	for (uint64_t n = 0; n < count; n++) {
		uint64_t expected = argv[2][1] == 's' ? 2 * n : 2 * n + 1;

		while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != expected)
			call(SYS_YIELD, 0, 0, 0, 0, 0, 0);
		__atomic_store_n(word, expected + 1, __ATOMIC_RELEASE);
		__asm__ volatile("fence w, o" ::: "memory");
		regs[HARTVISOR_SHARED_RING / 4] = (uint32_t)peer;
	}
	end("SHARED PASS ", argc > 3 ? argv[3] : "");
}

__attribute__((naked)) void _start(void)
{
	__asm__ volatile("ld a0, 0(sp)\n"
			 "addi a1, sp, 8\n"
			 "andi sp, sp, -16\n"
			 "j run");
}
